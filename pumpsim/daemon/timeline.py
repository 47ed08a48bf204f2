"""How wall time becomes device time: speed, pause, and runs that were granted.

Pure: the wall clock is an argument, in nanoseconds on a monotonic axis.
"""

from dataclasses import dataclass, field
from typing import Final

MAX_SPEED: Final = 1e6
MIN_SPEED: Final = 1e-3
AS_FAST_AS_IT_GOES: Final = float("inf")
GAP_NS: Final = 5_000_000_000
"""A wall clock that jumps further was suspended; device time goes on from where it was."""


class TimelineError(ValueError):
    """A speed or an instant that cannot be."""


def check_speed(speed: float) -> float:
    """The speed, when time can run at it; TimelineError says what may be."""
    if speed == AS_FAST_AS_IT_GOES or MIN_SPEED <= speed <= MAX_SPEED:
        return speed
    message = f"speed {speed:g} must lie in {MIN_SPEED:g} to {MAX_SPEED:g}, or be 'max'"
    raise TimelineError(message)


@dataclass(slots=True)
class Timeline:
    """Where device time should be, and what it has been granted.

    At speed `max` device time stands still but for a granted run; a grant runs as fast as it goes
    at any speed, and afterwards the speed holds again from there.
    """

    wall_ns: int
    device_ns: int = 0
    speed: float = 1.0
    paused: bool = False
    grant_ns: int | None = None
    gaps_ns: int = 0
    late_ns: int = 0
    late_max_ns: int = 0
    _last_wall_ns: int = field(default=0)

    def target(self, wall_ns: int) -> int:
        """The instant device time may run to now."""
        if self._last_wall_ns and wall_ns - self._last_wall_ns > GAP_NS and self.grant_ns is None:
            gap_ns = wall_ns - self._last_wall_ns
            self.gaps_ns += gap_ns
            self.wall_ns += gap_ns
        self._last_wall_ns = wall_ns
        if self.grant_ns is not None:
            return self.grant_ns
        if self.paused or self.speed == AS_FAST_AS_IT_GOES:
            return self.device_ns
        return self.device_ns + round((wall_ns - self.wall_ns) * self.speed)

    def wall_of(self, device_ns: int) -> int | None:
        """When an instant is due by the wall clock; None while time does not run by itself."""
        if self.paused or self.speed == AS_FAST_AS_IT_GOES:
            return None
        return self.wall_ns + round((device_ns - self.device_ns) / self.speed)

    def set(self, wall_ns: int, now_ns: int, *, speed: float | None, paused: bool | None) -> None:
        """Change speed or pause from now on; device time does not jump."""
        if speed is not None:
            self.speed = check_speed(speed)
        if paused is not None:
            self.paused = paused
        self._anchor(wall_ns, now_ns)

    def grant(self, now_ns: int, until_ns: int) -> None:
        """Allow a run; TimelineError for the past or while another one lasts."""
        if until_ns < now_ns:
            message = f"instant {until_ns} ns has passed: device time is {now_ns} ns"
            raise TimelineError(message)
        if self.grant_ns is not None:
            message = f"a run until {self.grant_ns} ns is under way"
            raise TimelineError(message)
        self.grant_ns = until_ns

    def end_grant(self, wall_ns: int, now_ns: int) -> None:
        """The run is over, or was given up."""
        self.grant_ns = None
        self._anchor(wall_ns, now_ns)

    def note(self, wall_ns: int, device_ns: int) -> None:
        """Something happened at an instant: how late was it?"""
        due_ns = self.wall_of(device_ns)
        if due_ns is None or self.grant_ns is not None:
            return
        self.late_ns = max(wall_ns - due_ns, 0)
        self.late_max_ns = max(self.late_max_ns, self.late_ns)

    def _anchor(self, wall_ns: int, now_ns: int) -> None:
        self.wall_ns, self.device_ns = wall_ns, now_ns
