"""A reader written from docs/protocol.md alone, without the libraries of the first.

The golden vectors were made by the code they test; here another implementation reads them.
"""

import json
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

from protocol.messages import MESSAGES, Part, header_type
from protocol.plain import TYPE_NAMES
from protocol.schema import Shape, fields

VECTORS = Path(__file__).parents[1] / "vectors" / "messages.json"
ROWS: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))
BY_TYPE = {message.code: message for message in MESSAGES}


def unstuffed(coded: bytes) -> bytes:
    out, at = bytearray(), 0
    while at < len(coded):
        block = coded[at]
        out += coded[at + 1 : at + block]
        at += block
        if block < 0xFF and at < len(coded):
            out.append(0)
    return bytes(out)


def crc_32(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Reader:
    """CBOR of the five types that are used."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, count: int) -> bytes:
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def value(self) -> Any:
        head = self.take(1)[0]
        if head in (0xF4, 0xF5):
            return head == 0xF5
        kind, argument = head >> 5, head & 31
        if argument >= 24:
            argument = int.from_bytes(self.take(1 << (argument - 24)), "big")
        if kind < 2:
            return -1 - argument if kind else argument
        if kind == 3:
            return self.take(argument).decode()
        if kind == 4:
            return [self.value() for _ in range(argument)]
        assert kind == 5
        return {self.value(): self.value() for _ in range(argument)}


def named(part: type[Part], content: dict[int, Any]) -> dict[str, Any]:
    """The keys of the tables replaced by their names."""
    return {
        field.name: worded(field.shape, content[field.key]) if field.key in content else None
        for field in fields(part)
    }


def worded(shape: Shape, value: Any) -> Any:
    if shape.item is not None:
        return [worded(shape.item, item) for item in value]
    if issubclass(shape.kind, Part):
        return named(shape.kind, value)
    return shape.kind(value).name.lower() if issubclass(shape.kind, IntEnum) else value


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_second_reader_reads_the_same(row: dict[str, Any]) -> None:
    frame = bytes.fromhex(row["frame"])
    assert frame[0] == frame[-1] == 0
    assert 0 not in frame[1:-1]
    inside = unstuffed(frame[1:-1])
    assert crc_32(inside[:-4]) == int.from_bytes(inside[-4:], "little")
    version, code, payload = inside[0], inside[1], inside[2:-4]
    assert version == 1
    reader = Reader(payload)
    content = reader.value()
    assert reader.rest == b""
    body = BY_TYPE[code]
    found = {
        "type": TYPE_NAMES[body],
        **named(header_type(body), content),
        **named(body, content),
    }
    assert found == row["json"]
