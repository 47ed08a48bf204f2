"""How long a condition has held: the one form of patience all detectors share."""

from dataclasses import dataclass


@dataclass(slots=True)
class Persistence:
    """A condition that stands once it has held without a break for a duration in ticks."""

    since: int | None = None
    stands: bool = False

    def feed(self, now: int, duration: int, *, holds: bool) -> None:
        """Whether the condition holds with this sample."""
        if not holds:
            self.since = None
            self.stands = False
            return
        if self.since is None:
            self.since = now
        self.stands = self.stands or now - self.since >= duration
