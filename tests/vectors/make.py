"""Writes the golden vectors: `python -m tests.vectors.make --write`.

They were made once and are pinned: a change of them is a change of the wire, of the files that
people write, or of the control API, to be made knowingly.
Every message stands in them three times: at its smallest, at its largest, and with each field at a
value of its own.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from hil.testing.strategies import largest, made, smallest
from protocol.codec import to_json
from protocol.messages import MESSAGES, Body, Packet, header_type
from protocol.plain import type_name
from protocol.schema import Shape, declarations, schema_hash
from protocol.wire import encode
from tests.vectors.bounds import bounds

HERE = Path(__file__).parent
MESSAGES_FILE = HERE / "messages.json"
SCHEMA_FILE = HERE / "schema.json"
BOUNDS_FILE = HERE / "bounds.json"


class Distinct:
    """Picks another value for each field, within its bounds."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, shape: Shape) -> Any:
        self._count += 1
        low, high = shape.low or 0, shape.high or 0
        if shape.kind is str:
            return f"text {self._count}"
        span = high - low
        return low + 7**self._count % (span + 1)


def distinct(body: type[Body]) -> Packet:
    """A packet that shows fields that were mixed up."""
    pick = Distinct()
    return Packet(made(header_type(body), pick), made(body, pick))


def messages() -> list[dict[str, Any]]:
    """Every message three times, as JSON and as a frame."""
    rows = []
    for body in MESSAGES:
        for size, make in (("smallest", smallest), ("distinct", distinct), ("largest", largest)):
            packet = make(body)
            rows.append(
                {
                    "name": f"{type_name(body)} {size}",
                    "json": json.loads(to_json(packet)),
                    "frame": encode(packet).hex(),
                }
            )
    return rows


def schema() -> dict[str, Any]:
    """The hash, and the lines it covers."""
    return {"schema_hash": schema_hash(), "declarations": declarations()}


def main() -> None:
    """Write the files, when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", required=True)
    parser.parse_args()
    MESSAGES_FILE.write_text(json.dumps(messages(), indent=1) + "\n", encoding="utf-8")
    SCHEMA_FILE.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")
    BOUNDS_FILE.write_text(json.dumps(bounds(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
