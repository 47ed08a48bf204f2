"""Are the tests any good? Each seeded defect must be killed by the tests of one requirement.

    python -m tools.mutants [--part K/N] [--only NAME …] [--jobs N] [--full] [--list]

For each defect of tests/defects the tests that cite its requirement run with it, the quickest
first, until one fails: that one kills it. Nobody fails: the defect survives, the requirement is
guarded badly, and this ends with 1. What killed is then run without any defect, and must pass.
`--full` runs the tests of every requirement against every defect, and prints who finds what.
"""

import argparse
import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from tests.defects.catalogue import BY_NAME, CATALOGUE
from tests.defects.defect import Defect
from tools.citations import guards
from tools.trace_matrix import TOP
from tools.trials import Court, Ended, Note, Trial, cited, function_of, with_tests

GUESSES_S: Final = {
    "tests/protocol/": 0.1,
    "tests/firmware/": 0.5,
    "tests/device/": 1.0,
    "tests/": 5.0,
}
"""How long a test takes, until it is known: the first folder that fits."""
ELSEWHERE: Final = "tests/system/"
"""Its tests start daemons; a defect lives in the process of the tests alone."""
LIMIT_S: Final = 300.0
FULL_LIMIT_S: Final = 3_600.0
SECONDS: Final = TOP / ".pytest_cache" / "seeded-defects.json"
"""How long tests took the last time; a hint, and no more."""


class Verdict(NamedTuple):
    """What became of one defect; `killers` in the order in which they failed."""

    defect: Defect
    killers: tuple[str, ...]
    trouble: str  # why nobody knows, if so
    seconds: float

    def line(self) -> str:
        """As it is printed."""
        name, requirement = self.defect.name, self.defect.requirement
        return f"{name:34} {requirement}  {self.seconds:6.1f} s  {self.told}"

    def row(self) -> str:
        """As it stands in docs/testing-defects.md."""
        name, requirement, sentence, _ = self.defect
        by = function_of(self.told).removeprefix("tests/")
        return f"| `{name}` | {sentence} | {requirement} | `{by}` | {self.seconds:.1f} |"

    @property
    def told(self) -> str:
        """The first that killed it, or why none did."""
        return self.trouble or (self.killers[0] if self.killers else "SURVIVED")


class Seconds:
    """How long each test function takes, all its parameters together."""

    def __init__(self) -> None:
        """Take up what the last run wrote down."""
        known = SECONDS.read_text("utf-8") if SECONDS.exists() else "{}"
        self._known: dict[str, float] = json.loads(known)

    def learn(self, notes: Collection[Note]) -> None:
        """Take note of what took how long; what failed at once takes longer where it passes."""
        taken: dict[str, float] = {}
        failed = {function_of(note.test) for note in notes if note.how != "passed"}
        for note in notes:
            function = function_of(note.test)
            taken[function] = taken.get(function, 0.0) + note.seconds
        self._known |= {test: taken[test] for test in taken.keys() - failed}

    def quickest_first(self, tests: Iterable[str]) -> list[str]:
        """As far as it is known, or guessed."""
        return sorted(tests, key=lambda test: self._known.get(test, _guess_s(test)))

    def write(self) -> None:
        """For the next run."""
        SECONDS.parent.mkdir(exist_ok=True)
        SECONDS.write_text(json.dumps(self._known, indent=0, sort_keys=True), "utf-8")


def _guess_s(test: str) -> float:
    return next(guess for folder, guess in GUESSES_S.items() if test.startswith(folder))


def guarding(requirements: Iterable[str]) -> list[str]:
    """The tests that may kill for any of these."""
    tests = {test for id_ in requirements for test in guards()[id_]}
    return sorted(test for test in tests if not test.startswith(ELSEWHERE))


def verdict_of(ended: Ended) -> Verdict:
    """Who failed, in a trial of a defect."""
    assert isinstance(ended.trial.defect, Defect)
    killers = tuple(note.test for note in ended.notes if note.how == "failed")
    return Verdict(ended.trial.defect, killers, ended.trouble, ended.seconds)


