"""Control logic that breaks its contract, each class in one way."""

from protocol.control import Memory, Outcome, PowerLostError, Readings, Request
from protocol.messages import GetStatus
from protocol.vocabulary import ResetCause
from pumpsim.firmware import ReferenceLogic


class Raising(ReferenceLogic):
    def sample(self, ticks: int, readings: Readings) -> Outcome:
        if readings.sequence == 3:
            raise ZeroDivisionError
        return super().sample(ticks, readings)


class Hopeless(ReferenceLogic):
    def sample(self, ticks: int, readings: Readings) -> Outcome:
        raise ZeroDivisionError(ticks, readings)


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
