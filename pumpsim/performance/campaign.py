"""Many runs on all cores: every fault over seeds and severities, and lives without any."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from typing import Any, Final

from pumpsim.catalogue import CATALOGUE
from pumpsim.performance.kept import KeptLives
from pumpsim.performance.living import YEAR_DAYS, Life, live
from pumpsim.performance.states import States
from pumpsim.performance.trial import Run, Trial
from pumpsim.pumpfile import PumpFile

BEYOND_SHARE: Final = 4
"""One run beyond the stated severity for so many at it."""
TRIAL_COST: Final = 1.0
DAY_COST: Final = 1.0
"""For the progress line: a run of one fault takes about as long as a day of life."""

WAKE_S: Final = 0.5
"""How long a wait lasts at most: a signal just before one without end would be heard after it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run. `names` may be empty, and so may the lives."""

    pump: PumpFile
    names: tuple[str, ...]
    runs: int
    years: float
    first_seed: int = 1

    @property
    def beyond(self) -> int:
        """Runs of each fault beyond its stated severity, where it has degrees."""
        return -(-self.runs // BEYOND_SHARE)

    @property
    def tried(self) -> tuple[str, ...]:
        """The faults of which a detection is promised."""
        return tuple(name for name in self.names if not CATALOGUE[name].not_promised)

    @property
    def trials(self) -> int:
        """Runs of all faults together."""
        degrees = sum(CATALOGUE[name].severity is not None for name in self.tried)
        return len(self.tried) * self.runs + degrees * self.beyond

    def seeds(self) -> range:
        """Of the runs of each fault; the lives have as many as they need, from the same one on."""
        return range(self.first_seed, self.first_seed + self.runs)

    def lives(self) -> list[float]:
        """The days of each life: whole years, and what is left."""
        days = self.years * YEAR_DAYS
        whole = [float(YEAR_DAYS)] * int(days // YEAR_DAYS)
        rest = days - YEAR_DAYS * len(whole)
        return [*whole, rest] if rest > 0 else whole


@dataclass(slots=True)
class Results:
    """What came of it; `complete` is False when it was stopped before its end."""

    trials: list[Trial] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    complete: bool = True


class Worker:
    """What runs in a process of its own: one pump's states, and whether to stop."""

    def __init__(self, pump: PumpFile, stop: Callable[[], bool]) -> None:
        """Nothing run yet."""
        self._pump = pump
        self._states = States(pump)
        self._stop = stop

    def trials(self, names: tuple[str, ...], seed: int, *, beyond: bool) -> list[Trial]:
        """Every fault once on one seed, and where it has degrees, beyond the stated one too."""
        done: list[Trial] = []
        for name in names:
            fault = CATALOGUE[name]
            for worse in (False, True) if beyond and fault.severity else (False,):
                if self._stop():
                    return done
                done.append(Run(self._states, fault, seed, beyond=worse).play())
        return done

    def life(self, seed: int, days: float) -> Life | None:
        """One life."""
        return live(self._pump, seed, days, self._stop)


def run(
    plan: Plan,
    workers: int,
    stop: Event,
    show: Callable[[float], None] | None = None,
    kept: KeptLives | None = None,
) -> Results:
    """All of it, in any order; the results are in theirs. `stop` may be set from outside.

    Lives that were `kept` are not lived again, and those that are join them.
    """
    results = Results(lives=_known(plan, kept))
    try:
        _work_off(plan, workers, stop, show, kept, results)
    except BrokenProcessPool:
        if not stop.is_set():  # a kill that asks a whole group for its end ends the workers at once
            raise
    results.complete = not stop.is_set()
    order = {name: place for place, name in enumerate(plan.names)}
    results.trials.sort(key=lambda trial: (order[trial.fault], trial.beyond, trial.seed))
    results.lives.sort(key=lambda one: one.seed)
    return results


def make_stop() -> Event:
    """What ends a campaign early, for all processes."""
    return multiprocessing.get_context("spawn").Event()


def cores() -> int:
    """How many there are to use."""
    return os.cpu_count() or 1


def _work_off(
    plan: Plan,
    workers: int,
    stop: Event,
    show: Callable[[float], None] | None,
    kept: KeptLives | None,
    results: Results,
) -> None:
    """Run all jobs; whatever is over is in the results at once."""
    context = multiprocessing.get_context("spawn")  # the same on every platform
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin, initargs=(plan.pump, stop)
    ) as pool:
        with _deaf_to_ctrl_c():
            costs = dict(_submit(plan, pool, {life.seed for life in results.lives}))
        done = sum(_done(life) for life in results.lives)
        total = done + sum(costs.values())
        for future in costs:
            while not wait((future,), WAKE_S).done:
                pass
            result = future.result()
            if isinstance(result, Life):
                results.lives.append(result)
                if kept is not None:
                    kept.add(result)
            elif result is not None:
                results.trials += result
            done += _done(result)
            if show is not None:
                show(done / total)


def _known(plan: Plan, kept: KeptLives | None) -> list[Life]:
    """Lives of the plan that are over already."""
    if kept is None:
        return []
    known = kept.load()
    days = dict(enumerate(plan.lives(), plan.first_seed))
    return [known[seed] for seed in days.keys() & known.keys() if known[seed].days == days[seed]]


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes that begin within it are, from their first instant on; here it waits until after.

    A terminal sends it to all of them, and `_begin` comes only after a second of imports.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _done(result: Life | list[Trial] | None) -> float:
    """What a job has come to: less than it costs when it was to stop before its end."""
    if result is None:
        return 0.0
    if isinstance(result, Life):
        return result.days * DAY_COST
    return len({trial.fault for trial in result}) * TRIAL_COST


def _submit(
    plan: Plan, pool: ProcessPoolExecutor, over: set[int]
) -> Iterator[tuple[Future[Any], float]]:
    """Every job and what it costs, but for lives that are `over`."""
    for place, seed in enumerate(plan.seeds() if plan.tried else ()):
        job = pool.submit(_try, plan.tried, seed, place < plan.beyond)
        yield job, len(plan.tried) * TRIAL_COST
    for seed, days in enumerate(plan.lives(), plan.first_seed):
        if seed in over:
            continue
        yield pool.submit(_live, seed, days), days * DAY_COST


# ---- in the processes

_worker: list[Worker] = []
"""The one of this process."""


def _begin(pump: PumpFile, stop: Event) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the parent, which sets `stop`
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker[:] = [Worker(pump, stop.is_set)]


def _end_with_parent() -> None:
    """A parent that was killed cannot tell its workers; without it nobody wants their results."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _try(names: tuple[str, ...], seed: int, beyond: bool) -> list[Trial]:  # noqa: FBT001
    return _worker[0].trials(names, seed, beyond=beyond)


def _live(seed: int, days: float) -> Life | None:
    return _worker[0].life(seed, days)
