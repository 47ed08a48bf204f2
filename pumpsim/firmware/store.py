"""Two slots of non-volatile memory: a torn write costs the newest record, never the older one.

A slot is a head (magic, format, sequence, length, CRC-32 over all of it) and its content. Writing
goes to the slot that does not hold the newest record; reading takes the sound slot with the highest
sequence (NVM-01, NVM-02).
"""

import struct
import zlib
from typing import Final

from protocol.control import Memory

HEAD: Final = struct.Struct("<4sHxxIII")  # magic, format, sequence, length, CRC-32
MAGIC: Final = b"PUMP"
FORMAT: Final = 1
SLOTS: Final = 2
SEQUENCES: Final = 2**32


class RecordTooLargeError(Exception):
    """The record does not fit its slot."""


class Store:
    """One record, kept twice."""

    def __init__(self, memory: Memory) -> None:
        """Use all of `memory`, one half per slot."""
        self._memory = memory
        self._slot_size = memory.size // SLOTS
        self._sequence = 0
        self._slot = SLOTS - 1

    def load(self) -> tuple[bytes | None, bool]:
        """(newest sound record or None, whether any slot holds something unsound)."""
        newest: bytes | None = None
        damaged = False
        for slot in range(SLOTS):
            head = self._memory.read(slot * self._slot_size, HEAD.size)
            if head == b"\xff" * HEAD.size:
                continue
            content = self._content(slot, head)
            if content is None:
                damaged = True
                continue
            sequence = HEAD.unpack(head)[2]
            if newest is None or _later(sequence, self._sequence):
                newest, self._sequence, self._slot = content, sequence, slot
        return newest, damaged

    def save(self, content: bytes) -> None:
        """Put `content` beside the newest record, and only then let it count."""
        if HEAD.size + len(content) > self._slot_size:
            message = f"{len(content)} bytes do not fit a slot of {self._slot_size}"
            raise RecordTooLargeError(message)
        slot = (self._slot + 1) % SLOTS
        address = slot * self._slot_size
        sequence = (self._sequence + 1) % SEQUENCES
        bare = HEAD.pack(MAGIC, FORMAT, sequence, len(content), 0)
        crc = zlib.crc32(content, zlib.crc32(bare))
        self._memory.write(address + HEAD.size, content)
        self._memory.sync()
        self._memory.write(address, HEAD.pack(MAGIC, FORMAT, sequence, len(content), crc))
        self._memory.sync()
        self._sequence = sequence
        self._slot = slot

    def _content(self, slot: int, head: bytes) -> bytes | None:
        magic, version, sequence, length, crc = HEAD.unpack(head)
        if magic != MAGIC or version != FORMAT or HEAD.size + length > self._slot_size:
            return None
        content = self._memory.read(slot * self._slot_size + HEAD.size, length)
        bare = HEAD.pack(magic, version, sequence, length, 0)
        return content if zlib.crc32(content, zlib.crc32(bare)) == crc else None


def _later(sequence: int, other: int) -> bool:
    """Whether a record came after another one; the numbers may have wrapped between them."""
    return 0 < (sequence - other) % SEQUENCES < SEQUENCES // 2
