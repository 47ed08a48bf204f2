"""Golden vectors: the wire as it was pinned. See tests/vectors/make.py."""

import json
from pathlib import Path
from typing import Any

import pytest

from protocol.codec import from_json, to_json
from protocol.control import Readings
from protocol.messages import MESSAGES, Packet, ReadingsPart
from protocol.plain import TYPE_NAMES
from protocol.schema import declarations, fields, schema_hash
from protocol.wire import StreamDecoder, encode

VECTORS = Path(__file__).parents[1] / "vectors"
ROWS: list[dict[str, Any]] = json.loads((VECTORS / "messages.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_vector_means_the_same_in_both_encodings(row: dict[str, Any]) -> None:
    frame = bytes.fromhex(row["frame"])
    (packet,) = StreamDecoder().feed(frame)
    assert isinstance(packet, Packet)
    assert from_json(json.dumps(row["json"])) == packet
    assert encode(packet) == frame
    assert json.loads(to_json(packet)) == row["json"]


def test_every_message_has_its_vectors() -> None:
    names = {row["name"] for row in ROWS}
    sizes = ("smallest", "distinct", "largest")
    assert names == {f"{TYPE_NAMES[message]} {size}" for message in MESSAGES for size in sizes}


def test_the_schema_is_the_pinned_one() -> None:
    """Fails with the lines that changed: a change of the wire is to be made knowingly."""
    pinned = json.loads((VECTORS / "schema.json").read_text(encoding="utf-8"))
    assert declarations() == pinned["declarations"]
    assert schema_hash() == pinned["schema_hash"]


def test_readings_in_process_equal_the_message() -> None:
    declared = fields(ReadingsPart)
    assert Readings._fields == tuple(field.name for field in declared)
    for field, annotation in zip(declared, Readings.__annotations__.values(), strict=True):
        kind = field.shape.kind
        assert annotation == (kind | None if field.shape.optional else kind)
