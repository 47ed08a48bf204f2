"""Rig files, what they open, who holds them, and what a doctor finds."""

import os
import socket
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hil import lock
from hil.board import CHANNELS, NEEDED
from hil.doctor import FAIL, LOOK, OK, examine
from hil.errors import LinkError, LocalError, RigError
from hil.instruments.errors import InstrumentError
from hil.rig import open_rig
from hil.rigfile import load
from hil.sections import SensorsSection
from hil.wiring import FIELDS
from tests.hil.conftest import Served

TOP = Path(__file__).parents[2]
SIM = 'dut = "sim:"\n'
BALANCE = '[balance]\ndriver = "laboratory"\n'
NOBODY = '[balance]\ndriver = "mt-sics"\nport = "serial:///dev/ttyUSB99"\n'
BATH = '[bath]\ndriver = "julabo"\nport = "serial:///dev/ttyUSB98"\n'
TCP_BATH = '[bath]\ndriver = "julabo"\nport = "tcp://192.0.2.1:4000"\n'

PRESSURE = """
driver = "scpi"
port = "tcp://127.0.0.1:5025"
channel = {channel}
output = ["1 V", "5 V"]
range = ["0 kPa", "700 kPa"]
uncertainty = "1 kPa"
"""
RELAY = '[relay]\ndriver = "scpi"\nport = "tcp://127.0.0.1:5025"\nchannel = 201\n'
BOARD = (
    'dut = "board:"\n'
    + "[sensors.reservoir_pressure]"
    + PRESSURE.format(channel=101)
    + "[sensors.catheter_pressure]"
    + PRESSURE.format(channel=102)
    + "[sensors.temperature]"
    + PRESSURE.format(channel=105).replace("kPa", "K").replace('"0 K"', '"273 K"')
    + RELAY
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rig.toml"


def opened(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["rig.toml", "rig-hardware.toml"])
def test_the_shipped_ones_are_right(name: str) -> None:
    file = load(TOP / "examples" / name)
    assert {"balance", "bath", "pressure", "syringe"} <= {kind for kind, _ in file.instruments()}


def test_the_shipped_board_has_every_sensor_and_the_relay_on_one_unit() -> None:
    [unit] = load(TOP / "examples" / "rig-board.toml").units()
    assert unit.keys() == {*FIELDS, "relay"}
    assert set(FIELDS.values()) == set(CHANNELS)


def test_what_no_logic_can_do_without_must_be_in_the_file() -> None:
    fields = SensorsSection.model_fields.items()
    needed = [FIELDS[f"sensors.{name}"] for name, field in fields if field.is_required()]
    assert sorted(needed) == sorted(NEEDED)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "dut: "),
        (SIM + '[balance]\ndriver = "mt-sics"\n', r"2: balance: says no port"),
        (SIM + '[balance]\ndriver = "mtsics"\n', r"balance.driver: .*mt-sics"),
        (SIM + '[balanse]\ndriver = "mt-sics"\n', "did you mean 'balance'"),
        (SIM + BALANCE + 'port = "tcp://a:1"\n', "'laboratory' has no port: leave it out"),
        (SIM + BALANCE + 'timeout = "5 s"\n', r"4: balance.timeout: 'laboratory' has no timeout"),
        (SIM + BALANCE + 'serial_number = "7"\n', "'laboratory' tells no serial number"),
        (
            SIM + BATH + 'serial_number = "7"\n',
            r"5: bath.serial_number: 'julabo' tells no serial number, so nobody could check it",
        ),
        (SIM + NOBODY + 'timeout = "0 s"\n', "balance.timeout: "),
        (SIM + NOBODY + 'timeout = "3 min"\n', "balance.timeout: must be at most 2 min"),
        (SIM + NOBODY + 'timeout = "5"\n', "balance.timeout: '5' is no duration"),
        (
            SIM + '[balance]\ndriver = "mt-sics"\nport = "ttyUSB1"\n',
            r"4: balance.port: bad rig URI",
        ),
        ('dut = "ttyUSB1"\n', "1: dut: bad rig URI"),
        (SIM + NOBODY + 'frame = "9N1"\n', "is no frame; "),
        (SIM + NOBODY + 'uncertainty = "1 mL"\n', "'mL' is no unit of mass"),
        (SIM + NOBODY + BATH.replace("98", "99?baud=4800"), "is the balance's already"),
        (SIM.replace("sim:", "serial:///dev/ttyUSB98") + BATH, "is the device's already"),
        (SIM + '[limits]\ntemperature_lowest = "50 degC"\n', "below temperature_highest"),
        (SIM + '[limits]\nvoltage_highest = "-3 V"\n', "must be above 0 V; found '-3 V'"),
    ],
)
def test_a_wrong_file_is_refused_by_line_and_key(path: Path, text: str, reason: str) -> None:
    with pytest.raises(LocalError, match=reason):
        load(opened(path, text))


