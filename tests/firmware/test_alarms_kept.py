"""Alarms through the whole logic: who may silence them, and what a failing memory does to them."""

from dataclasses import replace

import pytest

from protocol import messages as m
from protocol.control import Event, Memory, Outcome, PowerLostError
from protocol.memory import RamMemory
from protocol.vocabulary import AlarmId, EventKind, Priority, Refusal, Role, Sounder
from pumpsim.firmware.alarm_book import AlarmBook
from pumpsim.firmware.alarms import TABLE
from pumpsim.firmware.state import State, encode
from pumpsim.firmware.store import HEAD, SLOTS
from pumpsim.nvm import MortalMemory
from tests.firmware.test_reference_logic import DAY, MINUTE, Bench, refusal

STOPPED_PA = 347_000
"""A catheter at the reservoir's pressure: no flow, an alarm that latches after two samples."""
OPERATIONS_PER_SAVE = 6
SEEDS = range(3)


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.configure()
    return bench


def occurrence_of(bench: Bench, alarm: AlarmId) -> m.AlarmOccurrence:
    """The open one."""
    (found,) = (a for a in bench.alarms() if a.alarm is alarm)
    return found


def acknowledging(alarm: m.AlarmOccurrence) -> m.AcknowledgeAlarm:
    return m.AcknowledgeAlarm(alarm=alarm.alarm, occurrence=alarm.occurrence)


def pausing(alarm: m.AlarmOccurrence, duration_ms: int) -> m.PauseAudio:
    return m.PauseAudio(alarm=alarm.alarm, occurrence=alarm.occurrence, duration_ms=duration_ms)


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
    bench.rest(14 * DAY - 3 * MINUTE)
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


def test_a_raise_waits_for_one_record_and_is_kept_by_it(bench: Bench) -> None:
    """ALM-10: the bound on what stands between a raise and its sound; and it is kept by then."""
    memory = MortalMemory(bench.memory, 1)
    alive = next_life(bench, memory)
    alive.run(59)
    before = memory.operations
    alive.run(1, fill_level_nl=900_000)  # an hour after boot: the totals are due, too
    assert told(alive.outcomes[-1])
    assert memory.operations - before == OPERATIONS_PER_SAVE
    kept = Bench(bench.memory)
    assert {AlarmId.LOW_RESERVOIR, AlarmId.EMPTY_RESERVOIR} <= {a.alarm for a in kept.alarms()}
    assert kept.sounder() is Sounder.HIGH


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
        book.update(0, alarm, spec.priority)
    state: State = replace(bench.logic._state, alarms=book)
    record = HEAD.size + len(encode(state.durable(0)))
    assert record < bench.memory.size // SLOTS // 4
