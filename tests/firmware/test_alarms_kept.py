"""Alarms through the whole logic: who may silence them, and what a failing memory does to them."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import Event, Memory, Outcome, PowerLostError
from protocol.memory import RamMemory
from protocol.vocabulary import AlarmId, EventKind, Priority, Refusal, Role, Sounder
from pumpsim.firmware.alarm_book import AlarmBook
from pumpsim.firmware.alarms import TABLE
from pumpsim.firmware.state import State, encode
from pumpsim.firmware.store import HEAD, SLOTS
from pumpsim.nvm import MortalMemory
from tests.firmware.bench import DAY, MINUTE, Bench, refusal

STOPPED_PA = 347_000
"""A catheter at the reservoir's pressure: no flow, an alarm that latches after two samples."""
OPERATIONS_PER_SAVE = 6
MOST_OPERATIONS = 22
SEEDS = range(3)


def occurrence_of(bench: Bench, alarm: AlarmId) -> m.AlarmOccurrence:
    """The open one."""
    (found,) = (a for a in bench.alarms() if a.alarm is alarm)
    return found


def acknowledging(alarm: m.AlarmOccurrence) -> m.AcknowledgeAlarm:
    return m.AcknowledgeAlarm(alarm=alarm.alarm, occurrence=alarm.occurrence)


def pausing(alarm: m.AlarmOccurrence, duration_ms: int) -> m.PauseAudio:
    return m.PauseAudio(alarm=alarm.alarm, occurrence=alarm.occurrence, duration_ms=duration_ms)


def settle(bench: Bench) -> None:
    for alarm in bench.alarms():
        assert bench.ask(acknowledging(alarm)) == m.Done()


# ---- what an acknowledgement of one form does to another


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.frozensets(st.sampled_from(["catheter_pulse_pa", "temperature_mk", "battery_mv"])),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_a_channel_that_fails_is_heard_whichever_others_were_acknowledged(
    course: list[tuple[frozenset[str], bool]],
) -> None:
    """ALM-03, ALM-04, ALM-05: and nothing else is."""
    bench = Bench()
    bench.configure()
    bench.run(5)
    before: frozenset[str] = frozenset()
    for missing, resets in course:
        if resets:
            bench = bench.reset()  # what failed is as suspect as before
            settle(bench)  # RESETS, perhaps
        bench.run_screened(8, **dict.fromkeys(missing))
        told = [a for a in bench.alarms() if a.present and not a.acknowledged]
        assert len(told) == bool(missing - before)
        assert bench.sounder() is (Sounder.MEDIUM if told else Sounder.OFF)
        settle(bench)
        before = missing


FEVER = {"reservoir_pressure_pa": 400_000}
FREE = {"reservoir_pressure_pa": 690_000, "catheter_pressure_pa": 22_000, "temperature_mk": 318_150}


def test_free_flow_by_the_pressures_is_heard_behind_an_acknowledged_fever(bench: Bench) -> None:
    """FLW-03, ALM-04: within two samples, as without the fever."""
    bench.run(70, **FEVER)
    settle(bench)
    assert bench.sounder() is Sounder.OFF
    bench.run(1, **FREE)
    assert occurrence_of(bench, AlarmId.OVER_INFUSION).acknowledged
    bench.run(1, **FREE)
    assert not occurrence_of(bench, AlarmId.OVER_INFUSION).acknowledged
    assert bench.sounder() is Sounder.HIGH


def test_free_flow_by_the_fill_level_is_heard_behind_an_acknowledged_fever(bench: Bench) -> None:
    """FLW-03, ALM-04: the restrictor breaks, and the pressures show nothing of it."""
    bench.run(70, **FEVER)
    settle(bench)
    for minute in range(60):
        bench.run(1, fill_level_nl=bench.level_nl - minute * 6 * 900, **FEVER)
    assert not occurrence_of(bench, AlarmId.OVER_INFUSION).acknowledged
    assert bench.sounder() is Sounder.HIGH


@pytest.mark.parametrize("later_permille", [1_300, 700])
def test_an_acknowledged_balance_fault_stays_so_over_a_reset_unless_it_turns(
    bench: Bench, later_permille: int
) -> None:
    """ALM-04, ALM-09, FLW-06: a loss that became a rest is nothing anybody knows of."""
    for _ in range(7 * 60):
        bench.level_nl -= 900 * 300 // 1_000
        bench.run_screened(1)
    settle(bench)
    bench = bench.reset()
    for _ in range(8 * 60):
        bench.level_nl -= 900 * (later_permille - 1_000) // 1_000
        bench.run_screened(1)
    balance = occurrence_of(bench, AlarmId.BALANCE_FAULT)
    assert balance.acknowledged == (later_permille > 1_000)


