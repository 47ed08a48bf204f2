"""Points for a calibration: flows that were weighed, each with what it was weighed in.

A point spans at most a day, so that a long run shows what the fill level does to the flow, and no
weighing is in two of them. Everything comes from samples that the journal holds.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, takewhile
from math import hypot
from statistics import fmean
from typing import Any, Final, Protocol

from hil.bench.gravimetry import Method, Row, Weighed, flow_of
from hil.bench.parameters import NL_PER_H_PER_ML_PER_DAY, PRESSURE, ZERO_CELSIUS_MK, parameter
from hil.bench.run import Run
from hil.flow_point import FlowPoint, Surroundings

LONGEST_NS: Final = 88_000 * 10**9
"""A day, and what weights that take time to settle come late."""
LEAST_ML: Final = 3.0
"""With less in the reservoir its bellows come to their stop, and the level is not known so well."""
PERCENT_PER_K: Final = 6.2
PERCENT_PER_KPA: Final = 0.43
"""What temperature and outlet do to the flow (domain facts, section 2): what an instrument that is
off makes of it, of each point alike."""
MISSING: Final = {
    "bath": "no bath tells the pump's temperature",
    "outlet": "no controller tells the outlet's pressure",
    "ambient_kpa": "nobody tells the pressure around the pump: read a barometer, and give ambient",
    "level_ml": "nobody tells what is in the reservoir",
    "viscosity_permille": "the device was never told what it was filled with",
}
"""Why there are no points; the first that holds is told."""


def ambient() -> Any:
    """The field `ambient_kpa`."""
    what = "around the pump, absolute, by a barometer; 0 kPa: as a laboratory tells it"
    return parameter("0 kPa", PRESSURE, what)


class Told(Protocol):
    """Parameters of a script whose flows become points."""

    @property
    def method(self) -> Method:
        """How they are weighed."""

    @property
    def ambient_kpa(self) -> float:
        """See `ambient`."""


def add_points(run: Run, name: str, weighed: Weighed, p: Told, from_ns: int = 0) -> None:
    """Put what a series of weighings tells into the run's points; a remark when it tells nothing.

    What was weighed before `from_ns` is start-up.
    """
    around = [_complete(row.around, weighed, p) for row in weighed.rows]
    missing = next(
        (why for key, why in MISSING.items() if any(one[key] is None for one in around)), ""
    )
    if missing:
        run.remark(f"{name}: no points for hil calibrate: {missing}")
        return
    rows = [row._replace(around=one) for row, one in zip(weighed.rows, around, strict=True)]
    late = [row for row in rows if row.weighing.instant_ns >= from_ns]
    run.points += [_point(span, p.method) for span in _spans(late)]


def _complete(around: dict[str, Any], weighed: Weighed, p: Told) -> dict[str, Any]:
    """What is the same all along beside what was read."""
    barometer = {"ambient_kpa": p.ambient_kpa} if p.ambient_kpa else {}
    return {**around, **barometer, "viscosity_permille": weighed.viscosity_permille}


def _spans(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Weighings of one piece, at most a day of them and at least two, while there is enough."""
    enough = takewhile(lambda row: row.around["level_ml"] >= LEAST_ML, rows)
    for _, piece in groupby(enough, key=lambda row: row.weighing.piece):
        span: list[Row] = []
        for row in piece:
            if span and row.weighing.instant_ns > span[0].weighing.instant_ns + LONGEST_NS:
                yield from [span] if len(span) > 1 else []
                span = []
            span.append(row)
        yield from [span] if len(span) > 1 else []


def _point(span: Sequence[Row], method: Method) -> FlowPoint:
    flow = flow_of(span, method)
    bath_degc, bath_doubt_k = (fmean(row.around["bath"][n] for row in span) for n in (0, 1))
    outlet_kpa, outlet_doubt_kpa = (fmean(row.around["outlet"][n] for row in span) for n in (0, 1))
    doubt = hypot(PERCENT_PER_K * bath_doubt_k, PERCENT_PER_KPA * outlet_doubt_kpa) / 100
    around = Surroundings(
        bath_degc * 1e3 + ZERO_CELSIUS_MK,
        outlet_kpa * 1e3,
        fmean(row.around["ambient_kpa"] for row in span) * 1e3,
        fmean(row.around["level_ml"] for row in span) * 1e6,
        span[0].around["viscosity_permille"],
    )
    return FlowPoint(
        flow.value * NL_PER_H_PER_ML_PER_DAY,
        around,
        flow.own * NL_PER_H_PER_ML_PER_DAY,
        hypot(flow.shared, flow.value * doubt) * NL_PER_H_PER_ML_PER_DAY,
    )
