"""One sample, from trusted readings to everything that follows from them.

Flow from the pressures; volume, slope and balance from the fill level; dose from both; and every
detector that watches for a deviation, a needle, a clot, a contradiction. What stands afterwards
is judged in `conditions`.
"""

from typing import Final, NamedTuple

from protocol.control import TICKS_PER_S, Event, Interval, Readings
from protocol.messages import Configuration
from protocol.vocabulary import EventKind, Quality
from pumpsim.firmware.deviation import Limits, limits_of
from pumpsim.firmware.flow import FlowModel
from pumpsim.firmware.state import State
from pumpsim.firmware.ticks import HOUR, MINUTE

WATER_PERMILLE: Final = 1_000
PA_PER_KPA: Final = 1_000
SLOW: Final = 10 * MINUTE - 30 * TICKS_PER_S
"""Between two looks at what changes slowly; to the nearest sample, whatever the crystal."""
COLD_MK: Final = 308_650
"""Below it the pump has not warmed up since the refill; its flow is low and that is expected."""
MAX_UNJUDGED: Final = 1
"""Samples without a flow that are made up for; more of them are missing pressures."""


class Model(NamedTuple):
    """What follows from the configuration and the fill, ready for use."""

    configuration: Configuration
    flow: FlowModel
    limits: Limits


def model_of(state: State) -> Model | None:
    """The model of the last committed configuration and refill (FLW-07); None without any."""
    configuration, refill = state.configuration, state.refills.refill
    if configuration is None:
        return None
    viscosity = WATER_PERMILLE if refill is None else refill.viscosity_permille
    return Model(configuration, FlowModel(configuration, viscosity), limits_of(configuration))


def measure(state: State, model: Model, elapsed: int, events: list[Event]) -> None:
    """Take `state.readings`, which come `elapsed` ticks after those before; append what to log."""
    readings = state.readings
    assert readings is not None  # the sample at hand
    configuration = model.configuration
    if state.refills.window_since is not None:
        # FLW-08: liquid is being exchanged; the last estimate stands, degraded
        state.flow = _degraded(state.flow)
        state.account.deliver(elapsed, state.assumed_flow_nl_per_h())
        state.fill.level_nl = readings.fill_level_nl
        flow = None
    else:
        _watch_needle(state, readings.fill_level_nl, configuration)
        flow = _reckon(state, model, elapsed, readings)
    _watch_catheter(state, configuration, readings, flow, events)
    _watch_surroundings(state, readings, flow, events)
    state.dose_limit.feed(elapsed, configuration.nominal_flow_nl_per_h, state.account)
    if state.now - state.looked_at >= SLOW:
        _look(state, readings, configuration)


def _reckon(state: State, model: Model, elapsed: int, readings: Readings) -> Interval | None:
    """Flow, volume and dose of one sample, and what they say about too much or too little.

    Returns the flow that the pressures explain. What is believed and accounted for is that flow,
    unless the fill level contradicts it: then it is what left the reservoir (SEN-05).
    """
    now, fill, account = state.now, state.fill, state.account
    flow = state.flow = model.flow.estimate(readings)
    state.explained += state.assumed_flow_nl_per_h() * elapsed
    if state.by_fill.loss or state.by_fill.rest:
        state.flow = _contradicted(flow, fill.slope)
    believed_nl_per_h = state.assumed_flow_nl_per_h()
    stored_nl = 0
    if not state.catheter.calm:  # OCC-04
        stored_nl = state.catheter.stored_nl(model.configuration.catheter_compliance_nl_per_kpa)
    account.deliver(elapsed, believed_nl_per_h, stored_nl)
    if flow is None:
        state.unjudged += 1
        if state.unjudged > MAX_UNJUDGED:
            fill.unexplained()
    else:
        samples = 1
        if state.unjudged:  # it stands for a sample before it that waited to confirm a jump, too
            samples, state.unjudged = 1 + (state.unjudged <= MAX_UNJUDGED), 0
        limits = model.limits
        cold = flow.estimate < limits.under and _cold(state, readings)
        state.deviation.feed((samples, samples * elapsed), flow.estimate, limits, cold=cold)
    if fill.add(now, readings.fill_level_nl, state.explained // HOUR):
        state.by_fill.judge(fill, flow, model.limits)
        if state.volume is not None:
            fastest_nl_per_h = state.fastest_flow_nl_per_h()
            state.refills.predict(now, state.volume, fastest_nl_per_h, model.configuration)
    return flow


def _contradicted(flow: Interval | None, slope: Interval | None) -> Interval | None:
    """Two channels that disagree: from the lowest to the highest, and the level's best guess."""
    if flow is None or slope is None:
        return flow
    low, high = min(flow.low, slope.low), max(flow.high, slope.high)
    return Interval(low, slope.estimate, high, Quality.DEGRADED)


def _cold(state: State, readings: Readings) -> bool:
    """Thermal settling after a refill, at most T_SETTLE (FLW-08)."""
    temperature_mk = readings.temperature_mk
    if temperature_mk is None or temperature_mk >= COLD_MK:
        return False
    return state.refills.settling(state.now)


def _watch_needle(state: State, level_nl: int | None, configuration: Configuration) -> None:
    """A level that jumped is told to the needle's detector before its second sample confirms it."""
    if level_nl is None:
        level_nl = state.screen.pending_fill_level_nl()
        if level_nl is None:
            return
    found = state.needle.tampering_until
    state.needle.watch(state.now, level_nl, configuration)
    if state.needle.tampering_until != found:
        state.fill.clear()  # a slope over the jump would be none


def _watch_catheter(
    state: State,
    configuration: Configuration,
    readings: Readings,
    flow: Interval | None,
    events: list[Event],
) -> None:
    catheter = state.catheter
    catheter.feed(state.now, readings, flow, flushing=state.bolus is not None)
    if catheter.released_pa:  # OCC-03
        compliance = configuration.catheter_compliance_nl_per_kpa
        stored_nl = compliance * catheter.released_pa // PA_PER_KPA
        events.append(Event(EventKind.OCCLUSION_RELEASED, 0, stored_nl))


def _watch_surroundings(
    state: State, readings: Readings, flow: Interval | None, events: list[Event]
) -> None:
    environment, crosscheck = state.environment, state.crosscheck
    environment.feed(state.now, readings, confirmed=crosscheck.low.since is None)
    if environment.transient_pa:
        events.append(Event(EventKind.PRESSURE_TRANSIENT, 0, environment.transient_pa))
    if flow is not None and (environment.outside or crosscheck.doubtful):
        state.flow = _degraded(flow)


def _look(state: State, readings: Readings, configuration: Configuration) -> None:
    """What changes slowly is looked at every ten minutes."""
    state.looked_at = state.now
    state.screen.look()
    state.battery.feed(state.now, readings.battery_mv)
    if state.refills.window_since is None:
        state.crosscheck.feed(state.now, readings, configuration)


def _degraded(flow: Interval | None) -> Interval | None:
    return None if flow is None else flow._replace(quality=Quality.DEGRADED)
