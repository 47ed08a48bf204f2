"""The reference control logic of a telemetric constant-flow pump.

Every sample becomes a flow, a residual volume, a dose and a set of conditions; conditions become
alarms; alarms become sound. All of it in integers and ticks, so that it can be ported as it stands.
Here is its life: boot, samples, deadlines, requests, and what is kept. What a sample says stands
in `measure`, what follows from it in `conditions`, what is asked for in `requests`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from pydantic import TypeAdapter

from protocol.control import (
    Actuation,
    Beliefs,
    Event,
    Memory,
    MemoryFailedError,
    Outcome,
    Readings,
    Request,
)
from protocol.messages import (
    AlarmOccurrence,
    GetStatus,
    ListAlarms,
    ReadConfiguration,
    Reply,
    Status,
)
from protocol.vocabulary import AlarmId, EventKind, Priority, ResetCause, Sounder
from pumpsim.firmware import conditions, downtime, requests
from pumpsim.firmware.causes import causes_of
from pumpsim.firmware.integrity import CHECK_INTERVAL, seal
from pumpsim.firmware.measure import Model, measure, model_of
from pumpsim.firmware.refills import T_REFILL
from pumpsim.firmware.state import State, decode, encode
from pumpsim.firmware.store import RecordTooLargeError, Store
from pumpsim.firmware.ticks import HOUR, LONGEST_AHEAD, MASK, MINUTE, extend

SAVE_INTERVAL: Final = HOUR
"""Totals are written at least so often; a reset costs no more than what the clock bridges."""
AGE_MAX: Final = 3 * MINUTE
"""Parameter age_max: without a new sample for so long nothing is known any more (SEN-06)."""
READS: Final = (ListAlarms, ReadConfiguration)
STATE: Final = TypeAdapter(State)
NO_EVENTS: Final[Sequence[Event]] = ()
CORRECTED: Final[Sequence[Event]] = (Event(EventKind.MEMORY_CORRECTED),)

Measure = Callable[[State, Model, int, list[Event]], None]
"""What makes beliefs of a sample: `measure.measure`, unless a pump believes something else."""


class ReferenceLogic:
    """The `ControlLogic` this testbed is built around; state in `State`, rules in its modules."""

    name = "reference 0.1"

    def __init__(self, measuring: Measure = measure) -> None:
        """A dead board: nothing happens before `boot`."""
        self._measure = measuring
        self._state = State()
        self._model: Model | None = None
        self._seal = 0
        self._store: Store  # from boot on
        self._kept_at = self._proven_at = 0
        self._keep_soon = False  # something is to be kept with the next sample
        self._conditions = conditions.NONE
        self._sounder: Sounder | None = None  # unknown until it was set once
        self._alarms: tuple[AlarmId, ...] = ()
        self._status: Status | None = None  # as it was told last; None once anything has changed

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        """Take up what memory holds; blank memory is a pump that was never configured."""
        state = self._state
        state.origin = ticks
        self._store = Store(memory)
        loaded = self._store.load()
        if loaded.content is not None:
            state.load_durable(decode(loaded.content))
        state.configuration_lost |= loaded.lost  # NVM-03: nothing is assumed, of drug or rate
        state.memory_failed = loaded.failed
        self._alarms = state.alarms.present()
        self._rebuild()
        events = [*CORRECTED] if loaded.corrected else []
        if state.before is not None or cause is not ResetCause.POWER_ON:
            state.resets.begin(cause)
            events += self._keep()  # RST-04: a boot loop gets no further
        self._conditions = conditions.resume(state)
        self._judge(conditions.at_boot(state, self._conditions))
        outcome = self._outcome(None, events or NO_EVENTS)
        standing = tuple(occurrence.report() for occurrence in state.alarms.open)
        return outcome._replace(alarms=standing)  # ALM-09: perhaps kept, and never told

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        """Reckon with a new sample."""
        state = self._state
        self._status = None
        now = self._enter(ticks)
        if now - self._proven_at >= CHECK_INTERVAL:
            self._prove()
        elapsed = now - state.sampled
        state.sampled = now
        state.stale = False
        if state.refills.window_since is not None or state.bolus is not None:
            state.screen.forget()  # hands are at work: readings may jump
        events: list[Event] = []
        trusted = state.readings = state.screen.take(now, readings, events)
        state.resets.after_fault = False
        state.clock.judge(now, elapsed, readings)
        if state.before is not None:
            downtime.bridge(state, state.before, now)
            self._keep_soon = state.before is None
        if self._model is None:
            state.fill.level_nl = trusted.fill_level_nl
        else:
            self._measure(state, self._model, elapsed, events)
        state.volume = state.fill.volume()
        if self._keep_soon or now - self._kept_at >= SAVE_INTERVAL:
            events += self._keep()
        self._judge(conditions.evaluate(state, now))
        return self._outcome(None, events or NO_EVENTS)

    def advance(self, ticks: int) -> Outcome:
        """End pauses and refill windows, remind of alarms (ALM-07), miss samples (SEN-06)."""
        state = self._state
        self._status = None
        now = self._enter(ticks)
        state.alarms.advance(now)
        events: list[Event] = []
        window = state.refills.window_since
        if window is not None and now - window >= T_REFILL:
            state.refills.window_since = None
            state.needle.aborted()
            state.reopen()
            events = [Event(EventKind.REFILL_WINDOW_ENDED), *self._keep()]  # RST-01: it stays so
        if now - state.sampled >= AGE_MAX and not state.stale:
            state.stale = True
            state.flow = state.volume = state.readings = None
            self._judge(conditions.evaluate(state, now))
        return self._outcome(None, events)

    def handle(self, ticks: int, request: Request) -> Outcome:
        """Answer, and keep what changed before the answer leaves."""
        state, now = self._state, self._enter(ticks)
        if type(request.body) is GetStatus:
            return Outcome(self._tell_status(now))
        self._prove()
        reply, events = requests.answer(state, now, request)
        if isinstance(request.body, READS):
            return Outcome(reply)
        self._status = None
        self._rebuild()
        self._judge(conditions.evaluate(state, now))
        self._diagnose()
        outcome = self._outcome(reply, events)
        if state.volume is None:  # a refill, say: the level it led to bounds a downtime
            self._keep_soon = True
        return outcome

    def _tell_status(self, now: int) -> Status:
        """Asked again before anything has changed, the status of before still holds."""
        due_in_s = self._state.refills.due_in_s(now)
        if self._status is None or self._status.status.refill_due_in_s != due_in_s:
            self._status = Status(status=requests.status_part(self._state, now))
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
            "kept_at": self._kept_at,
            "keep_soon": self._keep_soon,
            "proven_at": self._proven_at,
            "conditions": self._conditions,
            "sounder": self._sounder,
        }

    def load(self, memory: Memory, state: dict[str, Any]) -> None:
        """Go on as if nothing had happened (see `Restorable`)."""
        self._state = STATE.validate_python(state["state"], strict=False)
        self._kept_at, self._proven_at = state["kept_at"], state["proven_at"]
        self._keep_soon = state["keep_soon"]
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

    # ---- what follows from configuration and refill, and whether it is still what it was

    def _rebuild(self) -> None:
        model = self._model = model_of(self._state)
        if model is not None:
            self._state.screen.configure(model.configuration.capacity_nl)
        self._seal = self._sealed()

    def _sealed(self) -> int:
        """The seal of everything that requests alone may change (NVM-04)."""
        state, model = self._state, self._model
        account = state.account
        filled = (account.drug, account.concentration_ng_per_ml)
        if model is None:
            return seal(state.configuration, state.refills.refill, filled)
        made = (*model.flow.factors(), *model.limits)
        return seal(state.configuration, state.refills.refill, filled, made)

    def _prove(self) -> None:
        """NVM-04: what is not as it was made is taken from the store; the pump ran on meanwhile."""
        state = self._state
        self._proven_at = state.now
        same = self._model is None or self._model.configuration is state.configuration
        if same and self._sealed() == self._seal and state.account.balanced():
            return
        state.memory_failed = True
        content = self._store.load().content
        if content is None:
            state.lose_numbers()
            self._rebuild()
            return
        state.load_numbers(self._kept_at, decode(content))
        self._rebuild()
        if self._model is not None and state.readings is not None:
            state.flow = self._model.flow.estimate(state.readings)
        missed = state.sampled - self._kept_at
        state.account.deliver(missed, state.assumed_flow_nl_per_h())
        state.dose_limit.skip(missed, state.account)

    # ---- conditions, alarms, memory

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

    def _keep(self) -> Sequence[Event]:
        """Write what must outlive a reset, and is proven; failing memory is a fault (NVM-07).

        The record is of the last sample: totals and the real-time clock are known for that tick.
        What could not be written is tried again with the next sample (ALM-09).
        """
        state = self._state
        self._prove()
        self._kept_at, self._keep_soon = state.now, False
        try:
            sound = self._store.save(encode(state.durable(state.now)))
        except (MemoryFailedError, RecordTooLargeError):
            state.memory_failed = self._keep_soon = True
            return NO_EVENTS
        return NO_EVENTS if sound else CORRECTED

    def _outcome(self, reply: Reply | None, events: Sequence[Event]) -> Outcome:
        """Gather what the call led to; most samples lead to beliefs alone.

        ALM-10: it is kept here, before the outcome leaves to sound and be told, and by one record:
        what memory fails to keep sounds all the same, and with the same sample (ALM-14).
        """
        state = self._state
        book = state.alarms
        changed: Sequence[AlarmOccurrence] = ()
        actuation = None
        if book.changed or reply is not None:
            events = [*events, *self._keep()]
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
            state.config_id,
            account.drug,
            account.uncertain_nl,
        )
        return Outcome(reply, actuation, events, changed, beliefs)


def _earlier(one: int | None, other: int) -> int:
    return other if one is None or other < one else one
