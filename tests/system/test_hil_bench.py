"""Bench scripts on real daemons and as real processes: interrupted, unplugged, gone on with."""

import json
import math
import shlex
import signal
import sys
from pathlib import Path

import pytest

from hil.errors import LinkError, RigError
from hil.record import Verdict
from tests.hil.bench.conftest import Bench, Later, PowerCut
from tests.hil.bench.test_resume import SHORT
from tests.system.conftest import Daemon, Program, Serve, spawn
from tests.system.talk import TIMEOUT_S

ONCE, READY = "done once", "the script waits"
WAITS = f"""
from dataclasses import dataclass
from hil.bench.script import Script

@dataclass(frozen=True)
class Parameters:
    pass

def play(run, p):
    run.step("once", lambda: print({ONCE!r}, flush=True))
    run.step("ready", lambda: print({READY!r}, flush=True))
    run.wait("wait", 2 * 365 * 86_400 * 10**9)
    run.measure("there", 1.0, "mL", low=0.0)

SCRIPT = Script("waits", "It waits", Parameters, play, lambda p: 1)
"""
GOES_ON = WAITS.replace("2 * 365", "1")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "run")


def test_the_same_script_means_the_same_over_a_link(demo: Daemon, bench: Bench) -> None:
    """And to the same numbers as in process: the same pump, the same seed, the same instruments."""
    remote = bench.run("flow-accuracy", SHORT, uri=demo.device()["tcp"])
    local = Bench(bench.folder / "local").run("flow-accuracy", SHORT)
    assert remote.verdict is Verdict.PASS
    assert remote.measurements == local.measurements
    assert remote.figures == local.figures


@pytest.mark.parametrize("error", [KeyboardInterrupt, PowerCut])
def test_on_a_rig_that_lives_on_a_run_goes_on_in_another_piece(
    demo: Daemon, bench: Bench, error: type[BaseException]
) -> None:
    uri = demo.device()["tcp"]
    with pytest.raises(BaseException, match=r"^(interrupted)?$"):
        bench.run("flow-accuracy", SHORT, uri=uri, progress=Later(6, error))
    demo.run_for("5 h")  # nobody holds bath and outlet meanwhile
    record = bench.run("flow-accuracy", uri=uri, resume=True)
    assert record.verdict is Verdict.PASS
    samples = [
        entry
        for entry in map(json.loads, (bench.folder / "journal.jsonl").read_text().splitlines())
        if entry["kind"] == "sample"
    ]
    assert [entry["number"] for entry in samples] == list(range(13))
    assert {entry["piece"] for entry in samples} == {0, 1}
    assert any(note.startswith("interrupted 1 times: bath and outlet") for note in record.notes)
    *_, flow, _ = record.figures
    *steps, _ = flow.series[0].y  # the last one where it ends
    gap = steps.index(next(y for y in steps if math.isnan(y)))
    found = [y for y in steps if not math.isnan(y)]
    assert len(found) == 11  # and none across the gap
    assert flow.series[0].x[gap + 1] > flow.series[0].x[gap] + 5 / 24
    assert 1.2 < min(found) <= max(found) < 1.4  # at 37 degC


def test_a_reboot_meanwhile_is_told(demo: Daemon, bench: Bench) -> None:
    uri = demo.device()["tcp"]
    with pytest.raises(PowerCut):
        bench.run("flow-accuracy", SHORT, uri=uri, progress=Later(6, PowerCut))
    demo.stimulate(kind="power_cycle")
    record = bench.run("flow-accuracy", uri=uri, resume=True)
    assert "the device rebooted: boot 1, now 2" in record.notes


