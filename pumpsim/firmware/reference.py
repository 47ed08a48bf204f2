"""The reference control logic of a telemetric constant-flow pump.

Every sample becomes a flow, a residual volume, a dose and a set of conditions; conditions become
alarms; alarms become sound. All of it in integers and ticks, so that it can be ported as it stands.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter

from protocol.control import (
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
from pumpsim.firmware import conditions, requests
from pumpsim.firmware.account import Account
from pumpsim.firmware.deviation import Limits, fill_deviates, limits_of
from pumpsim.firmware.flow import FlowModel
from pumpsim.firmware.integrity import CHECK_INTERVAL, seal
from pumpsim.firmware.refills import T_REFILL
from pumpsim.firmware.state import State, decode, encode
from pumpsim.firmware.store import RecordTooLargeError, Store
from pumpsim.firmware.ticks import HOUR, from_s

SAVE_INTERVAL: Final = HOUR
"""Totals are written at least so often; a reset costs no more than what the clock bridges."""
READS: Final = (ListAlarms, ReadConfiguration)
WATER_PERMILLE: Final = 1_000
STATE: Final = TypeAdapter(State)
NO_EVENTS: Final[Sequence[Event]] = ()
CORRECTED: Final[Sequence[Event]] = (Event(EventKind.MEMORY_CORRECTED),)


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
        self._seal = 0
        self._store: Store  # from boot on
        self._saved_at = self._proven_at = 0
        self._conditions = conditions.NONE
        self._sounder: Sounder | None = None  # unknown until it was set once
        self._alarms: tuple[AlarmId, ...] = ()
        self._status: Status | None = None  # as it was told last; None once anything has changed

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        """Take up what memory holds; blank memory is a pump that was never configured."""
        del cause  # logged by the device
        state = self._state
        state.now = self._saved_at = self._proven_at = ticks
        self._store = Store(memory)
        loaded = self._store.load()
        if loaded.content is not None:
            state.load_durable(ticks, decode(loaded.content))
        state.configuration_lost |= loaded.lost  # NVM-03: nothing is assumed, of drug or rate
        state.memory_failed = loaded.failed
        self._alarms = state.alarms.present()
        self._rebuild()
        self._conditions = conditions.resume(state)
        if state.configuration is None:  # readings are judged once there are some
            self._evaluate(ticks)
        return self._outcome(None, CORRECTED if loaded.corrected else NO_EVENTS)

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        """Reckon with a new sample."""
        state = self._state
        self._status = None
        if ticks - self._proven_at >= CHECK_INTERVAL:
            self._prove(ticks)
        elapsed = ticks - state.now
        state.now = ticks
        state.readings = readings
        if state.rtc_at_save_s is not None and readings.rtc_valid:
            self._bridge_downtime(ticks, readings)
        model = self._model
        if model is None:
            state.fill.level_nl = readings.fill_level_nl
        elif state.refills.window_since is None:
            self._reckon(model, ticks, elapsed, readings)
        else:  # FLW-08: liquid is being exchanged; the last estimate stands, degraded
            state.flow = _degraded(state.flow)
            state.account.deliver(elapsed, state.assumed_flow_nl_per_h())
            state.fill.level_nl = readings.fill_level_nl
        state.volume = state.fill.volume()
        due = ticks - self._saved_at >= SAVE_INTERVAL
        events = self._save() if due else NO_EVENTS
        self._evaluate(ticks)
        return self._outcome(None, events)

    def _reckon(self, model: Model, ticks: int, elapsed: int, readings: Readings) -> None:
        state = self._state
        flow = state.flow = model.flow.estimate(readings)
        flow_nl_per_h = state.assumed_flow_nl_per_h() if flow is None else flow.estimate
        state.account.deliver(elapsed, flow_nl_per_h)
        if flow is not None and not conditions.cold(state, ticks):
            state.deviation.feed(elapsed, flow_nl_per_h, model.limits)
        completed = state.fill.add(ticks, readings.fill_level_nl)
        if state.fill.slope is None:
            state.fill_over = state.fill_under = False
        if completed:
            if state.fill.slope is not None:
                state.fill_over, state.fill_under = fill_deviates(state.fill.slope, model.limits)
            if state.volume is not None:
                state.refills.predict(ticks, state.volume, flow_nl_per_h, model.configuration)

    def advance(self, ticks: int) -> Outcome:
        """End pauses and refill windows whose time has come."""
        state = self._state
        self._status = None
        state.alarms.resume(ticks)
        events = []
        window = state.refills.window_since
        if window is not None and ticks - window >= T_REFILL:
            state.refills.window_since = None
            state.fill.clear()
            events.append(Event(EventKind.REFILL_WINDOW_ENDED))
        return self._outcome(None, events)

    def handle(self, ticks: int, request: Request) -> Outcome:
        """Answer, and keep what changed before the answer leaves."""
        if type(request.body) is GetStatus:
            return Outcome(self._tell_status(ticks))
        self._prove(ticks)
        reply, events = requests.answer(self._state, ticks, request)
        if isinstance(request.body, READS):
            return Outcome(reply)
        self._status = None
        self._rebuild()
        self._evaluate(ticks)
        return self._outcome(reply, [*events, *self._save()])

    def _tell_status(self, ticks: int) -> Status:
        """Asked again before anything has changed, the status of before still holds."""
        due_in_s = self._state.refills.due_in_s(ticks)
        if self._status is None or self._status.status.refill_due_in_s != due_in_s:
            self._status = Status(status=requests.status_part(self._state, ticks))
        return self._status

    def next_deadline(self) -> int | None:
        """The end of the next audio pause or of the refill window."""
        pause = self._state.alarms.deadline()
        window = self._state.refills.window_since
        if window is None:
            return pause
        return window + T_REFILL if pause is None else min(pause, window + T_REFILL)

    def save(self) -> dict[str, Any]:
        """The whole state as plain data (see `Restorable`)."""
        return {
            "state": STATE.dump_python(self._state, mode="json"),
            "saved_at": self._saved_at,
            "proven_at": self._proven_at,
            "conditions": self._conditions,
            "sounder": self._sounder,
        }

    def load(self, memory: Memory, state: dict[str, Any]) -> None:
        """Go on as if nothing had happened (see `Restorable`)."""
        self._state = STATE.validate_python(state["state"], strict=False)
        self._saved_at, self._proven_at = state["saved_at"], state["proven_at"]
        self._conditions = tuple(None if p is None else Priority(p) for p in state["conditions"])
        self._sounder = None if state["sounder"] is None else Sounder(state["sounder"])
        self._store = Store(memory)
        self._store.load()
        self._alarms = self._state.alarms.present()
        self._status = None
        self._rebuild()

    def _rebuild(self) -> None:
        """Make anew what follows from configuration and refill."""
        configuration, refill = self._state.configuration, self._state.refills.refill
        viscosity = WATER_PERMILLE if refill is None else refill.viscosity_permille
        self._model = (
            None
            if configuration is None
            else Model(configuration, FlowModel(configuration, viscosity), limits_of(configuration))
        )
        self._seal = self._sealed()

    def _sealed(self) -> int:
        """The seal of everything that requests alone may change (NVM-04)."""
        state, model = self._state, self._model
        account = state.account
        filled = (account.drug, account.concentration_ng_per_ml)
        if model is None:
            return seal(state.configuration, state.refills.refill, filled)
        made = (*model.flow.factors(), *model.limits)
        return seal(state.configuration, state.refills.refill, filled, model.configuration, made)

    def _prove(self, ticks: int) -> None:
        """NVM-04: what is not as it was made is taken from the store; the pump ran on meanwhile."""
        state = self._state
        self._proven_at = ticks
        if self._sealed() == self._seal and state.account.balanced():
            return
        state.memory_failed = True
        content = self._store.load().content
        if content is None:
            state.configuration, state.account = None, Account()
            state.configuration_lost = True
        else:
            state.load_numbers(self._saved_at, decode(content))
            state.account.deliver(state.now - self._saved_at, state.assumed_flow_nl_per_h())
        self._rebuild()

    def _evaluate(self, ticks: int) -> None:
        now = conditions.evaluate(self._state, ticks)
        if now == self._conditions:
            return
        for alarm, priority in zip(conditions.ORDER, now, strict=True):
            self._state.alarms.update(ticks, alarm, priority)
        self._conditions = now

    def _bridge_downtime(self, ticks: int, readings: Readings) -> None:
        """RST-03: the flow went on while the device was without supply.

        The clock tells the time since the last save; ticks have counted what passed since boot.
        """
        state = self._state
        if state.rtc_at_save_s is None or readings.rtc_s is None:
            return
        downtime = max(from_s(readings.rtc_s - state.rtc_at_save_s) - ticks, 0)
        state.rtc_at_save_s = None
        state.refills.shift(downtime)
        state.account.deliver(downtime, state.assumed_flow_nl_per_h())
        self._saved_at -= SAVE_INTERVAL  # to be saved with this sample

    def _save(self) -> Sequence[Event]:
        """Keep what must outlive a reset; memory that fails or is full is a fault (NVM-07).

        The record is of the last sample: totals and the real-time clock are known for that tick.
        """
        state = self._state
        self._saved_at = state.now
        try:
            sound = self._store.save(encode(state.durable(state.now)))
        except (MemoryFailedError, RecordTooLargeError):
            state.memory_failed = True
            return NO_EVENTS
        return NO_EVENTS if sound else CORRECTED

    def _outcome(self, reply: Reply | None, events: Sequence[Event]) -> Outcome:
        """Gather what the call led to; most samples lead to beliefs alone."""
        state = self._state
        book = state.alarms
        changed: Sequence[AlarmOccurrence] = ()
        actuation = None
        if book.changed:
            noted, changed = book.drain()
            self._alarms = book.present()
            events = [*events, *noted]
            if reply is None:
                events += self._save()  # ALM-10: persist, sound, publish
        if changed or state.set_rtc_s is not None or self._sounder is None:
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


def _degraded(flow: Interval | None) -> Interval | None:
    return None if flow is None else flow._replace(quality=Quality.DEGRADED)
