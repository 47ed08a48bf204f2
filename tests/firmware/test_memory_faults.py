"""The reference logic on memory that fails, rots or fills up."""

import pytest

from protocol import messages as m
from protocol.control import Memory, Outcome, Request
from protocol.memory import RamMemory
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    Priority,
    Refusal,
    ResetCause,
    Role,
)
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.store import Store
from pumpsim.nvm import MortalMemory
from tests.firmware.bench import Bench
from tests.firmware.in_use import alarms_of, copy_of, in_use
from tests.firmware.usual import CONFIGURATION


@pytest.fixture
def bench() -> Bench:
    return in_use()


@pytest.mark.slow
def test_each_bit_of_both_records_is_found_or_harmless(bench: Bench) -> None:
    """NVM-01: exhaustive, over the image of a pump in use; nothing but a saved record is loaded."""
    store = Store(bench.memory)
    content = Store(bench.memory).load().content
    newest, older = store.places()
    spoiled = copy_of(bench.memory)
    spoiled.write(newest[0], b"?")
    before = Store(spoiled).load().content
    for place in (newest, older):
        for bit in range(8 * place[0], 8 * (place[-1] + 1)):
            loaded = Store(copy_of(bench.memory, bit)).load()
            assert loaded.content in (content, before)
            assert loaded.content == content or loaded.corrected


@pytest.mark.parametrize("which", [0, 1], ids=["newest", "older"])
def test_one_unsound_copy_is_corrected_and_logged(bench: Bench, which: int) -> None:
    """NVM-01, NVM-02: the boot that meets it tells it, and the next save mends it."""
    bench.memory.write(Store(bench.memory).places()[which][20], b"?")
    again = Bench(bench.memory)
    assert again.events() == [EventKind.MEMORY_CORRECTED]
    assert again.status().drug == "FUDR"
    assert alarms_of(again) == set()
    again.ask(m.RunSelfTest())
    assert Bench(bench.memory).events() == []


@pytest.mark.parametrize("which", [0, 1], ids=["newest", "older"])
def test_what_was_told_is_in_both_copies_with_the_next_sample(bench: Bench, which: int) -> None:
    """NVM-02, RST-02, ALM-09: one that rots takes nothing back; and then no more is written."""
    new = CONFIGURATION.model_copy(update={"low_volume_nl": 4_000_000})
    bench.ask(m.WriteConfiguration(base_config_id=1, configuration=new))
    bench.run(2, fill_level_nl=3_500_000)
    assert bench.raised() == [AlarmId.LOW_RESERVOIR, AlarmId.TAMPERING]  # with one, and two
    bench.run(1, fill_level_nl=3_500_000)
    memory = copy_of(bench.memory)
    memory.write(Store(memory).places()[which][20], b"?")
    again = Bench(memory)
    report = again.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    assert report.configuration == new
    assert again.raised() == bench.raised()
    image = bench.memory.read(0, bench.memory.size)
    bench.run(3, fill_level_nl=3_500_000)
    assert bench.memory.read(0, bench.memory.size) == image


@pytest.mark.parametrize("which", [0, 1], ids=["newest", "older"])
def test_what_memory_failed_to_keep_at_once_is_in_both_copies_all_the_same(
    bench: Bench, which: int
) -> None:
    """NVM-02, NVM-07, ALM-09: with the samples after it that memory works for."""
    probe = MortalMemory(copy_of(bench.memory), 0)
    Bench(probe)
    cells = copy_of(bench.memory)
    failing = range(probe.operations, probe.operations + 8)  # the deed, and the sample after it
    again = Bench(MortalMemory(cells, 0, failing=failing))
    assert again.ask(m.BeginRefill()) == m.Done()
    again.level_nl = bench.level_nl
    again.run(6)
    assert AlarmId.MEMORY_FAULT in again.raised()
    cells.write(Store(cells).places()[which][20], b"?")
    assert Bench(cells).status().refill_open


