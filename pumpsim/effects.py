"""Which faults the laboratory asked for, and when each took effect.

A fault that never took effect proves nothing: whoever asked for it has to be able to tell. So each
gets a number, and with it the instant of its effect, once there is one.
"""

from typing import Any, Final

MAX_KEPT: Final = 1_000
"""Faults remembered; the oldest is forgotten first."""


class Effects:
    """Faults by number, the parts they wait at, and the instants at which they took effect."""

    def __init__(self) -> None:
        """None yet."""
        self.count = 0
        self.instants: dict[int, int | None] = {}  # by number; None while it has had no effect
        self.waiting: dict[str, int] = {}  # the number of the fault that waits at a part

    def at_once(self, now_ns: int) -> dict[str, int]:
        """A fault whose effect is immediate; what `stimulate` tells of it."""
        self._add(now_ns)
        return {"fault": self.count}

    def later(self, part: str) -> dict[str, int]:
        """A fault whose effect will come; it takes the place of another one waiting at the part."""
        self._add(None)
        self.waiting[part] = self.count
        return {"fault": self.count}

    def mended(self, part: str) -> dict[str, int]:
        """What waited at the part will have no effect any more."""
        self.waiting.pop(part, None)
        return {}

    def struck(self, part: str, now_ns: int) -> None:
        """What waits at the part, if anything, has taken effect."""
        number = self.waiting.pop(part, None)
        if number in self.instants:
            self.instants[number] = now_ns

    def snapshot(self) -> dict[str, Any]:
        """Plain data."""
        return {"count": self.count, "instants": self.report(), "waiting": dict(self.waiting)}

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave."""
        self.count = data["count"]
        self.instants = {int(number): at_ns for number, at_ns in data["instants"].items()}
        self.waiting = dict(data["waiting"])

    def report(self) -> dict[str, int | None]:
        """The instant of each fault by its number, None without an effect so far."""
        return {str(number): at_ns for number, at_ns in self.instants.items()}

    def _add(self, at_ns: int | None) -> None:
        self.count += 1
        self.instants[self.count] = at_ns
        if len(self.instants) > MAX_KEPT:
            del self.instants[next(iter(self.instants))]
