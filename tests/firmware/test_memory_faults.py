"""The reference logic on memory that fails, rots or fills up, and with numbers that change."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import TICKS_PER_S, Memory, Outcome, Request
from protocol.memory import RamMemory
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    Priority,
    RefillReason,
    Refusal,
    ResetCause,
    Role,
    Sounder,
)
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.account import Account
from pumpsim.firmware.deviation import Limits
from pumpsim.firmware.flow import FlowModel
from pumpsim.firmware.integrity import CHECK_INTERVAL
from pumpsim.firmware.store import SLOTS, Store
from pumpsim.nvm import MortalMemory
from tests.firmware.test_reference_logic import MINUTE, Bench
from tests.firmware.test_store import Unreadable
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


def needled() -> Bench:
    """A pump that has told of a needle, which nobody has acknowledged; one record knows of it."""
    bench = Bench()
    bench.configure()
    bench.run(5)
    bench.run(2, fill_level_nl=20_000_000)
    assert alarms_of(bench) == {AlarmId.TAMPERING}
    return bench


@pytest.mark.slow
@pytest.mark.parametrize("cause", [ResetCause.BROWN_OUT, ResetCause.POWER_ON])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7, 9, 13, 20, 60])
def test_what_could_not_be_read_at_boot_is_not_lost(count: int, cause: ResetCause) -> None:
    """ALM-09, RST-02, NVM-07: whichever operations fail, in this life and in the next one."""
    before = needled()
    content = before.memory.read(0, before.memory.size)
    told = {alarm.alarm: alarm.occurrence for alarm in before.alarms()}
    total_nl = before.status().delivered_total_nl
    for first in range(12):
        cells = RamMemory(content=content)
        memory = MortalMemory(cells, 0, failing=range(first, first + count))
        alive = Bench(memory, cause, start_s=before.rtc_s())
        if memory.took_effect:
            assert AlarmId.MEMORY_FAULT in alarms_of(alive)
        alive.run(9, fill_level_nl=20_000_000)
        if memory.operations > first + count:  # it could be read by then
            alive.run(1, fill_level_nl=20_000_000)
            assert AlarmId.CONFIGURATION_LOST not in alarms_of(alive)
            assert {a.alarm for a in alive.alarms()} >= told.keys()
            assert alive.status().delivered_total_nl >= total_nl + 9 * 900
        again = Bench(cells, ResetCause.BROWN_OUT, start_s=alive.rtc_s())
        open_yet = {alarm.alarm: alarm.occurrence for alarm in again.alarms()}
        assert AlarmId.CONFIGURATION_LOST not in alarms_of(again)
        assert open_yet.keys() >= told.keys()
        again.run(1, fill_level_nl=20_000_000)
        assert again.logic._state.configuration == CONFIGURATION
        assert again.status().delivered_total_nl >= total_nl + 10 * 900 - 20


def test_a_slot_that_is_read_late_joins_what_this_life_has_told() -> None:
    """ALM-09: what it holds is newer than what this life began with; nothing of either is lost."""
    before = needled()
    newest = Store(before.memory).places()[0][0] * SLOTS // before.memory.size
    memory = Unreadable(before.memory, [newest])
    alive = Bench(memory, ResetCause.BROWN_OUT, start_s=before.rtc_s())
    assert AlarmId.TAMPERING not in {alarm.alarm for alarm in alive.alarms()}
    alive.run(3, fill_level_nl=20_000_000)
    alive.run(3, fill_level_nl=900_000)
    empty = {AlarmId.LOW_RESERVOIR, AlarmId.EMPTY_RESERVOIR}
    assert alarms_of(alive) >= {AlarmId.MEMORY_FAULT, *empty}
    memory.unread = []
    alive.outcomes.clear()
    alive.run(1, fill_level_nl=900_000)
    assert EventKind.MEMORY_CORRECTED in alive.events()
    assert alive.sounder() is Sounder.HIGH
    for each in (alive, Bench(before.memory, ResetCause.BROWN_OUT, start_s=alive.rtc_s())):
        open_yet = {alarm.alarm for alarm in each.alarms()}
        assert open_yet >= {AlarmId.TAMPERING, *empty}
        assert each.logic._state.life > before.logic._state.life


def test_a_first_life_that_is_read_late_is_over() -> None:
    """ALM-09, RST-02: what is blank begins a first life; what cannot be read does not."""
    before = needled()
    memory = Unreadable(before.memory, [0, 1])
    alive = Bench(memory, ResetCause.BROWN_OUT, start_s=before.rtc_s())
    alive.run(3, fill_level_nl=20_000_000)
    memory.unread = []
    alive.run(1, fill_level_nl=20_000_000)
    assert (before.logic._state.life, alive.logic._state.life) == (1, 2)


def with_a_slot_unread(before: Bench, down_s: int = 0) -> tuple[Bench, Unreadable]:
    """The next life, that cannot read the newest record."""
    newest = Store(before.memory).places()[0][0] * SLOTS // before.memory.size
    memory = Unreadable(before.memory, [newest])
    alive = Bench(memory, ResetCause.BROWN_OUT, start_s=before.rtc_s() + down_s)
    alive.level_nl = before.level_nl - down_s * 15
    return alive, memory


SALINE = REFILL.model_copy(
    update={"withdrawn_nl": 28_000_000, "drug": "saline", "concentration_ng_per_ml": 0}
)
SLOWER = CONFIGURATION.model_copy(update={"low_volume_nl": 4_000_000})


def declare(alive: Bench) -> None:
    """Somebody who finds the pump without configuration, or with an old one, sets it right."""
    state = alive.logic._state
    alive.ask(m.WriteConfiguration(base_config_id=state.config_id, configuration=SLOWER))
    alive.ask(m.BeginRefill())
    reason, last = RefillReason.DRUG_CHANGE, state.refills.refill_id
    refill = m.CommitRefill(refill=SALINE, reason=reason, previous_refill_id=last)
    assert alive.ask(refill) == m.Done(reference=last + 1)
    alive.ask(m.BeginBolusAccess(drug="MAA", concentration_ng_per_ml=1_000))


@pytest.mark.parametrize("unread", [1, 2])
def test_what_was_declared_in_this_life_stands_though_a_record_is_read_late(unread: int) -> None:
    """NVM-03, COM-09: it came later than all that the record tells."""
    before = needled()
    before.logic._state.by_fill.over = True
    before.ask(m.RunSelfTest())
    newest = Store(before.memory).places()[0][0] * SLOTS // before.memory.size
    memory = Unreadable(before.memory, [newest, 1 - newest][:unread])
    alive = Bench(memory, ResetCause.BROWN_OUT, start_s=before.rtc_s())
    alive.run(1)
    declare(alive)
    alive.run(4)
    told = alive.ask(m.ReadConfiguration()), alive.logic._state.config_id
    kept, total_nl = alive.logic._state.kept, alive.status().delivered_total_nl
    memory.unread = []
    alive.run(1)
    again = Bench(before.memory, ResetCause.BROWN_OUT, start_s=alive.rtc_s())
    for each in (alive, again):
        assert (each.ask(m.ReadConfiguration()), each.logic._state.config_id) == told
        assert each.logic._state.account.drug == "saline"
        assert each.status().delivered_total_nl >= total_nl
        assert each.ask(m.EndBolusAccess(injected_nl=0)) == m.Done()
        assert AlarmId.TAMPERING in each.raised()  # which nobody has acknowledged
        assert not each.logic._state.by_fill.over  # that was the fill before
    assert again.outcomes[0].kept == kept


def test_an_alarm_acknowledged_in_this_life_is_kept_though_the_numbers_are_the_record_s() -> None:
    """COM-09: the last lasting command of this life is the last one, whatever else is read."""
    before = needled()
    alive, memory = with_a_slot_unread(before)
    alive.run(1, fill_level_nl=20_000_000)
    fault = next(alarm for alarm in alive.alarms() if alarm.alarm is AlarmId.MEMORY_FAULT)
    alive.ask(m.AcknowledgeAlarm(alarm=fault.alarm, occurrence=fault.occurrence))
    kept = alive.logic._state.kept
    memory.unread = []
    alive.run(1, fill_level_nl=20_000_000)
    assert alive.logic._state.kept == kept
    assert alive.logic._state.refills.refill == REFILL


def test_a_record_that_is_read_late_tells_no_flow(bench: Bench) -> None:
    """FLW-01: of the flow, the last sample tells, though it may tell that nobody knows."""
    alive, memory = with_a_slot_unread(bench)
    alive.run(2, reservoir_pressure_pa=None)
    memory.unread = []
    alive.run(1, reservoir_pressure_pa=None)
    assert EventKind.MEMORY_CORRECTED in alive.events()
    assert alive.status().flow_nl_per_h is None


FOUND: dict[AlarmId, tuple[int, dict[str, int]]] = {
    AlarmId.OVER_INFUSION: (61, {"reservoir_pressure_pa": 410_000}),
    AlarmId.UNDER_INFUSION: (61, {"reservoir_pressure_pa": 290_000}),
    AlarmId.PROPELLANT_LOW: (80, {"reservoir_pressure_pa": 335_000}),
    AlarmId.FLOW_STOP: (3, {"reservoir_pressure_pa": 114_000}),
    AlarmId.REVERSE_FLOW: (3, {"reservoir_pressure_pa": 90_000}),
    AlarmId.OCCLUSION: (40, {"catheter_pressure_pa": 150_000}),
    AlarmId.CATHETER_DISCONNECT: (90, {"catheter_pressure_pa": 102_000}),
    AlarmId.AMBIENT_PRESSURE: (20, {"pocket_pressure_pa": 70_000}),
    AlarmId.BATTERY_END: (40, {"battery_mv": 2_300}),
    AlarmId.LOW_RESERVOIR: (2, {"fill_level_nl": 2_900_000}),
    AlarmId.CLOCK_INVALID: (2, {"rtc_s": 946_684_800}),
}


@pytest.mark.parametrize("alarm", FOUND, ids=lambda alarm: alarm.name)
def test_what_this_life_found_stands_though_a_slot_is_read_late(
    bench: Bench, alarm: AlarmId
) -> None:
    """ALM-09: the record knows nothing of it, and the same sample still shows it."""
    minutes, changed = FOUND[alarm]
    alive, memory = with_a_slot_unread(bench)
    alive.run(minutes, **changed)
    assert {alarm, AlarmId.MEMORY_FAULT} <= alarms_of(alive)
    memory.unread = []
    alive.run(1, **changed)
    assert EventKind.MEMORY_CORRECTED in alive.events()
    for _ in range(15):
        alive.run(1, **changed)
        assert alarm in alarms_of(alive)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 9])
def test_a_fault_of_the_logic_is_told_whichever_reads_fail(bench: Bench, count: int) -> None:
    """ALM-09, RST-11: the first save of a boot may be what reads the newest record."""
    for first in range(9):
        memory = MortalMemory(copy_of(bench.memory), 0, failing=range(first, first + count))
        outcome = ReferenceLogic().boot(memory, ResetCause.FIRMWARE_FAULT, 0)
        assert AlarmId.FIRMWARE_FAULT in {alarm.alarm for alarm in outcome.alarms}


def test_a_level_that_fell_for_days_is_no_needle_once_a_slot_is_read(bench: Bench) -> None:
    """RES-07: the record's level is of a time that nobody counted."""
    alive, memory = with_a_slot_unread(bench, down_s=4 * 86_400)
    alive.run_screened(10)
    memory.unread = []
    alive.run_screened(3)
    assert EventKind.MEMORY_CORRECTED in alive.events()
    assert AlarmId.TAMPERING not in alive.raised()


