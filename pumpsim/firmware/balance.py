"""The volume balance since the refill: what a window of six hours is too short to see (FLW-06).

Level plus volume pumped stays the same while the pressures explain all that leaves. By how much it
has fallen since the refill is unexplained; the limit is what the level's noise and drift and the
flow's own error can make of it. A gap, a reset or lost pressures end a stretch and begin another:
what was found until then is carried on, and each stretch has the error of two levels of its own.
"""

from dataclasses import dataclass
from typing import Final

from pumpsim.firmware.amounts import pumped
from pumpsim.firmware.fill import DRIFT_NL_PER_H

MEAN_ERROR_NL: Final = 28_500 + 2_500
"""Of a ten-minute mean: six deviations, 15 uL / sqrt(10) each, and half a step."""


@dataclass(slots=True)
class Balance:
    """Stretches in which both level and pressures were known, added up."""

    carried_nl: int = 0  # what earlier stretches left unexplained
    error_nl: int = 0  # of that, and of the pressures in this stretch
    begun_nl: int | None = None  # level plus volume pumped where this stretch began
    at: int = 0  # the tick of the last mean
    stretch_nl: int | None = None  # what this stretch leaves unexplained; None: one mean so far
    side: int = 0  # beyond the limit: 1 more has left than the pressures explain, -1 less

    def add(self, at: int, sum_nl: int, flow_error_nl_per_h: int) -> None:
        """Take a mean of level plus volume pumped, and how far off the flow may be."""
        if self.begun_nl is None:
            self.begun_nl, self.at = sum_nl, at
            return
        self.error_nl += pumped(flow_error_nl_per_h + DRIFT_NL_PER_H, at - self.at)[0] + 1
        self.at = at
        self.stretch_nl = self.begun_nl - sum_nl
        unexplained_nl = self.carried_nl + self.stretch_nl
        limit_nl = self.error_nl + 2 * MEAN_ERROR_NL
        if self.side * unexplained_nl <= limit_nl - 4 * MEAN_ERROR_NL:
            self.side = 0  # noise does not end it
        if not -limit_nl <= unexplained_nl <= limit_nl:
            self.side = 1 if unexplained_nl > 0 else -1

    def pause(self) -> None:
        """Nothing is known for a while: this stretch ends."""
        self.carried_nl, self.error_nl = self._closed()
        self.begun_nl = self.stretch_nl = None

    def most_nl(self) -> int:
        """What is unexplained since the refill, and the error of that."""
        unexplained_nl, error_nl = self._closed()
        return abs(unexplained_nl) + error_nl

    def _closed(self) -> tuple[int, int]:
        if self.stretch_nl is None:
            return self.carried_nl, self.error_nl
        return self.carried_nl + self.stretch_nl, self.error_nl + 2 * MEAN_ERROR_NL

    def save(self) -> list[int]:
        """What outlives a reset, as if the stretch had ended."""
        return [*self._closed(), self.side]

    def load(self, row: list[int]) -> None:
        """Take up what `save` gave, beside what this life has found by now (ALM-09)."""
        carried_nl, error_nl, side = row
        self.carried_nl += carried_nl
        self.error_nl += error_nl
        self.side = self.side or side
