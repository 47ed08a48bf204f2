"""One sample, from trusted readings to everything that follows from them.

Flow from the pressures; volume, slope and balance from the fill level; dose from both; and every
detector that watches for a deviation, a needle, a clot, a contradiction. What stands afterwards
is judged in `conditions`.
"""

from typing import Final, NamedTuple

from protocol.control import TICKS_PER_S, Event, Interval, Readings
from protocol.messages import Configuration
from protocol.vocabulary import AlarmId, EventKind, Quality
from pumpsim.firmware.amounts import pumped
from pumpsim.firmware.catheter import (
    FLUSH_SAMPLES,
    REFILL_SURGE_SAMPLES,
    SURGE_SAMPLES,
    T_DISC,
    USUAL,
    Surge,
)
from pumpsim.firmware.deviation import Limits, limits_of
from pumpsim.firmware.dose_doubt import UNKNOWN_DRUG
from pumpsim.firmware.flow import FLOW_PERCENT, FlowModel
from pumpsim.firmware.persistence import AGE_MAX
from pumpsim.firmware.screen import CATHETER, CHANNELS, RESERVOIR
from pumpsim.firmware.state import State
from pumpsim.firmware.ticks import MINUTE

WATER_PERMILLE: Final = 1_000
PA_PER_KPA: Final = 1_000
SLOW: Final = 10 * MINUTE - 30 * TICKS_PER_S
"""Between two looks at what changes slowly; to the nearest sample, whatever the crystal."""
COLD_MK: Final = 308_650
"""Below it the pump has not warmed up since the refill; its flow is low and that is expected."""
OFF_UNSEEN: Final = 2 * T_DISC
"""A catheter came off no longer before its mean pressure has told so."""
HIGHEST_PA: Final = CHANNELS[CATHETER].highest
MAX_UNJUDGED: Final = 1
"""Samples without a flow that are made up for; more of them are missing pressures."""


NEEDLE_ALARMS: Final = (AlarmId.TAMPERING, AlarmId.POCKET_FILL, AlarmId.REFILL_DISCREPANCY)
"""In the order of `Needle.findings`."""


class Model(NamedTuple):
    """What follows from the configuration and the fill, ready for use."""

    configuration: Configuration
    flow: FlowModel
    limits: Limits
    surge: Surge = USUAL  # that is told, where no hands are at work


def model_of(state: State) -> Model | None:
    """The model of the last committed configuration and refill (FLW-07); None without any."""
    configuration, refill = state.configuration, state.refills.refill
    if configuration is None:
        return None
    viscosity = WATER_PERMILLE if refill is None else refill.viscosity_permille
    flow, limits = FlowModel(configuration, viscosity), limits_of(configuration)
    surge = Surge(SURGE_SAMPLES, _climb_pa(configuration))
    return Model(configuration, flow, limits, surge)


def _climb_pa(configuration: Configuration) -> int:
    """Twice what a fast pump makes of it; a catheter that does not yield is filled at once."""
    compliance = configuration.catheter_compliance_nl_per_kpa
    if not compliance:
        return HIGHEST_PA
    fast_nl_per_h = configuration.nominal_flow_nl_per_h * (100 + FLOW_PERCENT) // 100
    return 2 * PA_PER_KPA * pumped(fast_nl_per_h, MINUTE)[0] // compliance


def measure(state: State, model: Model, elapsed: int, events: list[Event]) -> None:
    """Take `state.readings`, which come `elapsed` ticks after those before; append what to log."""
    readings = state.readings
    assert readings is not None  # the sample at hand
    configuration = model.configuration
    if readings.fill_level_nl is None:
        _reckon_residual(state, elapsed)
    if state.refills.window_since is not None:
        flow = _hands_at_work(state, model, elapsed, readings)
    else:
        _watch_needle(state, readings.fill_level_nl, configuration)
        flow = _reckon(state, model, elapsed, readings)
    _watch_catheter(state, model, readings, flow, events)
    _watch_surroundings(state, readings, flow, events)
    seen = min(elapsed, AGE_MAX)  # what came before is counted already
    state.dose_limit.feed(seen, configuration.nominal_flow_nl_per_h, state.account)
    if state.now - state.looked_at >= SLOW:
        _look(state, readings, configuration)


