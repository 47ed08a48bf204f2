"""Two slots of non-volatile memory: a torn write costs the newest record, never the older one.

A slot is a head (magic as owner and type, format, sequence, length, CRC-32 over all of it) and its
content. Writing goes to the slot that does not hold the newest record; reading takes the sound slot
with the highest sequence (NVM-01, NVM-02). A slot that cannot be read or is not sound never counts
as empty (NVM-03, NVM-07).

What a slot that cannot be read holds may be the newest record there is. So nothing is written until
it has been read: neither over it, nor, with a number that would pass it, beside it (ALM-09).
"""

import struct
import zlib
from contextlib import suppress
from typing import Any, Final, NamedTuple

from protocol.control import Memory, MemoryFailedError

HEAD: Final = struct.Struct("<4sHxxIII")  # magic, format, sequence, length, CRC-32
MAGIC: Final = b"PUMP"
FORMAT: Final = 12
SLOTS: Final = 2
SEQUENCES: Final = 2**32
BLANK: Final = b"\xff" * HEAD.size
TRIES: Final = 3
"""A read that failed, or gave no sound record, is tried so often: the cells may be better."""


class RecordTooLargeError(Exception):
    """The record does not fit its slot: the memory is full."""


class Loaded(NamedTuple):
    """What memory held."""

    content: bytes | None  # of the newest sound record
    unsound: bool = False  # a slot holds what is no sound record
    failed: bool = False  # a slot could not be read

    @property
    def lost(self) -> bool:
        """Something was there and nothing of it can be used: no first boot (NVM-03, NVM-07)."""
        return self.content is None and (self.unsound or self.failed)

    @property
    def corrected(self) -> bool:
        """One copy was unsound, the other one is used."""
        return self.content is not None and self.unsound


class Record(NamedTuple):
    """One sound record and the slot it lies in."""

    slot: int
    sequence: int
    content: bytes


class UnsoundError(Exception):
    """A slot holds what is no sound record."""


class Store:
    """One record, kept twice."""

    def __init__(self, memory: Memory) -> None:
        """Use all of `memory`, one half per slot."""
        self.failed = False
        """Whether a read has ever failed, though the next one may have told (NVM-07)."""
        self.saved = False  # in this life: what is newest is its own
        self._memory = memory
        self._slot_size = memory.size // SLOTS
        self._sequence = 0
        self._slot = SLOTS - 1
        self._unread: list[int] = []

    def place(self) -> list[Any]:
        """Where it is in the memory, and what it could not read, as plain data."""
        return [self._slot, self._sequence, self._unread, self.failed, self.saved]

    def resume(self, place: list[Any]) -> None:
        """Go on there."""
        self._slot, self._sequence, unread, self.failed, self.saved = place
        self._unread = list(unread)

    def load(self) -> Loaded:
        """The newest sound record, and what was wrong with any slot."""
        newest, unsound = self._scan()
        if newest is None:
            return Loaded(None, unsound, self.failed)
        self._slot, self._sequence = newest.slot, newest.sequence
        return Loaded(newest.content, unsound, self.failed)

    def mend(self) -> bytes | None:
        """Read again what could not be read; the newest record, if it is none that was known.

        MemoryFailedError as long as a slot cannot be read.
        """
        if not self._unread:
            return None
        newest, _ = self._scan()
        self._all_read()
        if newest is None or (newest.slot, newest.sequence) == (self._slot, self._sequence):
            return None
        self._slot, self._sequence = newest.slot, newest.sequence
        return newest.content

    def save(self, content: bytes) -> bool:
        """Put `content` beside the newest record, and only then let it count.

        MemoryFailedError, and nothing is written, as long as a slot could not be read: see `mend`.
        A newest record that is no longer what was saved is replaced, and the older one stands until
        that is done; False tells so (NVM-01).
        """
        if HEAD.size + len(content) > self._slot_size:
            message = f"{len(content)} bytes do not fit a slot of {self._slot_size}"
            raise RecordTooLargeError(message)
        self._all_read()
        sound = self._newest_is_sound()
        slot = (self._slot + 1) % SLOTS if sound else self._slot
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
        self.saved = True
        return sound

    def places(self) -> list[range]:
        """Where each sound record lies, the newest first: for whoever wants to spoil it."""
        found = []
        for slot in range(SLOTS):
            with suppress(UnsoundError):
                record = self._read(slot)
                found += [] if record is None else [record]
        if len(found) == SLOTS and _later(found[1], found[0]):
            found.reverse()
        starts = [(r.slot * self._slot_size, HEAD.size + len(r.content)) for r in found]
        return [range(start, start + length) for start, length in starts]

    def _newest_is_sound(self) -> bool:
        """Whether the newest record, if there is one, still reads as it was saved."""
        if not self._sequence:  # there is none, and it is not worth more once in 2**32 saves
            return True
        try:
            record = self._try(self._slot)
        except UnsoundError:
            record = None
        return record is not None and record.sequence == self._sequence

    def _scan(self) -> tuple[Record | None, bool]:
        """The newest sound record, and whether a slot holds none; notes what cannot be read."""
        newest: Record | None = None
        unsound = False
        self._unread = []
        for slot in range(SLOTS):
            try:
                record = self._try(slot)
            except UnsoundError:
                unsound = True
            except MemoryFailedError:
                self._unread.append(slot)
            else:
                if record is not None and (newest is None or _later(record, newest)):
                    newest = record
        return newest, unsound

    def _all_read(self) -> None:
        if self._unread:
            message = f"slot {self._unread[0]} cannot be read, and may hold the newest record"
            raise MemoryFailedError(message)

    def _try(self, slot: int) -> Record | None:
        """As `_read`; the last of some tries counts."""
        for _ in range(TRIES - 1):
            try:
                record = self._read(slot)
            except UnsoundError:
                continue
            except MemoryFailedError:
                self.failed = True
            else:
                return record
        try:
            return self._read(slot)
        except MemoryFailedError:
            self.failed = True
            raise

    def _read(self, slot: int) -> Record | None:
        """The record of a slot, None for a blank one; UnsoundError for anything else."""
        head = self._memory.read(slot * self._slot_size, HEAD.size)
        if head == BLANK:
            return None
        magic, version, sequence, length, crc = HEAD.unpack(head)
        if magic != MAGIC or version != FORMAT or HEAD.size + length > self._slot_size:
            raise UnsoundError
        content = self._memory.read(slot * self._slot_size + HEAD.size, length)
        bare = HEAD.pack(magic, version, sequence, length, 0)
        if zlib.crc32(content, zlib.crc32(bare)) != crc:
            raise UnsoundError
        return Record(slot, sequence, content)


def _later(one: Record, other: Record) -> bool:
    """Whether a record came after another one; the numbers may have wrapped between them."""
    return 0 < (one.sequence - other.sequence) % SEQUENCES < SEQUENCES // 2
