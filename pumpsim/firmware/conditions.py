"""Which alarm conditions hold, from the state alone. The rules stand here, the book in `alarms`."""

from typing import Final

from protocol.messages import Configuration
from protocol.vocabulary import AlarmId, Priority
from pumpsim.firmware.alarms import TABLE
from pumpsim.firmware.causes import Symptom
from pumpsim.firmware.deviation import T_OVER
from pumpsim.firmware.persistence import Persistence
from pumpsim.firmware.state import State

ORDER: Final = tuple(TABLE)
"""Conditions in the order of the table: low stands before empty, so it is raised first (RES-02)."""

LOW, MEDIUM, HIGH = Priority.LOW, Priority.MEDIUM, Priority.HIGH
LOW_HYSTERESIS_NL: Final = 300_000
"""A low reservoir is low until it is filled; noise must not end the alarm."""

Conditions = tuple[Priority | None, ...]
"""One priority, or None, for each entry of `ORDER`."""
EXPECTED: Final = 4
"""Conditions that belong to the life of a fill: the reservoir empties, a refill becomes due."""

NONE: Final[Conditions] = (None,) * len(ORDER)
CALM: Final[Conditions] = NONE[EXPECTED:]


def evaluate(state: State, now: int) -> Conditions:
    """Every condition at this tick, in the order of `ORDER`."""
    configuration = state.configuration
    if configuration is None:
        electronics = _electronics(state, now)
        return (*NONE[: -len(electronics)], *electronics)
    low, empty = _reservoir(state, configuration)
    deviation, refills, needle = state.deviation, state.refills, state.needle
    expected = (
        MEDIUM if low else None,
        HIGH if empty else None,
        refills.due_priority(now),
        HIGH if refills.overdue(now, configuration) else None,
    )
    if _liquid_is_calm(state, now) and _electronics_are_calm(state, now):
        return expected + CALM
    by_fill, catheter = state.by_fill, state.catheter
    crosscheck, environment = state.crosscheck, state.environment
    over = deviation.over_infusion or by_fill.over
    under = deviation.under_infusion or (by_fill.under and not refills.settling(now))
    conflict = crosscheck.high.stands or catheter.impossible.stands
    if crosscheck.low.stands and (by_fill.loss or by_fill.rest):
        conflict = True  # a low pressure that the fill level does not believe
    return (
        *expected,
        HIGH if over else None,
        MEDIUM if under else None,
        HIGH if deviation.stop or by_fill.still else None,
        HIGH if catheter.reverse else None,
        HIGH if catheter.occlusion.stands else None,
        MEDIUM if catheter.partial.stands else None,
        HIGH if catheter.off else None,
        HIGH if catheter.injection else None,
        HIGH if now < needle.tampering_until else None,
        HIGH if now < needle.pocket_fill_until else None,
        MEDIUM if now < needle.discrepancy_until else None,
        HIGH if needle.overfilled else None,
        MEDIUM if now < refills.off_plan_until else None,
        HIGH if state.dose_limit.exceeded else None,
        MEDIUM if by_fill.loss or by_fill.rest else None,
        MEDIUM if state.screen.faulty or state.stale else None,
        MEDIUM if conflict else None,
        HIGH if _unmonitored(state) else None,
        MEDIUM if crosscheck.low.stands else None,
        MEDIUM if environment.hot.stands else None,
        MEDIUM if environment.thin.stands or environment.dense.stands else None,
        *_electronics(state, now),
    )


def _liquid_is_calm(state: State, now: int) -> bool:
    """Whether none of the conditions about liquid holds: true of nearly every sample."""
    deviation, by_fill, catheter = state.deviation, state.by_fill, state.catheter
    needle, crosscheck = state.needle, state.crosscheck
    return not (
        deviation.over_infusion
        or deviation.under_infusion
        or deviation.stop
        or by_fill.over
        or by_fill.under
        or by_fill.still
        or by_fill.loss
        or by_fill.rest
        or not catheter.calm
        or catheter.reversed_samples
        or catheter.surge_samples
        or now < needle.tampering_until
        or now < needle.pocket_fill_until
        or now < needle.discrepancy_until
        or now < state.refills.off_plan_until
        or needle.overfilled
        or state.dose_limit.exceeded
        or crosscheck.low.stands
        or crosscheck.high.stands
        or state.environment.outside
        or state.flow is None
    )


def _electronics_are_calm(state: State, now: int) -> bool:
    """Likewise about sensors, clock, resets, battery and memory."""
    return not (
        state.screen.faulty
        or state.stale
        or state.clock.wrong
        or state.resets.after_fault
        or state.battery.low.stands
        or state.battery.end.stands
        or state.configuration_lost
        or state.memory_failed
        or state.resets.too_many(now)
    )


