"""The alarms as data: a row for each condition, and how often people are reminded (ALM-01).

The rows are not configurable: a priority changes with the firmware alone (ALM-18).
"""

from typing import Final, NamedTuple

from protocol.vocabulary import AlarmId, Priority
from pumpsim.firmware.ticks import from_s


class AlarmSpec(NamedTuple):
    """What holds for every occurrence of a condition (ALM-01).

    `within_s` is the largest time from the condition's beginning, at the severity the fault
    catalogue states, to the alarm; 0 means with the next sample. `rises_to` is the priority it
    escalates to while it lasts.
    """

    priority: Priority
    latching: bool
    within_s: int
    condition: str
    rises_to: Priority | None = None


SAMPLES: Final = 60
"""Seconds from sample to sample (T_s)."""
MINUTES: Final = 60
HOURS: Final = 3_600
LOW, MEDIUM, HIGH = Priority.LOW, Priority.MEDIUM, Priority.HIGH
LATCHES, PASSES = True, False

TABLE: Final = {
    AlarmId.LOW_RESERVOIR: AlarmSpec(
        MEDIUM, PASSES, SAMPLES, "volume left, at its lowest, is at most the low limit"
    ),
    AlarmId.EMPTY_RESERVOIR: AlarmSpec(
        HIGH, PASSES, SAMPLES, "volume left, at its lowest, is at most the empty limit"
    ),
    AlarmId.REFILL_DUE: AlarmSpec(
        LOW, PASSES, SAMPLES, "the refill date is near, or past", rises_to=MEDIUM
    ),
    AlarmId.REFILL_OVERDUE: AlarmSpec(
        HIGH, PASSES, SAMPLES, "the refill date is past by the grace"
    ),
    AlarmId.OVER_INFUSION: AlarmSpec(
        HIGH, LATCHES, 6 * HOURS, "flow above nominal by more than the tolerance"
    ),
    AlarmId.UNDER_INFUSION: AlarmSpec(
        MEDIUM, LATCHES, 6 * HOURS, "flow below nominal by more than the tolerance"
    ),
    AlarmId.FLOW_STOP: AlarmSpec(HIGH, LATCHES, 6 * HOURS, "next to no flow"),
    AlarmId.REVERSE_FLOW: AlarmSpec(
        HIGH, LATCHES, 2 * SAMPLES, "catheter pressure above reservoir pressure"
    ),
    AlarmId.OCCLUSION: AlarmSpec(
        HIGH, LATCHES, 60 * MINUTES, "catheter far above pocket pressure for T_occ"
    ),
    AlarmId.PARTIAL_OCCLUSION: AlarmSpec(
        MEDIUM, LATCHES, 2 * HOURS, "catheter pressure raised for an hour"
    ),
    AlarmId.CATHETER_DISCONNECT: AlarmSpec(
        HIGH, LATCHES, 2 * HOURS, "catheter at pocket pressure for T_disc"
    ),
    AlarmId.BOLUS_PATH_INJECTION: AlarmSpec(
        HIGH, LATCHES, 2 * SAMPLES, "catheter surge, fill level unchanged"
    ),
    AlarmId.TAMPERING: AlarmSpec(
        HIGH, LATCHES, 2 * SAMPLES, "fill level moved outside a refill window"
    ),
    AlarmId.POCKET_FILL: AlarmSpec(
        HIGH, LATCHES, SAMPLES, "refill declared, fill level did not rise"
    ),
    AlarmId.REFILL_DISCREPANCY: AlarmSpec(
        MEDIUM, LATCHES, SAMPLES, "declared and seen volumes differ"
    ),
    AlarmId.OVERFILL: AlarmSpec(HIGH, LATCHES, SAMPLES, "more in the reservoir than its capacity"),
    AlarmId.OFF_PLAN: AlarmSpec(
        MEDIUM, LATCHES, SAMPLES, "a drug the course plan does not call for"
    ),
    AlarmId.DOSE_LIMIT: AlarmSpec(
        HIGH, LATCHES, SAMPLES, "a window of time will exceed its dose limit"
    ),
    AlarmId.BALANCE_FAULT: AlarmSpec(
        MEDIUM, LATCHES, 24 * HOURS, "fill level and pressures disagree on the volume"
    ),
    AlarmId.SENSOR_FAULT: AlarmSpec(
        MEDIUM,
        LATCHES,
        5 * SAMPLES,
        "a channel is silent, at its rail or spiking; frozen: within T_stuck",
    ),
    AlarmId.SENSOR_CONFLICT: AlarmSpec(
        MEDIUM, LATCHES, 24 * HOURS, "channels contradict each other"
    ),
    AlarmId.UNMONITORED: AlarmSpec(HIGH, PASSES, SAMPLES, "no evidence of the flow"),
    AlarmId.PROPELLANT_LOW: AlarmSpec(
        MEDIUM, LATCHES, 24 * HOURS, "reservoir pressure low for the temperature"
    ),
    AlarmId.TEMPERATURE_HIGH: AlarmSpec(MEDIUM, PASSES, 75 * MINUTES, "pump above T_hot for T_env"),
    AlarmId.AMBIENT_PRESSURE: AlarmSpec(
        MEDIUM, PASSES, 15 * MINUTES, "pocket outside P_low to P_high for T_press"
    ),
    AlarmId.CLOCK_INVALID: AlarmSpec(LOW, PASSES, HOURS, "real-time clock against ticks"),
    AlarmId.RESETS: AlarmSpec(MEDIUM, LATCHES, SAMPLES, "n_reset resets within a day"),
    AlarmId.FIRMWARE_FAULT: AlarmSpec(
        HIGH, LATCHES, SAMPLES, "started anew after the logic failed"
    ),
    AlarmId.BATTERY_LOW: AlarmSpec(LOW, PASSES, HOURS, "battery under load below the first stage"),
    AlarmId.BATTERY_END: AlarmSpec(HIGH, PASSES, HOURS, "battery under load below the last stage"),
    AlarmId.CONFIGURATION_LOST: AlarmSpec(HIGH, PASSES, 0, "no sound copy of the configuration"),
    AlarmId.MEMORY_FAULT: AlarmSpec(
        HIGH, PASSES, HOURS, "a memory operation failed, or a number was corrupted"
    ),
}


class Reminder(NamedTuple):
    """How often an acknowledged condition is called to mind while it lasts.

    After `steady` times each interval is twice the one before, up to the longest.
    """

    first_s: int
    steady: int
    longest_s: int

    def interval(self, told: int) -> int:
        """Ticks from the acknowledging, or the last reminder, to the next one."""
        doublings = min(max(told - self.steady + 1, 0), MAX_DOUBLINGS)
        return from_s(min(self.first_s << doublings, self.longest_s))


MAX_DOUBLINGS: Final = 8
REMINDERS: Final = {
    HIGH: Reminder(60, 10, 600),
    MEDIUM: Reminder(1_800, 1, 1_800),
    LOW: Reminder(3_600, 1, 3_600),
}
"""ALM-07."""
