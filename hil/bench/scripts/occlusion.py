"""Occlusion: the time to the alarm, and the volume that is released when the catheter opens."""

from dataclasses import dataclass, field
from math import sqrt
from typing import Any, Final

from hil.bench import alarms
from hil.bench.curves import NS_PER_H
from hil.bench.gravimetry import (
    METHOD,
    Method,
    weigh_flow,
    weigh_once,
)
from hil.bench.parameters import DURATION, NUMBER, PERCENT, parameter
from hil.bench.run import Run
from hil.bench.script import LOGIC, Script
from hil.bench.surroundings import bath, outlet
from hil.record import Verdict

CLOT: Final = "catheter_extra_resistance_ratio"
ALARMS: Final = ("occlusion", "partial_occlusion")
RELEASED: Final = ("occlusion_released",)
BASELINE: Final = 4
"""Weighings from which the flow before is taken, less one."""
LATE_FACTOR: Final = 2
"""The alarm is listened for that many bounds, so that a late one can be told from none."""
NS_PER_S: Final = 10**9
MINUTE_NS: Final = 60 * NS_PER_S


@dataclass(frozen=True)
class Parameters:
    """As they are written on the command line."""

    ratio: float = parameter("1000000", NUMBER, "of the clot to the restrictor", low="0.1")
    bath_degc: float = bath()
    outlet_kpa: float = outlet()
    settle_ns: int = parameter("12 h", DURATION, "held before anything is weighed")
    baseline_ns: int = parameter("4 h", DURATION, "of weighing before the clamp", low="10 min")
    bound_ns: int = parameter("60 min", DURATION, "within which the alarm is due", low="1 min")
    clamped_ns: int = parameter("4 h", DURATION, "from clamp to release", low="10 min")
    caught_ns: int = parameter("30 min", DURATION, "from release to the last weighing")
    blocked_percent: float = parameter("50 %", PERCENT, "of the flow: above, it was no clamp")
    method: Method = field(default=Method())


def play(run: Run, p: Parameters) -> None:
    """Weigh, clamp, listen, weigh, release, weigh."""
    run.surround(
        "hold", temperature_degc=p.bath_degc, outlet_kpa=p.outlet_kpa, settle_ns=p.settle_ns
    )
    flow = weigh_flow(run, "before", p.method, p.baseline_ns // BASELINE, BASELINE + 1).flow
    first = weigh_once(run, "weigh at the clamp")
    since = run.step("log at the clamp", lambda: alarms.mark(run))
    _clamp(run, "clamp", p.ratio)
    alarm = run.step(
        "alarm", lambda: alarms.await_any(run, since, ALARMS, LATE_FACTOR * p.bound_ns)
    )
    held_until_ns = since["instant_ns"] + p.clamped_ns
    run.step("clamped", lambda: run.wait_until("clamped", held_until_ns))
    closed = weigh_once(run, "weigh before the release")
    since_release = run.step("log at the release", lambda: alarms.mark(run))
    _clamp(run, "release", 0.0)
    run.wait("catch", p.caught_ns)
    opened = weigh_once(run, "weigh after the release")
    told = run.step(
        "volume told", lambda: alarms.await_any(run, since_release, RELEASED, p.caught_ns)
    )
    through = _volume_ml(first, closed, p) / _days(first, closed)
    if through > p.blocked_percent / 100 * flow.value:
        why = f"{through:.3f} mL/day went on through the clamp, {flow.value:.3f} before it"
        run.inconclusive("clamp", why)
        return
    _judge_alarm(run, alarm, since["instant_ns"], p)
    usual_ml = flow.value * _days(closed, opened)
    released_ml = _volume_ml(closed, opened, p) - usual_ml
    doubt_ml = sqrt(
        2 * (opened["uncertainty"] / 1e3 / p.method.density_g_per_ml) ** 2
        + (flow.uncertainty * _days(closed, opened)) ** 2
    )
    run.measure("volume released", released_ml, "mL", uncertainty=doubt_ml)
    _judge_release(run, told, p)


def _clamp(run: Run, name: str, ratio: float) -> None:
    """By the laboratory where there is one, or by the operator's hand."""
    if run.rig.has_laboratory:
        run.stimulate(name, {"kind": "plant_condition", "name": CLOT, "value": ratio})
    else:
        what = "close" if ratio else "open"
        run.operator(name, f"Now {what} the clamp at the catheter's tip.")


def _judge_alarm(run: Run, alarm: dict[str, Any] | None, clamped_ns: int, p: Parameters) -> None:
    late_min = LATE_FACTOR * p.bound_ns / MINUTE_NS
    delay_min = float("nan")
    if alarm is None:
        run.remark(f"no occlusion alarm within {late_min:g} min")
    else:
        delay_min = (alarm["instant_ns"] - clamped_ns) / MINUTE_NS
        run.remark(f"the alarm was {alarm['word']}")
    run.measure(
        "time to the alarm",
        delay_min,
        "min",
        low=0.0,
        high=p.bound_ns / MINUTE_NS,
        uncertainty=1.0,
        requirement="OCC-01",
    )


def _judge_release(run: Run, told: dict[str, Any] | None, p: Parameters) -> None:
    if told is not None:
        run.measure("volume released, as the pump told it", told["value"] / 1e6, "mL")
    run.case(
        RELEASED[0],
        "the pump tells what a release let out",
        Verdict.FAIL if told is None else Verdict.PASS,
        expected="an event with the volume",
        seen=f"none within {p.caught_ns / NS_PER_S:g} s" if told is None else "an event",
        requirement="OCC-03",
    )


def _volume_ml(first: dict[str, Any], second: dict[str, Any], p: Parameters) -> float:
    hours = (second["instant_ns"] - first["instant_ns"]) / NS_PER_H
    mass_mg = second["value"] - first["value"] + p.method.evaporation_mg_per_h * hours
    return float(mass_mg) / 1e3 / p.method.density_g_per_ml


def _days(first: dict[str, Any], second: dict[str, Any]) -> float:
    return float(second["instant_ns"] - first["instant_ns"]) / NS_PER_H / 24


SCRIPT: Final = Script(
    name="occlusion",
    title="Occlusion: time to alarm, volume released",
    parameters=Parameters,
    play=play,
    length_ns=lambda p: p.settle_ns + p.baseline_ns + p.clamped_ns + p.caught_ns,
    needs=frozenset({"balance", "bath", "pressure", LOGIC}),
    requirements=("OCC-01", "OCC-03"),
    method=METHOD,
)
