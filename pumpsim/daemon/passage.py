"""One direction of a link in the daemon: what is put in comes out when chaos lets it, if at all.

Link time is wall time (decision 0002), here the loop's. Without chaos everything passes at once.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar

from pumpsim.chaos.desk import ChaosDesk
from pumpsim.chaos.line import Held, Line
from pumpsim.chaos.settings import ChaosFile, Direction, Transport, Way

NS_PER_S: Final = 1e9
NOTHING: Final = Way()

T = TypeVar("T")


class Where(NamedTuple):
    """Which link of which device."""

    device: str
    transport: Transport
    link: str


class Passage(Generic[T]):
    """Frames or messages, one way."""

    def __init__(
        self,
        desk: ChaosDesk,
        where: Where,
        direction: Direction,
        deliver: Callable[[T], None],
        cut: Callable[[], None] | None,
    ) -> None:
        """`deliver` gets what arrives; `cut` ends the connection, where there is one."""
        self._desk = desk
        self._where = where
        self._direction: Direction = direction
        self._deliver = deliver
        self._cut = cut
        self._settings: ChaosFile | None = None  # those that the line was made for
        self._held: Held[T] = Held(desk.counts(where.transport, direction))
        self._line = self._made(0)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def clear(self) -> bool:
        """Whether everything passes at once."""
        return self._way() is None and not self._held

    def put(self, unit: T) -> None:
        """Something to pass."""
        if self.clear:
            self._deliver(unit)
            return
        if self._desk.settings is not self._settings:
            self._settings = self._desk.settings
            self._line = self._made(self._line.free_ns)
        self._held.add(self._line.put(_now_ns(), unit, self._way() or NOTHING))
        self._turn()

    def drop(self) -> None:
        """What is on its way is gone."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _way(self) -> Way | None:
        settings = self._desk.settings
        return None if settings is None else settings.way(self._where.transport, self._direction)

    def _made(self, free_ns: int) -> Line[T]:
        """A line nothing has passed; `free_ns` keeps it behind what is on its way."""
        seed = 0 if self._settings is None else self._settings.chaos.seed
        name = f"{self._where.device}/{self._where.link}/{self._direction}"
        counts = self._desk.counts(self._where.transport, self._direction)
        self._held.counts = counts
        return Line(seed, name, counts, free_ns=free_ns)

    def _turn(self) -> None:
        """Hand over what has arrived, and come back for the rest."""
        if self._timer is not None:
            self._timer.cancel()
        while (arrived := self._held.pop(_now_ns())) is not None:
            if arrived.piece is not None:
                self._deliver(arrived.piece)
            elif self._cut is not None:
                self._cut()
        next_ns = self._held.next_ns()
        if next_ns is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(next_ns / NS_PER_S, self._turn)


def _now_ns() -> int:
    return round(asyncio.get_running_loop().time() * NS_PER_S)
