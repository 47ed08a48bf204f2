"""The runner of seeded defects: what is a kill, what is none, and what ends with a failure."""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tests.defects.catalogue import BY_NAME, CATALOGUE
from tools.mutants import Seconds, Verdict, failing_without, guarding, part_of, report, verdict_of
from tools.trace_matrix import TOP
from tools.trials import Court, Ended, Note, Trial, with_tests

QUANTITY = "tests/protocol/test_quantity.py"
ROUNDING = f"{QUANTITY}::test_rounding_is_half_to_even_and_once"
OTHER = f"{QUANTITY}::test_the_longest_number_fits_the_longest_text"
DEFECT = BY_NAME["rounded-towards-zero"]
SOME = """
import os, signal, pytest
from tests.defects.patching import MARK

@pytest.fixture
def failing():
    raise RuntimeError

def test_passes(): pass
def test_fails(): raise AssertionError
def test_does_not_begin(failing): pass
def test_meets_a_broken_defect():
    exec(compile("nonsense()", MARK + "file", "exec"), {})
def test_dies(): os.kill(os.getpid(), signal.SIGKILL)
"""


ROW = re.compile(r"^\| `([\w-]+)` \| [^|]+ \| ([A-Z]{3}-\d\d) \|", re.MULTILINE)
"""Of the table in the documents: a defect's name and its requirement."""

Apart = Callable[..., Any]


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    """Calls a function in another process: pytest runs there, and again, on other files."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield lambda work, *given: pool.submit(work, *given).result()


Case = tuple[list[str], str | None, list[str]]
"""Tests, or all; the name of a defect, if any; requirements that are wanted."""


def held(
    collected: list[str], cases: Sequence[Case], limit_s: float = 60.0
) -> list[tuple[list[Note], str]]:
    """What becomes of one trial after the other."""
    found: list[tuple[list[Note], str]] = []

    def use(court: Court) -> None:
        for tests, name, wanted in cases:
            defect = None if name is None else BY_NAME[name]
            (ended,) = court.hold([Trial(defect, tests or court.tests, wanted)])
            found.append((ended.notes, ended.trouble))

    with_tests(collected, 1, limit_s, use)
    return found


def failing_of(test: str) -> list[str]:
    """Its name, if it fails without any defect."""
    found: list[str] = []

    def use(court: Court) -> None:
        found.extend(failing_without(court, [Verdict(DEFECT, tuple(court.tests), "", 0.0)]))

    with_tests([test], 1, 60.0, use)
    return found


def test_only_a_test_that_fails_while_it_runs_has_killed(apart: Apart, tmp_path: Path) -> None:
    path = tmp_path / "test_some.py"
    path.write_text(SOME)
    names = ["passes", "fails", "does_not_begin", "meets_a_broken_defect"]
    ((notes, trouble),) = apart(held, [f"{path}::test_{name}" for name in names], [([], None, [])])
    assert [note.how for note in notes] == ["passed", "failed", "broken", "broken"]
    assert "broken" in trouble


@pytest.mark.slow
def test_what_dies_or_cannot_be_collected_is_no_kill(apart: Apart, tmp_path: Path) -> None:
    path = tmp_path / "test_dies.py"
    path.write_text(SOME)
    died = apart(held, [f"{path}::test_dies"], [([], None, [])])
    assert died == [([], "its process died")]
    path = tmp_path / "test_imports.py"
    path.write_text("import no_such_module")
    with pytest.raises(SystemExit, match="could not be collected"):
        apart(held, [str(path)], [([], None, [])])


@pytest.mark.slow
def test_a_defect_is_killed_by_a_test_that_sees_it_and_survives_the_others(
    apart: Apart, capsys: pytest.CaptureFixture[str]
) -> None:
    cases: list[Case] = [
        ([ROUNDING], DEFECT.name, []),
        ([OTHER], DEFECT.name, []),
        ([ROUNDING], DEFECT.name, [DEFECT.requirement]),
    ]
    ended = apart(held, [ROUNDING, OTHER], cases)
    seen, unseen, first = (
        verdict_of(Ended(Trial(DEFECT, [], ()), notes, trouble, 0.0)) for notes, trouble in ended
    )
    assert (seen.killers[0].partition("[")[0], seen.trouble) == (ROUNDING, "")
    assert (unseen.killers, unseen.trouble) == ((), "")
    assert len(first.killers) == 1 < len(seen.killers)  # the rest cannot tell more
    assert report([seen], []) == 0
    assert report([seen, unseen], []) == 1
    assert "SURVIVED" in capsys.readouterr().out


@pytest.mark.slow
def test_what_fails_without_a_defect_too_has_killed_nothing(apart: Apart, tmp_path: Path) -> None:
    path = tmp_path / "test_alone.py"
    path.write_text("def test_fails(): raise AssertionError")
    failing = apart(failing_of, f"{path}::test_fails")
    assert [test.rpartition("::")[2] for test in failing] == ["test_fails"]
    assert report([Verdict(DEFECT, (str(path),), "", 0.0)], failing) == 1


def test_a_run_that_takes_too_long_is_no_kill(apart: Apart) -> None:
    ((notes, trouble),) = apart(held, [ROUNDING], [([], DEFECT.name, [])], 0.0)
    assert (notes, trouble) == ([], "not done after 0.0 s")
    assert report([Verdict(DEFECT, (), trouble, 0.0)], []) == 1


def test_parts_hold_everything_once() -> None:
    rows = list(BY_NAME.values())
    parts = [part_of(rows, f"{k}/7") for k in range(1, 8)]
    assert sorted(each.name for part in parts for each in part) == sorted(BY_NAME)
    with pytest.raises(SystemExit):
        part_of(rows, "8/7")


@pytest.mark.slow
def test_the_quickest_test_comes_first_and_daemons_none() -> None:
    seconds = Seconds()
    seconds.learn([Note("tests/tools/b.py::t[1]", "passed", 0.1)] * 2)
    seconds.learn([Note("tests/hil/a.py::t", "failed", 0.0)])  # without the defect it takes longer
    tests = ["tests/hil/a.py::t", "tests/device/a.py::t", "tests/tools/b.py::t"]
    assert seconds.quickest_first(tests) == tests[::-1]
    assert not [test for test in guarding(["COM-01", "TIM-01"]) if "system" in test]


def test_the_documents_tell_every_defect_of_the_catalogue_and_how_many_there_are() -> None:
    text = (TOP / "docs" / "testing-defects.md").read_text(encoding="utf-8")
    assert f"a catalogue of {len(CATALOGUE)} small things" in text
    assert ROW.findall(text) == [(defect.name, defect.requirement) for defect in CATALOGUE]
