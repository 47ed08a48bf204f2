"""Generic mutants of protocol and firmware against the tests that reach what is changed.

    python -m tools.generic_mutants [--only GLOB …] [--sample N] [--seed S] [--budget S] [--jobs N]

Each mutant meets the tests that reach its lines, the quickest first, until one fails. A test that
does not end in time, or ends the process, kills too, and is counted apart. What was killed stays
so in .mutmut/ until its function is changed; the next run goes on from there, and tries survivors
again. What killed is run once more without any mutant, and must pass. A sample over all functions
gives the score with its interval of 95 %.
"""

import argparse
import json
import os
import random
import resource
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from tools.mutations import Mutant, mutants
from tools.reach import reach_of
from tools.trace_matrix import TOP
from tools.trials import Court, Ended, Trial, function_of, with_tests

VERDICTS: Final = TOP / ".mutmut" / "verdicts.jsonl"
TEST_LIMIT_S: Final = 120
"""Of a core; a quick test takes a twentieth of it at most."""
LIMIT_S: Final = 1_800.0
BATCH: Final = 100
"""Verdicts are written down after so many: who stops a run loses no more."""
ELSEWHERE: Final = (
    *("--ignore", "tests/system"),  # daemons: the mutant is not in them
    *("--ignore", "tests/defects", "--ignore", "tests/tools"),  # about defects, not against them
)
MEMORY_LIMIT_BYTES: Final = 4 << 30
"""A loop that never ends may also collect something for ever."""
ENOUGH: Final = 0.9
"""The score that is asked for; some mutants change nothing that anybody could notice."""
KILLED, ENDLESS, SURVIVED, UNREACHED = "killed", "endless", "survived", "unreached"


class Verdict(NamedTuple):
    """What became of one mutant."""

    name: str
    key: str
    how: str
    by: str  # the first test that failed


class Limits:
    """A plugin: a test may take so much, in the process of a trial, which the limits end with."""

    def pytest_runtest_setup(self) -> None:
        """Count from where the last test ended."""
        used_s = int(sum(os.times()[:2]))
        resource.setrlimit(resource.RLIMIT_CPU, (used_s + TEST_LIMIT_S, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))


def verdict_of(ended: Ended) -> Verdict:
    """A trial that nothing failed in and that came to its end is survived."""
    mutant = ended.trial.defect
    assert isinstance(mutant, Mutant)
    killers = [note.test for note in ended.notes if note.how in ("failed", "broken")]
    if killers:
        how, by = KILLED, killers[0]
    elif ended.trouble:
        how, by = ENDLESS, ""
    else:
        how, by = SURVIVED if ended.trial.tests else UNREACHED, ""
    return Verdict(mutant.name, mutant.key, how, by)


def known() -> dict[str, Verdict]:
    """What earlier runs found, by the key of the mutant."""
    lines = VERDICTS.read_text("utf-8").splitlines() if VERDICTS.exists() else []
    found = (Verdict(*json.loads(line)) for line in lines)
    return {verdict.key: verdict for verdict in found}


def judge(court: Court, chosen: Sequence[Mutant], budget_s: float) -> None:
    """Hold the trials that are still to be held, and write down what became of them.

    SystemExit when a test that killed fails without any mutant, too.
    """
    done = {key for key, verdict in known().items() if verdict.how in (KILLED, ENDLESS)}
    left = [mutant for mutant in chosen if mutant.key not in done]
    reach = reach_of(court)
    for start in range(0, len(left), BATCH):
        batch = left[start : start + BATCH]
        trials = (Trial(each, reach.tests_of(each, budget_s), None) for each in batch)
        verdicts = []
        for count, ended in enumerate(court.hold(trials), start + 1):
            verdict = verdict_of(ended)
            verdicts.append(verdict)
            print(f"{count:4}/{len(left)}  {verdict.how} {verdict.name} {verdict.by}", flush=True)
        acquit(court, {function_of(verdict.by) for verdict in verdicts if verdict.by})
        with VERDICTS.open("a", encoding="utf-8") as written:
            written.writelines(f"{json.dumps(verdict)}\n" for verdict in verdicts)


def acquit(court: Court, killers: Collection[str]) -> None:
    """They pass without any mutant; SystemExit names the one that does not."""
    (control,) = court.hold([Trial(None, sorted(killers), None)])
    failing = [note.test for note in control.notes if note.how not in ("passed", "skipped")]
    if failing or control.trouble:
        message = f"fails without any mutant: {failing} {control.trouble}"
        raise SystemExit(message)


def report(chosen: Iterable[Mutant]) -> int:
    """A row for each that survived, and the score; 1 when that is not enough."""
    found = known()
    rows = [(mutant, found[mutant.key].how) for mutant in chosen if mutant.key in found]
    counts = Counter(how for _, how in rows)
    for mutant, how in rows:
        if how in (SURVIVED, UNREACHED):
            old, new = mutant.change
            print(f"| `{mutant.name}` | `{old}` | `{new}` | {how} |")
    from scipy.stats import binomtest  # takes seconds

    killed = counts[KILLED] + counts[ENDLESS]
    low, high = binomtest(killed, len(rows)).proportion_ci(0.95, method="wilson")
    print(f"{len(rows)} mutants: {', '.join(f'{count} {how}' for how, count in counts.items())}")
    print(f"score {killed / len(rows):.1%}, 95 % interval {low:.1%} to {high:.1%}")
    return int(killed < ENOUGH * len(rows))


def main() -> int:
    """Run what was asked for; 1 when the score is not enough."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--only", nargs="+", default=["*"], metavar="GLOB", help="of their names")
    options.add_argument("--sample", type=int, help="so many of them; without it all")
    options.add_argument("--seed", type=int, default=1, help="of the sample")
    options.add_argument("--budget", type=float, default=600.0, help="seconds of tests for each")
    options.add_argument(
        "--tests", nargs="+", default=["tests"], metavar="PATH", help="that may kill"
    )
    options.add_argument("--slow", action="store_true", help="slow tests too: for survivors")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options.add_argument("--list", action="store_true", help="show them, run nothing")
    asked = options.parse_args()
    all_ = [each for each in mutants() if any(fnmatchcase(each.name, one) for one in asked.only)]
    size = min(asked.sample or len(all_), len(all_))
    chosen = random.Random(asked.seed).sample(all_, size)  # noqa: S311
    if asked.list:
        for each in chosen:
            print(each.name, *each.change, sep="\n    ")
        return 0
    tests = [*asked.tests, *ELSEWHERE, *([] if asked.slow else ["-m", "not slow"])]
    with_tests(
        tests, asked.jobs, LIMIT_S, lambda court: judge(court, chosen, asked.budget), Limits()
    )
    print(f"{size} of {len(all_)} mutants, seed {asked.seed}")
    return report(chosen)


if __name__ == "__main__":
    sys.exit(main())
