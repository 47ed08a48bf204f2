"""What keeps one link from drowning: telemetry and error replies have a rate of the wall clock.

Replies, alarms and events always pass; telemetry above the rate is not even made, and the next one
says how many were left out (COM-10).
"""

from collections.abc import Callable
from typing import Final

from pumpsim.daemon.wall import wall_ns

MAX_TELEMETRY_PER_S: Final = 100.0
"""On each link, by the wall clock."""
MAX_ERRORS_PER_S: Final = 5.0
BURST_S: Final = 1.0


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
