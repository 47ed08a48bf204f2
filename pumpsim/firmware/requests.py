"""What each request does to the state: one function per message, and the roles that may send it.

A function returns the reply and changes the state, or refuses and changes nothing.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from protocol import messages as m
from protocol.control import Between, Event, Interval, Request
from protocol.vocabulary import AlarmId, EventKind, Quality, Refusal, Role
from pumpsim.firmware import downtime, ticks
from pumpsim.firmware.alarms import TABLE
from pumpsim.firmware.catheter import P_PARTIAL_PA, PA_PER_KPA
from pumpsim.firmware.clock import plausible
from pumpsim.firmware.dose_doubt import UNKNOWN_DRUG
from pumpsim.firmware.exchange import EMPTIED_NL, Found, most_infused_nl, most_left_nl
from pumpsim.firmware.fill import VOLUME_ERROR_NL
from pumpsim.firmware.flow import fastest_flow
from pumpsim.firmware.selftest import failed_items
from pumpsim.firmware.state import State

VOLUME_PERCENT: Final = 5
"""Parameter e_volume: how far the bounds of a volume may lie from their middle."""
DOSE_PERCENT: Final = 10
"""Parameter e_dose, of a dose: a needle's rest thins each fill by 3 % at most."""
CARERS: Final = frozenset({Role.CLINICIAN, Role.SERVICE})
EVERYBODY: Final = frozenset(Role)

Answer = tuple[m.Reply, list[Event]]
B = TypeVar("B", bound=m.Body)


def status_part(state: State, now: int) -> m.StatusPart:
    """The state as the link tells it."""
    readings, account, alarms, refills = state.readings, state.account, state.alarms, state.refills
    total_nl, since_nl = state.delivered_between_nl(), state.since_refill_between_nl()
    total_ng, since_ng = state.dose_between_ng(), state.dose_since_refill_between_ng()
    return m.StatusPart(
        flow_nl_per_h=_estimate(state.flow),
        residual_volume_nl=_estimate(state.volume),
        delivered_since_refill_nl=account.since_refill_nl,
        delivered_total_nl=account.total_nl,
        dose_since_refill_ng=account.dose_since_refill_ng(),
        dose_total_ng=account.dose_ng(),
        drug=account.drug or None,
        reservoir_pressure_pa=readings and readings.reservoir_pressure_pa,
        catheter_pressure_pa=readings and readings.catheter_pressure_pa,
        pocket_pressure_pa=readings and readings.pocket_pressure_pa,
        temperature_mk=readings and readings.temperature_mk,
        battery_mv=readings and readings.battery_mv,
        rtc_s=readings and readings.rtc_s,
        rtc_valid=readings is not None and readings.rtc_valid,
        refill_due_in_s=refills.due_in_s(now),
        refill_open=refills.window_since is not None,
        bolus_access_open=state.bolus is not None,
        highest_priority=alarms.highest(),
        alarms_present=len(alarms.present()),
        alarms_unacknowledged=sum(not o.acknowledged for o in alarms.open),
        alarm_digest=alarms.digest(),
        sample_sequence=readings and readings.sequence,
        causes=state.causes,
        delivered_since_refill_between_nl=_bounds(since_nl, VOLUME_PERCENT),
        delivered_total_between_nl=_bounds(total_nl, VOLUME_PERCENT),
        dose_since_refill_between_ng=_bounds(since_ng, DOSE_PERCENT),
        dose_total_between_ng=_bounds(total_ng, DOSE_PERCENT),
    )


def _body(request: Request, kind: type[B]) -> B:
    body = request.body
    assert isinstance(body, kind)  # the table below pairs handler and message
    return body


def answer(state: State, now: int, request: Request) -> Answer:
    """Carry out a request, or refuse it."""
    row = HANDLERS.get(type(request.body))
    if row is None:
        return m.Refused(reason=Refusal.UNSUPPORTED), []
    handler, roles = row
    if request.role not in roles:
        return m.Refused(reason=Refusal.ROLE), []
    result = handler(state, now, request)
    return (m.Refused(reason=result), []) if isinstance(result, Refusal) else result


def _list_alarms(state: State, _now: int, request: Request) -> Answer:
    body = _body(request, m.ListAlarms)
    later = [o for o in state.alarms.open if o.number > body.after_occurrence]
    page = tuple(o.report() for o in later[: m.MAX_LIST])
    return m.AlarmList(alarms=page, more=len(later) > len(page)), []


def _read_configuration(state: State, _now: int, _request: Request) -> Answer:
    refills = state.refills
    report = m.ConfigurationReport(
        configuration=state.configuration,
        last_refill=refills.refill,
        last_refill_id=refills.refill_id or None,
    )
    return report, []


def _close(state: State, now: int, request: Request) -> Answer:
    state.alarms.end_session(now, request.session_id)
    return _done()


