"""Plain non-volatile memory in RAM: what a factory-new chip holds, and nothing ever fails."""

ERASED = 0xFF


class RamMemory:
    """The `Memory` of the control contract over a byte array. Every write is durable at once."""

    def __init__(self, size: int = 65_536, content: bytes = b"") -> None:
        """Hold `content`, the rest erased; ValueError when it does not fit."""
        if len(content) > size:
            message = f"{len(content)} bytes do not fit a memory of {size}"
            raise ValueError(message)
        self._cells = bytearray(content.ljust(size, bytes([ERASED])))

    @property
    def size(self) -> int:
        """Bytes there are."""
        return len(self._cells)

    def read(self, address: int, length: int) -> bytes:
        """The bytes as they stand; IndexError outside the chip."""
        self._check(address, length)
        return bytes(self._cells[address : address + length])

    def write(self, address: int, data: bytes) -> None:
        """Put `data` at `address`; IndexError outside the chip."""
        self._check(address, len(data))
        self._cells[address : address + len(data)] = data

    def sync(self) -> None:
        """Nothing to wait for."""

    def _check(self, address: int, length: int) -> None:
        if address < 0 or length < 0 or address + length > len(self._cells):
            message = f"{length} bytes at {address} lie outside a memory of {len(self._cells)}"
            raise IndexError(message)
