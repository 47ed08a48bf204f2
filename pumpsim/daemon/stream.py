"""A byte stream as a link: frames in, frames out, whatever moves the bytes."""

from collections.abc import Callable

from protocol import wire
from protocol.codec import Malformed
from protocol.messages import Packet
from pumpsim.daemon.flow import MAX_ERRORS_PER_S, Budget
from pumpsim.daemon.host import Far, Host


class StreamLink:
    """One far end of a serial line or a socket, as a link of one device."""

    def __init__(
        self,
        host: Host,
        device: str,
        name: str,
        write: Callable[[bytes], None],
        congested: Callable[[], bool],
    ) -> None:
        """`write` must not block; `congested` says that telemetry had better wait."""
        self._host = host
        self._device = device
        self._name = name
        self._write = write
        self._congested = congested
        self._decoder = wire.StreamDecoder()
        self._encoder = wire.StreamEncoder()
        self._errors = Budget(MAX_ERRORS_PER_S)
        self.open()

    def open(self) -> None:
        """Appear, with no subscription and half a frame of nothing."""
        self._decoder = wire.StreamDecoder()
        self._host.attach(self._device, Far(self._name, self._send, self._congested))

    def close(self) -> None:
        """Disappear."""
        self._host.detach(self._device, self._name)

    def feed(self, data: bytes) -> None:
        """Bytes came in."""
        for packet in self._decoder.feed(data):
            if isinstance(packet, Malformed) and not (packet.answerable and self._errors.take()):
                continue
            self._host.receive(self._device, self._name, packet)

    def _send(self, _link: str, packet: Packet) -> None:
        self._write(self._encoder.encode(packet))