def test_a_record_that_rots_in_use_is_corrected_within_the_hour(bench: Bench) -> None:
    """NVM-01: verified before each use."""
    bench.memory.write(Store(bench.memory).places()[0][20], b"?")
    bench.run(60)
    assert bench.events().count(EventKind.MEMORY_CORRECTED) == 1
    assert Store(bench.memory).load().corrected is False
    bench.run(60)
    assert bench.events().count(EventKind.MEMORY_CORRECTED) == 1


def test_a_rotten_record_is_corrected_by_the_save_of_an_alarm(bench: Bench) -> None:
    """NVM-01, ALM-10."""
    bench.memory.write(Store(bench.memory).places()[0][20], b"?")
    bench.run(1, fill_level_nl=2_900_000)
    assert EventKind.MEMORY_CORRECTED in bench.events()
    assert alarms_of(Bench(bench.memory)) == {AlarmId.LOW_RESERVOIR}


def test_a_rotten_record_is_corrected_by_the_save_of_a_request(bench: Bench) -> None:
    """NVM-01, RES-05."""
    bench.memory.write(Store(bench.memory).places()[0][20], b"?")
    bench.ask(m.BeginRefill())
    assert bench.events().count(EventKind.MEMORY_CORRECTED) == 1
    assert bench.events()[-1] is EventKind.MEMORY_CORRECTED


def test_both_copies_bad_is_no_assumption_of_drug_or_rate(bench: Bench) -> None:
    """NVM-03: HIGH, unknowns, no dose; and still so after another reset, and until configured."""
    for place in Store(bench.memory).places():
        bench.memory.write(place[20], b"?")
    for _ in range(2):
        bench = Bench(bench.memory)
        bench.run(70)
        (lost,) = [a for a in bench.alarms() if a.alarm is AlarmId.CONFIGURATION_LOST]
        assert (lost.priority, lost.present) == (Priority.HIGH, True)
        status = bench.status()
        assert (status.flow_nl_per_h, status.drug, status.refill_due_in_s) == (None, None, None)
        assert (status.dose_total_ng, status.dose_since_refill_ng) == (None, None)
        report = bench.ask(m.ReadConfiguration())
        assert isinstance(report, m.ConfigurationReport)
        assert report.configuration is None
        refused = bench.ask(m.BeginRefill())
        assert isinstance(refused, m.Refused)
        assert refused.reason is Refusal.NOT_CONFIGURED
    written = m.WriteConfiguration(base_config_id=0, configuration=CONFIGURATION)
    assert isinstance(bench.ask(written), m.Done)
    assert AlarmId.CONFIGURATION_LOST not in alarms_of(bench)


def booted(memory: Memory) -> tuple[ReferenceLogic, Outcome]:
    logic = ReferenceLogic()
    return logic, logic.boot(memory, ResetCause.POWER_ON, 0)


def status_of(logic: ReferenceLogic) -> m.StatusPart:
    reply = logic.handle(0, Request(m.GetStatus(), Role.PATIENT, 0)).reply
    assert isinstance(reply, m.Status)
    return reply.status


def test_memory_that_cannot_be_read_is_a_fault_and_no_first_boot(bench: Bench) -> None:
    """NVM-07: at every operation of a boot."""
    probe = MortalMemory(bench.memory, 0)
    booted(probe)
    for number in range(probe.operations):
        failing = range(number, number + 1)
        logic, _ = booted(MortalMemory(copy_of(bench.memory), 0, failing=failing))
        assert status_of(logic).drug == "FUDR"
        assert logic.save()["state"]["memory_failed"]
    logic, outcome = booted(MortalMemory(copy_of(bench.memory), 0, failing=range(99)))
    raised = {alarm.alarm for alarm in outcome.alarms}
    assert raised == {AlarmId.CONFIGURATION_LOST, AlarmId.MEMORY_FAULT}
    assert status_of(logic).drug is None


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 9])
def test_a_fault_of_the_logic_is_told_whichever_reads_fail(bench: Bench, count: int) -> None:
    """ALM-09, RST-11: the first save of a boot may be what reads the newest record."""
    for first in range(9):
        memory = MortalMemory(copy_of(bench.memory), 0, failing=range(first, first + count))
        outcome = ReferenceLogic().boot(memory, ResetCause.FIRMWARE_FAULT, 0)
        assert AlarmId.FIRMWARE_FAULT in {alarm.alarm for alarm in outcome.alarms}


