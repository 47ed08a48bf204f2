"""One line to an instrument: what speaks on it, and what can be wrong with it.

An interpreter serves one connection; several may stand on the same model. Time is an argument.
"""

from enum import StrEnum
from typing import Final, Protocol

SLOW_NS: Final = 8_000_000_000
"""How late a slow instrument answers: later than drivers commonly wait."""
MAX_HELD: Final = 65_536
"""Bytes that a slow instrument keeps; what comes on top is lost."""
NOISE: Final = 0xA5


class Fault(StrEnum):
    """What ails an instrument, by its name."""

    NONE = "none"
    SILENT = "silent"
    WRONG_UNIT = "wrong_unit"
    OVERLOAD = "overload"
    GARBAGE = "garbage"
    SLOW = "slow"


class Ailment:
    """The fault of one instrument, which all its lines share."""

    def __init__(self, fault: Fault = Fault.NONE) -> None:
        """As it begins."""
        self.fault = fault


class Interpreter(Protocol):
    """A command set as a machine."""

    def receive(self, now_ns: int, data: bytes) -> bytes:
        """Bytes came in; what is answered at once."""

    def advance(self, now_ns: int) -> bytes:
        """What is due by now, such as the weight that was waited for."""

    def next_deadline(self) -> int | None:
        """When `advance` would have something to do; None for never."""


class FaultyLine:
    """An interpreter behind whatever is wrong with the line; unit and range it sees to itself."""

    def __init__(self, inner: Interpreter, ailment: Ailment) -> None:
        """Nothing is held back yet."""
        self._inner = inner
        self._ailment = ailment
        self._held: list[tuple[int, bytes]] = []

    def receive(self, now_ns: int, data: bytes) -> bytes:
        """As the interpreter would, but for the fault."""
        if self._ailment.fault is Fault.SILENT:
            return b""
        return self._pass(now_ns, self._inner.receive(now_ns, data))

    def advance(self, now_ns: int) -> bytes:
        """As the interpreter would, but for the fault."""
        due = b"".join(data for due_ns, data in self._held if due_ns <= now_ns)
        self._held = [(due_ns, data) for due_ns, data in self._held if due_ns > now_ns]
        said = self._pass(now_ns, self._inner.advance(now_ns))
        return b"" if self._ailment.fault is Fault.SILENT else due + said

    def next_deadline(self) -> int | None:
        """Of the interpreter, or of what is held back."""
        held_ns = self._held[0][0] if self._held else None
        due = [due_ns for due_ns in (held_ns, self._inner.next_deadline()) if due_ns is not None]
        return min(due, default=None)

    def _pass(self, now_ns: int, said: bytes) -> bytes:
        match self._ailment.fault:
            case Fault.SLOW:
                self._hold(now_ns, said)
                return b""
            case Fault.GARBAGE:
                return bytes(byte if byte in b"\r\n" else byte ^ NOISE for byte in said)
            case _:
                return said

    def _hold(self, now_ns: int, said: bytes) -> None:
        if said and sum(len(data) for _, data in self._held) + len(said) <= MAX_HELD:
            self._held.append((now_ns + SLOW_NS, said))
