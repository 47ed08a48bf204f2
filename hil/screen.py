"""What a person sees while logic on the bench controls a device, and what remains at the end."""

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from hil import show
from hil.control import AlarmNote, SounderNote, Summary
from hil.hosted import FaultNote
from protocol.control import TICKS_PER_S
from protocol.plain import to_plain

NS_PER_S: Final = 1_000_000_000
STEPS: Final = 200
"""How often a progress line changes over a run."""
MAX_SHOWN: Final = 20
"""Lines of one kind in a summary; the rest is counted."""


class ProgressLine:
    """One line on the terminal that is written over; nothing where there is none."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._terminal = sys.stderr.isatty()
        self._shown = ""

    def show(self, text: str) -> None:
        """In place of what stood there."""
        if self._terminal and text != self._shown:
            self._shown = text
            sys.stderr.write(f"\r\x1b[K{text} ")
            sys.stderr.flush()

    def end(self) -> None:
        """Take it away."""
        if self._terminal and self._shown:
            self._shown = ""
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


class Screen:
    """Alarms and faults as they come; a progress line where there is a terminal."""

    def __init__(
        self, echo: Callable[[str], None], look: Callable[[], None], *, quiet: bool
    ) -> None:
        """`look` is called as time passes; `quiet` keeps standard output for the summary."""
        self._look = look
        self._echo = echo
        self._quiet = quiet
        self._progress_line = ProgressLine()
        self._step = -1

    def alarm(self, note: AlarmNote) -> None:
        """One line per change."""
        self._line(_alarm_line(note))

    def sounder(self, note: SounderNote) -> None:
        """One line per change."""
        self._line(_sounder_line(note))

    def fault(self, note: FaultNote) -> None:
        """One line per fault."""
        self._line(_fault_line(note))

    def progress(self, elapsed_ns: int, duration_ns: int) -> None:
        """Overwrite the line on the terminal, now and then."""
        self._look()
        step = elapsed_ns * STEPS // duration_ns
        if step != self._step:
            self._step = step
            done = show.duration(elapsed_ns // NS_PER_S)
            whole = show.duration(duration_ns // NS_PER_S)
            self._progress_line.show(f"{done} of {whole}, {100 * elapsed_ns // duration_ns} %")

    def end(self) -> None:
        """Take the progress line away."""
        self._progress_line.end()

    def _line(self, text: str) -> None:
        if not self._quiet:
            self.end()
            self._echo(text)


def summary_lines(summary: Summary) -> list[str]:
    """The end of a run, for people."""
    lines = [
        "",
        f"samples used          {summary.samples}",
        f"samples missed        {summary.missed}",
        f"outputs carried out   {summary.outputs}",
        f"device resets         {summary.reboots}",
        *show.belief_lines(summary.beliefs),
    ]
    if summary.repeated:
        lines.append(f"samples repeated      {summary.repeated}, not used again")
    lines += _some("alarm changes", [_alarm_line(note) for note in summary.alarms])
    lines += _some("sounder changes", [_sounder_line(note) for note in summary.sounder])
    counts = Counter(note.name for note in summary.faults)
    named = ", ".join(f"{name} x{count}" for name, count in counts.items())
    lines.append(f"firmware faults       {named or 'none'}")
    lines += [_fault_line(note) for note in list(summary.faults)[:MAX_SHOWN]]
    lines += _some("refused", [f"  {refusal}" for refusal in summary.refusals])
    return lines


def summary_plain(summary: Summary) -> dict[str, Any]:
    """The end of a run, for programs."""
    return {
        "samples": summary.samples,
        "missed": summary.missed,
        "repeated": summary.repeated,
        "reboots": summary.reboots,
        "outputs": summary.outputs,
        "alarms": [{"ticks": note.ticks, **to_plain(note.alarm)} for note in summary.alarms],
        "sounder": [
            {"ticks": note.ticks, "sounder": note.sounder.name.lower()} for note in summary.sounder
        ],
        "faults": [
            {"ticks": note.ticks, "fault": note.name, "detail": note.detail}
            for note in summary.faults
        ],
        "refusals": list(summary.refusals),
        "delivered_total_nl": None
        if summary.beliefs is None
        else summary.beliefs.delivered_total_nl,
    }


def _some(title: str, rows: list[str]) -> list[str]:
    more = [f"  ... and {len(rows) - MAX_SHOWN} before"] if len(rows) > MAX_SHOWN else []
    return [f"{title:<22}{len(rows) or 'none'}", *more, *rows[-MAX_SHOWN:]]


def _alarm_line(note: AlarmNote) -> str:
    what = f"{note.alarm.priority.name:<6}  {show.alarm_words(note.alarm)}"
    return _at(note.ticks, what)


def _sounder_line(note: SounderNote) -> str:
    return _at(note.ticks, f"sounder {note.sounder.name}")


def _fault_line(note: FaultNote) -> str:
    return _at(note.ticks, f"firmware fault {note.detail or note.name}")


def _at(ticks: int, what: str) -> str:
    return f"  {show.duration(ticks // TICKS_PER_S):>16}  {what}  (tick {ticks})"
