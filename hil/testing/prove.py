"""Hypothesis as the suite uses it: the same examples each time, and the smallest that fails."""

from collections.abc import Callable
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

PHASES: Final = (Phase.explicit, Phase.generate, Phase.shrink)
SEED: Final = 0


def suite_settings(examples: int, steps: int = 50) -> settings:
    """No wall clock, no database: what fails once fails again."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=PHASES,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )


class Prove:
    """Tries a check on many examples; the smallest that fails is the one that is raised."""

    def __init__(self, seed_: int = SEED, effort: float = 1.0) -> None:
        """`effort` multiplies the number of examples."""
        self.seed = seed_
        self.effort = effort

    def __call__(
        self, check: Callable[..., None], examples: int, **drawn: SearchStrategy[Any]
    ) -> None:
        """All of them."""
        count = max(1, round(examples * self.effort))
        seed(self.seed)(suite_settings(count)(given(**drawn)(check)))()
