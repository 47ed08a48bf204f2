"""Tests, collected once, and tried against one seeded defect after another.

The process that has collected them forks for each trial: the defect, and whatever a test leaves
behind, live and end in a process of their own, which begins with every module imported already. A
test kills the defect when it fails while it runs. What fails because the defect itself is broken,
or before the test runs, kills nothing: it is noted as `broken`.
"""

import os
import tempfile
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Final, NamedTuple, Protocol

import pytest
from hypothesis import Phase, settings

from tests.defects.patching import MARK
from tools.citations import guards

BROKEN: Final = (AttributeError, ImportError, NameError, SyntaxError, TypeError)
"""What a change that does not fit raises in the changed code itself."""
FORK: Final = get_context("fork")
QUIET: Final = (
    *("--capture=no", "--assert=plain", "--random-order-bucket=none"),
    *("-p", "no:terminal", "-p", "no:cacheprovider"),
)
SEED: Final = "--hypothesis-seed=0"

Items = Mapping[str, Sequence[pytest.Item]]
"""What pytest collected, by the node id of the function or class: one item for each parameter."""


class Note(NamedTuple):
    """What became of one item."""

    test: str
    how: str  # passed, failed, skipped, broken
    seconds: float


class Change(Protocol):
    """What is wrong for as long as the context lasts."""

    def active(self) -> AbstractContextManager[None]:
        """Have it."""


class Trial(NamedTuple):
    """Tests against a defect, or against none, in this order."""

    defect: Change | None
    tests: Sequence[str]
    wanted: Collection[str] | None
    """Requirements; a test is skipped once all of them that it cites have found the defect.
    With None the first test that does not pass is the last."""


class Running(NamedTuple):
    """A trial that has begun."""

    trial: Trial
    process: ForkProcess
    begun: float
    notes: list[Note]


class Ended(NamedTuple):
    """What became of a trial."""

    trial: Trial
    notes: list[Note]
    trouble: str  # why nobody knows, if so
    seconds: float


@cache
def cited() -> Mapping[str, frozenset[str]]:
    """Of each test: the requirements that it cites."""
    found: dict[str, set[str]] = {}
    for id_, tests in guards().items():
        for test in tests:
            found.setdefault(test, set()).add(id_)
    return {test: frozenset(ids) for test, ids in found.items()}


def function_of(node_id: str) -> str:
    """The node id of the function or class that an item belongs to."""
    return "::".join(node_id.partition("[")[0].split("::")[:2])


class Collector:
    """A plugin that has tests collected and, in place of running them, does something else."""

    def __init__(self, use: Callable[[Items], None]) -> None:
        """`use` gets the items; what it forks has them ready to run."""
        self._use = use
        self._wrong = ""
        self.notes: list[Note] = []

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        """After the conftest that loads the profile, before any module of tests."""
        settings.register_profile(
            "seeded defects",
            settings(),
            database=None,  # what fails with a defect is no example for tomorrow
            phases=(Phase.explicit, Phase.generate),
            report_multiple_bugs=False,
        )
        settings.load_profile("seeded defects")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Without the terminal's plugin nobody else tells."""
        if report.failed:
            self._wrong += f"{report.nodeid}: {report.longrepr}\n"

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Group the items, and hand them over."""
        if self._wrong:
            raise pytest.UsageError(self._wrong)
        items: dict[str, list[pytest.Item]] = {}
        for item in session.items:
            items.setdefault(function_of(item.nodeid), []).append(item)
        self._use(items)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Take note, in the process of a trial."""
        report = yield
        if report.when == "call" or not report.passed:
            broken = report.failed and (report.when != "call" or _is_broken(call))
            how = "broken" if broken else report.outcome
            self.notes.append(Note(item.nodeid, how, round(report.duration, 3)))
        return report


def _is_broken(call: pytest.CallInfo[None]) -> bool:
    info = call.excinfo
    if info is None or not isinstance(info.value, BROKEN):
        return False
    return str(info.traceback[-1].frame.code.raw.co_filename).startswith(MARK)


class Court:
    """Holds trials on the tests that were collected."""

    def __init__(self, items: Items, notes: list[Note], jobs: int, limit_s: float) -> None:
        """So many trials at a time; one that is not done in time is ended."""
        self.tests = list(items)
        self._items = items
        self._notes = notes
        self._jobs = jobs
        self._limit_s = limit_s

    def hold(self, trials: Iterable[Trial]) -> Iterator[Ended]:
        """Each as it ends. The next one is asked for no sooner than there is room for it."""
        asked = iter(trials)
        running: dict[Connection, Running] = {}
        while True:
            while len(running) < self._jobs and (trial := next(asked, None)) is not None:
                ours, theirs = FORK.Pipe(duplex=False)
                process = FORK.Process(target=self._live, args=(trial, theirs))
                process.start()
                theirs.close()
                running[ours] = Running(trial, process, time.perf_counter(), [])
            if not running:
                return
            oldest = min(one.begun for one in running.values())
            ready = wait(list(running), max(oldest + self._limit_s - time.perf_counter(), 0))
            for ours, one in list(running.items()):
                seconds = time.perf_counter() - one.begun
                said = _said(ours) if ours in ready else None
                if isinstance(said, Note):
                    one.notes.append(said)
                elif seconds >= self._limit_s:
                    one.process.kill()
                    said = f"not done after {self._limit_s} s"
                if isinstance(said, str):
                    one.process.join()
                    ours.close()
                    del running[ours]
                    yield Ended(one.trial, one.notes, said or _broken(one.notes), seconds)

    def _live(self, trial: Trial, told: Connection) -> None:
        """In the process of its own."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nowhere, stream)
        with tempfile.TemporaryDirectory(prefix="pumpsim-") as folder:
            tempfile.tempdir = os.environ["TMPDIR"] = folder
            try:
                with trial.defect.active() if trial.defect else nullcontext():
                    self._run(trial, told)
            except LookupError as error:
                told.send(f"the defect is none: {error}")
            else:
                told.send("")

    def _run(self, trial: Trial, told: Connection) -> None:
        found: set[str] = set()
        for test in trial.tests:
            wanted = cited().get(test, frozenset()) & set(trial.wanted) if trial.wanted else set()
            for item in self._items[test]:
                if trial.wanted and wanted <= found:
                    break
                self._notes.clear()
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
                for note in self._notes:
                    told.send(note)
                    if note.how == "failed":
                        found |= wanted
                    if trial.wanted is None and note.how in ("failed", "broken"):
                        return


def _said(ours: Connection) -> Note | str:
    """A note, or what went wrong: nothing, at the end."""
    try:
        said: Note | str = ours.recv()
    except EOFError:
        return "its process died"
    return said


def _broken(notes: Iterable[Note]) -> str:
    return next((f"broken in {note.test}" for note in notes if note.how == "broken"), "")


def with_tests(
    tests: Sequence[str],
    jobs: int,
    limit_s: float,
    use: Callable[[Court], None],
    *plugins: object,
) -> None:
    """Collect tests by their node ids and hold trials; SystemExit when that cannot be done."""
    collector = Collector(lambda items: use(Court(items, collector.notes, jobs, limit_s)))
    code = pytest.main([*QUIET, SEED, *tests], plugins=[collector, *plugins])
    if code != pytest.ExitCode.OK:
        message = f"the tests could not be collected: pytest ended with {code}"
        raise SystemExit(message)
