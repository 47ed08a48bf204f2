"""Flow at one set point after the other, and what it changes by: shared by scripts that sweep."""

from collections.abc import Sequence
from math import log
from typing import Final, Protocol

from hil.bench.curves import Estimate, slope
from hil.bench.gravimetry import Band, measure_belief, measure_flow, weigh_flow
from hil.bench.points import Told, add_points
from hil.bench.run import Run
from hil.errors import LocalError

ENOUGH: Final = 3
"""Flows for a slope with an interval."""


class Stay(Told, Protocol):
    """Parameters of a script that weighs for a while at each set point."""

    @property
    def settle_ns(self) -> int:
        """Held before weighing."""

    @property
    def duration_ns(self) -> int:
        """Of weighing."""

    @property
    def samples(self) -> int:
        """Weighings, less one."""


def check_once(values: Sequence[float], unit: str) -> None:
    """LocalError for a set point that stands twice: what is found there is called by it."""
    twice = next((one for n, one in enumerate(values) if one in values[:n]), None)
    if twice is not None:
        raise LocalError(f"the set point {twice:g} {unit} stands twice: give it once")


def hold_and_weigh(  # noqa: PLR0913
    run: Run,
    name: str,
    p: Stay,
    *,
    temperature_degc: float,
    outlet_kpa: float,
    judged: bool,
    band: Band = (None, None),
) -> Estimate:
    """Hold, settle, weigh; the flow in mL/day.

    `judged`: the pump's own account is judged (ENV-01); `band`: the flow itself.
    """
    run.surround(
        f"{name}: hold",
        temperature_degc=temperature_degc,
        outlet_kpa=outlet_kpa,
        settle_ns=p.settle_ns,
    )
    return weigh_here(run, name, p, judged=judged, band=band)


def weigh_here(
    run: Run, name: str, p: Stay, *, judged: bool, band: Band = (None, None)
) -> Estimate:
    """Likewise, where the pump is already."""
    weighed = weigh_flow(run, name, p.method, p.duration_ns // p.samples, p.samples + 1)
    flow = weighed.flow
    measure_flow(run, f"flow, {name}", flow, band)
    measure_belief(run, f"own account, {name}", weighed, p.method, judged=judged)
    add_points(run, name, weighed, p)
    return flow


def measure_slope(run: Run, name: str, unit: str, found: Sequence[tuple[float, Estimate]]) -> None:
    """Relative to the flow itself, so that a straight line holds over a wide sweep."""
    flowing = [(x, flow) for x, flow in found if flow.value > 0]
    if len(flowing) < ENOUGH:
        run.inconclusive("slope", f"flow at {len(flowing)} set points: a slope needs three")
        return
    points = [(x, 100 * log(flow.value)) for x, flow in flowing]
    errors = [100 * flow.uncertainty / flow.value for _, flow in flowing]
    change = slope(points, errors)
    run.measure(name, change.value, unit, uncertainty=change.uncertainty)
