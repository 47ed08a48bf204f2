"""Bytes that no codec would write: frames with anything in them, and what stands in a payload."""

import json
from typing import Any, Final

import cbor2
from cobs import cobs

from protocol import messages as m
from protocol.codec import encode_payload
from protocol.framing import CRC_BYTES, DELIMITER, HEAD_BYTES, MAX_FRAME_BYTES, crc_of

IDENTIFY: Final = m.Identify.code
READ_LOG: Final = m.ReadLog.code
NO_MESSAGE: Final = 0x3F
"""A type for requests that none has."""


def frame(code: int, payload: bytes, version: int = m.PROTOCOL_VERSION) -> bytes:
    """A sound frame around any payload."""
    inside = bytes((version, code)) + payload
    return sealed(inside + crc_of(inside))


def sealed(inside: bytes) -> bytes:
    """COBS and delimiters around anything."""
    coded: bytes = cobs.encode(inside)
    return DELIMITER + coded + DELIMITER


def plain_frame(packet: m.Packet) -> bytes:
    """A packet as it should be."""
    return frame(packet.body.code, encode_payload(packet))


def damaged(packet: m.Packet) -> bytes:
    """A packet whose CRC does not fit."""
    inside = bytes((m.PROTOCOL_VERSION, packet.body.code)) + encode_payload(packet)
    wrong = bytes(byte ^ 0x5A for byte in crc_of(inside))
    return sealed(inside + wrong)


def largest(request_id: int) -> bytes:
    """A sound frame of exactly the largest size, whose map has a key no request has."""
    room = MAX_FRAME_BYTES - 1 - MAX_FRAME_BYTES // 254 - HEAD_BYTES - CRC_BYTES
    for filler in range(room, 0, -1):
        data = frame(IDENTIFY, cbor({0: request_id, 9: "x" * filler}))
        if len(data) - 2 == MAX_FRAME_BYTES:
            return data
    raise AssertionError("no filler makes a frame of that size")


def cbor(content: dict[Any, Any]) -> bytes:
    """A map in the order given."""
    coded: bytes = cbor2.dumps(content)
    return coded


def number(value: int) -> bytes:
    """An integer in its shortest form."""
    coded: bytes = cbor2.dumps(value)
    return coded


def with_words(text: str, name: str, changes: dict[str, Any]) -> bytes:
    """A JSON message in which a nested object has other values."""
    content = json.loads(text)
    content[name] |= changes
    return json.dumps(content).encode()
