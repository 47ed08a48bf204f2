"""Non-volatile memory as chips are: volatile until synced, torn when power goes, mortal.

Wraps any `Memory` of the control contract. What was written and not synced is seen by reads, but
lives in a buffer; when the supply fails, each page of it has reached the cells or not, in any
order, some in part. Chance follows from the seed alone (NVM-02, NVM-07).
"""

from typing import Final

from protocol.control import Memory, MemoryFailedError, PowerLostError
from pumpsim.streams import Stream

PAGE: Final = 16
"""Bytes a chip programs in one go; a page is torn at any byte."""
MAX_BUFFERED: Final = 65_536
"""Bytes a chip holds back; with more, it programs what it has."""


class MortalMemory:
    """Memory whose supply fails at a given operation, and whose operations can fail.

    Operations are counted from 0: every `read`, `write` and `sync`. `cut_at` is the one during
    which power goes: it and all later ones raise PowerLostError. Those named in `failing` raise
    MemoryFailedError and do nothing.
    """

    def __init__(
        self,
        cells: Memory,
        seed: int,
        *,
        cut_at: int | None = None,
        failing: frozenset[int] = frozenset(),
    ) -> None:
        """`cells` is what survives: boot the next life from it."""
        self.operations = 0
        self.took_effect = False
        self._cells = cells
        self._chance = Stream(seed, "nvm")
        self._cut_at = cut_at
        self._failing = failing
        self._buffer: list[tuple[int, bytes]] = []  # (address, at most a page), oldest first

    @property
    def size(self) -> int:
        """Bytes there are."""
        return self._cells.size

    def read(self, address: int, length: int) -> bytes:
        """The bytes as written, synced or not."""
        self._count()
        seen = bytearray(self._cells.read(address, length))
        for start, data in self._buffer:
            for offset, byte in enumerate(data, start - address):
                if 0 <= offset < length:
                    seen[offset] = byte
        return bytes(seen)

    def write(self, address: int, data: bytes) -> None:
        """Put `data` into the buffer."""
        self._cells.read(address, len(data))  # IndexError outside the chip, before anything moves
        pages = [(address + at, data[at : at + PAGE]) for at in range(0, len(data), PAGE)]
        self._count(pages)
        self._buffer += pages
        if sum(len(page) for _, page in self._buffer) > MAX_BUFFERED:
            self._program()

    def sync(self) -> None:
        """Make every write so far durable."""
        self._count()
        self._program()

    def _count(self, pages: list[tuple[int, bytes]] | None = None) -> None:
        """One more operation: does it take place? `pages` are those it was about to add."""
        number = self.operations
        self.operations += 1
        if self._cut_at is not None and number >= self._cut_at:
            if number == self._cut_at:
                self.took_effect = True
                self._buffer += pages or []
                self._tear()
            raise PowerLostError
        if number in self._failing:
            self.took_effect = True
            raise MemoryFailedError

    def _program(self) -> None:
        for address, data in self._buffer:
            self._cells.write(address, data)
        self._buffer.clear()

    def _tear(self) -> None:
        """What of the buffer reached the cells: any of the pages, in any order, some in part."""
        dice = iter(range(3 * len(self._buffer)))
        order = sorted(self._buffer, key=lambda _: self._chance.noise(next(dice)))
        for address, data in order:
            if self._chance.noise(next(dice)) < 0.0:
                continue
            share = (self._chance.noise(next(dice)) + 3.0) / 2.0  # some of them in part
            self._cells.write(address, data[: int(share * len(data)) if share < 1.0 else None])
        self._buffer.clear()
