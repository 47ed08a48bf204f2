"""Run a scenario in virtual time, as fast as it goes, and tell what came of it."""

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pumpsim.configfile import ConfigError
from pumpsim.report import summary
from pumpsim.scenario import file as scenarios
from pumpsim.scenario.play import Run
from pumpsim.trace import Trace, TraceFile

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130


class Progress:
    """A line on a terminal that says how far a run has come."""

    def __init__(self, name: str) -> None:
        """Nothing shown yet."""
        self._name = name
        self._percent = -1

    def show(self, share: float) -> None:
        """Draw the line anew when a whole percent has passed."""
        percent = int(share * 100)
        if percent != self._percent:
            self._percent = percent
            bar = "#" * (percent // 4)
            sys.stderr.write(f"\r{self._name} [{bar:25}] {percent:3d} %")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave an empty line."""
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()


def run_scenario(
    path: Path, seed: int | None, trace: Path | None, plot: Path | None, *, as_json: bool
) -> int:
    """The command: run, print the summary, write what was asked for; returns the exit code."""
    sink = None
    try:
        scenario = scenarios.load(path)
        _check_plot(plot)
        sink = None if trace is None else _open(trace)
        run = Run.prepare(scenario, seed, Trace(sink), record=plot is not None)
        _play(run)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        if sink is not None:
            sink.close()  # it stays marked as incomplete
        return EXIT_USAGE
    data = _tell(run, as_json=as_json)
    failures = [_failed_trace(sink), None if plot is None else _draw(plot, run, data)]
    problems = [problem for problem in failures if problem is not None]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    if run.stop:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if problems else EXIT_OK


def _play(run: Run) -> None:
    progress = Progress(run.scenario.name) if sys.stderr.isatty() else None
    with _interruptible(run):
        try:
            run.play(None if progress is None else progress.show)
        finally:
            if progress is not None:
                progress.clear()


@contextmanager
def _interruptible(run: Run) -> Iterator[None]:
    """Ctrl-C stops the run between two slices, so that the summary so far is sound."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is told of signals
        return

    def stop(_signal: int, _frame: Any) -> None:
        run.stop = True
        signal.signal(signal.SIGINT, before)  # a second one is meant

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(run: Run, *, as_json: bool) -> dict[str, Any]:
    digest = run.watch.trace.end()
    data = summary.gather(run.scenario, run.device, run.watch, run.clinic.journal, digest)
    text = json.dumps(data, indent=2) if as_json else summary.render(data)
    sys.stdout.write(text + "\n")
    return data


def _open(trace: Path) -> TraceFile:
    try:
        return TraceFile(trace)
    except OSError as error:
        message = f"{trace}: the trace cannot be written: {error.strerror}"
        raise ConfigError(message) from None


def _failed_trace(sink: TraceFile | None) -> str | None:
    if sink is None or sink.error is None:
        return None
    reason = sink.error.strerror
    return f"{sink.path}: the trace failed: {reason}; what was written is in {sink.partial}"


def _check_plot(plot: Path | None) -> None:
    """Before the run, not after it."""
    if plot is None:
        return
    if plot.suffix.lower() != ".png":
        message = f"{plot}: a plot is a PNG picture: name it {plot.stem}.png"
        raise ConfigError(message)
    if not plot.parent.is_dir():
        message = f"{plot}: there is no folder {plot.parent}"
        raise ConfigError(message)


def _draw(plot: Path, run: Run, data: dict[str, Any]) -> str | None:
    from pumpsim.report import plot as plots  # matplotlib takes half a second

    try:
        plots.draw(plot, run, data)
    except OSError as error:
        return f"{plot}: the plot cannot be written: {error.strerror}"
    return None
