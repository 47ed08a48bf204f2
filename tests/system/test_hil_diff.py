"""`hil diff` between the pump in process and a daemon over TCP, in remote virtual time."""

from pathlib import Path

import pytest

from hil.differential.command import compare, plan
from hil.errors import LocalError
from hil.record import Record, Verdict
from tests.system.conftest import Daemon, Serve

HOUR_NS = 3_600 * 10**9
LIFE = """
[scenario]
name = "three-days"
length = "3 d"

[fill.FUDR]
drug = "FUDR"
concentration = "6.46 mg/mL"
volume = "28 mL"

[[event]]
at = "6 h"
do = "fever"
rise = "1 K"

[[event]]
at = "1 d"
time = 09:00:00
do = "refill"
fill = "FUDR"
reason = "drug_change"

[[event]]
at = "2 d"
do = "power_cycle"
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "three-days.toml"
    path.write_text(LIFE)
    return path


def diff(a: str, b: str, path: Path) -> Record:
    return compare(plan((a, b), path, ["all=0"], HOUR_NS), lambda _now, _length: None)


def test_a_daemon_does_to_the_bit_what_the_pump_in_process_does(
    demo: Daemon, scenario: Path
) -> None:
    record = diff("sim:", demo.device()["tcp"], scenario)
    assert record.why == ""
    assert record.verdict is Verdict.PASS
    assert len(record.cases) > 15
    samples = next(one for one in record.cases if one.title == "reading_temperature_mk")
    assert samples.seen.startswith("4320 compared")


def test_a_daemon_that_is_ahead_is_waited_for(demo: Daemon, scenario: Path) -> None:
    demo.run_for("90 min")
    scenario.write_text('[scenario]\nname = "short"\nlength = "4 h"\n')
    record = diff(demo.device()["tcp"], "sim:", scenario)
    assert record.verdict is Verdict.PASS, record.why


def test_a_daemon_that_runs_by_itself_is_an_error_of_the_rig(serve: Serve, scenario: Path) -> None:
    daemon = serve("--mqtt", "none", "--serial", "none", "--speed", "1000")
    record = diff("sim:", daemon.device()["tcp"], scenario)
    assert record.verdict is Verdict.ERROR
    assert "runs on by itself: serve it with --speed max" in record.why


def test_a_daemon_that_dies_on_the_way_is_an_error_of_the_rig(serve: Serve, scenario: Path) -> None:
    daemon = serve("--mqtt", "none", "--serial", "none", "--speed", "max")
    planned = plan(("sim:", daemon.device()["tcp"]), scenario, [], HOUR_NS)

    def kill(now_ns: int, _length_ns: int) -> None:
        if now_ns == 5 * HOUR_NS:
            daemon.kill()

    record = compare(planned, kill)
    assert record.verdict is Verdict.ERROR
    assert record.why
    assert any(one.title == "reading_battery_mv" for one in record.cases)


def test_a_rig_without_a_laboratory_is_refused(demo: Daemon, scenario: Path) -> None:
    uri = demo.device()["tcp"].partition("?")[0]
    with pytest.raises(LocalError, match=r"has no laboratory .*append \?control=URL"):
        diff("sim:", uri, scenario)