def make_up(state: State, model: Model, missed: int) -> None:
    """Count again what passed in so many ticks, by the last sample (NVM-04)."""
    readings, account = state.readings, state.account
    flow = None
    if readings is not None and not state.refills.suspends(state.now):
        flow = model.flow.estimate(readings)
    if flow is not None:  # the one of before may be of numbers that were wrong
        state.flow = _degraded(flow)
    level_nl = None if readings is None else readings.fill_level_nl
    flow_nl_per_h = _weigh(state, flow, level_nl, missed)
    _count(state, model, missed, flow_nl_per_h)
    state.residual.widen(missed, flow_nl_per_h)
    seen = min(missed, AGE_MAX)
    state.dose_limit.feed(seen, model.configuration.nominal_flow_nl_per_h, account)


def _count(
    state: State, model: Model, elapsed: int, flow_nl_per_h: int, stored_nl: int | None = None
) -> None:
    """It flowed like that; out of a catheter that is off, nobody knows where to (OCC-05)."""
    account = state.account
    account.widen(elapsed, _error(state, model.configuration, elapsed))
    before_nl = account.total_nl
    if elapsed > AGE_MAX:
        nominal_nl_per_h = model.configuration.nominal_flow_nl_per_h
        unseen = elapsed - AGE_MAX
        state.dose_limit.flow_on(unseen, flow_nl_per_h, nominal_nl_per_h, account)
        elapsed = AGE_MAX
    account.deliver(elapsed, flow_nl_per_h, stored_nl)
    if state.catheter.off:
        account.uncertain_by(account.total_nl - before_nl)


def _error(state: State, configuration: Configuration, elapsed: int) -> int:
    """By how much the flow that is counted may be off, either way.

    A sample vouches for no more time than `AGE_MAX` (SEN-06): before it, as without any evidence,
    there may have been none, or as much as a fever makes of it. The crystal is off by less than a
    tenth of a thousandth.
    """
    flow, error_nl_per_h = state.flow, 0
    if flow is not None:
        low, estimate, high, _ = flow
        error_nl_per_h = max(high - estimate, estimate - low) + (abs(estimate) >> 13)
        if elapsed <= AGE_MAX:
            return error_nl_per_h
    feverish_nl_per_h = configuration.nominal_flow_nl_per_h * (100 + FLOW_PERCENT) // 100
    return max(error_nl_per_h, abs(state.assumed_flow_nl_per_h()), feverish_nl_per_h)


def _reckon_residual(state: State, elapsed: int) -> None:
    """No level tells what is left: from the last one on it is reckoned (SEN-07)."""
    if state.fill.level_nl is not None and state.refills.window_since is None:
        state.residual.begin(state.fill.volume(), state.account)
    flow, error_nl_per_h = state.flow, state.assumed_flow_nl_per_h()
    if flow is not None:  # else there is no evidence: as much again as is assumed may have left
        error_nl_per_h = flow.high - flow.estimate
    state.residual.widen(elapsed, error_nl_per_h)


def _hands_at_work(state: State, model: Model, elapsed: int, readings: Readings) -> Interval | None:
    """FLW-08: liquid is being exchanged; the last estimate stands, and is no more than a bound.

    Where windows have suspended the pressures for so long as they may, these count again. The
    level does not: it moves by whatever the needle does.
    """
    flow = None if state.refills.suspends(state.now) else model.flow.estimate(readings)
    state.flow = _drawn(state.latest_flow()) if flow is None else _degraded(flow)
    _count(state, model, elapsed, _weigh(state, flow, None, elapsed))
    state.fill.level_nl = readings.fill_level_nl
    if flow is not None:
        _judge_flow(state, model.limits, elapsed, readings, flow.estimate)
    return flow


