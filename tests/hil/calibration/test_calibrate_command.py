"""`hil calibrate` from end to end: a table in, a fitted pump file and a record out."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hil.calibration.data import NEEDED, to_csv
from hil.calibration.fit import fit
from hil.cli import main
from hil.emulated.model import PumpModel
from hil.flow_point import FlowPoint
from hil.record import Verdict, from_plain
from pumpsim import pumpfile
from pumpsim.device import Device
from tests.hil.calibration.bench import Truth, measured, swept

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "pumps" / "demo.toml"
TRUTH = Truth(1.08, 0.97, 180.0)
NOISE = 0.002
KEYS = ("restrictor_conductance_factor", "propellant_pressure_factor", "bellows_rate")


def hil(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def write(path: Path, points: list[FlowPoint]) -> Path:
    path.write_text(to_csv(points))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path / "bench.csv", measured(TRUTH, 1, NOISE))


@pytest.mark.slow
def test_a_fitted_pump_flows_as_the_pump_that_was_measured(table: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "fitted.toml", tmp_path / "report"
    result = hil("calibrate", table, "--pump", DEMO, "--out", out, "--report", report)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == f"{out} written"
    record = from_plain(json.loads((report / "record.json").read_text()))
    assert record.kind == "calibration"
    assert record.verdict is Verdict.PASS
    assert [one.title for one in record.figures] == [
        "Residuals against temperature",
        "Residuals against outlet pressure above ambient",
        "Residuals against ambient pressure",
        "Residuals against fill level",
        "Residuals against the order of the data",
    ]
    fitted = {one.name: one for one in record.measurements}
    for key, true in TRUTH.values.items():
        assert abs(fitted[key].value - true) <= (fitted[key].uncertainty or 0.0), key
    nominal = fitted["flow of water at 37 degC, sea level, mean artery, half full"]
    share = (nominal.uncertainty or 0.0) / nominal.value
    model = PumpModel.load(out)
    for sweep in ("temperature", "pressure", "level"):
        rows = swept(TRUTH, sweep)
        modelled = model.flows_nl_per_h(model.present, [around for _, around in rows])
        for (flow, _), told in zip(rows, modelled, strict=True):
            assert told == pytest.approx(flow, rel=4 * share)
    assert share < 2e-3


def test_the_fitted_file_is_the_given_one_but_for_what_was_fitted(
    table: Path, tmp_path: Path
) -> None:
    pump, out = tmp_path / "pump.toml", tmp_path / "fitted.toml"
    pump.write_text(
        '# ours\n[pump]\nid = "own"\nbellows_rate = "100 Pa/mL"  # as drawn\n\n'
        '[fill]\nvolume = "28 mL"  # full\n'
    )
    assert hil("calibrate", table, "--pump", pump, "--out", out).exit_code == 0
    kept = [line for line in out.read_text().splitlines() if not line.startswith(KEYS)]
    assert kept == ["# ours", "[pump]", 'id = "own"', "", "[fill]", 'volume = "28 mL"  # full']
    assert [line for line in out.read_text().splitlines() if line.endswith('Pa/mL"  # as drawn')]
    device = Device(pumpfile.load(out), seed=1)
    device.implant()
    device.advance(3_600 * 10**9)
    fitted = pumpfile.load(out).pump
    assert device.plant.conditions["propellant_pressure_factor"] == pytest.approx(
        fitted.propellant_pressure_factor
    )
    assert fitted.bellows_rate == pytest.approx(180e6, rel=0.4)


@pytest.mark.slow
def test_what_is_held_keeps_its_line_and_is_told(tmp_path: Path) -> None:
    out = tmp_path / "fitted.toml"
    table = write(tmp_path / "warm.csv", measured(TRUTH, 1, NOISE, ("temperature",)))
    result = hil("calibrate", table, "--pump", DEMO, "--out", out, "--json")
    assert result.exit_code == 0
    assert "bellows_rate" not in out.read_text()
    cases = {one["id"]: one for one in json.loads(result.stdout)["cases"]}
    assert cases["bellows_rate"]["verdict"] == "skip"
    assert "held at 100 Pa/mL: needs a sweep of the fill level" in cases["bellows_rate"]["seen"]


@pytest.mark.slow
def test_a_model_that_does_not_describe_the_data_is_not_written(
    tmp_path: Path,
) -> None:
    points = measured(TRUTH, 1, 0.01)
    sure = [point._replace(uncertainty_nl_per_h=50.0) for point in points]
    out, report = tmp_path / "fitted.toml", tmp_path / "report"
    table = write(tmp_path / "bench.csv", sure)
    result = hil("calibrate", table, "--pump", DEMO, "--out", out, "--report", report)
    assert result.exit_code == 1
    assert "no pump file was written" in result.stdout
    assert not out.exists()
    record = from_plain(json.loads((report / "record.json").read_text()))
    assert record.verdict is Verdict.FAIL
    assert "residuals are larger" in record.why


def test_bad_data_change_nothing(tmp_path: Path) -> None:
    out = tmp_path / "fitted.toml"
    out.write_text("mine")
    table = tmp_path / "bench.csv"
    table.write_text(",".join(NEEDED) + "\n54166.5,37,12399,101325,15000000\n")
    result = hil("calibrate", table, "--pump", DEMO, "--out", out)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"hil: {table}:2: temperature_mk: 37 lies outside")
    assert len(result.stderr.splitlines()) == 1
    assert out.read_text() == "mine"
    result = hil("calibrate", table, "--pump", tmp_path / "no.toml", "--out", out)
    assert result.exit_code == 2
    assert "no.toml: cannot be read" in result.stderr


def test_a_place_that_cannot_be_written_is_told(table: Path, tmp_path: Path) -> None:
    result = hil("calibrate", table, "--pump", DEMO, "--out", tmp_path / "no" / "fitted.toml")
    assert result.exit_code == 2
    assert "fitted.toml cannot be written: No such file" in result.stderr


def test_help_shows_examples() -> None:
    text = hil("calibrate", "--help").output
    assert "Examples:" in text
    assert "Exit codes: 0 fitted" in text


def test_the_text_for_people_has_every_value_with_its_interval(table: Path, tmp_path: Path) -> None:
    result = hil("calibrate", table, "--pump", DEMO, "--out", tmp_path / "fitted.toml")
    model = PumpModel.load(DEMO)
    found = fit(model, measured(TRUTH, 1, NOISE))
    for one in found.estimates:
        [line] = [row for row in result.stdout.splitlines() if row.startswith(one.parameter.key)]
        assert f"{one.value:.4g}"[:5] in line
        assert "+-" in line
    assert "agreement                       reduced chi-square" in result.stdout


def test_the_worked_example_is_what_the_command_says(tmp_path: Path) -> None:
    data = ROOT / "examples" / "calibration" / "sweeps.csv"
    page = (ROOT / "docs" / "calibration.md").read_text()
    result = hil("calibrate", data, "--pump", DEMO, "--out", tmp_path / "fitted.toml")
    *lines, written = result.stdout.splitlines()
    assert "\n".join(lines) in page
    assert written.endswith("fitted.toml written")
    for line in (tmp_path / "fitted.toml").read_text().splitlines()[:10]:
        assert line in page
