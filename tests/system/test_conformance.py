"""The conformance kit against the daemon, over every transport, as people start it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from hil.rig import open_rig
from tests.system.conftest import Daemon, Mosquitto, Program, Serve, spawn

ONLY = {
    "tcp": ("--serial", "none", "--mqtt", "none"),
    "serial": ("--tcp", "none", "--mqtt", "none"),
    "mqtt": ("--serial", "none", "--tcp", "none"),
}
PATIENCE_S = 300


def conformance(*arguments: str) -> tuple[int, str]:
    """Exit code and what was printed."""
    program = Program(spawn(sys.executable, "-m", "hil", "conformance", *arguments))
    code = program.process.wait(PATIENCE_S)
    assert program.err.all() == ""
    return code, program.out.all()


def verdicts(path: Path) -> dict[str, dict[str, int]]:
    """For each section how many cases came out which way."""
    record: dict[str, Any] = json.loads(path.read_text())
    found: dict[str, dict[str, int]] = {}
    for case in record["cases"]:
        row = found.setdefault(case["section"], {})
        row[case["verdict"]] = row.get(case["verdict"], 0) + 1
    return found


@pytest.mark.parametrize("transport", ONLY)
def test_the_daemon_passes_in_virtual_time(serve: Serve, transport: str, tmp_path: Path) -> None:
    daemon = serve("--speed", "max", *ONLY[transport])
    uri, path = daemon.device()[transport], tmp_path / "record.json"
    code, text = conformance("--rig", uri, "--json", str(path))
    assert code == 0, text
    found = verdicts(path)
    assert {verdict for row in found.values() for verdict in row} == {"pass", "skip"}
    assert all(row["pass"] > row.get("skip", 0) for name, row in found.items() if name != "framing")
    assert "skipped: needs virtual time" not in text


def test_by_the_clock_on_the_wall_long_cases_are_skipped(serve: Serve, tmp_path: Path) -> None:
    daemon = serve(*ONLY["tcp"])
    uri, path = daemon.device()["tcp"].partition("?")[0], tmp_path / "record.json"
    code, text = conformance("--rig", uri, "--section", "refill", "--json", str(path))
    assert code == 0, text
    assert verdicts(path) == {"refill": {"pass": 17, "skip": 3}}
    assert "skipped: needs virtual time, or --patience: it waits 31 min" in text


def test_a_daemon_that_dies_in_mid_run_is_an_error_and_no_hang(serve: Serve) -> None:
    daemon = serve("--speed", "max", *ONLY["tcp"])
    arguments = ("conformance", "--rig", daemon.device()["tcp"], "--section", "alarms")
    program = Program(spawn(sys.executable, "-m", "hil", *arguments))
    program.out.wait_for(lambda line: "ALR-03" in line)
    daemon.kill()
    assert program.process.wait(PATIENCE_S) == 4
    text = program.out.all()
    assert "the rig did not come back within 15 s" in text
    assert "Traceback" not in program.err.all()


ALL_ARE_LIVE = """
import aiomqtt
aiomqtt.Message.retain = property(lambda _: False, lambda *_: None)
from pumpsim.cli import main
main()
"""
"""A pump whose client library does not tell what the broker had kept."""


@pytest.mark.parametrize("start", [("-m", "pumpsim"), ("-c", ALL_ARE_LIVE)])
@pytest.mark.parametrize(
    "broker", ["embedded", pytest.param("stock", marks=pytest.mark.needs_mosquitto)]
)
def test_a_pump_that_obeys_what_its_broker_kept_is_found(
    mosquitto: Mosquitto, tmp_path: Path, start: tuple[str, str], broker: str
) -> None:
    mosquitto.start()
    ready, path = tmp_path / "ready.json", tmp_path / "record.json"
    place = mosquitto.uri if broker == "stock" else broker
    options = ("--ready", str(ready), "--speed", "max", *ONLY["mqtt"], "--mqtt", place)
    daemon = Daemon(spawn(sys.executable, *start, "serve", *options), ready)
    code, text = conformance(
        "--rig", daemon.device()["mqtt"], "--case", "DLV-26", "--json", str(path)
    )
    daemon.finish()
    assert verdicts(path) == {"delivery": {"pass" if start[0] == "-m" else "fail": 1}}, text
    assert code == (0 if start[0] == "-m" else 1)


def test_a_supply_on_the_rig_cycles_the_power(serve: Serve, tmp_path: Path) -> None:
    """By the clock on the wall, with nothing of the emulator but an instrument on a line."""
    bench, rig, path = (tmp_path / name for name in ("bench.toml", "rig.toml", "record.json"))
    bench.write_text("")
    device = serve("--serial", "none", "--rig", str(bench)).device()
    supply = f'[supply]\ndriver = "scpi"\nport = "tcp://{device["instruments"]["supply"]["tcp"]}"\n'
    seen = {}
    for link, case in (("tcp", "RBT-01"), ("mqtt", "DLV-26")):
        rig.write_text(f'dut = "{device[link].partition("?")[0]}"\n{supply}')
        with open_rig(str(rig)) as opened:
            opened.instruments.supply.switch(on=True)
            opened.instruments.let_go("supply")  # from here on the pump lives on it
        conformance("--rig", str(rig), "--case", case, "--json", str(path))
        [row] = json.loads(path.read_text())["cases"]
        seen[case] = row["verdict"]
    # without supply an emulated pump stays on its broker: nothing is told to it again
    assert seen == {"RBT-01": "pass", "DLV-26": "inconclusive"}