def _reckon(state: State, model: Model, elapsed: int, readings: Readings) -> Interval | None:
    """Flow, volume and dose of one sample, and what they say about too much or too little.

    Returns the flow that the pressures explain. What is believed and accounted for is that flow,
    unless the fill level contradicts it: then what left the reservoir is believed, and the higher
    of the two is accounted for, so that dose limits go by the pessimistic channel (SEN-05).
    """
    now, fill = state.now, state.fill
    flow = state.flow = model.flow.estimate(readings)
    assumed_nl_per_h, rest = state.assumed_flow_nl_per_h(), state.explained_rest
    explained_nl, state.explained_rest = pumped(assumed_nl_per_h, elapsed, rest)
    state.explained_nl += explained_nl
    counted_nl_per_h = _weigh(state, flow, readings.fill_level_nl, elapsed)
    stored_nl = state.catheter.stored_nl(model.configuration.catheter_compliance_nl_per_kpa)
    _count(state, model, elapsed, counted_nl_per_h, stored_nl)
    if flow is not None and flow.high < 0:
        _turn_back(state, -flow.low, elapsed)
    if flow is None:
        state.unjudged += 1
        state.jumped = state.screen.holds(RESERVOIR) or state.screen.holds(CATHETER)
        if state.unjudged > MAX_UNJUDGED:
            fill.unexplained()
    else:
        _judge_flow(state, model.limits, elapsed, readings, flow.estimate)
    if fill.add(now, readings.fill_level_nl, state.explained_nl):
        _judge_level(state, flow, model.limits)
        _predict(state, model.configuration)
    return flow


def _judge_level(state: State, flow: Interval | None, limits: Limits) -> None:
    """The level's new slopes; what they find has gone on for as long as they reach back."""
    by_fill = state.by_fill
    known = by_fill.disagrees
    by_fill.judge(state.fill, flow, limits)
    if flow is not None and by_fill.disagrees and not known:
        state.flow = by_fill.correct(flow, watched=True)
        state.account.widen_by(by_fill.missed_nl(state.fill))


def _turn_back(state: State, flow_nl_per_h: int, elapsed: int) -> None:
    """Liquid flows backwards (FLW-12): what comes out afterwards is what went in."""
    volume_nl, rest = pumped(flow_nl_per_h, elapsed)
    state.account.turn_back(volume_nl + (rest > 0))
    state.residual.back_nl += volume_nl + (rest > 0)


def _predict(state: State, configuration: Configuration) -> None:
    """Of what is left, by level or as reckoned, the due date follows (RES-03)."""
    if state.volume is not None:
        fastest_nl_per_h = state.fastest_flow_nl_per_h()
        state.refills.predict(state.now, state.volume, fastest_nl_per_h, configuration)


def _weigh(state: State, flow: Interval | None, level_nl: int | None, elapsed: int) -> int:
    """The flow that counts: of two that disagree the higher; the level's is believed (SEN-05)."""
    if flow is None or not state.by_fill.disagrees:
        return state.assumed_flow_nl_per_h()
    believed = state.flow = state.by_fill.correct(flow, watched=level_nl is not None)
    lower, higher = sorted((flow.estimate, believed.estimate))
    if not state.catheter.off:  # else all of it is in doubt
        state.account.disagree(elapsed, max(higher, 0) - max(lower, 0))
    return higher


def _judge_flow(
    state: State, limits: Limits, elapsed: int, readings: Readings, flow_nl_per_h: int
) -> None:
    """Too much, or too little: for a sample before it that waited to confirm a jump, too.

    It stands for no more time than a sample vouches for (SEN-06).
    """
    samples = 1
    if state.unjudged:
        samples, state.unjudged = 1 + (state.jumped and state.unjudged <= MAX_UNJUDGED), 0
    cold = flow_nl_per_h < limits.under and _cold(state, readings)
    stretch = samples, samples * min(elapsed, AGE_MAX)
    state.deviation.feed(stretch, flow_nl_per_h, limits, cold=cold)


def _cold(state: State, readings: Readings) -> bool:
    """Thermal settling after a refill, at most T_SETTLE (FLW-08)."""
    temperature_mk = readings.temperature_mk
    if temperature_mk is None or temperature_mk >= COLD_MK:
        return False
    return state.settling()


