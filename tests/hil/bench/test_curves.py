"""The mathematics of flow from weights: against brute force, and against numbers by hand."""

from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.bench.curves import (
    NS_PER_H,
    Budget,
    Weighing,
    evaporation_added,
    flows,
    mean_flow,
    slope,
    trumpet,
)

HALF_H = NS_PER_H // 2
NOMINAL = 1.3  # mL/day
steps_mg = st.lists(st.floats(0.0, 100.0, allow_nan=False), min_size=2, max_size=40)


def weighed(gains_mg: list[float], period_ns: int = HALF_H, piece: int = 0) -> list[Weighing]:
    """Weights from 0 on, one each period."""
    mass_mg, found = 0.0, [Weighing(0, 0.0, piece)]
    for number, gain_mg in enumerate(gains_mg, 1):
        mass_mg += gain_mg
        found.append(Weighing(number * period_ns, mass_mg, piece))
    return found


def test_a_flow_by_hand() -> None:
    """27 mg in half an hour at 1 g/mL: Q = 60 x 0.027 / (30 x 1) = 0.054 mL/h = 1.296 mL/day."""
    points = flows(weighed([27.0, 54.0]), 1.0)
    assert [point.hours for point in points] == [0.5, 1.0]
    assert [point.flow_ml_per_day for point in points] == pytest.approx([1.296, 2.592])
    assert flows(weighed([27.0]), 0.5)[0].flow_ml_per_day == pytest.approx(2.592)


def test_a_trumpet_by_hand() -> None:
    """r = 1.296 mL/day is 27 mg in half an hour; 27, 54, 0, 27 deviate by 0, 100, -100, 0 %.

    Windows of two samples: 50, 0, -50; of four: 0.
    """
    windows = trumpet(
        weighed([27.0, 54.0, 0.0, 27.0]), 1.0, 1.296, HALF_H, (HALF_H, 2 * HALF_H, 4 * HALF_H)
    )
    assert [(one.hours, one.tried) for one in windows] == [(0.5, 4), (1.0, 3), (2.0, 1)]
    assert [one.highest_percent for one in windows] == pytest.approx([100.0, 50.0, 0.0])
    assert [one.lowest_percent for one in windows] == pytest.approx([-100.0, -50.0, 0.0], abs=1e-9)


def test_a_mean_flow_and_its_uncertainty_by_hand() -> None:
    """1,300 mg in 24 h at 1 g/mL: 1.3 mL/day.

    Balance sqrt(2) x 6.5 mg = 0.707 % of it, evaporation 0.1 mg/h x 24 h = 2.4 mg, density 1 %.
    """
    found = mean_flow(
        [Weighing(0, 0.0), Weighing(24 * NS_PER_H, 1_300.0)], 1.0, Budget(6.5, 0.1, 1.0)
    )
    assert found.value == pytest.approx(1.3)
    expected = 1.3 * sqrt(2 * (6.5 / 1_300) ** 2 + (2.4 / 1_300) ** 2 + 0.01**2)
    assert found.uncertainty == pytest.approx(expected)


def test_the_clock_is_part_of_the_budget() -> None:
    """36 s of an hour are 1 %."""
    found = mean_flow(
        [Weighing(0, 0.0), Weighing(NS_PER_H, 100.0)], 1.0, Budget(0.0, timing_ns=36e9)
    )
    assert found.uncertainty == pytest.approx(0.01 * found.value)


def brute_force(
    gains_mg: list[float], density: float, nominal: float, samples: int
) -> tuple[float, float]:
    """The formula as it is written: (S/P) x sum of 100 (Q_i - r) / r over every window."""
    sample_min = HALF_H / NS_PER_H * 60
    rate = nominal / 24
    flow = [60 * (gain / 1e3) / (sample_min * density) for gain in gains_mg]
    windows = []
    for first in range(len(flow) - samples + 1):
        total = 0.0
        for one in flow[first : first + samples]:
            total += 100 * (one - rate) / rate
        windows.append(total / samples)
    return min(windows), max(windows)


@given(steps_mg, st.floats(0.5, 2.0), st.integers(1, 40))
def test_the_trumpet_is_the_formulas(gains_mg: list[float], density: float, samples: int) -> None:
    found = trumpet(weighed(gains_mg), density, NOMINAL, HALF_H, (samples * HALF_H,))
    if samples > len(gains_mg):
        assert not found
        return
    low, high = brute_force(gains_mg, density, NOMINAL, samples)
    assert found[0].lowest_percent == pytest.approx(low, abs=1e-6)
    assert found[0].highest_percent == pytest.approx(high, abs=1e-6)
    assert found[0].tried == len(gains_mg) - samples + 1


