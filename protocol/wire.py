"""Packets on a byte stream: the codec inside frames, with what went wrong told apart."""

from protocol.codec import Malformed, decode_payload, encode_payload
from protocol.framing import FrameDecoder, encode_frame
from protocol.messages import PROTOCOL_VERSION, Packet
from protocol.vocabulary import Refusal


def encode(packet: Packet) -> bytes:
    """The packet as one frame, delimiters included."""
    return encode_frame(packet.body.code, encode_payload(packet))


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
