"""The fill level: how much is left, how fast it falls, and whether the pressures agree.

The slope is the only evidence of a fault upstream of the pressure sensors, such as a fast
restrictor. Ten-minute means and a straight line fitted through them take the noise down to what
the flow limits can bear. The same line through level plus volume pumped, as the pressures explain
it, tells what they leave unexplained: the volume balance (FLW-06).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from protocol.control import TICKS_PER_S, Interval
from protocol.vocabulary import Quality
from pumpsim.firmware.ticks import MINUTE

BUCKET: Final = 10 * MINUTE
LONG: Final = 36
"""Buckets in the window of parameter T_over_fill, 6 h."""
SHORT: Final = 6
"""Buckets in that of T_free_fill, 1 h."""
LEVEL_ERROR_NL: Final = 45_000 + 2_500
"""Noise bound and half a step."""
DRIFT_NL: Final = 200_000
"""What the sensor may have drifted since it was calibrated."""
VOLUME_ERROR_NL: Final = LEVEL_ERROR_NL + DRIFT_NL
MAX_GAP: Final = 5 * MINUTE
"""Samples further apart than this do not make one slope."""
SLOPE_ERROR_NL_PER_H: Final = {LONG: 2_740 + 834, SHORT: 41_000 + 834}
"""Six deviations of the fitted line, and the drift.

A bucket's mean of ten samples has 15 uL / sqrt(10); a line through n of them, a sixth of an hour
apart, has that times 6 / sqrt(n (n^2 - 1) / 12) an hour. The drift is 20 uL a day.
"""
S_PER_H: Final = 3_600


@dataclass(slots=True)
class FillLevel:
    """What the fill-level sensor told since the reservoir was last opened."""

    level_nl: int | None = None
    sampled: int | None = None  # tick of the last level there was
    started: int | None = None  # the bucket that is being filled: its first tick
    count: int = 0
    level_sum_nl: int = 0
    pumped_sum_nl: int = 0
    rows: list[list[int]] = field(default_factory=list)  # [middle in s, mean level, mean pumped]
    explained: int = 0  # the latest rows in which the pressures explained the flow
    slope: Interval | None = None  # mean flow in nl/h over 6 h, by the level alone
    recent: Interval | None = None  # over the last hour
    loss: Interval | None = None  # what left in 6 h beyond what the pressures explain, nl/h

    def clear(self) -> None:
        """Forget the slopes: liquid was put in or taken out, or nobody looked for a while."""
        self.started = None
        self.rows.clear()
        self.explained = 0
        self.slope = self.recent = self.loss = None

    def unexplained(self) -> None:
        """Without pressures nothing can be balanced until a window is full of them again."""
        self.explained = 0
        self.loss = None

    def add(self, ticks: int, level_nl: int | None, pumped_nl: int) -> bool:
        """Take a sample; True when a bucket was completed, and the slopes are new.

        `pumped_nl` is a running total of what the pressures explain.
        """
        self.level_nl = level_nl
        if self.sampled is not None and ticks - self.sampled > MAX_GAP:
            self.clear()
        if level_nl is None:
            return False
        self.sampled = ticks
        started = self.started
        if started is None:
            self._start(ticks, level_nl, pumped_nl)
            return False
        if ticks - started < BUCKET:
            self.count += 1
            self.level_sum_nl += level_nl
            self.pumped_sum_nl += pumped_nl
            return False
        middle_s = (started + ticks) // (2 * TICKS_PER_S)
        means = [self.level_sum_nl // self.count, self.pumped_sum_nl // self.count]
        self.rows.append([middle_s, *means])
        if len(self.rows) > LONG:
            del self.rows[0]
        self.explained += 1
        self._start(ticks, level_nl, pumped_nl)
        self._fit()
        return True

    def volume(self) -> Interval | None:
        """What is left in the reservoir, in nl."""
        if self.level_nl is None:
            return None
        level_nl = self.level_nl
        low = level_nl - VOLUME_ERROR_NL
        return Interval(low if low > 0 else 0, level_nl, level_nl + VOLUME_ERROR_NL, Quality.GOOD)

    def _start(self, ticks: int, level_nl: int, pumped_nl: int) -> None:
        self.started, self.count = ticks, 1
        self.level_sum_nl, self.pumped_sum_nl = level_nl, pumped_nl

    def _fit(self) -> None:
        rows = self.rows
        if len(rows) >= SHORT:
            self.recent = _flow(SHORT, [(row[0], row[1]) for row in rows[-SHORT:]])
        if len(rows) == LONG:
            self.slope = _flow(LONG, [(row[0], row[1]) for row in rows])
            if self.explained >= LONG:
                self.loss = _flow(LONG, [(row[0], row[1] + row[2]) for row in rows])


def _flow(buckets: int, points: Sequence[tuple[int, int]]) -> Interval:
    """How fast the second number falls, in nl/h: a line by least squares.

    Times count from the first point and volumes from the mean, so that every product keeps within
    64 bits: 36 points, 36 * 22,000 s, 33 mL and 3,600 make 3.4e18.
    """
    first_s = points[0][0]
    times = [at_s - first_s for at_s, _ in points]
    mean_nl = sum(nl for _, nl in points) // buckets
    total_s = sum(times)
    spread = buckets * sum(at_s * at_s for at_s in times) - total_s * total_s
    weighted = 0
    for at_s, (_, nl) in zip(times, points, strict=True):
        weighted += (buckets * at_s - total_s) * (nl - mean_nl)
    estimate = -weighted * S_PER_H // spread
    error = SLOPE_ERROR_NL_PER_H[buckets]
    return Interval(estimate - error, estimate, estimate + error, Quality.GOOD)
