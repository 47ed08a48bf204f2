"""What a pump must know, reckoned a second time: plain Python, floats, and no firmware's code.

`Tip` is the plug flow of a catheter, `Doses` the dose in any window of time, `Sound` what is to be
heard of alarms that people acknowledge and pause. Each is as simple as it can be.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from protocol.messages import AlarmOccurrence
from protocol.vocabulary import AlarmId, Priority, Sounder

NL_PER_ML: Final = 1e6
BURST_S: Final = 5
REMINDERS_S: Final = {
    Priority.HIGH: (60, 10, 600),
    Priority.MEDIUM: (1_800, 1, 1_800),
    Priority.LOW: (3_600, 1, 3_600),
}
"""ALM-07: the first interval, how many of them, and the longest, to which it doubles."""


@dataclass
class Tip:
    """Plug flow: what enters a catheter pushes older liquid out at its tip, oldest first."""

    plugs: deque[tuple[float, str, float]]
    doses_ng: dict[str, float] = field(default_factory=dict)

    @classmethod
    def primed(cls, volume_nl: float) -> "Tip":
        """A catheter full of what nobody declared."""
        return cls(deque([(volume_nl, "", 0.0)]))

    def push(self, volume_nl: float, drug: str, ng_per_ml: float) -> None:
        """So much enters, and as much leaves."""
        self.plugs.append((volume_nl, drug, ng_per_ml))
        while volume_nl > 0 and self.plugs:
            first_nl, first, concentration = self.plugs.popleft()
            left_nl = min(first_nl, volume_nl)
            if first:
                dose_ng = left_nl * concentration / NL_PER_ML
                self.doses_ng[first] = self.doses_ng.get(first, 0.0) + dose_ng
            if first_nl > left_nl:
                self.plugs.appendleft((first_nl - left_nl, first, concentration))
            volume_nl -= left_nl


@dataclass
class Doses:
    """A running record of a total; how much of it came within the last so many seconds."""

    longest_s: float
    rows: deque[tuple[float, float]] = field(default_factory=deque)

    def note(self, at_s: float, total: float) -> None:
        """The total at an instant; instants only grow."""
        self.rows.append((at_s, total))
        while len(self.rows) > 1 and self.rows[1][0] <= at_s - self.longest_s:
            self.rows.popleft()

    def within(self, span_s: float) -> float:
        """What came in the window that ends with the last instant, interpolated at its begin."""
        if not self.rows:
            return 0.0
        end_s, total = self.rows[-1]
        begin_s = end_s - span_s
        before = self.rows[0]
        for row in self.rows:
            if row[0] > begin_s:
                break
            before = row
        following = next((row for row in self.rows if row[0] > before[0]), before)
        if before[0] >= begin_s or following[0] <= before[0]:
            return total - before[1]
        share = (begin_s - before[0]) / (following[0] - before[0])
        return total - before[1] - share * (following[1] - before[1])


@dataclass
class Heard:
    """One occurrence, as somebody beside the pump keeps track of it."""

    alarm: AlarmId
    number: int
    priority: Priority
    latching: bool
    present: bool = True
    acknowledged: bool = False
    paused_until_s: float | None = None
    paused_by: int = 0
    reminded_s: float = 0.0  # since when the interval to the next reminder counts
    reminders: int = 0
    soundings: int = 1  # it was raised, and came back from so many pauses less one (ALM-06)

    def open(self) -> bool:
        """Whether it is still to be listed."""
        return self.present or (self.latching and not self.acknowledged)

    def next_reminder_s(self) -> float:
        """When it is called to mind again, once it was acknowledged."""
        first_s, steady, longest_s = REMINDERS_S[self.priority]
        doublings = max(self.reminders - steady + 1, 0)
        return self.reminded_s + min(first_s * 2.0**doublings, longest_s)

    def resume(self) -> None:
        """Its pause is over."""
        self.paused_until_s = None
        self.soundings += 1

    def audible(self, now_s: float) -> bool:
        """Whether its burst is to be heard now."""
        if not self.open():
            return False
        if self.paused_until_s is not None and now_s < self.paused_until_s:
            return False
        if not self.acknowledged:
            return True
        return self.reminders > 0 and now_s < self.reminded_s + BURST_S


class Sound:
    """All open occurrences, from what was told and what people did; times in seconds."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self.open: dict[int, Heard] = {}

    def tell(self, now_s: float, one: AlarmOccurrence) -> None:
        """An occurrence was raised, rose, or ended."""
        known = self.open.get(one.occurrence)
        if known is None:
            if one.present or one.latching:
                heard = Heard(one.alarm, one.occurrence, one.priority, one.latching, one.present)
                for older in [n for n, h in self.open.items() if h.alarm is one.alarm]:
                    del self.open[older]  # a new occurrence takes over
                self.open[one.occurrence] = heard
            return
        if one.priority > known.priority:  # a rise is heard, whatever was paused or acknowledged
            known.priority, known.acknowledged, known.paused_until_s = one.priority, False, None
            known.reminders, known.reminded_s = 0, now_s
        known.present = one.present
        self._drop_closed()

    def acknowledge(self, now_s: float, number: int) -> None:
        """Somebody knows of it; a second time changes nothing."""
        known = self.open.get(number)
        if known is not None and not known.acknowledged:
            known.acknowledged, known.paused_until_s = True, None
            known.reminded_s, known.reminders = now_s, 0
        self._drop_closed()

    def pause(self, now_s: float, number: int, duration_s: float, session: int) -> None:
        """Silence one for a while; one that is acknowledged is silent anyway.

        Who pauses again puts nothing off (ALM-06): of both ends the earlier holds.
        """
        known = self.open.get(number)
        if known is None or known.acknowledged:
            return
        end_s, before_s = now_s + duration_s, known.paused_until_s
        silent = before_s is not None and now_s < before_s
        known.paused_until_s = min(end_s, before_s) if before_s is not None and silent else end_s
        known.paused_by = session

    def end_session(self, session: int) -> None:
        """Its pauses end with it."""
        for known in self.open.values():
            if known.paused_until_s is not None and known.paused_by == session:
                known.resume()

    def reset(self, now_s: float) -> None:
        """A new life: pauses end, reminders start anew, and what is known stays known."""
        for known in self.open.values():
            known.paused_until_s = None
            known.reminded_s, known.reminders = now_s, 0

    def advance(self, now_s: float) -> None:
        """Time passes: pauses end, reminders come due."""
        for known in self.open.values():
            if known.paused_until_s is not None and known.paused_until_s <= now_s:
                known.resume()
            while known.acknowledged and known.present and known.next_reminder_s() <= now_s:
                known.reminded_s = known.next_reminder_s()
                known.reminders += 1

    def next_change_s(self, now_s: float) -> float:
        """When something is heard or silent next; infinite when nothing is due."""
        due = [float("inf")]
        for known in self.open.values():
            if known.paused_until_s is not None:
                due.append(known.paused_until_s)
            if known.acknowledged and known.present:
                due += [known.next_reminder_s(), known.reminded_s + BURST_S]
        return min(at_s for at_s in due if at_s > now_s)

    def sounder(self, now_s: float) -> Sounder:
        """What is to be heard: the highest priority of all that is audible."""
        return Sounder(max((h.priority for h in self.open.values() if h.audible(now_s)), default=0))

    def _drop_closed(self) -> None:
        for number in [n for n, h in self.open.items() if not h.open()]:
            del self.open[number]
