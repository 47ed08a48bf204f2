"""Pump files: what the demo is, what a short file gives, and that the shipped ones are pumps."""

from pathlib import Path

import pytest

from protocol.configfile import ConfigError
from pumpsim import pumpfile
from pumpsim.device import Device

ROOT = Path(__file__).parents[2]


def test_the_demo_is_the_pump_that_the_shipped_file_describes() -> None:
    assert pumpfile.demo() == pumpfile.load(ROOT / "pumps" / "demo.toml")


def test_the_demo_is_a_30_ml_n_butane_pump_of_1_3_ml_a_day() -> None:
    demo = pumpfile.demo()
    assert demo.id == "demo"
    assert demo.pump.capacity == 30_000_000
    assert demo.pump.propellant == "n-butane"
    assert abs(demo.pump.nominal_flow * 24 - 1_300_000) <= 12


@pytest.mark.parametrize("path", sorted((ROOT / "pumps").glob("*.toml")), ids=lambda p: p.stem)
def test_a_shipped_pump_runs_for_an_hour(path: Path) -> None:
    device = Device(pumpfile.load(path), seed=1)
    device.implant()
    device.advance(3_600 * 10**9)
    flow_nl_per_h = device.plant.state.flow_m3_per_s * 3.6e15
    nominal = device.pump.pump.nominal_flow * device.pump.pump.restrictor_conductance_factor
    assert flow_nl_per_h == pytest.approx(nominal, rel=0.08)
    assert device.bare == (path.stem == "bare")


def test_an_id_is_all_a_file_needs(tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    path.write_text('[pump]\nid = "short"\n')
    pump = pumpfile.load(path)
    report = pump.report()
    assert report.configuration is not None
    assert report.configuration.capacity_nl == 30_000_000
    assert report.configuration.refill_interval_s == 14 * 86_400
    assert report.last_refill is not None
    assert report.last_refill.filled_nl == 28_000_000


def test_a_pump_written_as_json_reads_as_the_same_pump() -> None:
    demo = pumpfile.demo()
    again = pumpfile.PumpFile.model_validate_json(demo.model_dump_json())
    assert again == demo


@pytest.mark.parametrize(
    "lines",
    ['[pump]\nid = "x"\nmodel = "Pümpe"', '[pump]\nid = "x"\n\n[fill]\ndrug = "Fluoruridín"'],
)
def test_text_the_wire_cannot_carry_is_refused_by_name(lines: str, tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"pump\.toml:[35]: "):
        pumpfile.load(path)


def test_how_far_a_pump_is_from_its_label_acts_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    path.write_text(
        '[pump]\nid = "own"\npropellant_pressure_factor = 0.95\nbellows_rate = "0.25 kPa/mL"\n'
    )
    own, sound = (Device(file, seed=1) for file in (pumpfile.load(path), pumpfile.demo()))
    for device in (own, sound):
        device.implant()
    drop_pa = sound.plant.state.reservoir_pressure_pa - own.plant.state.reservoir_pressure_pa
    above_half_ml = 28 - 15
    assert drop_pa == pytest.approx(0.05 * 347_800 - 150 * above_half_ml, rel=1e-2)
    configuration = own.pump.report().configuration
    assert configuration is not None
    assert configuration.bellows_rate_pa_per_ml == 250
    assert own.plant.conditions["propellant_pressure_factor"] == 0.95


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('bellows_rate = "100 Pa"', "is no unit of stiffness; use Pa/mL"),
        ('bellows_rate = "2 kPa/mL"', "bellows_rate: must be at most 1 kPa/mL"),
        ("propellant_pressure_factor = 0.0", "must be above 0"),
    ],
)
def test_a_factor_or_rate_that_cannot_be_is_named(line: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    path.write_text(f'[pump]\nid = "own"\n{line}\n')
    with pytest.raises(ConfigError, match=sentence) as caught:
        pumpfile.load(path)
    assert "pump.toml:3: " in str(caught.value)
