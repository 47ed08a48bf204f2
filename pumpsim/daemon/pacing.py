"""A serial line is only so fast: bytes pass at the baud rate, ten bits each."""

import asyncio
from collections.abc import Callable
from typing import Final

BITS_PER_BYTE: Final = 10
CHUNK_BYTES: Final = 32
MAX_BACKLOG_S: Final = 2.0
"""More than this on its way, and what is not kept back has to be thrown away."""

SLOWEST_BAUD: Final = 50
FASTEST_BAUD: Final = 4_000_000


def check_baud(text: str) -> int:
    """A baud rate; ValueError says what may be."""
    number = text.isascii() and text.isdecimal() and len(text) < 10
    if number and SLOWEST_BAUD <= int(text) <= FASTEST_BAUD:
        return int(text)
    message = f"{text!r} is no baud rate of {SLOWEST_BAUD} to {FASTEST_BAUD}"
    raise ValueError(message)


class Pace:
    """One direction of a line. Without a baud rate everything passes at once."""

    def __init__(
        self,
        baud: int | None,
        deliver: Callable[[bytes], None],
        answers: "Pace | None" = None,
    ) -> None:
        """`deliver` gets the bytes when the last of them would have arrived.

        Timers fire up to a millisecond late: what is put while `answers` delivers leaves when
        that was due, so that their lateness does not add up.
        """
        self._answers = answers
        self.due_s: float | None = None  # of what is being delivered
        self._byte_s = 0.0 if baud is None else BITS_PER_BYTE / baud
        self._deliver = deliver
        self._free_s = 0.0

    def backlog_s(self) -> float:
        """How long the line is still busy."""
        if not self._byte_s:
            return 0.0
        return max(self._free_s - asyncio.get_running_loop().time(), 0.0)

    def put(self, data: bytes) -> None:
        """Send bytes down the line; when it is too far behind they are lost."""
        if not self._byte_s:
            self._deliver(data)
            return
        if self.backlog_s() > MAX_BACKLOG_S:
            return
        loop = asyncio.get_running_loop()
        due_s = None if self._answers is None else self._answers.due_s
        self._free_s = max(self._free_s, loop.time() if due_s is None else due_s)
        for start in range(0, len(data), CHUNK_BYTES):
            chunk = data[start : start + CHUNK_BYTES]
            self._free_s += len(chunk) * self._byte_s
            loop.call_at(self._free_s, self._arrive, self._free_s, chunk)

    def _arrive(self, due_s: float, chunk: bytes) -> None:
        self.due_s = due_s
        try:
            self._deliver(chunk)
        finally:
            self.due_s = None
