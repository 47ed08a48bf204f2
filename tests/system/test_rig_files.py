"""The bench on a rig file: real drivers on emulated instruments, unplugged, sick and taken away."""

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from hil.doctor import LOOK, OK, examine
from hil.errors import LinkError
from hil.instruments.errors import InstrumentError
from hil.readings import sample
from hil.record import Verdict
from hil.rig import open_rig
from tests.hil.bench.conftest import Bench
from tests.hil.bench.test_resume import SHORT
from tests.hil.far_end import PtyEnd
from tests.system.conftest import Daemon, Serve
from tests.system.talk import TIMEOUT_S

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX")

TOP = Path(__file__).parents[2]
SCRIPT = str(TOP / "hil" / "bench" / "scripts" / "flow_accuracy.py")
KINDS = ("balance", "bath", "pressure", "supply")
RIG = """
dut = "{dut}"
[balance]
driver = "mt-sics"
port = "serial://{balance}"
uncertainty = "0.5 mg"
[bath]
driver = "julabo"
port = "serial://{bath}?baud=4800"
frame = "8N1"
[pressure]
driver = "scpi"
port = "serial://{pressure}"
[supply]
driver = "scpi"
port = "serial://{supply}"
"""
HOURS_4 = 4 * 3_600 * 10**9


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "run")


@pytest.fixture
def daemon(serve: Serve, tmp_path: Path) -> Daemon:
    file = tmp_path / "bench.toml"
    file.write_text("".join(f'[line.{kind}]\ntcp = "none"\n' for kind in (*KINDS, "daq")))
    return serve("--mqtt", "none", "--rig", str(file), "--speed", "max")


@pytest.fixture
def rig(daemon: Daemon, tmp_path: Path) -> str:
    path = tmp_path / "rig.toml"
    places = {kind: daemon.device()["instruments"][kind]["serial"] for kind in KINDS}
    path.write_text(RIG.format(dut=daemon.device()["serial"], **places))
    return str(path)


def test_one_script_file_on_three_targets(rig: str, bench: Bench) -> None:
    """In process; over ptys, by drivers of real instruments; and where nothing is plugged in."""
    far = bench.run(SCRIPT, SHORT, uri=rig)
    near = Bench(bench.folder / "near").run(SCRIPT, SHORT)
    assert (far.verdict, near.verdict) == (Verdict.PASS, Verdict.PASS), (far.why, near.why)
    [flow, here] = [record.measurements[0] for record in (far, near)]
    assert flow.uncertainty is not None
    assert here.uncertainty is not None
    assert abs(flow.value - here.value) <= flow.uncertainty + here.uncertainty
    assert {row.kind for row in far.instruments} == set(KINDS)
    assert any("serial number 0000000001" in row.identity for row in far.instruments)
    with pytest.raises(LinkError, match="there is no such port: is the cable plugged in"):
        bench.run(SCRIPT, SHORT, uri=str(TOP / "examples" / "rig-hardware.toml"))


def test_all_instruments_of_a_rig_are_read_side_by_side_by_the_wall(
    serve: Serve, tmp_path: Path
) -> None:
    file, rig, table = (tmp_path / name for name in ("bench.toml", "rig.toml", "table.csv"))
    file.write_text("".join(f'[line.{kind}]\ntcp = "none"\n' for kind in (*KINDS, "daq")))
    device = serve("--mqtt", "none", "--rig", str(file)).device()
    places = {kind: device["instruments"][kind]["serial"] for kind in KINDS}
    rig.write_text(RIG.format(dut=device["serial"].partition("?")[0], **places))
    with open_rig(str(rig)) as opened:
        assert not opened.clock.virtual
        tallies = sample(opened, "100 ms", "1 s", table)
    assert {kind: one.taken + one.missed for kind, one in tallies.items()} == dict.fromkeys(
        KINDS, 10
    )
    assert len(table.read_text().splitlines()) == 1 + 10 * len(KINDS)


def later(act: Callable[[], object]) -> Callable[[str, int], None]:
    """A look at the run that acts once, four hours on."""
    done: list[bool] = []

    def look(_what: str, elapsed_ns: int) -> None:
        if elapsed_ns > HOURS_4 and not done:
            done.append(True)
            act()

    return look


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("wrong_unit", "balance at .*'ct'"),
        ("overload", "balance at .*is overloaded.*empty the vessel"),
        ("silent", "balance at .*said nothing within"),
        ("garbage", "balance at .*no text"),
    ],
)
def test_what_ails_a_balance_in_mid_run_is_named(
    daemon: Daemon, rig: str, bench: Bench, fault: str, sentence: str
) -> None:
    path = "/v1/devices/demo/instruments/balance/fault"

    def ail() -> None:
        assert daemon.api.put(path, json={"fault": fault}).status_code == 200

    record = bench.run("flow-accuracy", SHORT, uri=rig, progress=later(ail))
    assert record.verdict is Verdict.ERROR
    assert re.search(sentence, record.why), record.why


def test_a_silent_bath_is_named_before_anything_is_measured(
    daemon: Daemon, rig: str, bench: Bench
) -> None:
    path = "/v1/devices/demo/instruments/bath/fault"
    assert daemon.api.put(path, json={"fault": "silent"}).status_code == 200
    with pytest.raises(InstrumentError, match=r"bath at .*said nothing within"):
        bench.run("flow-accuracy", SHORT, uri=rig)


