"""Traces: one seed, one hash, however a run is sliced, written down or watched."""

import errno
import io
import json
from pathlib import Path
from typing import TextIO

import pytest

from protocol.control import Readings
from pumpsim.scenario import file as scenarios
from pumpsim.scenario.file import DAY
from pumpsim.scenario.play import Run
from pumpsim.stimuli import ADAPTER, HOUR, MINUTE
from pumpsim.trace import NOTHING, Trace, TraceFile, pack_sample, verify

pytestmark = pytest.mark.slow

TEXT = """
[scenario]
name = "short"
length = "2 d"
[fill.F]
volume = "20 mL"
[[event]]
at = "7 h"
do = "sensor_fault"
channel = "battery_mv"
missing = true
[[event]]
at = "1 d"
do = "refill"
fill = "F"
reason = "other"
"""


def prepare(tmp_path: Path, sink: TraceFile | None = None, seed: int | None = None) -> Run:
    path = tmp_path / "short.toml"
    path.write_text(TEXT)
    return Run.prepare(scenarios.load(path), seed, Trace(sink))


def digest(run: Run) -> str:
    run.play()
    return run.watch.trace.end()


def test_the_hash_is_the_same_with_a_file_and_without(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    written = digest(prepare(tmp_path, TraceFile(path)))
    assert written == digest(prepare(tmp_path))
    assert written == verify(path)


def test_the_hash_does_not_depend_on_how_time_is_sliced(tmp_path: Path) -> None:
    whole, sliced = prepare(tmp_path), prepare(tmp_path)
    at_ns = 0
    while at_ns < 7 * HOUR:
        sliced.device.advance(at_ns)
        at_ns += 7 * MINUTE + 13_000_000_007
    assert digest(sliced) == digest(whole)


def test_another_seed_has_another_hash(tmp_path: Path) -> None:
    assert digest(prepare(tmp_path, seed=2)) != digest(prepare(tmp_path, seed=3))


def test_a_single_reading_that_differs_shows_in_the_hash(tmp_path: Path) -> None:
    whole, other = prepare(tmp_path), prepare(tmp_path)
    other.device.advance(47 * HOUR)
    assert other.device.readings is not None
    readings = other.device.readings
    other.watch.trace.sampled(0, 0, readings._replace(battery_mv=1))
    whole.device.advance(47 * HOUR)
    whole.watch.trace.sampled(0, 0, readings._replace(battery_mv=2))
    assert whole.watch.trace.end() != other.watch.trace.end()


def test_a_missing_reading_is_not_a_zero() -> None:
    row = Readings(1, 2, 3, 4, 5, 6, 7, None, 9, rtc_valid=True)
    assert pack_sample(0, 0, row) != pack_sample(0, 0, row._replace(battery_mv=0))
    assert NOTHING.to_bytes(8, "little", signed=True) in pack_sample(0, 0, row)
    assert len(pack_sample(0, 0, row)) == 1 + 12 * 8


def test_a_file_holds_everything_that_crossed_a_boundary(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    digest(prepare(tmp_path, TraceFile(path)))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    kinds = [row["record"] for row in rows]
    assert kinds[0] == "header"
    assert kinds[-1] == "end"
    assert kinds.count("sample") == rows[-1]["samples"] == 2 * 24 * 60 + 1
    assert (rows[0]["logic"], rows[0]["seed"]) == ("reference 0.1", 1)
    stimuli = [row["stimulus"] for row in rows if row["record"] == "stimulus"]
    assert [s["kind"] for s in stimuli] == ["sensor_fault", "withdraw", "fill"]
    assert ADAPTER.validate_python(stimuli[2]).volume == 20_000_000
    sent = [row["packet"]["type"] for row in rows if row["record"] == "received"]
    assert sent == [
        "open", "get_status", "begin_refill", "read_configuration", "commit_refill", "close",
    ]  # fmt: skip
    assert {"boot", "decision", "sent"} < set(kinds)
    events = [e for row in rows if row["record"] == "decision" for e in row.get("events", [])]
    assert "refill_committed" in {event["kind"] for event in events}
    instants = [row["at_ns"] for row in rows[1:-1]]
    assert instants == sorted(instants)
    assert instants[-1] == 2 * DAY


def test_truth_stands_beside_belief_every_hour_and_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    run = prepare(tmp_path, TraceFile(path))
    digest(run)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    truths = [row for row in rows if row["record"] == "truth"]
    assert [row["at_ns"] for row in truths] == [*(h * HOUR for h in range(49)), 2 * DAY]
    assert rows[-2] == truths[-1]
    for row in truths[1:]:
        for name in ("flow_nl_per_h", "residual_nl"):
            interval = row[name]
            assert interval["low"] <= interval["truth"] <= interval["high"]
            assert interval["difference"] == interval["belief"] - interval["truth"]
        assert abs(row["delivered_nl"]["difference"]) < 50_000
        assert row["doses_ng"]["FUDR"]["truth"] == pytest.approx(
            row["doses_ng"]["FUDR"]["belief"], rel=0.03, abs=100_000
        )
    last, ledger, beliefs = truths[-1], run.device.plant.ledger, run.device.beliefs
    assert beliefs is not None
    assert last["residual_nl"]["truth"] == ledger.reservoir_fl // 10**6
    assert last["doses_ng"]["FUDR"]["truth"] == ledger.doses_ng()["FUDR"]
    assert last["delivered_nl"]["belief"] == beliefs.delivered_total_nl
    assert last["counted_ms"]["truth"] == 2 * DAY // 10**6
    assert (truths[7]["alarms"], truths[8]["alarms"]) == ([], ["sensor_fault"])
    assert truths[8]["causes"] == ["battery_sensor"]


def test_a_changed_or_shortened_file_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    digest(prepare(tmp_path, TraceFile(path)))
    content = path.read_text()
    sample = next(line for line in content.splitlines() if '"sample"' in line)
    reading = json.loads(sample)["readings"][1]
    for broken in (
        content.replace(str(reading), str(reading + 25), 1),
        content[: len(content) // 2].rpartition("\n")[0] + "\n",
        content + '{"record":"sample"}\n',
    ):
        path.write_text(broken)
        with pytest.raises(ValueError, match="cut short or was changed"):
            verify(path)


class FullDisk(io.StringIO):
    """A file on a disk with room for so many characters."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def write(self, text: str) -> int:
        self._room -= len(text)
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_a_full_disk_ends_the_trace_and_not_the_run(tmp_path: Path) -> None:
    sound = digest(prepare(tmp_path))
    path = tmp_path / "t.jsonl"
    disk: TextIO = FullDisk(100_000)
    sink = TraceFile(path, lambda _: disk)
    assert digest(prepare(tmp_path, sink)) == sound
    assert sink.error is not None
    assert sink.error.errno == errno.ENOSPC
    assert not path.exists()


def test_a_file_has_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    run = prepare(tmp_path, TraceFile(path))
    run.device.advance(HOUR)
    assert not path.exists()
    assert (tmp_path / "t.jsonl.incomplete").exists()
    digest(run)
    assert path.exists()
    assert not (tmp_path / "t.jsonl.incomplete").exists()
