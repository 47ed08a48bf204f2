"""`hil calibrate`: from measured flows and a pump file to a fitted pump file and a record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hil.calibration import data, outcome
from hil.calibration.fit import Fit, fit
from hil.clock import Stopwatch, unix_s
from hil.emulated.model import PumpModel
from hil.errors import LocalError, reason
from hil.flow_point import FlowPoint
from hil.provenance import FITTING, command, of_file, versions
from hil.record import Record, Verdict


@dataclass(frozen=True)
class Calibration:
    """A fit and its record; `text` is the fitted pump file."""

    record: Record
    fit: Fit
    text: str

    def lines(self) -> list[str]:
        """For a person."""
        return outcome.lines(self.record, self.fit)


def calibrate(places: Sequence[Path], pump: Path) -> Calibration:
    """Fit; nothing is written. LocalError names what is wrong with file or data."""
    watch, began = Stopwatch(), datetime.fromtimestamp(unix_s(), UTC).isoformat()
    model = PumpModel.load(pump)
    points = data.load(places, model.viscosity_permille)
    found = fit(model, points)
    text = model.fitted(found.values)
    record = Record("calibration", model.id, f"Calibration of {model.id}", began=began)
    record.command = command()
    record.facts["pump file"] = of_file(pump)
    record.facts["data"] = ", ".join(of_file(data.file_in(place)) for place in places)
    record.facts |= versions(FITTING)
    record.facts["viscosity"] = _viscosity(points)
    outcome.fill(record, found)
    record.wall_s = watch.elapsed_s()
    return Calibration(record, found, text)


def write(calibration: Calibration, out: Path) -> str:
    """Write the fitted pump file, whole or not at all; the line that says so.

    A model that does not describe the data is not written: its intervals would be a promise.
    """
    record = calibration.record
    if record.verdict is not Verdict.PASS:
        record.why = (
            "the residuals are larger than the stated uncertainties allow, so no pump file was "
            "written: look at the residuals; with larger uncertainties, or without their column, "
            "the scatter itself is taken"
        )
        return record.why
    partial = out.with_name(f"{out.name}.part")
    try:
        partial.write_text(calibration.text, encoding="utf-8")
        partial.replace(out)
    except OSError as error:
        raise LocalError(f"{out} cannot be written: {reason(error)}") from None
    record.facts["fitted pump file"] = of_file(out)
    return f"{out} written"


def _viscosity(points: Sequence[FlowPoint]) -> str:
    ratios = [point.surroundings.viscosity_permille / 1e3 for point in points]
    low, high = min(ratios), max(ratios)
    return f"{low:g} of water's" if low == high else f"{low:g} to {high:g} of water's"