@given(steps_mg, st.floats(0.5, 2.0))
def test_the_mean_flow_is_the_mean_of_the_flows(gains_mg: list[float], density: float) -> None:
    weighings = weighed(gains_mg)
    points = [point.flow_ml_per_day for point in flows(weighings, density)]
    found = mean_flow(weighings, density, Budget(1.0))
    assert found.value == pytest.approx(sum(points) / len(points), abs=1e-9)


@given(steps_mg, st.floats(0.0, 5.0))
def test_evaporation_is_put_back(gains_mg: list[float], evaporation_mg_per_h: float) -> None:
    """What is weighed less evaporation, and then corrected, is what was delivered."""
    delivered = weighed(gains_mg)
    dried = [
        one._replace(mass_mg=one.mass_mg - evaporation_mg_per_h * one.instant_ns / NS_PER_H)
        for one in delivered
    ]
    corrected = evaporation_added(dried, evaporation_mg_per_h)
    assert [one.mass_mg for one in corrected] == pytest.approx(
        [one.mass_mg for one in delivered], abs=1e-6
    )


@given(steps_mg, steps_mg)
def test_pieces_are_never_laid_together(first_mg: list[float], second_mg: list[float]) -> None:
    """An interruption of any length, with any jump of the weight, changes no flow."""
    first = weighed(first_mg)
    second = [
        Weighing(one.instant_ns + 1_000 * HALF_H, one.mass_mg + 99_999.0, 1)
        for one in weighed(second_mg)
    ]
    points = flows([*first, *second], 1.0)
    assert len(points) == len(first_mg) + len(second_mg)
    apart = [gain * 48 / 1e3 for gain in (*first_mg, *second_mg)]
    assert [point.flow_ml_per_day for point in points] == pytest.approx(apart, abs=1e-6)
    both = trumpet([*first, *second], 1.0, NOMINAL, HALF_H, (HALF_H,))
    assert both[0].highest_percent == pytest.approx(100 * (max(apart) / NOMINAL - 1), abs=1e-6)
    mean = mean_flow([*first, *second], 1.0, Budget(1.0))
    assert mean.value == pytest.approx(sum(apart) / len(apart), abs=1e-6)


def test_each_piece_costs_two_weighings() -> None:
    one = weighed([27.0] * 4)
    two = [*weighed([27.0] * 2), *[w._replace(piece=1) for w in weighed([27.0] * 2)]]
    whole, parts = (mean_flow(some, 1.0, Budget(1.0)) for some in (one, two))
    assert parts.value == pytest.approx(whole.value)
    assert parts.uncertainty == pytest.approx(whole.uncertainty * sqrt(2))


def test_two_weighings_apart_are_no_flow() -> None:
    with pytest.raises(ValueError, match="two weighings without an interruption"):
        mean_flow([Weighing(0, 0.0), Weighing(HALF_H, 27.0, 1)], 1.0, Budget(1.0))


def test_a_window_must_be_a_whole_number_of_samples() -> None:
    with pytest.raises(ValueError, match=r"a window of 0.75 h is no whole number"):
        trumpet(weighed([27.0] * 4), 1.0, NOMINAL, HALF_H, (3 * HALF_H // 2,))


def test_a_slope_by_hand() -> None:
    """Through 0, 2, 4 at -1, 0, 1: 2, by 2 / sqrt(4 x 2) when each is uncertain by 1."""
    found = slope([(-1.0, 0.0), (0.0, 2.0), (1.0, 4.0)], [1.0, 1.0, 1.0])
    assert found.value == pytest.approx(2.0)
    assert found.uncertainty == pytest.approx(2 / sqrt(8))


def test_points_that_lie_on_no_line_widen_the_interval() -> None:
    straight = slope([(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)], [0.1] * 4)
    bent = slope([(0.0, 0.0), (1.0, 5.0), (2.0, -3.0), (3.0, 3.0)], [0.1] * 4)
    assert bent.uncertainty > 10 * straight.uncertainty


@pytest.mark.parametrize("points", [[(0.0, 1.0), (1.0, 2.0)], [(1.0, 1.0)] * 3])
def test_no_slope_is_told_where_there_is_none(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="needs"):
        slope(points, [1.0] * len(points))


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0.1, 10)), min_size=3, max_size=10))
def test_a_straight_line_is_found_whatever_the_weights(places: list[tuple[float, float]]) -> None:
    xs = sorted({round(x, 1) for x, _ in places})
    if len(xs) < 3:
        return
    errors = [error for _, error in places][: len(xs)]
    found = slope([(x, 3.0 - 2.0 * x) for x in xs], errors)
    assert found.value == pytest.approx(-2.0, abs=1e-6)
    assert all(second > first for first, second in pairwise(xs))
