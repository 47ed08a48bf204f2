"""Lives of the state machine on one rig that lives on: so many, or for so long.

Hardware has no virtual time, and what it showed once it may not show again: no example begins when
the time is over, a small one that fails as little as a new one, and what was seen first is told
even if Hypothesis does not see it again. A rig that breaks ends it at once.
"""

import sys
from typing import Any, ClassVar, Final

from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from hil.clock import NS_PER_S, Stopwatch
from hil.conformance.errors import FailedError
from hil.errors import BenchError
from hil.rig import Rig
from hil.testing import strategies
from hil.testing.desk import span_s
from hil.testing.machine import PumpMachine
from hil.testing.prove import Prove, suite_settings
from hil.testing.violation import ViolatedError

EXAMPLES: Final = 5
"""In a round. Of many examples Hypothesis makes the first fifty small ones."""
STEPS: Final = 20
MAX_ROUNDS: Final = 10_000


class OverError(BaseException):
    """No further example: an `Exception` would be one more failure, to be made smaller."""


class Spell:
    """A rig, the wall time in which examples may begin on it, and what was run in it."""

    def __init__(self, rig: Rig, budget_ns: int | None) -> None:
        """It starts now. Without a budget it is one round."""
        self.examples = self.steps = 0
        self.failure: Exception | None = None
        self._rig = rig
        self._budget_ns = budget_ns
        self._watch = Stopwatch()

    def live(self, prove: Prove) -> None:
        """Round after round, each with another seed; whatever does not hold is raised."""
        count = max(1, round(EXAMPLES * prove.effort))
        attributes = {"opening": staticmethod(self._next), "spell": self}
        machine = type("SpellMachine", (SpellMachine,), attributes)
        try:
            for turn in range(1 if self._budget_ns is None else MAX_ROUNDS):
                seed(prove.seed + turn)(machine)
                run_state_machine_as_test(machine, settings=suite_settings(count, STEPS))
        except (OverError, Flaky):
            if self.failure is not None:
                raise self.failure from None

    def told(self) -> str:
        """How much it was, and how long it took."""
        lasted = span_s(round(self._watch.elapsed_s(), 1))
        return f"{self.examples} examples, {self.steps} steps in {lasted}"

    def _next(self) -> Rig:
        """The rig, for an example that may begin."""
        if self._is_over() or isinstance(self.failure, BenchError):
            raise OverError
        self.examples += 1
        return self._rig

    def _is_over(self) -> bool:
        elapsed_ns = self._watch.elapsed_s() * NS_PER_S
        return self._budget_ns is not None and elapsed_ns >= self._budget_ns


class SpellMachine(PumpMachine):
    """One example after the other on the rig of a spell."""

    keeps_rig = True
    spell: ClassVar[Spell]

    @precondition(lambda self: self.has_laboratory and self.virtual)
    @rule(
        stimulus=st.sampled_from(strategies.RESTRICTORS), length=st.sampled_from(strategies.HARMFUL)
    )
    def fail(self, stimulus: dict[str, Any], length: str) -> None:
        """A restrictor does."""
        self.suffer(stimulus, length)

    @invariant()
    def counted(self) -> None:
        """Of the steps that held."""
        self.spell.steps += 1

    def teardown(self) -> None:
        """What ends this example is remembered."""
        error = sys.exception()
        if isinstance(error, ViolatedError | FailedError | BenchError):
            self.spell.failure = error
        try:
            super().teardown()
        except BenchError as unsafe:
            self.spell.failure = self.spell.failure or unsafe
            raise
