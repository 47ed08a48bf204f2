"""Run a scenario in virtual time, as fast as it goes, and tell what came of it."""

import json
import sys
from pathlib import Path
from typing import Any

from protocol.configfile import ConfigError
from pumpsim.report import summary
from pumpsim.scenario import file as scenarios
from pumpsim.scenario.play import Run
from pumpsim.terminal import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_USAGE,
    interruptible,
    progress,
)
from pumpsim.trace import Trace, TraceFile


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
    def stop() -> None:
        run.stop = True

    with interruptible(stop), progress(run.scenario.name) as show:
        run.play(show)


def _tell(run: Run, *, as_json: bool) -> dict[str, Any]:
    digest = run.watch.end()
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
