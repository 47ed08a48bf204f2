"""The event log: what happens often never pushes out what matters."""

import json
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import Event
from protocol.vocabulary import AlarmId, EventKind, FirmwareFault, Priority, Refusal, Role
from pumpsim.eventlog import (
    CAPACITY,
    CLASS,
    MAX_RUNS,
    REPEAT_S,
    REPEATING,
    EventLog,
    LogClass,
    When,
    class_of,
)

FLOOD = 100_000
REFUSED = Event(EventKind.COMMAND_REFUSED, Refusal.ROLE, 4711)


def at(second: int) -> When:
    return When(second, 1, second * 1_000, 1_767_225_600 + second, rtc_valid=True)


def entries_of(log: EventLog) -> list[m.LogEntry]:
    """All of it, page by page."""
    found: list[m.LogEntry] = []
    page = log.page(0, m.MAX_LIST)
    while page.entries:
        found += page.entries
        page = log.page(page.next_sequence, m.MAX_LIST)
    assert page.next_sequence == page.end_sequence
    return found


def restored(log: EventLog) -> EventLog:
    again = EventLog()
    again.restore(json.loads(json.dumps(log.snapshot())))
    return again


def alarm(number: int, priority: Priority) -> Event:
    return Event(EventKind.ALARM_RAISED, AlarmId.OVER_INFUSION, number, priority)


def fault(number: int) -> Event:
    return Event(EventKind.FIRMWARE_FAULT, FirmwareFault.RAISED, number)


def test_every_kind_has_a_class_and_every_class_room() -> None:
    """LOG-02."""
    assert set(CLASS) == set(EventKind)
    assert set(CAPACITY) == set(LogClass)
    assert CAPACITY[LogClass.FAULTS] == CAPACITY[LogClass.SECURITY] == 1_000
    assert class_of(alarm(1, Priority.HIGH)) is LogClass.URGENT_ALARMS
    assert class_of(alarm(1, Priority.MEDIUM)) is LogClass.ALARMS
    assert class_of(fault(1)._replace(priority=Priority.HIGH)) is LogClass.FAULTS


