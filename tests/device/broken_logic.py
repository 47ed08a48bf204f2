"""Control logic that breaks its contract, each class in one way."""

from protocol.control import Memory, Outcome, PowerLostError, Readings, Request
from protocol.messages import GetStatus
from protocol.vocabulary import ResetCause
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.ticks import MINUTE


class Raising(ReferenceLogic):
    def sample(self, ticks: int, readings: Readings) -> Outcome:
        if readings.sequence == 3:
            raise ZeroDivisionError
        return super().sample(ticks, readings)


class Nonsense(ReferenceLogic):
    def handle(self, ticks: int, request: Request) -> Outcome:
        if isinstance(request.body, GetStatus):
            return Outcome(None)
        return super().handle(ticks, request)


class Unpowered(ReferenceLogic):
    def sample(self, ticks: int, readings: Readings) -> Outcome:
        if readings.sequence == 3:
            raise PowerLostError
        return super().sample(ticks, readings)


class Stuck(ReferenceLogic):
    def next_deadline(self) -> int | None:
        return 1


class Unbootable(ReferenceLogic):
    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        raise RuntimeError(memory, cause, ticks)


class Watchful(ReferenceLogic):
    """Sound logic that wants to be called when no sample has come for three minutes."""

    LONGEST = 3 * MINUTE

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Readings] = []
        self.missed: list[int] = []
        self._due: int | None = None

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        self.given.append(readings)
        self._due = ticks + self.LONGEST
        return super().sample(ticks, readings)

    def advance(self, ticks: int) -> Outcome:
        self.missed.append(ticks)
        self._due = ticks + self.LONGEST
        return super().advance(ticks)

    def next_deadline(self) -> int | None:
        return self._due
