"""Fits against a plant whose parameters are known: values, intervals, what cannot be told."""

import random
from math import comb
from pathlib import Path

import pytest

from hil.calibration.fit import CONFIDENCE, Fit, fit
from hil.emulated.model import PumpModel
from hil.errors import LocalError
from tests.hil.calibration.bench import Truth, measured

DEMO = Path(__file__).parents[3] / "pumps" / "demo.toml"
TRUTHS = (Truth(1.08, 0.97, 180.0), Truth(0.92, 1.03, 60.0))
NOISE = 0.003
SHARED = 0.005
FITS = 150
"""Seeds per truth."""
ODDS = 1e-4
"""How improbable a count of hits must be before it speaks against the claimed rate."""


@pytest.fixture(scope="module")
def model() -> PumpModel:
    return PumpModel.load(DEMO)


def hits(found: Fit, truth: Truth) -> dict[str, bool]:
    return {
        one.parameter.key: abs(one.value - truth.values[one.parameter.key]) <= one.half_width
        for one in found.estimates
        if one.half_width is not None
    }


def expected() -> tuple[int, int]:
    """The fewest and the most hits that such odds allow: quantiles of a binomial distribution."""
    lowest, most, below = 0, 0, 0.0
    for count in range(FITS + 1):
        below += comb(FITS, count) * CONFIDENCE**count * (1.0 - CONFIDENCE) ** (FITS - count)
        lowest += below < ODDS
        most += below < 1.0 - ODDS
    return lowest, most


def test_without_noise_the_truth_is_found(model: PumpModel) -> None:
    for truth in TRUTHS:
        found = fit(model, measured(truth, 1, 0.0, stated=False))
        for one in found.estimates:
            assert one.value == pytest.approx(truth.values[one.parameter.key], rel=2e-3)
            assert not one.why_held


@pytest.mark.slow
@pytest.mark.parametrize("stated", [True, False], ids=["stated", "from the scatter"])
@pytest.mark.parametrize("truth", TRUTHS, ids=["fast", "slow"])
def test_intervals_hold_the_truth_as_often_as_they_claim(
    model: PumpModel, truth: Truth, *, stated: bool
) -> None:
    counts = dict.fromkeys(truth.values, 0)
    for seed in range(FITS):
        found = fit(model, measured(truth, seed, NOISE, stated=stated))
        for key, hit in hits(found, truth).items():
            counts[key] += hit
    lowest, highest = expected()
    assert lowest > 0.85 * FITS
    for key, count in counts.items():
        assert lowest <= count <= highest, key


@pytest.mark.slow
@pytest.mark.parametrize("told", [True, False])
def test_an_error_that_all_flows_share_is_in_the_intervals_once_it_is_told(
    model: PumpModel, *, told: bool
) -> None:
    """A wrong density: each bench has its own, and no residual shows it."""
    truth, chance, counts = TRUTHS[0], random.Random(5), {"restrictor_conductance_factor": 0}
    for seed in range(FITS):
        off = 1.0 + chance.gauss(0.0, SHARED)
        points = [
            point._replace(
                flow_nl_per_h=point.flow_nl_per_h * off,
                shared_nl_per_h=2.0 * SHARED * point.flow_nl_per_h if told else 0.0,
            )
            for point in measured(truth, seed, NOISE)
        ]
        found = fit(model, points)
        assert (found.chance or 0.0) > 1e-6
        for key in counts:
            counts[key] += hits(found, truth)[key]
    lowest, highest = expected()
    assert all(lowest <= count <= highest for count in counts.values()) is told


def test_stated_uncertainties_are_judged_by_the_chi_square(model: PumpModel) -> None:
    points = measured(TRUTHS[0], 1, NOISE)
    assert 1e-3 < (fit(model, points).chance or 0.0) < 1.0 - 1e-3
    too_sure = [point._replace(uncertainty_nl_per_h=point.flow_nl_per_h * 1e-3) for point in points]
    found = fit(model, too_sure)
    assert (found.chance or 0.0) < 1e-6
    assert (found.chi_square or 0.0) > 10 * found.degrees


