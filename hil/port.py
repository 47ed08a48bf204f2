"""A port is a link and a codec: packets out, and one bounded queue of what came in.

One thread reads the link and fills the queue; the script's thread empties it. No `select` on serial
ports: bench machines run Windows too.
"""

import queue
import threading
from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol, runtime_checkable

from hil.errors import LinkError
from protocol.codec import Malformed, from_json, to_json
from protocol.messages import Packet, ReplyHeader
from protocol.wire import StreamDecoder, encode

MAX_WAITING: Final = 65_536
"""Packets that wait for the script. Beyond, notices are counted and dropped, replies never."""
MAX_REPLIES: Final = 1_024
"""Replies that may wait on top of that: more than anybody asked for is a broken link."""

Item = Packet | Malformed
Deliver = Callable[[bytes], None]
Fail = Callable[[LinkError], None]


class Port(Protocol):
    """Where packets go out and come in."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    def send(self, packet: Packet) -> None:
        """Send, or raise LinkError."""

    def receive(self, timeout_s: float) -> Item | None:
        """The next thing that came in, waiting so long at most; LinkError once the link broke."""

    def ready(self) -> bool:
        """Whether `receive` would return, or raise, at once."""

    def close(self) -> None:
        """Give the link back. More than once is no mistake."""


class Wire(Enum):
    """How packets stand on a link."""

    FRAMES = "frames"
    JSON = "JSON"


@runtime_checkable
class RawPort(Port, Protocol):
    """A port that also takes bytes as they are: what no codec would ever write."""

    @property
    def wire(self) -> Wire:
        """What the bytes should have been."""

    def send_raw(self, data: bytes) -> None:
        """Send exactly this, or raise LinkError."""


class Link(Protocol):
    """Moves bytes, in a thread of its own when they come in."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    def start(self, deliver: Deliver, fail: Fail) -> None:
        """From now on hand over what comes in; `fail` is called at most once, as the last thing."""

    def write(self, data: bytes) -> None:
        """Send all of it within a bounded time, or raise LinkError."""

    def close(self) -> None:
        """Let go. More than once is no mistake."""


@runtime_checkable
class Broker(Protocol):
    """A link by way of a broker, which keeps messages and tells who is there."""

    def retain(self, data: bytes) -> None:
        """Have it keep a request for whoever joins later; nothing takes it away. Or LinkError."""

    def joins_anew(self, act: Callable[[], None], timeout_s: float) -> bool:
        """Do what makes the device leave and come back; whether it did so in time."""


class Codec(Protocol):
    """Bytes of a link and packets."""

    @property
    def wire(self) -> Wire:
        """Which kind of bytes."""

    def encode(self, packet: Packet) -> bytes:
        """The packet as the link wants it."""

    def decode(self, data: bytes) -> list[Item]:
        """What a piece of data completes."""


class StreamCodec:
    """Frames on a byte stream: serial and TCP."""

    wire: Final = Wire.FRAMES

    def __init__(self) -> None:
        """One per link: it remembers half a frame."""
        self._decoder = StreamDecoder()

    def encode(self, packet: Packet) -> bytes:
        """One frame."""
        return encode(packet)

    def decode(self, data: bytes) -> list[Item]:
        """The packets whose frames end in `data`."""
        return self._decoder.feed(data)


class JsonCodec:
    """One JSON text per message: MQTT."""

    wire: Final = Wire.JSON

    def encode(self, packet: Packet) -> bytes:
        """The JSON text."""
        return to_json(packet).encode()

    def decode(self, data: bytes) -> list[Item]:
        """The packet in it."""
        return [from_json(data)]


class LinkPort:
    """A port on a link outside this process."""

    def __init__(self, link: Link, codec: Codec, arrived: threading.Event) -> None:
        """Start reading; `arrived` is set whenever something came in."""
        self.lost = 0
        self.broker = link if isinstance(link, Broker) else None
        self._link = link
        self._codec = codec
        self._arrived = arrived
        self._queue: queue.SimpleQueue[Item | LinkError] = queue.SimpleQueue()
        self._broken: LinkError | None = None
        link.start(self._deliver, self._fail)

    @property
    def name(self) -> str:
        """The link's name."""
        return self._link.name

    @property
    def wire(self) -> Wire:
        """The codec's."""
        return self._codec.wire

    def send(self, packet: Packet) -> None:
        """Encode and send; LinkError when the link is broken."""
        self.send_raw(self._codec.encode(packet))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are; LinkError when the link is broken."""
        if self._broken is not None:
            raise self._broken
        self._link.write(data)

    def receive(self, timeout_s: float) -> Item | None:
        """The next item in order; a broken link raises after the last one."""
        if self._broken is not None:
            raise self._broken
        try:
            item = self._queue.get(timeout=timeout_s) if timeout_s > 0 else self._queue.get_nowait()
        except queue.Empty:
            return None
        if isinstance(item, LinkError):
            self._broken = item
            raise item
        return item

    def ready(self) -> bool:
        """Whether something waits, be it the news that the link broke."""
        return self._broken is not None or not self._queue.empty()

    def close(self) -> None:
        """Stop reading and give the link back."""
        self._link.close()

    # ---- in the link's thread

    def _deliver(self, data: bytes) -> None:
        for item in self._codec.decode(data):
            waiting = self._queue.qsize()
            if waiting >= MAX_WAITING + MAX_REPLIES:
                raise LinkError(f"{self.name} floods the bench with replies nobody asked for")
            is_reply = isinstance(item, Packet) and isinstance(item.header, ReplyHeader)
            if waiting >= MAX_WAITING and not is_reply:
                self.lost += 1
            else:
                self._queue.put(item)
        self._arrived.set()

    def _fail(self, error: LinkError) -> None:
        self._queue.put(error)
        self._arrived.set()
