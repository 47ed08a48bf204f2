"""The reference logic on memory that fails, rots or fills up, and with numbers that change."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import Memory, Outcome, Request
from protocol.memory import RamMemory
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    Priority,
    RefillReason,
    Refusal,
    ResetCause,
    Role,
)
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.account import Account
from pumpsim.firmware.deviation import Limits
from pumpsim.firmware.flow import FlowModel
from pumpsim.firmware.integrity import CHECK_INTERVAL
from pumpsim.firmware.store import Store
from pumpsim.nvm import MortalMemory
from tests.firmware.test_reference_logic import MINUTE, Bench
from tests.firmware.usual import CONFIGURATION, REFILL


@pytest.fixture
def bench() -> Bench:
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


def booted(memory: Memory) -> tuple[ReferenceLogic, Outcome]:
    logic = ReferenceLogic()
    return logic, logic.boot(memory, ResetCause.POWER_ON, 0)


def status_of(logic: ReferenceLogic) -> m.StatusPart:
    reply = logic.handle(0, Request(m.GetStatus(), Role.PATIENT, 0)).reply
    assert isinstance(reply, m.Status)
    return reply.status


# ---- records


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


# ---- operations


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
    assert isinstance(
        bench.ask(m.WriteConfiguration(base_config_id=0, configuration=CONFIGURATION)), m.Done
    )
    bench.run(1)
    assert alarms_of(bench) == {AlarmId.MEMORY_FAULT}


# ---- numbers in use (NVM-04)

Spoil = Callable[[ReferenceLogic], None]


def other_configuration(logic: ReferenceLogic) -> None:
    changed = {"nominal_flow_nl_per_h": 54_000 ^ 1 << 12}
    logic._state.configuration = CONFIGURATION.model_copy(update=changed)


def other_model_configuration(logic: ReferenceLogic) -> None:
    assert logic._model is not None
    changed = CONFIGURATION.model_copy(update={"low_volume_nl": 3_000_000 ^ 1 << 20})
    logic._model = logic._model._replace(configuration=changed)


def no_model(logic: ReferenceLogic) -> None:
    logic._model = None


def other_limits(logic: ReferenceLogic) -> None:
    assert logic._model is not None
    over, *others = logic._model.limits
    logic._model = logic._model._replace(limits=Limits(over ^ 1 << 15, *others))


def other_factors(logic: ReferenceLogic) -> None:
    assert logic._model is not None
    logic._model = logic._model._replace(flow=FlowModel(CONFIGURATION, 1_001))


def other_refill(logic: ReferenceLogic) -> None:
    logic._state.refills.refill = REFILL.model_copy(update={"viscosity_permille": 1_512})


def other_concentration(logic: ReferenceLogic) -> None:
    logic._state.account.concentration_ng_per_ml ^= 1 << 10


def other_total(logic: ReferenceLogic) -> None:
    logic._state.account.total_nl ^= 1 << 25


def other_dose(logic: ReferenceLogic) -> None:
    logic._state.account.doses_fg["FUDR"] = 1 << 40


SPOILS: list[Spoil] = [
    other_configuration,
    other_model_configuration,
    no_model,
    other_limits,
    other_factors,
    other_refill,
    other_concentration,
    other_total,
    other_dose,
]


def minutes(interval: int) -> int:
    return interval // MINUTE


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_a_number_that_changes_by_itself_is_a_fault_and_is_put_right(
    bench: Bench, spoil: Spoil
) -> None:
    """NVM-04: within ten minutes, whatever it was, and all goes on as it would have."""
    other = Bench()
    other.configure()
    other.run(5)
    spoil(bench.logic)
    for each in (bench, other):
        each.run(minutes(CHECK_INTERVAL))
    wary = {AlarmId.DOSE_LIMIT}  # what a dose that leaps must look like until it is proven
    assert alarms_of(bench) - wary == {AlarmId.MEMORY_FAULT}
    for each in (bench, other):
        each.run(60)
    assert alarms_of(bench) - wary == {AlarmId.MEMORY_FAULT}
    assert bench.logic._model is not None
    assert bench.logic._sealed() == other.logic._sealed()
    was, is_now = other.status(), bench.status()
    assert is_now.delivered_total_nl == pytest.approx(was.delivered_total_nl, abs=20)
    assert is_now.dose_total_ng == pytest.approx(was.dose_total_ng, rel=0.01)
    assert is_now.refill_due_in_s == was.refill_due_in_s
    assert alarms_of(bench.reset()) == set()  # what was kept is sound


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_a_request_is_not_built_on_a_number_that_changed(bench: Bench, spoil: Spoil) -> None:
    """NVM-04: it is proven before each request, and never sealed anew as it is."""
    spoil(bench.logic)
    bench.ask(m.RunSelfTest())
    assert alarms_of(bench) == {AlarmId.MEMORY_FAULT}
    assert bench.logic._state.configuration == CONFIGURATION
    assert bench.logic._state.account.balanced()


def test_numbers_that_cannot_be_put_right_are_unknown(bench: Bench) -> None:
    """NVM-03, NVM-04: RAM and both records are bad."""
    for place in Store(bench.memory).places():
        bench.memory.write(place[20], b"?")
    other_total(bench.logic)
    bench.run(minutes(CHECK_INTERVAL))
    assert alarms_of(bench) == {AlarmId.MEMORY_FAULT, AlarmId.CONFIGURATION_LOST}
    assert bench.status().dose_total_ng is None


def test_a_configuration_from_the_store_brings_its_own_number(bench: Bench) -> None:
    """FLW-07: the last one that was committed, and 0 when none is left."""
    memory = MortalMemory(bench.memory, 0)
    bench.logic.load(memory, bench.logic.save())
    other = CONFIGURATION.model_copy(update={"nominal_flow_nl_per_h": 40_000})
    memory.fail(99)
    bench.ask(m.WriteConfiguration(base_config_id=1, configuration=other))  # not kept
    memory.fail(0)
    other_total(bench.logic)
    ask = Request(m.RunSelfTest(), Role.SERVICE, 1)
    told = bench.logic.handle(bench.ticks, ask).beliefs
    assert told is not None
    assert (bench.logic._state.configuration, told.config_id) == (CONFIGURATION, 1)
    for place in Store(bench.memory).places():
        bench.memory.write(place[20], b"?")
    other_total(bench.logic)
    told = bench.logic.handle(bench.ticks, ask).beliefs
    assert told is not None
    assert (bench.logic._state.configuration, told.config_id) == (None, 0)


def test_a_healthy_pump_proves_itself_in_silence(bench: Bench) -> None:
    """NVM-04: through refills, a bolus and a reset nothing is out of balance."""
    emptied = REFILL.model_copy(update={"withdrawn_nl": 28_000_000})
    bench.run(30)
    bench.ask(m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=5))
    bench.ask(m.EndBolusAccess(injected_nl=2_000_000))
    bench.ask(m.BeginRefill())
    bench.ask(m.CommitRefill(refill=emptied, reason=RefillReason.OTHER, previous_refill_id=1))
    bench.run(200)
    again = bench.reset()
    again.run(30)
    assert alarms_of(bench) == alarms_of(again) == set()
    assert bench.logic._state.account.balanced()


steps = st.one_of(
    st.tuples(st.integers(0, 10**7), st.integers(-(10**5), 10**6)),
    st.tuples(st.sampled_from(["FUDR", "heparin"]), st.integers(0, 10**7)),
)


@settings(deadline=None)
@given(st.lists(steps, max_size=30), st.integers(0, 50), st.data())
def test_an_account_is_in_balance_until_a_bit_flips(
    rows: list[tuple[int | str, int]], bit: int, data: st.DataObject
) -> None:
    """NVM-04: any total, any bit, any history; and what follows does not hide it."""
    account = Account()
    account.prime(170_000)

    def live(row: tuple[int | str, int]) -> None:
        what, number = row
        if isinstance(what, int):
            account.deliver(what, number)
        else:
            account.refilled(what, number)

    for row in rows:
        live(row)
        assert account.balanced()
    name = data.draw(
        st.sampled_from(["total_nl", "since_refill_nl", "dose_since_refill_fg", "remainder"])
    )
    setattr(account, name, getattr(account, name) ^ 1 << bit)
    assert not account.balanced()
    live(data.draw(steps.filter(lambda row: isinstance(row[0], int))))
    assert not account.balanced()


def test_a_number_that_changes_before_the_first_sample_is_put_right(bench: Bench) -> None:
    """NVM-04: there are no readings to reckon with yet."""
    again = bench.reset()
    other_total(again.logic)
    again.ask(m.RunSelfTest())
    assert alarms_of(again) == {AlarmId.MEMORY_FAULT}
    assert again.logic._state.account.balanced()
