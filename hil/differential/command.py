"""`hil diff`: one scenario on two targets, in step with each other."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hil.clock import Stopwatch, unix_s
from hil.differential import outcome, signals
from hil.differential.comparison import Comparison, paired
from hil.differential.side import Side
from hil.differential.tolerance import tolerances
from hil.emulated.scenario import Scenario, when
from hil.errors import BenchError, LocalError
from hil.provenance import command, of_file, of_rig, versions
from hil.record import Record, Verdict
from hil.rig import open_rig

MAX_SLICE_NS: Final = 24 * 3_600 * 10**9
"""The longest between two looks: what a device sends meanwhile must fit the bench's memory."""
NS_PER_S: Final = 1e9

Progress = Callable[[int, int], None]
"""Told the device time that has passed, and all of it."""


@dataclass(frozen=True)
class Plan:
    """What is to be laid side by side."""

    a: str
    b: str
    scenario: Scenario
    changes: tuple[tuple[str, float], ...]
    """Tolerances that are not the default, in order: the last one of a signal wins."""
    slice_ns: int
    file: Path
    """The scenario's."""


def plan(uris: tuple[str, str], path: Path, texts: Iterable[str], slice_ns: int) -> Plan:
    """Check all of it before anything runs; LocalError says what cannot be.

    `texts` are tolerances such as "reading_temperature_mk=50"; they win over the scenario's own.
    """
    if not 0 < slice_ns <= MAX_SLICE_NS:
        raise LocalError(f"looks may lie at most {MAX_SLICE_NS / 3.6e12:g} h apart")
    scenario = Scenario.load(path)
    for signal in scenario.tolerances:
        reason = signals.why_not(signal)
        if reason is not None:
            raise scenario.complain_of_tolerance(signal, reason)
    changes = (*scenario.tolerances.items(), *map(_tolerance, texts))
    return Plan(uris[0], uris[1], scenario, changes, slice_ns, path)


def compare(plan: Plan, progress: Progress) -> Record:
    """Play it on both, and judge; a rig that fails on the way makes it an ERROR.

    Ctrl-C ends it as INCONCLUSIVE, with what was compared until then: nobody knows the rest.

    LocalError, before anything has happened, when one of the two cannot be what it must.
    """
    watch = Stopwatch()
    record = Record("diff", plan.scenario.name, f"{plan.scenario.name} on A and B")
    record.began = datetime.fromtimestamp(unix_s(), UTC).isoformat()
    record.command = command()
    for name, uri in (("A", plan.a), ("B", plan.b)):
        record.facts |= {f"{what} {name}": words for what, words in of_rig(uri).items()}
    record.facts["scenario"] = of_file(plan.file)
    record.facts |= versions()
    try:
        _run(plan, record, progress)
    except BenchError as error:
        if not record.cases:  # nothing was compared
            raise
        if record.verdict is not Verdict.ERROR:  # a rig could not be made safe in the end
            record.verdict, record.why = Verdict.ERROR, str(error)
    record.wall_s = watch.elapsed_s()
    return record


def _run(plan: Plan, record: Record, progress: Progress) -> None:
    with ExitStack() as held:
        a, b = (Side(uri, held.enter_context(open_rig(uri))) for uri in (plan.a, plan.b))
        for name, side in (("A", a), ("B", b)):
            identity = side.rig.identity
            record.facts[f"device {name}"] = f"{identity.device_id}, {identity.firmware}"
        _meet(a, b)
        _play(plan, (a, b), record, progress)


def _meet(a: Side, b: Side) -> None:
    """Both at the same instant of device time: their grids and their pasts are then alike."""
    instant_ns = max(side.rig.clock.now_ns() for side in (a, b))
    for side in (a, b):
        side.meet(instant_ns)


def _play(plan: Plan, sides: tuple[Side, Side], record: Record, progress: Progress) -> None:
    a, b = sides
    length_ns = plan.scenario.length_ns
    allowed = tolerances(plan.changes, length_ns, a.rig.clock.now_ns() + length_ns)
    comparison = Comparison({name: one.value for name, one in allowed.items()})
    played = [plan.scenario.at(side) for side in sides]
    steps = zip(*(one.steps(plan.slice_ns) for one in played), strict=True)
    early: tuple[Verdict, str] | None = None
    try:
        for number, (now_ns, _) in enumerate(steps):
            _look(comparison, a, b, number)
            progress(now_ns, length_ns)
    except LocalError:
        raise
    except BenchError as error:
        early = Verdict.ERROR, str(error)
    except KeyboardInterrupt:
        until = f"interrupted at {when(a.now_ns())} of {when(length_ns)}"
        early = Verdict.INCONCLUSIVE, f"{until}; until then: "
    comparison.add(a.acts, b.acts)
    alarms = paired(a.alarms, b.alarms, allowed[signals.ALARMS].value)
    refusals = [[why for _, why in one.refusals] for one in played]
    outcome.fill(record, comparison, alarms, (refusals[0], refusals[1]), allowed)
    record.device_s = min(side.now_ns() for side in sides) / NS_PER_S
    lost = a.lost + b.lost
    if lost and early is None:
        lack = f"{lost} notices came faster than they were taken: look more often"
        early = Verdict.ERROR, lack
    if early is not None:
        _end_early(record, *early)


def _end_early(record: Record, verdict: Verdict, why: str) -> None:
    """It never passes; after an interruption, what parted until then is told."""
    if verdict is Verdict.INCONCLUSIVE:
        why += record.why or "nothing had parted"
    record.verdict, record.why = verdict, why


def _look(comparison: Comparison, a: Side, b: Side, number: int) -> None:
    (samples_a, look_a), (samples_b, look_b) = a.look(number), b.look(number)
    comparison.add(samples_a, samples_b)
    comparison.add([look_a], [look_b])


def _tolerance(text: str) -> tuple[str, float]:
    signal, equals, number = text.partition("=")
    reason = signals.why_not(signal)
    if reason is not None:
        raise LocalError(f"--tolerance {text}: {reason}")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not equals or not 0 <= value < float("inf"):
        unit = "" if signal == signals.ALL else f", in {signals.unit(signal)}"
        raise LocalError(f"--tolerance {text}: SIGNAL=VALUE with a number from 0 up{unit}")
    return signal, value