def _electronics(state: State, now: int) -> Conditions:
    """From CLOCK_INVALID on: what needs no configuration."""
    return (
        LOW if state.clock.wrong else None,
        MEDIUM if state.resets.too_many(now) else None,
        HIGH if state.resets.after_fault else None,
        LOW if state.battery.low.stands else None,
        HIGH if state.battery.end.stands else None,
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
    by_fill = state.by_fill
    by_fill.over, by_fill.under = deviation.over_infusion, deviation.under_infusion
    by_fill.still = AlarmId.FLOW_STOP in standing
    by_fill.loss = by_fill.rest = AlarmId.BALANCE_FAULT in standing
    for alarm, condition in _persistences(state):
        condition.stands = condition.stands or alarm in standing
    state.catheter.calm = False
    state.environment.outside = True  # the next sample tells
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


def _persistences(state: State) -> list[tuple[AlarmId, Persistence]]:
    """Detectors with patience, and the alarm that tells of them."""
    catheter, crosscheck, environment = state.catheter, state.crosscheck, state.environment
    return [
        (AlarmId.OCCLUSION, catheter.occlusion),
        (AlarmId.PARTIAL_OCCLUSION, catheter.partial),
        (AlarmId.CATHETER_DISCONNECT, catheter.disconnect),
        (AlarmId.SENSOR_CONFLICT, catheter.impossible),
        (AlarmId.SENSOR_CONFLICT, crosscheck.high),
        (AlarmId.PROPELLANT_LOW, crosscheck.low),
        (AlarmId.TEMPERATURE_HIGH, environment.hot),
        (AlarmId.AMBIENT_PRESSURE, environment.thin),
        (AlarmId.AMBIENT_PRESSURE, environment.dense),
        (AlarmId.BATTERY_LOW, state.battery.low),
        (AlarmId.BATTERY_END, state.battery.end),
    ]


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
    if state.stale:
        return True
    readings = state.readings
    if readings is None or state.refills.window_since is not None:
        return False
    lost = state.flow is None and readings.fill_level_nl is None
    return lost and not state.screen.waits()  # a jump that awaits its confirmation is evidence


SYMPTOM_OF: Final = {
    AlarmId.OVER_INFUSION: Symptom.FLOW_HIGH,
    AlarmId.UNDER_INFUSION: Symptom.FLOW_LOW,
    AlarmId.FLOW_STOP: Symptom.FLOW_LOW,
    AlarmId.REVERSE_FLOW: Symptom.REVERSED,
    AlarmId.OCCLUSION: Symptom.CATHETER_HIGH,
    AlarmId.PARTIAL_OCCLUSION: Symptom.CATHETER_HIGH,
    AlarmId.CATHETER_DISCONNECT: Symptom.CATHETER_LOW,
    AlarmId.BOLUS_PATH_INJECTION: Symptom.CATHETER_SURGE,
    AlarmId.TAMPERING: Symptom.LEVEL_MOVED,
    AlarmId.POCKET_FILL: Symptom.LEVEL_MISSING,
    AlarmId.REFILL_DISCREPANCY: Symptom.VOLUMES_DIFFER,
    AlarmId.OVERFILL: Symptom.OVERFULL,
    AlarmId.PROPELLANT_LOW: Symptom.PRESSURE_LOW,
    AlarmId.TEMPERATURE_HIGH: Symptom.HOT,
    AlarmId.BATTERY_LOW: Symptom.BATTERY_FADES,
}
"""What an alarm says about causes, where the alarm alone tells the direction."""
CHANNEL_SYMPTOMS: Final = (
    Symptom.RESERVOIR_CHANNEL,
    Symptom.CATHETER_CHANNEL,
    Symptom.PULSE_CHANNEL,
    Symptom.POCKET_CHANNEL,
    Symptom.TEMPERATURE_CHANNEL,
    Symptom.FILL_CHANNEL,
    Symptom.BATTERY_CHANNEL,
)
"""In the order of `screen.CHANNELS`."""


def symptoms(state: State) -> list[Symptom]:
    """What stands now, and what nobody has acknowledged yet."""
    found = [SYMPTOM_OF[AlarmId(o.alarm)] for o in state.alarms.open if o.alarm in SYMPTOM_OF]
    found += [CHANNEL_SYMPTOMS[place] for place in state.screen.faulty]
    by_fill, environment = state.by_fill, state.environment
    for stands, symptom in (
        (by_fill.loss, Symptom.UNEXPLAINED_LOSS),
        (by_fill.rest, Symptom.UNEXPLAINED_REST),
        (state.crosscheck.high.stands, Symptom.PRESSURE_HIGH),
        (state.catheter.impossible.stands, Symptom.CATHETER_BELOW_POCKET),
        (environment.thin.stands, Symptom.THIN_AIR),
        (environment.dense.stands, Symptom.DENSE_AIR),
        (state.stale, Symptom.NO_SAMPLES),
    ):
        if stands:
            found.append(symptom)
    return found
