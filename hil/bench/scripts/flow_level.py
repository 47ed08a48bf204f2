"""Flow against the fill level, to the end of the reservoir: how long it holds, and what is told."""

from dataclasses import dataclass, field
from typing import Final

from hil.bench import alarms, pump
from hil.bench.curves import NS_PER_H, Point, flows
from hil.bench.gravimetry import (
    METHOD,
    Method,
    check_weighings,
    masses,
    tolerated,
    weigh_flow,
)
from hil.bench.parameters import (
    CONCENTRATION,
    DURATION,
    PERCENT,
    VOLUME,
    WORD,
    parameter,
)
from hil.bench.points import add_points, ambient
from hil.bench.run import Run, Sample
from hil.bench.script import LOGIC, Script
from hil.bench.surroundings import bath, outlet
from hil.record import Figure, Series, Verdict
from hil.rig import Rig

WARNINGS: Final = ("low_reservoir", "empty_reservoir")


@dataclass(frozen=True)
class Parameters:
    """As they are written on the command line. A fill of 0 mL: as the pump is."""

    fill_ml: float = parameter("0 mL", VOLUME, "to begin with; 0 mL leaves it as it is")
    drug: str = parameter("saline", WORD, "of the fill")
    concentration_mg_per_ml: float = parameter("0 mg/mL", CONCENTRATION, "of the fill")
    bath_degc: float = bath()
    outlet_kpa: float = outlet()
    settle_ns: int = parameter("4 h", DURATION, "held before the first weighing")
    sample_ns: int = parameter("4 h", DURATION, "between weighings", low="1 min")
    longest_ns: int = parameter("45 d", DURATION, "after that it is given up")
    tolerance_percent: float = parameter("15 %", PERCENT, "of the nominal flow, either way")
    ended_percent: float = parameter("50 %", PERCENT, "of the nominal flow: below, it has ended")
    method: Method = field(default=Method())
    ambient_kpa: float = ambient()


def play(run: Run, p: Parameters) -> None:
    """Weigh until the flow has ended, then see what the pump had said."""
    nominal = pump.nominal_ml_per_day(run)
    if p.fill_ml > 0:
        pump.refill(run, "fill", p.fill_ml, p.drug, p.concentration_mg_per_ml)
    run.surround(
        "hold", temperature_degc=p.bath_degc, outlet_kpa=p.outlet_kpa, settle_ns=p.settle_ns
    )
    since = run.step("log", lambda: alarms.mark(run))
    ended = nominal * p.ended_percent / 100

    def has_ended(taken: list[Sample]) -> bool:
        found = flows(masses(taken[-2:]), p.method.density_g_per_ml)
        return bool(found) and found[-1].flow_ml_per_day < ended

    count = p.longest_ns // p.sample_ns + 1
    weighed = weigh_flow(run, "level", p.method, p.sample_ns, count, has_ended)
    add_points(run, "level", weighed, p)
    points = flows(weighed.weighings, p.method.density_g_per_ml)
    ended_ns = run.now_ns
    told = run.step("what was told", lambda: alarms.heard_since(run, since))
    if not points or points[-1].flow_ml_per_day >= ended:
        run.inconclusive("end", f"the flow had not ended after {p.longest_ns / NS_PER_H:g} h")
        return
    _judge(run, p, points, nominal)
    _judge_warning(run, told, ended_ns)


def _judge(run: Run, p: Parameters, points: tuple[Point, ...], nominal: float) -> None:
    volumes, volume_ml, before_h = [], 0.0, 0.0
    for point in points:
        volume_ml += point.flow_ml_per_day * (point.hours - before_h) / 24
        before_h = point.hours
        volumes.append(volume_ml)
    low, high = tolerated(nominal, p.tolerance_percent)
    outside = [low > point.flow_ml_per_day or point.flow_ml_per_day > high for point in points]
    held = outside.index(True) if True in outside else len(points)
    run.measure("volume delivered in all", volumes[-1], "mL")
    run.measure("volume delivered within tolerance", volumes[held - 1] if held else 0.0, "mL")
    first = points[0].flow_ml_per_day
    run.measure("flow with the first weighings", first, "mL/day", low=low, high=high)
    series = Series("flow", tuple(volumes), tuple(point.flow_ml_per_day for point in points))
    lines = (("nominal", nominal), ("lowest", low), ("highest", high))
    title = "Flow against the volume delivered"
    run.figure(Figure(title, "mL delivered", "flow, mL/day", (series,), lines))


def _judge_warning(run: Run, told: list[alarms.Heard], ended_ns: int) -> None:
    """RES-01: the pump warns before its flow ends, not after."""
    for word in WARNINGS:
        first = next((one["instant_ns"] for one in told if one["word"] == word), None)
        ahead_h = None if first is None else (ended_ns - first) / NS_PER_H
        run.case(
            word,
            f"{word} is told before the flow has ended",
            Verdict.PASS if ahead_h is not None and ahead_h > 0 else Verdict.FAIL,
            expected="an alarm",
            seen="none" if ahead_h is None else f"{ahead_h:.1f} h before the end",
            requirement="RES-01",
        )


def check(rig: Rig, p: Parameters) -> None:
    """A flow needs two weighings, a fill a syringe."""
    check_weighings(p.sample_ns, p.longest_ns)
    if p.fill_ml > 0:
        rig.instruments.need("syringe")


SCRIPT: Final = Script(
    name="flow-level",
    title="Flow against fill level, to the end of the reservoir",
    parameters=Parameters,
    play=play,
    length_ns=lambda p: p.settle_ns + p.longest_ns,
    needs=frozenset({"balance", "bath", "pressure", LOGIC}),
    requirements=("RES-01",),
    method=METHOD,
    check=check,
)
