"""Two slots on a chip that can lose power, tear, reorder, fail and rot."""

import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.control import Memory, MemoryFailedError, PowerLostError
from protocol.memory import RamMemory
from pumpsim.firmware.store import (
    FORMAT,
    HEAD,
    MAGIC,
    SLOTS,
    TRIES,
    Loaded,
    RecordTooLargeError,
    Store,
)
from pumpsim.nvm import MAX_BUFFERED, MortalMemory

OLD, NEW = b"old " * 11, b"the new one " * 5
SIZE = SLOTS * (HEAD.size + 64)
SEEDS = range(25)


def with_old(saves: int = 1) -> RamMemory:
    """Cells that hold OLD after so many saves."""
    cells = RamMemory(SIZE)
    store = Store(cells)
    for _ in range(saves):
        store.save(OLD)
    return cells


def image(cells: RamMemory) -> bytes:
    return cells.read(0, cells.size)


def load_and_save(memory: Memory) -> None:
    store = Store(memory)
    store.load()
    store.save(NEW)


def operations_of_a_save() -> int:
    memory = MortalMemory(with_old(), 0)
    load_and_save(memory)
    return memory.operations


def save_until_power_goes(cells: RamMemory, seed: int, cut_at: int) -> bool:
    """Load and save NEW; whether the save returned."""
    memory = MortalMemory(cells, seed, cut_at=cut_at)
    try:
        load_and_save(memory)
    except PowerLostError:
        assert memory.took_effect
        return False
    return True


@pytest.mark.parametrize("saves", [1, 2, 3])
def test_a_cut_at_any_operation_leaves_the_old_record_or_the_new(saves: int) -> None:
    """NVM-02: torn and reordered writes, at every operation of load and save."""
    found = set()
    for seed, cut_at in itertools.product(SEEDS, range(operations_of_a_save())):
        cells = with_old(saves)
        assert not save_until_power_goes(cells, seed, cut_at)
        content = Store(cells).load().content
        assert content in (OLD, NEW), f"seed {seed}, cut at operation {cut_at}"
        found.add(content)
    assert found == {OLD, NEW}  # a cut in the last sync may come late enough


def test_a_second_cut_while_it_recovers_loses_nothing_more() -> None:
    """NVM-02: power goes in a save, and again at every operation of the next life's save."""
    cuts = range(operations_of_a_save())
    for seed, first, second in itertools.product(range(5), cuts, cuts):
        cells = with_old()
        save_until_power_goes(cells, seed, first)
        save_until_power_goes(cells, seed + 100, second)
        content = Store(cells).load().content
        assert content in (OLD, NEW), f"seed {seed}, cuts at {first} and {second}"


def test_a_save_that_returned_is_durable() -> None:
    cells = with_old()
    assert save_until_power_goes(cells, 1, operations_of_a_save())
    assert Store(cells).load() == Loaded(NEW)


