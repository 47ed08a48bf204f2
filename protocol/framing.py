"""Frames on a byte stream: COBS between zero bytes, with a version, a type and a CRC inside.

    00  COBS( version, type, payload …, CRC-32/ISO-HDLC little endian )  00

A zero stands before each frame as well as behind it, so that a frame ends whatever noise came
before. A frame that fails COBS, length or CRC is counted and dropped, never answered.
"""

import zlib
from dataclasses import dataclass
from typing import Final, NamedTuple

from cobs import cobs

from protocol.messages import PROTOCOL_VERSION

MAX_FRAME_BYTES: Final = 1_024
"""Largest frame between its delimiters."""
HEAD_BYTES: Final = 2
CRC_BYTES: Final = 4
MAX_PAYLOAD_BYTES: Final = MAX_FRAME_BYTES - HEAD_BYTES - CRC_BYTES - 5
"""COBS adds one byte, and one more for each 254."""
DELIMITER: Final = b"\0"


class Frame(NamedTuple):
    """What a sound frame held."""

    version: int
    code: int
    payload: bytes


class FrameTooLargeError(ValueError):
    """The message does not fit a frame."""


def encode_frame(code: int, payload: bytes) -> bytes:
    """A frame with its delimiters; FrameTooLargeError above the limit."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        message = f"{len(payload)} bytes do not fit a frame of {MAX_PAYLOAD_BYTES}"
        raise FrameTooLargeError(message)
    inside = bytes((PROTOCOL_VERSION, code)) + payload
    coded: bytes = cobs.encode(inside + crc_of(inside))
    return DELIMITER + coded + DELIMITER


def crc_of(inside: bytes) -> bytes:
    """CRC-32/ISO-HDLC, least significant byte first."""
    return zlib.crc32(inside).to_bytes(CRC_BYTES, "little")


@dataclass(slots=True)
class Dropped:
    """Why frames were dropped, and how often."""

    cobs: int = 0
    length: int = 0
    crc: int = 0


class FrameDecoder:
    """Bytes in, frames out. Linear in time, bounded in memory; never raises (COM-01)."""

    def __init__(self) -> None:
        """Start as if noise had come before: the first delimiter ends it."""
        self.dropped = Dropped()
        self._tail = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[Frame]:
        """Take what arrived, in pieces of any size; the sound frames it completes."""
        if DELIMITER not in data:
            self._keep(data)
            return []
        frames = []
        *complete, rest = (self._tail + data).split(DELIMITER)
        self._tail = b""
        for coded in complete:
            if self._overlong:
                self._overlong = False
                self.dropped.length += 1
            elif coded:
                frame = self._open(coded)
                if frame is not None:
                    frames.append(frame)
        self._keep(rest)
        return frames

    def _keep(self, rest: bytes) -> None:
        if self._overlong or len(self._tail) + len(rest) > MAX_FRAME_BYTES:
            self._overlong = True
            self._tail = b""
        else:
            self._tail += rest

    def _open(self, coded: bytes) -> Frame | None:
        if len(coded) > MAX_FRAME_BYTES:
            self.dropped.length += 1
            return None
        try:
            inside = cobs.decode(coded)
        except cobs.DecodeError:
            self.dropped.cobs += 1
            return None
        if len(inside) < HEAD_BYTES + CRC_BYTES:
            self.dropped.length += 1
            return None
        body = inside[:-CRC_BYTES]
        if crc_of(body) != inside[-CRC_BYTES:]:
            self.dropped.crc += 1
            return None
        return Frame(body[0], body[1], body[HEAD_BYTES:])
