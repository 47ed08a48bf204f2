"""Control logic on a rig made of instruments alone: sensors, a relay, no device."""

import pytest

from hil.board import MAX_SILENT, Board, BoardClock
from hil.client import Client
from hil.clock import NS_PER_S
from hil.control import Controller
from hil.errors import LocalError
from hil.exchange import Exchange
from hil.instruments.errors import InstrumentError
from hil.instruments.kinds import Reading
from hil.laboratory import NoLaboratory
from hil.rig import Rig, open_rig
from protocol import messages as m
from protocol.control import Readings
from protocol.vocabulary import AlarmId, Refusal, Sounder
from pumpsim.device import Device
from pumpsim.firmware import ReferenceLogic
from tests.hil.test_control import Seen

HOUR_NS = 3_600 * NS_PER_S
SENSORS = {
    "reservoir_pressure_pa": (1e-3, "kPa"),
    "catheter_pressure_pa": (1.0, "Pa"),
    "catheter_pulse_pa": (1.0, "Pa"),
    "pocket_pressure_pa": (1e-3, "kPa"),
    "temperature_mk": (1e-3, "K"),
    "fill_level_nl": (1e-6, "mL"),
    "battery_mv": (1e-3, "V"),
}


class Probe:
    """A sensor of a real bench, on an emulated pump: it reads what the pump's own one reads."""

    def __init__(self, device: Device, channel: str) -> None:
        self.device = device
        self.channel = channel
        self.unit = SENSORS[channel][1]
        self.silent = False

    def read(self) -> Reading | InstrumentError:
        readings = self.device.readings
        value = None if readings is None else getattr(readings, self.channel)
        if self.silent or value is None:
            return InstrumentError(self.channel, "tells no value")
        return Reading(value * SENSORS[self.channel][0], self.unit, self.device.now_ns, 0.0)


class Unit:
    """Probes that are read at once."""

    def __init__(self, probes: dict[str, Probe]) -> None:
        self.channels = probes.keys()
        self.probes = probes
        self.scans = 0
        self.silent = False

    def read(self) -> dict[str, Reading | InstrumentError]:
        if self.silent:
            raise InstrumentError("the unit", "gave no reply within 1 s")
        self.scans += 1
        return {channel: probe.read() for channel, probe in self.probes.items()}


class Buzzer:
    def __init__(self) -> None:
        self.switched: list[bool] = []

    def is_on(self) -> bool:
        return bool(self.switched) and self.switched[-1]

    def switch(self, *, on: bool) -> None:
        self.switched.append(on)


class Bench:
    """A pump without electronics of its own, and what hangs on it."""

    def __init__(self) -> None:
        self.pump = open_rig("sim:?bare=1")
        device = self.pump.laboratory._device  # type: ignore[attr-defined]
        self.probes = {channel: Probe(device, channel) for channel in SENSORS}
        self.buzzer = Buzzer()
        report = self.pump.dut.read_configuration()
        assert isinstance(report, m.ConfigurationReport)
        first = dict(list(self.probes.items())[:3])
        others = {channel: self.probes[channel] for channel in SENSORS if channel not in first}
        self.units = [Unit(first), Unit(others)]
        self.board = Board(self.pump.clock, self.units, self.buzzer, report)
        self.dut = Client(Exchange(self.board))
        clock = BoardClock(self.pump.clock, self.board)
        self.rig = Rig(self.dut, clock, NoLaboratory(), self.dut.identify())


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_logic_believes_on_sensors_what_it_believes_in_a_pump(bench: Bench) -> None:
    summary = Controller(bench.rig, ReferenceLogic, Seen()).run(24 * HOUR_NS)
    with open_rig("sim:") as inside:
        inside.wait("24 h")
        status = inside.dut.status()
        assert isinstance(status, m.Status)
    believed = summary.beliefs
    assert believed is not None
    assert believed.residual_volume_nl is not None
    assert status.status.residual_volume_nl is not None
    assert believed.delivered_total_nl == pytest.approx(status.status.delivered_total_nl, rel=0.002)
    assert (summary.samples, summary.repeated, summary.missed) == (24 * 60 + 1, 0, 0)
    assert not summary.alarms


def test_a_fault_of_the_pump_sounds_the_relay(bench: Bench) -> None:
    fast = {"kind": "plant_condition", "name": "restrictor_conductance_factor", "value": 3.0}
    bench.pump.laboratory.stimulate(fast)
    summary = Controller(bench.rig, ReferenceLogic, Seen()).run(8 * HOUR_NS)
    assert AlarmId.OVER_INFUSION in {note.alarm.alarm for note in summary.alarms}
    assert True in bench.buzzer.switched
    bench.rig.make_safe()
    assert bench.buzzer.switched[-1] is False


