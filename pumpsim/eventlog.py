"""The event log of a device: numbered for ever, bounded class by class, read by page.

What happens often must not push out what matters (LOG-02). So every entry belongs to a class with
room of its own, and the oldest entry of that class alone makes way for a new one. What can repeat
itself without end is told once; alike events within the next hour of device time are counted, and
one more entry tells how many there were. Entries are never changed once they have a number.

The emulated log is kept beside the pump's memory, by a recorder with a supply of its own: an append
takes place as a whole or not at all, and no reset or power cut of the logic touches it (RST-02,
LOG-03). What is lost is lost by being overwritten, and shows as a gap in the sequence.
"""

from bisect import bisect_left
from collections import deque
from enum import IntEnum
from operator import attrgetter
from typing import Any, Final, NamedTuple

from protocol.control import Event
from protocol.messages import LogEntry, LogPage
from protocol.vocabulary import EventKind, Priority, Role


class LogClass(IntEnum):
    """Entries that share their room."""

    FAULTS = 1
    SECURITY = 2
    URGENT_ALARMS = 3  # of HIGH priority: a storm of lesser ones must not hide them
    ALARMS = 4
    COMMANDS = 5
    OTHER = 6


DAYS_KEPT: Final = 30
URGENT_ALARMS_PER_DAY: Final = 30
ALARMS_PER_DAY: Final = 70
COMMANDS_PER_DAY: Final = 100
"""Rated rates (A): far above what a pump in use gives rise to."""

CAPACITY: Final = {
    LogClass.FAULTS: 1_000,
    LogClass.SECURITY: 1_000,
    LogClass.URGENT_ALARMS: DAYS_KEPT * URGENT_ALARMS_PER_DAY,
    LogClass.ALARMS: DAYS_KEPT * ALARMS_PER_DAY,
    LogClass.COMMANDS: DAYS_KEPT * COMMANDS_PER_DAY,
    LogClass.OTHER: 2_000,
}
"""Entries of each class (LOG-02)."""

CLASS: Final = {
    EventKind.BOOT: LogClass.OTHER,
    EventKind.ALARM_RAISED: LogClass.ALARMS,
    EventKind.ALARM_ENDED: LogClass.ALARMS,
    EventKind.ALARM_ACKNOWLEDGED: LogClass.ALARMS,
    EventKind.AUDIO_PAUSED: LogClass.COMMANDS,
    EventKind.AUDIO_RESUMED: LogClass.COMMANDS,
    EventKind.SESSION_OPENED: LogClass.SECURITY,
    EventKind.SESSION_ENDED: LogClass.SECURITY,
    EventKind.COMMAND_DONE: LogClass.COMMANDS,
    EventKind.COMMAND_REFUSED: LogClass.SECURITY,
    EventKind.CONFIGURATION_WRITTEN: LogClass.COMMANDS,
    EventKind.CLOCK_SET: LogClass.COMMANDS,
    EventKind.REFILL_BEGUN: LogClass.COMMANDS,
    EventKind.REFILL_COMMITTED: LogClass.COMMANDS,
    EventKind.REFILL_ABORTED: LogClass.COMMANDS,
    EventKind.REFILL_WINDOW_ENDED: LogClass.COMMANDS,
    EventKind.BOLUS_ACCESS_BEGUN: LogClass.COMMANDS,
    EventKind.BOLUS_ACCESS_ENDED: LogClass.COMMANDS,
    EventKind.SELF_TEST: LogClass.COMMANDS,
    EventKind.EXPLANTED: LogClass.COMMANDS,
    EventKind.FIRMWARE_FAULT: LogClass.FAULTS,
    EventKind.TIME_GAP: LogClass.OTHER,
    EventKind.LOG_OVERWRITTEN: LogClass.SECURITY,
    EventKind.ACTUATED: LogClass.COMMANDS,
    EventKind.SESSION_REFUSED: LogClass.SECURITY,
    EventKind.ALARM_REMINDED: LogClass.ALARMS,
    EventKind.ALARMS_DROPPED: LogClass.ALARMS,
    EventKind.OCCLUSION_RELEASED: LogClass.OTHER,
    EventKind.PRESSURE_TRANSIENT: LogClass.OTHER,
    EventKind.MEMORY_CORRECTED: LogClass.FAULTS,
    EventKind.READING_REJECTED: LogClass.FAULTS,
}
"""The class of every kind; alarms of HIGH priority have their own."""

REPEATING: Final = frozenset(
    {
        EventKind.COMMAND_REFUSED,
        EventKind.SESSION_REFUSED,
        EventKind.FIRMWARE_FAULT,
        EventKind.MEMORY_CORRECTED,
        EventKind.READING_REJECTED,
        EventKind.PRESSURE_TRANSIENT,
    }
)
"""What somebody or something can cause without end: repeats are counted."""

REPEAT_S: Final = 3_600
"""How long alike events are counted before their number is told."""
MAX_RUNS: Final = 256
"""Counted at a time; with more, the oldest count is told early."""
TOLD_LOSSES: Final = frozenset(10**power for power in range(10))
"""LOG_OVERWRITTEN is told when a class begins to lose entries, and at each tenfold."""

