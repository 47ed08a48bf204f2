"""A record that could be read late only: what it tells joins what this life has found and told."""

import pytest

from protocol import messages as m
from protocol.memory import RamMemory
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    RefillReason,
    Refusal,
    ResetCause,
    Sounder,
)
from pumpsim.firmware.store import SLOTS, Store
from pumpsim.nvm import MortalMemory
from tests.firmware.bench import Bench
from tests.firmware.in_use import alarms_of, in_use, needled, other_total
from tests.firmware.test_store import Unreadable
from tests.firmware.usual import CONFIGURATION, REFILL


@pytest.fixture
def bench() -> Bench:
    return in_use()


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


def test_a_life_after_a_loss_knows_the_records_of_another_such_life() -> None:
    """ALM-09: neither has counted the lives before it, and what the one latched is not over."""
    before = Bench(RamMemory(content=bytes(RamMemory().size)))
    before.configure()
    before.run(10)
    before.level_nl -= 2_000_000
    before.run_screened(3)
    assert AlarmId.TAMPERING in alarms_of(before)
    memory = Unreadable(before.memory, [0, 1])
    alive = Bench(memory, ResetCause.BROWN_OUT, start_s=before.rtc_s())
    alive.run(3, fill_level_nl=before.level_nl)
    memory.unread = []
    alive.run(2, fill_level_nl=before.level_nl)
    assert AlarmId.TAMPERING in {alarm.alarm for alarm in alive.alarms()}


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
    """Somebody refills the pump; another configuration would not be kept (FLW-07)."""
    state = alive.logic._state
    write = m.WriteConfiguration(base_config_id=state.config_id, configuration=SLOWER)
    assert alive.ask(write) == m.Refused(reason=Refusal.NOT_KEPT)
    alive.ask(m.BeginRefill())
    reason, last = RefillReason.DRUG_CHANGE, state.refills.refill_id
    refill = m.CommitRefill(refill=SALINE, reason=reason, previous_refill_id=last)
    assert alive.ask(refill) == m.Done(reference=last + 1)
    alive.ask(m.BeginBolusAccess(drug="MAA", concentration_ng_per_ml=1_000))


def test_what_was_declared_in_this_life_stands_though_a_record_is_read_late() -> None:
    """NVM-03, COM-09: it came later than all that the record tells."""
    before = needled()
    before.logic._state.by_fill.over = True
    before.ask(m.RunSelfTest())
    alive, memory = with_a_slot_unread(before)
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


def test_a_level_that_fell_for_days_is_no_needle_once_a_slot_is_read(bench: Bench) -> None:
    """RES-07: the record's level is of a time that nobody counted."""
    alive, memory = with_a_slot_unread(bench, down_s=4 * 86_400)
    alive.run_screened(10)
    memory.unread = []
    alive.run_screened(3)
    assert EventKind.MEMORY_CORRECTED in alive.events()
    assert AlarmId.TAMPERING not in alive.raised()


def test_a_clock_that_was_set_tells_no_downtime_of_a_record_that_is_read_late(
    bench: Bench,
) -> None:
    """TIM-06: in this life, and in the one after it."""
    memory = Unreadable(bench.memory, [0, 1])
    alive = Bench(memory, ResetCause.BROWN_OUT, start_s=bench.rtc_s())
    alive.level_nl = bench.level_nl
    alive.run(2, fill_level_nl=None)
    ahead_s = alive.rtc_s() + 3 * 86_400
    assert alive.ask(m.SetClock(rtc_s=ahead_s)) == m.Done()
    alive.start_s += 3 * 86_400
    alive.run(3, fill_level_nl=None)
    due_in_s = bench.status().refill_due_in_s
    assert due_in_s is not None
    memory.unread = []
    alive.run(3, fill_level_nl=None)
    assert EventKind.MEMORY_CORRECTED in alive.events()
    again = alive.reset()
    again.run(2, fill_level_nl=None)
    for each in (alive, again):
        told_s = each.status().refill_due_in_s
        assert told_s is not None
        assert due_in_s - 3_600 < told_s <= due_in_s


def test_a_number_that_changed_costs_no_alarm_of_a_record_that_can_be_read_again() -> None:
    """ALM-09, NVM-04: whichever looks first, what is proven or what could not be read."""
    alive, memory = with_a_slot_unread(needled())
    alive.run(3, fill_level_nl=20_000_000)
    assert AlarmId.TAMPERING not in alive.raised()
    memory.unread = []
    other_total(alive.logic)
    alive.ask(m.RunSelfTest())
    assert AlarmId.TAMPERING in alive.raised()
    assert alive.logic._state.account.balanced()
    alive.run(3, fill_level_nl=20_000_000)
    assert AlarmId.TAMPERING in Bench(memory, ResetCause.BROWN_OUT).raised()


def test_a_snapshot_knows_what_could_not_be_read() -> None:
    """ALM-09, NVM-07: whoever goes on from it reads it late, and joins what it tells."""
    alive, memory = with_a_slot_unread(needled())
    alive.run(3, fill_level_nl=20_000_000)
    saved = alive.logic.save()
    memory.unread = []
    alive.logic.load(memory, saved)
    alive.run(1, fill_level_nl=20_000_000)
    assert AlarmId.TAMPERING in alive.raised()
