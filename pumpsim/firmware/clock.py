"""The real-time clock, judged against the ticks: it tells the date and the downtime, nothing else.

No interval depends on it (TIM-01, TIM-03), so it may be set by any step (TIM-06). A clock that was
found wrong stays wrong until somebody has set it and it has run true since (TIM-05); until then it
is not used to reckon downtime either.
"""

from dataclasses import dataclass
from typing import Final

from protocol.control import Readings
from protocol.messages import MAX_UNIX_S
from pumpsim.firmware.ticks import HOUR, to_s

EARLIEST_S: Final = 1_577_836_800
"""2020-01-01: no pump is older, so a clock before it was never set, or lost its count."""
TOLERANCE_S: Final = 5
"""Clock and ticks may differ by so much within `ANCHOR`."""
ANCHOR: Final = HOUR
"""Compared over no longer than this, two crystals of different error agree; where samples were
missing for longer, they may have drifted apart by as much in every hour."""
SET_TOLERANCE_S: Final = 65
"""A clock may be set a sampling period after the request, when a bench decides."""
SETTLING_SAMPLES: Final = 2
MAX_MISSED: Final = 5
"""Samples in a row without a reading."""
STANDING_SAMPLES: Final = 2
"""Samples in a row without a tick: the oscillator stands still."""


def plausible(rtc_s: int) -> bool:
    """Whether a pump can live at that date; the register ends in the year 36812 (TIM-04)."""
    return EARLIEST_S <= rtc_s < MAX_UNIX_S


@dataclass(slots=True)
class Clock:
    """A reading that was believed, its tick, and what has been found wrong since."""

    anchor_s: int | None = None  # none since boot
    earliest_s: int = EARLIEST_S  # the first one after boot cannot be earlier
    anchor: int = 0
    wrong: bool = False
    stepped: bool = False  # it was set in this life: no difference across that is a time
    settling: int = 0  # samples to wait before a clock that was set is judged
    missed: int = 0
    standing: int = 0

    def count(self, elapsed: int) -> bool:
        """Count samples in a row without a tick; whether the counter stands still (TIM-05).

        Once is nothing: a boot at a sample takes no tick.
        """
        self.standing = 0 if elapsed else self.standing + 1
        still = self.standing >= STANDING_SAMPLES
        self.wrong = self.wrong or still
        return still

    def judge(self, now: int, readings: Readings) -> bool:
        """Compare a sample with the ticks (TIM-05); True when it confirms that it was set."""
        rtc_s, since = readings.rtc_s, now - self.anchor
        if rtc_s is None:
            self.missed += 1  # once is nothing: a reading can get lost
            self.wrong = self.wrong or self.missed >= MAX_MISSED
            return False
        self.missed = 0
        if not readings.rtc_valid:
            self.wrong = True
        elif self.anchor_s is None:
            self._begin(now, rtc_s)
        else:
            off_s = abs(rtc_s - self.anchor_s - to_s(since))
            if self.settling:
                return self._settle(now, rtc_s, off_s)
            if off_s > TOLERANCE_S and off_s * ANCHOR > TOLERANCE_S * since:
                self.wrong = True
            elif since >= ANCHOR:
                self.anchor_s, self.anchor = rtc_s, now
        return False

    def _begin(self, now: int, rtc_s: int) -> None:
        if not plausible(rtc_s) or rtc_s < self.earliest_s - TOLERANCE_S:
            self.wrong = True
        self.anchor_s, self.anchor = rtc_s, now

    def _settle(self, now: int, rtc_s: int, off_s: int) -> bool:
        self.settling -= 1
        if self.settling:
            return False
        self.wrong = off_s > SET_TOLERANCE_S
        self.anchor_s, self.anchor = rtc_s, now
        return not self.wrong

    def set(self, now: int, rtc_s: int) -> None:
        """Somebody set it; the next samples tell whether it runs from there."""
        self.anchor_s, self.anchor = rtc_s, now
        self.settling, self.stepped = SETTLING_SAMPLES, True

    def time_s(self, now: int) -> int | None:
        """The unix second at this tick, by a clock that can be trusted.

        One that was set is not, until samples have confirmed it: power may go before it is set, and
        what is kept must not tell a time the clock never had.
        """
        if self.wrong or self.settling or self.anchor_s is None:
            return None
        return self.anchor_s + to_s(now - self.anchor)
