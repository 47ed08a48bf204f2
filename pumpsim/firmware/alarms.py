"""The alarms: a table of conditions, and the book of their occurrences.

An occurrence lives from the raising of its condition until the condition has ended and, where the
alarm latches, somebody has acknowledged it. People acknowledge and pause occurrences, never types
(ALM-04, ALM-05).
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from zlib import crc32

from protocol.control import Event
from protocol.messages import AlarmOccurrence
from protocol.vocabulary import AlarmId, EventKind, Priority, Refusal, Sounder
from pumpsim.firmware import ticks


class AlarmSpec(NamedTuple):
    """What holds for every occurrence of a condition (ALM-01)."""

    priority: Priority
    latching: bool


TABLE: Final = {
    AlarmId.LOW_RESERVOIR: AlarmSpec(Priority.MEDIUM, latching=False),
    AlarmId.EMPTY_RESERVOIR: AlarmSpec(Priority.HIGH, latching=False),
    AlarmId.REFILL_DUE: AlarmSpec(Priority.LOW, latching=False),  # rises to MEDIUM when due
    AlarmId.REFILL_OVERDUE: AlarmSpec(Priority.HIGH, latching=False),
    AlarmId.OVER_INFUSION: AlarmSpec(Priority.HIGH, latching=True),
    AlarmId.UNDER_INFUSION: AlarmSpec(Priority.MEDIUM, latching=True),
    AlarmId.UNMONITORED: AlarmSpec(Priority.HIGH, latching=False),
    AlarmId.CONFIGURATION_LOST: AlarmSpec(Priority.HIGH, latching=False),
    AlarmId.MEMORY_FAULT: AlarmSpec(Priority.HIGH, latching=False),
}

MAX_OPEN: Final = 64
"""Occurrences kept; each condition has at most one present, so that only ended ones can go."""


@dataclass(slots=True)
class Occurrence:
    """One occurrence; ticks are of this boot, None for an occurrence from an earlier one."""

    alarm: int
    number: int
    priority: int
    raised: int | None
    present: bool = True
    acknowledged: bool = False
    paused_until: int | None = None
    paused_by: int = 0

    def sounds(self) -> bool:
        """Whether it is to be heard."""
        return not self.acknowledged and self.paused_until is None

    def report(self) -> AlarmOccurrence:
        """As the link tells it."""
        return AlarmOccurrence(
            alarm=AlarmId(self.alarm),
            occurrence=self.number,
            priority=Priority(self.priority),
            present=self.present,
            acknowledged=self.acknowledged,
            audio_paused=self.paused_until is not None,
            latching=TABLE[AlarmId(self.alarm)].latching,
            raised_uptime_ms=None if self.raised is None else ticks.to_ms(self.raised),
        )


@dataclass(slots=True)
class AlarmBook:
    """All open occurrences, oldest first, and what changed since the last `drain`."""

    count: int = 0
    open: list[Occurrence] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    changed: list[Occurrence] = field(default_factory=list)

    def update(self, now: int, alarm: AlarmId, priority: Priority | None) -> None:
        """The condition holds with that priority, or (None) holds no longer."""
        standing = self._present(alarm)
        if priority is None:
            if standing is not None:
                self._end(standing)
        elif standing is None:
            self._raise(now, alarm, priority)
        elif priority > standing.priority:  # ALM-18: never down while it lasts
            standing.priority = priority
            standing.acknowledged = False
            self._note(standing, EventKind.ALARM_RAISED)

    def acknowledge(self, alarm: AlarmId, number: int) -> Refusal | None:
        """Acknowledge one occurrence; doing it again changes nothing."""
        found = self._find(alarm, number)
        if not isinstance(found, Occurrence):
            return found
        if not found.acknowledged:
            found.acknowledged = True
            found.paused_until = None
            self._note(found, EventKind.ALARM_ACKNOWLEDGED)
            if not found.present:
                self.open.remove(found)
        return None

    def pause(self, alarm: AlarmId, number: int, until: int, session_id: int) -> Refusal | None:
        """Silence one occurrence until a tick, for as long as the session lives (ALM-12)."""
        found = self._find(alarm, number)
        if not isinstance(found, Occurrence):
            return found
        found.paused_until = until
        found.paused_by = session_id
        self._note(found, EventKind.AUDIO_PAUSED)
        return None

    def resume(self, now: int | None, session_id: int | None = None) -> None:
        """End the pauses that ran out by `now`, or that belong to a session (ALM-06, ALM-12)."""
        for occurrence in self.open:
            until = occurrence.paused_until
            if until is None:
                continue
            if (now is not None and until <= now) or occurrence.paused_by == session_id:
                occurrence.paused_until = None
                self._note(occurrence, EventKind.AUDIO_RESUMED)

    def deadline(self) -> int | None:
        """When the next pause runs out."""
        earliest = None
        for occurrence in self.open:  # asked after every call of the logic
            until = occurrence.paused_until
            if until is not None and (earliest is None or until < earliest):
                earliest = until
        return earliest

    def sounder(self) -> Sounder:
        """The burst of the highest priority that is to be heard."""
        return Sounder(max((o.priority for o in self.open if o.sounds()), default=0))

    def highest(self) -> Priority | None:
        """Over all conditions present (ALM-02)."""
        highest = max((o.priority for o in self.open if o.present), default=0)
        return Priority(highest) if highest else None

    def present(self) -> tuple[AlarmId, ...]:
        """The conditions that hold, oldest first."""
        return tuple(AlarmId(o.alarm) for o in self.open if o.present)

    def digest(self) -> int:
        """A number that changes with any change of the open occurrences (COM-08)."""
        rows = [(o.number, o.priority, o.present, o.acknowledged) for o in self.open]
        return crc32(repr(rows).encode())

    def drain(self) -> tuple[list[Event], list[AlarmOccurrence]]:
        """What changed since the last time, in order."""
        events, changed = self.events, self.changed
        self.events, self.changed = [], []
        return events, [occurrence.report() for occurrence in changed]

    def save(self) -> dict[str, Any]:
        """What outlives a reset. Pauses do not: they belong to a session (RST-02, ALM-09)."""
        rows = [[o.alarm, o.number, o.priority, o.present, o.acknowledged] for o in self.open]
        return {"count": self.count, "open": rows}

    def load(self, state: dict[str, Any]) -> None:
        """Take up what `save` gave, in a new life."""
        self.count = state["count"]
        self.open = [
            Occurrence(alarm, number, priority, None, present, acknowledged)
            for alarm, number, priority, present, acknowledged in state["open"]
        ]

    def _present(self, alarm: AlarmId) -> Occurrence | None:
        for occurrence in self.open:
            if occurrence.alarm == alarm and occurrence.present:
                return occurrence
        return None

    def _find(self, alarm: AlarmId, number: int) -> Occurrence | Refusal:
        of_type = [o for o in self.open if o.alarm == alarm]
        for occurrence in of_type:
            if occurrence.number == number:
                return occurrence
        return Refusal.UNKNOWN_OCCURRENCE if of_type else Refusal.UNKNOWN_ALARM

    def _raise(self, now: int, alarm: AlarmId, priority: Priority) -> None:
        self.count += 1
        occurrence = Occurrence(alarm, self.count, priority, now)
        if len(self.open) >= MAX_OPEN:
            self.open.remove(next(o for o in self.open if not o.present))
        self.open.append(occurrence)
        self._note(occurrence, EventKind.ALARM_RAISED)

    def _end(self, occurrence: Occurrence) -> None:
        occurrence.present = False
        self._note(occurrence, EventKind.ALARM_ENDED)
        if not TABLE[AlarmId(occurrence.alarm)].latching or occurrence.acknowledged:
            self.open.remove(occurrence)

    def _note(self, occurrence: Occurrence, kind: EventKind) -> None:
        self.events.append(
            Event(kind, occurrence.alarm, occurrence.number, Priority(occurrence.priority))
        )
        self.changed.append(occurrence)
