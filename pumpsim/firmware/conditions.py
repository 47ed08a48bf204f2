"""Which alarm conditions hold, from the state alone. The rules stand here, the book in `alarms`."""

from typing import Final

from protocol.messages import Configuration
from protocol.vocabulary import AlarmId, Priority
from pumpsim.firmware.alarms import TABLE
from pumpsim.firmware.deviation import T_OVER
from pumpsim.firmware.state import State

ORDER: Final = tuple(TABLE)
"""Conditions in the order of the table: low stands before empty, so it is raised first (RES-02)."""

MEDIUM, HIGH = Priority.MEDIUM, Priority.HIGH
LOW_HYSTERESIS_NL: Final = 300_000
"""A low reservoir is low until it is filled; noise must not end the alarm."""
COLD_MK: Final = 308_650
"""Below it the pump has not warmed up since the refill; its flow is low and that is expected."""

Conditions = tuple[Priority | None, ...]
"""One priority, or None, for each entry of `ORDER`."""

NONE: Final[Conditions] = (None,) * len(ORDER)


def evaluate(state: State, now: int) -> Conditions:
    """Every condition at this tick, in the order of `ORDER`."""
    configuration = state.configuration
    lost = HIGH if state.configuration_lost else None
    memory = HIGH if state.memory_failed else None
    if configuration is None:
        return (*NONE[:-2], lost, memory)
    low, empty = _reservoir(state, configuration)
    deviation, refills, needle = state.deviation, state.refills, state.needle
    over = deviation.over_infusion or state.fill_over
    under = deviation.under_infusion or (state.fill_under and not refills.settling(now))
    return (
        MEDIUM if low else None,
        HIGH if empty else None,
        refills.due_priority(now),
        HIGH if refills.overdue(now, configuration) else None,
        HIGH if over else None,
        MEDIUM if under else None,
        None,  # FLOW_STOP
        None,  # REVERSE_FLOW
        None,  # OCCLUSION
        None,  # PARTIAL_OCCLUSION
        None,  # CATHETER_DISCONNECT
        None,  # BOLUS_PATH_INJECTION
        HIGH if now < needle.tampering_until else None,
        HIGH if now < needle.pocket_fill_until else None,
        MEDIUM if now < needle.discrepancy_until else None,
        HIGH if needle.overfilled else None,
        MEDIUM if now < refills.off_plan_until else None,
        HIGH if state.dose_limit.exceeded else None,
        None,  # BALANCE_FAULT
        None,  # SENSOR_FAULT
        None,  # SENSOR_CONFLICT
        HIGH if _unmonitored(state) else None,
        None,  # PROPELLANT_LOW
        None,  # TEMPERATURE_HIGH
        None,  # AMBIENT_PRESSURE
        None,  # CLOCK_INVALID
        None,  # RESETS
        None,  # FIRMWARE_FAULT
        None,  # BATTERY_LOW
        None,  # BATTERY_END
        lost,
        memory,
    )


def resume(state: State) -> Conditions:
    """The conditions as restored alarms tell them, until readings can tell (ALM-09).

    Detectors go on from there: a deviation stands until its integral has run down again.
    """
    standing = {AlarmId(o.alarm): Priority(o.priority) for o in state.alarms.open if o.present}
    state.low = AlarmId.LOW_RESERVOIR in standing
    state.empty = AlarmId.EMPTY_RESERVOIR in standing
    deviation = state.deviation
    deviation.over_infusion = AlarmId.OVER_INFUSION in standing
    deviation.under_infusion = AlarmId.UNDER_INFUSION in standing
    deviation.over = T_OVER if deviation.over_infusion else 0
    deviation.under = T_OVER if deviation.under_infusion else 0
    return tuple(standing.get(alarm) for alarm in ORDER)


def cold(state: State, now: int) -> bool:
    """Thermal settling after a refill, at most T_SETTLE (FLW-08)."""
    if not state.refills.settling(now) or state.readings is None:
        return False
    temperature_mk = state.readings.temperature_mk
    return temperature_mk is not None and temperature_mk < COLD_MK


def _reservoir(state: State, configuration: Configuration) -> tuple[bool, bool]:
    """RES-01: the pessimistic edge counts. In a refill window the level is in flux."""
    if state.refills.window_since is not None or state.volume is None:
        return state.low, state.empty
    pessimistic_nl = state.volume.low
    slack_nl = LOW_HYSTERESIS_NL if state.low else 0
    low = state.low = pessimistic_nl <= configuration.low_volume_nl + slack_nl
    slack_nl = LOW_HYSTERESIS_NL if state.empty else 0
    empty = state.empty = pessimistic_nl <= configuration.empty_volume_nl + slack_nl
    return low, empty


def _unmonitored(state: State) -> bool:
    """SEN-07: no pressures, no temperature-corrected flow, and no fill level either."""
    readings = state.readings
    if readings is None or state.refills.window_since is not None:
        return False
    return state.flow is None and readings.fill_level_nl is None
