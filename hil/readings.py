"""`hil sample`: what instruments and sensors of a rig show, on one grid of instants, as a table."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from hil.board import TABLES
from hil.errors import LocalError, reason
from hil.instruments.errors import InstrumentError
from hil.instruments.kinds import READS, Reading, Sensors
from hil.rig import Rig, duration_ns
from hil.sampling import LATE_NS, Taken, Tally, sampled

COLUMNS: Final = ("due_s", "late_ms", "instrument", "value", "unit", "uncertainty", "stable")
Shown = Mapping[str, Reading]
"""By the names of tables in a rig file."""


class _Source(NamedTuple):
    """What is read at once: an instrument, or all sensors of a unit."""

    names: tuple[str, ...]
    read: Callable[[], Shown]


def sample(rig: Rig, every: str, length: str, path: Path) -> dict[str, Tally]:
    """Write the table; how each instrument and each sensor kept to the grid.

    What was taken before an interruption or an error stands in the file, which must not exist yet.
    LocalError for that, for a grid that cannot be, and for a rig without anything to read.
    """
    every_ns = duration_ns(every)
    sources = {one.names[0]: one for one in _sources(rig)}
    if not sources:
        raise LocalError(f"nothing on this rig shows a value: give its file one of {list(READS)}")
    reads = {name: one.read for name, one in sources.items()}
    taken = sampled(rig.clock, reads, every_ns, duration_ns(length) // every_ns)
    tallies = {name: Tally() for one in sources.values() for name in one.names}
    try:
        with path.open("x", encoding="ascii", newline="", buffering=1) as file, closing(taken):
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            for one in taken:
                for name in sources[one.name].names:
                    tallies[name].add(one)
                    rows.writerow(_row(one, name))
    except OSError as error:
        raise LocalError(f"{path} cannot be written: {reason(error)}") from None
    return tallies


def lines(tallies: Mapping[str, Tally]) -> Iterator[str]:
    """For a person."""
    width = max(map(len, tallies))
    for name, one in tallies.items():
        yield (
            f"{name:{width}} {one.taken} taken, {one.late} of them more than {LATE_NS / 1e6:g} ms "
            f"late (at most {one.latest_ns / 1e6:.1f} ms), {one.missed} missed"
        )


def _sources(rig: Rig) -> Iterator[_Source]:
    for kind in sorted(rig.instruments.kinds() & READS.keys()):
        yield _Source((kind,), partial(_read_one, kind, getattr(rig.instruments, kind)))
    for unit in rig.sensors:
        names = tuple(TABLES[channel] for channel in unit.channels)
        yield _Source(names, partial(_read_unit, unit))


def _read_one(kind: str, instrument: Any) -> Shown:
    return {kind: READS[kind](instrument)}


def _read_unit(unit: Sensors) -> Shown:
    """InstrumentError for a sensor without a value: it ends a sampling as any other fault does."""
    shown = {}
    for channel, reading in unit.read().items():
        if isinstance(reading, InstrumentError):
            raise reading
        shown[TABLES[channel]] = reading
    return shown


def _row(one: Taken[Shown], name: str) -> tuple[object, ...]:
    """Of a missed instant all but when and where is empty."""
    due_s = f"{one.due_ns / 1e9:.3f}"
    if one.reading is None:
        return due_s, "", name, "", "", "", ""
    shown = one.reading[name]
    late_ms = f"{one.late_ns / 1e6:.2f}"
    return due_s, late_ms, name, shown.value, shown.unit, shown.uncertainty, int(shown.stable)