@pytest.mark.slow
def test_a_flood_of_refused_commands_leaves_every_alarm_and_fault() -> None:
    """LOG-02: repeats are counted, and nothing is lost of what came before or in between."""
    log = EventLog()
    for number in range(900):
        log.append(at(number), alarm(number, Priority.LOW))
        log.append(at(number), alarm(number, Priority.HIGH))
        log.append(at(number * 4_000), fault(number))
    rows = [(entry.kind, entry.value) for entry in entries_of(log)]
    start = 900 * 4_000
    for number in range(FLOOD):
        reason = [*Refusal][number % len(Refusal)]
        role = [*Role][number // len(Refusal) % len(Role)]
        log.append(at(start + number // 100), REFUSED._replace(subject=reason), role)
    log.tell_repeats(at(start + FLOOD + REPEAT_S))
    kept = entries_of(log)
    assert [(e.kind, e.value) for e in kept if e.kind is not EventKind.COMMAND_REFUSED] == rows
    refused = [e for e in kept if e.kind is EventKind.COMMAND_REFUSED]
    assert sum(1 if e.repeats is None else e.repeats for e in refused) == FLOOD
    assert len(refused) == 2 * len(Refusal) * len(Role)
    assert (kept[-1].sequence, len(kept)) == (log.next_sequence - 1, log.next_sequence - 1)


@pytest.mark.parametrize(
    ("flood", "victim"),
    [
        (Event(EventKind.SESSION_OPENED, Role.PATIENT), LogClass.SECURITY),
        (Event(EventKind.COMMAND_DONE, 0x30), LogClass.COMMANDS),
        (alarm(1, Priority.LOW), LogClass.ALARMS),
        (Event(EventKind.BOOT, 4), LogClass.OTHER),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_oldest_of_its_own_class_is_overwritten(flood: Event, victim: LogClass) -> None:
    """LOG-02: a flood of LOW alarms leaves the HIGH ones, and so on; that it loses any is told."""
    log = EventLog()
    others = [
        Event(EventKind.SESSION_OPENED, Role.SERVICE),
        Event(EventKind.COMMAND_DONE, 0x31),
        alarm(7, Priority.MEDIUM),
        alarm(8, Priority.HIGH),
        Event(EventKind.BOOT, 1),
        fault(0),
    ]
    for event in others:
        log.append(at(0), event)
    told = []
    for second in range(FLOOD // 10):
        told += [e for e in log.append(at(second), flood) if e.kind is EventKind.LOG_OVERWRITTEN]
    kept = entries_of(log)
    left = [e.kind for e in kept if e.sequence <= len(others)]
    assert left == [e.kind for e in others if class_of(e) is not victim]
    news = {EventKind.LOG_OVERWRITTEN} if victim is not LogClass.SECURITY else set()
    rows = [e for e in kept if e.sequence > len(others) and e.kind not in news]
    assert len(rows) == CAPACITY[victim]
    assert {e.subject for e in told} == {victim}
    assert [e.value for e in told] == [10**power for power in range(len(told))]
    assert 4 <= len(told) <= 5


def test_pages_go_on_over_classes_and_gaps_in_order() -> None:
    """LOG-03: a gap in the sequence shows what was overwritten."""
    log = EventLog()
    for number in range(3_000):
        log.append(at(number), alarm(number, Priority.LOW))
        log.append(at(number), Event(EventKind.TIME_GAP, 0, number))
    sequences = [entry.sequence for entry in entries_of(log)]
    assert sequences == sorted(set(sequences))
    gaps = [b - a for a, b in pairwise(sequences) if b - a > 1]
    assert gaps
    assert sequences[0] > 1
    assert log.page(0, 1).entries[0].sequence == sequences[0]
    assert log.page(10**6, 8).entries == ()
    assert entries_of(restored(log)) == entries_of(log)
    again = restored(log)
    for each in (log, again):
        each.append(at(0), alarm(1, Priority.LOW))
    assert again.snapshot() == log.snapshot()


def test_an_empty_log_has_an_empty_page() -> None:
    assert EventLog().page(0, 8) == m.LogPage(entries=(), next_sequence=1, end_sequence=1)


def test_a_repeat_is_told_an_hour_later_with_the_latest_value() -> None:
    """LOG-02."""
    log = EventLog()
    (first,) = log.append(at(10), REFUSED, Role.PATIENT)
    assert first.repeats is None
    for second in (11, 12, 13):
        assert log.append(at(second), REFUSED._replace(value=second), Role.PATIENT) == []
    assert log.append(at(14), REFUSED, Role.CLINICIAN) != []  # somebody else
    assert log.append(at(14), REFUSED._replace(subject=Refusal.BUSY), Role.PATIENT) != []
    assert log.tell_repeats(at(9 + REPEAT_S)) == []
    log = restored(log)
    (told,) = log.tell_repeats(at(10 + REPEAT_S))
    assert (told.kind, told.subject, told.role) == (first.kind, first.subject, Role.PATIENT)
    assert (told.repeats, told.value) == (3, 13)
    assert log.tell_repeats(at(20 + REPEAT_S)) == []  # nothing else came again
    assert log.runs == {}
    (anew,) = log.append(at(20 + REPEAT_S), REFUSED, Role.PATIENT)
    assert anew.repeats is None


def test_more_counts_than_there_is_room_for_are_told_early() -> None:
    log = EventLog()
    first = Event(EventKind.READING_REJECTED, 0, 1)
    log.append(at(0), first)
    log.append(at(0), first)
    for subject in range(1, MAX_RUNS):
        log.append(at(1), first._replace(subject=subject))
    early, last = log.append(at(1), first._replace(subject=MAX_RUNS))
    assert (early.subject, early.repeats) == (0, 1)
    assert (last.subject, last.repeats) == (MAX_RUNS, None)
    assert len(log.runs) == MAX_RUNS


def events_in_time() -> Iterator[st.SearchStrategy[object]]:
    yield st.integers(0, 2_000)  # seconds later
    yield st.sampled_from([*EventKind])
    yield st.integers(0, 2)
    yield st.sampled_from([None, *Role])
    yield st.booleans()


@given(st.lists(st.tuples(*events_in_time()), max_size=60))
def test_every_event_is_told_once_or_counted_once(rows: list[tuple[object, ...]]) -> None:
    """LOG-01, LOG-02, LOG-03: no gap, no entry that changes, no event that goes missing."""
    log = EventLog()
    second = 0
    told: list[m.LogEntry] = []
    for wait, kind, subject, role, again in rows:
        assert isinstance(wait, int)
        assert isinstance(kind, EventKind)
        assert isinstance(subject, int)
        assert role is None or isinstance(role, Role)
        second += wait
        told += log.append(at(second), Event(kind, subject), role)
        log = restored(log) if again else log
    told += log.tell_repeats(at(second + REPEAT_S))
    assert told == entries_of(log)
    assert [entry.sequence for entry in told] == [*range(1, log.next_sequence)]
    assert sum(1 if e.repeats is None else e.repeats for e in told) == len(rows)
    assert all(e.repeats is None or e.kind in REPEATING for e in told)
    assert [e.uptime_ms for e in told] == sorted(e.uptime_ms for e in told)


def test_refusals_of_two_commands_are_not_alike() -> None:
    """LOG-01, LOG-02: each is told, and counted by itself, over a snapshot, too."""
    log = EventLog()
    for second in range(6):
        log.append(at(second), REFUSED, Role.PATIENT, m.SetClock.code + second % 2)
        log = restored(log)
    log.tell_repeats(at(7_200))
    rows = [(entry.command, entry.repeats) for entry in entries_of(log)]
    codes = m.SetClock.code, m.SetClock.code + 1
    assert rows == [(code, count) for count in (None, 2) for code in codes]
