"""One occurrence of an alarm: a table of its states, and of what leads from each to the next.

It lives from the raising until its condition has ended and, where the alarm latches, somebody has
acknowledged it (ALM-08). In every state at most one timer runs: the end of a pause, the next
reminder, or the end of a reminder's burst. What the table does not hold changes nothing.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from protocol.messages import AlarmOccurrence
from protocol.vocabulary import AlarmId, EventKind, Priority, Word
from pumpsim.firmware import ticks
from pumpsim.firmware.alarms import REMINDERS, TABLE


class Life(Word):
    """The state of an occurrence."""

    SOUNDING = 1, "the condition holds, and is heard"
    PAUSED = 2, "the condition holds; its sound is paused"
    ACKNOWLEDGED = 3, "the condition holds, and somebody knows"
    REMINDING = 4, "the condition still holds: one burst is heard"
    LATCHED = 5, "the condition has ended, and nobody knows of it: it is heard"
    LATCHED_PAUSED = 6, "as latched, its sound paused"
    PASSED = 7, "closed, without anybody's doing"
    SETTLED = 8, "closed: ended and acknowledged"


class Happening(Word):
    """What can happen to an occurrence."""

    RISES = 1, "its priority rises"
    ENDS = 2, "the condition ends; the alarm does not latch"
    ENDS_LATCHING = 3, "the condition ends; the alarm latches"
    RECURS = 4, "the condition holds again: a new occurrence takes over"
    ACKNOWLEDGE = 5, "somebody acknowledges it"
    PAUSE = 6, "somebody pauses its sound"
    TIME_UP = 7, "pause, interval or burst is over, or the session that paused"
    GROWS = 8, "more of the condition holds than before: a new occurrence takes over"


class Step(NamedTuple):
    """Where a happening leads, and the event that tells of it."""

    to: Life
    event: EventKind | None = None


PRESENT: Final = {Life.SOUNDING, Life.PAUSED, Life.ACKNOWLEDGED, Life.REMINDING}
KNOWN: Final = {Life.ACKNOWLEDGED, Life.REMINDING, Life.SETTLED}
SILENCED: Final = {Life.PAUSED, Life.LATCHED_PAUSED}
AUDIBLE: Final = {Life.SOUNDING, Life.REMINDING, Life.LATCHED}
CLOSED: Final = {Life.PASSED, Life.SETTLED}

RAISED: Final = Step(Life.SOUNDING, EventKind.ALARM_RAISED)
"""How each begins; and a rise lifts a pause and an acknowledgement (ALM-05, ALM-18)."""
_PASSED: Final = Step(Life.PASSED, EventKind.ALARM_ENDED)
_SETTLED: Final = Step(Life.SETTLED, EventKind.ALARM_ENDED)
_KNOWN: Final = Step(Life.ACKNOWLEDGED, EventKind.ALARM_ACKNOWLEDGED)
_TAKEN_OVER: Final = Step(Life.PASSED)

TRANSITIONS: Final[dict[tuple[Life, Happening], Step]] = {
    (Life.SOUNDING, Happening.RISES): RAISED,
    (Life.SOUNDING, Happening.GROWS): _PASSED,
    (Life.SOUNDING, Happening.ENDS): _PASSED,
    (Life.SOUNDING, Happening.ENDS_LATCHING): Step(Life.LATCHED, EventKind.ALARM_ENDED),
    (Life.SOUNDING, Happening.ACKNOWLEDGE): _KNOWN,
    (Life.SOUNDING, Happening.PAUSE): Step(Life.PAUSED, EventKind.AUDIO_PAUSED),
    (Life.PAUSED, Happening.RISES): RAISED,
    (Life.PAUSED, Happening.GROWS): _PASSED,
    (Life.PAUSED, Happening.ENDS): _PASSED,
    (Life.PAUSED, Happening.ENDS_LATCHING): Step(Life.LATCHED_PAUSED, EventKind.ALARM_ENDED),
    (Life.PAUSED, Happening.ACKNOWLEDGE): _KNOWN,
    (Life.PAUSED, Happening.PAUSE): Step(Life.PAUSED, EventKind.AUDIO_PAUSED),
    (Life.PAUSED, Happening.TIME_UP): Step(Life.SOUNDING, EventKind.AUDIO_RESUMED),
    (Life.ACKNOWLEDGED, Happening.RISES): RAISED,
    (Life.ACKNOWLEDGED, Happening.GROWS): _SETTLED,
    (Life.ACKNOWLEDGED, Happening.ENDS): _SETTLED,
    (Life.ACKNOWLEDGED, Happening.ENDS_LATCHING): _SETTLED,
    (Life.ACKNOWLEDGED, Happening.TIME_UP): Step(Life.REMINDING, EventKind.ALARM_REMINDED),
    (Life.REMINDING, Happening.RISES): RAISED,
    (Life.REMINDING, Happening.GROWS): _SETTLED,
    (Life.REMINDING, Happening.ENDS): _SETTLED,
    (Life.REMINDING, Happening.ENDS_LATCHING): _SETTLED,
    (Life.REMINDING, Happening.TIME_UP): Step(Life.ACKNOWLEDGED),
    (Life.LATCHED, Happening.RECURS): _TAKEN_OVER,
    (Life.LATCHED, Happening.ACKNOWLEDGE): Step(Life.SETTLED, EventKind.ALARM_ACKNOWLEDGED),
    (Life.LATCHED, Happening.PAUSE): Step(Life.LATCHED_PAUSED, EventKind.AUDIO_PAUSED),
    (Life.LATCHED_PAUSED, Happening.RECURS): _TAKEN_OVER,
    (Life.LATCHED_PAUSED, Happening.ACKNOWLEDGE): Step(Life.SETTLED, EventKind.ALARM_ACKNOWLEDGED),
    (Life.LATCHED_PAUSED, Happening.PAUSE): Step(Life.LATCHED_PAUSED, EventKind.AUDIO_PAUSED),
    (Life.LATCHED_PAUSED, Happening.TIME_UP): Step(Life.LATCHED, EventKind.AUDIO_RESUMED),
}

BURST_S: Final = 5
BURST: Final = ticks.from_s(BURST_S)
"""How long a reminder sounds (ALM-07)."""


@dataclass(slots=True)
class Occurrence:
    """One occurrence; ticks are of this boot, None for an occurrence from an earlier one."""

    alarm: int
    number: int
    priority: int
    raised: int | None  # by the counter
    life: Life = Life.SOUNDING
    due: int | None = None  # when its timer ends
    paused_by: int = 0
    reminders: int = 0
    soundings: int = 1  # it was raised, and came back from so many pauses less one (ALM-06)
    parts: int = 0  # which forms of its condition hold, one bit each

    @property
    def present(self) -> bool:
        """Whether its condition holds."""
        return self.life in PRESENT

    @property
    def acknowledged(self) -> bool:
        """Whether somebody knows."""
        return self.life in KNOWN

    @property
    def audio_paused(self) -> bool:
        """Whether its sound is paused (ALM-05)."""
        return self.life in SILENCED

    def meet(self, now: int, happening: Happening) -> Step | None:
        """Go where the happening leads, and set the timer; None when it leads nowhere."""
        step = TRANSITIONS.get((self.life, happening))
        if step is None:
            return None
        if step.to is Life.REMINDING:
            self.reminders += 1
            self.due = now + BURST
        elif step.to is Life.ACKNOWLEDGED:
            since = now - BURST if self.life is Life.REMINDING else now
            self.due = since + REMINDERS[Priority(self.priority)].interval(self.reminders)
        elif step.to not in SILENCED:
            self.due, self.reminders = None, 0
            self.soundings += step.event is EventKind.AUDIO_RESUMED
        self.life = step.to
        return step

    def report(self) -> AlarmOccurrence:
        """As the link tells it."""
        return AlarmOccurrence(
            alarm=AlarmId(self.alarm),
            occurrence=self.number,
            priority=Priority(self.priority),
            present=self.present,
            acknowledged=self.acknowledged,
            audio_paused=self.audio_paused,
            latching=TABLE[AlarmId(self.alarm)].latching,
            raised_uptime_ms=None if self.raised is None else ticks.to_ms(self.raised),
            soundings=self.soundings,
        )
