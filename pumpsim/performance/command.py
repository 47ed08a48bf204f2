"""`pumpsim alarms`: what is to be run, the table of what came of it, and the exit code."""

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from protocol import configfile as c
from protocol.vocabulary import AlarmId
from pumpsim import pumpfile
from pumpsim.catalogue import CATALOGUE, no_fault
from pumpsim.catalogue.entry import Expected
from pumpsim.faults import Mendable
from pumpsim.performance import campaign, table
from pumpsim.performance.campaign import Plan, Worker
from pumpsim.performance.kept import KeptLives
from pumpsim.performance.living import YEAR_DAYS
from pumpsim.stimuli import ADAPTER, clearance
from pumpsim.terminal import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, interruptible, progress

ALL: Final = "all"
NONE: Final = "none"
RUNS: Final = 20
YEARS: Final = 4.0
FULL_RUNS: Final = 200
FULL_YEARS: Final = 100.0
CALIBRATION_DAYS: Final = 28


@dataclass(frozen=True, slots=True)
class Options:
    """The command line; None is what nobody said."""

    faults: str = ALL
    runs: int | None = None
    life: float | None = None
    first_seed: int = 1
    full: bool = False
    pump: Path | None = None
    jobs: int | None = None
    as_json: bool = False
    html: Path | None = None
    keep: Path | None = None


def run_alarms(options: Options) -> int:
    """The command; ConfigError for what cannot be run, before anything is."""
    _check_page(options.html)
    plan = plan_of(options)
    workers = options.jobs or campaign.cores()
    stop = campaign.make_stop()
    with interruptible(stop.set):
        if options.full:
            _say("measuring on a small part how long it will take: a moment")
            forecast = _forecast(plan, workers, stop.is_set)
            _say("interrupted before anything was run" if stop.is_set() else forecast)
        if stop.is_set():
            return EXIT_INTERRUPTED
        with progress("alarms") as show:
            kept = None if options.keep is None else KeptLives(options.keep, plan.pump)
            results = campaign.run(plan, workers, stop, show, kept)
    data = table.gather(plan, results)
    sys.stdout.write(json.dumps(data, indent=2) + "\n" if options.as_json else table.render(data))
    if options.html is not None:
        from pumpsim.performance import page  # matplotlib takes half a second

        options.html.write_text(page.render_page(data), encoding="utf-8", newline="\n")
    if not results.complete:
        if options.keep is not None:
            sys.stderr.write(f"{_kept(len(results.lives))}: the same command goes on.\n")
        return EXIT_INTERRUPTED
    return EXIT_OK if data["holds"] else EXIT_FAILED


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _kept(lives: int) -> str:
    return "1 life is kept" if lives == 1 else f"{lives} lives are kept"


def plan_of(options: Options) -> Plan:
    """What the options ask for. Lives are part of the whole only, unless they are asked for."""
    names = names_of(options.faults)
    pump = pumpfile.demo() if options.pump is None else pumpfile.load(options.pump)
    if pump.pump.logic == pumpfile.BARE:
        message = f"{options.pump}: a bare pump raises no alarms"
        raise c.ConfigError(message)
    runs = options.runs or (FULL_RUNS if options.full else RUNS)
    years = options.life
    if years is None:
        years = (FULL_YEARS if options.full else YEARS) if options.faults == ALL else 0.0
    if not names and not years:
        message = "no fault and no life: nothing is asked for; say which faults, or --life YEARS"
        raise c.ConfigError(message)
    return Plan(pump, names, runs, years, options.first_seed)


def names_of(faults: str) -> tuple[str, ...]:
    """The faults that a list names, in its order, each once."""
    if faults.lower() == ALL:
        return tuple(CATALOGUE)
    if faults.lower() == NONE:
        return ()
    names = [name.strip() for name in faults.split(",") if name.strip()]
    for name in names:
        if name not in CATALOGUE:
            raise c.ConfigError(no_fault(name))
    return tuple(dict.fromkeys(names))


def listing(faults: str = ALL) -> str:
    """The catalogue, or some of it: what happens, what it must lead to, and when."""
    lines = []
    for fault in (CATALOGUE[name] for name in names_of(faults)):
        lines.append(f"{fault.name}\n    {fault.sentence}")
        if fault.not_promised:
            lines.append(f"    not promised: {fault.not_promised}")
        else:
            words = " or ".join(map(_word, fault.expects))
            bound = table.duration(fault.bound_s)
            lines.append(f"    {words} within {bound}{_degrees(fault.name)}")
        if clearance(fault):
            lines.append("    lasts until it is ended")
    return "".join(f"{line}\n" for line in lines)


def _word(expected: Expected) -> str:
    """An alarm by its name; an event says that it is none."""
    name = expected.name.lower()
    return name if isinstance(expected, AlarmId) else f"the event {name}"


def catalogue(faults: str = ALL) -> list[dict[str, Any]]:
    """The same, for programs."""
    return [
        {
            "name": fault.name,
            "sentence": fault.sentence,
            "not_promised": fault.not_promised,
            "expects": [word.name.lower() for word in fault.expects],
            "bound_s": fault.bound_s,
            "severity": None if fault.severity is None else fault.severity._asdict(),
            "clearance": [_as_written(act) for act in clearance(fault)],
        }
        for fault in (CATALOGUE[name] for name in names_of(faults))
    ]


def _as_written(stimulus: Mendable) -> Any:
    return ADAPTER.dump_python(stimulus, mode="json", exclude_unset=True)


def _degrees(name: str) -> str:
    severity = CATALOGUE[name].severity
    if severity is None:
        return ""
    return f", from {severity.word(severity.stated)} to {severity.told(severity.worst)}"


def _forecast(plan: Plan, workers: int, stop: Callable[[], bool]) -> str:
    """How long it will take, by a small part of it."""
    worker = Worker(plan.pump, stop)
    began = time.perf_counter()
    worker.trials(plan.tried, plan.first_seed, beyond=False)
    trials_s = time.perf_counter() - began
    began = time.perf_counter()
    worker.life(plan.first_seed, CALIBRATION_DAYS)
    life_s = (time.perf_counter() - began) / CALIBRATION_DAYS * YEAR_DAYS * plan.years
    total_s = (trials_s * (plan.runs + plan.beyond) + life_s) / workers
    return (
        f"{table.count(plan.runs, 'run')} of each of {table.count(len(plan.tried), 'fault')} and"
        f" {plan.years:g} device-years: about {math.ceil(total_s / 60)} min on"
        f" {table.count(workers, 'core')}"
    )


def _check_page(page: Path | None) -> None:
    """Hours later would be too late to find out that it cannot be written."""
    if page is None:
        return
    try:
        there = page.exists()
        page.open("a", encoding="utf-8").close()
    except IsADirectoryError:
        message = f"{page}: is a folder: name a file in it"
    except FileNotFoundError:
        message = f"{page}: there is no folder {page.parent}"
    except OSError as error:
        message = f"{page}: cannot be written: {error.strerror}"
    else:
        if not there:
            page.unlink()
        return
    raise c.ConfigError(message)
