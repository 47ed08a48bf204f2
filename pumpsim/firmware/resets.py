"""Resets: how many within a day, and whether the last one was the control logic's own doing."""

from dataclasses import dataclass, field
from typing import Final

from protocol.vocabulary import ResetCause
from pumpsim.firmware.ticks import DAY

N_RESET: Final = 3
T_RESET: Final = DAY
"""Parameter n_reset: so many within so long raise an alarm (RST-04)."""
FAULTS: Final = frozenset({ResetCause.FIRMWARE_FAULT, ResetCause.WATCHDOG})


@dataclass(slots=True)
class Resets:
    """The latest resets, oldest first; instants are ticks of this boot, or before it."""

    at: list[int] = field(default_factory=list)
    after_fault: bool = False  # no sample was taken since the logic failed

    def begin(self, cause: ResetCause) -> None:
        """A life begins, at tick 0 of it, that is not the first one."""
        self.count()
        self.after_fault = self.after_fault or cause in FAULTS

    def count(self) -> None:
        """This life's boot joins those that were loaded."""
        self.at = [*self.at, 0][-N_RESET:]

    def too_many(self, now: int) -> bool:
        """Whether the last ones lie within a day.

        Until the downtime of the last one is known, it counts as none: a boot loop must be told
        at boot.
        """
        return len(self.at) == N_RESET and now - self.at[0] < T_RESET

    def save(self, now: int) -> list[int]:
        """Instants as distances from `now`, since ticks restart at boot."""
        return [at - now for at in self.at]

    def load(self, distances: list[int]) -> None:
        """Take up what `save` gave, at tick 0 of the life after."""
        self.at = list(distances)

    def shift(self, elapsed: int, boots: int) -> None:
        """Time passed that ticks did not count, somewhere between the last `boots` (RST-03).

        Those may have come at once; what was before them lies further back.
        """
        self.at = [*(at - elapsed for at in self.at[:-boots]), *self.at[-boots:]]