def test_a_board_of_three_sensors_is_enough(path: Path) -> None:
    [unit] = load(opened(path, BOARD.removesuffix(RELAY))).units()
    assert list(unit) == [
        "sensors.reservoir_pressure",
        "sensors.catheter_pressure",
        "sensors.temperature",
    ]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("board:", "sim:", r'2: sensors.reservoir_pressure: belongs to a rig .*dut = "board:"'),
        ("sensors.temperature", "sensors.temprature", "unknown key; did you mean 'temperature'"),
        ("sensors.temperature", "sensors.battery", r"is missing: a table \[sensors.temperature\]"),
        ('"273 K", "700 K"', '"0 kPa", "1 kPa"', "range: .*'kPa' is no unit of temperature"),
        ('"1 kPa"', '"1 K"', "uncertainty: .*'K' is no unit of pressure"),
        ('uncertainty = "1 kPa"', "", "sensors.reservoir_pressure.uncertainty: is missing"),
        ("= 102", "= 101", r"channel: 101 is \[sensors.reservoir_pressure\]'s already"),
        ("= 201", "= 105", r"relay.channel: 105 is \[sensors.temperature\]'s already"),
        ("= 102", "= -1", "at least 0"),
        ('"1 V", "5 V"', '"5 V", "1 V"', "output: the lower output stands first"),
        ('"1 V", "5 V"', '"1 V"', 'output: write two values, such as .*"5 V"'),
        ('["1 V", "5 V"]', '"5 V"', "output: write two values"),
        ('"1 V", "5 V"', "7, 9", 'output: write the voltage as text .*"1.5 V"; found 7'),
        ('"1 V", "5 V"', '"-1 V", "-5 V"', "output: the lower output stands first"),
        ('"0 kPa", "700 kPa"', '"7 kPa", "7 kPa"', "range: two outputs mean two different"),
        ("channel = 102", 'channel = 102\ntimeout = "2 s"', "timeout: differs from that of"),
        ("channel = 102", 'channel = 102\nserial_number = "7"', "serial_number: differs from"),
        ('port = "tcp://127.0.0.1:5025"', "", "reservoir_pressure: says no port"),
        ("[relay]", '[supply]\ndriver = "scpi"\nport = "tcp://127.0.0.1:5025"\n[relay]', "already"),
        (
            'port = "tcp://127.0.0.1:5025"\nchannel = 102',
            'port = "serial:///dev/ttyUSB1?chaos=chaos.toml"\nchannel = 102',
            "catheter_pressure.port: .* takes neither control= nor chaos=",
        ),
        ("[relay]", '[relay]\ntimeout = "3 min"', "relay.timeout: must be at most 2 min"),
        ('"board:"', '"board:?chaos=chaos.toml"', "dut: bad rig URI .*chaos"),
    ],
)
def test_a_wrong_board_is_refused_by_line_and_key(
    path: Path, old: str, new: str, reason: str
) -> None:
    assert old in BOARD
    with pytest.raises(LocalError, match=reason):
        load(opened(path, BOARD.replace(old, new, 1)))


def test_a_transducers_output_may_lie_below_zero(path: Path) -> None:
    rig = load(opened(path, BOARD.replace('"1 V", "5 V"', '"-2.5 V", "2.5 V"', 1)))
    assert rig.sensors is not None
    assert rig.sensors.reservoir_pressure.output == (-2.5, 2.5)


def test_parts_at_one_port_write_it_alike(path: Path) -> None:
    other = BOARD.removesuffix(RELAY).replace("tcp://127.0.0.1:5025", "serial:///COM3")
    relay = RELAY.replace("tcp://127.0.0.1:5025", "serial:///com3?baud=9600")
    with pytest.raises(LocalError, match=r"relay\.port: differs from that of \[sensors\.res"):
        load(opened(path, other + relay))
    [both, _] = load(opened(path, other + relay.replace("com3", "COM4"))).units()
    assert "relay" not in both


