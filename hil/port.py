"""A port is a link and a codec: packets out, and one bounded queue of what came in.

One thread reads the link and fills the queue; the script's thread empties it. No `select` on serial
ports: bench machines run Windows too.
"""

import queue
import threading
from collections.abc import Callable
from typing import Final, Protocol

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


class Codec(Protocol):
    """Bytes of a link and packets."""

    def encode(self, packet: Packet) -> bytes:
        """The packet as the link wants it."""

    def decode(self, data: bytes) -> list[Item]:
        """What a piece of data completes."""


class StreamCodec:
    """Frames on a byte stream: serial and TCP."""

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

    def send(self, packet: Packet) -> None:
        """Encode and send; LinkError when the link is broken."""
        if self._broken is not None:
            raise self._broken
        self._link.write(self._codec.encode(packet))

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
