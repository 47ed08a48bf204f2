"""The book of open occurrences: the engine that moves each along its table (see `occurrence`).

People acknowledge and pause occurrences, never types (ALM-04, ALM-05). Each condition has at most
one open occurrence: when it comes back before somebody has acknowledged that it was there, a new
occurrence takes over from the latched one. Some conditions have forms, such as the channels that
fail: when one joins those that hold, a new occurrence takes over, too, since whoever acknowledged
the one before knew nothing of it. So the book holds no more than the table has rows, and a storm,
however long, finds nothing to drop, of any priority (ALM-11); the log has each.
"""

from dataclasses import dataclass, field
from typing import Any, Final
from zlib import crc32

from protocol.control import Event
from protocol.messages import MAX_AUDIO_PAUSE_MS, AlarmOccurrence
from protocol.vocabulary import AlarmId, EventKind, Priority, Refusal, Sounder
from pumpsim.firmware import ticks
from pumpsim.firmware.alarms import TABLE
from pumpsim.firmware.occurrence import AUDIBLE, CLOSED, RAISED, Happening, Life, Occurrence

MAX_OPEN: Final = len(TABLE)
MAX_PAUSE: Final = ticks.from_ms(MAX_AUDIO_PAUSE_MS)
"""T_pause; longer is refused (ALM-05)."""


