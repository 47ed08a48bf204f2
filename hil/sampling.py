"""Many instruments on one grid of instants: the k-th reading of each is due at begin + k periods.

By the clock on the wall every instrument has a thread of its own: one that is slow holds up no
other. Lateness does not add up, since each instant follows from the first. Nothing is left out in
silence: an instant that went by while an instrument was still busy is told as missed. In virtual
time none passes while a value is read, so the instruments are read in turn.
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

from hil.clock import MAX_NAP_S, NS_PER_S, Clock
from hil.errors import LocalError

START_NS: Final = 100_000_000
"""Until the first instant: all threads have begun by then."""
SHORTEST_NS: Final = 10_000_000
"""A period below is none that a serial line, or this host, could keep."""
MAX_COUNT: Final = 10_000_000
"""Instants of one sampling."""
LATE_NS: Final = 20_000_000
"""A value that is there later than this after its instant counts as late."""

T = TypeVar("T")


class Taken(NamedTuple, Generic[T]):
    """What became of one instant of the grid at one instrument; instants by the rig's clock.

    `got_ns` is when the value was there: it was taken at that time at the latest. A `reading` of
    None was missed: the instrument was still busy with an earlier one.
    """

    name: str
    number: int
    due_ns: int
    got_ns: int
    reading: T | None

    @property
    def late_ns(self) -> int:
        """How far the value may lie behind its instant."""
        return self.got_ns - self.due_ns


@dataclass
class Tally:
    """How one instrument kept to the grid."""

    taken: int = 0
    late: int = 0
    missed: int = 0
    latest_ns: int = 0

    def add(self, one: Taken[Any]) -> None:
        """Count it."""
        if one.reading is None:
            self.missed += 1
            return
        self.taken += 1
        self.late += one.late_ns > LATE_NS
        self.latest_ns = max(self.latest_ns, one.late_ns)


_Came = queue.SimpleQueue[Taken[T] | Exception | None]


class _Grid(NamedTuple):
    begin_ns: int
    period_ns: int
    size: int

    def instants(self) -> Iterator[tuple[int, int]]:
        """Each with its number."""
        return ((k, self.begin_ns + k * self.period_ns) for k in range(self.size))


def sampled(
    clock: Clock, reads: Mapping[str, Callable[[], T]], period_ns: int, count: int
) -> Generator[Taken[T], None, None]:
    """Every instant at every instrument, as they come; close it to end sooner.

    LocalError for a grid that cannot be; whatever a reading raises ends all of it, once the others
    have finished the reading they are at.
    """
    if not period_ns >= SHORTEST_NS or not 1 <= count <= MAX_COUNT:
        raise LocalError(
            f"{count} samples every {period_ns / 1e6:g} ms: from 1 to {MAX_COUNT} can be taken, "
            f"at least {SHORTEST_NS / 1e6:g} ms apart"
        )
    grid = _Grid(clock.now_ns() + START_NS, period_ns, count)
    return (_in_turn if clock.virtual else _side_by_side)(clock, reads, grid)


def _in_turn(
    clock: Clock, reads: Mapping[str, Callable[[], T]], grid: _Grid
) -> Generator[Taken[T], None, None]:
    for number, due_ns in grid.instants():
        clock.wait(due_ns)
        for name, read in reads.items():
            reading = read()
            yield Taken(name, number, due_ns, clock.now_ns(), reading)


def _side_by_side(
    clock: Clock, reads: Mapping[str, Callable[[], T]], grid: _Grid
) -> Generator[Taken[T], None, None]:
    came: _Came[T] = queue.SimpleQueue()
    over = threading.Event()

    def follow(name: str, read: Callable[[], T]) -> None:
        try:
            for one in _followed(clock, name, read, grid, over):
                came.put(one)
        except Exception as error:  # noqa: BLE001 - raised again where somebody waits for it
            came.put(error)
        came.put(None)

    threads = [
        threading.Thread(target=follow, args=pair, name=f"sample {pair[0]}", daemon=True)
        for pair in reads.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield from _gathered(came, len(threads))
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _gathered(came: _Came[T], left: int) -> Generator[Taken[T], None, None]:
    """What so many threads put there, until each has put None, or one an error."""
    while left:
        try:
            one = came.get(timeout=MAX_NAP_S)  # Ctrl-C is heard in between
        except queue.Empty:
            continue
        if isinstance(one, Exception):
            raise one
        if one is None:
            left -= 1
        else:
            yield one


def _followed(
    clock: Clock, name: str, read: Callable[[], T], grid: _Grid, over: threading.Event
) -> Generator[Taken[T], None, None]:
    """In the thread of one instrument."""
    for number, due_ns in grid.instants():
        while (left_ns := due_ns - clock.now_ns()) > 0 and not over.is_set():
            over.wait(min(left_ns / NS_PER_S, MAX_NAP_S))
        if over.is_set():
            return
        missed = -left_ns >= grid.period_ns  # the next instant has come as well
        reading = None if missed else read()
        yield Taken(name, number, due_ns, clock.now_ns(), reading)
