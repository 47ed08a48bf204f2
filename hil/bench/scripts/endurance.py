"""Endurance: the same cycle for a long time, and how flow and the pump's own account drift."""

from dataclasses import dataclass, field
from typing import Any, Final

from hil.bench import pump
from hil.bench.curves import Estimate, slope
from hil.bench.figures import flow_against
from hil.bench.gravimetry import (
    METHOD,
    Method,
    tolerated,
)
from hil.bench.parameters import (
    COUNT,
    DURATION,
    NUMBER,
    PERCENT,
    VOLUME,
    WORD,
    parameter,
)
from hil.bench.points import ambient
from hil.bench.run import Run
from hil.bench.script import LOGIC, Script
from hil.bench.scripts.course import DAY_NS, distance, distance_figure, look
from hil.bench.surroundings import bath, outlet
from hil.bench.sweep import hold_and_weigh
from hil.errors import LocalError
from hil.rig import Rig

DAYS_PER_YEAR: Final = 365.25


@dataclass(frozen=True)
class Parameters:
    """As they are written on the command line."""

    length_ns: int = parameter("98 d", DURATION, "in all", low="1 h")
    cycle_ns: int = parameter("14 d", DURATION, "from refill to refill", low="1 h")
    settle_ns: int = parameter("1 d", DURATION, "after a refill, before weighing")
    duration_ns: int = parameter("2 d", DURATION, "of weighing, in each cycle", low="10 min")
    samples: int = parameter("24", COUNT, "weighings in each cycle", low="1")
    drug: str = parameter("saline", WORD, "of the fill")
    fill_ml: float = parameter("28 mL", VOLUME, "at each refill", low="1 mL")
    bath_degc: float = bath()
    outlet_kpa: float = outlet()
    tolerance_percent: float = parameter("15 %", PERCENT, "of the nominal flow, either way")
    drift_percent_per_year: float = parameter("15", NUMBER, "largest drift of the flow, %/year")
    method: Method = field(default=Method())
    ambient_kpa: float = ambient()


def play(run: Run, p: Parameters) -> None:
    """Fill, settle, weigh, wait; again and again."""
    nominal = pump.nominal_ml_per_day(run)
    flows: list[tuple[float, Estimate]] = []
    looks: list[dict[str, Any]] = []
    for number in range(1, p.length_ns // p.cycle_ns + 1):
        name = f"cycle {number}"
        pump.refill(run, name, p.fill_ml, p.drug, 0.0)
        began_ns = run.now_ns
        flow = hold_and_weigh(
            run,
            name,
            p,
            temperature_degc=p.bath_degc,
            outlet_kpa=p.outlet_kpa,
            judged=True,
            band=tolerated(nominal, p.tolerance_percent),
        )
        flows.append((run.now_ns / DAY_NS, flow))
        looks.append(run.step(f"{name}: look", lambda: look(run)))
        run.wait(f"{name}: rest", max(began_ns + p.cycle_ns - run.now_ns, 0))
    _judge_drift(run, flows, nominal, p)
    apart_ml = distance(looks)
    if apart_ml:
        run.measure("belief less truth at the end", apart_ml[-1], "mL")
        run.figure(distance_figure(looks, apart_ml))


def _judge_drift(
    run: Run, flows: list[tuple[float, Estimate]], nominal: float, p: Parameters
) -> None:
    run.figure(flow_against("Flow, cycle by cycle", "day", flows))
    if len(flows) < 3:
        run.remark(f"{len(flows)} cycles: a drift needs three")
        return
    years = [(day / DAYS_PER_YEAR, 100 * flow.value / nominal) for day, flow in flows]
    drift = slope(years, [100 * flow.uncertainty / nominal for _, flow in flows])
    run.measure(
        "drift of the flow",
        drift.value,
        "%/year",
        low=-p.drift_percent_per_year - drift.uncertainty,
        high=p.drift_percent_per_year + drift.uncertainty,
        uncertainty=drift.uncertainty,
    )


def check(rig: Rig, p: Parameters) -> None:
    """A cycle must hold what is done in it, and there is one."""
    del rig
    if p.cycle_ns > p.length_ns:
        days = p.length_ns / DAY_NS
        raise LocalError(f"there is no cycle within {days:g} d: make cycle shorter")
    if p.settle_ns + p.duration_ns > p.cycle_ns:
        raise LocalError("settle and duration take longer than a cycle: make cycle longer")


SCRIPT: Final = Script(
    name="endurance",
    title="Endurance",
    parameters=Parameters,
    play=play,
    length_ns=lambda p: p.length_ns,
    needs=frozenset({"balance", "bath", "pressure", "syringe", LOGIC}),
    requirements=("ENV-01",),
    method=METHOD,
    check=check,
)