def _acknowledge(state: State, now: int, request: Request) -> Answer | Refusal:
    """A latching alarm is kept for those who can judge what happened (ALM-08).

    Whoever carries the pump may acknowledge what ends by itself: it comes back as a reminder while
    it lasts (ALM-07). Of a latching alarm he can pause the sound.
    """
    body = _body(request, m.AcknowledgeAlarm)
    if TABLE[body.alarm].latching and request.role not in CARERS:
        return Refusal.ROLE
    return state.alarms.acknowledge(now, body.alarm, body.occurrence) or _done()


def _pause_audio(state: State, now: int, request: Request) -> Answer | Refusal:
    body = _body(request, m.PauseAudio)
    duration, session_id = ticks.from_ms(body.duration_ms), request.session_id
    refusal = state.alarms.pause(now, body.alarm, body.occurrence, duration, session_id)
    return refusal or _done()


def _begin_refill(state: State, now: int, _request: Request) -> Answer | Refusal:
    if state.configuration is None:
        return Refusal.NOT_CONFIGURED
    refusal = state.refills.begin(now, _found_now(state, now, state.configuration))
    if refusal is not None:
        return refusal
    state.residual.begin(state.left(), state.account)
    return _done(EventKind.REFILL_BEGUN)


def _commit_refill(state: State, now: int, request: Request) -> Answer | Refusal:
    body = _body(request, m.CommitRefill)
    if state.configuration is None:
        return Refusal.NOT_CONFIGURED
    refusal = state.refills.why_not(now, body, state.configuration)
    if refusal is not None:
        return refusal
    refill = body.refill
    declared = UNKNOWN_DRUG if state.bolus is None else state.bolus.drug
    if not state.account.counts(refill.drug, declared):
        return Refusal.TOO_MANY_DRUGS
    downtime.end(state, refill.withdrawn_nl)
    found = state.refills.found
    first = state.refills.refill is None
    drugless = first and state.account.whole  # no drug was ever in it
    left_nl = most_left_nl(0 if drugless else found.most_nl + found.error_nl, refill)
    state.refills.emptied = left_nl <= EMPTIED_NL
    left_permille = -(-1_000 * left_nl // (left_nl + refill.filled_nl))
    unknown = first and found.level_nl is None
    state.needle.committed(now, None if unknown else found, refill)
    state.refills.commit(now, body, state.configuration)
    _tell_anew(state, now)
    state.account.refilled(refill.drug, refill.concentration_ng_per_ml, left_permille)
    state.dose_limit.refilled(state.account)
    state.dose_limit.limit(state.configuration)
    state.reopen()
    capacity_nl = state.configuration.capacity_nl
    left = state.residual.declare(found.level_nl, refill, state.account, capacity_nl)
    state.low = left.low <= state.configuration.low_volume_nl
    state.empty = left.low <= state.configuration.empty_volume_nl
    state.volume = None if state.stale else left  # as declared, until a level tells (RES-05)
    return _done(EventKind.REFILL_COMMITTED, refill.filled_nl, state.refills.refill_id)


def _tell_anew(state: State, now: int) -> None:
    """What was found with this refill is news, and what was due with the last one is over."""
    if now < state.needle.discrepancy_until:
        state.alarms.again(now, AlarmId.REFILL_DISCREPANCY)
    if now < state.refills.off_plan_until:
        state.alarms.again(now, AlarmId.OFF_PLAN)
    for dated in (AlarmId.REFILL_DUE, AlarmId.REFILL_OVERDUE):
        state.alarms.update(now, dated, None)


def _found_now(state: State, now: int, configuration: m.Configuration) -> Found:
    """What is in the reservoir now, by its level, or at least and at most."""
    level_nl, left = state.needle.residual_nl(now), state.left()
    if level_nl is not None:
        return Found(level_nl, level_nl, VOLUME_ERROR_NL)
    if left is None or state.before is not None:  # nobody knows how long it has run on
        return Found(0, configuration.capacity_nl)
    infused_nl = most_infused_nl(now - state.sampled, configuration)
    return Found(max(left.low - infused_nl, 0), left.high)


def _abort_refill(state: State, now: int, _request: Request) -> Answer | Refusal:
    refusal = state.refills.abort(now)
    if refusal is not None:
        return refusal
    state.needle.aborted()
    state.put_back()
    return _done(EventKind.REFILL_ABORTED)


def _begin_bolus(state: State, now: int, request: Request) -> Answer | Refusal:
    body = _body(request, m.BeginBolusAccess)
    if state.bolus is not None:
        return Refusal.BOLUS_ACCESS_OPEN
    if body.concentration_ng_per_ml > m.MAX_DISSOLVED_NG_PER_ML:
        return Refusal.OUT_OF_RANGE
    if not state.account.counts(body.drug):
        return Refusal.TOO_MANY_DRUGS
    state.bolus, state.bolus_since = body, ticks.of_this_life(now)
    return _done(EventKind.BOLUS_ACCESS_BEGUN)


def _end_bolus(state: State, now: int, request: Request) -> Answer | Refusal:
    body, bolus = _body(request, m.EndBolusAccess), state.bolus
    if bolus is None:
        return Refusal.NO_BOLUS_ACCESS_OPEN
    state.account.push(body.injected_nl, bolus.drug, bolus.concentration_ng_per_ml)
    state.dose_limit.feed(0, 0, state.account)  # all of it beyond the prescription (DOS-02)
    if state.dose_limit.exceeded and body.injected_nl:
        state.alarms.again(now, AlarmId.DOSE_LIMIT)
    state.bolus = None
    return _done(EventKind.BOLUS_ACCESS_ENDED, body.injected_nl)


def _write_configuration(state: State, now: int, request: Request) -> Answer | Refusal:
    body = _body(request, m.WriteConfiguration)
    new = body.configuration
    if body.base_config_id != state.config_id:
        return Refusal.STALE_CONFIGURATION
    if not new.empty_volume_nl < new.low_volume_nl < new.capacity_nl or fastest_flow(new) > (
        m.MAX_FLOW_NL_PER_H
    ):
        return Refusal.INVALID_CONFIGURATION
    old = state.configuration
    if old is None or old.catheter_volume_nl != new.catheter_volume_nl:
        state.residual.out_nl -= state.account.held_nl  # that has left the reservoir all the same
        state.account.prime(new.catheter_volume_nl)
    state.account.stretch_nl = new.catheter_compliance_nl_per_kpa * P_PARTIAL_PA // PA_PER_KPA
    if old is None or old.plan != new.plan:
        before = () if old is None else old.plan
        state.refills.course.replanned(before, new.plan, state.account.drug, state.refills.at)
    state.refills.reschedule(now, new)
    state.dose_limit.limit(new)
    state.configuration = new
    state.config_id += 1
    state.configuration_lost = False
    return _done(EventKind.CONFIGURATION_WRITTEN, state.config_id, state.config_id)


def _set_clock(state: State, now: int, request: Request) -> Answer | Refusal:
    """A step of any size: nothing but the date follows, and the log tells old and new (TIM-06)."""
    rtc_s = _body(request, m.SetClock).rtc_s
    if not plausible(rtc_s):
        return Refusal.OUT_OF_RANGE
    state.set_rtc_s = rtc_s
    state.clock.set(now, rtc_s)
    state.untime()
    old_s = state.readings.rtc_s if state.readings is not None else None
    return m.Done(), [Event(EventKind.CLOCK_SET, old_s or 0, rtc_s)]


def _self_test(state: State, _now: int, _request: Request) -> Answer:
    failed = failed_items(state)
    report = m.SelfTestReport(passed=not failed, failed=failed)
    return report, [Event(EventKind.SELF_TEST, len(failed))]


def _explant(state: State, _now: int, _request: Request) -> Answer | Refusal:
    """RES-13: nothing stops a gas-driven pump, so what it holds when it is taken out runs on."""
    if state.refills.window_since is not None:
        return Refusal.REFILL_OPEN
    if state.bolus is not None:
        return Refusal.BOLUS_ACCESS_OPEN
    if state.may_infuse_drug():
        return Refusal.STILL_INFUSING
    return _done(EventKind.EXPLANTED, state.account.total_nl)


def _done(kind: EventKind | None = None, value: int = 0, reference: int | None = None) -> Answer:
    return m.Done(reference=reference), [] if kind is None else [Event(kind, 0, value)]


def _estimate(interval: Interval | None) -> m.Estimate | None:
    return None if interval is None else m.Estimate(**interval._asdict())


def _bounds(between: Between | None, percent: int) -> m.Bounds | None:
    """Good while either is off their middle by no more than that."""
    if between is None:
        return None
    low, high = between
    good = 100 * (high - low) <= percent * (high + low)
    return m.Bounds(low=low, high=high, quality=Quality.GOOD if good else Quality.DEGRADED)


Handler = Callable[[State, int, Request], Answer | Refusal]

HANDLERS: Final[dict[type[m.Body], tuple[Handler, frozenset[Role]]]] = {
    m.ListAlarms: (_list_alarms, EVERYBODY),
    m.ReadConfiguration: (_read_configuration, EVERYBODY),
    m.Close: (_close, EVERYBODY),
    m.AcknowledgeAlarm: (_acknowledge, EVERYBODY),
    m.PauseAudio: (_pause_audio, EVERYBODY),
    m.BeginRefill: (_begin_refill, CARERS),
    m.CommitRefill: (_commit_refill, CARERS),
    m.AbortRefill: (_abort_refill, CARERS),
    m.BeginBolusAccess: (_begin_bolus, CARERS),
    m.EndBolusAccess: (_end_bolus, CARERS),
    m.WriteConfiguration: (_write_configuration, CARERS),
    m.SetClock: (_set_clock, CARERS),
    m.RunSelfTest: (_self_test, CARERS),
    m.Explant: (_explant, CARERS),
}
"""What the reference logic answers beside the status; the session layer answers the others."""

LASTING: Final = frozenset(
    {
        m.AcknowledgeAlarm,
        m.BeginRefill,
        m.CommitRefill,
        m.AbortRefill,
        m.BeginBolusAccess,
        m.EndBolusAccess,
        m.WriteConfiguration,
    }
)
"""Commands whose whole effect stands in the record; of the others a reset leaves nothing."""
