"""Control logic on instruments alone: sensors and a relay of an emulated unit, over its lines."""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from hil.control import Controller, SounderNote
from hil.errors import BenchError
from hil.rig import Rig, open_rig
from protocol.vocabulary import AlarmId, Priority, Sounder
from pumpsim.firmware import ReferenceLogic
from tests.hil.test_control import Seen
from tests.system.conftest import Daemon, Serve
from tests.system.talk import TIMEOUT_S

TOP = Path(__file__).parents[2]
HIL = str(Path(sys.executable).parent / "hil")
HOUR_NS = 3_600 * 10**9
MINUTE_NS = 60 * 10**9
NL_PER_H = 3_600e12
UNIT = "/v1/devices/demo/instruments/daq"
PLACE = "serial:///tmp/pumpsim-daq"
CONTROL = "?control=http://127.0.0.1:7700"
SENSORS = {
    "reservoir_pressure": "kPa",
    "catheter_pressure": "kPa",
    "catheter_pulse": "kPa",
    "pocket_pressure": "kPa",
    "temperature": "degC",
    "fill_level": "mL",
    "battery": "V",
}
"""Of the shipped rig, by channel."""

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX"),
]


def served(serve: Serve, folder: Path) -> Daemon:
    file = folder / "bench.toml"
    others = ("balance", "bath", "pressure", "supply")
    file.write_text("".join(f'[line.{kind}]\nserial = "none"\ntcp = "none"\n' for kind in others))
    return serve("--mqtt", "none", "--rig", str(file), "--speed", "max")


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, bytes]]:
    folder = tmp_path_factory.mktemp("unit")
    daemon = served(Serve(folder), folder)
    yield daemon, daemon.api.get("/v1/snapshot").content
    daemon.finish()


@pytest.fixture
def daemon(_shared: tuple[Daemon, bytes]) -> Daemon:
    """Shared; each test finds it as it was born, its unit sound."""
    daemon, newborn = _shared
    kind = {"Content-Type": "application/json"}
    assert daemon.api.put("/v1/snapshot", content=newborn, headers=kind).status_code == 200
    ail(daemon, "none")
    return daemon


def rig_of(daemon: Daemon, folder: Path, link: str, control: str | None = None) -> str:
    """The shipped one, with the places of this daemon."""
    place = f"{link}://{daemon.device()['instruments']['daq'][link]}"
    text = (TOP / "examples" / "rig-board.toml").read_text(encoding="utf-8")
    asked = f"?control={daemon.ready['control']}" if control is None else control
    text = text.replace(PLACE, f'{place}"\ntimeout = "500 ms').replace(CONTROL, asked)
    path = folder / "rig.toml"
    path.write_text(text.replace("calibration_due = 2027", "calibration_due = 2999"))
    return str(path)


@pytest.fixture
def rig_file(daemon: Daemon, tmp_path: Path) -> Callable[..., str]:
    def write(link: str = "tcp", control: str | None = None) -> str:
        return rig_of(daemon, tmp_path, link, control)

    return write


def ail(daemon: Daemon, fault: str) -> None:
    assert daemon.api.put(f"{UNIT}/fault", json={"fault": fault}).status_code == 200


def relay_is_closed(daemon: Daemon) -> bool:
    """As another line to the same unit tells."""
    place = daemon.device()["instruments"]["daq"]["tcp"]
    with serial.serial_for_url(f"socket://{place}", timeout=TIMEOUT_S) as line:
        line.write(b"ROUT:CLOS? (@201)\n")
        return bytes(line.read_until(b"\n")) == b"1\n"


def hil(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HIL, *arguments], capture_output=True, text=True, timeout=100, check=False
    )


class Watching(Seen):
    """Looks at the relay whenever the sounder changed, and acts once at an instant."""

    def __init__(self, daemon: Daemon, at_ns: int, act: Callable[[], object]) -> None:
        super().__init__()
        self.relay: list[tuple[Sounder, bool]] = []
        self._daemon = daemon
        self._at_ns = at_ns
        self._act: Callable[[], object] | None = act

    def sounder(self, note: SounderNote) -> None:
        super().sounder(note)
        self.relay.append((note.sounder, relay_is_closed(self._daemon)))

    def progress(self, elapsed_ns: int, duration_ns: int) -> None:
        super().progress(elapsed_ns, duration_ns)
        if self._act is not None and elapsed_ns >= self._at_ns:
            act, self._act = self._act, None
            act()


