"""Weighted least squares: the parameters of a pump model that measured flows agree with best.

The model is the plant's own flow law at rest. With stated uncertainties the sum of squares is a
chi-square, and says whether model and data agree; without them the scatter around the model stands
for the uncertainty, and intervals are as much wider as few points make them. What all points are
wrong by together moves the parameters and no residual: it widens the intervals alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from hil.calibration.data import FLOW
from hil.emulated.model import BELLOWS, PARAMETERS, PROPELLANT, Parameter, PumpModel
from hil.errors import LocalError
from hil.flow_point import FlowPoint

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_SPARE: Final = 2
"""Points there must be beyond the parameters that are fitted."""
MIN_TEMPERATURE_SPAN_MK: Final = 2_000.0
MIN_PRESSURE_SPAN_PA: Final = 5_000.0
MIN_VOLUME_SHARE: Final = 0.1
"""Of the reservoir: what a sweep must span, for the parameter that it tells to be fitted."""
MAX_RATIO: Final = 30.0
"""How far the flows may be from the pump file's before it is another pump, or another unit."""
MAX_CONDITION: Final = 1e8
"""Of the normal matrix; beyond, some parameters do the same to every flow."""
EXPANSION: Final = 2.0
CONFIDENCE: Final = 0.95
DIFFERENCE: Final = 1e-4
"""Relative step of the derivatives."""


@dataclass(frozen=True)
class Estimated:
    """One parameter: fitted with half its 95 % interval, or held, and why."""

    parameter: Parameter
    value: float
    before: float
    half_width: float | None = None
    why_held: str = ""
    at_bound: bool = False


@dataclass(frozen=True)
class Fit:
    """What a fit came to. Residuals are measured less modelled, in nL/h."""

    points: tuple[FlowPoint, ...]
    estimates: tuple[Estimated, ...]
    correlations: dict[tuple[str, str], float]
    modelled_nl_per_h: tuple[float, ...]
    sigmas_nl_per_h: tuple[float, ...]
    degrees: int
    chi_square: float | None  # None without stated uncertainties
    chance: float | None  # of a chi-square at least as large, if the model holds
    nominal_nl_per_h: tuple[float, float]  # the flow where the label's holds, and half its interval

    @property
    def residuals_nl_per_h(self) -> tuple[float, ...]:
        """One per point."""
        pairs = zip(self.points, self.modelled_nl_per_h, strict=True)
        return tuple(point.flow_nl_per_h - modelled for point, modelled in pairs)

    @property
    def values(self) -> dict[str, float]:
        """What was fitted."""
        return {one.parameter.key: one.value for one in self.estimates if not one.why_held}


def fit(model: PumpModel, points: Sequence[FlowPoint]) -> Fit:
    """The fit of all that the points can tell; LocalError when they cannot be this pump's."""
    _check(model, points)
    held = _untold(model, points)
    free = [one for one in PARAMETERS if one.key not in held]
    if len(points) < len(free) + MIN_SPARE:
        names = ", ".join(one.key for one in free)
        raise LocalError(
            f"{points[-1].place}: {FLOW}: {len(points)} points are too few to fit {names}: "
            f"{len(free) + MIN_SPARE} are the least"
        )
    return _Problem(model, tuple(points), free).solve(held)


def _check(model: PumpModel, points: Sequence[FlowPoint]) -> None:
    flows = model.flows_nl_per_h(model.present, [point.surroundings for point in points])
    for point, flow in zip(points, flows, strict=True):
        if point.surroundings.volume_nl > model.capacity_nl:
            raise LocalError(
                f"{point.place}: volume_nl: {point.surroundings.volume_nl:.0f} is more than the "
                f"{model.capacity_nl} that the reservoir of {model.path} holds"
            )
        if flow <= 0.0:
            raise LocalError(
                f"{point.place}: {FLOW}: by the flow law nothing leaves {model.path} at these "
                "pressures; check outlet_pressure_pa and ambient_pressure_pa"
            )
    pairs = zip(points, flows, strict=True)
    ratio = median(point.flow_nl_per_h / flow for point, flow in pairs)
    if not 1.0 / MAX_RATIO <= ratio <= MAX_RATIO:
        raise LocalError(
            f"{points[0].place}: {FLOW}: flows are {ratio:.3g} times those of {model.path}: "
            "check the unit, nL/h (1 mL/day is 41667), or give the pump file that belongs to them"
        )


