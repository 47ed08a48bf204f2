"""Which lines of protocol and firmware each test reaches, and how long it takes.

Each test is run alone, in a process of its own, so that it begins every life that it needs itself.
What was found is kept in .mutmut/reach until that test, or one of the two packages, is changed.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Final, NamedTuple

import coverage

from tools.mutations import PACKAGES, Mutant, forget
from tools.trace_matrix import TOP
from tools.trials import Court, Trial

STORE: Final = TOP / ".mutmut" / "reach"


class Watch(NamedTuple):
    """In place of a defect: writes down what is reached while it is there."""

    path: Path

    @contextmanager
    def active(self) -> Iterator[None]:
        """Measure; in the end write to the path."""
        watched = coverage.Coverage(
            data_file=None,
            config_file=False,
            include=[str(TOP / package / "*") for package in PACKAGES],
        )
        watched.set_option("run:disable_warnings", ["no-data-collected"])
        forget()
        begun = time.process_time()
        with watched.collect():
            yield
        data = watched.get_data()
        lines = {file: data.lines(file) for file in data.measured_files()}
        found = {"seconds": time.process_time() - begun, "lines": lines}
        self.path.write_text(json.dumps(found), "utf-8")


class Reach:
    """What all tests reach."""

    def __init__(self, found: Mapping[str, Path]) -> None:
        """Take up what was written of each test."""
        self._seconds: dict[str, float] = {}
        self._tests: dict[tuple[str, int], set[str]] = {}
        for test, path in found.items():
            read = json.loads(path.read_text("utf-8"))
            self._seconds[test] = read["seconds"]
            for file, lines in read["lines"].items():
                for line in lines:
                    self._tests.setdefault((file, line), set()).add(test)

    def tests_of(self, mutant: Mutant, budget_s: float) -> list[str]:
        """Those that reach what is changed, the quickest first, as many as the time allows."""
        tests = self._over(mutant, mutant.lines) or self._over(mutant, mutant.body)
        chosen = sorted(tests, key=lambda test: self._seconds[test])
        ends = accumulate(self._seconds[test] for test in chosen)
        return [test for test, end in zip(chosen, ends, strict=True) if end <= budget_s]

    def _over(self, mutant: Mutant, lines: range) -> set[str]:
        found = (self._tests.get((mutant.file, line), set()) for line in lines)
        return set().union(*found)


def reach_of(court: Court, store: Path = STORE) -> Reach:
    """Measure what is not known yet; SystemExit when a test fails without any mutant."""
    store.mkdir(parents=True, exist_ok=True)
    product = _digest(
        path for package in PACKAGES for path in sorted((TOP / package).rglob("*.py"))
    )
    found = {test: store / f"{_key(product, test)}.json" for test in court.tests}
    unknown = [test for test, path in found.items() if not path.exists()]
    trials = (Trial(Watch(found[test]), [test], None) for test in unknown)
    failing = []
    for count, ended in enumerate(court.hold(trials), 1):
        (test,) = ended.trial.tests
        if ended.trouble or any(note.how == "failed" for note in ended.notes):
            failing.append(f"{test} {ended.trouble}")
            found[test].unlink(missing_ok=True)
        if count % 100 == 0:
            print(f"{count}/{len(unknown)} tests measured", flush=True)
    if failing:
        message = "fails without any mutant: " + ", ".join(failing)
        raise SystemExit(message)
    return Reach(found)


def _key(product: str, test: str) -> str:
    written = _digest([TOP / test.partition("::")[0]])
    return hashlib.sha256(f"{product} {written} {test}".encode()).hexdigest()[:24]


def _digest(paths: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
