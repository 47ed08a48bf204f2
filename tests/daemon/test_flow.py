"""Budgets of the wall clock."""

from pumpsim.daemon.flow import Budget

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