def _untold(model: PumpModel, points: Sequence[FlowPoint]) -> dict[str, str]:
    """The parameters that no sweep tells, each with the sweep that would."""
    around = [point.surroundings for point in points]
    temperature_mk = _span([one.temperature_mk for one in around])
    pressure_pa = _span([one.outlet_pressure_pa + one.ambient_pressure_pa for one in around])
    volume_nl = _span([one.volume_nl for one in around])
    held: dict[str, str] = {}
    if temperature_mk < MIN_TEMPERATURE_SPAN_MK and pressure_pa < MIN_PRESSURE_SPAN_PA:
        held[PROPELLANT.key] = (
            f"needs a sweep of temperature over {MIN_TEMPERATURE_SPAN_MK / 1e3:g} K or of outlet "
            f"pressure over {MIN_PRESSURE_SPAN_PA / 1e3:g} kPa; the data span "
            f"{temperature_mk / 1e3:.3g} K and {pressure_pa / 1e3:.3g} kPa"
        )
    least_nl = MIN_VOLUME_SHARE * model.capacity_nl
    if volume_nl < least_nl:
        held[BELLOWS.key] = (
            f"needs a sweep of the fill level over {least_nl / 1e6:g} mL; the data span "
            f"{volume_nl / 1e6:.3g} mL"
        )
    return held


def _span(values: Sequence[float]) -> float:
    return max(values) - min(values)


