"""Chaos on the bench's side of a link: the emulator's lines, around any link or port.

What is done follows from the chaos file's seed and from the number of each frame, as in the daemon.
The bench's end of a link counts as the link's only one: its frames are numbered from 0.
"""

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hil.clock import Stopwatch
from hil.errors import LinkError, LocalError
from hil.port import Deliver, Fail, Item, Link, RawPort
from protocol import wire
from protocol.configfile import ConfigError
from protocol.messages import Packet
from pumpsim.chaos.desk import ChaosDesk
from pumpsim.chaos.line import Cutter, Held, Line
from pumpsim.chaos.settings import ChaosFile, Direction, Transport, load

NS_PER_S: Final = 1_000_000_000
END_S: Final = 5.0


class LinkChaos:
    """What a chaos file says of one link of a kind: two lines, and the counts of both."""

    def __init__(self, settings: ChaosFile, transport: Transport) -> None:
        """Nothing has passed yet."""
        self._desk = ChaosDesk(settings)
        self._transport: Transport = transport

    @classmethod
    def load(cls, path: Path, transport: Transport) -> "LinkChaos":
        """LocalError when the file is none, or leaves that kind of link alone."""
        try:
            settings = load(path)
        except ConfigError as error:
            raise LocalError(str(error)) from None
        if transport not in settings.chaos.links:
            links = ", ".join(settings.chaos.links)
            raise LocalError(f"{path}: chaos.links are {links}, and this link is {transport}")
        return cls(settings, transport)

    def counts(self) -> dict[str, Any]:
        """What was done, by direction."""
        counts: dict[str, Any] = self._desk.report()["counts"][self._transport]
        return counts

    def lane(self, direction: Direction, deliver: Callable[[bytes], None]) -> "Lane":
        """One direction; `deliver` gets what arrives."""
        return Lane(self._desk, self._transport, direction, deliver)


class Cut(Exception):  # noqa: N818 - no error of its own: whoever catches it says what ended
    """The connection is to be cut here."""


class Lane:
    """One direction of a link, in whatever time its owner lives."""

    def __init__(
        self,
        desk: ChaosDesk,
        transport: Transport,
        direction: Direction,
        deliver: Callable[[bytes], None],
    ) -> None:
        """Nothing has passed yet."""
        settings = desk.settings
        way = None if settings is None else settings.way(transport, direction)
        assert settings is not None
        assert way is not None
        counts = desk.counts(transport, direction)
        self._way = way
        self._line: Line[bytes] = Line(settings.chaos.seed, f"bench/{direction}", counts)
        self._held: Held[bytes] = Held(counts)
        self._cutter = None if transport == "mqtt" else Cutter()
        self._deliver = deliver

    def put(self, now_ns: int, data: bytes) -> None:
        """Bytes to pass. A message of a broker is a frame by itself."""
        frames = [data] if self._cutter is None else self._cutter.feed(data)
        for frame in frames:
            self._held.add(self._line.put(now_ns, frame, self._way))

    def next_ns(self) -> int | None:
        """When something arrives next."""
        return self._held.next_ns()

    def turn(self, now_ns: int) -> None:
        """Deliver what has arrived by now; Cut where the connection ends."""
        while (arrived := self._held.pop(now_ns)) is not None:
            if arrived.piece is None:
                raise Cut
            self._deliver(arrived.piece)


class ChaoticLink:
    """A link with chaos on it, in wall time: whatever is not due at once waits in a thread."""

    def __init__(self, link: Link, chaos: LinkChaos) -> None:
        """Nothing is sent yet; `start` begins to read."""
        self.name = link.name
        self._link = link
        self._watch = Stopwatch()
        self._lock = threading.Condition(threading.RLock())
        self._out = chaos.lane("to_device", link.write)
        self._in = chaos.lane("from_device", self._hand_over)
        self._deliver: Deliver | None = None
        self._fail: Fail | None = None
        self._broken: LinkError | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"chaos {link.name}", daemon=True)

    def start(self, deliver: Deliver, fail: Fail) -> None:
        """Hand over what arrives from now on."""
        self._deliver, self._fail = deliver, fail
        self._thread.start()
        self._link.start(self._arrived, self._break)

    def write(self, data: bytes) -> None:
        """Send, now or later; LinkError once the link is broken."""
        with self._lock:
            if self._broken is not None:
                raise self._broken
            self._out.put(self._now_ns(), data)
            self._turn()
            if self._broken is not None:
                raise self._broken

    def close(self) -> None:
        """What is on its way is given up."""
        with self._lock:
            self._closed = True
            self._lock.notify()
        if self._thread.is_alive():
            self._thread.join(END_S)
        self._link.close()

    # ---- in the link's threads

    def _arrived(self, data: bytes) -> None:
        with self._lock:
            self._in.put(self._now_ns(), data)
            self._turn()

    def _run(self) -> None:
        with self._lock:
            while not self._closed and self._broken is None:
                self._turn()
                self._lock.wait(self._nap_s())

    def _turn(self) -> None:
        """Everything that is due by now, both ways."""
        if self._broken is not None:
            return
        try:
            for lane in (self._out, self._in):
                lane.turn(self._now_ns())
        except Cut:
            self._break(LinkError(f"connection to {self.name} was cut by chaos"))
        except LinkError as error:
            self._break(error)
        self._lock.notify()  # the thread sleeps until something is due

    def _hand_over(self, data: bytes) -> None:
        assert self._deliver is not None
        self._deliver(data)

    def _break(self, error: LinkError) -> None:
        with self._lock:
            first, self._broken = self._broken is None, self._broken or error
            self._lock.notify()
        if first and self._fail is not None:
            self._fail(error)

    def _nap_s(self) -> float | None:
        due_ns = _earliest_ns(self._out, self._in)
        return None if due_ns is None else max(due_ns - self._now_ns(), 0) / NS_PER_S

    def _now_ns(self) -> int:
        return round(self._watch.elapsed_s() * NS_PER_S)


