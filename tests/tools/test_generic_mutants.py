"""Generic mutants come and go without a trace, and meet the tests that reach what they change."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from protocol import quantity
from tests.defects.patching import function_of
from tools.generic_mutants import Limits, verdict_of
from tools.mutations import Mutant, mutants_of
from tools.reach import reach_of
from tools.trace_matrix import TOP
from tools.trials import Court, Ended, Note, Trial, with_tests

FILE = "tests/protocol/test_quantity.py"
ROUNDING = f"{FILE}::test_rounding_is_half_to_even_and_once"
TESTS = [ROUNDING, f"{FILE}::test_the_canonical_form", f"{FILE}::test_what_it_means"]
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


def named(name: str) -> Mutant:
    folders = 2 if name.startswith("pumpsim") else 1
    file = "/".join(name.split(".")[: folders + 1]) + ".py"
    found = mutants_of(file, (TOP / file).read_text("utf-8"))
    return next(mutant for mutant in found if mutant.name == name)


def code_of(mutant: Mutant) -> CodeType:
    """Of the function that it changes, as it is now."""
    module: Any = import_module(mutant.module)
    function = function_of(vars(getattr(module, mutant.owner or "", module))[mutant.function])
    assert function is not None
    return function.__code__


@cache
def rounding() -> Mutant:
    """What is asked for in whole units is rounded no more."""
    mutant = named("protocol.quantity.parse_int:1")
    assert mutant.change[1] == "return round(None)"
    return mutant


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
    "name",
    [
        "protocol.guard.FirmwareFaultError.__init__:1",  # says super()
        "protocol.configfile._inside:1",  # calls itself
        "pumpsim.firmware.dose_window.Window.load:1",  # a class method
        "pumpsim.firmware.flow.viscosity_npa_s:1",  # remembers
    ],
)
def test_a_mutant_comes_and_goes(name: str) -> None:
    mutant = named(name)
    right = code_of(mutant)
    with mutant.active():
        assert code_of(mutant) != right
    assert code_of(mutant) is right


def test_who_calls_the_function_meets_the_mutant() -> None:
    with rounding().active(), pytest.raises(TypeError):
        quantity.parse_int("1 mL", "volume")
    assert quantity.parse_int("1 mL", "volume") == 1_000_000


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
    """Who reaches a mutant, in a minute or in no time, and what became of it there."""
    found: list[Any] = []

    def use(court: Court) -> None:
        reach = reach_of(court, store)
        tests = reach.tests_of(rounding(), 60.0)
        found.extend([tests, reach.tests_of(rounding(), 0.0)])
        (ended,) = court.hold([Trial(rounding(), tests, None)])
        found.append(verdict_of(ended))

    with_tests(TESTS, 1, 600.0, use, Limits())
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
    tests, in_no_time, verdict = apart.submit(held, tmp_path).result()
    assert len(list(tmp_path.iterdir())) == len(TESTS)  # measured, and kept
    assert (tests, in_no_time) == ([ROUNDING], [])
    assert (verdict.how, verdict.by.partition("[")[0]) == ("killed", ROUNDING)
