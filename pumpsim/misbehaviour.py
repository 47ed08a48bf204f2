"""Control logic that goes wrong at its next call, once, because the laboratory wants it to.

It stands in for the running logic behind the same guard, so what follows is what follows when real
logic fails: a named fault, and a new life (RST-11).

A stall is emulated by its consequence. Nothing can interrupt a call of pure Python, and the core
reads no clock; so the stand-in itself tells what a watchdog would have: the call did not return in
time.
"""

from collections.abc import Callable
from typing import Final, Literal

from protocol.control import NOTHING, ControlLogic, Memory, Outcome, Readings, Request
from protocol.guard import FirmwareFaultError
from protocol.vocabulary import FirmwareFault, ResetCause

How = Literal["raises", "nonsense", "bad_deadline", "stalls"]
NO_DEADLINE: Final = -1


class Misbehaving:
    """What the guard calls in place of `logic`."""

    def __init__(self, logic: ControlLogic, how: How, struck: Callable[[], None]) -> None:
        """`struck` is told when the call came."""
        self.logic = logic
        self.how = how
        self._struck = struck

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        """Not asked for: running logic has been booted."""
        return self.logic.boot(memory, cause, ticks)

    def sample(self, _ticks: int, _readings: Readings) -> Outcome:
        """Go wrong."""
        return self._go_wrong()

    def advance(self, _ticks: int) -> Outcome:
        """Go wrong."""
        return self._go_wrong()

    def handle(self, _ticks: int, _request: Request) -> Outcome:
        """Go wrong."""
        return self._go_wrong()

    def next_deadline(self) -> int | None:
        """No count of ticks, if that is how."""
        return NO_DEADLINE if self.how == "bad_deadline" else None

    def _go_wrong(self) -> Outcome:
        self._struck()
        if self.how == "raises":
            raise RuntimeError("the laboratory made it raise")
        if self.how == "stalls":
            raise FirmwareFaultError(FirmwareFault.STALLED, "a call did not return in time")
        return NOTHING if self.how == "bad_deadline" else None  # type: ignore[return-value]  # nonsense
