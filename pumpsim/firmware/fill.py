"""The fill level: how much is left, how fast it falls, and whether the pressures agree.

The slope is the only evidence of a fault upstream of the pressure sensors, such as a fast
restrictor. Ten-minute means and a straight line fitted through them take the noise down to what
the flow limits can bear. The same line through level plus volume pumped, as the pressures explain
it, tells what they leave unexplained: the volume balance (FLW-06).
"""

from dataclasses import dataclass, field
from math import isqrt
from operator import mul
from typing import Final

from protocol.control import TICKS_PER_S, Interval
from protocol.vocabulary import Quality
from pumpsim.firmware.persistence import MAX_GAP
from pumpsim.firmware.ticks import MINUTE

BUCKET: Final = 10 * MINUTE
LONG: Final = 36
"""Buckets in the window of parameter T_over_fill, 6 h."""
SHORT: Final = 6
"""Buckets in that of T_free_fill, 1 h."""
FEWEST: Final = 2
"""Buckets in the shortest window that tells a slope, of large changes alone."""
LEVEL_ERROR_NL: Final = 45_000 + 2_500
"""Noise bound and half a step."""
DRIFT_NL: Final = 200_000
"""What the sensor may have drifted since it was calibrated."""
VOLUME_ERROR_NL: Final = LEVEL_ERROR_NL + DRIFT_NL
DRIFT_NL_PER_H: Final = 834
"""20 uL a day."""
SIX_DEVIATIONS_NL_PER_H: Final = 170_763
SLOPE_ERROR_NL_PER_H: Final = {
    n: SIX_DEVIATIONS_NL_PER_H * 1_000 // isqrt(1_000_000 * n * (n * n - 1) // 12) + DRIFT_NL_PER_H
    for n in range(FEWEST, LONG + 1)
}
"""Six deviations of the fitted line, and the drift, by the buckets it is fitted through.

A bucket's mean of ten samples has 15 uL / sqrt(10); a line through n of them, a sixth of an hour
apart, has that times 6 / sqrt(n (n^2 - 1) / 12) an hour.
"""
S_PER_H: Final = 3_600
GOOD: Final = Quality.GOOD
WEIGHTS: Final = {n: tuple(2 * i - n + 1 for i in range(n)) for n in range(FEWEST, LONG + 1)}
"""Twice the distance from the middle, in buckets; they add up to 0."""


@dataclass(slots=True)
class FillLevel:
    """What the fill-level sensor told since the reservoir was last opened."""

    level_nl: int | None = None
    sampled: int | None = None  # tick of the last level there was
    started: int | None = None  # the bucket that is being filled: its first tick
    count: int = 0
    level_sum_nl: int = 0
    pumped_sum_nl: int = 0
    middles: list[int] = field(default_factory=list)  # of the completed buckets, in ticks
    levels_nl: list[int] = field(default_factory=list)  # their means
    pumped_nl: list[int] = field(default_factory=list)
    explained: int = 0  # the latest buckets in which the pressures explained the flow
    slope: Interval | None = None  # mean flow in nl/h over 6 h, by the level alone
    recent: Interval | None = None  # over the last hour
    loss: Interval | None = None  # what left in 6 h beyond what the pressures explain, nl/h
    recent_loss: Interval | None = None  # and over the last hour

    def clear(self) -> None:
        """Forget the slopes: liquid was put in or taken out, or nobody looked for a while."""
        self.started = None
        self.middles.clear()
        self.levels_nl.clear()
        self.pumped_nl.clear()
        self.explained = 0
        self.slope = self.recent = self.loss = self.recent_loss = None

    def unexplained(self) -> None:
        """Without pressures nothing can be balanced until a window is full of them again."""
        self.explained = 0
        self.loss = self.recent_loss = None

    def add(self, ticks: int, level_nl: int | None, pumped_nl: int) -> bool:
        """Take a sample; True when a bucket was completed, and the slopes are new.

        `pumped_nl` is a running total of what the pressures explain.
        """
        self.level_nl = level_nl
        if level_nl is None:
            if self.sampled is not None and ticks - self.sampled > MAX_GAP:
                self.clear()  # SEN-06: what the level told does not outlive it
            return False
        elapsed = 0 if self.sampled is None else ticks - self.sampled
        self.sampled = ticks
        if elapsed > MAX_GAP:
            self.clear()
        started = self.started
        if started is None:
            self._start(ticks, level_nl, pumped_nl)
            return False
        if ticks - started + elapsed // 2 < BUCKET:  # to the nearest sample, whatever the crystal
            self.count += 1
            self.level_sum_nl += level_nl
            self.pumped_sum_nl += pumped_nl
            return False
        for row, value in (
            (self.middles, (started + ticks) // 2),
            (self.levels_nl, self.level_sum_nl // self.count),
            (self.pumped_nl, self.pumped_sum_nl // self.count),
        ):
            row.append(value)
            if len(row) > LONG:
                del row[0]
        self.explained += 1
        self._start(ticks, level_nl, pumped_nl)
        self.recent, self.recent_loss = self.over(SHORT)
        self.slope, self.loss = self.over(LONG)
        return True

    def volume(self) -> Interval | None:
        """What is left in the reservoir, in nl."""
        if self.level_nl is None:
            return None
        level_nl = self.level_nl
        low = level_nl - VOLUME_ERROR_NL
        row = (low if low > 0 else 0, level_nl, level_nl + VOLUME_ERROR_NL, GOOD)
        return tuple.__new__(Interval, row)

    def _start(self, ticks: int, level_nl: int, pumped_nl: int) -> None:
        self.started, self.count = ticks, 1
        self.level_sum_nl, self.pumped_sum_nl = level_nl, pumped_nl

    def over(self, buckets: int) -> tuple[Interval | None, Interval | None]:
        """How fast it fell in the latest of them, and what of that the pressures leave unexplained.

        In nl/h; None where there are not so many yet.
        """
        if len(self.levels_nl) < buckets:
            return None, None
        fall = -self._trend(self.levels_nl, buckets)
        slope = _interval(buckets, fall)
        if self.explained < buckets:
            return slope, None
        return slope, _interval(buckets, fall - self._trend(self.pumped_nl, buckets))

    def _trend(self, means_nl: list[int], buckets: int) -> int:
        """How fast the latest means rise, in nl/h: a line by least squares through even steps.

        With weights 2i - n + 1 the slope a step is 6 * sum(weight * mean) / (n (n^2 - 1)).
        """
        total: int = sum(map(mul, WEIGHTS[buckets], means_nl[-buckets:]))
        span_s = (self.middles[-1] - self.middles[-buckets]) // TICKS_PER_S
        return 6 * total * S_PER_H // (span_s * buckets * (buckets + 1))


def _interval(buckets: int, estimate: int) -> Interval:
    error = SLOPE_ERROR_NL_PER_H[buckets]
    return Interval(estimate - error, estimate, estimate + error, Quality.GOOD)