@pytest.mark.parametrize(
    ("sweeps", "held"),
    [
        (("temperature",), {"bellows_rate": "fill level over 3 mL"}),
        (("pressure",), {"bellows_rate": "fill level over 3 mL"}),
        (("level",), {"propellant_pressure_factor": "temperature over 2 K or of outlet pressure"}),
    ],
)
def test_what_no_sweep_tells_is_held_and_the_missing_sweep_named(
    model: PumpModel, sweeps: tuple[str, ...], held: dict[str, str]
) -> None:
    truth = Truth(restrictor=1.1)
    found = fit(model, measured(truth, 1, NOISE, sweeps))
    assert {one.parameter.key for one in found.estimates if one.why_held} == set(held)
    for one in found.estimates:
        if one.why_held:
            assert held[one.parameter.key] in one.why_held
            assert one.value == one.before
            assert one.half_width is None
    assert all(hits(found, truth).values())


def test_one_flow_at_one_place_tells_the_restrictor_alone(model: PumpModel) -> None:
    points = measured(Truth(restrictor=1.1), 3, NOISE, ("temperature",))[6:9]
    found = fit(model, points)
    assert list(found.values) == ["restrictor_conductance_factor"]
    assert found.values["restrictor_conductance_factor"] == pytest.approx(1.1, rel=0.01)
    assert found.correlations == {}


def test_the_flow_where_the_label_holds_is_told_better_than_its_parts(model: PumpModel) -> None:
    truth = TRUTHS[0]
    found = fit(model, measured(truth, 5, NOISE))
    nominal, half_width = found.nominal_nl_per_h
    [exact] = model.flows_nl_per_h(truth.values, [model.nominal])
    assert abs(nominal - exact) <= half_width
    assert half_width < 0.003 * exact
    pair = ("restrictor_conductance_factor", "propellant_pressure_factor")
    assert found.correlations[pair] < -0.9


def test_things_that_change_together_are_not_told_apart(model: PumpModel) -> None:
    """Pressure and fill level in step: bellows and outlet do the same to every flow."""
    points = measured(Truth(), 1, NOISE, ("level",))
    tied = [
        point._replace(
            surroundings=point.surroundings._replace(
                outlet_pressure_pa=1_000.0 * (index % 2), volume_nl=6e6 + 20e6 * (index % 2)
            )
        )
        for index, point in enumerate(points)
    ]
    tied = [
        point._replace(
            surroundings=point.surroundings._replace(
                ambient_pressure_pa=101_325.0 + 6_000.0 * (index % 2), temperature_mk=310_150.0
            )
        )
        for index, point in enumerate(tied)
    ]
    with pytest.raises(LocalError, match=r"do not tell .* apart: in a sweep change one thing"):
        fit(model, tied)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"volume_nl": 31e6}, "volume_nl: 31000000 is more than the 30000000"),
        ({"ambient_pressure_pa": 500_000.0}, "nothing leaves .*demo.toml at these pressures"),
    ],
)
def test_data_of_another_pump_are_refused(
    model: PumpModel, change: dict[str, float], sentence: str
) -> None:
    points = measured(Truth(), 1, NOISE)
    points[4] = points[4]._replace(surroundings=points[4].surroundings._replace(**change))
    with pytest.raises(LocalError, match=f"^bench.csv:6: .*{sentence}"):
        fit(model, points)


def test_flows_in_another_unit_are_refused(model: PumpModel) -> None:
    points = [p._replace(flow_nl_per_h=p.flow_nl_per_h / 41_667) for p in measured(Truth(), 1, 0.0)]
    with pytest.raises(LocalError, match=r"flows are 2\.4e-05 times .*1 mL/day is 41667"):
        fit(model, points)


def test_too_few_points_are_refused(model: PumpModel) -> None:
    every = measured(Truth(), 1, NOISE)
    points = [every[index] for index in (0, 11, 20, 27)]
    with pytest.raises(LocalError, match=r"4 points are too few .*: 5 are the least"):
        fit(model, points)


def test_a_value_at_its_bound_is_told(model: PumpModel) -> None:
    """A flow that rises with the volume more than any bellows would make it."""
    points = [
        point._replace(
            flow_nl_per_h=point.flow_nl_per_h * (0.9 + point.surroundings.volume_nl / 1.5e8)
        )
        for point in measured(Truth(), 2, NOISE)
    ]
    rate = fit(model, points).estimates[-1]
    assert rate.at_bound
    assert rate.value == pytest.approx(rate.parameter.highest)
