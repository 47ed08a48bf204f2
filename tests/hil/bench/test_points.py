"""What a bench run gives to a calibration: the truth within its interval, and no point twice."""

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hil.bench.curves import Weighing
from hil.bench.gravimetry import Method, Row, Weighed, flow_of
from hil.bench.points import LEAST_ML, add_points
from hil.bench.run import Run
from hil.bench.script import find
from hil.bench.scripts.flow_accuracy import Parameters
from hil.calibration.data import load
from hil.cli import main
from hil.rig import open_rig
from tests.hil.bench.conftest import Bench, PowerCut

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[3]
BEGINS = "$ hil bench flow-temperature"
RESTRICTOR = "restrictor_conductance_factor"
SWEEP = {"temperatures": "33 degC, 37 degC, 41 degC", "settle": "4 h", "samples": "6"}
HOUR_NS = 3_600 * 10**9
WATER = 1_000.0


def session(page: str) -> tuple[list[list[str]], str]:
    """Commands, and what the last one said, as a page of the documents shows them."""
    text = (TOP / "docs" / page).read_text(encoding="utf-8")
    fenced = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    [block] = [one for one in fenced if BEGINS in one]
    lines = block.splitlines()
    told = "".join(f"{line}\n" for line in lines if not line.startswith("$ "))
    return [shlex.split(line[2:])[1:] for line in lines if line.startswith("$ ")], told


def true_value(uri: str, name: str) -> float:
    with open_rig(uri) as rig:
        value: float = rig.laboratory.truth()["conditions"][name]
        return value


