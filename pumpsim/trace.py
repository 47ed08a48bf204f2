"""Traces: everything that crossed a boundary of a device, in order, and a hash over all of it.

The format stands in docs/trace.md. The hash is made on the way, with or without a file: samples,
which are most of a run, enter it as packed integers, all other records as their line of text.
Wall time has no part in either, so that one seed has one hash, whatever platform or pace.
"""

import errno
import json
import os
import struct
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TextIO

from protocol.codec import to_json
from protocol.control import Outcome, Readings
from protocol.messages import Packet
from protocol.plain import to_plain, type_name
from protocol.schema import schema_hash
from protocol.vocabulary import ResetCause
from pumpsim.comparison import compare, in_words
from pumpsim.device import SAMPLE_NS, Device

SCHEMA: Final = 3
SAMPLE_MARK: Final = 0
"""The byte before a packed sample; lines of text never begin with it."""
NOTHING: Final = -(2**63)
"""A missing reading, packed."""
_PACK: Final = struct.Struct("<B12q").pack
INCOMPLETE: Final = ".incomplete"


class Trace:
    """A `Tap` that hashes records and, where there is a sink, writes them down."""

    def __init__(self, sink: "TraceFile | None" = None) -> None:
        """Nothing recorded yet: `begin` comes first."""
        self._hash = sha256()
        self._sink = sink
        self._device: Device | None = None
        self.samples = 0

    def begin(self, device: Device, scenario: str) -> None:
        """The header: what the run was made of."""
        self._device = device
        content = device.pump.model_dump_json().encode()
        self._record(
            "header",
            schema=SCHEMA,
            version=version("pumpsim"),
            scenario=scenario,
            device=device.id,
            seed=device.seed,
            logic=device.firmware_name(),
            pump_sha256=sha256(content).hexdigest(),
            protocol_schema_hash=schema_hash(),
            sample_ns=SAMPLE_NS,
        )

    def end(self) -> str:
        """The last truth, then the hash over all records, in hex; the file is complete now."""
        if self._device is not None:
            self.hour(self._device.now_ns)
        digest = self._hash.hexdigest()
        if self._sink is not None:
            self._sink.finish(_line("end", samples=self.samples, sha256=digest))
        return digest

    def booted(self, now_ns: int, cause: ResetCause, boot_id: int) -> None:
        """A life of the device began."""
        self._record("boot", at_ns=now_ns, cause=cause.name.lower(), boot_id=boot_id)

    def sampled(self, now_ns: int, ticks: int, readings: Readings) -> None:
        """The sensors were read: the hot path."""
        self.samples += 1
        try:
            self._hash.update(_PACK(SAMPLE_MARK, now_ns, ticks, *readings))
        except struct.error:  # a reading is missing
            self._hash.update(pack_sample(now_ns, ticks, readings))
        if self._sink is not None:
            row = json.dumps(readings, separators=(",", ":"))
            line = f'{{"record":"sample","at_ns":{now_ns},"ticks":{ticks},"readings":{row}}}\n'
            self._sink.write(line)

    def decided(self, now_ns: int, ticks: int, outcome: Outcome) -> None:
        """The logic said something; what it left out is left out here."""
        fields: dict[str, Any] = {}
        if outcome.reply is not None:
            fields["reply"] = {"type": type_name(type(outcome.reply)), **to_plain(outcome.reply)}
        if outcome.actuation is not None:
            fields["actuation"] = in_words(outcome.actuation)
        if outcome.events:
            numbered = (event._replace(subject=int(event.subject)) for event in outcome.events)
            fields["events"] = [in_words(event) for event in numbered]
        if outcome.alarms:
            fields["alarms"] = [to_plain(alarm) for alarm in outcome.alarms]
        if outcome.beliefs is not None:
            fields["beliefs"] = in_words(outcome.beliefs)
        self._record("decision", at_ns=now_ns, ticks=ticks, **fields)

    def received(self, now_ns: int, link: str, packet: Packet) -> None:
        """A packet came in."""
        self._record("received", at_ns=now_ns, link=link, packet=json.loads(to_json(packet)))

    def sent(self, now_ns: int, link: str, packet: Packet) -> None:
        """A packet went out."""
        self._record("sent", at_ns=now_ns, link=link, packet=json.loads(to_json(packet)))

    def stimulated(self, now_ns: int, stimulus: Any) -> None:
        """The laboratory or the patient's life acted."""
        self._record("stimulus", at_ns=now_ns, stimulus=stimulus.model_dump(mode="json"))

    def effect(self, at_ns: int, fault: int, name: str) -> None:
        """The fault of that number took effect."""
        self._record("effect", at_ns=at_ns, fault=fault, name=name)

    def hour(self, now_ns: int) -> None:
        """Truth beside belief, the rows of `compare`; without a `begin` there is none."""
        device = self._device
        if device is None:
            return
        rows, beliefs = compare(device), device.beliefs
        alarms = None if beliefs is None else in_words(beliefs.alarms)
        causes = None if beliefs is None else in_words(beliefs.causes)
        self._record("truth", at_ns=now_ns, **rows, alarms=alarms, causes=causes)

    def _record(self, record: str, **fields: Any) -> None:
        line = _line(record, **fields)
        self._hash.update(line.encode())
        if self._sink is not None:
            self._sink.write(line)


def _open(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="\n")


class TraceFile:
    """A file that has its name only once it is complete. A disk that fails ends it, not the run."""

    def __init__(self, path: Path, opened: Callable[[Path], TextIO] = _open) -> None:
        """Open it beside its place, or as `opened` does; OSError when that cannot be."""
        self.path = path
        self.partial = path.with_name(path.name + INCOMPLETE)
        self.error: OSError | None = None
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        self._file = opened(self.partial)

    def write(self, line: str) -> None:
        """Add a line, unless the file has failed before."""
        if self.error is not None:
            return
        try:
            self._file.write(line)
        except OSError as error:
            self.error = error

    def finish(self, line: str) -> None:
        """Add the last line and give the file its name; a failed one keeps its partial name."""
        self.write(line)
        self.close()
        if self.error is None:
            try:
                self.partial.replace(self.path)
            except OSError as error:
                self.error = error

    def close(self) -> None:
        """Write no more. What is there keeps its partial name."""
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or error


def pack_sample(now_ns: int, ticks: int, readings: Readings) -> bytes:
    """A sample as it enters the hash: a mark and twelve little-endian 64-bit integers."""
    row = (NOTHING if reading is None else reading for reading in readings)
    return _PACK(SAMPLE_MARK, now_ns, ticks, *row)


def verify(path: Path) -> str:
    """The hash of a trace file, made again; ValueError when it is not the one the file tells."""
    digest = sha256()
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            row = json.loads(line)
            if row["record"] == "end":
                if row["sha256"] == digest.hexdigest() and not file.readline():
                    return digest.hexdigest()
                break
            if row["record"] == "sample":
                readings = Readings(*row["readings"])
                digest.update(pack_sample(row["at_ns"], row["ticks"], readings))
            else:
                digest.update(line.encode())
    message = f"{path}: is cut short or was changed: its records do not give its hash"
    raise ValueError(message)


def _line(record: str, **fields: Any) -> str:
    content = {"record": record, **fields}
    return json.dumps(content, separators=(",", ":"), ensure_ascii=True, allow_nan=False) + "\n"
