"""What a person sees of a bench run: where it stands, how long it still takes, what it came to."""

import sys
from pathlib import Path
from typing import Final

from hil import show
from hil.bench.parameters import described
from hil.bench.script import SHIPPED, Script, find
from hil.clock import Stopwatch
from hil.errors import RigError
from hil.record import Measurement, Record, Verdict
from hil.report.words import MINUS, PLUS_MINUS, value
from hil.screen import NS_PER_S, ProgressLine

PLAIN: Final = str.maketrans({MINUS: "-", PLUS_MINUS: "+/-"})
"""For terminals that know no other characters."""


class Progress:
    """The step, the device time, and the wall time left at this pace."""

    def __init__(self, length_ns: int) -> None:
        """So much device time it should take."""
        self._length_ns = max(length_ns, 1)
        self._line = ProgressLine()
        self._watch = Stopwatch()
        self._begin_ns: int | None = None

    def __call__(self, what: str, elapsed_ns: int) -> None:
        """So far."""
        self._line.show(self.text(what, elapsed_ns, self._watch.elapsed_s()))

    def text(self, what: str, elapsed_ns: int, wall_s: float) -> str:
        """The line. The pace counts from the first look: a resumed run begins in the middle."""
        if self._begin_ns is None:
            self._begin_ns = elapsed_ns
        share = min(100 * elapsed_ns // self._length_ns, 100)
        done = show.duration(elapsed_ns // NS_PER_S)
        words = f"{what}: {done} of {show.duration(self._length_ns // NS_PER_S)}, {share} %"
        passed_ns, left_ns = elapsed_ns - self._begin_ns, self._length_ns - elapsed_ns
        if passed_ns <= 0 or left_ns <= 0:
            return words
        return f"{words}, {show.duration(round(wall_s * left_ns / passed_ns))} left"

    def end(self) -> None:
        """Take the line away."""
        self._line.end()


def ask_operator(what: str) -> None:
    """Wait until a person says it is done; RigError where there is none."""
    if not sys.stdin.isatty():
        raise RigError(
            f"nobody is there to do this: {what}; run it from a terminal, or on a rig with a "
            "laboratory"
        )
    sys.stderr.write(f"\r\x1b[K{what}\nPress Enter when it is done. ")
    sys.stderr.flush()
    sys.stdin.readline()


def record_lines(record: Record, folder: Path) -> list[str]:
    """What a run came to, for people."""
    lines = [f"{record.title}: {record.verdict.name}"]
    if record.why:
        lines.append(f"  {record.why}")
    lines += [_measurement_line(one) for one in record.measurements]
    for case in record.cases:
        seen = f"  {case.seen}" if case.seen else ""
        lines.append(f"  {case.verdict.name:<13} {case.id}{seen}")
    lines += [f"  note: {note}" for note in record.notes]
    return [*lines, f"  in {folder}"]


def list_lines() -> list[str]:
    """Every shipped script with what it needs and its parameters."""
    lines = []
    for name in SHIPPED:
        script = find(name)
        lines += [f"{name:<18}{script.title}", f"    needs {_needs(script)}"]
        lines += [f"    {line}" for line in described(script.parameters)]
    return lines


def _needs(script: Script) -> str:
    return ", ".join(sorted(script.needs)) or "the device only"


def _measurement_line(one: Measurement) -> str:
    judged = "" if one.margin is None else one.verdict.name
    bounds = ""
    if one.margin is not None:
        low = "" if one.low is None else f"{one.low:g}"
        high = "" if one.high is None else f"{one.high:g}"
        bounds = f"  ({low} to {high})"
    if one.verdict is Verdict.FAIL and one.margin is None:
        judged = "no number"
    return f"  {judged:<13} {one.name}: {_value(one)} {one.unit}{bounds}"


def _value(one: Measurement) -> str:
    """With as many digits as its uncertainty vouches for, where it has one."""
    return f"{one.value:.6g}" if one.uncertainty is None else value(one).translate(PLAIN)
