"""The reference control logic of a telemetric constant-flow pump.

Every sample becomes a flow, a residual volume, a dose and a set of conditions; conditions become
alarms; alarms become sound. All of it in integers and ticks, so that it can be ported as it stands.
Here is its life: boot, samples, deadlines, requests, and what is kept. What a sample says stands
in `measure`, what follows from it in `conditions`, what is asked for in `requests`.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from protocol.control import (
    Actuation,
    Beliefs,
    Event,
    Kept,
    Memory,
    MemoryFailedError,
    Outcome,
    Readings,
    Request,
)
from protocol.messages import (
    AcknowledgeAlarm,
    AlarmOccurrence,
    Done,
    GetStatus,
    ListAlarms,
    ReadConfiguration,
    Refused,
    Reply,
    Status,
    WriteConfiguration,
)
from protocol.vocabulary import AlarmId, EventKind, Priority, Refusal, ResetCause, Sounder
from pumpsim.firmware import conditions, downtime, requests
from pumpsim.firmware.causes import causes_of
from pumpsim.firmware.integrity import CHECK_INTERVAL, seal
from pumpsim.firmware.measure import Model, make_up, measure, model_of
from pumpsim.firmware.persistence import AGE_MAX
from pumpsim.firmware.refills import DATE_STEP, T_REFILL
from pumpsim.firmware.resets import FAULTS
from pumpsim.firmware.state import Level, State, decode, encode
from pumpsim.firmware.store import RecordTooLargeError, Store
from pumpsim.firmware.ticks import HOUR, LONGEST_AHEAD, MASK, MINUTE, extend

SAVE_INTERVAL: Final = HOUR
"""Totals are written at least so often; a reset costs no more than what the clock bridges."""
COPIES: Final = 2
"""Of what was told: one at once, and the other one with the next sample, for an older record beside
one that rots would take it back (NVM-02). It has a refill's first level, too, which bounds a
downtime."""
READS: Final = (ListAlarms, ReadConfiguration)
NO_EVENTS: Final[Sequence[Event]] = ()
CORRECTED: Final[Sequence[Event]] = (Event(EventKind.MEMORY_CORRECTED),)
WINDOW_ENDED: Final[Sequence[Event]] = (Event(EventKind.REFILL_WINDOW_ENDED),)

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
        self._owed = 0  # records, one to be written with each of the next samples
        self._conditions = conditions.NONE
        self._sounder: Sounder | None = None  # unknown until it was set once
        self._troubled = False  # something stands beyond what belongs to the life of a fill
        self._symptoms = conditions.Symptoms()  # that the causes were made of
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
        elif loaded.lost:
            state.lose_numbers()
        else:
            state.life = 1
        state.memory_failed, self._owed = loaded.failed, COPIES * loaded.failed
        self._alarms = state.alarms.present()
        self._rebuild()
        events = [*CORRECTED] if loaded.corrected else []
        reset = state.before is not None or cause is not ResetCause.POWER_ON
        if reset:
            state.resets.begin(cause)
            events += self._keep()  # RST-04: a boot loop gets no further
        self._take(conditions.standing(state))
        self._judge(conditions.at_boot(state, self._conditions))
        if reset and state.resets.too_many(0):
            state.alarms.again(0, AlarmId.RESETS)
        if cause in FAULTS:
            state.alarms.again(0, AlarmId.FIRMWARE_FAULT)
        self._diagnose()
        outcome = self._outcome(None, events or NO_EVENTS)
        standing = tuple(occurrence.report() for occurrence in state.alarms.open)
        # ALM-09, COM-09: perhaps kept, and never told
        return outcome._replace(alarms=standing, kept=state.kept)

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        """Reckon with a new sample."""
        state = self._state
        self._status = None
        if self._enter(ticks) - self._proven_at >= CHECK_INTERVAL:
            self._prove()
        events: list[Event] = []
        elapsed = self._since_last(events)
        now = state.sampled = state.now
        state.stale = False
        if state.hands_at_work():
            state.screen.forget()
        trusted = state.readings = state.screen.take(now, readings, events)
        state.resets.after_fault = False
        if state.clock.judge(now, readings):
            self._owe(1)
        if state.before is not None:
            downtime.bridge(state, state.before, trusted.fill_level_nl)
            self._owe(int(state.before is None))
        if self._model is None:
            state.fill.level_nl = trusted.fill_level_nl
            state.battery.feed(now, trusted.battery_mv)
        else:
            self._measure(state, self._model, elapsed, events)
        state.last_flow = None
        state.volume = state.left()
        if state.first_level is None:
            self._note_first_level()
        self._judge(conditions.evaluate(state, now))
        late = now - self._kept_at >= SAVE_INTERVAL or state.refills.moved >= DATE_STEP
        late = late or state.compared  # RES-07: a reset would compare it anew
        return self._outcome(None, events or NO_EVENTS, keep=self._owed > 0 or late)

    def advance(self, ticks: int) -> Outcome:
        """End pauses and refill windows, remind of alarms (ALM-07) and refills, miss samples.

        Without samples dates go on, and with them what is to be told (RES-04, SEN-06).
        """
        state = self._state
        self._status = None
        now = self._enter(ticks)
        events = self._end_what_is_due(now)
        if now - state.sampled >= AGE_MAX and not state.stale:
            state.stale = True
            state.flow = state.volume = state.readings = None
        self._judge(conditions.evaluate(state, now))
        return self._outcome(None, events, keep=bool(events))  # RST-01: it stays so

    def handle(self, ticks: int, request: Request) -> Outcome:
        """Answer, and keep what changed before the answer leaves."""
        state, now = self._state, self._enter(ticks)
        if type(request.body) is GetStatus:
            return Outcome(self._tell_status(now))
        self._prove()
        if type(request.body) is WriteConfiguration:
            return self._configure(request)
        reply, events = requests.answer(state, now, request)
        if isinstance(request.body, READS):
            return Outcome(reply)
        return self._answered(request, reply, events)

    def _configure(self, request: Request) -> Outcome:
        """FLW-07: what memory does not keep is not in force, and never was.

        Memory is tried before, too: what it tells late is taken up, and is not undone.
        """
        events, kept = self._keep(), self._owed < COPIES
        before = {**vars(self), "_state": deepcopy(self._state)}
        reply, noted = requests.answer(self._state, self._state.now, request)
        if isinstance(reply, Refused):
            return self._answered(request, reply, events)
        if kept:
            outcome = self._answered(request, reply, [*events, *noted])
            if self._owed < COPIES:
                return outcome
        vars(self).update(before)
        self._state.memory_failed = True
        outcome = self._answered(request, Refused(reason=Refusal.NOT_KEPT), events)
        if kept and self._owed == COPIES:  # what was written may be there, and counts after a reset
            return outcome._replace(reply=Refused(reason=Refusal.FIRMWARE_FAULT))
        return outcome

    def _answered(self, request: Request, reply: Reply, events: Sequence[Event]) -> Outcome:
        """It is judged anew, and kept before the answer leaves, whatever was answered."""
        state, now = self._state, self._state.now
        self._status = None
        self._rebuild()
        self._take(conditions.standing(state))  # requests end alarms, and what still holds is news
        self._judge(conditions.evaluate(state, now))
        self._diagnose()
        if type(request.body) in requests.LASTING and isinstance(reply, Done):
            noted = (*events, *state.alarms.events)
            state.kept = Kept(request.command_id, reply.reference, noted)
            state.commanded = True
            self._owe(COPIES)
            state.commanded_pump |= type(request.body) is not AcknowledgeAlarm
        return self._outcome(reply, events)

    def _tell_status(self, now: int) -> Status:
        """Asked again before anything has changed, the status of before still holds."""
        due_in_s = self._state.refills.due_in_s(now)
        if self._status is None or self._status.status.refill_due_in_s != due_in_s:
            self._status = Status(status=requests.status_part(self._state, now))
        return self._status

    def next_deadline(self) -> int | None:
        """The end of the last sample's age or of the refill window, or the alarms' next timer.

        Once samples are missed, a refill's next date, too; and always one the counter can tell from
        one that is past: a count that nobody reads for a turn is lost (TIM-01).
        """
        state = self._state
        due = self._next_call() if state.stale else state.sampled + AGE_MAX
        timer, window = state.alarms.deadline(), state.refills.window_since
        if timer is not None and timer < due:
            due = timer
        if window is not None and window + T_REFILL < due:
            due = window + T_REFILL
        due = max(due, state.now)  # one that has long passed would read as one that is to come
        return (due + state.origin) & MASK

    def _next_call(self) -> int:
        """Without samples nothing but dates would call the logic."""
        state = self._state
        latest = state.now + LONGEST_AHEAD
        if state.configuration is None:
            return latest
        return min([latest, *state.refills.dates_after(state.now)])

    def save(self) -> dict[str, Any]:
        """The whole state as plain data (see `Restorable`)."""
        return {
            "state": _plain_state().dump_python(self._state, mode="json"),
            "kept_at": self._kept_at,
            "owed": self._owed,
            "proven_at": self._proven_at,
            "conditions": self._conditions,
            "sounder": self._sounder,
            "store": self._store.place(),
        }

    def load(self, memory: Memory, state: dict[str, Any]) -> None:
        """Go on as if nothing had happened (see `Restorable`)."""
        self._state = _plain_state().validate_python(state["state"], strict=False)
        self._kept_at, self._proven_at = state["kept_at"], state["proven_at"]
        self._owed = state["owed"]
        self._take(tuple(map(conditions.condition_of, state["conditions"])))
        self._symptoms = conditions.symptoms(self._state)
        self._sounder = None if state["sounder"] is None else Sounder(state["sounder"])
        self._store = Store(memory)
        self._store.resume(state["store"])
        self._alarms = self._state.alarms.present()
        self._status = None
        self._rebuild()

    def _end_what_is_due(self, now: int) -> Sequence[Event]:
        """Pauses of alarms, and a refill window that stays open."""
        state = self._state
        state.alarms.advance(now)
        window = state.refills.window_since
        if window is None or now - window < T_REFILL:
            return NO_EVENTS
        state.refills.close(now)
        state.needle.aborted()
        state.put_back()
        self._owe(COPIES)
        return WINDOW_ENDED

    def _since_last(self, events: list[Event]) -> int:
        """Ticks since the sample before; a minute's, where the counter stands still (TIM-05).

        The converter takes one a minute by its own clock. Deadlines do not come then: what is due
        ends here.
        """
        state = self._state
        elapsed = state.now - state.sampled
        if state.clock.count(elapsed):
            elapsed = MINUTE
            state.now += elapsed
            state.origin -= elapsed
            state.alarms.unticked += elapsed
            events += self._end_what_is_due(state.now)
        return elapsed

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

    def _note_first_level(self) -> None:
        """The first level after the reservoir was opened bounds what leaves it from there on."""
        state = self._state
        settled = state.before is None and state.refills.window_since is None
        volume = state.fill.volume()
        if settled and volume is not None:
            state.first_level = Level(volume, state.account.total_nl)

    def _sealed(self) -> int:
        """The seal of everything that requests alone may change (NVM-04)."""
        state, model = self._state, self._model
        filled = state.account.as_requested()
        if model is None:
            return seal(state.configuration, state.refills.refill, filled)
        made = (*model.flow.factors(), *model.limits)
        return seal(state.configuration, state.refills.refill, filled, made)

    def _prove(self) -> None:
        """NVM-04: what is not as it was made is taken from the store; the pump ran on meanwhile.

        What could not be read before goes first: it has more than numbers (ALM-09).
        """
        state = self._state
        self._proven_at = state.now
        if self._proven():
            return
        self._status = None
        state.memory_failed = True
        with suppress(MemoryFailedError):
            if self._mend() and self._proven():
                return
        content = self._store.load().content
        if content is None:
            state.lose_numbers()
            self._rebuild()
        else:
            self._make_up(state.load_numbers(decode(content)))

    def _proven(self) -> bool:
        """Whether all that is reckoned with is as it was made."""
        state, model = self._state, self._model
        if model is not None and model.configuration is not state.configuration:
            return False
        return self._sealed() == self._seal and state.account.balanced()

    def _make_up(self, since: int) -> None:
        """The account was loaded as it stood at a tick of this life; the pump ran on meanwhile."""
        self._rebuild()
        if self._model is not None:
            make_up(self._state, self._model, self._state.sampled - since)

    def _mend(self) -> bool:
        """Read again what could not be read; whether that is what this life should have begun with.

        Of a life before, it has alarms that nobody has acknowledged yet; those of this life join
        them (ALM-09, RST-02), and its numbers count where this life was not told others. Of this
        life, it has numbers that were proven.
        """
        state = self._state
        content = self._store.mend()
        if content is None:
            return False
        data = decode(content)
        if self._store.saved and data["life"] == state.life:
            self._make_up(state.load_numbers(data))
            return True
        raised = [one for one in state.alarms.open if one.raised is not None]
        state.load_durable(data)
        state.resets.count()
        if not state.commanded_pump:
            self._make_up(0)
        book = state.alarms
        for one in raised:
            book.update(state.now, AlarmId(one.alarm), Priority(one.priority), one.parts)
        book.changed, book.moved = list(book.open), True
        self._take(conditions.standing(state))
        return True

    # ---- conditions, alarms, memory

    def _owe(self, records: int) -> None:
        self._owed = max(self._owed, records)

    def _judge(self, now: conditions.Conditions) -> None:
        if now is not self._conditions and now != self._conditions:
            state = self._state
            for alarm, condition in zip(conditions.ORDER, now, strict=True):
                state.alarms.update(state.now, alarm, *(condition or conditions.NOTHING))
            self._take(now)
        elif not self._troubled:
            return
        self._diagnose()

    def _take(self, now: conditions.Conditions) -> None:
        self._conditions = now
        self._troubled = conditions.troubled(now)

    def _diagnose(self) -> None:
        """Symptoms can change while the same alarms stand: by direction, channel by channel.

        What is over need not have the cause of what stands; the reservoir may have been low then.
        """
        state = self._state
        seen = conditions.symptoms(state)
        if seen == self._symptoms:
            return
        self._symptoms = seen
        told = {*causes_of(seen.present, low=seen.low), *causes_of(seen.over, low=True)}
        state.causes = tuple(sorted(told))
        self._owe(1)

    def _keep(self) -> Sequence[Event]:
        """Write what must outlive a reset, and is proven; failing memory is a fault (NVM-07).

        The record is of the last sample: totals and the real-time clock are known for that tick.
        What could not be written is tried again with the next sample (ALM-09).
        """
        state = self._state
        self._kept_at, state.refills.moved, state.compared = state.now, 0, False
        try:
            mended = self._mend()
            self._prove()
            sound = self._store.save(encode(state.durable(state.now)))
        except (MemoryFailedError, RecordTooLargeError):
            state.memory_failed = True
            self._owe(COPIES)
            return NO_EVENTS
        self._owed = max(self._owed - 1, 0)
        state.memory_failed = state.memory_failed or self._store.failed
        return NO_EVENTS if sound and not mended else CORRECTED

    def _outcome(
        self, reply: Reply | None, events: Sequence[Event], *, keep: bool = False
    ) -> Outcome:
        """Gather what the call led to; most samples lead to beliefs alone.

        ALM-10: it is kept here, before the outcome leaves to sound and be told, and by one record:
        what memory fails to keep sounds all the same, and with the same sample (ALM-14), as does
        that it failed (NVM-07).
        """
        state = self._state
        book = state.alarms
        changed: Sequence[AlarmOccurrence] = ()
        actuation = None
        if book.changed:
            self._owe(COPIES)
        if keep or book.changed or reply is not None:
            events = [*events, *self._keep()]
            if state.memory_failed:
                self._judge(conditions.with_failed_memory(self._conditions))
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
            state.delivered_between_nl(),
            state.dose_between_ng(),
        )
        return Outcome(reply, actuation, events, changed, beliefs)


@cache
def _plain_state() -> TypeAdapter[State]:
    """Between state and plain data; made by the first snapshot, as few pumps ever see one."""
    return TypeAdapter(State)
