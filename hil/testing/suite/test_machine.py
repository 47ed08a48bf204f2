"""A pump in the hands of life: whatever happens in whatever order, and however time is cut."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from hil.conformance.probe import Probe
from hil.errors import BenchError, LocalError
from hil.pytest_plugin import SPELL, HeldRig
from hil.rig import Rig, duration_ns
from hil.testing import strategies
from hil.testing.differing import difference
from hil.testing.machine import PumpMachine, comparable, harm
from hil.testing.prove import Prove, suite_settings
from hil.testing.spell import STEPS, Spell
from hil.testing.subject import Subject
from hil.testing.violation import ViolatedError

EXAMPLES: Final = 100
WALL_BUDGET: Final = "2 min"
"""Where time cannot be asked to pass."""


def machine_of(subject: Subject) -> type[PumpMachine]:
    """The machine for emulated pumps that run the logic."""
    attributes: dict[str, Any] = {"opening": staticmethod(subject.rig), "subject": subject.name}
    return type("PumpMachine", (PumpMachine,), attributes)


def test_any_life(subject: Subject, prove: Prove) -> None:
    """An emulated pump that runs the logic."""
    count = max(1, round(EXAMPLES * prove.effort))
    machine = seed(prove.seed)(machine_of(subject))
    run_state_machine_as_test(machine, settings=suite_settings(count, STEPS))


def test_harm_is_never_done_in_silence(subject: Subject, prove: Prove) -> None:
    """FLW-04, DOS-02: a restrictor gives nothing, little or too much, for hours."""

    def suffered(before: list[dict[str, Any]], stimulus: dict[str, Any], length: str) -> None:
        harm(machine_of(subject)(), before, stimulus, length)

    lives = st.lists(strategies.environments(), max_size=2)
    restrictors = st.sampled_from(strategies.RESTRICTORS)
    lengths = st.sampled_from(strategies.HARMFUL)
    prove(suffered, 20, before=lives, stimulus=restrictors, length=lengths)


def test_any_life_on_the_rig(
    rig: Rig,
    held_rig: HeldRig,
    prove: Prove,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    """The same on the device that `--rig` names; by the clock on the wall, for `--budget`."""
    budget = pytestconfig.getoption("--budget") or (None if rig.clock.virtual else WALL_BUDGET)
    spell = Spell(rig, None if budget is None else duration_ns(budget))
    try:
        spell.live(prove)
    except BenchError as error:
        held_rig.give_up(str(error))
    finally:
        record_property(SPELL, spell.told())


Schedule = list[tuple[int, dict[str, Any]]]
LIVES: Final = strategies.schedules(longest_h=3, most=4)


def lived(rig: Rig, schedule: Schedule, pieces: tuple[str, ...]) -> dict[str, Any]:
    """A life, its hours cut into pieces."""
    for hours, stimulus in schedule:
        left_ns = hours * duration_ns("1 h")
        turn = 0
        while left_ns > 0:
            step_ns = min(duration_ns(pieces[turn % len(pieces)]), left_ns)
            rig.wait(f"{step_ns // 10**6} ms")
            left_ns -= step_ns
            turn += 1
        with suppress(LocalError):  # what cannot be changes nothing, in both lives
            rig.laboratory.stimulate(stimulus)
    rig.wait("10 min")
    return comparable(Probe(rig))


def compare(one: dict[str, Any], other: dict[str, Any], requirement: str, how: str,
            schedule: Schedule) -> None:  # fmt: skip
    """Everything is the same."""
    done = [f"after {hours} h: {stimulus}" for hours, stimulus in schedule]
    if one != other:
        expected, seen = difference(one, other)
        raise ViolatedError(requirement, f"as {how}: {expected}", seen, "", done)


def test_however_time_is_cut(subject: Subject, prove: Prove) -> None:
    """Hours in one go or in pieces of any size: the same pump, to the last digit."""

    def cut(schedule: Schedule, pieces: tuple[str, ...]) -> None:
        with subject.rig() as whole, subject.rig() as cut_up:
            one = lived(whole, schedule, ("1 d",))
            other = lived(cut_up, schedule, pieces)
        compare(one, other, "TIM-01", "in one go", schedule)

    sizes = st.tuples(*[st.sampled_from(["1 s", "7 s", "59 s", "61 s", "13 min", "1 h"])] * 3)
    prove(cut, 6, schedule=LIVES, pieces=sizes)


def test_going_on_from_a_snapshot_is_going_on(subject: Subject, prove: Prove) -> None:
    """Saved in the middle of a life and put back: what follows is the same."""
    with subject.rig() as rig:
        try:
            assert rig.save is not None
            rig.save()
        except LocalError as error:
            pytest.skip(f"cannot be saved: {error}")

    def saved(before: Schedule, after: Schedule) -> None:
        with subject.rig() as rig:
            lived(rig, before, ("1 d",))
            rig.dut.close_session()
            assert rig.save is not None
            with subject.reopened(rig.save()) as again:
                one, other = lived(rig, after, ("1 d",)), lived(again, after, ("1 d",))
        compare(one, other, "RST-11", "without saving", before + after)

    prove(saved, 6, before=LIVES, after=LIVES)
