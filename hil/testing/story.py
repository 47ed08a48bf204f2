"""What was done to a rig, line by line, and a violation that tells of it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from hil.testing.acting import requested
from hil.testing.differing import difference
from hil.testing.scenario import Scenario
from hil.testing.violation import ViolatedError
from protocol import messages as m

AFTER_S: Final = 60.0
"""A scenario goes on for so long after what was found, and for as long as that at least."""


class Story:
    """One example: what happened in it and when. `subject` is control logic by its name."""

    def __init__(self, subject: str, seed: int, now_s: Callable[[], float]) -> None:
        """Nothing has happened; `now_s` counts from here."""
        self.done: list[str] = []
        self.events: list[tuple[float, Mapping[str, Any] | m.Command]] = []
        self.lacks: dict[str, None] = {}  # what a scenario cannot act out, in order
        self.now_s = now_s
        self._subject, self._seed = subject, seed

    def deed(self, words: str) -> None:
        """Write down what is done now."""
        self.done.append(f"{_clock(self.now_s())}  {words}")

    def event(self, event: Mapping[str, Any] | m.Command) -> None:
        """Write down how a scenario does it."""
        self.events.append((self.now_s(), event))

    def beyond(self, lack: str) -> None:
        """Write down what no scenario does or shows."""
        self.lacks[lack] = None

    def that(self, holds: object, requirement: str, expected: str, seen: object) -> None:
        """A requirement holds."""
        if not holds:
            raise self.violated(requirement, expected, seen)

    def same(self, one: object, other: object, requirement: str, words: str) -> None:
        """Both are the same, to the last field."""
        if one != other:
            expected, seen = difference(one, other)
            raise self.violated(requirement, f"{words}: {expected}", seen)

    def violated(self, requirement: str, expected: str, seen: object) -> ViolatedError:
        """A requirement does not hold, now."""
        now_s = self.now_s()
        violated = ViolatedError(requirement, expected, seen, _clock(now_s), self.done)
        if self._subject:
            events = tuple((at_s, _acted(event)) for at_s, event in self.events)
            violated.scenario = Scenario(
                self._subject,
                self._seed,
                max(now_s, AFTER_S) + AFTER_S,
                events,
                (*self.done,),
                lacks=(*self.lacks,),
            )
        return violated


def _acted(event: Mapping[str, Any] | m.Command) -> Mapping[str, Any]:
    """As a scenario has it."""
    return requested(event) if isinstance(event, m.Command) else event


def _clock(seconds: float) -> str:
    hours, rest = divmod(seconds, 3_600)
    return f"{hours:3.0f} h {rest // 60:02.0f} min {rest % 60:02.0f} s"
