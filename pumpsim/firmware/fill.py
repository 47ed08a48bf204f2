"""The fill level: how much is left, and how fast it falls over six hours.

The slope is the only evidence of a fault upstream of the pressure sensors, such as a fast
restrictor. Means of ten minutes at both ends of the window take the noise down to what the flow
limits can bear.
"""

from dataclasses import dataclass, field
from typing import Final

from protocol.control import Interval
from protocol.vocabulary import Quality
from pumpsim.firmware.ticks import HOUR, MINUTE

BUCKET: Final = 10 * MINUTE
WINDOW: Final = 6 * HOUR
"""Parameter T_over_fill: the noise of the sensor sets it."""
LEVEL_ERROR_NL: Final = 45_000 + 2_500
"""Noise bound and half a step."""
DRIFT_NL: Final = 200_000
"""What the sensor may have drifted since it was calibrated."""
MAX_GAP: Final = 5 * MINUTE
"""Samples further apart than this do not make one slope."""
VOLUME_ERROR_NL: Final = LEVEL_ERROR_NL + DRIFT_NL
SLOPE_ERROR_NL: Final = 20_000
"""Difference of two ten-minute means: noise (bound at six deviations) and a quarter day's drift."""


@dataclass(slots=True)
class FillLevel:
    """What the fill-level sensor told since the reservoir was last opened."""

    level_nl: int | None = None
    sampled: int | None = None  # tick of the last level there was
    bucket_started: int | None = None
    bucket_sum_nl: int = 0
    bucket_count: int = 0
    means: list[list[int]] = field(default_factory=list)  # [tick of the middle, mean in nl]
    slope: Interval | None = None  # mean flow in nl/h over the window, once it is full

    def clear(self) -> None:
        """Forget the slope: liquid was put in or taken out, or nobody looked for a while."""
        self.bucket_started = None
        self.means.clear()
        self.slope = None

    def add(self, ticks: int, level_nl: int | None) -> bool:
        """Take a sample; True when a bucket was completed, and the slope is new."""
        self.level_nl = level_nl
        if self.sampled is not None and ticks - self.sampled > MAX_GAP:
            self.clear()
        if level_nl is None:
            return False
        self.sampled = ticks
        started = self.bucket_started
        if started is None:
            self.bucket_started, self.bucket_sum_nl, self.bucket_count = ticks, level_nl, 1
            return False
        if ticks - started < BUCKET:
            self.bucket_sum_nl += level_nl
            self.bucket_count += 1
            return False
        self.means.append([(started + ticks) // 2, self.bucket_sum_nl // self.bucket_count])
        if len(self.means) > WINDOW // BUCKET + 1:
            del self.means[0]
        self.bucket_started, self.bucket_sum_nl, self.bucket_count = ticks, level_nl, 1
        self.slope = self._slope()
        return True

    def volume(self) -> Interval | None:
        """What is left in the reservoir, in nl."""
        if self.level_nl is None:
            return None
        level_nl = self.level_nl
        low = level_nl - VOLUME_ERROR_NL
        return Interval(low if low > 0 else 0, level_nl, level_nl + VOLUME_ERROR_NL, Quality.GOOD)

    def _slope(self) -> Interval | None:
        if len(self.means) < 2:
            return None
        (first, high_nl), (last, low_nl) = self.means[0], self.means[-1]
        span = last - first
        if span < WINDOW - BUCKET:
            return None
        estimate = (high_nl - low_nl) * HOUR // span
        error = SLOPE_ERROR_NL * HOUR // span
        return Interval(estimate - error, estimate, estimate + error, Quality.GOOD)
