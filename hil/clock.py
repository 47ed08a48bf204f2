"""Waiting: the one thing a bench script does that takes time.

`Clock.wait` lets the device's time pass until an instant, or until something has arrived, whichever
comes first. There are three makes of it: in process, where to wait is to run the emulator (see
`hil.emulated`); the wall clock, where to wait is to wait for bytes; and remote virtual time, where
to wait is to ask the control API for a run. The same script means the same on all three. This is
the bench's only module that reads a clock.
"""

import threading
import time
from typing import Final, Protocol

MAX_NAP_S: Final = 0.5
"""Longest uninterrupted wait: Ctrl-C is heard in between, on every platform."""
MAX_GRANT_NS: Final = 86_400_000_000_000
"""Longest run asked for at once: each request to the control API is answered soon."""
NS_PER_S: Final = 1_000_000_000


class Waitable(Protocol):
    """Where something may arrive while time passes: a client on its port."""

    def ready(self) -> bool:
        """Whether something has arrived and was not taken yet."""

    def settle(self) -> None:
        """A barrier: what the device sent before this call has arrived when it returns."""


class Clock(Protocol):
    """Device time, as far as this bench can tell, in ns."""

    @property
    def virtual(self) -> bool:
        """Whether a day passes as fast as it can be computed, instead of in a day."""

    def now_ns(self) -> int:
        """The present instant; the origin is the make's own."""

    def wait(self, until_ns: int, *ports: Waitable) -> int:
        """Let time pass until an instant or an arrival at one of `ports`; the instant reached.

        In remote virtual time an arrival is seen at the end of the run that was asked for, at most
        a day: who has to react sooner waits in shorter steps.
        """


def unix_s() -> int:
    """The date as this host tells it, to lay beside a device's."""
    return int(time.time())


class Countdown:
    """A wall-clock time-out for something on a link."""

    def __init__(self, duration_s: float) -> None:
        """It starts now."""
        self._end_s = time.monotonic() + duration_s

    def remaining_s(self) -> float:
        """What is left; 0 once it is over."""
        return max(self._end_s - time.monotonic(), 0.0)

    def nap(self) -> bool:
        """Let some of it pass; whether any is left."""
        threading.Event().wait(min(self.remaining_s(), MAX_NAP_S))
        return self.remaining_s() > 0


class Stopwatch:
    """How long something took, by the clock on the wall."""

    def __init__(self) -> None:
        """It starts now."""
        self._begin_s = time.monotonic()

    def elapsed_s(self) -> float:
        """Since then."""
        return time.monotonic() - self._begin_s


class WallClock:
    """Time is what the clock on the wall says: a daemon in real time, or hardware."""

    virtual: Final = False

    def __init__(self, arrived: threading.Event) -> None:
        """Instant 0 is now. Every port of the rig sets `arrived` when something came in."""
        self._origin_ns = time.monotonic_ns()
        self._arrived = arrived

    def now_ns(self) -> int:
        """Since this clock was made."""
        return time.monotonic_ns() - self._origin_ns

    def wait(self, until_ns: int, *ports: Waitable) -> int:
        """Wait for bytes, or for the instant."""
        while (now_ns := self.now_ns()) < until_ns:
            self._arrived.clear()
            if any(port.ready() for port in ports):
                break
            self._arrived.wait(min((until_ns - now_ns) / NS_PER_S, MAX_NAP_S))
        return now_ns


class RemoteTime(Protocol):
    """What the control API offers about time."""

    def now_ns(self) -> int:
        """The instant the daemon's devices have reached."""

    def run_until(self, until_ns: int) -> int:
        """Let them run to an instant, if it has not passed; the instant they have reached then."""


class RemoteClock:
    """Time is what the daemon is asked to let pass."""

    virtual: Final = True

    def __init__(self, time_api: RemoteTime) -> None:
        """Instants are the daemon's own; RigError when it does not answer."""
        self._time = time_api
        self._reached_ns = time_api.now_ns()
        """What the daemon told last. Others let time pass, too: it only says how far to ask."""

    def now_ns(self) -> int:
        """The daemon's present instant, asked for anew."""
        self._reached_ns = self._time.now_ns()
        return self._reached_ns

    def wait(self, until_ns: int, *ports: Waitable) -> int:
        """Ask for runs; after each one, wait for everything that was sent during it."""
        if any(port.ready() for port in ports):
            return self.now_ns()
        while True:
            aim_ns = min(until_ns, self._reached_ns + MAX_GRANT_NS)
            self._reached_ns = self._time.run_until(aim_ns)
            for port in ports:
                port.settle()
            if self._reached_ns >= until_ns or any(port.ready() for port in ports):
                return self._reached_ns