# ---- who may do what


@pytest.mark.parametrize("role", Role)
def test_a_latching_alarm_waits_for_a_carer(bench: Bench, role: Role) -> None:
    """ALM-08: the patient can pause its sound, and cannot make it forgotten."""
    bench.run(2, catheter_pressure_pa=STOPPED_PA)
    bench.run(60)
    latched = bench.alarms()
    assert latched
    loudest = max(alarm.priority for alarm in latched)
    for alarm in latched:
        assert (alarm.latching, alarm.present) == (True, False)
        reply = bench.ask(acknowledging(alarm), role)
        if role is not Role.PATIENT:
            assert reply == m.Done()
        else:
            assert refusal(reply) is Refusal.ROLE
            assert bench.ask(pausing(alarm, 60_000), role) == m.Done()
    assert bench.sounder() is Sounder.OFF
    paused = [(a.acknowledged, a.audio_paused) for a in bench.alarms()]
    assert paused == ([(False, True)] * len(latched) if role is Role.PATIENT else [])
    bench.run(1)
    assert bench.sounder() == (loudest if role is Role.PATIENT else Sounder.OFF)


def test_the_patient_acknowledges_what_ends_by_itself_and_is_reminded(bench: Bench) -> None:
    """ALM-07, ALM-08."""
    bench.level_nl = 2_900_000
    bench.run(60)
    for alarm in bench.alarms():
        role = Role.CLINICIAN if alarm.latching else Role.PATIENT
        assert bench.ask(acknowledging(alarm), role) == m.Done()
    assert occurrence_of(bench, AlarmId.LOW_RESERVOIR).acknowledged
    bench.outcomes.clear()
    bench.run(65)
    told = [event for outcome in bench.outcomes for event in outcome.events]
    reminded = [e for e in told if e.kind is EventKind.ALARM_REMINDED]
    assert [e.subject for e in reminded].count(AlarmId.LOW_RESERVOIR) == 2
    heard = [o.actuation.sounder for o in bench.outcomes if o.actuation is not None]
    assert heard == [Sounder.MEDIUM, Sounder.OFF, Sounder.MEDIUM, Sounder.OFF]
    bench.outcomes.clear()
    bench.level_nl = 28_000_000
    bench.run(2)
    ended = Event(EventKind.ALARM_ENDED, AlarmId.LOW_RESERVOIR, reminded[0].value, Priority.MEDIUM)
    assert ended in [event for outcome in bench.outcomes for event in outcome.events]
    assert AlarmId.LOW_RESERVOIR not in [a.alarm for a in bench.alarms()]


def test_a_pause_that_is_too_long_is_refused_by_name(bench: Bench) -> None:
    """ALM-05."""
    bench.run(1, fill_level_nl=2_900_000)
    low = occurrence_of(bench, AlarmId.LOW_RESERVOIR)
    reply = bench.ask(pausing(low, m.MAX_AUDIO_PAUSE_MS + 1))
    assert refusal(reply) is Refusal.PAUSE_TOO_LONG
    assert bench.ask(pausing(low, m.MAX_AUDIO_PAUSE_MS)) == m.Done()
    assert occurrence_of(bench, AlarmId.LOW_RESERVOIR).audio_paused


def test_a_refill_that_becomes_due_lifts_the_pause_of_its_warning(bench: Bench) -> None:
    """ALM-05, ALM-18: the same occurrence, at a higher priority."""
    bench.run(1)
    bench.wait_until(14 * DAY - 3 * MINUTE)
    bench.run(1)
    due = occurrence_of(bench, AlarmId.REFILL_DUE)
    assert due.priority is Priority.LOW
    for alarm in bench.alarms():
        bench.ask(pausing(alarm, 600_000))
    assert bench.sounder() is Sounder.OFF
    bench.run(3)
    risen = occurrence_of(bench, AlarmId.REFILL_DUE)
    assert (risen.occurrence, risen.priority) == (due.occurrence, Priority.MEDIUM)
    assert not risen.audio_paused
    assert bench.sounder() >= Sounder.MEDIUM


# ---- memory