@dataclass(slots=True)
class AlarmBook:
    """All open occurrences, oldest first, and what moved since the last `drain`.

    `changed` are those that look different from outside; a reminder is heard and logged only.
    """

    count: int = 0
    open: list[Occurrence] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    changed: list[Occurrence] = field(default_factory=list)
    moved: bool = False
    unticked: int = 0  # what passed while the counter stood still

    def update(self, now: int, alarm: AlarmId, priority: Priority | None, parts: int = 0) -> None:
        """The condition holds with that priority, or (None) holds no longer.

        `parts` has a bit for each of its forms that holds.
        """
        standing = self._of(alarm)
        if standing is None:
            if priority is not None:
                self._raise(now, alarm, priority, parts)
        elif priority is None:
            latching = TABLE[alarm].latching
            self._step(now, standing, Happening.ENDS_LATCHING if latching else Happening.ENDS)
        elif not standing.present:
            self._step(now, standing, Happening.RECURS)
            self._raise(now, alarm, max(priority, standing.priority), parts)
        elif parts & ~standing.parts:
            self._step(now, standing, Happening.GROWS)
            self._raise(now, alarm, max(priority, standing.priority), parts)
        else:
            standing.parts = parts
            if priority > standing.priority:  # ALM-18: never down while it lasts
                standing.priority = priority
                self._step(now, standing, Happening.RISES)

    def again(self, now: int, alarm: AlarmId) -> None:
        """It has happened once more: whoever silenced the last one knew nothing of it."""
        standing = self._of(alarm)
        if (
            standing is not None
            and standing.present
            and (standing.acknowledged or standing.audio_paused)
        ):
            self._step(now, standing, Happening.GROWS)
            self._raise(now, alarm, standing.priority, standing.parts)

    def acknowledge(self, now: int, alarm: AlarmId, number: int) -> Refusal | None:
        """Acknowledge one occurrence; doing it again changes nothing, reminders included."""
        found = self._find(alarm, number)
        if not isinstance(found, Occurrence):
            return found
        self._step(now, found, Happening.ACKNOWLEDGE)
        return None

    def pause(
        self, now: int, alarm: AlarmId, number: int, duration: int, session_id: int
    ) -> Refusal | None:
        """Silence one occurrence for a while, or as long as the session lives (ALM-05, ALM-12).

        One that is acknowledged is silent but for its reminders, and these nobody pauses. Who
        pauses again while it is silent puts nothing off: of both ends the earlier holds.
        """
        found = self._find(alarm, number)
        if not isinstance(found, Occurrence):
            return found
        if duration > MAX_PAUSE:
            return Refusal.PAUSE_TOO_LONG
        ends = found.due if found.audio_paused else None
        self._step(now, found, Happening.PAUSE)
        if found.audio_paused:
            found.due = now + duration if ends is None else min(ends, now + duration)
            found.paused_by = session_id
        return None

    def advance(self, now: int) -> None:
        """End what has run out: pauses (ALM-06), and the times between and of reminders."""
        for occurrence in self.open:
            if occurrence.due is not None and occurrence.due <= now:
                self._step(now, occurrence, Happening.TIME_UP)

    def end_session(self, now: int, session_id: int) -> None:
        """End the pauses that belong to a session (ALM-12)."""
        for occurrence in self.open:
            if occurrence.audio_paused and occurrence.paused_by == session_id:
                self._step(now, occurrence, Happening.TIME_UP)

    def deadline(self) -> int | None:
        """When the next timer runs out."""
        earliest = None
        for occurrence in self.open:  # asked after every call of the logic
            due = occurrence.due
            if due is not None and (earliest is None or due < earliest):
                earliest = due
        return earliest

    def sounder(self) -> Sounder:
        """The burst of the highest priority to be heard; when it ends, the next one's (ALM-03)."""
        return Sounder(max((o.priority for o in self.open if o.life in AUDIBLE), default=0))

    def highest(self) -> Priority | None:
        """Over all conditions present (ALM-02)."""
        highest = max((o.priority for o in self.open if o.present), default=0)
        return Priority(highest) if highest else None

    def present(self) -> tuple[AlarmId, ...]:
        """The conditions that hold, oldest first."""
        return tuple(AlarmId(o.alarm) for o in self.open if o.present)

    def digest(self) -> int:
        """A number that changes with any change of the open occurrences, and no other (COM-08).

        A priority is written as a number: after a restart it is no `Priority` any more.
        """
        rows = [
            (o.number, int(o.priority), o.present, o.acknowledged, o.audio_paused, o.soundings)
            for o in self.open
        ]
        return crc32(repr(rows).encode())

    def drain(self) -> tuple[list[Event], list[AlarmOccurrence]]:
        """What moved since the last time, in order."""
        events, changed = self.events, self.changed
        self.events, self.changed, self.moved = [], [], False
        return events, [occurrence.report() for occurrence in changed]

    def save(self) -> dict[str, Any]:
        """What outlives a reset. Pauses do not: they belong to a session (RST-02, ALM-09)."""
        rows = [
            [o.alarm, o.number, o.priority, o.parts, o.present, o.acknowledged, o.soundings]
            for o in self.open
        ]
        return {"count": self.count, "open": rows}

    def load(self, now: int, state: dict[str, Any]) -> None:
        """Take up what `save` gave, in a new life; reminders start anew."""
        self.count = state["count"]
        self.open = []
        for alarm, number, priority, parts, present, acknowledged, soundings in state["open"]:
            life = Life.SOUNDING if present else Life.LATCHED
            occurrence = Occurrence(alarm, number, priority, None, life, parts=parts)
            occurrence.soundings = soundings
            if acknowledged:
                occurrence.meet(now, Happening.ACKNOWLEDGE)
            self.open.append(occurrence)

    def _of(self, alarm: AlarmId) -> Occurrence | None:
        for occurrence in self.open:
            if occurrence.alarm == alarm:
                return occurrence
        return None

    def _find(self, alarm: AlarmId, number: int) -> Occurrence | Refusal:
        found = self._of(alarm)
        if found is None:
            return Refusal.UNKNOWN_ALARM
        return found if found.number == number else Refusal.UNKNOWN_OCCURRENCE

    def _raise(self, now: int, alarm: AlarmId, priority: int, parts: int) -> None:
        self.count += 1
        told = now - self.unticked
        occurrence = Occurrence(alarm, self.count, priority, told, RAISED.to, parts=parts)
        self.open.append(occurrence)
        self._note(occurrence, RAISED.event)

    def _step(self, now: int, occurrence: Occurrence, happening: Happening) -> None:
        step = occurrence.meet(now, happening)
        if step is None:
            return
        if step.to in CLOSED:
            self.open.remove(occurrence)
        self._note(occurrence, step.event)

    def _note(self, occurrence: Occurrence, kind: EventKind | None) -> None:
        self.moved = True
        if kind is None:
            return
        priority = Priority(occurrence.priority)
        self.events.append(Event(kind, occurrence.alarm, occurrence.number, priority))
        if kind is not EventKind.ALARM_REMINDED:
            self.changed.append(occurrence)
