"""How wall time becomes device time: speed, pause, granted runs, gaps (decision 0002).

Pure: the wall clock is an argument, in nanoseconds on a monotonic axis.
"""

from dataclasses import dataclass, field
from typing import Final

from pumpsim.daemon.lateness import Lateness

MAX_SPEED: Final = 1e6
MIN_SPEED: Final = 1e-3
AS_FAST_AS_IT_GOES: Final = float("inf")
GAP_NS: Final = 5_000_000_000
"""A wall clock that jumps further was suspended, the machine or this process."""
MAX_INSTANT_NS: Final = 100 * 366 * 86_400 * 1_000_000_000
"""A hundred years: device time stands still there, long before its arithmetic ends."""


class TimelineError(ValueError):
    """A speed or an instant that cannot be."""


class GivenUpError(Exception):
    """A run was ended before its instant: by a pause, or by the end of the daemon."""


def check_speed(speed: float) -> float:
    """The speed, when time can run at it; TimelineError says what may be."""
    if speed == AS_FAST_AS_IT_GOES or MIN_SPEED <= speed <= MAX_SPEED:
        return speed
    possible = f"{MIN_SPEED:g} to {MAX_SPEED:.0f}, or be 'max'; a pause stops time"
    message = f"speed {speed:g} must lie in {possible}"
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
    catch_up: bool = False
    """After a gap, run what was missed instead of leaving it out."""
    grant_ns: int | None = None
    gaps_ns: int = 0
    """All that was left out, by the wall clock."""
    lateness: Lateness = field(default_factory=Lateness)
    _seen_ns: int | None = None

    def observe(self, wall_ns: int) -> int:
        """Look at the wall clock; after a gap that is left out, its length.

        To be called every second or so: what lies between two calls is how a gap is known.
        """
        seen_ns, self._seen_ns = self._seen_ns, wall_ns
        gap_ns = 0 if seen_ns is None else wall_ns - seen_ns
        if gap_ns <= GAP_NS or self.catch_up or self.grant_ns is not None or not self._runs():
            return 0
        self.gaps_ns += gap_ns
        self.wall_ns += gap_ns
        return gap_ns

    def target(self, wall_ns: int) -> int:
        """The instant device time may run to now."""
        if self.grant_ns is not None:
            return self.grant_ns
        if not self._runs():
            return self.device_ns
        target_ns = self.device_ns + round((wall_ns - self.wall_ns) * self.speed)
        return min(target_ns, MAX_INSTANT_NS)

    def wall_of(self, device_ns: int) -> int | None:
        """When an instant is due by the wall clock; None while time does not run by itself."""
        if not self._runs():
            return None
        return self.wall_ns + round((device_ns - self.device_ns) / self.speed)

    def set(
        self, wall_ns: int, now_ns: int, *, speed: float | None = None, paused: bool | None = None
    ) -> None:
        """Change speed or pause from now on; device time does not jump."""
        if speed is not None:
            self.speed = check_speed(speed)
        if paused is not None:
            self.paused = paused
        self._anchor(wall_ns, now_ns)
        self.lateness.clear()

    def grant(self, now_ns: int, until_ns: int) -> None:
        """Allow a run; TimelineError for the past or while another one lasts."""
        if until_ns < now_ns:
            message = f"instant {until_ns} ns has passed: device time is {now_ns} ns"
            raise TimelineError(message)
        if until_ns > MAX_INSTANT_NS:
            message = f"instant {until_ns} ns lies beyond the last one, {MAX_INSTANT_NS} ns"
            raise TimelineError(message)
        if self.grant_ns is not None:
            message = f"a run until {self.grant_ns} ns is under way: wait, or pause to end it"
            raise TimelineError(message)
        self.grant_ns = until_ns

    def end_grant(self, wall_ns: int, now_ns: int) -> None:
        """The run is over, or was given up."""
        self.grant_ns = None
        self._anchor(wall_ns, now_ns)

    def note(self, wall_ns: int, device_ns: int) -> None:
        """Something happened at an instant: how late was it?"""
        if self.grant_ns is not None:
            return
        due_ns = self.wall_of(device_ns)
        if due_ns is not None:
            self.lateness.note(max(wall_ns - due_ns, 0))

    def _runs(self) -> bool:
        return not self.paused and self.speed != AS_FAST_AS_IT_GOES

    def _anchor(self, wall_ns: int, now_ns: int) -> None:
        self.wall_ns, self.device_ns = wall_ns, now_ns
