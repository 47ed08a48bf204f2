"""Which alarm conditions hold, from the state alone. The rules stand here, the book in `alarms`."""

from functools import lru_cache
from typing import Final, NamedTuple

from protocol.messages import Configuration
from protocol.vocabulary import AlarmId, Priority
from pumpsim.firmware.alarms import TABLE
from pumpsim.firmware.causes import Symptom
from pumpsim.firmware.deviation import FREE_FLOW_SAMPLES
from pumpsim.firmware.screen import CATHETER, CHANNELS, FILL_LEVEL, RESERVOIR, TEMPERATURE
from pumpsim.firmware.state import State

ORDER: Final = tuple(TABLE)
"""Conditions in the order of the table: low stands before empty, so it is raised first (RES-02)."""


class Condition(NamedTuple):
    """A condition that holds, and which of its forms do, one bit each.

    Whoever acknowledged one form knew nothing of another: that is a new occurrence (ALM-04). A
    condition without forms has none.
    """

    priority: Priority
    parts: int = 0


LOW, MEDIUM, HIGH = map(Condition, Priority)
NOTHING: Final = (None, 0)
DUE: Final = {None: None, Priority.LOW: LOW, Priority.MEDIUM: MEDIUM}
FREE_FLOW: Final = 1
"""Of OVER_INFUSION: worse by far than a fever, and not over with it (FLW-03)."""
LOSS, REST = 1, 2
"""Of BALANCE_FAULT."""
PRESSURE_HIGH, BELOW_POCKET, NOT_BELIEVED, DENIED = 1, 2, 4, 8
"""Of SENSOR_CONFLICT."""
CHANNEL_PARTS: Final = [1 << place for place in range(len(CHANNELS))]
CONVERTER: Final = 1 << len(CHANNELS)
"""Of SENSOR_FAULT: which channels fail, or the converter with all of them."""
EVIDENCE: Final = (RESERVOIR, CATHETER, TEMPERATURE, FILL_LEVEL)
"""Of flow: the channels that tell it."""
LOW_HYSTERESIS_NL: Final = 300_000
"""A low reservoir is low until it is filled; noise must not end the alarm."""

Conditions = tuple[Condition | None, ...]
"""A condition, or None, for each entry of `ORDER`."""
EXPECTED: Final = 4
"""Conditions that belong to the life of a fill: the reservoir empties, a refill becomes due."""

NONE: Final[Conditions] = (None,) * len(ORDER)
CALM: Final[Conditions] = NONE[EXPECTED:]


class Symptoms(NamedTuple):
    """What there is to be explained."""

    low: bool = False  # the reservoir may be
    present: tuple[Symptom, ...] = ()
    over: tuple[Symptom, ...] = ()  # perhaps: it latched, and nobody has acknowledged it yet


def troubled(conditions: Conditions) -> bool:
    """Whether anything stands that has causes."""
    return conditions[EXPECTED:] != CALM


def evaluate(state: State, now: int) -> Conditions:
    """Every condition at this tick, in the order of `ORDER`."""
    configuration = state.configuration
    if configuration is None:
        return _unconfigured(state, now)
    low, empty = _reservoir(state, configuration)
    deviation, refills, needle = state.deviation, state.refills, state.needle
    expected = (
        MEDIUM if low else None,
        HIGH if empty else None,
        DUE[refills.due_priority(now)],
        HIGH if refills.overdue(now) else None,
    )
    if _liquid_is_calm(state, now) and _electronics_are_calm(state, now):
        if refills.window_since is None:
            state.unmonitored = False
        return _all_else_calm(expected)
    by_fill, catheter = state.by_fill, state.catheter
    crosscheck, environment = state.crosscheck, state.environment
    over = deviation.over_infusion or by_fill.over
    under = deviation.under_infusion or (by_fill.under and not state.settling())
    free = FREE_FLOW if deviation.free >= FREE_FLOW_SAMPLES or by_fill.free else 0
    unbalanced = LOSS * by_fill.loss + REST * by_fill.rest
    conflict = (
        PRESSURE_HIGH * crosscheck.high.stands
        + BELOW_POCKET * catheter.impossible.stands
        + DENIED * environment.denied
    )
    if crosscheck.low.stands and unbalanced:
        conflict += NOT_BELIEVED  # a low pressure that the fill level does not believe
    return (
        *expected,
        Condition(Priority.HIGH, free) if over else None,
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
        _of_doses(state.dose_limit.count()),
        _medium(unbalanced),
        _medium(_failed(state)),
        _medium(conflict),
        HIGH if _unmonitored(state) else None,
        MEDIUM if crosscheck.low.stands else None,
        MEDIUM if environment.fever else None,
        MEDIUM if environment.thin.stands or environment.dense.stands else None,
        *_electronics(state, now),
    )


