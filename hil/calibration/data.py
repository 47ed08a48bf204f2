"""Measured flows and what they were measured in: a CSV table with units in its header.

    flow_nl_per_h,temperature_mk,outlet_pressure_pa,ambient_pressure_pa,volume_nl

Optional are `viscosity_permille`, of what flows against water, `flow_uncertainty_nl_per_h` of each
flow by itself, and `flow_shared_uncertainty_nl_per_h` of all of them together, both expanded
(k = 2). The outlet's pressure is above ambient, the ambient's absolute; temperature is the
pump's, volume the liquid in its reservoir. Everything else in a table is a mistake, and is named
with its file, line and column.
"""

import csv
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from hil.errors import LocalError, reason
from hil.flow_point import FlowPoint, Surroundings
from protocol.configfile import suggest

MAX_BYTES: Final = 10_000_000
MAX_ROWS: Final = 100_000
DIGITS: Final = 9
"""Significant ones in a table that is written: beyond any bench's."""
FLOW: Final = "flow_nl_per_h"
UNCERTAINTY: Final = "flow_uncertainty_nl_per_h"
SHARED: Final = "flow_shared_uncertainty_nl_per_h"
VISCOSITY: Final = "viscosity_permille"
VOLUME: Final = "volume_nl"
NEEDED: Final = (FLOW, "temperature_mk", "outlet_pressure_pa", "ambient_pressure_pa", VOLUME)
OPTIONAL: Final = (VISCOSITY, UNCERTAINTY, SHARED)
POINTS: Final = "points.csv"
"""The table's name in the folder of a bench run."""
NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?", re.ASCII)
NO_NUMBERS: Final = ("nan", "inf", "-inf", "infinity")


class Bound(NamedTuple):
    """Where a column's values lie, and the unit whose mistake a value outside most likely is."""

    lowest: float
    highest: float
    unit: str


BOUNDS: Final = {
    FLOW: Bound(1e-3, 1e7, "nL/h"),
    "temperature_mk": Bound(283_150.0, 333_150.0, "mK, absolute: 37 degC are 310150"),
    "outlet_pressure_pa": Bound(-50_000.0, 60_000.0, "Pa above ambient, not absolute"),
    "ambient_pressure_pa": Bound(20_000.0, 700_000.0, "Pa, absolute: sea level is 101325"),
    VOLUME: Bound(100_000.0, 200_000_000.0, "nL: 1 mL are 1000000"),
    VISCOSITY: Bound(500.0, 100_000.0, "permille of water's: water has 1000"),
    UNCERTAINTY: Bound(1e-6, 1e7, "nL/h, above 0, k = 2"),
    SHARED: Bound(0.0, 1e7, "nL/h, k = 2"),
}


def load(places: Sequence[Path], viscosity_permille: float) -> list[FlowPoint]:
    """All points of several tables or run folders; LocalError names what is wrong, and where.

    `viscosity_permille` holds for tables that have no such column.
    """
    points: list[FlowPoint] = []
    for place in places:
        points += _table(file_in(place), viscosity_permille)
    known = {point.uncertainty_nl_per_h is not None for point in points}
    if len(known) > 1:
        raise LocalError(f"only some of the files have a column {UNCERTAINTY}: all or none")
    if len(points) > 1 and len({point.flow_nl_per_h for point in points}) == 1:
        raise LocalError(
            f"{points[0].place}: {FLOW}: is {points[0].flow_nl_per_h:g} at every point: "
            "a measured flow varies, a set point does not; give what was measured"
        )
    return points


def to_csv(points: Sequence[FlowPoint]) -> str:
    """The table that `load` reads as these points, uncertainties where they are known."""
    stated = all(point.uncertainty_nl_per_h is not None for point in points)
    shared = any(point.shared_nl_per_h for point in points)
    names = (
        *NEEDED,
        VISCOSITY,
        *((UNCERTAINTY,) if stated else ()),
        *((SHARED,) if shared else ()),
    )
    rows = [",".join(names)]
    for point in points:
        cells = {
            **point.surroundings._asdict(),
            FLOW: point.flow_nl_per_h,
            UNCERTAINTY: point.uncertainty_nl_per_h,
            SHARED: point.shared_nl_per_h,
        }
        rows.append(",".join(f"{cells[name]:.{DIGITS}g}" for name in names))
    return "\n".join(rows) + "\n"


def file_in(place: Path) -> Path:
    """The table that is meant: a run folder holds one."""
    if not place.is_dir():
        return place
    if not (place / POINTS).exists():
        message = f"{place} holds no {POINTS}: give a table, or a folder with one"
        raise LocalError(message)
    return place / POINTS


def _table(path: Path, viscosity_permille: float) -> list[FlowPoint]:
    reader = csv.reader(io.StringIO(_text(path)), strict=True)
    points: list[FlowPoint] = []
    try:
        header = _header(path, next(reader, []))
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            place = f"{path}:{reader.line_num}"
            points.append(_point(place, header, cells, viscosity_permille))
            if len(points) > MAX_ROWS:
                raise LocalError(f"{place}: a table holds at most {MAX_ROWS} rows")
    except csv.Error as error:
        raise LocalError(f"{path}:{reader.line_num}: is no CSV: {error}") from None
    if not points:
        raise LocalError(f"{path}:1: no row stands below the header: give at least one point")
    return points


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LocalError(f"{path}: is larger than {MAX_BYTES} bytes")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LocalError(f"{path}: cannot be read: {reason(error)}") from None
    except UnicodeDecodeError:
        raise LocalError(f"{path}: is not UTF-8 text") from None


def _header(path: Path, cells: list[str]) -> list[str]:
    known = (*NEEDED, *OPTIONAL)
    for name in cells:
        if name not in known:
            unknown = f"{name or 'a column without a name'}: unknown"
            raise LocalError(f"{path}:1: {unknown}; {suggest(name, known)}")
        if cells.count(name) > 1:
            raise LocalError(f"{path}:1: {name}: stands twice")
    missing = next((name for name in NEEDED if name not in cells), None)
    if missing is not None:
        raise LocalError(f"{path}:1: {missing}: is missing; a header is {','.join(NEEDED)}")
    return cells


def _point(place: str, header: list[str], cells: list[str], viscosity_permille: float) -> FlowPoint:
    if len(cells) != len(header):
        raise LocalError(f"{place}: has {len(cells)} values, the header {len(header)} columns")
    values = {
        name: _value(place, name, cell.strip()) for name, cell in zip(header, cells, strict=True)
    }
    surroundings = Surroundings(
        values["temperature_mk"],
        values["outlet_pressure_pa"],
        values["ambient_pressure_pa"],
        values[VOLUME],
        values.get(VISCOSITY, viscosity_permille),
    )
    doubt, shared = values.get(UNCERTAINTY), values.get(SHARED, 0.0)
    return FlowPoint(values[FLOW], surroundings, doubt, shared, place)


def _value(place: str, name: str, text: str) -> float:
    bound = BOUNDS[name]
    if text.lower() in NO_NUMBERS:
        raise LocalError(f"{place}: {name}: {text} is no measurement; leave the row out")
    if NUMBER.fullmatch(text) is None:
        raise LocalError(f"{place}: {name}: {text!r} is no number with a decimal point")
    value = float(text)
    if not math.isfinite(value) or not bound.lowest <= value <= bound.highest:
        limits = f"{bound.lowest:.12g} to {bound.highest:.12g}"
        raise LocalError(f"{place}: {name}: {text} lies outside {limits} ({bound.unit})")
    return value