def test_a_board_without_sensors_is_none(path: Path) -> None:
    with pytest.raises(LocalError, match=r"1: dut: a board is made of sensors: give it \[sensors"):
        load(opened(path, 'dut = "board:"\n' + RELAY))
    with pytest.raises(LocalError, match="board: is made of the sensors of a rig file"):
        open_rig("board:")


def test_a_board_names_its_pump_and_its_control_api(path: Path) -> None:
    with pytest.raises(LocalError, match=r"nowhere\.toml: cannot be read"):
        open_rig(str(opened(path, BOARD.replace("board:", "board:nowhere.toml"))))
    alone = BOARD.replace("board:", "board:?control=http://127.0.0.1:1")
    with pytest.raises(RigError, match=r"control API at http://127\.0\.0\.1:1 does not answer"):
        open_rig(str(opened(path, alone)))
    [found] = examine(str(path))
    assert (found.part, found.state) == ("device", FAIL)


def test_instruments_of_the_emulator_are_a_driver_too(path: Path) -> None:
    text = SIM + BALANCE + 'calibrated = 2026-03-02\n[bath]\ndriver = "laboratory"\n'
    with open_rig(str(opened(path, text))) as rig:
        assert rig.instruments.kinds() == {"balance", "bath"}
        assert rig.instruments.balance.weigh().unit == "mg"
        assert [row.calibrated for row in rig.rows] == ["2026-03-02", ""]
        with pytest.raises(RigError, match=r"no supply: give its rig file a \[supply\] section"):
            rig.instruments.supply.voltage()


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        ("bath.set_temperature(44.0)", "a bath of 44 degC .* 20 to 43 degC"),
        ("pressure.set_pressure(61.0)", "an outlet pressure of 61 kPa .* -20 to 60 kPa"),
        ("supply.set_voltage(3.4)", r"a supply of 3.4 V .* 0 to 3.3 V: see \[limits\]"),
    ],
)
def test_nothing_is_set_beyond_the_limits_of_the_rig(path: Path, act: str, reason: str) -> None:
    kinds = "".join(f'[{kind}]\ndriver = "laboratory"\n' for kind in ("bath", "pressure", "supply"))
    limits = (
        '[limits]\ntemperature_lowest = "20 degC"\ntemperature_highest = "43 degC"\n'
        'pressure_highest = "60 kPa"\nvoltage_highest = "3.3 V"\n'
    )
    with open_rig(str(opened(path, SIM + kinds + limits))) as rig:
        kind, _, call = act.partition(".")
        method, _, value = call.rstrip(")").partition("(")
        with pytest.raises(LocalError, match=reason):
            getattr(getattr(rig.instruments, kind), method)(float(value))


