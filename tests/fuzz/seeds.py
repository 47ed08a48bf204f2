"""What fuzzing starts from: the golden vectors, the files of the repository, and earlier finds."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from hil.testing.strategies import made
from protocol import messages as m
from protocol.codec import encode_payload, to_json
from protocol.messages import MESSAGES, Packet
from protocol.wire import StreamDecoder, encode
from tests.fuzz import pump
from tests.vectors.make import MESSAGES_FILE, Distinct

ROOT: Final = Path(__file__).parents[2]
CORPUS: Final = Path(__file__).parent / "corpus"
"""Finds, a folder for each target, each of something that once did not hold."""
VALIDITY_MS: Final = 60_000
FILES: Final = {
    "pump_file": "pumps/*.toml",
    "scenario_file": "scenarios/*.toml",
    "bench_file": "examples/bench*.toml",
    "chaos_file": "examples/chaos*.toml",
    "rig_file": "examples/rig*.toml",
}
WRITTEN: Final[dict[str, Callable[[Packet], bytes]]] = {
    "frames": encode,
    "cbor": lambda packet: bytes([packet.body.code]) + encode_payload(packet),
    "json": lambda packet: to_json(packet).encode(),
    "mqtt": lambda packet: b"alice\n" + to_json(packet).encode(),
}


def seeds(target: str) -> dict[str, bytes]:
    """Inputs of a target, by name."""
    paths = [*(ROOT.glob(FILES[target]) if target in FILES else ()), *(CORPUS / target).glob("*")]
    found = {path.name: path.read_bytes() for path in sorted(paths)}
    if target in WRITTEN:
        found |= {name: WRITTEN[target](packet) for name, packet in _packets()}
    return found


def _packets() -> Iterator[tuple[str, Packet]]:
    """The golden vectors; then every command of a session that is open, so that it is admitted."""
    for row in json.loads(MESSAGES_FILE.read_text(encoding="utf-8")):
        for packet in StreamDecoder().feed(bytes.fromhex(row["frame"])):
            assert isinstance(packet, Packet)
            yield row["name"], packet
    _, session = pump.awaiting()
    for number, body in enumerate(MESSAGES, 1):
        if issubclass(body, m.Command):
            packet = session.command(made(body, Distinct()), number, VALIDITY_MS)
            yield f"{body.__name__} in a session", packet
