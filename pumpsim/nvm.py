"""Non-volatile memory as chips are: volatile until synced, torn when power goes, mortal.

Wraps any `Memory` of the control contract. What was written and not synced is seen by reads, but
lives in a buffer; when the supply fails, each page of it has reached the cells or not, in any
order, some in part. Chance follows from the seed alone (NVM-02, NVM-07).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from protocol.control import Memory, MemoryFailedError, PowerLostError
from pumpsim.streams import Stream

PAGE: Final = 16
"""Bytes a chip programs in one go; a page is torn at any byte."""
MAX_BUFFERED: Final = 65_536
"""Bytes a chip holds back; with more, it programs what it has."""


class MortalMemory:
    """Memory whose supply fails at a given operation, and whose operations can fail.

    Operations are counted from 0: every `read`, `write` and `sync`. `cut_at` is the one during
    which power goes: it and all later ones raise PowerLostError, until `restart`. Those in
    `failing` raise MemoryFailedError and do nothing. `struck` is told whenever one of both happens.
    """

    def __init__(
        self,
        cells: Memory,
        seed: int,
        *,
        cut_at: int | None = None,
        failing: range = range(0),
        struck: Callable[[], None] | None = None,
    ) -> None:
        """`cells` is what survives: boot the next life from it."""
        self.operations = 0
        self.took_effect = False
        self._cells = cells
        self._chance = Stream(seed, "nvm")
        self._drawn = 0  # numbers taken from the stream
        self._cut_at = cut_at
        self._tears = False  # the next write
        self._failing = failing
        self._struck = struck
        self._buffer: list[tuple[int, bytes]] = []  # (address, at most a page), oldest first

    def cut_in(self, count: int) -> None:
        """Power goes during the `count`-th operation from now; 1 is the next."""
        self._cut_at = self.operations + count - 1

    def spare(self) -> None:
        """Power that was to go does not."""
        self._cut_at = None

    def tear_next(self) -> None:
        """Power goes during the next write, whichever operation that is."""
        self._tears = True

    def fail(self, count: int) -> None:
        """The next `count` operations fail; 0 mends them."""
        self._failing = range(self.operations, self.operations + count)

    def rot(self, place: Sequence[int], bits: int) -> None:
        """Flip so many bits of the cells at these addresses, each one of them once."""
        flipped: set[int] = set()
        while len(flipped) < min(bits, 8 * len(place)):
            flipped.add(int((self._draw() + 3.0) / 6.0 * 8 * len(place)) % (8 * len(place)))
        for bit in flipped:
            address = place[bit // 8]
            self._cells.write(address, bytes([self._cells.read(address, 1)[0] ^ 1 << bit % 8]))

    def restart(self, *, supply_lost: bool) -> None:
        """A new life of what uses it: a supply that had failed is back.

        What was not synced is torn, if the supply failed without this memory's doing.
        """
        if supply_lost:
            self._tear()
        if self._cut_at is not None and self.operations > self._cut_at:
            self._cut_at = None

    def snapshot(self) -> dict[str, Any]:
        """Everything but the cells, as plain data."""
        return {
            "operations": self.operations,
            "drawn": self._drawn,
            "cut_at": self._cut_at,
            "tears": self._tears,
            "failing": [self._failing.start, self._failing.stop],
            "buffer": [[address, page.hex()] for address, page in self._buffer],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave."""
        self.operations, self._drawn = data["operations"], data["drawn"]
        self._cut_at, self._failing = data["cut_at"], range(*data["failing"])
        self._tears = data["tears"]
        self._buffer = [(address, bytes.fromhex(page)) for address, page in data["buffer"]]

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
        if self._tears:
            self._cut_at, self._tears = self.operations, False
        self._count((address, data))
        self._buffer.append((address, data))
        if sum(len(written) for _, written in self._buffer) > MAX_BUFFERED:
            self._program()

    def sync(self) -> None:
        """Make every write so far durable."""
        self._count()
        self._program()

    def _count(self, *writes: tuple[int, bytes]) -> None:
        """One more operation: does it take place? `writes` are those it was about to add."""
        number = self.operations
        self.operations += 1
        if self._cut_at is not None and number >= self._cut_at:
            if number == self._cut_at:
                self._strike()
                self._buffer += writes
                self._tear()
            raise PowerLostError
        if number in self._failing:
            self._strike()
            raise MemoryFailedError

    def _strike(self) -> None:
        self.took_effect = True
        if self._struck is not None:
            self._struck()

    def _draw(self) -> float:
        self._drawn += 1
        return self._chance.noise(self._drawn - 1)

    def _program(self) -> None:
        for address, data in self._buffer:
            self._cells.write(address, data)
        self._buffer.clear()

    def _tear(self) -> None:
        """What of the buffer reached the cells: any of the pages, in any order, some in part."""
        pages = [
            (address + at, data[at : at + PAGE])
            for address, data in self._buffer
            for at in range(0, len(data), PAGE)
        ]
        order = sorted(pages, key=lambda _: self._draw())
        for address, data in order:
            if self._draw() < 0.0:
                continue
            share = (self._draw() + 3.0) / 2.0  # some of them in part
            self._cells.write(address, data[: int(share * len(data)) if share < 1.0 else None])
        self._buffer.clear()
