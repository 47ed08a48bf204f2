"""What must be true of any alarm that is told, whatever is tried: a desk looks at each."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from hil.testing.expected import ALARMS, RISES
from protocol.messages import AlarmOccurrence

TOLD_MS: Final = 1_000
"""A live session hears of it within so long (ALM-14)."""


class Wrong(NamedTuple):
    """Something that was told and must not be."""

    requirement: str
    expected: str
    seen: str


class Register:
    """The occurrences of one pump, over all its lives."""

    def __init__(self) -> None:
        """None was told yet."""
        self._latest = 0
        self._open: set[int] = set()

    def wrong(self, told: Iterable[AlarmOccurrence], uptime_ms: int) -> Wrong | None:
        """The first thing that is wrong with what one call told, then."""
        return next((wrong for one in told for wrong in self._look(one, uptime_ms)), None)

    def _look(self, one: AlarmOccurrence, uptime_ms: int) -> Iterator[Wrong]:
        name, row, number = one.alarm.name.lower(), ALARMS[one.alarm], one.occurrence
        if one.priority not in (row.priority, RISES.get(one.alarm)):
            words = f"{name} with priority {row.priority.name.lower()}"
            yield Wrong(row.requirement, words, one.priority.name.lower())
        if one.latching != row.latches:
            words = f"{name} {'latches' if row.latches else 'ends with its condition'}"
            yield Wrong("ALM-08", words, f"latching: {one.latching}")
        if number not in self._open and number <= self._latest:
            words = f"a new occurrence of {name} above {self._latest}: no number is given twice"
            yield Wrong("ALM-13", words, str(number))
        raised_ms = one.raised_uptime_ms
        late = raised_ms is not None and abs(uptime_ms - raised_ms) > TOLD_MS
        if late and number not in self._open:
            words = f"{name} raised when it is told, {uptime_ms} ms after boot"
            yield Wrong("ALM-14", words, f"{raised_ms} ms")
        self._latest = max(self._latest, number)
        self._open.add(number)
        if not one.present and (one.acknowledged or not one.latching):
            self._open.discard(number)