def an_hour_on(memory: MortalMemory) -> int:
    """A pump runs until an hour after its first save; the operations there were before that one."""
    bench = Bench(memory, start_s=1_767_225_600 + 3_600)
    bench.run(60)
    before = memory.operations
    bench.run(1)
    assert (alarms_of(bench) == {AlarmId.MEMORY_FAULT}) == memory.took_effect
    return before


def test_memory_that_fails_in_the_hourly_save_is_an_alarm_with_that_sample(bench: Bench) -> None:
    """NVM-07: at every operation of it."""
    probe = MortalMemory(copy_of(bench.memory), 0)
    first = an_hour_on(probe)
    assert probe.operations - first == 6  # the newest is read back, then a record written
    for number in range(first, probe.operations):
        failing = range(number, number + 1)
        memory = MortalMemory(copy_of(bench.memory), 0, failing=failing)
        an_hour_on(memory)
        assert memory.took_effect


def test_memory_that_is_full_is_an_alarm() -> None:
    """NVM-07: the record fits no slot."""
    bench = Bench(RamMemory(600))
    write = m.WriteConfiguration(base_config_id=0, configuration=CONFIGURATION)
    assert bench.ask(write) == m.Refused(reason=Refusal.NOT_KEPT)
    assert alarms_of(bench) == {AlarmId.MEMORY_FAULT}
    bench.run(1)
    assert alarms_of(bench) == {AlarmId.MEMORY_FAULT}


UNKNOWN = m.Refused(reason=Refusal.FIRMWARE_FAULT)
LOWER = m.WriteConfiguration(
    base_config_id=1, configuration=CONFIGURATION.model_copy(update={"low_volume_nl": 27_999_999})
)


def configuration_of(bench: Bench) -> m.Configuration | None:
    report = bench.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    return report.configuration


@pytest.mark.parametrize("lasting", [False, True])
def test_a_configuration_that_memory_does_not_keep_is_not_in_force(
    bench: Bench, *, lasting: bool
) -> None:
    """FLW-07, NVM-07: whichever operation fails, told is what is in force, and after a reset.

    Unless it may be either: then that is told.
    """
    probe = MortalMemory(copy_of(bench.memory), 0)
    again = Bench(probe)
    again.run(1)
    first = probe.operations
    assert again.ask(LOWER) == m.Done(reference=2)
    replies = []
    for number in range(first, probe.operations):
        cells = copy_of(bench.memory)
        failing = range(number, number + 1_000 if lasting else number + 1)
        again = Bench(MortalMemory(cells, 0, failing=failing))
        again.run(1)
        reply = again.ask(LOWER)
        replies.append(reply)
        if reply != UNKNOWN:
            kept = configuration_of(Bench(copy_of(cells)))
            assert (kept == LOWER.configuration) == (reply != m.Refused(reason=Refusal.NOT_KEPT))
        done = isinstance(reply, m.Done)
        assert (configuration_of(again) == LOWER.configuration) == done
        assert AlarmId.MEMORY_FAULT in again.raised()
        assert (AlarmId.LOW_RESERVOIR in again.raised()) == done
        if not lasting:
            again.run(2)
            assert (configuration_of(Bench(cells)) == LOWER.configuration) == done
    assert m.Refused(reason=Refusal.NOT_KEPT) in replies
    assert (UNKNOWN in replies) == lasting  # the head was written, and nobody can say what is there


def test_whoever_may_not_configure_is_told_so_whatever_memory_does(bench: Bench) -> None:
    """COM-06, FLW-07."""
    bench.logic._store = Store(MortalMemory(bench.memory, 0, failing=range(1_000)))
    assert bench.ask(LOWER, Role.PATIENT) == m.Refused(reason=Refusal.ROLE)
    stale = LOWER.model_copy(update={"base_config_id": 7})
    assert bench.ask(stale) == m.Refused(reason=Refusal.STALE_CONFIGURATION)