def killed(court: Court, defects: Sequence[Defect]) -> list[Verdict]:
    """One verdict for each, by the tests of its own requirement, with progress."""
    seconds, verdicts = Seconds(), []
    trials = (
        Trial(each, seconds.quickest_first(guarding([each.requirement])), {each.requirement})
        for each in defects
    )
    for ended in court.hold(trials):
        verdicts.append(verdict_of(ended))
        seconds.learn(ended.notes)
        print(f"{len(verdicts):4}/{len(defects)}  {verdicts[-1].line()}", flush=True)
    seconds.write()
    return sorted(verdicts, key=lambda verdict: defects.index(verdict.defect))


def failing_without(court: Court, verdicts: Iterable[Verdict]) -> list[str]:
    """Those that fail without any defect, too: they killed nothing."""
    tests = sorted({function_of(verdict.killers[0]) for verdict in verdicts if verdict.killers})
    (ended,) = court.hold([Trial(None, tests, ())])
    failing = [note.test for note in ended.notes if note.how != "passed"]
    return failing + ([ended.trouble] if ended.trouble else [])


def cross_table(court: Court, defects: Sequence[Defect]) -> Iterator[str]:
    """Of each defect: the requirements whose tests find it. In brackets the one that has to."""
    tests = Seconds().quickest_first(guarding(guards()))
    for ended in court.hold(Trial(each, tests, guards().keys()) for each in defects):
        verdict = verdict_of(ended)
        found = {id_ for test in verdict.killers for id_ in cited()[function_of(test)]}
        own = verdict.defect.requirement
        row = " ".join(f"[{id_}]" if id_ == own else id_ for id_ in sorted(found))
        yield f"{verdict.defect.name:34} {row or 'SURVIVED'} {verdict.trouble}"


def part_of(defects: Sequence[Defect], part: str) -> Sequence[Defect]:
    """Every N-th from the K-th on: all areas have their share in each part."""
    k, n = map(int, part.split("/"))
    if not 1 <= k <= n:
        message = f"--part {part}: K from 1 to N"
        raise SystemExit(message)
    return defects[k - 1 :: n]


def _named(name: str) -> Defect:
    if name not in BY_NAME:
        close = get_close_matches(name, BY_NAME, n=1)
        found = f"did you mean {close[0]}?" if close else "--list names them all"
        message = f"{name} is no defect; {found}"
        raise argparse.ArgumentTypeError(message)
    return BY_NAME[name]


def main() -> int:
    """Run what was asked for; 1 when a defect survives, or a killer fails without it."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--part", default="1/1", help="K/N: every N-th defect from the K-th on")
    options.add_argument("--only", nargs="+", type=_named, metavar="NAME")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options.add_argument("--full", action="store_true", help="all tests against each: hours")
    options.add_argument("--list", action="store_true", help="name the defects, run nothing")
    asked = options.parse_args()
    defects = part_of(asked.only or CATALOGUE, asked.part)
    if asked.list:
        for each in defects:
            print(f"{each.requirement}  {each.name:34} {each.sentence}")
        return 0
    code = 0

    def judge(court: Court) -> None:
        nonlocal code
        verdicts = killed(court, defects)
        code = report(verdicts, failing_without(court, verdicts))

    def tabulate(court: Court) -> None:
        for row in cross_table(court, defects):
            print(row, flush=True)

    if asked.full:
        with_tests(guarding(guards()), asked.jobs, FULL_LIMIT_S, tabulate)
    else:
        tests = guarding(each.requirement for each in defects)
        with_tests(tests, asked.jobs, LIMIT_S, judge)
    return code


def report(verdicts: Sequence[Verdict], failing: Sequence[str]) -> int:
    """The table, and whether all is well."""
    print("\n| defect | what goes wrong | requirement | killed by | s |\n|---|---|---|---|---|")
    for verdict in verdicts:
        print(verdict.row())
    survivors = [verdict for verdict in verdicts if verdict.trouble or not verdict.killers]
    for test in failing:
        print(f"fails without any defect: {test}", file=sys.stderr)
    print(f"{len(verdicts)} seeded defects, {len(verdicts) - len(survivors)} killed")
    return int(bool(survivors or failing))


if __name__ == "__main__":
    sys.exit(main())
