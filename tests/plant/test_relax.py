"""The catheter's rational exponential against the exact solution of its equation."""

import math

import pytest

from pumpsim.plant.relaxation import relax


def exact(spans: float, old: float, old_aim: float, aim: float) -> tuple[float, float]:
    """y' = (aim(t) - y) / tau with an aim on a straight line: its end, and its mean."""
    slope = (aim - old_aim) / spans
    off = old - old_aim + slope
    end = aim - slope + off * math.exp(-spans)
    mean = (old_aim + aim) / 2 - slope + off * (1 - math.exp(-spans)) / spans
    return end, mean


def followed(steps: int) -> tuple[float, float]:
    """End and integral of 0.3 y' = t^2 - y, y(0) = 1, up to t = 1."""
    value = 1.0
    integral = 0.0
    for step in range(steps):
        before, after = step / steps, (step + 1) / steps
        value, mean = relax(1 / steps / 0.3, value, before**2, after**2)
        integral += mean / steps
    return value, integral


def test_it_is_of_second_order() -> None:
    reference, coarse, fine = followed(20_000), followed(200), followed(400)
    for exactly, once, twice in zip(reference, coarse, fine, strict=True):
        assert abs(once - exactly) < 1e-4
        assert abs(once - exactly) > 3.5 * abs(twice - exactly)


def test_a_step_towards_a_still_aim_is_of_third_order() -> None:
    for spans in (0.3, 0.1, 0.01):
        end, _ = relax(spans, 1.0, 0.0, 0.0)
        assert abs(end - exact(spans, 1.0, 0.0, 0.0)[0]) < spans**3 / 4


@pytest.mark.parametrize("case", [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (3.0, -2.0, 1.0)])
def test_long_steps_reach_the_aim(case: tuple[float, float, float]) -> None:
    for found, reference in zip(relax(400.0, *case), exact(400.0, *case), strict=True):
        assert found == pytest.approx(reference, abs=1e-4)


def test_what_is_stored_came_in() -> None:
    # The mean and the end must tell the same story: what the aim pulled in is what is there.
    for spans in (1e-6, 0.1, 1.0, 10.0, 1e3, 1e9):
        end, mean = relax(spans, 3.0, -2.0, 1.0)
        assert end - 3.0 == pytest.approx(spans * ((-2.0 + 1.0) / 2 - mean), rel=1e-6)


def test_no_time_moves_nothing() -> None:
    assert relax(0.0, 3.0, -2.0, 1.0) == (3.0, 3.0)