def controlled(rig: Rig, watch: Seen, duration_ns: int) -> Controller:
    controller = Controller(rig, ReferenceLogic, watch)
    controller.run(duration_ns)
    return controller


@pytest.mark.parametrize("link", ["tcp", "serial"])
def test_the_logic_estimates_on_instruments_what_the_plant_does(
    rig_file: Callable[..., str], link: str
) -> None:
    with open_rig(rig_file(link)) as rig:
        assert rig.clock.virtual
        summary = controlled(rig, Seen(), 3 * HOUR_NS).summary
        truth = rig.laboratory.truth()
    assert summary.samples == 3 * 60 + 1
    assert not summary.alarms
    believed = summary.beliefs
    assert believed is not None
    flow, volume = believed.flow_nl_per_h, believed.residual_volume_nl
    assert flow is not None
    assert volume is not None
    true_nl_per_h = truth["state"]["flow_m3_per_s"] * NL_PER_H
    assert flow.low <= true_nl_per_h <= flow.high
    assert flow.estimate == pytest.approx(true_nl_per_h, rel=0.02)
    assert volume.low <= truth["state"]["reservoir_volume_m3"] * 1e12 <= volume.high
    left_nl = 28_000_000 - truth["ledger"]["reservoir_fl"] / 1e6
    assert believed.delivered_total_nl == pytest.approx(left_nl, rel=0.05)


def test_an_occlusion_sounds_the_relay_until_the_bench_lets_go(
    daemon: Daemon, rig_file: Callable[..., str]
) -> None:
    clot = {"kind": "plant_condition", "name": "catheter_extra_resistance_ratio", "value": 1e6}
    with open_rig(rig_file()) as rig:
        watch = Watching(daemon, HOUR_NS, lambda: rig.laboratory.stimulate(clot))
        assert not relay_is_closed(daemon)
        controlled(rig, watch, 2 * HOUR_NS)
        assert relay_is_closed(daemon)
    raised = {note.alarm.alarm: note.alarm.priority for note in watch.alarms}
    assert raised == {AlarmId.OCCLUSION: Priority.HIGH}
    assert (Sounder.HIGH, True) in watch.relay
    assert all(closed == (sounder is not Sounder.OFF) for sounder, closed in watch.relay)
    assert not relay_is_closed(daemon)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("silent", r"data acquisition unit at .*: said nothing within 0\.5 s"),
        ("slow", r"data acquisition unit at .*: said nothing within 0\.5 s"),
        ("garbage", "data acquisition unit at .*no text"),
        ("overload", r"channel 101 \(reservoir_pressure_pa\) tells 9\.9E37.*out of range"),
        ("wrong_unit", r"channel 101 \(reservoir_pressure_pa\) tells .* V, more than the 10\.6"),
    ],
)
def test_what_ails_the_unit_in_mid_run_is_a_sensor_fault_then_the_end(
    daemon: Daemon, rig_file: Callable[..., str], fault: str, sentence: str
) -> None:
    watch = Watching(daemon, 10 * MINUTE_NS, lambda: ail(daemon, fault))
    with pytest.raises(BenchError, match=sentence) as caught, open_rig(rig_file()) as rig:
        controlled(rig, watch, HOUR_NS)
    assert caught.value.exit_code == 4
    if fault in ("overload", "wrong_unit"):  # its relay works, so the logic can sound it
        assert AlarmId.SENSOR_FAULT in {note.alarm.alarm for note in watch.alarms}
        assert watch.relay[-1][1]
        assert not relay_is_closed(daemon)
    ail(daemon, "none")
    with open_rig(rig_file()) as rig:
        assert controlled(rig, Seen(), 10 * MINUTE_NS).summary.samples == 11


def test_the_plugs_are_pulled_in_mid_run(serve: Serve, tmp_path: Path) -> None:
    daemon = served(serve, tmp_path)
    watch = Watching(daemon, 10 * MINUTE_NS, daemon.kill)
    rig_file = rig_of(daemon, tmp_path, "serial")
    with pytest.raises(BenchError, match="does not answer"), open_rig(rig_file) as rig:
        controlled(rig, watch, HOUR_NS)


