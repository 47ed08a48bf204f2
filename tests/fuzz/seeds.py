"""What fuzzing starts from: the golden vectors, the files of the repository, and earlier finds."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from hil.testing.steady import CONFIGURATION
from hil.testing.strategies import REFILL_AGAIN
from protocol import messages as m
from protocol.codec import encode_payload, to_json
from protocol.messages import Packet
from protocol.plain import type_name
from protocol.vocabulary import AlarmId
from protocol.wire import StreamDecoder, encode
from tests.fuzz import pump
from tests.vectors.make import MESSAGES_FILE

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


VISIT: Final = (
    m.BeginRefill(),
    m.CommitRefill(refill=REFILL_AGAIN),
    m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0),
    m.EndBolusAccess(injected_nl=1_000_000),
    m.WriteConfiguration(base_config_id=1, configuration=CONFIGURATION),
    m.SetClock(rtc_s=1_800_000_000),
    m.RunSelfTest(),
    m.PauseAudio(alarm=AlarmId.LOW_RESERVOIR, occurrence=1, duration_ms=60_000),
    m.AcknowledgeAlarm(alarm=AlarmId.LOW_RESERVOIR, occurrence=1),
    m.AbortRefill(),
    m.Explant(),
    m.Close(),
)
"""What a programmer sends in one session."""
SPOKEN: Final = (
    b"balance\nSI\r\nSR 1 g\r\nTA 12.5 g\r\nI0\r\n@\r\n",
    b"bath\nversion\rstatus\rin_pv_00\rout_sp_00 37.50\rout_mode_05 1\r",
    b"pressure\n*IDN?\nUNIT:PRES KPA\nSOUR:PRES:LEV:IMM:AMPL 20;:OUTP:STAT ON\nSYST:ERR?\n",
    b"supply\nVOLT 3.1,(@1);CURR 0.5\nOUTP ON\nMEAS:VOLT?;CURR?\n",
    b"daq\nMEAS:VOLT:DC? (@101:103,106)\nROUT:CLOS (@201)\nROUT:CLOS? (@201)\n",
)
"""What is said to the instruments, of docs/instruments.md."""


def seeds(target: str) -> dict[str, bytes]:
    """Inputs of a target, by name."""
    paths = [*(ROOT.glob(FILES[target]) if target in FILES else ()), *(CORPUS / target).glob("*")]
    found = {path.name: path.read_bytes() for path in sorted(paths)}
    if target in WRITTEN:
        visit = list(_visit())
        found |= {name: WRITTEN[target](packet) for name, packet in [*_golden(), *visit]}
    if target == "frames":
        found["a visit"] = b"".join(encode(packet) for _, packet in visit)
    if target == "instruments":
        found |= {str(number): data for number, data in enumerate(SPOKEN)}
    return found


def _golden() -> Iterator[tuple[str, Packet]]:
    for row in json.loads(MESSAGES_FILE.read_text(encoding="utf-8")):
        for packet in StreamDecoder().feed(bytes.fromhex(row["frame"])):
            assert isinstance(packet, Packet)
            yield row["name"], packet


def _visit() -> Iterator[tuple[str, Packet]]:
    """Each fits the session that a pump under test has open."""
    _, session = pump.awaiting()
    for number, body in enumerate(VISIT, 1):
        yield f"{type_name(type(body))} in a session", session.command(body, number, VALIDITY_MS)
