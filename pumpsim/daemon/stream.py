"""A byte stream as a link: frames in, frames out, whatever moves the bytes."""

from collections.abc import Callable

from protocol import wire
from protocol.codec import Malformed
from protocol.messages import Packet
from pumpsim.chaos.line import Cutter
from pumpsim.daemon.flow import MAX_ERRORS_PER_S, Budget
from pumpsim.daemon.host import Far, Host
from pumpsim.daemon.passage import Passage, Where


class StreamLink:
    """One far end of a serial line or a socket, as a link of one device."""

    def __init__(
        self,
        host: Host,
        device: str,
        name: str,
        write: Callable[[bytes], None],
        congested: Callable[[], bool],
        cut: Callable[[], None] | None = None,
    ) -> None:
        """`write` must not block; `congested` says that telemetry had better wait.

        `cut` ends the connection, where there is one.
        """
        self._host = host
        self._device = device
        self._name = name
        where = Where(device, "serial" if cut is None else "tcp", name)
        self._out = Passage(host.chaos[device], where, "from_device", write, cut)
        self._in = Passage(host.chaos[device], where, "to_device", self._take, cut)
        self._cutter = Cutter()
        self._congested = congested
        self._decoder = wire.StreamDecoder()
        self._encoder = wire.StreamEncoder()
        self._errors = Budget(MAX_ERRORS_PER_S)
        self.open()

    def open(self) -> None:
        """Appear, with no subscription and half a frame of nothing."""
        self._renew()
        self._host.attach(self._device, Far(self._name, self._send, self._congested))

    def close(self) -> None:
        """Disappear."""
        self._renew()
        self._host.detach(self._device, self._name)

    def feed(self, data: bytes) -> None:
        """Bytes came in."""
        if self._in.clear:
            self._take(self._cutter.rest() + data)
            return
        for frame in self._cutter.feed(data):
            self._in.put(frame)

    def _take(self, data: bytes) -> None:
        for packet in self._decoder.feed(data):
            if isinstance(packet, Malformed) and not (packet.answerable and self._errors.take()):
                continue
            self._host.receive(self._device, self._name, packet)

    def _send(self, _link: str, packet: Packet) -> None:
        self._out.put(self._encoder.encode(packet))

    def _renew(self) -> None:
        """What was on its way belongs to the far end that has left."""
        self._decoder = wire.StreamDecoder()
        self._cutter = Cutter()
        self._in.drop()
        self._out.drop()
