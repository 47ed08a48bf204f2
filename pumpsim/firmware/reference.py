"""The reference control logic of a telemetric constant-flow pump.

Every sample becomes a flow, a residual volume, a dose and a set of conditions; conditions become
alarms; alarms become sound. All of it in integers and ticks, so that it can be ported as it stands.
"""

from typing import Any, Final

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
from protocol.messages import AlarmOccurrence, GetStatus, ListAlarms, ReadConfiguration, Reply
from protocol.vocabulary import EventKind, Priority, Quality, ResetCause, Sounder
from pumpsim.firmware import conditions, requests
from pumpsim.firmware.flow import FlowModel
from pumpsim.firmware.refills import T_REFILL
from pumpsim.firmware.state import State, decode, encode
from pumpsim.firmware.store import Store
from pumpsim.firmware.ticks import HOUR, from_s

SAVE_INTERVAL: Final = HOUR
"""Totals are written at least so often; a reset costs no more than what the clock bridges."""
READS: Final = (GetStatus, ListAlarms, ReadConfiguration)
WATER_PERMILLE: Final = 1_000
STATE: Final = TypeAdapter(State)


class ReferenceLogic:
    """The `ControlLogic` this testbed is built around; state in `State`, rules in its modules."""

    name = "reference 0.1"

    def __init__(self) -> None:
        """A dead board: nothing happens before `boot`."""
        self._state = State()
        self._model: FlowModel | None = None
        self._store: Store | None = None
        self._saved_at = 0
        self._conditions = conditions.NONE
        self._sounder: Sounder | None = None  # unknown until it was set once

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        """Take up what memory holds; blank memory is a pump that was never configured."""
        del cause  # logged by the device
        state = self._state
        state.now = self._saved_at = ticks
        self._store = Store(memory)
        try:
            content, damaged = self._store.load()
            if content is not None:
                state.load_durable(ticks, decode(content))
            state.configuration_lost = content is None and damaged
        except MemoryFailedError:
            state.memory_failed = state.configuration_lost = True
        self._rebuild()
        self._evaluate(ticks)
        return self._outcome(None, [])

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        """Reckon with a new sample."""
        state = self._state
        elapsed = ticks - state.now
        state.now = ticks
        state.readings = readings
        if state.rtc_at_save_s is not None and readings.rtc_valid:
            self._bridge_downtime(readings)
        configuration, model = state.configuration, self._model
        if configuration is None or model is None:
            state.fill.add(ticks, readings.fill_level_nl)
            self._evaluate(ticks)
            return self._outcome(None, [])
        refills = state.refills
        window_open = refills.window_since is not None
        flow = _suspended(state.flow) if window_open else model.estimate(readings)
        state.flow = flow
        flow_nl_per_h = state.assumed_flow_nl_per_h() if flow is None else flow.estimate
        state.account.deliver(elapsed, flow_nl_per_h)
        if window_open:
            state.fill.level_nl = readings.fill_level_nl
        elif state.fill.add(ticks, readings.fill_level_nl) and state.volume is not None:
            refills.predict(ticks, state.volume, flow_nl_per_h, configuration)
        state.volume = state.fill.volume()
        if flow is not None and not window_open and not conditions.cold(state, ticks):
            state.deviation.feed(elapsed, flow_nl_per_h, configuration)
        self._evaluate(ticks)
        if ticks - self._saved_at >= SAVE_INTERVAL:
            self._save(ticks)
        return self._outcome(None, [])

    def advance(self, ticks: int) -> Outcome:
        """End pauses and refill windows whose time has come."""
        state = self._state
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
        reply, events = requests.answer(self._state, ticks, request)
        if isinstance(request.body, READS):
            return Outcome(reply)
        self._rebuild()
        self._evaluate(ticks)
        self._save(ticks)
        return self._outcome(reply, events)

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
            "conditions": self._conditions,
            "sounder": self._sounder,
        }

    def load(self, memory: Memory, state: dict[str, Any]) -> None:
        """Go on as if nothing had happened (see `Restorable`)."""
        self._state = STATE.validate_python(state["state"])
        self._saved_at = state["saved_at"]
        self._conditions = tuple(None if p is None else Priority(p) for p in state["conditions"])
        self._sounder = None if state["sounder"] is None else Sounder(state["sounder"])
        self._store = Store(memory)
        self._store.load()
        self._rebuild()

    def _rebuild(self) -> None:
        """Make anew what follows from configuration and refill."""
        configuration, refill = self._state.configuration, self._state.refills.refill
        viscosity = WATER_PERMILLE if refill is None else refill.viscosity_permille
        self._model = None if configuration is None else FlowModel(configuration, viscosity)

    def _evaluate(self, ticks: int) -> None:
        now = conditions.evaluate(self._state, ticks)
        if now == self._conditions:
            return
        for alarm, priority in zip(conditions.ORDER, now, strict=True):
            self._state.alarms.update(ticks, alarm, priority)
        self._conditions = now

    def _bridge_downtime(self, readings: Readings) -> None:
        """RST-03: the flow went on while the device was without supply."""
        state = self._state
        if state.rtc_at_save_s is None or readings.rtc_s is None:
            return
        downtime = max(from_s(readings.rtc_s - state.rtc_at_save_s), 0)
        state.rtc_at_save_s = None
        state.refills.shift(downtime)
        state.account.deliver(downtime, state.assumed_flow_nl_per_h())

    def _save(self, ticks: int) -> None:
        state = self._state
        self._saved_at = ticks
        if self._store is None:
            return
        try:
            self._store.save(encode(state.durable(ticks)))
        except MemoryFailedError:
            state.memory_failed = True

    def _outcome(self, reply: Reply | None, events: list[Event]) -> Outcome:
        """Gather what the call led to; most samples lead to beliefs alone."""
        state = self._state
        book = state.alarms
        changed: list[AlarmOccurrence] = []
        actuation = None
        if book.changed:
            noted, changed = book.drain()
            events = [*events, *noted]
            if reply is None:
                self._save(state.now)  # ALM-10: persist, sound, publish
        if changed or state.set_rtc_s is not None or self._sounder is None:
            self._sounder = book.sounder()
            signal = self._sounder is not Sounder.OFF
            actuation = Actuation(self._sounder, signal, set_rtc_s=state.set_rtc_s)
            state.set_rtc_s = None
        return Outcome(reply, actuation, events, changed, self._beliefs())

    def _beliefs(self) -> Beliefs:
        state = self._state
        account = state.account
        return Beliefs(
            state.flow, state.volume, account.total_nl, account.dose_ng(), state.alarms.present()
        )


def _suspended(flow: Interval | None) -> Interval | None:
    """FLW-08: in a refill window pressures are no evidence; the last estimate stands, degraded."""
    return None if flow is None else flow._replace(quality=Quality.DEGRADED)
