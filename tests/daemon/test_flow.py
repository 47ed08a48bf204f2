"""Budgets of the wall clock, and turns in a period of device time."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpsim.daemon.flow import Budget, first_telemetry_ns

S = 1_000_000_000


class Wall:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def test_a_seconds_worth_is_saved_up_and_no_more() -> None:
    wall = Wall()
    budget = Budget(5.0, wall)
    wall.now_ns = 100 * S
    assert [budget.take() for _ in range(7)] == [True] * 5 + [False] * 2


def test_it_fills_again_at_its_rate() -> None:
    wall = Wall()
    budget = Budget(5.0, wall)
    while budget.take():
        pass
    wall.now_ns = S // 5 - 1
    assert not budget.ready()
    wall.now_ns = S // 5
    assert budget.ready()
    assert budget.take()
    assert not budget.take()


@pytest.mark.slow
@given(st.text(), st.integers(0, 2**62), st.integers(1, 2**50))
def test_a_turn_comes_within_a_period_and_lies_where_it_always_lies(
    device: str, now_ns: int, period_ns: int
) -> None:
    first_ns = first_telemetry_ns(device, now_ns, period_ns)
    assert now_ns <= first_ns < now_ns + period_ns
    assert (first_ns - first_telemetry_ns(device, 0, period_ns)) % period_ns == 0


def test_a_turn_is_the_same_in_every_process() -> None:
    assert first_telemetry_ns("demo", 0, 1_000_000) == 550_000


def test_no_part_of_a_period_is_crowded() -> None:
    turns_ns = [first_telemetry_ns(f"pump-{number}", 0, S // 10) for number in range(200)]
    assert max(Counter(turn_ns * 10 // (S // 10) for turn_ns in turns_ns).values()) < 2 * 20