def test_another_device_in_its_place_does_not_go_on(serve: Serve, bench: Bench) -> None:
    options = ("--mqtt", "none", "--serial", "none", "--speed", "max")
    first = serve(*options)
    uri = first.device()["tcp"]
    with pytest.raises(PowerCut):
        bench.run("flow-accuracy", SHORT, uri=uri, progress=Later(6, PowerCut))
    first.kill()
    places = ("--tcp", uri.split("/")[2].split("?")[0], "--control", first.ready["control"][7:])
    pump = bench.folder / "other.toml"
    text = Path("pumpsim/demo.toml").read_text()
    pump.write_text(text.replace('nominal_flow = "1.3', 'nominal_flow = "1.5'))
    serve(*options, *places, str(pump))
    with pytest.raises(RigError, match="this run cannot go on: configuration is"):
        bench.run("flow-accuracy", uri=uri, resume=True)


def test_an_emulator_that_was_started_anew_is_not_the_pump_of_before(
    serve: Serve, bench: Bench
) -> None:
    options = ("--mqtt", "none", "--serial", "none", "--speed", "max")
    first = serve(*options)
    uri = first.device()["tcp"]
    with pytest.raises(PowerCut):
        bench.run("flow-accuracy", SHORT, uri=uri, progress=Later(6, PowerCut))
    first.kill()
    places = ("--tcp", uri.split("/")[2].split("?")[0], "--control", first.ready["control"][7:])
    serve(*options, *places)
    with pytest.raises(RigError, match=r"device time is 0\.00 d, and was 0\.\d+ d: was its emul"):
        bench.run("flow-accuracy", uri=uri, resume=True)


def test_a_daemon_that_dies_in_mid_run_is_an_error_and_no_hang(serve: Serve, bench: Bench) -> None:
    daemon = serve("--mqtt", "none", "--serial", "none", "--speed", "max")

    def kill(_what: str, elapsed_ns: int) -> None:
        if elapsed_ns > 4 * 3_600 * 10**9:
            daemon.kill()

    record = bench.run("flow-accuracy", SHORT, uri=daemon.device()["tcp"], progress=kill)
    assert record.verdict is Verdict.ERROR
    assert "control API" in record.why
    unsafe = [note.split(": ")[1] for note in record.notes if note.startswith("not safe: ")]
    assert unsafe == ["the bath was not stopped", "the outlet was not vented"]
    with pytest.raises(LinkError):
        bench.run("flow-accuracy", uri=daemon.device()["tcp"], resume=True)


def test_faults_are_tried_over_a_link_each_on_the_pump_put_back(demo: Daemon, bench: Bench) -> None:
    faults = {"faults": "restrictor_broken, power_cycles, pocket_fill"}
    remote = bench.run("alarm-latency", faults, uri=demo.device()["tcp"])
    local = Bench(bench.folder / "local").run("alarm-latency", faults)
    assert remote.verdict is Verdict.PASS, (remote.why, remote.cases)
    assert [case.seen for case in remote.cases] == [case.seen for case in local.cases]


def hil(*arguments: str) -> Program:
    return Program(spawn(sys.executable, "-m", "hil", "bench", *arguments))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ended_it_is_safe_and_tells_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    script, folder = tmp_path / "waits.py", tmp_path / "run"
    script.write_text(WAITS)
    program = hil(str(script), "--rig", "sim:", "--out", str(folder))
    program.out.wait_for(lambda line: line == READY)
    assert program.end(number, within_s=TIMEOUT_S) == 130
    line = program.err.all()
    assert line.startswith("interrupted; go on with: hil bench ")
    script.write_text(GOES_ON)
    again = hil(*shlex.split(line.split(": ", 1)[1])[2:])
    assert again.process.wait(TIMEOUT_S) == 0, (line, again.err.all())
    assert ONCE not in again.out.all()


def test_killed_it_goes_on_all_the_same(tmp_path: Path) -> None:
    script, folder = tmp_path / "waits.py", tmp_path / "run"
    script.write_text(WAITS)
    program = hil(str(script), "--rig", "sim:", "--out", str(folder))
    program.out.wait_for(lambda line: line == READY)
    program.kill()
    script.write_text(GOES_ON)
    again = hil(str(script), "--rig", "sim:", "--out", str(folder), "--resume")
    assert again.process.wait(TIMEOUT_S) == 0
    told = again.out.all()
    assert "PASS          there" in told
    assert ONCE not in told
