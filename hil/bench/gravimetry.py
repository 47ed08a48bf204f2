"""Flow by the balance: the part that scripts share, and the parameters that belong to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

from hil.bench.curves import Budget, Estimate, Weighing, evaporation_added, mean_flow
from hil.bench.parameters import NUMBER, PERCENT, parameter
from hil.bench.pump import belief, viscosity_permille
from hil.bench.run import Run, Sample, plain
from hil.errors import LocalError, RigError

METHOD: Final = (
    "Flow figures follow the method of IEC 60601-2-24 as recalled, a standard that excludes "
    "implants: no conformity with any standard is claimed."
)
TIMING_NS: Final = 5_000_000_000
"""How far the instant of a stable weight may lie from the instant it is booked at."""
FALL_MG: Final = 100.0
"""Beyond what evaporates between two weighings, and what a balance drifts."""
E_FLOW_PERCENT: Final = 5.0
"""Parameter e_flow: what the pump's own account of the flow may be off."""

Band = tuple[float | None, float | None]
"""The lowest and the highest flow that passes, in mL/day; not judged without."""


@dataclass(frozen=True)
class Method:
    """Parameters of every script that weighs: by default of water at 22 degC in a covered beaker.

    What evaporates is a guess. Both uncertainties are expanded, k = 2.
    """

    density_g_per_ml: float = parameter(
        "0.9978", NUMBER, "of what is weighed, g/mL", low="0.5", high="2"
    )
    density_uncertainty_percent: float = parameter(
        "0.1 %", PERCENT, "of the density, k = 2", low="0 %"
    )
    evaporation_mg_per_h: float = parameter(
        "0.1", NUMBER, "from the vessel on the pan, mg/h, by a blank run", low="0"
    )
    evaporation_uncertainty_mg_per_h: float = parameter(
        "0.1", NUMBER, "of the evaporation, mg/h, k = 2", low="0"
    )


class Row(NamedTuple):
    """A weighing, evaporation put back, and what was beside it."""

    weighing: Weighing
    uncertainty_mg: float
    believed_ml: float | None  # delivered in its life, by the pump's own account
    around: dict[str, Any]  # see `_around`


class Weighed(NamedTuple):
    """A series of weighings."""

    rows: tuple[Row, ...]
    flow: Estimate  # mL/day
    viscosity_permille: int | None  # of what flows, as it was declared

    @property
    def weighings(self) -> tuple[Weighing, ...]:
        """Alone."""
        return tuple(row.weighing for row in self.rows)


def check_weighings(sample_ns: int, length_ns: int) -> None:
    """LocalError when a flow would have one weighing."""
    if sample_ns > length_ns:
        raise LocalError("one weighing is no flow: make sample shorter")


def weigh_flow(
    run: Run,
    name: str,
    method: Method,
    every_ns: int,
    count: int,
    until: Callable[[list[Sample]], bool] | None = None,
) -> Weighed:
    """Weigh so many times; the first counts as zero.

    RigError when the balance lost its zero meanwhile: that would be taken for the pump's flow.
    """
    viscosity = run.step(f"{name}: zero", lambda: _zero(run))
    latest: list[Sample] = []

    def ended(taken: list[Sample]) -> bool:
        latest[:] = taken[-1:]
        return until is not None and until(taken)

    taken = run.sample(f"{name}: weigh", every_ns, count, lambda: _look(run, latest), ended)
    weighings = evaporation_added(masses(taken), method.evaporation_mg_per_h)
    rows = tuple(
        Row(weighing, one.value["uncertainty"], one.value["believed_ml"], one.value["around"])
        for weighing, one in zip(weighings, taken, strict=True)
    )
    return Weighed(rows, flow_of(rows, method), viscosity)


def flow_of(rows: Sequence[Row], method: Method) -> Estimate:
    """The mean flow over some weighings; ValueError for fewer than two in one piece."""
    budget = Budget(
        max(row.uncertainty_mg for row in rows),
        method.evaporation_uncertainty_mg_per_h,
        method.density_uncertainty_percent,
        TIMING_NS,
    )
    return mean_flow([row.weighing for row in rows], method.density_g_per_ml, budget)


