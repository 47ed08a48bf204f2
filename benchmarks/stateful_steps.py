"""Steps of the state machine on `sim:` a second, against a Hypothesis machine that does nothing.

    python -m benchmarks.stateful_steps

Both run in turn, in this process. Two machines that do nothing are measured: one with rules alone,
and one that draws for each rule what the pump's machine draws, since drawing is Hypothesis' work.
"""

from collections.abc import Callable
from statistics import median
from typing import Any, Final

from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from benchmarks.figures import figure, goal
from hil.clock import Stopwatch
from hil.testing import strategies
from hil.testing.machine import WAITS, PumpMachine
from hil.testing.prove import suite_settings
from hil.testing.subject import Subject
from protocol.vocabulary import Role

EXAMPLES: Final = 6
STEPS: Final = 50
ROUNDS: Final = 3
LIMIT: Final = 0.5
"""Of the rate of a machine that does nothing."""


class Empty(RuleBasedStateMachine):
    """Rules, and nothing else."""

    @rule()
    def wait(self) -> None:
        """Nothing."""

    @rule()
    def live(self) -> None:
        """Nothing."""

    @rule()
    def command(self) -> None:
        """Nothing."""


class Drawing(RuleBasedStateMachine):
    """The rules of the pump's machine with what they draw, and nothing else."""

    restored = False

    @rule(duration=st.sampled_from(WAITS))
    def wait(self, duration: str) -> None:
        """Nothing."""

    @rule(stimulus=strategies.environments())
    def live(self, stimulus: dict[str, Any]) -> None:
        """Nothing."""

    @rule(stimulus=strategies.faults())
    def break_something(self, stimulus: dict[str, Any]) -> None:
        """Nothing."""

    @rule(body=strategies.commands())
    def command(self, body: object) -> None:
        """Nothing."""

    @rule(pick=st.integers(0, 5), pause_s=st.sampled_from([0, 1, 60, 600]))
    def attend(self, pick: int, pause_s: int) -> None:
        """Nothing."""

    @rule(pick=st.integers(0, 20))
    def repeat(self, pick: int) -> None:
        """Nothing."""

    @rule(first=strategies.commands(), second=strategies.commands())
    def reorder(self, first: object, second: object) -> None:
        """Nothing."""

    @rule(data=strategies.noise)
    def spoil(self, data: bytes) -> None:
        """Nothing."""

    @rule(role=st.sampled_from(Role))
    def change_hands(self, role: Role) -> None:
        """Nothing."""

    @precondition(lambda self: not self.restored)
    @rule(duration=st.sampled_from(WAITS))
    def restore(self, duration: str) -> None:  # noqa: ARG002 -- it is drawn
        """Nothing, once in an example."""
        self.restored = True


def rate(machine: type[RuleBasedStateMachine]) -> float:
    """Steps a second: as many as Hypothesis takes at most, in every example."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    counted = _counting(machine, count)
    seed(0)(counted)
    watch = Stopwatch()
    run_state_machine_as_test(counted, settings=suite_settings(EXAMPLES, STEPS))
    return steps / watch.elapsed_s()


def _counting(
    machine: type[RuleBasedStateMachine], count: Callable[[], None]
) -> type[RuleBasedStateMachine]:
    """The same machine, with its steps counted."""

    def check_invariants(self: Any, *arguments: Any, **more: Any) -> None:
        count()
        machine.check_invariants(self, *arguments, **more)

    return type(machine.__name__, (machine,), {"check_invariants": check_invariants})


def main() -> None:
    """Measure in turn, so that whatever else the machine does strikes all alike."""
    subject = Subject()
    pump = type("PumpMachine", (PumpMachine,), {"opening": staticmethod(subject.rig)})
    rates: dict[type[RuleBasedStateMachine], list[float]] = {Empty: [], Drawing: [], pump: []}
    rate(pump)  # Hypothesis reads the sources it meets, once
    for _ in range(ROUNDS):
        for machine, found in rates.items():
            found.append(rate(machine))
    middle = {machine: median(found) for machine, found in rates.items()}
    figure("a machine with rules alone", middle[Empty], " steps/s")
    figure("a machine that draws as much", middle[Drawing], " steps/s")
    figure("the pump's machine on sim:", middle[pump], " steps/s")
    for name, machine in (("rules alone", Empty), ("drawing as much", Drawing)):
        goal(f"ratio to {name}", middle[pump] / middle[machine], LIMIT, at_least=True)


if __name__ == "__main__":
    main()