def test_a_cold_bath_in_degrees_fahrenheit_is_named_by_the_doctor(daemon: Daemon, rig: str) -> None:
    """At 10.5 degC it tells 51, which is not far above what it may be set to; the pump knows."""
    daemon.stimulate(kind="bath", temperature="10.5 degC")
    daemon.run_for("6 h")
    path = "/v1/devices/demo/instruments/bath/fault"
    assert daemon.api.put(path, json={"fault": "wrong_unit"}).status_code == 200
    [shown, doubted] = [one for one in examine(rig) if one.part == "bath"][:2]
    assert (shown.state, doubted.state) == (OK, LOOK)
    assert re.match(
        r"the bath tells 5[01]\.\d\d degC, and the pump in it 10\.\d\d degC: is the bath set to "
        "degrees Fahrenheit",
        doubted.text,
    )


def test_a_doctor_says_that_a_supply_which_is_off_could_not_be_checked(rig: str) -> None:
    [shown, unseen] = [one for one in examine(rig) if one.part == "supply"][:2]
    assert (shown.state, unseen.state) == (OK, LOOK)
    assert shown.text.endswith("shows 0 V")
    assert unseen.text.startswith("its output is off, so that nobody can tell whether it measures")


def test_the_plug_is_pulled_in_mid_run(daemon: Daemon, rig: str, bench: Bench) -> None:
    record = bench.run("flow-accuracy", SHORT, uri=rig, progress=later(daemon.kill))
    assert record.verdict is Verdict.ERROR
    assert record.why
    assert any(note.startswith("not safe: ") for note in record.notes)


class Cable:
    """Between the daemon's balance and a name that stays: it can be pulled, and plugged in."""

    def __init__(self, port: str, name: Path) -> None:
        self._port = serial.Serial(port, timeout=TIMEOUT_S)
        self.end = PtyEnd(name, self._pass_on)

    def close(self) -> None:
        self.end.unplug()
        self._port.close()

    def _pass_on(self, question: bytes) -> bytes:
        self._port.write(question)
        return bytes(self._port.read_until(b"\n"))


@pytest.fixture
def cable(daemon: Daemon, tmp_path: Path) -> Iterator[Cable]:
    made = Cable(daemon.device()["instruments"]["balance"]["serial"], tmp_path / "ttyBALANCE")
    yield made
    made.close()


@pytest.fixture
def rig_by_cable(rig: str, daemon: Daemon, cable: Cable) -> str:
    """The same rig, its balance at the cable's end."""
    path, far = Path(rig), daemon.device()["instruments"]["balance"]["serial"]
    whole = re.escape(far) + r"(?![0-9])"  # /dev/pts/3 is no part of /dev/pts/30
    path.write_text(re.sub(whole, str(cable.end.path), path.read_text()))
    return rig


def samples(folder: Path) -> list[dict[str, Any]]:
    entries = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
    return [entry for entry in entries if entry["kind"] == "sample"]


def test_a_replug_in_mid_run_is_survived(rig_by_cable: str, cable: Cable, bench: Bench) -> None:
    """The port goes, and comes back on another terminal behind the same name."""
    far: list[Path] = []

    def replug() -> None:
        far.append(cable.end.path.readlink())
        held = os.open(cable.end.path, os.O_RDWR | os.O_NOCTTY)  # its number stays taken
        cable.end.unplug()
        plugged.start()
        opened.append(held)

    def plug() -> None:
        cable.end.plug()
        far.append(cable.end.path.readlink())

    opened: list[int] = []
    plugged = threading.Timer(1.0, plug)
    record = bench.run("flow-accuracy", SHORT, uri=rig_by_cable, progress=later(replug))
    plugged.join()
    os.close(opened[0])
    assert record.verdict is Verdict.PASS, record.why
    assert len(set(far)) == 2
    taken = samples(bench.folder)
    assert [one["number"] for one in taken] == list(range(13))
    assert {one["piece"] for one in taken} == {0}


def test_a_plug_that_stays_out_ends_the_run_which_goes_on_once_it_is_back(
    rig_by_cable: str, cable: Cable, bench: Bench
) -> None:
    record = bench.run("flow-accuracy", SHORT, uri=rig_by_cable, progress=later(cable.end.unplug))
    assert record.verdict is Verdict.ERROR
    assert re.fullmatch(r"balance at .*ttyBALANCE: the port is not there.* 10 s: .*", record.why)
    assert not any(note.startswith("not safe: ") for note in record.notes)
    before = len(samples(bench.folder))
    assert 0 < before < 13
    cable.end.plug()
    record = bench.run("flow-accuracy", uri=rig_by_cable, resume=True)
    assert record.verdict is Verdict.PASS, record.why
    taken = samples(bench.folder)
    assert [one["number"] for one in taken] == list(range(13))
    assert [one["piece"] for one in taken] == [0] * before + [1] * (13 - before)
    assert any(note.startswith("interrupted 1 times") for note in record.notes)


def test_a_held_rig_is_free_after_an_error(daemon: Daemon, rig: str, bench: Bench) -> None:
    path = "/v1/devices/demo/instruments/balance/fault"
    ail = later(lambda: daemon.api.put(path, json={"fault": "overload"}))
    assert bench.run("flow-accuracy", SHORT, uri=rig, progress=ail).verdict is Verdict.ERROR
    daemon.api.put(path, json={"fault": "none"})
    with open_rig(rig) as again:
        assert again.instruments.balance.weigh().unit == "mg"


def test_a_supply_that_tells_millivolts_is_found_out_by_the_limit(daemon: Daemon, rig: str) -> None:
    path = "/v1/devices/demo/instruments/supply/fault"
    with open_rig(rig) as held:
        supply = held.instruments.supply
        supply.set_voltage(3.0)
        supply.switch(on=True)
        assert supply.voltage().value == pytest.approx(3.0, abs=0.01)
        daemon.api.put(path, json={"fault": "wrong_unit"})
        with pytest.raises(InstrumentError, match=r"far above this rig.s limit of 3\.6 V"):
            supply.voltage()