def told(outcome: Outcome) -> bool:
    """Whether an alarm left with this outcome, to be heard and published."""
    raised = any(event.kind is EventKind.ALARM_RAISED for event in outcome.events)
    heard = outcome.actuation is not None and outcome.actuation.sounder is not Sounder.OFF
    return raised and heard and any(alarm.present for alarm in outcome.alarms)


def next_life(bench: Bench, memory: Memory) -> Bench:
    """A new life on some memory, at the level where the last one ended."""
    again = Bench(memory)
    again.level_nl = bench.level_nl
    return again


@pytest.mark.parametrize("totals_are_due", [False, True])
def test_a_raise_waits_for_one_record_and_is_kept_by_it(
    bench: Bench, *, totals_are_due: bool
) -> None:
    """ALM-10: the bound on what stands between a raise and its sound; and it is kept by then."""
    memory = MortalMemory(bench.memory, 1)
    alive = next_life(bench, memory)
    alive.run(60)  # they were kept with the first sample, and are again an hour after it
    alive.run(0 if totals_are_due else 30)
    before = memory.operations
    alive.run(1, fill_level_nl=900_000)
    assert told(alive.outcomes[-1])
    assert memory.operations - before == OPERATIONS_PER_SAVE
    kept = Bench(bench.memory)
    assert {AlarmId.LOW_RESERVOIR, AlarmId.EMPTY_RESERVOIR} <= {a.alarm for a in kept.alarms()}
    assert kept.sounder() is Sounder.HIGH


@pytest.mark.parametrize("silent", [False, True])
def test_a_date_that_comes_is_kept_before_it_is_told(bench: Bench, *, silent: bool) -> None:
    """ALM-10: it tells of no cause, and totals are not due; with a sample, and without any."""
    bench.run(1)
    date = 21 * DAY // 2  # of the refill in two weeks, with a quarter of them to prepare it
    bench.level_nl -= date // MINUTE * 900
    bench.wait_until(date - 31 * MINUTE)
    bench.run(30)
    assert AlarmId.REFILL_DUE not in {a.alarm for a in Bench(bench.memory).alarms()}
    if silent:
        bench.wait_until(date + 2 * MINUTE)
    else:
        bench.run(1)
    assert told(bench.outcomes[-1])
    assert AlarmId.REFILL_DUE in {a.alarm for a in Bench(bench.memory).alarms()}


def test_an_acknowledgement_is_told_again_by_the_next_life_as_it_was(bench: Bench) -> None:
    """LOG-01, COM-09: the supply may have failed before anybody heard of it."""
    bench.run(2, fill_level_nl=900_000)
    low, empty = bench.alarms()
    for alarm, priority in ((empty, Priority.HIGH), (low, Priority.MEDIUM)):
        bench.ask(acknowledging(alarm))
        event = Event(EventKind.ALARM_ACKNOWLEDGED, alarm.alarm, alarm.occurrence, priority)
        assert bench.outcomes[-1].events == [event]
        (booted,) = Bench(bench.memory).outcomes
        assert booted.kept is not None
        assert booted.kept.events == (event,)


@pytest.mark.parametrize("failing", range(OPERATIONS_PER_SAVE))
def test_what_memory_fails_to_keep_is_heard_and_told_and_kept_once_memory_can(
    bench: Bench, failing: int
) -> None:
    """ALM-09, ALM-10: it fails in the middle of the raising, and when that is tried again."""
    counting = MortalMemory(RamMemory(content=bench.memory.read(0, bench.memory.size)), 1)
    next_life(bench, counting).run(1, fill_level_nl=20_000_000)
    first = counting.operations + failing
    memory = MortalMemory(bench.memory, 1, failing=range(first, first + 2))
    alive = next_life(bench, memory)
    alive.run(1, fill_level_nl=20_000_000)
    alive.run(1, fill_level_nl=900_000)
    assert memory.took_effect
    assert told(alive.outcomes[-1])
    assert alive.sounder() is Sounder.HIGH
    alive.run(2, fill_level_nl=900_000)
    expected = {AlarmId.LOW_RESERVOIR, AlarmId.EMPTY_RESERVOIR}
    assert {a.alarm for a in Bench(bench.memory).alarms()} >= expected


