"""A pump in use, with the refill in both its records, and what may become of these: for tests."""

from protocol import messages as m
from protocol.control import Memory
from protocol.memory import RamMemory
from protocol.vocabulary import AlarmId
from pumpsim.firmware import ReferenceLogic
from tests.firmware.bench import Bench


def in_use() -> Bench:
    bench = Bench()
    bench.configure()
    bench.run(5)
    for _ in range(2):
        bench.ask(m.RunSelfTest())  # any command saves: both records know of the refill
    return bench


def alarms_of(bench: Bench) -> set[AlarmId]:
    return {alarm.alarm for alarm in bench.alarms() if alarm.present}


def copy_of(memory: Memory, flipped_bit: int | None = None) -> RamMemory:
    content = bytearray(memory.read(0, memory.size))
    if flipped_bit is not None:
        content[flipped_bit // 8] ^= 1 << flipped_bit % 8
    return RamMemory(content=bytes(content))


def needled() -> Bench:
    """A pump that has told of a needle, which nobody has acknowledged; one record knows of it."""
    bench = Bench()
    bench.configure()
    bench.run(5)
    bench.run(2, fill_level_nl=20_000_000)
    assert alarms_of(bench) == {AlarmId.TAMPERING}
    return bench


def other_total(logic: ReferenceLogic) -> None:
    logic._state.account.total_nl ^= 1 << 25