Key = tuple[EventKind, int, Role | None, int | None]
"""What alike events have in common: kind, subject, who asked, and for what."""


class When(NamedTuple):
    """The clocks of a device at one instant."""

    life_s: int  # device time, over all lives
    boot_id: int
    uptime_ms: int
    rtc_s: int
    rtc_valid: bool


class Run(NamedTuple):
    """Alike events since one was told."""

    until_s: int
    repeats: int
    value: int  # of the latest


class EventLog:
    """Entries in order; the sequence never restarts, whatever resets."""

    def __init__(self) -> None:
        """Empty; the first entry will be number 1."""
        self.next_sequence = 1
        self.runs: dict[Key, Run] = {}
        self._entries: list[LogEntry] = []
        self._kept: dict[LogClass, deque[int]] = {each: deque() for each in LogClass}
        self._lost = dict.fromkeys(LogClass, 0)

    def append(
        self, when: When, event: Event, role: Role | None = None, command: int | None = None
    ) -> list[LogEntry]:
        """Add an event; the entries that tell of it, none when it was counted as a repeat.

        `command` is the code of the message that was refused.
        """
        if event.kind not in REPEATING:
            return self._write(when, event, role, command)
        told = self.tell_repeats(when)
        key = (event.kind, event.subject, role, command)
        run = self.runs.get(key)
        if run is not None:
            self.runs[key] = Run(run.until_s, run.repeats + 1, event.value)
            return told
        if len(self.runs) >= MAX_RUNS:
            told += self._end(next(iter(self.runs)), when)
        self.runs[key] = Run(when.life_s + REPEAT_S, 0, event.value)
        return told + self._write(when, event, role, command)

    def tell_repeats(self, when: When) -> list[LogEntry]:
        """End the counts whose time is over; one entry for each that counted any."""
        over = [key for key, run in self.runs.items() if when.life_s >= run.until_s]
        return [entry for key in over for entry in self._end(key, when)]

    def page(self, from_sequence: int, limit: int) -> LogPage:
        """At most `limit` entries from a sequence number on, over all classes in order."""
        start = bisect_left(self._entries, from_sequence, key=attrgetter("sequence"))
        entries = tuple(self._entries[start : start + limit])
        following = entries[-1].sequence + 1 if entries else max(from_sequence, self._first())
        return LogPage(entries=entries, next_sequence=following, end_sequence=self.next_sequence)

    def snapshot(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "next_sequence": self.next_sequence,
            "entries": [entry.model_dump(mode="json") for entry in self._entries],
            "kept": [list(self._kept[each]) for each in LogClass],
            "lost": [self._lost[each] for each in LogClass],
            "runs": [[*key, *run] for key, run in self.runs.items()],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave."""
        self.next_sequence = data["next_sequence"]
        self._entries = [LogEntry.model_validate(row, strict=False) for row in data["entries"]]
        self._kept = dict(zip(LogClass, map(deque, data["kept"]), strict=True))
        self._lost = dict(zip(LogClass, data["lost"], strict=True))
        self.runs = {
            (EventKind(kind), subject, None if role is None else Role(role), command): Run(*run)
            for kind, subject, role, command, *run in data["runs"]
        }

    def _first(self) -> int:
        return self._entries[0].sequence if self._entries else self.next_sequence

    def _end(self, key: Key, when: When) -> list[LogEntry]:
        kind, subject, role, command = key
        run = self.runs.pop(key)
        return self._write(when, Event(kind, subject, run.value), role, command, run.repeats)

    def _write(
        self,
        when: When,
        event: Event,
        role: Role | None = None,
        command: int | None = None,
        repeats: int | None = None,
    ) -> list[LogEntry]:
        if repeats == 0:
            return []
        entry = LogEntry(
            sequence=self.next_sequence,
            boot_id=when.boot_id,
            uptime_ms=when.uptime_ms,
            rtc_s=when.rtc_s,
            rtc_valid=when.rtc_valid,
            kind=event.kind,
            subject=int(event.subject),
            value=event.value,
            role=role,
            repeats=repeats,
            command=command,
        )
        self.next_sequence += 1
        self._entries.append(entry)
        log_class = class_of(event)
        self._kept[log_class].append(entry.sequence)
        return [entry, *self._make_room(when, log_class)]

    def _make_room(self, when: When, log_class: LogClass) -> list[LogEntry]:
        """The oldest of a class that is too full goes, and now and then that is told."""
        kept = self._kept[log_class]
        if len(kept) <= CAPACITY[log_class]:
            return []
        del self._entries[bisect_left(self._entries, kept.popleft(), key=attrgetter("sequence"))]
        self._lost[log_class] += 1
        lost = self._lost[log_class]
        if lost not in TOLD_LOSSES:
            return []
        return self._write(when, Event(EventKind.LOG_OVERWRITTEN, log_class, lost))


def class_of(event: Event) -> LogClass:
    """Whose room an event takes."""
    log_class = CLASS[event.kind]
    urgent = log_class is LogClass.ALARMS and event.priority is Priority.HIGH
    return LogClass.URGENT_ALARMS if urgent else log_class
