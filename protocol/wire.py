"""Packets on a byte stream: the codec inside frames, with what went wrong told apart."""

from protocol.codec import Malformed, Pairs, decode_payload, encode_pairs, encode_payload, join
from protocol.framing import FrameDecoder, encode_frame
from protocol.messages import PROTOCOL_VERSION, Body, Packet
from protocol.vocabulary import Refusal


def encode(packet: Packet) -> bytes:
    """The packet as one frame, delimiters included."""
    return encode_frame(packet.body.code, encode_payload(packet))


class StreamEncoder:
    """Packets in, bytes out; a body that is sent again is not encoded again.

    A device asked many times tells the same status: bodies are frozen, so the same one has the same
    bytes.
    """

    def __init__(self) -> None:
        """Nothing sent yet."""
        self._body: Body | None = None
        self._pairs = Pairs(0, b"")

    def encode(self, packet: Packet) -> bytes:
        """The packet as one frame, delimiters included."""
        header, body = packet
        if body is not self._body:
            self._body, self._pairs = body, encode_pairs(body)
        return encode_frame(body.code, join(encode_pairs(header), self._pairs))


class StreamDecoder:
    """Bytes in, packets out; frames that are damaged are only counted."""

    def __init__(self) -> None:
        """Start as if noise had come before."""
        self._frames = FrameDecoder()
        self.dropped = self._frames.dropped

    def feed(self, data: bytes) -> list[Packet | Malformed]:
        """Take what arrived; the packets it completes, and the sound frames that hold none."""
        return [
            decode_payload(frame.code, frame.payload)
            if frame.version == PROTOCOL_VERSION
            else Malformed(
                frame.code, None, Refusal.UNSUPPORTED, f"protocol version {frame.version}"
            )
            for frame in self._frames.feed(data)
        ]