def _watch_needle(state: State, level_nl: int | None, configuration: Configuration) -> None:
    """A level that jumped is told to the needle's detector before its second sample confirms it."""
    if level_nl is None:
        level_nl = state.screen.pending_fill_level_nl()
        if level_nl is None:
            return
    needle, refills = state.needle, state.refills
    before, waited = needle.findings(), needle.expected_nl is not None
    needle.watch(state.now, level_nl, configuration)
    if waited and needle.expected_nl is None:
        state.compared = True
    if needle.findings() != before:
        _tell_again(state, before)
    if needle.denied:  # nobody knows what liquid is in the reservoir (DOS-01)
        state.account.doubt.injected()
        needle.denied = False
    if needle.lacking_nl:
        if refills.injected and refills.refill is not None:  # RES-12: that is where it went
            refill = refills.refill
            state.account.inject(needle.lacking_nl, refill.drug, refill.concentration_ng_per_ml)
            refills.injected = False
        needle.lacking_nl = 0


def _tell_again(state: State, before: tuple[int, int, int]) -> None:
    """What was found may hold already, and somebody may have silenced it (ALM-04)."""
    findings = state.needle.findings()
    for alarm, was, until in zip(NEEDLE_ALARMS, before, findings, strict=True):
        if until != was:
            state.alarms.again(state.now, alarm)
    if state.needle.tampering_until != before[0]:
        state.fill.clear()  # a slope over the jump would be none
        state.first_level = None


def _watch_catheter(
    state: State,
    model: Model,
    readings: Readings,
    flow: Interval | None,
    events: list[Event],
) -> None:
    catheter, configuration = state.catheter, model.configuration
    held, expected = False, None
    if flow is None and state.screen.waits():
        held = state.screen.holds(CATHETER)
        expected = model.flow.estimate(state.screen.if_confirmed(readings))
    injected, was_off = catheter.injection, catheter.off
    refilling = state.refills.window_since is not None
    surge = model.surge._replace(samples=REFILL_SURGE_SAMPLES) if refilling else model.surge
    surge = surge._replace(samples=FLUSH_SAMPLES) if state.flushing() else surge
    catheter.feed(state.now, readings, flow, surge=surge, held=held, expected=expected)
    if catheter.off and not was_off:  # it has been for as long as it took to find
        state.account.uncertain_by(pumped(state.assumed_flow_nl_per_h(), OFF_UNSEEN)[0])
    if catheter.injection and not injected:  # RES-12: so much surely left, and more of who knows
        state.account.inject(configuration.catheter_volume_nl, UNKNOWN_DRUG, 0)
    if refilling and catheter.surge_samples >= REFILL_SURGE_SAMPLES:  # a flush may be a fill, too
        state.refills.injected = True
    if catheter.released_pa:  # OCC-03
        compliance = configuration.catheter_compliance_nl_per_kpa
        stored_nl = compliance * catheter.released_pa // PA_PER_KPA
        events.append(Event(EventKind.OCCLUSION_RELEASED, 0, stored_nl))


def _watch_surroundings(
    state: State, readings: Readings, flow: Interval | None, events: list[Event]
) -> None:
    environment, crosscheck = state.environment, state.crosscheck
    environment.feed(state.now, readings, confirmed=crosscheck.side >= 0)
    if environment.transient_pa:
        events.append(Event(EventKind.PRESSURE_TRANSIENT, 0, environment.transient_pa))
    if flow is not None and (environment.outside or crosscheck.doubtful):
        state.flow = _degraded(state.flow)  # as the fill level has widened it, too


def _look(state: State, readings: Readings, configuration: Configuration) -> None:
    """What changes slowly is looked at every ten minutes."""
    state.looked_at = state.now
    state.screen.look()
    state.battery.feed(state.now, readings.battery_mv)
    if not state.refills.suspends(state.now):
        left = state.left()
        level_nl = None if left is None else left.estimate  # or as reckoned: it bears some of it
        seen = readings._replace(fill_level_nl=level_nl)
        state.crosscheck.feed(state.now, seen, configuration)
        if readings.fill_level_nl is None:
            _predict(state, configuration)


def _drawn(flow: Interval | None) -> Interval | None:
    """A syringe that draws stops the flow, or turns it round; it never adds to it (FLW-01)."""
    if flow is None:
        return None
    return flow._replace(low=min(flow.low, -abs(flow.high)), quality=Quality.DEGRADED)


def _degraded(flow: Interval | None) -> Interval | None:
    return None if flow is None else flow._replace(quality=Quality.DEGRADED)
