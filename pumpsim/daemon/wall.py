"""The daemon's one clock: wall time that goes on while the machine sleeps."""

import time
from typing import Final

_CLOCK: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)


def wall_ns() -> int:
    """Nanoseconds since some fixed moment; it never goes back."""
    return time.monotonic_ns() if _CLOCK is None else time.clock_gettime_ns(_CLOCK)