def test_doctor_status_and_control_on_the_command_line(rig_file: Callable[..., str]) -> None:
    rig = rig_file("serial")
    examined = hil("doctor", "--rig", rig)
    assert examined.returncode == 0, examined.stdout
    assert re.search(r"ok +reservoir_pressure .*channel 101.* shows 3[0-9.]+ kPa", examined.stdout)
    assert re.search(r"ok +relay .*channel 201.* is open", examined.stdout)
    assert len(examined.stdout.splitlines()) == 9
    told = json.loads(hil("status", "--rig", rig, "--json").stdout)
    assert told["identity"]["device_id"] == "demo"
    assert told["readings"]["readings"]["temperature_mk"] == pytest.approx(310_150, abs=500)
    ran = hil("control", "--rig", rig, "--for", "10 min", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["samples"] == 11


@pytest.mark.parametrize(("link", "control"), [("serial", None), ("tcp", "")])
def test_the_sensors_are_sampled_by_the_names_of_their_tables(
    rig_file: Callable[..., str], tmp_path: Path, link: str, control: str | None
) -> None:
    rig, table = rig_file(link, control), tmp_path / "readings.csv"
    grid = ("--every", "100 ms", "--for", "300 ms")
    ran = hil("sample", "--rig", rig, *grid, "--out", str(table))
    assert ran.stderr == ""
    rows = list(csv.DictReader(table.read_text(encoding="ascii").splitlines()))
    tables = {f"sensors.{name}": unit for name, unit in SENSORS.items()}
    assert [row["instrument"] for row in rows] == list(tables) * 3  # as the unit has its channels
    assert {row["unit"] for row in rows if row["value"]} <= set(tables.values())
    first = {row["instrument"]: row for row in rows[: len(tables)]}
    assert float(first["sensors.temperature"]["value"]) == pytest.approx(37.0, abs=0.5)
    assert {name: row["unit"] for name, row in first.items()} == tables
    assert re.search(r"^sensors\.fill_level +[1-3] taken, ", ran.stdout, re.MULTILINE)


def test_a_sensor_without_a_value_ends_a_sampling(
    daemon: Daemon, rig_file: Callable[..., str], tmp_path: Path
) -> None:
    ail(daemon, "overload")
    ran = hil("sample", "--rig", rig_file(), "--for", "3 s", "--out", str(tmp_path / "table.csv"))
    assert ran.returncode == 4
    assert re.fullmatch(r"hil: .*channel 101 .*out of range.*\n", ran.stderr)


def test_a_run_that_the_rig_ends_tells_what_it_came_to(
    daemon: Daemon, rig_file: Callable[..., str]
) -> None:
    ail(daemon, "overload")
    ran = hil("control", "--rig", rig_file(), "--for", "1 h", "--json")
    assert ran.returncode == 4
    assert re.fullmatch(r"hil: .*channel 101 .*out of range.*\n", ran.stderr)
    summary = json.loads(ran.stdout)
    assert summary["samples"] == 4  # the fifth was one too many
    assert {alarm["alarm"] for alarm in summary["alarms"]} == {"unmonitored", "sensor_fault"}


def test_a_doctor_names_each_sensor_that_tells_no_value(
    daemon: Daemon, rig_file: Callable[..., str]
) -> None:
    ail(daemon, "overload")
    found = json.loads(hil("doctor", "--rig", rig_file(), "--json").stdout)
    states = {row["part"]: row["state"] for row in found}
    assert states.pop("device") == states.pop("relay") == "ok"
    assert set(states.values()) == {"FAIL"}
    assert len(states) == 7
    ail(daemon, "silent")
    done = hil("doctor", "--rig", rig_file(), "--json")
    assert done.returncode == 4
    [_, unit] = json.loads(done.stdout)
    assert (unit["part"], unit["state"]) == ("unit", "FAIL")
    assert "said nothing within 0.5 s" in unit["text"]


def test_without_a_control_api_a_board_lives_by_the_clock_on_the_wall(
    daemon: Daemon, rig_file: Callable[..., str]
) -> None:
    ran = hil("control", "--rig", rig_file(control=""), "--for", "1 s", "--json")
    assert ran.returncode == 0, ran.stderr
    summary: dict[str, Any] = json.loads(ran.stdout)
    assert summary["samples"] == 1
    assert daemon.get("/v1/time")["now_ns"] == 0


def test_a_logic_of_ones_own_runs_on_it_too(rig_file: Callable[..., str]) -> None:
    logic = "tests.system.announcing:Announcing"
    ran = hil("control", logic, "--rig", rig_file(), "--for", "10 min")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("in charge\n")
