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
    """What holds for every occurrence of a condition (ALM-01).

    `within_s` is the largest time from the condition's beginning, at the severity the fault
    catalogue states, to the alarm; 0 means with the next sample. `rises_to` is the priority it
    escalates to while it lasts.
    """

    priority: Priority
    latching: bool
    within_s: int
    condition: str
    rises_to: Priority | None = None


SAMPLES: Final = 60
"""Seconds from sample to sample (T_s)."""
MINUTES: Final = 60
HOURS: Final = 3_600
LOW, MEDIUM, HIGH = Priority.LOW, Priority.MEDIUM, Priority.HIGH
LATCHES, PASSES = True, False

TABLE: Final = {
    AlarmId.LOW_RESERVOIR: AlarmSpec(
        MEDIUM, PASSES, SAMPLES, "volume left, at its lowest, is at most the low limit"
    ),
    AlarmId.EMPTY_RESERVOIR: AlarmSpec(
        HIGH, PASSES, SAMPLES, "volume left, at its lowest, is at most the empty limit"
    ),
    AlarmId.REFILL_DUE: AlarmSpec(
        LOW, PASSES, SAMPLES, "the refill date is near, or past", rises_to=MEDIUM
    ),
    AlarmId.REFILL_OVERDUE: AlarmSpec(
        HIGH, PASSES, SAMPLES, "the refill date is past by the grace"
    ),
    AlarmId.OVER_INFUSION: AlarmSpec(
        HIGH, LATCHES, 6 * HOURS, "flow above nominal by more than the tolerance"
    ),
    AlarmId.UNDER_INFUSION: AlarmSpec(
        MEDIUM, LATCHES, 6 * HOURS, "flow below nominal by more than the tolerance"
    ),
    AlarmId.FLOW_STOP: AlarmSpec(HIGH, LATCHES, 6 * HOURS, "next to no flow"),
    AlarmId.REVERSE_FLOW: AlarmSpec(
        HIGH, LATCHES, 2 * SAMPLES, "catheter pressure above reservoir pressure"
    ),
    AlarmId.OCCLUSION: AlarmSpec(
        HIGH, LATCHES, 60 * MINUTES, "catheter far above pocket pressure for T_occ"
    ),
    AlarmId.PARTIAL_OCCLUSION: AlarmSpec(
        MEDIUM, LATCHES, 2 * HOURS, "catheter pressure raised for an hour"
    ),
    AlarmId.CATHETER_DISCONNECT: AlarmSpec(
        HIGH, LATCHES, 2 * HOURS, "catheter at pocket pressure for T_disc"
    ),
    AlarmId.BOLUS_PATH_INJECTION: AlarmSpec(
        HIGH, LATCHES, 2 * SAMPLES, "catheter surge, fill level unchanged"
    ),
    AlarmId.TAMPERING: AlarmSpec(
        HIGH, LATCHES, 2 * SAMPLES, "fill level moved outside a refill window"
    ),
    AlarmId.POCKET_FILL: AlarmSpec(
        HIGH, LATCHES, SAMPLES, "refill declared, fill level did not rise"
    ),
    AlarmId.REFILL_DISCREPANCY: AlarmSpec(
        MEDIUM, LATCHES, SAMPLES, "declared and seen volumes differ"
    ),
    AlarmId.OVERFILL: AlarmSpec(HIGH, LATCHES, SAMPLES, "more in the reservoir than its capacity"),
    AlarmId.OFF_PLAN: AlarmSpec(
        MEDIUM, LATCHES, SAMPLES, "a drug the course plan does not call for"
    ),
    AlarmId.DOSE_LIMIT: AlarmSpec(
        HIGH, LATCHES, SAMPLES, "a window of time will exceed its dose limit"
    ),
    AlarmId.BALANCE_FAULT: AlarmSpec(
        MEDIUM, LATCHES, 24 * HOURS, "fill level and pressures disagree on the volume"
    ),
    AlarmId.SENSOR_FAULT: AlarmSpec(
        MEDIUM, LATCHES, 5 * SAMPLES, "a channel is silent, at its rail, frozen or spiking"
    ),
    AlarmId.SENSOR_CONFLICT: AlarmSpec(
        MEDIUM, LATCHES, 24 * HOURS, "channels contradict each other"
    ),
    AlarmId.UNMONITORED: AlarmSpec(HIGH, PASSES, SAMPLES, "no evidence of the flow"),
    AlarmId.PROPELLANT_LOW: AlarmSpec(
        MEDIUM, LATCHES, 24 * HOURS, "reservoir pressure low for the temperature"
    ),
    AlarmId.TEMPERATURE_HIGH: AlarmSpec(MEDIUM, PASSES, 75 * MINUTES, "pump above T_hot for T_env"),
    AlarmId.AMBIENT_PRESSURE: AlarmSpec(
        MEDIUM, PASSES, 15 * MINUTES, "pocket outside P_low to P_high for T_press"
    ),
    AlarmId.CLOCK_INVALID: AlarmSpec(LOW, PASSES, HOURS, "real-time clock against ticks"),
    AlarmId.RESETS: AlarmSpec(MEDIUM, LATCHES, SAMPLES, "n_reset resets within a day"),
    AlarmId.FIRMWARE_FAULT: AlarmSpec(
        HIGH, LATCHES, SAMPLES, "started anew after the logic failed"
    ),
    AlarmId.BATTERY_LOW: AlarmSpec(LOW, PASSES, HOURS, "battery under load below the first stage"),
    AlarmId.BATTERY_END: AlarmSpec(HIGH, PASSES, HOURS, "battery under load below the last stage"),
    AlarmId.CONFIGURATION_LOST: AlarmSpec(HIGH, PASSES, 0, "no sound copy of the configuration"),
    AlarmId.MEMORY_FAULT: AlarmSpec(
        HIGH, PASSES, HOURS, "a memory operation failed, or a number was corrupted"
    ),
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
