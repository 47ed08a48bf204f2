"""Plain memory, and how blank logic is told what it controls."""

import pytest

from hil.testing.strategies import largest
from protocol import messages as m
from protocol.memory import RamMemory
from protocol.provision import provision


def test_new_memory_is_erased() -> None:
    memory = RamMemory(8)
    assert memory.size == 8
    assert memory.read(0, 8) == b"\xff" * 8


def test_it_holds_what_is_written() -> None:
    memory = RamMemory(8, b"ab")
    memory.write(2, b"cd")
    memory.write(7, b"z")
    memory.sync()
    assert memory.read(0, 8) == b"abcd\xff\xff\xffz"
    memory.write(8, b"")
    assert memory.read(8, 0) == b""


@pytest.mark.parametrize(("address", "length"), [(-1, 1), (8, 1), (7, 2), (0, 9), (0, -1), (9, 0)])
def test_nothing_lies_outside(address: int, length: int) -> None:
    with pytest.raises(IndexError, match="outside a memory of 8"):
        RamMemory(8).read(address, length)


@pytest.mark.parametrize(("address", "data"), [(-1, b"x"), (8, b"x"), (7, b"xy")])
def test_a_write_outside_changes_nothing(address: int, data: bytes) -> None:
    memory = RamMemory(8)
    with pytest.raises(IndexError, match="outside a memory of 8"):
        memory.write(address, data)
    assert memory.size == 8
    assert memory.read(0, 8) == b"\xff" * 8


def test_content_must_fit() -> None:
    with pytest.raises(ValueError, match="9 bytes do not fit a memory of 8"):
        RamMemory(8, b"x" * 9)


def test_logic_is_provisioned_by_requests() -> None:
    report = largest(m.ConfigurationReport).body
    assert isinstance(report, m.ConfigurationReport)
    assert report.configuration is not None
    assert report.last_refill is not None
    write = m.WriteConfiguration(base_config_id=0, configuration=report.configuration)
    refill = [m.BeginRefill(), m.CommitRefill(refill=report.last_refill)]
    assert provision(report) == [write, *refill]
    assert provision(report.model_copy(update={"last_refill": None})) == [write]
    assert provision(m.ConfigurationReport()) == []
