"""Generic mutants come and go without a trace, and meet the tests that reach what they change."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from protocol import quantity
from tools.generic_mutants import Limits, Verdict, verdict_of
from tools.mutations import Mutant, mutants_of
from tools.reach import reach_of
from tools.trace_matrix import TOP
from tools.trials import Court, Ended, Note, Trial, with_tests

TESTS = "tests/protocol/test_quantity.py"
SOURCE = """
class Tank:
    @property
    def is_low(self):
        return self.volume_nl < 5

    def fill(self, nl=1):
        self.volume_nl += nl


LIMIT = 3


def over(x):
    return x > LIMIT
"""


def of(file: str) -> list[Mutant]:
    return list(mutants_of(file, (TOP / file).read_text("utf-8")))


def rounding() -> Mutant:
    """What is asked for in whole units is not rounded, but None."""
    return next(m for m in of("protocol/quantity.py") if m.change[1].endswith("round(None)"))


def test_one_thing_in_a_function_is_changed_and_nothing_outside() -> None:
    found = {each.name: each.change for each in mutants_of("tank.py", SOURCE)}
    assert found == {
        "tank.Tank.is_low:1": ("return self.volume_nl < 5", "return self.volume_nl <= 5"),
        "tank.Tank.is_low:2": ("return self.volume_nl < 5", "return self.volume_nl < 6"),
        "tank.Tank.fill:1": ("def fill(self, nl=1):", "def fill(self, nl=2):"),
        "tank.Tank.fill:2": ("self.volume_nl += nl", "self.volume_nl = nl"),
        "tank.Tank.fill:3": ("self.volume_nl += nl", "self.volume_nl -= nl"),
        "tank.over:1": ("return x > LIMIT", "return x >= LIMIT"),
    }


@pytest.mark.parametrize(
    "file",
    ["protocol/guard.py", "protocol/configfile.py", "pumpsim/firmware/dose_limit.py"],
    ids=["super", "recursion", "classmethod"],
)
def test_a_mutant_comes_and_goes(file: str) -> None:
    first = {each.name.partition(":")[0]: each for each in of(file)}
    for mutant in first.values():
        with mutant.active():
            pass


def test_who_calls_the_function_meets_the_mutant() -> None:
    parsed = quantity.parse_int("1 mL", "volume", "nL")
    with rounding().active(), pytest.raises(TypeError):
        quantity.parse_int("1 mL", "volume", "nL")
    assert quantity.parse_int("1 mL", "volume", "nL") == parsed


def test_what_became_of_a_mutant() -> None:
    passed, failed = Note("a.py::t[1]", "passed", 0.1), Note("a.py::t[2]", "failed", 0.1)

    def how(tests: list[str], notes: list[Note], trouble: str = "") -> tuple[str, str]:
        trial = Trial(rounding(), tests, None)
        return verdict_of(Ended(trial, notes, trouble, 1.0))[2:]

    tests = ["a.py::t", "a.py::u"]
    assert how(tests, [passed, failed]) == ("killed", "a.py::t[2]")
    assert how(tests, [passed]) == ("survived", "")
    assert how(tests, [passed], "its process died") == ("endless", "")
    assert how([], []) == ("unreached", "")


def held(store: Path) -> list[Any]:
    """The reach of a mutant, and what became of it there."""
    found: list[Any] = []

    def use(court: Court) -> None:
        reach = reach_of(court, store)
        tests = reach.tests_of(rounding(), 60.0)
        found.extend([len(court.tests), tests, reach.tests_of(rounding(), 0.0)])
        (ended,) = court.hold([Trial(rounding(), tests, None)])
        found.append(verdict_of(ended))

    with_tests([TESTS], 1, 600.0, use, Limits())
    return found


@pytest.fixture
def apart() -> Iterator[ProcessPoolExecutor]:
    """Another process: pytest runs there once more."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.mark.slow
def test_the_tests_that_reach_a_mutant_are_asked_and_no_others(
    apart: ProcessPoolExecutor, tmp_path: Path
) -> None:
    size, tests, in_no_time, verdict = apart.submit(held, tmp_path).result()
    assert 0 < len(tests) < size == len(list(tmp_path.iterdir()))
    assert in_no_time == []
    assert Verdict(*verdict).how == "killed"
