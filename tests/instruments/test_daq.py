"""Transducers in volts: they show the truth within their error, and a relay that clicks."""

import pytest

from pumpsim.device import Device
from pumpsim.instruments.bench import Bench
from pumpsim.instruments.daq import FULL_V, TRANSDUCERS
from pumpsim.instruments.line import Ailment, Fault
from pumpsim.instruments.parameters import BenchSection
from pumpsim.instruments.scpi_daq import ScpiDaq
from pumpsim.pumpfile import demo

HOUR_NS = 3_600 * 10**9


@pytest.fixture
def bench() -> Bench:
    device = Device(demo(), 1)
    device.implant()
    device.advance(HOUR_NS)
    return Bench(device, BenchSection(), 1)


def asked(bench: Bench, message: str, ailment: Ailment | None = None) -> str:
    line = ScpiDaq(bench.daq, ailment or Ailment()).interpreter
    return line.receive(HOUR_NS, message.encode() + b"\n").decode().strip()


def test_every_transducer_shows_the_truth_within_its_error(bench: Bench) -> None:
    state = bench.daq._device.plant.state
    truths = {
        "reservoir_pressure": state.reservoir_pressure_pa / 1e3,
        "catheter_pressure": state.catheter_pressure_pa / 1e3,
        "catheter_pulse": state.catheter_pulse_pa / 1e3,
        "pocket_pressure": state.pocket_pressure_pa / 1e3,
        "pump_temperature": state.pump_temperature_k - 273.15,
        "fill_level": state.reservoir_volume_m3 * 1e6,
        "battery": 2.9,
    }
    shown = bench.read("daq", HOUR_NS)
    assert shown.keys() == truths.keys()
    for name, value in shown.items():
        assert value.value == pytest.approx(truths[name], abs=value.uncertainty)
        assert value.uncertainty < 0.1


def test_volts_are_asked_for_in_lists_and_ranges(bench: Bench) -> None:
    volts = [float(text) for text in asked(bench, "MEAS:VOLT? (@101:103,106)").split(",")]
    full = [TRANSDUCERS[channel].full for channel in (101, 102, 103, 106)]
    values = [one * whole / FULL_V for one, whole in zip(volts, full, strict=True)]
    assert values == pytest.approx([347.7, 113.7, 2.7, 28.0], rel=0.1)
    assert asked(bench, "measure:voltage:dc? (@101)") == asked(bench, "MEAS:VOLT? (@101)")


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ("MEAS:VOLT?", -109),
        ("MEAS:VOLT? (@101:108)", -222),
        ("MEAS:VOLT? (@103:101)", -224),
        ("MEAS:VOLT? 101", -224),
        ("ROUT:CLOS (@101)", -222),
        ("CONF:VOLT:DC (@101,108)", -222),
    ],
)
def test_what_it_does_not_have_is_an_error(bench: Bench, message: str, number: int) -> None:
    assert asked(bench, f"{message};:SYST:ERR?") == ""
    line = ScpiDaq(bench.daq, Ailment()).interpreter
    line.receive(0, message.encode() + b"\n")
    assert line.receive(0, b"SYST:ERR?\n").startswith(f"{number},".encode())
    assert not bench.daq.closed


def test_the_relay_closes_and_opens(bench: Bench) -> None:
    assert asked(bench, "ROUT:CLOS (@201);CLOS? (@201);OPEN? (@201)") == "1;0"
    assert bench.daq.closed
    kept = bench.save()
    assert asked(bench, "ROUT:OPEN (@201);CLOS? (@201)") == "0"
    bench.load(kept)
    assert bench.daq.closed
    asked(bench, "*RST")
    assert not bench.daq.closed


def test_faults_are_those_of_its_line(bench: Bench) -> None:
    sound = float(asked(bench, "MEAS:VOLT? (@101)"))
    wrong = float(asked(bench, "MEAS:VOLT? (@101)", Ailment(Fault.WRONG_UNIT)))
    assert wrong == pytest.approx(1e3 * sound)
    assert asked(bench, "MEAS:VOLT? (@101)", Ailment(Fault.OVERLOAD)) == "9.9E37"
