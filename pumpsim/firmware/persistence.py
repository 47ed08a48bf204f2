"""How long a condition has held: the one form of patience all detectors share."""

from dataclasses import dataclass
from typing import Final

from pumpsim.firmware.ticks import MINUTE

AGE_MAX: Final = 3 * MINUTE
"""Parameter age_max: without a new sample for so long nothing is known any more (SEN-06)."""
LOOK_MAX: Final = 15 * MINUTE
"""Likewise of what is looked at every ten minutes."""
MAX_GAP: Final = 5 * MINUTE
"""Samples further apart than this make no slope, and no step from one to the next."""


@dataclass(slots=True)
class Persistence:
    """A condition that stands once samples have shown it without a break for a duration in ticks.

    A sample vouches for the time since the one before it, and for no more than `most` of it: what
    nobody looked at did not hold.
    """

    most: int = AGE_MAX
    since: int | None = None  # times that no sample vouches for are left out
    fed: int = 0
    stands: bool = False

    def feed(self, now: int, duration: int, *, holds: bool) -> None:
        """Whether the condition holds with this sample."""
        if not holds:
            self.since = None
            self.stands = False
            return
        if self.since is None:
            self.since = now
        elif now - self.fed > self.most:
            self.since += now - self.fed - self.most
        self.fed = now
        self.stands = self.stands or now - self.since >= duration
