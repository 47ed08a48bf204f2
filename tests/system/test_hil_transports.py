"""One bench function and one control logic, on the emulator in process and over every transport."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil.control import AlarmNote, Controller, SounderNote
from hil.hosted import FaultNote
from hil.rig import Rig, open_rig
from protocol import messages as m
from protocol.control import TICKS_PER_S, Outcome, Readings
from protocol.vocabulary import AlarmId, EventKind, Sounder
from pumpsim.device import Device
from pumpsim.firmware import ReferenceLogic
from pumpsim.pumpfile import load
from tests.conftest import find
from tests.system.announcing import IN_CHARGE
from tests.system.conftest import Daemon, Lines, Mosquitto, Program, Serve, spawn
from tests.system.talk import TIMEOUT_S

pytestmark = pytest.mark.timeout(90)

HOURS = 6
RUN_NS = HOURS * 3_600 * 10**9
PERIOD_TICKS = 60 * TICKS_PER_S
PUMP = """
[pump]
id = "bench"
logic = "{logic}"
restrictor_conductance_factor = 10.0

[fill]
volume = "4 mL"
"""
TRANSPORTS = ("serial", "tcp", "mqtt")
ONLY = {
    "serial": ("--tcp", "none", "--mqtt", "none"),
    "tcp": ("--serial", "none", "--mqtt", "none"),
    "mqtt": ("--serial", "none", "--tcp", "none"),
}


class Nobody:
    """Does not look on."""

    def alarm(self, note: AlarmNote) -> None: ...
    def sounder(self, note: SounderNote) -> None: ...
    def fault(self, note: FaultNote) -> None: ...
    def progress(self, elapsed_ns: int, duration_ns: int) -> None: ...


class Alarms:
    """Taps a device for its alarms."""

    def __init__(self) -> None:
        self.notes: list[AlarmNote] = []

    def decided(self, now_ns: int, ticks: int, outcome: Outcome) -> None:
        del now_ns
        self.notes += [AlarmNote(ticks, alarm) for alarm in outcome.alarms]

    def hour(self, now_ns: int) -> None: ...
    def sampled(self, now_ns: int, ticks: int, readings: Readings) -> None: ...
    def booted(self, now_ns: int, cause: Any, boot_id: int) -> None: ...
    def received(self, now_ns: int, link: str, packet: m.Packet) -> None: ...
    def sent(self, now_ns: int, link: str, packet: m.Packet) -> None: ...
    def stimulated(self, now_ns: int, stimulus: Any) -> None: ...


@pytest.fixture
def pump(tmp_path: Path) -> Callable[[str], Path]:
    """A pump that runs ten times too fast, with a logic or bare."""

    def write(logic: str) -> Path:
        path = tmp_path / f"{logic.rpartition(':')[2]}.toml"
        path.write_text(PUMP.format(logic=logic))
        return path

    return write


def alarms_inside(path: Path) -> list[AlarmNote]:
    tap = Alarms()
    device = Device(load(path), 1, tap)
    device.implant()
    device.advance(RUN_NS)
    kinds = {note.alarm.alarm for note in tap.notes}
    assert kinds >= {AlarmId.OVER_INFUSION, AlarmId.LOW_RESERVOIR}
    return tap.notes


def check_same(found: list[AlarmNote], expected: list[AlarmNote]) -> None:
    assert [(n.alarm.alarm, n.alarm.priority) for n in found] == [
        (n.alarm.alarm, n.alarm.priority) for n in expected
    ]
    late_ticks = [f.ticks - e.ticks for f, e in zip(found, expected, strict=True)]
    assert max(map(abs, late_ticks)) <= PERIOD_TICKS


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_same_logic_raises_the_same_alarms_over_a_transport(
    serve: Serve, pump: Callable[[str], Path], transport: str
) -> None:
    expected = alarms_inside(pump("pumpsim.firmware:ReferenceLogic"))
    daemon = serve(str(pump("bare")), "--speed", "max", *ONLY[transport])
    with open_rig(daemon.device("bench")[transport]) as rig:
        summary = Controller(rig, ReferenceLogic, Nobody()).run(RUN_NS)
    assert summary.missed == 0
    assert summary.samples == HOURS * 60 + 1
    check_same(list(summary.alarms), expected)


class EnoughError(Exception):
    """The run has seen what it came for."""


def test_in_real_time_it_raises_them_too(serve: Serve, pump: Callable[[str], Path]) -> None:
    """The clock on the wall, on a daemon that runs 5,000 times as fast from the first sample on."""
    expected = alarms_inside(pump("pumpsim.firmware:ReferenceLogic"))
    daemon = serve(str(pump("bare")), "--speed", "max", *ONLY["tcp"])

    class Started(ReferenceLogic):
        def sample(self, ticks: int, readings: Readings) -> Outcome:
            if readings.sequence == 0:
                daemon.api.put("/v1/time", json={"speed": 5_000})
            if readings.sequence > HOURS * 60:
                raise EnoughError
            return super().sample(ticks, readings)

    class Stopping(Nobody):
        def fault(self, note: FaultNote) -> None:
            assert "EnoughError" in note.detail
            raise EnoughError

    with open_rig(daemon.device("bench")["tcp"].partition("?")[0]) as rig:
        controller = Controller(rig, Started, Stopping())
        with pytest.raises(EnoughError):
            controller.run(3_600 * 10**9)
    assert controller.summary.missed == 0
    check_same(list(controller.summary.alarms), expected)


def feel_a_fever(rig: Rig) -> tuple[m.Status | m.Refused, m.Status | m.Refused]:
    """The bench function: knows nothing of what is behind the rig."""
    before = rig.dut.status()
    rig.laboratory.stimulate({"kind": "fever", "rise": "2 K", "duration": "1 d"})
    rig.wait("6 h")
    return before, rig.dut.status()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_one_bench_function_runs_unchanged_everywhere(serve: Serve, transport: str) -> None:
    daemon = serve("--speed", "max", "--seed", "7", *ONLY[transport])
    with open_rig("sim:?seed=7") as rig:
        expected = feel_a_fever(rig)
    with open_rig(daemon.device()[transport]) as rig:
        assert feel_a_fever(rig) == expected
    before, after = expected
    assert isinstance(before, m.Status)
    assert isinstance(after, m.Status)
    assert before.status.flow_nl_per_h is not None
    assert after.status.flow_nl_per_h is not None
    rise = after.status.flow_nl_per_h.estimate / before.status.flow_nl_per_h.estimate
    assert 1.08 < rise < 1.18  # domain section 2: 6.2 % for each degree


def test_status_agrees_over_all_transports(serve: Serve) -> None:
    daemon = serve("--speed", "max")
    told = []
    for transport in TRANSPORTS:
        program = hil("status", "--rig", daemon.device()[transport], "--json")
        assert program.process.wait(30) == 0
        told.append(json.loads(program.out.all()))
    assert told[0]["identity"]["device_id"] == "demo"
    assert told[0] == told[1] == told[2]


@pytest.mark.needs_mosquitto
def test_a_device_on_a_real_broker(serve: Serve, mosquitto: Mosquitto) -> None:
    mosquitto.start()
    daemon = serve("--speed", "max", "--mqtt", mosquitto.uri, "--serial", "none", "--tcp", "none")
    with open_rig(daemon.device()["mqtt"]) as rig:
        feel_a_fever(rig)
        assert rig.dut.begin_refill() == m.Done()


@pytest.mark.needs_mosquitto
def test_a_device_that_is_not_on_the_broker(mosquitto: Mosquitto) -> None:
    mosquitto.start()
    program = hil("status", "--rig", f"{mosquitto.uri}/nobody")
    assert program.process.wait(30) == 4
    assert "nobody on the broker" in program.err.all()


@pytest.mark.needs_mosquitto
def test_a_broker_that_refuses_the_password(mosquitto: Mosquitto) -> None:
    mosquitto.configure("allow_anonymous false")
    mosquitto.start()
    program = hil("status", "--rig", f"{mosquitto.uri}/demo")
    assert program.process.wait(30) == 4
    assert "refuses" in program.err.all()


@pytest.mark.needs_mosquitto
def test_daemon_and_bench_take_the_same_credentials(
    serve: Serve, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    command, accounts = find("mosquitto_passwd"), tmp_path / "accounts"
    assert command is not None
    subprocess.run([command, "-b", "-c", str(accounts), "nurse", "Tr0ub4dor"], check=True)
    mosquitto.configure("allow_anonymous false", f"password_file {accounts}")
    mosquitto.start()
    password = tmp_path / "password"
    password.write_text("Tr0ub4dor\n")
    secret = {"PUMPSIM_MQTT_USERNAME": "nurse", "PUMPSIM_MQTT_PASSWORD_FILE": str(password)}
    daemon = serve("--mqtt", mosquitto.uri, *ONLY["mqtt"], environment=secret)
    uri = daemon.device()["mqtt"].partition("?")[0]
    program = hil("status", "--rig", uri, environment=secret)
    assert program.process.wait(30) == 0, program.err.all()


def hil(*arguments: str, environment: dict[str, str] | None = None) -> Program:
    return Program(spawn(sys.executable, "-m", "hil", *arguments, environment=environment))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_daemon_that_dies_is_the_rigs_failure_and_said_to_be_not_safe(
    serve: Serve, pump: Callable[[str], Path], transport: str
) -> None:
    daemon = serve(str(pump("bare")), *ONLY[transport])
    uri = daemon.device("bench")[transport].partition("?")[0]
    logic = "tests.system.announcing:Announcing"
    program = hil("control", logic, "--rig", uri, "--for", "1 d")
    program.out.wait_for(lambda line: line == IN_CHARGE)
    daemon.kill()
    assert program.process.wait(30) == 4
    why, not_safe = program.err.all().splitlines()
    assert why.startswith("hil: ")
    assert not_safe.startswith("hil: not safe: the device was not told: ")


def test_ctrl_c_ends_a_long_run_quietly_with_what_was_seen_so_far(
    serve: Serve, pump: Callable[[str], Path]
) -> None:
    daemon = serve(str(pump("bare")), "--speed", "max", *ONLY["tcp"])
    logic = "pumpsim.firmware:ReferenceLogic"
    program = hil("control", logic, "--rig", daemon.device("bench")["tcp"], "--for", "3650 d")
    program.out.wait_for(lambda line: "over_infusion" in line)
    assert program.end(signal.SIGINT, within_s=TIMEOUT_S) == 130
    told = program.out.all()
    assert "samples used" in told
    assert "refused               none" in told
    assert program.err.all() == ""
    assert daemon.get("/v1/devices/bench/truth")["actuation"]["sounder"] == Sounder.OFF
    assert Sounder.HIGH in {entry.subject for entry in actuations(daemon)}  # it was not before


def actuations(daemon: Daemon) -> list[m.LogEntry]:
    with open_rig(daemon.device("bench")["tcp"]) as rig:
        return [e for e in rig.dut.read_log() if e.kind is EventKind.ACTUATED]


@pytest.mark.needs_mosquitto
def test_a_look_at_a_pump_ends_nobody_elses_telemetry(
    serve: Serve, watch: Callable[..., Lines]
) -> None:
    daemon = serve(*ONLY["mqtt"], "--speed", "60")
    lines = watch(daemon.broker(), "pumpsim/demo/telemetry")
    lines.wait_for(lambda line: "telemetry" in line)
    with open_rig(daemon.device()["mqtt"]) as rig:
        rig.dut.status()
    for _ in range(5):
        lines.wait_for(lambda line: "telemetry" in line)
