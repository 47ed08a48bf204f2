"""Durations in ticks of the oscillator: every interval is a difference of ticks (TIM-01).

The counter wraps. At each entry its reading is extended to a count without end, the ticks since
boot, and everything else reckons with that (TIM-02).
"""

from typing import Final

from protocol.control import TICK_BITS, TICKS_PER_S

MINUTE: Final = 60 * TICKS_PER_S
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
MASK: Final = (1 << TICK_BITS) - 1
LONGEST_AHEAD: Final = MASK >> 1
"""A deadline further ahead would be taken for one that is past."""


def extend(now: int, count: int, mask: int = MASK) -> int:
    """The first count without end, at or after `now`, of which a counter as wide reads `count`."""
    return now + ((count - now) & mask)


def of_this_life(now: int) -> int:
    """An instant that is told from those of lives before: theirs are at most 0, the boot's tick."""
    return max(now, 1)


def earlier_life(instant: int) -> bool:
    """Whether it is of a life before this one, so that time without supply lies between."""
    return instant <= 0


def from_s(duration_s: int) -> int:
    """Ticks in so many seconds."""
    return duration_s * TICKS_PER_S


def from_ms(duration_ms: int) -> int:
    """Ticks in so many milliseconds, rounded up: a pause is never shorter than asked for."""
    return -(-duration_ms * TICKS_PER_S // 1_000)


def to_s(ticks: int) -> int:
    """Whole seconds in so many ticks, rounded towards the past."""
    return ticks // TICKS_PER_S


def to_ms(ticks: int) -> int:
    """Whole milliseconds in so many ticks."""
    return ticks * 1_000 // TICKS_PER_S
