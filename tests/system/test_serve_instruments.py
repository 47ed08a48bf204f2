"""Instruments around a pump, served by the daemon on ptys and TCP."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from tests.system.conftest import Daemon, Serve
from tests.system.talk import TIMEOUT_S

TOP = Path(__file__).parents[2]
QUIET = ("--mqtt", "none", "--serial", "none", "--tcp", "none")

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are POSIX"),
]


def bench_file(folder: Path, text: str = "") -> str:
    path = folder / "bench.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


class Line:
    """A line to an instrument."""

    def __init__(self, port: serial.Serial) -> None:
        self.port = port

    def ask(self, request: str) -> str:
        self.port.write(request.encode())
        reply = bytes(self.port.read_until(b"\n"))
        assert reply.endswith(b"\n"), f"{request!r} was not answered: {reply!r}"
        return reply.decode().strip("\r\n")


@contextmanager
def on_serial(daemon: Daemon, kind: str) -> Iterator[Line]:
    place = daemon.device()["instruments"][kind]["serial"]
    with serial.Serial(place, 9_600, timeout=TIMEOUT_S) as port:
        yield Line(port)


@contextmanager
def on_tcp(daemon: Daemon, kind: str) -> Iterator[Line]:
    place = daemon.device()["instruments"][kind]["tcp"]
    with serial.serial_for_url(f"socket://{place}", timeout=TIMEOUT_S) as port:
        yield Line(port)


def test_each_instrument_acts_on_the_pump_over_serial(serve: Serve, tmp_path: Path) -> None:
    daemon = serve(*QUIET, "--rig", bench_file(tmp_path), "--speed", "max")
    with on_serial(daemon, "bath") as bath:
        bath.port.write(b"out_sp_00 40.00\rout_mode_05 1\r")
        assert bath.ask("status\r") == "03 REMOTE START"
        daemon.run_for("4 h")
        assert float(bath.ask("in_pv_00\r")) == pytest.approx(40.0, abs=0.1)
    with on_serial(daemon, "pressure") as pressure:
        pressure.port.write(b"UNIT:PRES KPA;:SOUR:PRES 20;:OUTP ON\n")
        assert pressure.ask("SYST:ERR?\n") == ':SYST:ERR 0,"No error"'
        daemon.run_for("2 min")
        assert float(pressure.ask("SENS:PRES?\n").split()[-1]) == pytest.approx(20.0, abs=0.1)
    with on_serial(daemon, "supply") as supply:
        supply.port.write(b"VOLT 3.1;OUTP ON\n")
        assert float(supply.ask("MEAS:VOLT?\n")) == pytest.approx(3.1, abs=0.01)
        daemon.run_for("2 min")
    pump = daemon.get("/v1/devices/demo/compare")
    assert pump["temperature_mk"]["belief"] == pytest.approx(313_150, abs=100)
    outlet_pa = pump["catheter_pressure_pa"]["belief"] - pump["pocket_pressure_pa"]["belief"]
    assert outlet_pa == pytest.approx(20_000, abs=700)


def test_the_balance_weighs_what_left_the_catheter(serve: Serve, tmp_path: Path) -> None:
    text = '[balance]\ndrop = "0 uL"\nevaporation = "0 mg/h"\n'
    daemon = serve(*QUIET, "--rig", bench_file(tmp_path, text), "--speed", "max")
    with on_tcp(daemon, "balance") as balance:
        assert balance.ask("Z\r\n") == "Z A"
        before = daemon.get("/v1/devices/demo/ledger")
        daemon.run_for("5 d")
        status, kind, mass, unit = balance.ask("S\r\n").split()
        after = daemon.get("/v1/devices/demo/ledger")
    assert (status, kind, unit) == ("S", "S", "g")
    out_fl = sum(after[name] - before[name] for name in after if name.startswith("delivered"))
    assert float(mass) * 1e12 == pytest.approx(out_fl, rel=0.01)


def test_two_lines_to_one_instrument_speak_of_the_same(serve: Serve, tmp_path: Path) -> None:
    daemon = serve(*QUIET, "--rig", bench_file(tmp_path))
    with on_serial(daemon, "supply") as one, on_tcp(daemon, "supply") as two:
        one.port.write(b"VOLT 2.5;CURR 0.5\n")
        assert one.ask("*OPC?\n") == "1"
        assert two.ask("VOLT?;CURR?\n") == "+2.50000000E+00;+5.00000000E-01"


@pytest.mark.parametrize(
    ("kind", "request_", "fault", "reply"),
    [
        ("balance", "SI\r\n", "overload", "S +"),
        ("bath", "in_pv_00\r", "overload", "---.--"),
        ("pressure", "UNIT:PRES?\n", "wrong_unit", ":UNIT:PRES PSI"),
        ("supply", "MEAS:VOLT?\n", "overload", "9.9E37"),
    ],
)
def test_an_instrument_goes_wrong_and_is_mended(
    demo_bench: Daemon, kind: str, request_: str, fault: str, reply: str
) -> None:
    path = f"/v1/devices/demo/instruments/{kind}/fault"
    with on_tcp(demo_bench, kind) as line:
        assert line.ask(request_) != reply
        assert demo_bench.api.put(path, json={"fault": fault}).json() == {"fault": fault}
        assert line.ask(request_) == reply
        assert demo_bench.api.put(path, json={"fault": "none"}).status_code == 200
        assert line.ask(request_) != reply


def test_a_silent_instrument_is_not_heard(demo_bench: Daemon) -> None:
    path = "/v1/devices/demo/instruments/bath/fault"
    with on_tcp(demo_bench, "bath") as bath:
        demo_bench.api.put(path, json={"fault": "silent"})
        bath.port.write(b"version\r")
        assert demo_bench.get("/v1/health") == {"status": "ok"}
        demo_bench.api.put(path, json={"fault": "none"})
        assert bath.ask("in_mode_05\r") == "0"


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("bath/fault", {"fault": "cold"}, "'silent'"),
        ("syringe/fault", {"fault": "silent"}, "no instrument with a line"),
        ("bat/fault", {"fault": "silent"}, "did you mean 'bath'"),
    ],
)
def test_a_fault_that_is_none_is_refused(
    demo_bench: Daemon, path: str, body: dict[str, str], sentence: str
) -> None:
    answer = demo_bench.api.put(f"/v1/devices/demo/instruments/{path}", json=body)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]


def test_a_fault_of_the_file_is_there_from_the_start(serve: Serve, tmp_path: Path) -> None:
    text = '[line.balance]\nfault = "wrong_unit"\n'
    daemon = serve(*QUIET, "--rig", bench_file(tmp_path, text))
    with on_tcp(daemon, "balance") as balance:
        assert balance.ask("SI\r\n").endswith(" ct")


def test_what_is_printed_can_be_pasted(serve: Serve) -> None:
    daemon = serve(*QUIET, "--rig", str(TOP / "examples" / "bench.toml"))
    pasted = [line.strip() for line in daemon.out.seen if "printf" in line]
    assert len(pasted) == 6
    replies = [
        subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        ).stdout
        for line in pasted
    ]
    assert replies[0].startswith("S ")
    assert replies[1].startswith("S ")
    assert replies[3].startswith(":SENS:PRES ")
    assert daemon.get("/v1/devices")[0]["instruments"] == daemon.device()["instruments"]


def test_a_restored_bench_speaks_again(serve: Serve, tmp_path: Path) -> None:
    daemon = serve(*QUIET, "--rig", bench_file(tmp_path), "--speed", "max")
    with on_serial(daemon, "bath") as bath:
        bath.port.write(b"out_sp_00 40.00\rout_mode_05 1\r")
        assert bath.ask("in_sp_00\r") == "40.00"
        saved = daemon.get("/v1/snapshot")
        bath.port.write(b"out_sp_00 30.00\r")
        assert bath.ask("in_sp_00\r") == "30.00"
        assert daemon.api.put("/v1/snapshot", json=saved).status_code == 200
        assert bath.ask("in_sp_00\r") == "40.00"


def test_names_are_given_back_at_the_end(serve: Serve, tmp_path: Path) -> None:
    link = tmp_path / "balance"
    text = f'[line.balance]\nserial = "pty:{link}"\ntcp = "none"\n'
    daemon = serve(*QUIET, "--rig", bench_file(tmp_path, text))
    assert daemon.device()["instruments"]["balance"]["serial"] == str(link)
    assert daemon.device()["instruments"]["balance"]["tcp"] is None
    assert link.is_symlink()
    assert daemon.end() == 0
    assert not link.is_symlink()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[line.balance]\nserial = "COM3"\n', "write pty, pty:LINK or none; found 'COM3'"),
        ('[line.bath]\nfault = "cold"\n', "'silent', 'wrong_unit'"),
        ("[line.bat]\n", "did you mean 'bath'"),
        ("[blance]\n", "did you mean 'balance'"),
        ('[line.bath]\ntcp = "5025"\n', "line.bath.tcp: '5025' is no HOST:PORT"),
    ],
)
def test_a_bench_file_that_is_wrong_is_refused(
    serve: Serve, tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(AssertionError) as refused:
        serve(*QUIET, "--rig", bench_file(tmp_path, text))
    assert sentence in str(refused.value)


def test_two_instruments_cannot_have_one_name(serve: Serve, tmp_path: Path) -> None:
    text = '[line.balance]\nserial = "pty:/tmp/x"\n[line.bath]\nserial = "pty:/tmp/x"\n'
    with pytest.raises(AssertionError, match="is the balance's already"):
        serve(*QUIET, "--rig", bench_file(tmp_path, text))


def test_a_port_that_is_taken_is_named(serve: Serve, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = f'[line.supply]\ntcp = "127.0.0.1:{server.getsockname()[1]}"\n'
        with pytest.raises(AssertionError, match=r"line\.supply\.tcp .* somebody else listens"):
            serve(*QUIET, "--rig", bench_file(tmp_path, text))


def test_a_bench_is_for_one_pump(serve: Serve, tmp_path: Path) -> None:
    pumps = [str(TOP / "pumps" / name) for name in ("demo.toml", "fast.toml")]
    with pytest.raises(AssertionError, match="--rig is for one pump"):
        serve("--mqtt", "none", *pumps, "--rig", bench_file(tmp_path))


@pytest.fixture(scope="module")
def demo_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that tests share which leave it as they found it."""
    folder = tmp_path_factory.mktemp("bench")
    starter = Serve(folder)
    daemon = starter(*QUIET, "--rig", bench_file(folder))
    yield daemon
    daemon.finish()
