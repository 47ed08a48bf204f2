"""Bounds against values of the published tables and the definition."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpsim.performance.statistics import at_least, quantile, rate_at_most


@pytest.mark.parametrize(
    ("detected", "runs", "bound"),
    [(200, 200, 0.98513), (20, 20, 0.86089), (19, 20, 0.78389), (10, 20, 0.30195), (1, 1, 0.05)],
)
def test_known_bounds(detected: int, runs: int, bound: float) -> None:
    assert at_least(detected, runs) == pytest.approx(bound, abs=5e-6)


def test_nothing_detected_supports_nothing() -> None:
    assert at_least(0, 20) == 0.0
    with pytest.raises(ValueError, match="no count"):
        at_least(21, 20)


@given(st.integers(1, 200), st.data())
def test_the_bound_is_where_the_tail_is_five_percent(runs: int, data: st.DataObject) -> None:
    """The definition, computed on another way: the complement of the lower tail."""
    detected = data.draw(st.integers(1, runs))
    p = at_least(detected, runs)
    fewer = math.fsum(math.comb(runs, k) * p**k * (1 - p) ** (runs - k) for k in range(detected))
    assert 1.0 - fewer == pytest.approx(0.05, abs=1e-9)
    assert p < detected / runs or detected == runs


def test_rule_of_three() -> None:
    assert rate_at_most(100.0) == pytest.approx(0.029957, abs=1e-6)


def test_quantiles_are_values_that_were_seen() -> None:
    values = [float(n) for n in range(1, 21)]
    assert quantile(values, 0.5) == 10.0
    assert quantile(values, 0.95) == 19.0
    assert quantile([1.0, 2.0, 3.0], 0.5) == 2.0
    assert quantile([7.0], 0.5) == quantile([7.0], 0.95) == 7.0
