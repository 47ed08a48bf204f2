"""The engine of the alarms: the life of an occurrence, and the book of all that are open."""

import json
import random
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from itertools import accumulate, chain, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydantic import TypeAdapter

from protocol.control import TICKS_PER_S, Event
from protocol.guard import MAX_ITEMS
from protocol.messages import MAX_AUDIO_PAUSE_MS
from protocol.vocabulary import AlarmId, EventKind, Priority, Refusal, Sounder
from pumpsim.firmware.alarm_book import MAX_OPEN, AlarmBook
from pumpsim.firmware.alarms import TABLE
from pumpsim.firmware.occurrence import (
    AUDIBLE,
    BURST_S,
    CLOSED,
    KNOWN,
    PRESENT,
    RAISED,
    SILENCED,
    TRANSITIONS,
    Happening,
    Life,
    Occurrence,
)

LOW, MEDIUM, HIGH = Priority
LATCHING = [alarm for alarm, spec in TABLE.items() if spec.latching]
SNAPSHOT = TypeAdapter(AlarmBook)
NOW = 1_000 * TICKS_PER_S
MINUTE = 60 * TICKS_PER_S
LONGEST_PAUSE = MAX_AUDIO_PAUSE_MS // 1_000 * TICKS_PER_S


def run_until(book: AlarmBook, until: int) -> list[tuple[int, Sounder]]:
    """Every timer up to a tick at its own; (tick, sounder) after each."""
    heard = []
    while (due := book.deadline()) is not None and due <= until:
        book.advance(due)
        later = book.deadline()
        assert later is None or later > due
        heard.append((due, book.sounder()))
    return heard


def kinds(events: list[Event]) -> list[EventKind]:
    return [event.kind for event in events]


# ---- the life of one occurrence


@pytest.mark.parametrize("happening", Happening)
@pytest.mark.parametrize("life", Life)
def test_every_state_takes_every_happening(life: Life, happening: Happening) -> None:
    """ALM-03, ALM-04, ALM-05, ALM-07, ALM-08, ALM-18: what each may do, and what it may not."""
    occurrence = Occurrence(AlarmId.OVER_INFUSION, 1, HIGH, 0, life, due=NOW)
    step = occurrence.meet(NOW, happening)
    to = occurrence.life
    assert (step is None) == ((life, happening) not in TRANSITIONS)
    assert step is not None or to is life
    if life in CLOSED:
        assert step is None
    elif happening is Happening.RISES:
        assert to is (Life.SOUNDING if life in PRESENT else life)
    elif happening is Happening.ENDS or happening is Happening.ENDS_LATCHING:
        assert to not in PRESENT
        latches = life not in KNOWN and happening is Happening.ENDS_LATCHING
        assert life not in PRESENT or (to in CLOSED) != latches
        assert (life in SILENCED) == (to in SILENCED) or to in CLOSED
    elif happening in {Happening.RECURS, Happening.GROWS}:
        assert (to in CLOSED) == ((happening is Happening.GROWS) == (life in PRESENT))
        assert (to in KNOWN) == (life in KNOWN)
    elif happening is Happening.ACKNOWLEDGE:
        assert to in KNOWN
        assert (to in CLOSED) == (life not in PRESENT)
        assert life not in KNOWN or to is life
    elif happening is Happening.PAUSE:
        assert to is life if life in KNOWN else to in SILENCED
        assert (to in PRESENT) == (life in PRESENT)
    else:
        assert (to in PRESENT, to in KNOWN) == (life in PRESENT, life in KNOWN)
        assert life not in SILENCED or to in AUDIBLE
        assert life not in PRESENT & KNOWN or (to in AUDIBLE) != (life in AUDIBLE)
    if step is not None:
        timed = SILENCED | {Life.ACKNOWLEDGED, Life.REMINDING}
        assert (occurrence.due is not None) == (to in timed)


def test_every_state_is_reached_and_closed_ones_are_left_alone() -> None:
    """ALM-01: the table has no island and no ghost."""
    reached = {RAISED.to}
    for _ in Life:
        reached |= {step.to for (life, _), step in TRANSITIONS.items() if life in reached}
    assert reached == set(Life)
    assert not {life for life, _ in TRANSITIONS} & CLOSED
    assert PRESENT | CLOSED | {Life.LATCHED, Life.LATCHED_PAUSED} == set(Life)