def test_any_flipped_bit_is_found_or_harmless() -> None:
    """NVM-01: one bit anywhere costs at most the record it lies in, and is told."""
    cells = with_old()
    load_and_save(cells)
    whole = image(cells)
    for bit in range(8 * SIZE):
        rotten = bytearray(whole)
        rotten[bit // 8] ^= 1 << bit % 8
        content, damaged, _ = Store(RamMemory(SIZE, bytes(rotten))).load()
        assert content in (OLD, NEW)
        assert content == NEW or damaged


def test_a_record_of_another_format_is_no_record() -> None:
    """NVM-01, NVM-03: its CRC is right, and nobody knows what it says."""
    cells = with_old()
    (place,) = Store(cells).places()
    magic, version, sequence, length, _ = HEAD.unpack(cells.read(place.start, HEAD.size))
    bare = HEAD.pack(magic, version + 1, sequence, length, 0)
    crc = zlib.crc32(OLD, zlib.crc32(bare))
    cells.write(place.start, HEAD.pack(magic, version + 1, sequence, length, crc))
    assert Store(cells).load() == Loaded(None, unsound=True)


def test_two_rotten_slots_are_damage_and_not_a_blank_chip() -> None:
    """NVM-03."""
    cells = with_old(2)
    rotten = bytes(byte ^ 1 for byte in image(cells))
    assert Store(RamMemory(SIZE, rotten)).load() == Loaded(None, unsound=True)
    assert Store(RamMemory(SIZE)).load() == Loaded(None)


def operations_of_a_load() -> int:
    memory = MortalMemory(with_old(), 0)
    Store(memory).load()
    return memory.operations


def test_a_slot_that_cannot_be_read_does_not_cost_the_other_one() -> None:
    """NVM-07: at every operation of load; it is told, and never taken for a blank chip."""
    for number, count in itertools.product(range(operations_of_a_load()), range(1, 9)):
        memory = MortalMemory(with_old(2), 0, failing=range(number, number + count))
        loaded = Store(memory).load()
        assert memory.took_effect
        assert loaded.failed
        assert loaded.content == OLD or (count > TRIES and loaded.lost)
        alone = Store(MortalMemory(with_old(1), 0, failing=range(number, number + count))).load()
        assert alone.failed
        assert alone.content == OLD or (count >= TRIES and alone.lost)


def test_a_failing_operation_of_a_save_is_told_and_the_old_record_stands() -> None:
    """NVM-07: at every operation of it; a read is tried again."""
    told = []
    for number in range(operations_of_a_load(), operations_of_a_save()):
        cells = with_old()
        memory = MortalMemory(cells, 0, failing=range(number, number + 1))
        store = Store(memory)
        store.load()
        try:
            store.save(NEW)
        except MemoryFailedError:
            assert Store(cells).load().content == OLD
            told.append(True)
        else:
            assert Store(cells).load().content == NEW
            told.append(store.failed)
    assert told == [True] * 6


class Misreading(RamMemory):
    """Reads of one slot's head go wrong so often, and are right again afterwards."""

    def __init__(self, cells: RamMemory, address: int, wrong: int) -> None:
        super().__init__(cells.size, cells.read(0, cells.size))
        self._address, self._wrong = address, wrong

    def read(self, address: int, length: int) -> bytes:
        seen = super().read(address, length)
        if address == self._address and self._wrong:
            self._wrong -= 1
            return bytes([seen[0] ^ 1, *seen[1:]])
        return seen


@pytest.mark.parametrize("wrong", range(1, TRIES))
def test_a_record_that_is_misread_is_read_again(wrong: int) -> None:
    """NVM-01: a bit that flips on its way is not a bit in the cells."""
    cells = with_old()
    load_and_save(cells)
    address = Store(cells).places()[0][0]
    memory = Misreading(cells, address, wrong)
    store = Store(memory)
    assert store.load() == Loaded(NEW)
    assert store.save(OLD)


def test_nothing_is_written_over_slots_that_could_not_be_read() -> None:
    """NVM-07, ALM-09: nor beside them, until it is known what they hold."""
    for unread, known in itertools.product(([0], [1], [0, 1]), (1, 2, 3)):
        cells = RamMemory(SIZE)
        for number in range(known):
            save_once(cells, b"record %d" % number)
        whole = image(cells)
        memory = Unreadable(cells, unread)
        store = Store(memory)
        loaded = store.load()
        assert loaded.failed
        for _ in range(3):
            with pytest.raises(MemoryFailedError):
                store.save(NEW)
            with pytest.raises(MemoryFailedError):
                store.mend()
        assert image(cells) == whole
        memory.unread = []
        with pytest.raises(MemoryFailedError):
            store.save(NEW)
        newest = b"record %d" % (known - 1)
        assert store.mend() == (None if loaded.content == newest else newest)
        assert store.mend() is None
        assert store.save(NEW)
        assert Store(cells).load() == Loaded(NEW)
        assert newest in image(cells)


def test_a_blank_chip_that_could_not_be_read_is_written_once_it_can() -> None:
    """NVM-07."""
    cells = RamMemory(SIZE)
    memory = Unreadable(cells, [0, 1])
    store = Store(memory)
    assert store.load().lost
    with pytest.raises(MemoryFailedError, match="slot 0 cannot be read"):
        store.save(NEW)
    memory.unread = []
    assert store.mend() is None
    assert store.save(NEW)
    assert Store(cells).load() == Loaded(NEW)


def save_once(cells: RamMemory, content: bytes) -> None:
    store = Store(cells)
    store.load()
    store.save(content)


class Unreadable:
    """Memory of which some slots cannot be read, for as long as they are named."""

    def __init__(self, cells: Memory, unread: list[int]) -> None:
        self._cells, self.unread = cells, unread
        self.size = cells.size
        self.write, self.sync = cells.write, cells.sync

    def read(self, address: int, length: int) -> bytes:
        if address * SLOTS // self.size in self.unread:
            raise MemoryFailedError
        return self._cells.read(address, length)


def test_a_newest_record_that_rots_is_replaced_and_the_older_one_stands() -> None:
    """NVM-01: it is verified before it is used as what the next save follows."""
    cells = RamMemory(SIZE)
    store = Store(cells)
    for content in (OLD, OLD, NEW):
        assert store.save(content)
    newest, older = store.places()
    cells.write(newest[HEAD.size], b"?")
    assert Store(cells).load() == Loaded(OLD, unsound=True)
    assert not store.save(NEW)
    assert store.places() == [newest, older]
    cells.write(newest[0], b"?")
    cells.write(older[0], b"\xff" * len(older))
    assert not store.save(NEW)
    cells.write(newest[0], b"\xff" * len(newest))  # somebody wiped the chip
    assert not store.save(NEW)
    assert Store(cells).load() == Loaded(NEW)


@pytest.mark.parametrize(
    ("magic", "version"), [(b"PUMQ", FORMAT), (MAGIC, FORMAT + 1), (MAGIC, FORMAT - 1)]
)
def test_a_record_of_another_owner_or_format_is_none(magic: bytes, version: int) -> None:
    """NVM-01: though its checksum fits."""
    cells = with_old()
    bare = HEAD.pack(magic, version, 9, len(NEW), 0)
    crc = zlib.crc32(NEW, zlib.crc32(bare))
    cells.write(SIZE // 2, HEAD.pack(magic, version, 9, len(NEW), crc) + NEW)
    assert Store(cells).load() == Loaded(OLD, unsound=True)


def test_the_later_of_two_records_is_the_one_by_less_than_half_a_turn() -> None:
    """NVM-02: however far apart their numbers are."""
    for first, second, later in ((1, 2**31, NEW), (1, 2**31 + 2, OLD), (2**32 - 1, 2**30, NEW)):
        cells = RamMemory(SIZE)
        for slot, sequence, content in ((0, first, OLD), (1, second, NEW)):
            bare = HEAD.pack(MAGIC, FORMAT, sequence, len(content), 0)
            crc = zlib.crc32(content, zlib.crc32(bare))
            head = HEAD.pack(MAGIC, FORMAT, sequence, len(content), crc)
            cells.write(slot * SIZE // 2, head + content)
        assert Store(cells).load() == Loaded(later)


def test_the_places_of_records_are_told_newest_first() -> None:
    assert Store(RamMemory(SIZE)).places() == []
    cells = with_old(1)
    store = Store(cells)
    store.load()
    assert [place[0] for place in store.places()] == [0]
    store.save(NEW)
    assert [place[0] for place in store.places()] == [SIZE // 2, 0]


@given(st.sets(st.integers(0, 8 * SIZE - 1), min_size=2, max_size=40))
def test_many_flipped_bits_are_found_or_harmless(bits: set[int]) -> None:
    """NVM-01: what is loaded is a record that was saved, or nothing."""
    cells = with_old()
    load_and_save(cells)
    rotten = bytearray(image(cells))
    for bit in bits:
        rotten[bit // 8] ^= 1 << bit % 8
    loaded = Store(RamMemory(SIZE, bytes(rotten))).load()
    assert loaded.content in (OLD, NEW, None)
    assert loaded.content == NEW or loaded.unsound


def test_the_sequence_wraps_and_the_newest_is_still_the_newest() -> None:
    """NVM-02: a record numbered 0 follows the one numbered 2**32 - 1."""
    cells = RamMemory(SIZE)
    store = Store(cells)
    store._sequence = 2**32 - 2  # as if it had been saved so often
    for number in range(5):
        content = b"%d" % number
        store.save(content)
        again = Store(cells)
        assert again.load() == Loaded(content)


def test_a_record_too_large_changes_nothing() -> None:
    cells = with_old()
    before = image(cells)
    store = Store(cells)
    store.load()
    with pytest.raises(RecordTooLargeError, match=r"^65 bytes do not fit a slot of 84$"):
        store.save(bytes(65))
    assert image(cells) == before


# ---- the chip itself


def test_what_is_not_synced_is_read_but_may_be_gone() -> None:
    lost = set()
    for seed in SEEDS:
        cells = RamMemory(64)
        memory = MortalMemory(cells, seed, cut_at=2)
        memory.write(0, b"1234" * 8)
        assert memory.read(2, 4) == b"3412"
        with pytest.raises(PowerLostError):
            memory.sync()
        with pytest.raises(PowerLostError):  # dead is dead
            memory.read(0, 1)
        lost.add(cells.read(0, 32))
    assert b"1234" * 8 in lost  # all of it
    assert b"\xff" * 32 in lost  # nothing
    assert any(page.count(b"\xff") not in (0, 16, 32) for page in lost)  # a page torn


def test_a_chip_holds_back_no_more_than_it_can() -> None:
    cells = RamMemory(MAX_BUFFERED, bytes(MAX_BUFFERED))
    memory = MortalMemory(cells, 0)
    memory.write(0, b"A" * MAX_BUFFERED)
    assert cells.read(0, 1) == b"\0"
    memory.write(0, b"B")
    assert cells.read(0, 2) == b"BA"


def test_a_later_page_can_come_before_an_earlier_one() -> None:
    """Two writes to one place: either may be the one that stays."""
    stays = set()
    for seed in SEEDS:
        cells = RamMemory(16, bytes(16))
        memory = MortalMemory(cells, seed, cut_at=2)
        memory.write(0, b"A")
        memory.write(0, b"B")
        with pytest.raises(PowerLostError):
            memory.sync()
        stays.add(cells.read(0, 1))
    assert stays == {b"A", b"B", b"\0"}


def test_a_supply_that_failed_is_back_in_the_next_life() -> None:
    cells = RamMemory(64)
    told: list[int] = []
    memory = MortalMemory(cells, 0, struck=lambda: told.append(1))
    memory.cut_in(2)
    memory.write(0, b"1234")
    with pytest.raises(PowerLostError):
        memory.sync()
    assert told == [1]
    memory.restart(supply_lost=False)
    memory.write(0, b"5678")
    memory.sync()
    assert cells.read(0, 4) == b"5678"
    memory.cut_in(3)
    memory.restart(supply_lost=True)  # a new life before the cut: it comes all the same
    memory.read(0, 1)
    memory.read(0, 1)
    with pytest.raises(PowerLostError):
        memory.read(0, 1)
    assert told == [1, 1]


def test_the_next_write_is_torn_once_whatever_is_read_before() -> None:
    """NVM-02: in a copy of the chip, too."""
    left = set()
    for seed in SEEDS:
        cells = RamMemory(4)
        first = MortalMemory(cells, seed)
        first.tear_next()
        memory = MortalMemory(cells, seed)
        memory.restore(first.snapshot())
        memory.read(0, 1)
        memory.sync()
        with pytest.raises(PowerLostError):
            memory.write(0, b"1234")
        left.add(cells.read(0, 4))
        memory.restart(supply_lost=True)
        memory.write(0, b"5678")
        memory.sync()
        assert cells.read(0, 4) == b"5678"
    assert {b"1234", b"\xff" * 4} < left


def test_what_is_not_synced_is_torn_when_the_supply_goes() -> None:
    left = set()
    for seed in SEEDS:
        memory = MortalMemory(RamMemory(4), seed)
        memory.write(0, b"1234")
        memory.restart(supply_lost=False)
        assert memory.read(0, 4) == b"1234"
        memory.restart(supply_lost=True)
        left.add(memory.read(0, 4))
    assert {b"1234", b"\xff" * 4} < left


@pytest.mark.parametrize("bits", [1, 3, 31, 32, 99])
def test_so_many_bits_rot_and_all_of_them_there(bits: int) -> None:
    for seed in SEEDS:
        cells = RamMemory(12, bytes(12))
        MortalMemory(cells, seed).rot(range(4, 8), bits)
        content = image(cells)
        assert sum(byte.bit_count() for byte in content) == min(bits, 32)
        assert content[:4] == content[8:] == bytes(4)
