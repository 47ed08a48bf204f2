"""Flow from weights: start-up curve, trumpet curve, mean flow with its uncertainty. Pure.

The method is recalled from IEC 60601-2-24, not read in it, and that standard excludes implants: it
is used as a method, and nothing here claims conformity. For each sample
`Q_i = 60 (W_i - W_{i-1}) / (S density)`, and over all windows of P minutes in the analysis period
`E_max(P) = max_j (S/P) sum_{i=j}^{j+P/S-1} 100 (Q_i - r)/r`, `E_min` the minimum of the same. The
sum telescopes: the mean flow of a window follows from its two outer weights alone.
"""

from collections.abc import Sequence
from itertools import groupby, pairwise
from math import hypot, sqrt
from typing import Final, NamedTuple

NS_PER_H: Final = 3_600_000_000_000
MG_PER_G: Final = 1_000.0
HOURS_PER_DAY: Final = 24.0
WHOLE: Final = 1e-6
"""How near to a whole number of samples a window must be."""


class Weighing(NamedTuple):
    """What had been delivered, by the balance. Weighings of two pieces are never laid together."""

    instant_ns: int
    mass_mg: float
    piece: int = 0


class Point(NamedTuple):
    """A flow between two weighings; both instants from the first of all."""

    since_hours: float
    hours: float
    flow_ml_per_day: float


class Window(NamedTuple):
    """The worst deviations of the mean flow over any window of that length, in percent."""

    hours: float
    lowest_percent: float
    highest_percent: float
    tried: int


class Budget(NamedTuple):
    """What the mean flow is uncertain by; every figure expanded, k = 2.

    `balance_mg` is of one weighing. `timing_ns` is of a whole piece.
    """

    balance_mg: float
    evaporation_mg_per_h: float = 0.0
    density_percent: float = 0.0
    timing_ns: float = 0.0


class Estimate(NamedTuple):
    """A value and its expanded uncertainty, k = 2, in the same unit.

    `shared` is the part of it that is the same error in every flow of this bench.
    """

    value: float
    uncertainty: float
    shared: float = 0.0

    @property
    def own(self) -> float:
        """The part that is this value's alone."""
        return sqrt(self.uncertainty**2 - self.shared**2)


def evaporation_added(
    weighings: Sequence[Weighing], evaporation_mg_per_h: float
) -> tuple[Weighing, ...]:
    """As if nothing had evaporated since the first weighing."""
    origin_ns = weighings[0].instant_ns if weighings else 0
    return tuple(
        one._replace(
            mass_mg=one.mass_mg + evaporation_mg_per_h * (one.instant_ns - origin_ns) / NS_PER_H
        )
        for one in weighings
    )


def flows(weighings: Sequence[Weighing], density_g_per_ml: float) -> tuple[Point, ...]:
    """The start-up curve: the flow between each two neighbours of a piece."""
    return tuple(
        Point(
            (first.instant_ns - weighings[0].instant_ns) / NS_PER_H,
            (second.instant_ns - weighings[0].instant_ns) / NS_PER_H,
            _flow(first, second, density_g_per_ml),
        )
        for first, second in pairwise(weighings)
        if first.piece == second.piece
    )


def trumpet(
    weighings: Sequence[Weighing],
    density_g_per_ml: float,
    nominal_ml_per_day: float,
    period_ns: int,
    windows_ns: Sequence[int],
) -> tuple[Window, ...]:
    """For each length its worst windows; lengths that fit nowhere are left out.

    ValueError for a length that is no whole number of sampling periods.
    """
    found = []
    for window_ns in windows_ns:
        steps = _steps(window_ns, period_ns)
        deviations = [
            100.0 * (_flow(piece[at], piece[at + steps], density_g_per_ml) / nominal_ml_per_day - 1)
            for piece in _pieces(weighings)
            for at in range(len(piece) - steps)
        ]
        if deviations:
            hours = window_ns / NS_PER_H
            found.append(Window(hours, min(deviations), max(deviations), len(deviations)))
    return tuple(found)


def mean_flow(weighings: Sequence[Weighing], density_g_per_ml: float, budget: Budget) -> Estimate:
    """Over all pieces, in mL/day; ValueError when no piece has two weighings.

    Each piece is two weighings, independent of each other; evaporation and density are the same
    error all along.
    """
    pieces = [piece for piece in _pieces(weighings) if len(piece) > 1]
    if not pieces:
        message = "a flow needs two weighings without an interruption between them"
        raise ValueError(message)
    mass_mg = sum(piece[-1].mass_mg - piece[0].mass_mg for piece in pieces)
    hours = sum(piece[-1].instant_ns - piece[0].instant_ns for piece in pieces) / NS_PER_H
    per_mg = HOURS_PER_DAY / (MG_PER_G * density_g_per_ml * hours)
    flow = mass_mg * per_mg
    shared = hypot(
        budget.evaporation_mg_per_h * hours * per_mg, flow * budget.density_percent / 100.0
    )
    own = (
        budget.balance_mg * sqrt(2 * len(pieces)) * per_mg,
        flow * budget.timing_ns / NS_PER_H * sqrt(len(pieces)) / hours,
    )
    return Estimate(flow, hypot(shared, *own), shared)


def slope(points: Sequence[tuple[float, float]], errors: Sequence[float]) -> Estimate:
    """Of the weighted straight line through (x, y), `errors` being expanded, k = 2, of each y.

    The larger of two intervals: what the errors explain, and what the scatter shows, so that a line
    through points that lie on none is not called well known. ValueError below three points.
    """
    if len(points) < 3:
        message = f"a slope with an interval needs three points, not {len(points)}"
        raise ValueError(message)
    weights = [4.0 / (error * error) for error in errors]
    total = sum(weights)
    mean_x = sum(w * x for w, (x, _) in zip(weights, points, strict=True)) / total
    mean_y = sum(w * y for w, (_, y) in zip(weights, points, strict=True)) / total
    spread = sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, points, strict=True))
    if not spread:
        message = "a slope needs points at more than one place"
        raise ValueError(message)
    rise = sum(w * (x - mean_x) * (y - mean_y) for w, (x, y) in zip(weights, points, strict=True))
    value = rise / spread
    residual = sum(
        w * (y - mean_y - value * (x - mean_x)) ** 2
        for w, (x, y) in zip(weights, points, strict=True)
    )
    scatter = residual / (len(points) - 2)
    return Estimate(value, 2.0 * sqrt(max(scatter, 1.0) / spread))


def _flow(first: Weighing, second: Weighing, density_g_per_ml: float) -> float:
    hours = (second.instant_ns - first.instant_ns) / NS_PER_H
    volume_ml = (second.mass_mg - first.mass_mg) / (MG_PER_G * density_g_per_ml)
    return volume_ml / hours * HOURS_PER_DAY


def _pieces(weighings: Sequence[Weighing]) -> list[list[Weighing]]:
    return [list(group) for _, group in groupby(weighings, key=lambda one: one.piece)]


def _steps(window_ns: int, period_ns: int) -> int:
    steps = round(window_ns / period_ns)
    if steps < 1 or abs(window_ns / period_ns - steps) > WHOLE:
        message = (
            f"a window of {window_ns / NS_PER_H:g} h is no whole number of samples, "
            f"one each {period_ns / NS_PER_H:g} h"
        )
        raise ValueError(message)
    return steps