@pytest.mark.slow
@pytest.mark.parametrize("boots", [False, True])
def test_a_raise_waits_for_failing_reads_no_longer_than_that(bench: Bench, *, boots: bool) -> None:
    """ALM-10: whichever operations fail, from the raise on or from the boot on, till after it."""
    bench.run(1)  # the refill is in both copies: in the window of an older one nothing is low
    most = 0
    for first, count in product(range(12 if boots else 1), range(1, 40)):
        cells = RamMemory(content=bench.memory.read(0, bench.memory.size))
        failing = range(first, first + count) if boots else range(0)
        memory = MortalMemory(cells, 1, failing=failing)
        alive = next_life(bench, memory)
        alive.run(1)
        if not boots:
            memory.fail(count)
        before = memory.operations
        lost = AlarmId.CONFIGURATION_LOST in {alarm.alarm for alarm in alive.alarms()}
        alive.run(1, fill_level_nl=900_000)
        assert told(alive.outcomes[-1]) or lost  # what is low is unknown then
        most = max(most, memory.operations - before)
    assert OPERATIONS_PER_SAVE < most <= MOST_OPERATIONS


def test_a_memory_that_fails_for_ever_silences_nothing(bench: Bench) -> None:
    """ALM-10."""
    memory = MortalMemory(bench.memory, 1, failing=range(10_000))
    alive = next_life(bench, memory)
    assert told(alive.outcomes[0])
    alive.run(1, fill_level_nl=None, reservoir_pressure_pa=None)
    assert AlarmId.MEMORY_FAULT in {a.alarm for a in alive.alarms()}
    assert alive.sounder() is Sounder.HIGH


def live(bench: Bench) -> None:
    """Alarms come, go, are acknowledged, come again."""
    bench.run(2, catheter_pressure_pa=STOPPED_PA)
    bench.run(1, fill_level_nl=900_000)
    bench.run(70)
    for alarm in bench.alarms():
        bench.ask(acknowledging(alarm))
    bench.run(3, catheter_pressure_pa=STOPPED_PA)


def cut_short(bench: Bench, memory: Memory) -> Bench:
    """A life up to the loss of power; one that does not get through its boot tells nothing."""
    try:
        alive = next_life(bench, memory)
    except PowerLostError:
        return Bench()
    with pytest.raises(PowerLostError):
        live(alive)
    return alive


def open_by(outcomes: list[Outcome]) -> dict[AlarmId, int]:
    """The occurrences that somebody who heard it all takes for open, by alarm."""
    standing: dict[AlarmId, int] = {}
    for alarm in (alarm for outcome in outcomes for alarm in outcome.alarms):
        standing[alarm.alarm] = alarm.occurrence
        if not alarm.present and (alarm.acknowledged or not alarm.latching):
            del standing[alarm.alarm]
    return standing


@pytest.mark.slow
def test_no_alarm_that_was_told_is_lost_by_a_cut_anywhere(bench: Bench) -> None:
    """ALM-09: raised before, and not settled, is present after, before the first sample."""
    content = bench.memory.read(0, bench.memory.size)
    counting = MortalMemory(RamMemory(content=content), 0)
    live(next_life(bench, counting))
    stood = 0
    for seed in SEEDS:
        for cut_at in range(OPERATIONS_PER_SAVE, counting.operations):
            cells = RamMemory(content=content)
            memory = MortalMemory(cells, seed, cut_at=cut_at)
            alive = cut_short(bench, memory)
            kept = {a.alarm: a.occurrence for a in Bench(cells).alarms()}
            before = open_by(alive.outcomes)
            for alarm, number in before.items():
                settled = alarm not in kept and acknowledged(alive, alarm, number)
                assert settled or kept[alarm] >= number, f"seed {seed}, cut at {cut_at}"
            stood += len(before)
    assert stood > 50


def acknowledged(bench: Bench, alarm: AlarmId, number: int) -> bool:
    """Whether the cut came in the middle of acknowledging it: either outcome is sound."""
    standing = [o for o in bench.logic._state.alarms.open if o.alarm == alarm]
    return all(o.number == number and o.acknowledged for o in standing)


def test_every_alarm_at_once_fits_the_memory(bench: Bench) -> None:
    """ALM-11: the largest record a storm can make."""
    book = AlarmBook(count=2**32 - len(TABLE) - 1)
    for alarm, spec in TABLE.items():
        book.update(0, alarm, spec.priority, 0xFF)
    state: State = replace(bench.logic._state, alarms=book)
    record = HEAD.size + len(encode(state.durable(0)))
    assert record < bench.memory.size // SLOTS // 4