def test_a_sensor_that_misses_a_sample_reads_nothing(bench: Bench) -> None:
    probe = bench.probes["fill_level_nl"]
    probe.silent = True
    for _ in range(MAX_SILENT - 1):
        bench.board.sample()
    report = bench.dut.read_readings()
    assert isinstance(report, m.ReadingsReport)
    assert report.readings is not None
    assert report.readings.fill_level_nl is None
    assert report.readings.reservoir_pressure_pa is not None
    probe.silent = False
    bench.board.sample()
    assert bench.board.silent["fill_level_nl"] == 0


def test_a_sensor_that_stays_silent_breaks_the_rig(bench: Bench) -> None:
    bench.probes["fill_level_nl"].silent = True
    with pytest.raises(InstrumentError, match="fill_level_nl: tells no value"):
        Controller(bench.rig, ReferenceLogic, Seen()).run(HOUR_NS)


def test_a_unit_is_scanned_once_a_sample_and_its_silence_is_that_of_all_its_sensors(
    bench: Bench,
) -> None:
    bench.board.sample()
    assert [unit.scans for unit in bench.units] == [1, 1]
    bench.units[1].silent = True
    for _ in range(MAX_SILENT - 1):
        bench.board.sample()
    report = bench.dut.read_readings()
    assert isinstance(report, m.ReadingsReport)
    assert report.readings is not None
    missing = [channel for channel in SENSORS if getattr(report.readings, channel) is None]
    assert missing == list(SENSORS)[3:]
    with pytest.raises(InstrumentError, match="the unit: gave no reply"):
        bench.board.sample()


def test_a_sensor_of_another_kind_is_named(bench: Bench) -> None:
    bench.probes["temperature_mk"].unit = "kPa"
    for _ in range(MAX_SILENT - 1):
        bench.board.sample()
    with pytest.raises(InstrumentError, match="temperature_mk: its sensor tells 'kPa', not one of"):
        bench.board.sample()


def test_degrees_celsius_are_understood(bench: Bench) -> None:
    probe = bench.probes["temperature_mk"]
    shown = probe.read()
    assert isinstance(shown, Reading)
    value_k = shown.value
    probe.read = lambda: Reading(value_k - 273.15, "degC", 0, 0.0)  # type: ignore[method-assign]
    bench.board.sample()
    report = bench.dut.read_readings()
    assert isinstance(report, m.ReadingsReport)
    assert report.readings is not None
    assert report.readings.temperature_mk == round(value_k * 1e3)


@pytest.mark.parametrize(("told_pa", "taken_pa"), [(-9.0, 0), (-11.0, -11), (9.0, 9)])
def test_an_amplitude_is_not_below_zero_by_noise(
    bench: Bench, told_pa: float, taken_pa: int
) -> None:
    probe = bench.probes["catheter_pulse_pa"]
    probe.read = lambda: Reading(told_pa, "Pa", 0, 10.0)  # type: ignore[method-assign]
    bench.board.sample()
    report = bench.dut.read_readings()
    assert isinstance(report, m.ReadingsReport)
    assert report.readings is not None
    assert report.readings.catheter_pulse_pa == taken_pa


def test_sensors_are_named_as_channels() -> None:
    bench = Bench()
    report = bench.pump.dut.read_configuration()
    assert isinstance(report, m.ConfigurationReport)
    with pytest.raises(LocalError, match="'wind' is no channel: there is reservoir_pressure_pa"):
        Board(bench.pump.clock, [Unit({"wind": bench.probes["temperature_mk"]})], None, report)
    with pytest.raises(LocalError, match="without reservoir_pressure_pa"):
        Board(bench.pump.clock, [], None, report)
    with pytest.raises(LocalError, match="a channel has two sensors"):
        Board(bench.pump.clock, [*bench.units, bench.units[0]], None, report)


def test_a_board_has_no_logic_no_log_and_no_valve(bench: Bench) -> None:
    for reply in (bench.dut.status(), bench.dut.begin_refill()):
        assert isinstance(reply, m.Refused)
        assert reply.reason is Refusal.UNSUPPORTED
    valve = bench.dut.actuate(
        m.Actuate(sounder=Sounder.OFF, patient_signal=False, valve_open=False)
    )
    assert isinstance(valve, m.Refused)
    assert valve.reason is Refusal.NO_VALVE
    bench.dut.close_session()


def test_its_clock_can_be_set(bench: Bench) -> None:
    assert isinstance(bench.dut.set_clock(1_800_000_000), m.Done)
    bench.rig.wait("2 min")
    report = bench.dut.read_readings()
    assert isinstance(report, m.ReadingsReport)
    assert report.readings is not None
    assert report.readings.rtc_s in range(1_800_000_060, 1_800_000_121)


def test_every_channel_has_a_dimension() -> None:
    from hil.board import CHANNELS

    others = {"sequence", "rtc_s", "rtc_valid"}
    assert set(CHANNELS) == set(Readings._fields) - others
