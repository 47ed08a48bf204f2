"""Which alarm conditions hold, from the state alone. The rules stand here, the book in `alarms`."""

from typing import Final

from protocol.messages import Configuration
from protocol.vocabulary import AlarmId, Priority
from pumpsim.firmware.alarms import TABLE
from pumpsim.firmware.deviation import T_OVER
from pumpsim.firmware.state import State

ORDER: Final = tuple(TABLE)
"""Conditions in the order of the table: low stands before empty, so it is raised first (RES-02)."""

LOW, MEDIUM, HIGH = Priority.LOW, Priority.MEDIUM, Priority.HIGH
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
    electronics = _electronics(state, now)
    if configuration is None:
        return (*NONE[: -len(electronics)], *electronics)
    low, empty = _reservoir(state, configuration)
    deviation, refills = state.deviation, state.refills
    over = deviation.over_infusion or state.fill_over
    under = deviation.under_infusion or (state.fill_under and not refills.settling(now))
    return (
        MEDIUM if low else None,
        HIGH if empty else None,
        refills.due_priority(now, configuration),
        HIGH if refills.overdue(now, configuration) else None,
        HIGH if over else None,
        MEDIUM if under else None,
        None,  # FLOW_STOP
        None,  # REVERSE_FLOW
        None,  # OCCLUSION
        None,  # PARTIAL_OCCLUSION
        None,  # CATHETER_DISCONNECT
        None,  # BOLUS_PATH_INJECTION
        None,  # TAMPERING
        None,  # POCKET_FILL
        None,  # REFILL_DISCREPANCY
        None,  # OVERFILL
        None,  # OFF_PLAN
        None,  # DOSE_LIMIT
        None,  # BALANCE_FAULT
        None,  # SENSOR_FAULT
        None,  # SENSOR_CONFLICT
        HIGH if _unmonitored(state) else None,
        None,  # PROPELLANT_LOW
        None,  # TEMPERATURE_HIGH
        None,  # AMBIENT_PRESSURE
        *electronics,
    )


def _electronics(state: State, now: int) -> Conditions:
    """From CLOCK_INVALID on: what needs no configuration."""
    return (
        LOW if state.clock.wrong else None,
        MEDIUM if state.resets.too_many(now) else None,
        HIGH if state.resets.after_fault else None,
        None,  # BATTERY_LOW
        None,  # BATTERY_END
        HIGH if state.configuration_lost else None,
        HIGH if state.memory_failed else None,
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
    state.clock.wrong = AlarmId.CLOCK_INVALID in standing
    state.resets.after_fault = state.resets.after_fault or AlarmId.FIRMWARE_FAULT in standing
    return tuple(standing.get(alarm) for alarm in ORDER)


def at_boot(state: State, resumed: Conditions) -> Conditions:
    """What can be judged before the first sample; what readings tell stands as it was resumed."""
    judged = {
        AlarmId.RESETS: MEDIUM if state.resets.too_many(0) else None,
        AlarmId.FIRMWARE_FAULT: HIGH if state.resets.after_fault else None,
        AlarmId.CONFIGURATION_LOST: HIGH if state.configuration_lost else None,
        AlarmId.MEMORY_FAULT: HIGH if state.memory_failed else None,
    }
    standing = zip(ORDER, resumed, strict=True)
    return tuple(judged.get(alarm, priority) for alarm, priority in standing)


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
