"""What keeps one link from drowning: telemetry and error replies have a rate of the wall clock.

Replies, alarms and events always pass; telemetry above the rate is not even made, and the next one
says how many were left out (COM-10). And what keeps many devices from telling all at once: each has
its own turn in a period.
"""

from collections.abc import Callable
from hashlib import shake_128
from typing import Final

from pumpsim.daemon.wall import wall_ns

MAX_TELEMETRY_PER_S: Final = 100.0
"""On each link, by the wall clock."""
MAX_ERRORS_PER_S: Final = 5.0
BURST_S: Final = 1.0
TURNS: Final = 20
"""In a period of telemetry. Each wakes the loop, which costs as much as a message or two."""


class Budget:
    """So many a second, with a second's worth saved up at most."""

    def __init__(self, per_s: float, clock: Callable[[], int] = wall_ns) -> None:
        """Full at first; `clock` gives nanoseconds."""
        self._per_s = per_s
        self._clock = clock
        self._tokens = per_s * BURST_S
        self._at_ns = clock()

    def ready(self) -> bool:
        """Whether there is one to spend."""
        now_ns = self._clock()
        gained = (now_ns - self._at_ns) / 1e9 * self._per_s
        self._tokens = min(self._tokens + gained, self._per_s * BURST_S)
        self._at_ns = now_ns
        return self._tokens >= 1.0

    def take(self) -> bool:
        """Spend one, if there is one."""
        if not self.ready():
            return False
        self._tokens -= 1.0
        return True


def first_telemetry_ns(device: str, now_ns: int, period_ns: int) -> int:
    """The next turn of a device for its telemetry, an instant of device time.

    Devices that start together would tell together, and the last of them late. The turn within a
    period follows from the id alone: a device does the same alone as among others.
    """
    number = int.from_bytes(shake_128(device.encode()).digest(4), "big") % TURNS
    turn_ns = number * period_ns // TURNS
    return now_ns + (turn_ns - now_ns) % period_ns
