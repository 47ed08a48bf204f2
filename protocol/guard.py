"""A fence around control logic: whatever it does wrong comes out as one named fault (RST-11)."""

from collections.abc import Callable
from typing import Final

from protocol.control import (
    Actuation,
    ControlLogic,
    Memory,
    Outcome,
    PowerLostError,
    Readings,
    Request,
)
from protocol.messages import Reply
from protocol.vocabulary import FirmwareFault, ResetCause

MAX_EVENTS: Final = 256
"""Events one call may return; more is nonsense."""
MAX_TICKS: Final = 2**63


class FirmwareFaultError(Exception):
    """Control logic broke its contract."""

    def __init__(self, fault: FirmwareFault, detail: str) -> None:
        """Name the fault; `detail` is for a person."""
        super().__init__(f"{fault.name.lower()}: {detail}")
        self.fault = fault


class Guard:
    """Control logic behind its contract: every call returns a sound outcome or raises the fault.

    PowerLostError passes through: it is the supply's doing, not the logic's.
    """

    def __init__(self, logic: ControlLogic) -> None:
        """Guard `logic`, which has not been booted yet."""
        self.logic = logic
        self.deadline: int | None = None

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        """Boot it."""
        return self._checked(ticks, lambda: self.logic.boot(memory, cause, ticks))

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        """Give it a new sample. The hot path: written out, not wrapped."""
        try:
            outcome = self.logic.sample(ticks, readings)
            self.deadline = deadline = self.logic.next_deadline()
        except PowerLostError:
            raise
        except Exception as error:
            raise _raised(error) from error
        if type(outcome) is not Outcome or outcome.events or outcome.actuation or deadline:
            _check(ticks, outcome, deadline)
        return outcome

    def advance(self, ticks: int) -> Outcome:
        """Tell it that its deadline has come; the next one must lie ahead."""
        outcome = self._checked(ticks, lambda: self.logic.advance(ticks))
        if self.deadline is not None and self.deadline <= ticks:
            detail = f"next_deadline() stays at {self.deadline} at tick {ticks}"
            raise FirmwareFaultError(FirmwareFault.BAD_DEADLINE, detail)
        return outcome

    def handle(self, ticks: int, request: Request) -> Outcome:
        """Let it answer a request."""
        outcome = self._checked(ticks, lambda: self.logic.handle(ticks, request))
        if not isinstance(outcome.reply, Reply):
            detail = f"handle() answered {type(request.body).__name__} with {outcome.reply!r}"
            raise FirmwareFaultError(FirmwareFault.BAD_OUTCOME, detail)
        return outcome

    def _checked(self, ticks: int, call: Callable[[], Outcome]) -> Outcome:
        try:
            outcome = call()
            self.deadline = self.logic.next_deadline()
        except PowerLostError:
            raise
        except Exception as error:
            raise _raised(error) from error
        _check(ticks, outcome, self.deadline)
        return outcome


def _raised(error: Exception) -> FirmwareFaultError:
    return FirmwareFaultError(FirmwareFault.RAISED, f"{type(error).__name__}: {error}")


def _check(ticks: int, outcome: object, deadline: object) -> None:
    if not isinstance(outcome, Outcome):
        raise FirmwareFaultError(FirmwareFault.BAD_OUTCOME, f"returned {outcome!r}")
    if outcome.actuation is not None and not isinstance(outcome.actuation, Actuation):
        raise FirmwareFaultError(FirmwareFault.BAD_OUTCOME, f"actuation {outcome.actuation!r}")
    if len(outcome.events) > MAX_EVENTS:
        raise FirmwareFaultError(FirmwareFault.BAD_OUTCOME, f"{len(outcome.events)} events at once")
    if deadline is not None and not (isinstance(deadline, int) and 0 <= deadline < MAX_TICKS):
        raise FirmwareFaultError(FirmwareFault.BAD_DEADLINE, f"{deadline!r} at tick {ticks}")