class ChaoticPort:
    """A port in this process with chaos on it: link time is what its owner waits, and nothing else.

    `receive` lets the link's time pass until something arrives or its time-out is over. A time-out
    is counted from the last request, and in one digit: what the wall clock took away from it
    meanwhile has no part in it, so that one seed and one script lead to one outcome.
    """

    def __init__(self, port: RawPort, chaos: LinkChaos) -> None:
        """Packets pass as frames; `port` takes what arrives at once."""
        self.name = port.name
        self.wire = port.wire
        self._port = port
        self._now_ns = 0
        self._decoder = wire.StreamDecoder()
        self._inbox: deque[Item] = deque()
        self._out = chaos.lane("to_device", port.send_raw)
        self._in = chaos.lane("from_device", self._hand_over)
        self._patient_until_ns: int | None = None  # since the last request
        self._broken: LinkError | None = None

    def send(self, packet: Packet) -> None:
        """Send as a frame; LinkError once the link is cut."""
        self.send_raw(wire.encode(packet))

    def send_raw(self, data: bytes) -> None:
        """Send; LinkError once the link is cut."""
        if self._broken is not None:
            raise self._broken
        self._patient_until_ns = None
        self._out.put(self._now_ns, data)
        self._turn()

    def receive(self, timeout_s: float) -> Item | None:
        """The next thing that arrives, letting so much of the link's time pass at most."""
        until_ns = self._patience_ns(timeout_s)
        while True:
            self._turn()
            if self._inbox:
                return self._inbox.popleft()
            if self._broken is not None:
                raise self._broken
            due_ns = self._next_ns()
            if due_ns is None or due_ns > until_ns:
                self._now_ns = until_ns
                return None
            self._now_ns = due_ns

    def ready(self) -> bool:
        """Whether something has arrived, be it the news that the link was cut.

        Who waits on the device's clock asks here, between steps that are long for a link: what was
        on its way has arrived by then.
        """
        self._turn()
        while not self._inbox and self._broken is None and (due_ns := self._next_ns()) is not None:
            self._now_ns = max(due_ns, self._now_ns)
            self._turn()
        return bool(self._inbox) or self._broken is not None

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    def _turn(self) -> None:
        """Everything that is due by now; what the device says in answer leaves at once."""
        if self._broken is not None:
            return
        try:
            self._out.turn(self._now_ns)
            while (item := self._port.receive(0)) is not None:
                if isinstance(item, Packet):
                    self._in.put(self._now_ns, wire.encode(item))
            self._in.turn(self._now_ns)
        except Cut:
            self._broken = LinkError(f"connection to {self.name} was cut by chaos")

    def _patience_ns(self, timeout_s: float) -> int:
        """The instant at which a time-out that is given now is over."""
        if timeout_s <= 0:
            return self._now_ns
        if self._patient_until_ns is None:
            self._patient_until_ns = self._now_ns + round(float(f"{timeout_s:.1g}") * NS_PER_S)
        return max(self._patient_until_ns, self._now_ns)

    def _next_ns(self) -> int | None:
        return _earliest_ns(self._out, self._in)

    def _hand_over(self, data: bytes) -> None:
        self._inbox += self._decoder.feed(data)


def _earliest_ns(*lanes: Lane) -> int | None:
    """When anything arrives next on any of them."""
    dues = (lane.next_ns() for lane in lanes)
    return min((due_ns for due_ns in dues if due_ns is not None), default=None)