# ---- reminders


def minutes_of_reminders(priority: Priority, alarm: AlarmId, hours: int) -> list[int]:
    book = AlarmBook()
    book.update(NOW, alarm, priority)
    assert book.acknowledge(NOW, alarm, 1) is None
    heard = run_until(book, NOW + (hours * 3_600 - BURST_S) * TICKS_PER_S)
    assert [s for _, s in heard] == [Sounder(priority), Sounder.OFF] * (len(heard) // 2)
    begins, ends = heard[::2], heard[1::2]
    for (begin, _), (end, _) in zip(begins, ends, strict=True):
        assert end - begin == BURST_S * TICKS_PER_S
    told = book.drain()[0][2:]
    assert kinds(told) == [EventKind.ALARM_REMINDED] * len(begins)
    return [(begin - NOW) // (60 * TICKS_PER_S) for begin, _ in begins]


def test_reminders_come_at_the_rhythm_of_their_priority() -> None:
    """ALM-07."""
    high = minutes_of_reminders(HIGH, AlarmId.OCCLUSION, 1)
    assert high == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 24, 34, 44, 54]
    assert minutes_of_reminders(HIGH, AlarmId.OCCLUSION, 48)[-1] == 48 * 60 - 6
    assert minutes_of_reminders(MEDIUM, AlarmId.LOW_RESERVOIR, 3) == [30, 60, 90, 120, 150]
    assert minutes_of_reminders(LOW, AlarmId.BATTERY_LOW, 5) == [60, 120, 180, 240]


def test_acknowledging_or_pausing_again_moves_no_reminder() -> None:
    """ALM-07."""
    book = AlarmBook()
    book.update(NOW, AlarmId.OCCLUSION, HIGH)
    book.acknowledge(NOW, AlarmId.OCCLUSION, 1)
    due = book.deadline()
    for later in (1, 30 * TICKS_PER_S):
        assert book.acknowledge(NOW + later, AlarmId.OCCLUSION, 1) is None
        assert book.pause(NOW + later, AlarmId.OCCLUSION, 1, TICKS_PER_S, 7) is None
        assert book.deadline() == due
    assert due is not None
    book.advance(due)
    book.acknowledge(due, AlarmId.OCCLUSION, 1)
    assert book.sounder() is Sounder.HIGH
    assert kinds(book.drain()[0])[2:] == [EventKind.ALARM_REMINDED]


def test_neither_the_end_of_a_session_nor_the_same_priority_again_moves_a_reminder() -> None:
    """ALM-07, ALM-12: the session had paused it before it was acknowledged."""
    book = AlarmBook()
    book.update(NOW, AlarmId.OCCLUSION, HIGH)
    book.pause(NOW, AlarmId.OCCLUSION, 1, LONGEST_PAUSE, 7)
    book.acknowledge(NOW, AlarmId.OCCLUSION, 1)
    book.drain()
    book.end_session(NOW, 7)
    book.update(NOW, AlarmId.OCCLUSION, HIGH)
    book.update(NOW, AlarmId.OCCLUSION, LOW)
    assert book.drain() == ([], [])
    assert book.sounder() is Sounder.OFF
    assert book.deadline() == NOW + 60 * TICKS_PER_S


@pytest.mark.parametrize("anew", ["a rise", "a reset"])
def test_reminders_start_anew_after(anew: str) -> None:
    """ALM-07, ALM-09: ten of them at the first interval, again."""
    book, now = AlarmBook(), NOW
    book.update(now, AlarmId.OCCLUSION, MEDIUM if anew == "a rise" else HIGH)
    book.acknowledge(now, AlarmId.OCCLUSION, 1)
    now += 24 * 3_600 * TICKS_PER_S
    run_until(book, now)
    if anew == "a rise":
        book.update(now, AlarmId.OCCLUSION, HIGH)
        book.acknowledge(now, AlarmId.OCCLUSION, 1)
    else:
        kept, now = book.save(), 5 * TICKS_PER_S
        book = AlarmBook()
        book.load(now, kept)
    heard = run_until(book, now + 630 * TICKS_PER_S)
    assert [(at - now) // TICKS_PER_S for at, _ in heard[::2]] == list(range(60, 630, 60))


def test_a_reminder_changes_nothing_that_is_published_but_the_event() -> None:
    """ALM-07."""
    book = AlarmBook()
    book.update(NOW, AlarmId.OCCLUSION, HIGH)
    book.acknowledge(NOW, AlarmId.OCCLUSION, 1)
    book.drain()
    digest = book.digest()
    (begin, _), _ = run_until(book, NOW + 70 * TICKS_PER_S)
    events, changed = book.drain()
    assert events == [Event(EventKind.ALARM_REMINDED, AlarmId.OCCLUSION, 1, HIGH)]
    assert changed == []
    assert book.digest() == digest
    assert begin == NOW + 60 * TICKS_PER_S


def test_no_change_of_what_is_published_leaves_the_digest() -> None:
    """COM-08: whoever knows the digest knows whether what it has heard still holds."""
    book, digests = AlarmBook(), set()
    changes: tuple[Callable[[], object], ...] = (
        lambda: book.update(NOW, AlarmId.OCCLUSION, MEDIUM),
        lambda: book.pause(NOW, AlarmId.OCCLUSION, 1, MINUTE, 7),
        lambda: book.update(NOW, AlarmId.OCCLUSION, HIGH),
        lambda: book.acknowledge(NOW, AlarmId.OCCLUSION, 1),
        lambda: book.update(NOW, AlarmId.TAMPERING, HIGH),
        lambda: book.update(NOW, AlarmId.TAMPERING, None),
        lambda: book.update(NOW, AlarmId.OCCLUSION, None),
        lambda: book.update(NOW, AlarmId.OCCLUSION, HIGH),
    )
    for change in changes:
        digests.add(book.digest())
        change()
        assert book.digest() not in digests


# ---- pauses


def test_a_pause_longer_than_allowed_is_refused_by_name() -> None:
    """ALM-05."""
    book = AlarmBook()
    book.update(NOW, AlarmId.OCCLUSION, HIGH)
    assert book.pause(NOW, AlarmId.OCCLUSION, 1, LONGEST_PAUSE + 1, 7) is Refusal.PAUSE_TOO_LONG
    assert book.sounder() is Sounder.HIGH
    assert book.pause(NOW, AlarmId.OCCLUSION, 1, LONGEST_PAUSE, 7) is None
    assert book.sounder() is Sounder.OFF


def test_who_pauses_again_and_again_hears_it_all_the_same() -> None:
    """ALM-06: a pause ends when it was to end; another one before that can only shorten it."""
    book = AlarmBook()
    book.update(NOW, AlarmId.OCCLUSION, HIGH)
    heard = 0
    for minute in range(60):
        book.advance(NOW + minute * MINUTE)
        heard += book.sounder() is Sounder.HIGH
        book.pause(NOW + minute * MINUTE, AlarmId.OCCLUSION, 1, LONGEST_PAUSE, 7)
    assert heard == 6
    assert book.open[0].report().soundings == 6  # the raise, and each end of a pause
    book.advance(NOW + 60 * MINUTE)
    again = AlarmBook()
    again.load(0, book.save())
    assert again.open[0].report().soundings == book.open[0].soundings == 7
    book.pause(NOW + 60 * MINUTE, AlarmId.OCCLUSION, 1, MINUTE, 7)
    assert book.deadline() == NOW + 61 * MINUTE


@pytest.mark.parametrize("alarm", AlarmId)
@pytest.mark.parametrize("silence", ["pause", "acknowledge"])
def test_a_rise_of_priority_is_heard_whatever_silenced_it(alarm: AlarmId, silence: str) -> None:
    """ALM-05, ALM-18: and a lower priority changes nothing while the condition lasts."""
    book = AlarmBook()
    book.update(NOW, alarm, LOW)
    if silence == "pause":
        book.pause(NOW, alarm, 1, LONGEST_PAUSE, 7)
    else:
        book.acknowledge(NOW, alarm, 1)
    assert book.sounder() is Sounder.OFF
    book.drain()
    book.update(NOW, alarm, HIGH)
    book.update(NOW, alarm, MEDIUM)
    assert book.sounder() is Sounder.HIGH
    assert book.deadline() is None
    events, (changed,) = book.drain()
    assert events == [Event(EventKind.ALARM_RAISED, alarm, 1, HIGH)]
    assert (changed.priority, changed.audio_paused, changed.acknowledged) == (HIGH, False, False)


@pytest.mark.parametrize("alarm", AlarmId)
@pytest.mark.parametrize("silence", ["pause", "acknowledge"])
def test_more_of_a_condition_is_a_new_occurrence_that_nobody_has_silenced(
    alarm: AlarmId, silence: str
) -> None:
    """ALM-04, ALM-05: what was said of the channel before does not touch the next one."""
    book = AlarmBook()
    book.update(NOW, alarm, MEDIUM, 0b001)
    if silence == "pause":
        book.pause(NOW, alarm, 1, LONGEST_PAUSE, 7)
    else:
        book.acknowledge(NOW, alarm, 1)
    book.drain()
    book.update(NOW, alarm, LOW, 0b101)
    assert book.sounder() is Sounder.MEDIUM
    assert book.acknowledge(NOW, alarm, 1) is Refusal.UNKNOWN_OCCURRENCE
    events, (ended, begun) = book.drain()
    assert events == [
        Event(EventKind.ALARM_ENDED, alarm, 1, MEDIUM),
        Event(EventKind.ALARM_RAISED, alarm, 2, MEDIUM),
    ]
    assert (ended.present, begun.present, begun.acknowledged) == (False, True, False)
    assert book.acknowledge(NOW, alarm, 2) is None
    book.update(NOW, alarm, MEDIUM, 0b100)
    assert book.sounder() is Sounder.OFF
    book.update(NOW, alarm, MEDIUM, 0b101)
    assert book.sounder() is Sounder.MEDIUM


# ---- latching


@pytest.mark.parametrize("alarm", AlarmId)
def test_a_pulse_of_one_tick_is_kept_where_it_latches_and_logged_everywhere(
    alarm: AlarmId,
) -> None:
    """ALM-08."""
    spec = TABLE[alarm]
    book = AlarmBook()
    book.update(NOW, alarm, spec.priority)
    book.update(NOW + 1, alarm, None)
    events, _ = book.drain()
    assert kinds(events) == [EventKind.ALARM_RAISED, EventKind.ALARM_ENDED]
    assert {(e.subject, e.value, e.priority) for e in events} == {(alarm, 1, spec.priority)}
    assert book.present() == ()
    assert book.sounder() is (Sounder(spec.priority) if spec.latching else Sounder.OFF)
    known = None if spec.latching else Refusal.UNKNOWN_ALARM
    assert book.acknowledge(NOW + 2, alarm, 1) is known
    assert book.sounder() is Sounder.OFF
    assert book.open == []


@pytest.mark.parametrize("alarm", LATCHING)
def test_an_acknowledgement_that_comes_late_does_not_touch_the_next_occurrence(
    alarm: AlarmId,
) -> None:
    """ALM-04, ALM-08: the condition came back meanwhile, and at no lower priority."""
    book = AlarmBook()
    book.update(NOW, alarm, HIGH)
    book.update(NOW, alarm, None)
    book.update(NOW, alarm, LOW)
    assert book.acknowledge(NOW, alarm, 1) is Refusal.UNKNOWN_OCCURRENCE
    (occurrence,) = book.open
    assert (occurrence.number, occurrence.priority, occurrence.acknowledged) == (2, HIGH, False)
    assert book.sounder() is Sounder.HIGH


# ---- storm


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(st.integers())
def test_a_storm_loses_nothing_within_bounds(seed: int) -> None:
    """ALM-11: thousands of conditions a second, ten seconds long, and nobody acknowledges."""
    chance, book, ever = random.Random(seed), AlarmBook(), set()
    for tick in range(1_000):
        for alarm, spec in TABLE.items():
            holds = chance.random() < 0.5
            book.update(
                NOW + tick * TICKS_PER_S // 100,
                alarm,
                spec.priority if holds else None,
                chance.randrange(4),
            )
            if holds:
                ever.add(alarm)
        events, changed = book.drain()
        assert max(len(events), len(changed)) <= MAX_ITEMS
        assert len(book.open) <= MAX_OPEN
        standing = {AlarmId(o.alarm) for o in book.open}
        assert standing >= {alarm for alarm in ever if TABLE[alarm].latching}
    assert book.count > 4_000
    assert book.sounder() is Sounder.HIGH


# ---- the book against a simple model

FEW = [AlarmId.REFILL_DUE, AlarmId.LOW_RESERVOIR, AlarmId.SENSOR_FAULT, AlarmId.OCCLUSION]
ALARMS = st.sampled_from(FEW)  # so few that the same one is often met again
SESSIONS = st.integers(1, 2)
SPANS_S = st.sampled_from([1, 4, 5, 6, 54, 59, 60, 61, 300, 600, 1_800, 3_600]) | st.integers(
    1, 9_000
)
RHYTHM_S: dict[Priority, tuple[list[int], int]] = {
    HIGH: ([60] * 10 + [120, 240, 480], 600),
    MEDIUM: ([], 1_800),
    LOW: ([], 3_600),
}


@dataclass
class Known:
    """What a careful observer with pencil and paper notes of the last occurrence of an alarm."""

    number: int
    priority: Priority
    parts: Set[int] = frozenset()  # which forms of the condition hold
    present: bool = True
    acknowledged_at: int | None = None
    paused_until: int | None = None
    session: int = 0

    def reminds(self, now: int) -> bool:
        """Whether a burst that began at a reminder is still heard."""
        if self.acknowledged_at is None:
            return False
        first_s, then_s = RHYTHM_S[self.priority]
        for at_s in accumulate(chain(first_s, repeat(then_s))):
            begin = self.acknowledged_at + at_s * TICKS_PER_S
            if begin > now:
                return False
            if now < begin + BURST_S * TICKS_PER_S:
                return True
        raise AssertionError

    def heard(self, now: int) -> bool:
        if self.acknowledged_at is not None:
            return self.reminds(now)
        return self.paused_until is None or self.paused_until <= now


@dataclass
class Pencil:
    """All of them, by alarm."""

    count: int = 0
    notes: dict[AlarmId, Known] = field(default_factory=dict)


class BookMachine(RuleBasedStateMachine):
    """ALM-02, ALM-03, ALM-04, ALM-05, ALM-06, ALM-07, ALM-08, ALM-12, ALM-18."""

    @initialize()
    def start(self) -> None:
        self.book, self.model, self.now = AlarmBook(), Pencil(), NOW
        self.last_number = 0

    @rule(alarm=ALARMS, priority=st.sampled_from(Priority), parts=st.sets(st.integers(0, 2)))
    def holds(self, alarm: AlarmId, priority: Priority, parts: Set[int] = frozenset()) -> None:
        self.book.update(self.now, alarm, priority, sum(1 << part for part in parts))
        notes, known = self.model.notes, self.model.notes.get(alarm)
        if known is None or not known.present or not parts <= known.parts:
            self.model.count += 1
            least = priority if known is None else max(priority, known.priority)
            notes[alarm] = Known(self.model.count, least, parts)
        elif priority > known.priority:
            notes[alarm] = Known(known.number, priority, parts)
        else:
            known.parts = parts

    @rule(alarm=ALARMS)
    def ends(self, alarm: AlarmId) -> None:
        self.book.update(self.now, alarm, None)
        known = self.model.notes.get(alarm)
        if known is None:
            return
        known.present = False
        if known.acknowledged_at is not None or not TABLE[alarm].latching:
            del self.model.notes[alarm]

    @rule(alarm=ALARMS)
    def pulses(self, alarm: AlarmId) -> None:
        self.holds(alarm, TABLE[alarm].priority)
        self.now += 1
        self.ends(alarm)

    @rule(alarm=ALARMS, behind=st.sampled_from([0, 0, 0, 1, -1]))
    def acknowledge(self, alarm: AlarmId, behind: int) -> None:
        known = self.model.notes.get(alarm)
        number = 1 if known is None else known.number - behind
        refusal = self.book.acknowledge(self.now, alarm, number)
        if known is None:
            assert refusal is Refusal.UNKNOWN_ALARM
        elif behind:
            assert refusal is Refusal.UNKNOWN_OCCURRENCE
        else:
            assert refusal is None
            if not known.present:
                del self.model.notes[alarm]
            elif known.acknowledged_at is None:
                known.acknowledged_at = self.now

    @rule(alarm=ALARMS, span_s=st.integers(1, 601), session=SESSIONS)
    def pause(self, alarm: AlarmId, span_s: int, session: int) -> None:
        known = self.model.notes.get(alarm)
        number = 1 if known is None else known.number
        span = span_s * TICKS_PER_S
        refusal = self.book.pause(self.now, alarm, number, span, session)
        if known is None:
            assert refusal is Refusal.UNKNOWN_ALARM
        elif span > LONGEST_PAUSE:
            assert refusal is Refusal.PAUSE_TOO_LONG
        else:
            assert refusal is None
            ends = self.now + span
            if known.paused_until is not None and known.paused_until > self.now:
                ends = min(ends, known.paused_until)  # ALM-06: it puts nothing off
            known.paused_until, known.session = ends, session

    @rule(session=SESSIONS)
    def session_ends(self, session: int) -> None:
        self.book.end_session(self.now, session)
        for known in self.model.notes.values():
            if known.session == session:
                known.paused_until = None

    @rule(span_s=SPANS_S)
    def wait(self, span_s: int) -> None:
        until = self.now + span_s * TICKS_PER_S
        while (due := self.book.deadline()) is not None and due <= until:
            self.now = due
            self.book.advance(due)
            self.agrees()
        self.now = until

    @rule(downtime_s=SPANS_S)
    def reset(self, downtime_s: int) -> None:
        """ALM-09: the ticks begin again; pauses end, reminders begin anew."""
        kept = json.loads(json.dumps(self.book.save()))
        self.drain()
        self.book, self.now = AlarmBook(), downtime_s * TICKS_PER_S
        self.book.load(self.now, kept)
        for known in self.model.notes.values():
            known.paused_until = None
            known.acknowledged_at = None if known.acknowledged_at is None else self.now

    @rule()
    def snapshot(self) -> None:
        """ALM-07: a snapshot changes nothing, not even the next reminder."""
        plain = json.loads(json.dumps(SNAPSHOT.dump_python(self.book, mode="json")))
        before = self.book.deadline()
        self.book = SNAPSHOT.validate_python(plain, strict=False)
        assert self.book.deadline() == before

    @rule()
    def drain(self) -> None:
        """ALM-13: the next occurrence has the next number; only a rise is told by an old one."""
        for event in self.book.drain()[0]:
            if event.kind is EventKind.ALARM_RAISED and event.value > self.last_number:
                self.last_number += 1
            assert 1 <= event.value <= self.last_number

    @invariant()
    def agrees(self) -> None:
        notes, now, book = self.model.notes, self.now, self.book
        rows = {
            (o.alarm, o.number, o.priority, o.present, o.acknowledged, o.audio_paused)
            for o in book.open
        }
        assert rows == {
            (
                alarm,
                known.number,
                known.priority,
                known.present,
                known.acknowledged_at is not None,
                known.acknowledged_at is None
                and known.paused_until is not None
                and known.paused_until > now,
            )
            for alarm, known in notes.items()
        }
        present = [known.priority for known in notes.values() if known.present]
        assert book.highest() == max(present, default=None)
        assert len(book.present()) == len(present)
        heard = (known.priority for known in notes.values() if known.heard(now))
        assert book.sounder() == max(heard, default=Sounder.OFF)
        assert [o.number for o in book.open] == sorted(o.number for o in book.open)
        assert len(book.open) <= MAX_OPEN


BookMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestBook = BookMachine.TestCase


@pytest.mark.parametrize("parts", [[1, None, 1], [1, 1, 3]], ids=["recurs", "grows"])
def test_an_occurrence_that_takes_over_is_raised_then(parts: list[int | None]) -> None:
    """ALM-08, ALM-13: and not when the one before it was."""
    book = AlarmBook()
    for now, form in enumerate(parts, 1):
        priority = None if form is None else Priority.MEDIUM
        book.update(now, AlarmId.TAMPERING, priority, form or 0)
    assert [occurrence.raised for occurrence in book.open] == [3]