@pytest.mark.parametrize("which", [0, 1], ids=["newest", "older"])
def test_a_number_that_changed_is_put_right_though_one_slot_cannot_be_read(which: int) -> None:
    """NVM-04, NVM-07: and again once it can, from the newest record of this life."""
    bench = needled()
    for _ in range(2):
        bench.run(1, fill_level_nl=20_000_000)
        bench.ask(m.RunSelfTest())
    total_nl, due_s = bench.status().delivered_total_nl, bench.status().refill_due_in_s
    place = Store(bench.memory).places()[which]
    memory = Unreadable(bench.memory, [place[0] * SLOTS // bench.memory.size])
    bench.logic.load(memory, bench.logic.save())
    other_total(bench.logic)
    bench.ask(m.RunSelfTest())
    assert AlarmId.MEMORY_FAULT in alarms_of(bench)
    assert bench.status().delivered_total_nl == pytest.approx(total_nl, abs=5)
    memory.unread = []
    bench.ask(m.RunSelfTest())
    status = bench.status()
    assert (status.delivered_total_nl, status.refill_due_in_s) == (total_nl, due_s)
    assert bench.logic._state.account.balanced()
    assert {alarm.alarm for alarm in Bench(bench.memory).alarms()} >= {AlarmId.TAMPERING}


def test_numbers_that_are_gone_come_back_with_the_memory() -> None:
    """NVM-03, NVM-04: RAM is bad, and no slot can be read for a while."""
    bench = needled()
    memory = Unreadable(bench.memory, [0, 1])
    total_nl = bench.status().delivered_total_nl
    other_total(bench.logic)
    bench.logic._store = Store(memory)
    bench.ask(m.RunSelfTest())
    assert {AlarmId.CONFIGURATION_LOST, AlarmId.MEMORY_FAULT} <= alarms_of(bench)
    memory.unread = []
    bench.run(2, fill_level_nl=20_000_000)
    assert AlarmId.CONFIGURATION_LOST not in alarms_of(bench)
    assert bench.logic._state.configuration == CONFIGURATION
    assert bench.status().delivered_total_nl == pytest.approx(total_nl + 2 * 900, abs=20)


@pytest.mark.parametrize("minutes", [20, 50])
def test_a_dose_that_is_put_right_is_as_far_beyond_the_prescription(minutes: int) -> None:
    """DOS-02, NVM-04: what came in since the last save is no time without supply."""
    bench = Bench()
    bench.configure()
    bench.run(10 * 60)
    bench.run(minutes, reservoir_pressure_pa=447_700)
    (series,) = bench.logic._state.dose_limit.series
    excess_fg = series.sum_fg
    other_total(bench.logic)
    bench.ask(m.RunSelfTest())
    (series,) = bench.logic._state.dose_limit.series
    assert series.sum_fg >= excess_fg - 20 * 5_000_000
    assert series.sum_fg == pytest.approx(excess_fg, rel=0.2)


def other_total_unread(bench: Bench) -> None:
    """And for a while no slot can be read."""
    memory = Unreadable(bench.memory, [0, 1])
    other_total(bench.logic)
    bench.logic._store = Store(memory)
    bench.ask(m.RunSelfTest())
    memory.unread = []


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("level_died_first", [False, True])
def test_a_total_that_is_put_right_takes_what_is_left_along(
    *, gone: bool, level_died_first: bool
) -> None:
    """NVM-04, RES-01, SEN-07: while no level tells, volume is reckoned from the account."""
    bench = Bench()
    bench.configure()
    bench.run(65)
    if level_died_first:
        bench.run_screened(60, fill_level_nl=None)
    spoil = other_total_unread if gone else (lambda bench: other_total(bench.logic))
    spoil(bench)
    for _ in range(10):
        bench.run_screened(60, fill_level_nl=None)
        bench.ask(m.RunSelfTest())
        volume = bench.logic._state.volume
        left_nl = 28_000_000 - 900 * bench.number
        assert volume is not None
        assert volume.low <= left_nl <= volume.high
        assert volume.estimate == pytest.approx(left_nl, abs=1_000)


SILENCES = st.sampled_from([0, 59, 61, 3_600, 20 * 3_600])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 70), SILENCES, st.booleans()), min_size=1, max_size=4))
def test_a_total_that_is_put_right_never_falls(course: list[tuple[int, int, bool]]) -> None:
    """DOS-01, NVM-04: whenever it was kept, and however long no sample has come."""
    bench = Bench()
    bench.configure()
    last_nl = 0
    for minutes, silent_s, saves in course:
        bench.run(minutes)
        bench.wait_until(bench.ticks + silent_s * TICKS_PER_S)
        if saves:
            bench.ask(m.RunSelfTest())
        before = bench.status()
        other_total(bench.logic)
        bench.ask(m.RunSelfTest())
        after = bench.status()
        assert after.delivered_total_nl == pytest.approx(before.delivered_total_nl, abs=20)
        assert after.refill_due_in_s == before.refill_due_in_s
        assert after.delivered_total_nl >= last_nl
        last_nl = after.delivered_total_nl - 20


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
    report = bench.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    assert report.configuration is None


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


@pytest.mark.slow
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


def test_a_number_that_changes_in_a_pump_that_was_never_configured_is_put_right() -> None:
    """NVM-04: nothing is reckoned yet."""
    bench = Bench()
    bench.run(61)
    other_total(bench.logic)
    bench.ask(m.RunSelfTest())
    assert alarms_of(bench) == {AlarmId.MEMORY_FAULT}
    assert bench.status().delivered_total_nl == 0