def weigh_once(run: Run, name: str) -> dict[str, Any]:
    """One weight as the balance gives it, with its instant."""
    one: dict[str, Any] = run.step(name, lambda: {**_weigh(run), "instant_ns": run.clock_ns()})
    return one


def masses(taken: Sequence[Sample]) -> tuple[Weighing, ...]:
    """As they stood on the balance."""
    return tuple(Weighing(one.instant_ns, one.value["value"], one.piece) for one in taken)


def tolerated(nominal_ml_per_day: float, tolerance_percent: float) -> tuple[float, float]:
    """The band of flows within a tolerance."""
    share = tolerance_percent / 100
    return nominal_ml_per_day * (1 - share), nominal_ml_per_day * (1 + share)


def measure_flow(run: Run, name: str, flow: Estimate, band: Band = (None, None)) -> None:
    """Put a mean flow on record: the hydraulics', about which the firmware promises nothing."""
    low, high = band
    run.measure(name, flow.value, "mL/day", low=low, high=high, uncertainty=flow.uncertainty)


def belief_off_percent(weighed: Weighed, method: Method) -> float | None:
    """What the pump believes it delivered, against the balance; None where it believes nothing."""
    weighed_ml = told_ml = 0.0
    for first, second in pairwise(weighed.rows):
        if first.believed_ml is None or second.believed_ml is None:
            return None
        before, after = first.weighing, second.weighing
        if before.piece == after.piece:
            told_ml += second.believed_ml - first.believed_ml
            weighed_ml += (after.mass_mg - before.mass_mg) / 1e3 / method.density_g_per_ml
    return 100.0 * (told_ml / weighed_ml - 1.0) if weighed_ml > 0 else None


def measure_belief(run: Run, name: str, weighed: Weighed, method: Method, *, judged: bool) -> None:
    """The pump's account against the balance, with the limit e_flow where it holds (ENV-01)."""
    off_percent = belief_off_percent(weighed, method)
    if off_percent is None:
        return
    limit = E_FLOW_PERCENT if judged else None
    run.measure(
        name,
        off_percent,
        "%",
        low=None if limit is None else -limit,
        high=limit,
        uncertainty=100.0 * weighed.flow.uncertainty / weighed.flow.value,
        requirement="ENV-01" if judged else None,
    )


def _zero(run: Run) -> int | None:
    run.rig.instruments.balance.zero()
    return viscosity_permille(run)


def _weigh(run: Run) -> dict[str, Any]:
    return plain(run.rig.instruments.balance.weigh_stable())


def _look(run: Run, latest: Sequence[Sample]) -> dict[str, Any]:
    """A weight, then what is beside it."""
    weight = _weigh(run)
    for before in latest:
        fall_mg = before.value["value"] - weight["value"]
        if before.piece == run.piece and fall_mg > FALL_MG:
            raise RigError(
                f"the balance shows {fall_mg:.0f} mg less than at the weighing before: was it "
                "zeroed or switched off, or its vessel emptied? what is weighed after --resume is "
                "another piece"
            )
    believed = belief(run)
    around = {**_around(run), "level_ml": believed["level_ml"]}
    return {**weight, "believed_ml": believed["delivered_ml"], "around": around}


def _around(run: Run) -> dict[str, Any]:
    """What instruments in hand and a laboratory tell; None where nobody does.

    Bath and outlet as value and uncertainty, in degC and kPa; the air's pressure in kPa, absolute.
    """
    instruments, in_hand = run.rig.instruments, run.rig.instruments.in_hand()
    bath = instruments.bath.temperature() if "bath" in in_hand else None
    outlet = instruments.pressure.pressure() if "pressure" in in_hand else None
    ambient_kpa = None
    if run.rig.has_laboratory:
        ambient_kpa = run.rig.laboratory.truth()["state"]["pocket_pressure_pa"] / 1e3
    return {
        "bath": None if bath is None else [bath.value, bath.uncertainty],
        "outlet": None if outlet is None else [outlet.value, outlet.uncertainty],
        "ambient_kpa": ambient_kpa,
    }
