"""The reference control logic of a telemetric constant-flow pump.

Every sample becomes a flow, a residual volume, a dose and a set of conditions; conditions become
alarms; alarms become sound. All of it in integers and ticks, so that it can be ported as it stands.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter

from protocol.control import (
    TICKS_PER_S,
    Actuation,
    Beliefs,
    Event,
    Interval,
    Memory,
    MemoryFailedError,
    Outcome,
    Readings,
    Request,
)
from protocol.messages import (
    AlarmOccurrence,
    Configuration,
    GetStatus,
    ListAlarms,
    ReadConfiguration,
    Reply,
    Status,
)
from protocol.vocabulary import AlarmId, EventKind, Priority, Quality, ResetCause, Sounder
from pumpsim.firmware import conditions, downtime, requests
from pumpsim.firmware.causes import causes_of
from pumpsim.firmware.deviation import Limits, limits_of
from pumpsim.firmware.flow import FlowModel
from pumpsim.firmware.refills import T_REFILL
from pumpsim.firmware.state import State, decode, encode
from pumpsim.firmware.store import Store
from pumpsim.firmware.ticks import HOUR, LONGEST_AHEAD, MASK, MINUTE, extend

SAVE_INTERVAL: Final = HOUR
"""Totals are written at least so often; a reset costs no more than what the clock bridges."""
AGE_MAX: Final = 3 * MINUTE
"""Parameter age_max: without a new sample for so long nothing is known any more (SEN-06)."""
SLOW: Final = 10 * MINUTE - 30 * TICKS_PER_S
"""Between two looks at what changes slowly; to the nearest sample, whatever the crystal."""
MAX_UNJUDGED: Final = 1
"""Samples without a flow that are made up for; more of them are missing pressures."""
READS: Final = (ListAlarms, ReadConfiguration)
WATER_PERMILLE: Final = 1_000
PA_PER_KPA: Final = 1_000
STATE: Final = TypeAdapter(State)
NO_EVENTS: Final[Sequence[Event]] = ()


class Model(NamedTuple):
    """What follows from the configuration and the fill, ready for use."""

    configuration: Configuration
    flow: FlowModel
    limits: Limits


class ReferenceLogic:
    """The `ControlLogic` this testbed is built around; state in `State`, rules in its modules."""

    name = "reference 0.1"

    def __init__(self) -> None:
        """A dead board: nothing happens before `boot`."""
        self._state = State()
        self._model: Model | None = None
        self._store: Store | None = None
        self._saved_at = 0
        self._conditions = conditions.NONE
        self._sounder: Sounder | None = None  # unknown until it was set once
        self._alarms: tuple[AlarmId, ...] = ()
        self._status: Status | None = None  # as it was told last; None once anything has changed

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        """Take up what memory holds; blank memory is a pump that was never configured."""
        state = self._state
        state.origin = ticks
        self._store = Store(memory)
        try:
            content, damaged = self._store.load()
            if content is not None:
                state.load_durable(decode(content))
            state.configuration_lost = content is None and damaged
        except MemoryFailedError:
            state.memory_failed = state.configuration_lost = True
        self._alarms = state.alarms.present()
        self._rebuild()
        if state.before is not None or cause is not ResetCause.POWER_ON:
            state.resets.begin(cause)
            self._save(0)  # RST-04: a boot loop gets no further
        self._conditions = conditions.resume(state)
        self._judge(conditions.at_boot(state, self._conditions))
        return self._outcome(state.now, None, NO_EVENTS)

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        """Reckon with a new sample."""
        state = self._state
        self._status = None
        ticks = self._enter(ticks)
        elapsed = ticks - state.sampled
        state.sampled = ticks
        state.stale = False
        if state.refills.window_since is not None or state.bolus is not None:
            state.screen.forget()  # hands are at work: readings may jump
        events: list[Event] = []
        trusted = state.readings = state.screen.take(ticks, readings, events)
        state.resets.after_fault = False
        state.clock.judge(ticks, elapsed, readings)
        if state.before is not None:
            downtime.bridge(state, state.before, ticks)
        if self._model is None:
            state.fill.level_nl = trusted.fill_level_nl
        else:
            self._reckon(self._model, ticks, elapsed, trusted)
            self._watch(self._model.configuration, ticks, trusted, events)
        state.volume = state.fill.volume()
        self._evaluate(ticks)
        return self._outcome(ticks, None, events or NO_EVENTS)

    def _reckon(self, model: Model, ticks: int, elapsed: int, readings: Readings) -> None:
        """Flow, volume and dose of one sample, and what they say about too much or too little."""
        state = self._state
        if state.refills.window_since is not None:
            # FLW-08: liquid is being exchanged; the last estimate stands, degraded
            state.flow = _degraded(state.flow)
            state.account.deliver(elapsed, state.assumed_flow_nl_per_h())
            state.fill.level_nl = readings.fill_level_nl
            return
        flow = state.flow = model.flow.estimate(readings)
        flow_nl_per_h = state.assumed_flow_nl_per_h() if flow is None else flow.estimate
        state.account.deliver(elapsed, flow_nl_per_h)
        if flow is None:
            state.unjudged += 1
            if state.unjudged > MAX_UNJUDGED:
                state.fill.unexplained()
        else:
            stretch = _stretch(state.unjudged, elapsed)
            cold = conditions.cold(state, ticks)
            state.deviation.feed(stretch, flow_nl_per_h, model.limits, cold=cold)
            state.unjudged = 0
        if state.fill.add(ticks, readings.fill_level_nl, state.account.total_nl):
            state.by_fill.judge(state.fill, flow, model.limits)
            if state.volume is not None:
                state.refills.predict(ticks, state.volume, flow_nl_per_h, model.configuration)

    def _watch(
        self, configuration: Configuration, ticks: int, readings: Readings, events: list[Event]
    ) -> None:
        """The detectors that no refill window suspends, and the one that it does (FLW-08)."""
        state = self._state
        catheter, environment = state.catheter, state.environment
        in_window = state.refills.window_since is not None
        flow = None if in_window else state.flow
        catheter.feed(ticks, readings, flow, flushing=state.bolus is not None)
        if catheter.released_pa:  # OCC-03
            compliance = configuration.catheter_compliance_nl_per_kpa
            stored_nl = compliance * catheter.released_pa // PA_PER_KPA
            events.append(Event(EventKind.OCCLUSION_RELEASED, 0, stored_nl))
        environment.feed(ticks, readings, confirmed=state.crosscheck.low.since is None)
        if environment.transient_pa:
            events.append(Event(EventKind.PRESSURE_TRANSIENT, 0, environment.transient_pa))
        if flow is not None and (environment.outside or state.crosscheck.doubtful):
            state.flow = _degraded(flow)
        if ticks - state.looked_at >= SLOW:
            state.looked_at = ticks
            state.screen.look()
            state.battery.feed(ticks, readings.battery_mv)
            if not in_window:
                state.crosscheck.feed(ticks, readings, configuration)

    def advance(self, ticks: int) -> Outcome:
        """End pauses and refill windows, remind of alarms (ALM-07), miss samples (SEN-06)."""
        state = self._state
        self._status = None
        ticks = self._enter(ticks)
        state.alarms.advance(ticks)
        events = []
        window = state.refills.window_since
        if window is not None and ticks - window >= T_REFILL:
            state.refills.window_since = None
            state.reopen()
            events.append(Event(EventKind.REFILL_WINDOW_ENDED))
            self._save(ticks)  # RST-01: a reset does not open it again
        if ticks - state.sampled >= AGE_MAX and not state.stale:
            state.stale = True
            state.flow = state.volume = state.readings = None
            self._evaluate(ticks)
        return self._outcome(ticks, None, events)

    def handle(self, ticks: int, request: Request) -> Outcome:
        """Answer, and keep what changed before the answer leaves."""
        ticks = self._enter(ticks)
        if type(request.body) is GetStatus:
            return Outcome(self._tell_status(ticks))
        reply, events = requests.answer(self._state, ticks, request)
        if isinstance(request.body, READS):
            return Outcome(reply)
        self._status = None
        self._rebuild()
        self._evaluate(ticks)
        self._diagnose()
        outcome = self._outcome(ticks, reply, events)
        if self._state.volume is None:  # a refill, say: the level it led to bounds a downtime
            self._saved_at = ticks - SAVE_INTERVAL
        return outcome

    def _tell_status(self, ticks: int) -> Status:
        """Asked again before anything has changed, the status of before still holds."""
        due_in_s = self._state.refills.due_in_s(ticks)
        if self._status is None or self._status.status.refill_due_in_s != due_in_s:
            self._status = Status(status=requests.status_part(self._state, ticks))
        return self._status

    def next_deadline(self) -> int | None:
        """The alarms' next timer, the end of the refill window, or of the last sample's age."""
        state = self._state
        due = state.alarms.deadline()
        window = state.refills.window_since
        if window is not None:
            due = _earlier(due, window + T_REFILL)
        if not state.stale:
            due = _earlier(due, state.sampled + AGE_MAX)
        if due is None:
            return None
        return (min(due, state.now + LONGEST_AHEAD) + state.origin) & MASK

    def save(self) -> dict[str, Any]:
        """The whole state as plain data (see `Restorable`)."""
        return {
            "state": STATE.dump_python(self._state, mode="json"),
            "saved_at": self._saved_at,
            "conditions": self._conditions,
            "sounder": self._sounder,
        }

    def load(self, memory: Memory, state: dict[str, Any]) -> None:
        """Go on as if nothing had happened (see `Restorable`)."""
        self._state = STATE.validate_python(state["state"], strict=False)
        self._saved_at = state["saved_at"]
        self._conditions = tuple(None if p is None else Priority(p) for p in state["conditions"])
        self._sounder = None if state["sounder"] is None else Sounder(state["sounder"])
        self._store = Store(memory)
        self._store.load()
        self._alarms = self._state.alarms.present()
        self._status = None
        self._rebuild()

    def _enter(self, ticks: int) -> int:
        """Ticks since boot, without end, from what the counter reads at an entry (TIM-01)."""
        state = self._state
        now = state.now = extend(state.now, ticks - state.origin)
        return now

    def _rebuild(self) -> None:
        """Make anew what follows from configuration and refill."""
        configuration, refill = self._state.configuration, self._state.refills.refill
        viscosity = WATER_PERMILLE if refill is None else refill.viscosity_permille
        if configuration is None:
            self._model = None
            return
        flow = FlowModel(configuration, viscosity)
        self._model = Model(configuration, flow, limits_of(configuration))
        self._state.screen.configure(configuration.capacity_nl)

    def _evaluate(self, ticks: int) -> None:
        self._judge(conditions.evaluate(self._state, ticks))

    def _judge(self, now: conditions.Conditions) -> None:
        if now == self._conditions:
            return
        state = self._state
        for alarm, priority in zip(conditions.ORDER, now, strict=True):
            state.alarms.update(state.now, alarm, priority)
        self._conditions = now
        self._diagnose()

    def _diagnose(self) -> None:
        state = self._state
        state.causes = causes_of(conditions.symptoms(state), low=state.low)

    def _save(self, ticks: int) -> None:
        state = self._state
        self._saved_at = ticks
        if self._store is None:
            return
        try:
            self._store.save(encode(state.durable(ticks)))
        except MemoryFailedError:
            state.memory_failed = True
            self._saved_at = ticks - SAVE_INTERVAL  # ALM-09: the next sample tries again

    def _outcome(self, ticks: int, reply: Reply | None, events: Sequence[Event]) -> Outcome:
        """Gather what the call led to; most samples lead to beliefs alone.

        ALM-10: it is kept here, before the outcome leaves to sound and be told, and by one record:
        what memory fails to keep sounds all the same, and with the same sample (ALM-14).
        """
        state = self._state
        book = state.alarms
        changed: Sequence[AlarmOccurrence] = ()
        actuation = None
        if book.changed or reply is not None or ticks - self._saved_at >= SAVE_INTERVAL:
            self._save(ticks)
        moved = book.moved
        if moved:
            noted, changed = book.drain()
            self._alarms = book.present()
            events = [*events, *noted]
        if moved or state.set_rtc_s is not None or self._sounder is None:
            self._sounder = book.sounder()
            signal = self._sounder is not Sounder.OFF
            actuation = Actuation(self._sounder, signal, set_rtc_s=state.set_rtc_s)
            state.set_rtc_s = None
        account = state.account
        beliefs = Beliefs(
            state.flow,
            state.volume,
            account.total_nl,
            account.dose_ng(),
            self._alarms,
            state.causes,
        )
        return Outcome(reply, actuation, events, changed, beliefs)


def _stretch(unjudged: int, elapsed: int) -> tuple[int, int]:
    """Samples and ticks that a flow stands for.

    It stands for the samples before it, too, that only waited for it to confirm a jump.
    """
    samples = 1 + unjudged if unjudged <= MAX_UNJUDGED else 1
    return samples, samples * elapsed


def _earlier(one: int | None, other: int) -> int:
    return other if one is None or other < one else one


def _degraded(flow: Interval | None) -> Interval | None:
    return None if flow is None else flow._replace(quality=Quality.DEGRADED)
