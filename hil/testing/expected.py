"""What each alarm is there for: the requirement that asks for it, its priority, whether it latches.

Priorities and latching are those of the requirements, and where they name none, of docs/alarms.md.
"""

from typing import Final, NamedTuple

from protocol.vocabulary import AlarmId, Priority

LOW, MEDIUM, HIGH = Priority.LOW, Priority.MEDIUM, Priority.HIGH
PASSES: Final = False


class Expected(NamedTuple):
    """One alarm's requirement, how urgent it is when it is raised, and whether it latches."""

    requirement: str
    priority: Priority
    latches: bool = True


ALARMS: Final = {
    AlarmId.LOW_RESERVOIR: Expected("RES-01", MEDIUM, PASSES),
    AlarmId.EMPTY_RESERVOIR: Expected("RES-01", HIGH, PASSES),
    AlarmId.REFILL_DUE: Expected("RES-04", LOW, PASSES),
    AlarmId.REFILL_OVERDUE: Expected("RES-04", HIGH, PASSES),
    AlarmId.OVER_INFUSION: Expected("FLW-02", HIGH),
    AlarmId.UNDER_INFUSION: Expected("FLW-04", MEDIUM),
    AlarmId.FLOW_STOP: Expected("FLW-04", HIGH),
    AlarmId.REVERSE_FLOW: Expected("FLW-12", HIGH),
    AlarmId.OCCLUSION: Expected("OCC-01", HIGH),
    AlarmId.PARTIAL_OCCLUSION: Expected("OCC-02", MEDIUM),
    AlarmId.CATHETER_DISCONNECT: Expected("OCC-05", HIGH),
    AlarmId.BOLUS_PATH_INJECTION: Expected("RES-12", HIGH),
    AlarmId.TAMPERING: Expected("RES-07", HIGH),
    AlarmId.POCKET_FILL: Expected("RES-07", HIGH),
    AlarmId.REFILL_DISCREPANCY: Expected("RES-06", MEDIUM),
    AlarmId.OVERFILL: Expected("RES-08", HIGH),
    AlarmId.OFF_PLAN: Expected("DOS-09", MEDIUM),
    AlarmId.DOSE_LIMIT: Expected("DOS-02", HIGH),
    AlarmId.BALANCE_FAULT: Expected("FLW-06", MEDIUM),
    AlarmId.SENSOR_FAULT: Expected("SEN-01", MEDIUM),
    AlarmId.SENSOR_CONFLICT: Expected("SEN-05", MEDIUM),
    AlarmId.UNMONITORED: Expected("SEN-07", HIGH, PASSES),
    AlarmId.PROPELLANT_LOW: Expected("SEN-03", MEDIUM),
    AlarmId.TEMPERATURE_HIGH: Expected("ENV-02", MEDIUM, PASSES),
    AlarmId.AMBIENT_PRESSURE: Expected("ENV-02", MEDIUM, PASSES),
    AlarmId.CLOCK_INVALID: Expected("TIM-05", LOW, PASSES),
    AlarmId.RESETS: Expected("RST-04", MEDIUM),
    AlarmId.FIRMWARE_FAULT: Expected("RST-11", HIGH),
    AlarmId.BATTERY_LOW: Expected("RST-07", LOW, PASSES),
    AlarmId.BATTERY_END: Expected("RST-07", HIGH, PASSES),
    AlarmId.CONFIGURATION_LOST: Expected("NVM-03", HIGH, PASSES),
    AlarmId.MEMORY_FAULT: Expected("NVM-07", HIGH, PASSES),
}

RISES: Final = {AlarmId.REFILL_DUE: MEDIUM}
"""To which priority an alarm escalates while it lasts (RES-04)."""