def _unconfigured(state: State, now: int) -> Conditions:
    """What needs no configuration: sensors, samples at all, and electronics (NVM-03)."""
    told = {
        AlarmId.SENSOR_FAULT: _medium(_failed(state)),
        AlarmId.UNMONITORED: HIGH if state.stale else None,
    }
    electronics = _electronics(state, now)
    of_pump = ORDER[: -len(electronics)]
    return (*map(told.get, of_pump), *electronics)


def _failed(state: State) -> int:
    """Which channels, and the converter with all of them, as parts of SENSOR_FAULT."""
    return sum(CHANNEL_PARTS[place] for place in state.screen.faulty) + CONVERTER * state.stale


@lru_cache(maxsize=2**EXPECTED + 1)
def _all_else_calm(expected: Conditions) -> Conditions:
    """One object for the same conditions: whoever kept it sees at once that nothing changed."""
    return expected + CALM


def condition_of(row: list[int] | None) -> Condition | None:
    """What a snapshot has of it."""
    return None if row is None else Condition(Priority(row[0]), row[1])


def _of_doses(drugs: int) -> Condition | None:
    """DOSE_LIMIT has a form for each number of drugs: one more is news (ALM-04)."""
    return Condition(Priority.HIGH, (1 << drugs) - 1) if drugs else None


def _medium(parts: int) -> Condition | None:
    return Condition(Priority.MEDIUM, parts) if parts else None


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
        or by_fill.disagrees
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


def standing(state: State) -> Conditions:
    """The conditions as the alarms that were kept tell them, until readings can tell (ALM-09).

    The detectors have kept what they concluded themselves, each its own few numbers.
    """
    kept = {
        AlarmId(o.alarm): Condition(Priority(o.priority), o.parts)
        for o in state.alarms.open
        if o.present
    }
    return tuple(kept.get(alarm) for alarm in ORDER)


def at_boot(state: State, kept: Conditions) -> Conditions:
    """What can be judged before the first sample; what readings tell stands as it was kept."""
    judged = {
        AlarmId.RESETS: MEDIUM if state.resets.too_many(0) else None,
        AlarmId.FIRMWARE_FAULT: HIGH if state.resets.after_fault else None,
        AlarmId.CONFIGURATION_LOST: HIGH if state.configuration_lost else None,
        AlarmId.MEMORY_FAULT: HIGH if state.memory_failed else None,
    }
    return tuple(judged.get(alarm, was) for alarm, was in zip(ORDER, kept, strict=True))


def with_failed_memory(judged: Conditions) -> Conditions:
    """The same, and MEMORY_FAULT, the last of the table."""
    return (*judged[:-1], HIGH)


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
    """SEN-07: no pressures, no temperature-corrected flow, and no fill level either.

    A refill window suspends these as evidence: what stood when it began stands (FLW-08).
    """
    if state.stale:
        return True
    readings = state.readings
    if readings is None or state.refills.window_since is not None:
        return state.unmonitored
    lost = state.flow is None and readings.fill_level_nl is None
    # a jump that is to be confirmed is evidence
    state.unmonitored = lost and not any(map(state.screen.jumps, EVIDENCE))
    return state.unmonitored


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


def symptoms(state: State) -> Symptoms:
    """Of what stands now, and of what may be over.

    What a leak has cost is missed until the next refill; the last hours tell whether it goes on.
    """
    found: list[Symptom] = []
    over: list[Symptom] = []
    for one in state.alarms.open:
        if one.alarm in SYMPTOM_OF:
            (found if one.present else over).append(SYMPTOM_OF[AlarmId(one.alarm)])
    found += [CHANNEL_SYMPTOMS[place] for place in state.screen.faulty]
    by_fill, environment = state.by_fill, state.environment
    if by_fill.disagrees:
        symptom = Symptom.UNEXPLAINED_LOSS if by_fill.loss else Symptom.UNEXPLAINED_REST
        (found if by_fill.window else over).append(symptom)
    for stands, symptom in (
        (state.crosscheck.high.stands, Symptom.PRESSURE_HIGH),
        (environment.denied, Symptom.PRESSURE_LOW),
        (state.catheter.impossible.stands, Symptom.CATHETER_BELOW_POCKET),
        (environment.thin.stands, Symptom.THIN_AIR),
        (environment.dense.stands, Symptom.DENSE_AIR),
        (state.stale, Symptom.NO_SAMPLES),
    ):
        if stands:
            found.append(symptom)
    return Symptoms(state.low, tuple(found), tuple(over))
