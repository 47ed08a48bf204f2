"""Memory chips for a desk: one that keeps what was synced and nothing else, and one that fails."""

from collections.abc import Sequence
from typing import Final

from protocol.control import MemoryFailedError, PowerLostError
from protocol.memory import RamMemory

SIZE: Final = 65_536
ERASED: Final = 0xFF
HALF: Final = 2
GAP: Final = 64
"""So many bytes that nobody has written lie between two areas."""


class Chip:
    """Writes are seen at once and durable with `sync`: the contract, to the letter."""

    def __init__(self, durable: bytes = b"") -> None:
        """A chip that holds so much, the rest erased."""
        self._durable = RamMemory(SIZE, durable)
        self._seen = RamMemory(SIZE, durable)

    @property
    def size(self) -> int:
        """Bytes there are."""
        return SIZE

    def read(self, address: int, length: int) -> bytes:
        """As they were written last."""
        return self._seen.read(address, length)

    def write(self, address: int, data: bytes) -> None:
        """Seen at once."""
        self._seen.write(address, data)

    def sync(self) -> None:
        """Durable from here on."""
        self._durable.write(0, self._seen.read(0, SIZE))

    def without_supply(self) -> "Chip":
        """What the next life finds."""
        return Chip(self.content())

    def used(self) -> list[int]:
        """Addresses of what was written durably."""
        content = self.content()
        return [address for address, byte in enumerate(content) if byte != ERASED]

    def areas(self) -> list[range]:
        """Where what was written durably lies: from a record's first byte to its last, say."""
        found: list[range] = []
        for address in self.used():
            if found and address - found[-1].stop < GAP:
                found[-1] = range(found[-1].start, address + 1)
            else:
                found.append(range(address, address + 1))
        return found

    def content(self) -> bytes:
        """What is durable."""
        return self._durable.read(0, SIZE)

    def rot(self, address: int) -> None:
        """A bit flips in that byte while the chip is in use."""
        for cells in (self._durable, self._seen):
            cells.write(address, bytes([cells.read(address, 1)[0] ^ 1 << address % 8]))

    def spoiled(self, addresses: Sequence[int]) -> "Chip":
        """What the next life finds when a bit has flipped in each of these bytes."""
        content = bytearray(self.content())
        for address in addresses:
            content[address] ^= 1 << address % 8
        return Chip(bytes(content))


class FailingChip(Chip):
    """A chip whose supply goes during an operation, counted from `arm` on, or that just fails."""

    def __init__(self, durable: bytes, cut_at: int | None) -> None:
        """Sound until it is armed."""
        super().__init__(durable)
        self.failing = False
        self.was_cut = False
        self._cut_at = cut_at
        self._left: int | None = None

    @classmethod
    def of(cls, chip: Chip, cut_at: int | None = None) -> "FailingChip":
        """What that chip holds, on one that may fail."""
        return cls(chip.content(), cut_at)

    def arm(self) -> None:
        """Count operations from here."""
        self._left = self._cut_at

    def read(self, address: int, length: int) -> bytes:
        """Unless it fails."""
        self._operate()
        return super().read(address, length)

    def write(self, address: int, data: bytes) -> None:
        """When supply goes, the first half of it has got to the cells."""
        try:
            self._operate()
        except PowerLostError:
            torn = data[: len(data) // HALF]
            self._durable.write(address, torn)
            raise
        super().write(address, data)

    def sync(self) -> None:
        """Unless it fails."""
        self._operate()
        super().sync()

    def survivor(self) -> Chip:
        """What the next life finds: a sound chip."""
        return Chip(self.content())

    def without_supply(self) -> Chip:
        """Likewise, but one that fails goes on failing."""
        if not self.failing:
            return self.survivor()
        failing = FailingChip.of(self.survivor())
        failing.failing = True
        return failing

    def _operate(self) -> None:
        if self.failing:
            raise MemoryFailedError
        if self._left is None:
            return
        self._left -= 1
        if self._left <= 0:
            self.was_cut = True
            raise PowerLostError