def test_an_instrument_has_the_time_to_answer_that_its_section_gives(path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = f'port = "tcp://127.0.0.1:{silent.getsockname()[1]}"\n'
        text = SIM + '[balance]\ndriver = "mt-sics"\ntimeout = "150 ms"\n' + port
        with pytest.raises(InstrumentError, match=r"said nothing within 0\.15 s when asked"):
            open_rig(str(opened(path, text)))


def test_a_rig_that_is_not_there_says_so_at_once(path: Path) -> None:
    with pytest.raises(LinkError, match="serial port /dev/ttyUSB99: there is no such port"):
        open_rig(str(opened(path, 'dut = "serial:///dev/ttyUSB99"\n')))
    with pytest.raises(InstrumentError, match="balance at /dev/ttyUSB99: the port is not there"):
        open_rig(str(opened(path, SIM + NOBODY)))
    with open_rig(str(opened(path, SIM))):
        pass  # and nobody holds it


def test_no_laboratory_no_instruments_of_one(path: Path, tcp_device: Served) -> None:
    text = f'dut = "{tcp_device.uri}"\n' + BALANCE
    with pytest.raises(LocalError, match=r"\[balance\]: there is no laboratory"):
        open_rig(str(opened(path, text)))


# ---- who holds it

HOLD = """
import sys
from hil.rig import open_rig
with open_rig(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_another_bench_is_told_who_holds_the_rig(path: Path) -> None:
    opened(path, SIM)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    for act in (lambda: open_rig(str(path)), lambda: list(examine(str(path)))):
        with pytest.raises(RigError, match=rf"held by .* \(process {other.pid}, since 20.*\): -c"):
            act()
    other.kill()  # who dies holds nothing any more
    other.communicate()
    with open_rig(str(path)):
        pass


def test_the_note_of_a_holder_who_died_is_not_written_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be another user's, whose file this one may not write; or lead elsewhere."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with lock.held(["place"]):
        [note] = (tmp_path / lock.FOLDER).glob("*.json")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    note.symlink_to(elsewhere)
    with lock.held(["place"]):
        assert "place" in note.read_text()
    assert elsewhere.read_text() == "theirs"


def test_two_rigs_do_not_exclude_each_other(tmp_path: Path) -> None:
    with lock.held([str(tmp_path / "a")]), lock.held([str(tmp_path / "b")]):
        pass


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('dut = "tcp://bench:7000"\n', 'dut = "tcp://BENCH:7000?control=http://bench:7001"\n'),
        (SIM + BATH, SIM + BATH.replace("bath", "balance").replace("julabo", "mt-sics")),
        (SIM + TCP_BATH, 'dut = "serial:///dev/ttyUSB1"\n' + TCP_BATH),
        ('dut = "mqtt://bench/a"\n', 'dut = "mqtt://bench:1883/a"\n'),
        ('dut = "serial:///COM3"\n', 'dut = "serial:///com3?baud=9600"\n'),
        (SIM + TCP_BATH.replace("192.0.2.1:4000", "127.0.0.1:5025"), BOARD),
        (BOARD, BOARD.replace("board:", "board:pump.toml")),
    ],
)
def test_two_rig_files_with_a_port_in_common_exclude_each_other(
    tmp_path: Path, one: str, other: str
) -> None:
    first, second = tmp_path / "one.toml", tmp_path / "other.toml"
    with lock.held(load(opened(first, one)).places(first)):
        for act in (lambda: open_rig(str(second)), lambda: list(examine(str(second)))):
            opened(second, other)
            with pytest.raises(RigError, match=rf"is held by .* \(process {os.getpid()}, since 20"):
                act()


@pytest.mark.skipif(sys.platform == "win32", reason="names that lead elsewhere are POSIX")
def test_a_port_is_the_same_by_every_name_that_leads_there(tmp_path: Path) -> None:
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    names = [f'dut = "serial://{tmp_path / name}"\n' for name in ("by-id", "ttyUSB0")]
    paths = [opened(tmp_path / f"{number}.toml", text) for number, text in enumerate(names)]
    first, second = (load(path).places(path) for path in paths)
    assert first[1:] == second[1:] == [str(tmp_path / "ttyUSB0")]


def test_what_was_held_before_the_port_that_is_taken_is_free_again() -> None:
    with lock.held(["b"]):
        with pytest.raises(RigError, match="b is held by"), lock.held(["a", "b"]):
            pass
        with lock.held(["a"]):
            pass


# ---- the doctor


def test_a_doctor_finds_what_answers_and_what_does_not(path: Path) -> None:
    found = list(examine(str(opened(path, SIM + NOBODY + '[bath]\ndriver = "laboratory"\n'))))
    assert [(one.part, one.state) for one in found] == [
        ("device", OK),
        ("balance", FAIL),
        ("balance", LOOK),
        ("bath", OK),
    ]
    assert "is the cable plugged in?" in found[1].text
    assert "shows 3" in found[3].text


def test_a_device_that_is_absent_keeps_nothing_else_from_being_looked_at(path: Path) -> None:
    lost = 'dut = "serial:///dev/ttyUSB98?control=http://127.0.0.1:9"\n'
    found = list(examine(str(opened(path, lost + NOBODY + '[syringe]\ndriver = "laboratory"\n'))))
    assert [one.state for one in found] == [FAIL, FAIL, LOOK, FAIL]
    assert found[3].text == "it is the laboratory's, which comes with the device"


@pytest.mark.parametrize(
    ("days", "state", "text"),
    [(-1, FAIL, "out of calibration since"), (10, LOOK, "is due on"), (100, OK, "")],
)
def test_calibration_has_a_date(path: Path, days: int, state: str, text: str) -> None:
    due = (datetime.now(UTC) + timedelta(days=days)).date()
    found = list(examine(str(opened(path, SIM + BALANCE + f"calibration_due = {due}\n"))))
    assert found[-1].state == state
    assert text in found[-1].text


def test_a_uri_is_examined_as_well() -> None:
    [found] = examine("sim:")
    assert (found.part, found.state) == ("device", OK)