class _Problem:
    """One fit: scipy on one side, the pump model on the other."""

    def __init__(
        self, model: PumpModel, points: tuple[FlowPoint, ...], free: Sequence[Parameter]
    ) -> None:
        import numpy as np

        self._np: Any = np
        self._model = model
        self._points = points
        self._free = free
        self._around = [point.surroundings for point in points]
        self._measured = np.array([point.flow_nl_per_h for point in points])
        stated = [point.uncertainty_nl_per_h for point in points]
        self._stated = stated[0] is not None
        # without a stated uncertainty each flow counts by its share: a balance's error, and the
        # model's, grow with the flow
        self._sigmas = np.array(
            [
                point.flow_nl_per_h if u is None else u / EXPANSION
                for u, point in zip(stated, points, strict=True)
            ]
        )
        self._shared = np.array([point.shared_nl_per_h / EXPANSION for point in points])
        self._scales = [one.typical for one in free]

    def solve(self, held: dict[str, str]) -> Fit:
        from scipy.optimize import least_squares

        model = self._model
        start = [self._inside(one, model.present[one.key]) for one in self._free]
        found = least_squares(
            lambda x: (self._flows(x) - self._measured) / self._sigmas,
            start,
            jac="3-point",
            bounds=([one.lowest for one in self._free], [one.highest for one in self._free]),
            x_scale=self._scales,
            xtol=1e-12,
            ftol=1e-12,
            gtol=1e-12,
        )
        if not found.success:
            raise LocalError(f"{self._points[0].place}: {FLOW}: no fit was found: {found.message}")
        return self._weigh(found, held)

    def _weigh(self, found: Any, held: dict[str, str]) -> Fit:
        """Intervals and agreement from the solution."""
        from scipy.special import chdtrc, ndtri, stdtrit

        np, upper = self._np, 0.5 + CONFIDENCE / 2
        degrees = len(self._points) - len(self._free)
        squares = float(2.0 * found.cost)
        spread = 1.0 if self._stated else (squares / degrees) ** 0.5
        expansion = float(ndtri(upper) if self._stated else stdtrit(degrees, upper))
        inverse = self._covariance(found.jac)
        moved = inverse @ found.jac.T @ (self._shared / self._sigmas)
        covariance = inverse * spread**2 + np.outer(moved, moved)
        deviations = np.sqrt(np.diag(covariance))
        gradient = self._gradient(found.x)
        nominal = self._flows(found.x, [self._model.nominal])[0]
        half = float(np.sqrt(gradient @ covariance @ gradient))
        return Fit(
            points=self._points,
            estimates=self._estimates(found, expansion * deviations, held),
            correlations=self._correlations(covariance / np.outer(deviations, deviations)),
            modelled_nl_per_h=tuple(float(flow) for flow in self._flows(found.x)),
            sigmas_nl_per_h=tuple(float(sigma) for sigma in self._sigmas * spread),
            degrees=degrees,
            chi_square=squares if self._stated else None,
            chance=float(chdtrc(degrees, squares)) if self._stated else None,
            nominal_nl_per_h=(float(nominal), expansion * half),
        )

    def _estimates(
        self, found: Any, half_widths: "NDArray[Any]", held: dict[str, str]
    ) -> tuple[Estimated, ...]:
        present = self._model.present
        rows = []
        for one in PARAMETERS:
            before = present[one.key]
            if one.key in held:
                rows.append(Estimated(one, before, before, why_held=held[one.key]))
                continue
            index = list(self._free).index(one)
            value, half = float(found.x[index]), float(half_widths[index])
            at_bound = bool(found.active_mask[index])
            rows.append(Estimated(one, value, before, half, at_bound=at_bound))
        return tuple(rows)

    def _covariance(self, jacobian: "NDArray[Any]") -> "NDArray[Any]":
        """The inverse of the normal matrix, made of columns of like size."""
        np = self._np
        scales = np.sqrt((jacobian**2).sum(axis=0))
        normal = (jacobian / scales).T @ (jacobian / scales)
        if not np.linalg.cond(normal) < MAX_CONDITION:
            names = " and ".join(one.key for one in self._free)
            raise LocalError(
                f"{self._points[0].place}: {FLOW}: the points do not tell {names} apart: in a "
                "sweep change one thing at a time"
            )
        return np.linalg.inv(normal) / np.outer(scales, scales)  # type: ignore[no-any-return]

    def _correlations(self, matrix: "NDArray[Any]") -> dict[tuple[str, str], float]:
        keys = [one.key for one in self._free]
        return {
            (keys[row], keys[column]): float(matrix[row, column])
            for row in range(len(keys))
            for column in range(row + 1, len(keys))
        }

    def _gradient(self, x: "NDArray[Any]") -> "NDArray[Any]":
        """Of the flow at the label's point."""
        np, point = self._np, [self._model.nominal]
        slopes = []
        for index, one in enumerate(self._free):
            step = np.zeros(len(x))
            inward = 1.0 if x[index] < one.typical else -1.0
            step[index] = inward * DIFFERENCE * one.typical
            rise = self._flows(x + step, point)[0] - self._flows(x, point)[0]
            slopes.append(rise / step[index])
        return np.array(slopes)  # type: ignore[no-any-return]

    def _flows(self, x: "NDArray[Any]", around: Any = None) -> "NDArray[Any]":
        names = [one.key for one in self._free]
        values = {**self._model.present, **dict(zip(names, map(float, x), strict=True))}
        flows = self._model.flows_nl_per_h(values, self._around if around is None else around)
        return self._np.array(flows)  # type: ignore[no-any-return]

    def _inside(self, one: Parameter, value: float) -> float:
        """A start off the bounds, as the solver wants it."""
        room = 1e-6 * (one.highest - one.lowest)
        return min(max(value, one.lowest + room), one.highest - room)
