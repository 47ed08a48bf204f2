"""Control logic that misbehaves, each class but one in one way: the suite must name it."""

import random
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from protocol.control import Event, Kept, Memory, Outcome, PowerLostError, Readings, Request
from protocol.messages import GetStatus, Reply, Status
from protocol.vocabulary import EventKind, ResetCause
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.conditions import Conditions


class Raises(ReferenceLogic):
    """Divides by a pressure that a broken sensor does not read."""

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        self.ratio = 101_300 / (readings.pocket_pressure_pa or 0)
        return super().sample(ticks, readings)


class Hangs(ReferenceLogic):
    """Waits for a level that changes."""

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        while readings.fill_level_nl:
            pass
        return super().sample(ticks, readings)


class Nonsense(ReferenceLogic):
    """Answers with what is no answer."""

    def handle(self, ticks: int, request: Request) -> Outcome:
        if isinstance(request.body, GetStatus):
            return Outcome(None)
        return super().handle(ticks, request)


class Random(ReferenceLogic):
    """Dithers."""

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        level_nl = readings.fill_level_nl
        if level_nl is not None:
            noise = random.SystemRandom().randint(-5_000, 5_000)
            readings = readings._replace(fill_level_nl=level_nl + noise)
        return super().sample(ticks, readings)


class Unordered(ReferenceLogic):
    """Believes the first of the channels it has in a set."""

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        for channel in {"pocket_pressure_pa", "catheter_pressure_pa", "reservoir_pressure_pa"}:
            if (pressure := getattr(readings, channel)) is not None:
                return super().sample(ticks, readings._replace(pocket_pressure_pa=pressure))
        return super().sample(ticks, readings)


class Clockwork(ReferenceLogic):
    """Looks at a clock that is not the pump's."""

    def next_deadline(self) -> int | None:
        return (self._state.origin + self._state.now + 1 + time.time_ns() % 1_000) % 2**32


class Grows(ReferenceLogic):
    """Keeps everything, for later."""

    def __init__(self) -> None:
        super().__init__()
        self._history: list[Readings] = []

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        self._history.append(readings)
        return super().sample(ticks, readings)


SAID: list[str] = []


class GrowsElsewhere(ReferenceLogic):
    """Keeps what was asked of it, in its module."""

    def handle(self, ticks: int, request: Request) -> Outcome:
        SAID.append(str(request))
        return super().handle(ticks, request)


class Sleeps(ReferenceLogic):
    """Waits for what nobody gives back."""

    lock = threading.Lock()

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        if readings.sequence == 3:
            with self.lock:
                self.lock.acquire()
        return super().sample(ticks, readings)


class Month(ReferenceLogic):
    """Counts milliseconds in 31 bits, and is silent from their end on."""

    def _outcome(self, *arguments: Any, **more: Any) -> Outcome:
        outcome = super()._outcome(*arguments, **more)
        if self._state.now // 32_768 * 1_000 >= 2**31:
            return outcome._replace(actuation=None)
        return outcome


class Narrow(ReferenceLogic):
    """Is surer of the flow than its sensors are."""

    def handle(self, ticks: int, request: Request) -> Outcome:
        outcome = super().handle(ticks, request)
        if isinstance(reply := outcome.reply, Status) and reply.status.flow_nl_per_h is not None:
            flow = reply.status.flow_nl_per_h
            third = (flow.high - flow.low) // 6
            told = {"low": flow.estimate - third, "high": flow.estimate + third}
            part = {"flow_nl_per_h": flow.model_copy(update=told)}
            reply = Status(status=reply.status.model_copy(update=part))
            return outcome._replace(reply=reply)
        return outcome


class Mute(ReferenceLogic):
    """Raises no alarm, whatever holds."""

    def _judge(self, now: Conditions) -> None:
        del now


class TellsFirst(ReferenceLogic):
    """Answers a command first, and writes it down with the next sample."""

    def _outcome(self, reply: Reply | None, events: Sequence[Event], **more: Any) -> Outcome:
        if reply is None:
            return super()._outcome(reply, events, **more)
        self._owed = 1
        return super()._outcome(None, events, **more)._replace(reply=reply)


class LosesId(ReferenceLogic):
    """Keeps what a command did, and not which command that was."""

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        return super().boot(memory, cause, ticks)._replace(kept=Kept())


class NoAccount(ReferenceLogic):
    """Keeps what a command did, and claims to know of none: no defect, as the contract has it."""

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        return super().boot(memory, cause, ticks)._replace(kept=None)


class Redoes(ReferenceLogic):
    """Does once more with each boot what it kept last, to be sure of it."""

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        booted = super().boot(memory, cause, ticks)
        for event in self._state.kept.events:
            if event.kind is EventKind.BOLUS_ACCESS_ENDED:
                self._state.account.push(event.value, "FUDR", 6_460_000)
        return booted


class Unmoved(ReferenceLogic):
    """Goes on as if nothing were wrong, whatever its memory says."""

    def _keep(self) -> Sequence[Event]:
        with suppress(PowerLostError):
            return super()._keep()
        return ()


class Forgets(ReferenceLogic):
    """Looks at the level at every other sample, and does not save which one is next."""

    _held: int | None = None

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        new, old = readings.fill_level_nl, self._held
        self._held = new if old is None else None
        return super().sample(ticks, readings._replace(fill_level_nl=old or new))


class Wraps:
    """Passes on whatever it is asked, even while a copy of it has nothing inside yet."""

    def __init__(self) -> None:
        self.inner = ReferenceLogic()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        return self.inner.boot(memory, cause, ticks)

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        return self.inner.sample(ticks, readings)

    def advance(self, ticks: int) -> Outcome:
        return self.inner.advance(ticks)

    def handle(self, ticks: int, request: Request) -> Outcome:
        return self.inner.handle(ticks, request)

    def next_deadline(self) -> int | None:
        return self.inner.next_deadline()


class Unsaved(Wraps):
    """Passes on what the contract asks of it, and no more: it is well, and cannot be saved."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Locked(ReferenceLogic):
    """Holds what cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