def test_the_session_in_the_documents_is_what_happens_and_the_truth_is_in_the_intervals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two scripts against one pump; its plant says what is true, and the fit never asks it."""
    commands, told = session("calibration.md")
    assert session("bench.md") == (commands, told)
    for name in ("examples", "pumps"):
        (tmp_path / name).symlink_to(TOP / name)
    monkeypatch.chdir(tmp_path)
    for command in commands:
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, done.output
    assert done.stdout == told
    uri = commands[0][commands[0].index("--rig") + 1]
    assert true_value(uri, RESTRICTOR) == 1.05
    for name in (RESTRICTOR, "propellant_pressure_factor"):
        [row] = [line.split() for line in told.splitlines() if line.startswith(name)]
        fitted, half_width = float(row[1]), float(row[3])
        assert abs(fitted - true_value(uri, name)) <= half_width < 0.01


def test_points_are_made_anew_after_every_interruption_and_none_stands_twice(
    bench: Bench, other: Bench
) -> None:
    short = {**SWEEP, "temperatures": "36 degC, 38 degC"}
    bench.run("flow-temperature", short)
    _, pieces = other.run_in_pieces("flow-temperature", short, 30, PowerCut)
    assert pieces > 2
    whole = (bench.folder / "points.csv").read_bytes()
    assert whole.count(b"\n") == 3
    assert (other.folder / "points.csv").read_bytes() == whole


@pytest.mark.parametrize(
    ("name", "texts", "count"),
    [
        ("flow-accuracy", {"duration": "3 d", "sample": "4 h", "startup": "1 d"}, 2),
        ("flow-pressure", {"outlets": "0 kPa, 12 kPa, 20 kPa", "samples": "4"}, 3),
        ("flow-level", {"fill": "6 mL", "sample": "4 h"}, 3),
        ("endurance", {"length": "8 d", "cycle": "4 d", "duration": "2 d"}, 4),
    ],
)
def test_every_script_that_weighs_a_flow_at_rest_gives_points(
    bench: Bench, name: str, texts: dict[str, str], count: int
) -> None:
    record = bench.run(name, texts)
    points = load([bench.folder], WATER)
    assert len(points) == count
    assert any(
        note.startswith(f"points for hil calibrate in points.csv: {count}, ")
        for note in record.notes
    )
    for point in points:
        around, doubt = point.surroundings, point.uncertainty_nl_per_h or 0.0
        assert around.temperature_mk == pytest.approx(310_150.0, abs=60.0)
        assert around.ambient_pressure_pa == pytest.approx(101_325.0, abs=2_000.0)
        assert LEAST_ML * 1e6 < around.volume_nl < 30e6
        assert around.viscosity_permille == 1_014.0
        assert 0 < doubt < 0.01 * point.flow_nl_per_h
        assert 0 < point.shared_nl_per_h < 0.01 * point.flow_nl_per_h


def test_a_bare_pump_with_a_level_sensor_gives_points_too(bench: Bench) -> None:
    texts = {"duration": "2 d", "sample": "6 h", "startup": "1 d"}
    bench.run("flow-accuracy", texts, uri="sim:?bare=1")
    [point] = load([bench.folder], WATER)
    assert point.surroundings.volume_nl == pytest.approx(26e6, abs=1.5e6)


# ---- from weighings to points


ROW = {"bath": [37.0, 0.05], "outlet": [12.4, 0.04], "ambient_kpa": 101.3, "level_ml": 20.0}


def weighed(
    hours: float, around: Callable[[int], dict[str, Any]], viscosity: int | None = 1_014
) -> Weighed:
    """Each two hours 100 mg."""
    rows = []
    for n in range(int(hours / 2) + 1):
        beside = around(n)
        weighing = Weighing(n * 2 * HOUR_NS, 100.0 * n, beside.get("piece", 0))
        rows.append(Row(weighing, 0.4, 0.1 * n, beside))
    return Weighed(tuple(rows), flow_of(rows, Method()), viscosity)


@pytest.fixture
def run(bench: Bench) -> Run:
    """Of a script that does nothing."""
    held: list[Run] = []
    bench.run(replace(find("flow-accuracy"), play=lambda run, _: held.append(run)))
    return held[0]


def test_a_point_spans_a_day_and_no_weighing_is_in_two(run: Run) -> None:
    add_points(run, "flow", weighed(72, lambda n: {**ROW, "level_ml": 20.0 - n}), Parameters())
    levels = [point.surroundings.volume_nl / 1e6 for point in run.points]
    assert levels == [20.0 - 6.0, 20.0 - 13 - 2.0]  # 0 to 12, then 13 to 17: below 3 mL none
    assert {round(point.flow_nl_per_h) for point in run.points} == {round(1e8 / 2 / 997.8)}


def test_no_point_spans_an_interruption_or_the_start_up(run: Run) -> None:
    """Three weighings, then a gap, then one alone, then a gap, then four."""
    piece = [0, 0, 0, 1, 2, 2, 2, 2]
    series = weighed(14, lambda n: {**ROW, "level_ml": 10.0 + n, "piece": piece[n]})
    add_points(run, "flow", series, Parameters())
    assert [point.surroundings.volume_nl / 1e6 for point in run.points] == [11.0, 15.5]
    run.points.clear()
    add_points(run, "flow", series, Parameters(), 2 * HOUR_NS)
    assert [point.surroundings.volume_nl / 1e6 for point in run.points] == [11.5, 15.5]


def test_a_thermometer_that_may_be_off_is_an_error_that_all_points_share(run: Run) -> None:
    method = Method(density_uncertainty_percent=0.0, evaporation_uncertainty_mg_per_h=0.0)
    sure = Parameters(method=method)
    add_points(run, "flow", weighed(12, lambda _: {**ROW, "outlet": [12.4, 0.0]}), sure)
    [point] = run.points
    assert point.shared_nl_per_h == pytest.approx(0.05 * 0.062 * point.flow_nl_per_h)
    own = 0.4 * 2**0.5 / 600 * point.flow_nl_per_h
    assert point.uncertainty_nl_per_h == pytest.approx(own, rel=0.1)


def test_a_barometer_goes_before_what_a_laboratory_tells(run: Run) -> None:
    add_points(run, "flow", weighed(4, lambda _: ROW), Parameters(ambient_kpa=99.0))
    assert [point.surroundings.ambient_pressure_pa for point in run.points] == [99_000.0]


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("bath", "no bath tells the pump's temperature"),
        ("outlet", "no controller tells the outlet's pressure"),
        ("ambient_kpa", "read a barometer, and give ambient"),
        ("level_ml", "nobody tells what is in the reservoir"),
        ("viscosity", "the device was never told what it was filled with"),
    ],
)
def test_what_is_missing_for_points_is_told(run: Run, key: str, why: str) -> None:
    viscosity = None if key == "viscosity" else 1_014
    before = list(run.record.notes)
    add_points(run, "flow", weighed(4, lambda _: {**ROW, key: None}, viscosity), Parameters())
    assert run.points == []
    [note] = run.record.notes[len(before) :]
    assert note.startswith("flow: no points for hil calibrate: ")
    assert why in note
