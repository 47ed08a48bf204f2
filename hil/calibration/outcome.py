"""What a calibration came to: the record, and the lines a person reads."""

from collections.abc import Callable, Sequence
from typing import Final

from hil.calibration.fit import CONFIDENCE, Estimated, Fit
from hil.flow_point import FlowPoint
from hil.record import CaseResult, Figure, Measurement, Record, Series, Verdict

LEAST_CHANCE: Final = 1e-3
"""A chi-square that is less probable than this, if the model held, says that it does not."""
SECTION: Final = "calibration"
HOURS_PER_DAY: Final = 24.0
SIGMAS: Final = 2.0
"""Standard deviations between the lines of a plot of residuals."""

AXES: Final[tuple[tuple[str, str, Callable[[FlowPoint], float]], ...]] = (
    ("temperature", "degC", lambda p: p.surroundings.temperature_mk / 1e3 - 273.15),
    ("outlet pressure above ambient", "kPa", lambda p: p.surroundings.outlet_pressure_pa / 1e3),
    ("ambient pressure", "kPa", lambda p: p.surroundings.ambient_pressure_pa / 1e3),
    ("fill level", "mL", lambda p: p.surroundings.volume_nl / 1e6),
)


def fill(record: Record, fit: Fit) -> None:
    """Put it all into the record, and judge it."""
    for one in fit.estimates:
        record.measurements.append(_measurement(one))
    nominal, half_width = fit.nominal_nl_per_h
    record.measurements.append(
        Measurement(
            "flow of water at 37 degC, sea level, mean artery, half full",
            nominal * HOURS_PER_DAY / 1e6,
            "mL/day",
            uncertainty=half_width * HOURS_PER_DAY / 1e6,
        )
    )
    for (one_key, other_key), value in fit.correlations.items():
        name = f"correlation of {one_key} and {other_key}"
        record.measurements.append(Measurement(name, value, "1"))
    record.cases += [_case(one) for one in fit.estimates]
    record.cases.append(_agreement(record, fit))
    record.figures += _figures(fit)
    record.facts["points"] = str(len(fit.points))
    record.facts["confidence of intervals"] = f"{CONFIDENCE:.0%}"
    record.notes += [_bound_note(one) for one in fit.estimates if one.at_bound]
    record.judge()


def lines(record: Record, fit: Fit) -> list[str]:
    """For a person."""
    rows = [_row(one) for one in fit.estimates]
    nominal, half_width = (one * HOURS_PER_DAY / 1e6 for one in fit.nominal_nl_per_h)
    rows.append(f"{'flow where the label holds':<32}{nominal:.4f} +- {half_width:.4f} mL/day")
    for (one_key, other_key), value in fit.correlations.items():
        rows.append(f"{'correlation':<32}{value:+.3f}  {one_key}, {other_key}")
    rows.append(f"{'points':<32}{len(fit.points)}")
    rows.append(f"{'agreement':<32}{record.cases[-1].seen}")
    rows += record.notes
    return rows


def _measurement(one: Estimated) -> Measurement:
    name = one.parameter.key
    if one.why_held:
        return Measurement(f"{name} (held)", one.value, one.parameter.unit)
    return Measurement(name, one.value, one.parameter.unit, uncertainty=one.half_width)


def _case(one: Estimated) -> CaseResult:
    verdict = Verdict.SKIP if one.why_held else Verdict.PASS
    return CaseResult(
        one.parameter.key, one.parameter.meaning, verdict, SECTION, seen=_value_words(one)
    )


def _value_words(one: Estimated) -> str:
    unit = "" if one.parameter.unit == "1" else f" {one.parameter.unit}"
    if one.half_width is None:
        return f"held at {one.value:.6g}{unit}: {one.why_held}"
    return f"{one.value:.5g} +- {one.half_width:.2g}{unit}  (file: {one.before:.5g})"


def _row(one: Estimated) -> str:
    return f"{one.parameter.key:<32}{_value_words(one)}"


def _bound_note(one: Estimated) -> str:
    key = one.parameter.key
    return f"{key} ends at the bound of what a pump file may say: its interval is not to be trusted"


def _agreement(record: Record, fit: Fit) -> CaseResult:
    """Whether the scatter around the model is what the stated uncertainties lead one to expect."""
    title = "the model describes the data within their uncertainties"
    if fit.chi_square is None or fit.chance is None:
        scatter = 100.0 * fit.sigmas_nl_per_h[0] / fit.points[0].flow_nl_per_h
        seen = f"flows scatter by {scatter:.2g} % (1 sigma); without stated uncertainties no test"
        return CaseResult("agreement", title, Verdict.SKIP, SECTION, seen=seen)
    reduced = fit.chi_square / fit.degrees
    record.measurements.append(Measurement("reduced chi-square", reduced, "1"))
    seen = f"reduced chi-square {reduced:.3f}, {fit.degrees} degrees, chance {fit.chance:.2g}"
    verdict = Verdict.PASS if fit.chance >= LEAST_CHANCE else Verdict.FAIL
    expected = f"a chance of at least {LEAST_CHANCE:g}"
    return CaseResult("agreement", title, verdict, SECTION, expected=expected, seen=seen)


def _figures(fit: Fit) -> list[Figure]:
    """Residuals against everything that was swept, and in the order of measuring."""
    pairs = list(zip(fit.residuals_nl_per_h, fit.modelled_nl_per_h, strict=True))
    percent = tuple(100.0 * residual / modelled for residual, modelled in pairs)
    limit = 100.0 * SIGMAS * max(_shares(fit))
    lines = ((f"+{limit:.2g} %", limit), (f"-{limit:.2g} %", -limit))
    columns = [(what, f"{what}, {unit}", [of(p) for p in fit.points]) for what, unit, of in AXES]
    swept = [column for column in columns if max(column[2]) > min(column[2])]
    order = ("the order of the data", "point", [float(n + 1) for n in range(len(percent))])
    return [
        Figure(
            f"Residuals against {what}",
            label,
            "residual, % of the flow",
            (Series("measured less modelled", tuple(x), percent, "points"),),
            lines=lines,
            caption="Outside the lines, two standard deviations, a point deserves a look.",
        )
        for what, label, x in (*swept, order)
    ]


def _shares(fit: Fit) -> Sequence[float]:
    pairs = zip(fit.sigmas_nl_per_h, fit.modelled_nl_per_h, strict=True)
    return [sigma / modelled for sigma, modelled in pairs]
