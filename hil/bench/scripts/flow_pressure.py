"""Flow against the outlet's pressure, and against altitude where the laboratory has a chamber."""

from dataclasses import dataclass, field
from typing import Final

from hil.bench.curves import Estimate
from hil.bench.figures import flow_against
from hil.bench.gravimetry import (
    METHOD,
    Method,
)
from hil.bench.parameters import COUNT, DURATION, HEIGHT, PRESSURE, parameter
from hil.bench.points import ambient
from hil.bench.run import Run
from hil.bench.script import Script
from hil.bench.surroundings import bath
from hil.bench.sweep import check_once, hold_and_weigh, measure_slope, weigh_here
from hil.errors import RigError
from hil.rig import Rig

CLIMB_NS: Final = 10 * 60 * 10**9
"""What a chamber takes by default."""
NEAR_PA: Final = 2_000.0
"""Tissue and posture are around the pump, too."""


@dataclass(frozen=True)
class Parameters:
    """As they are written on the command line. No heights: only the outlet is swept."""

    outlets_kpa: tuple[float, ...] = parameter(
        "0 kPa, 6 kPa, 12.4 kPa, 20 kPa",
        PRESSURE,
        "one after the other, above ambient",
        many=True,
        sets="pressure",
    )
    heights_m: tuple[float, ...] = parameter(
        "", HEIGHT, "then these, such as 1500 m, 2400 m, at the last outlet", many=True, low="1 m"
    )
    bath_degc: float = bath()
    settle_ns: int = parameter("2 h", DURATION, "held before weighing, at each", low="1 s")
    duration_ns: int = parameter("1 d", DURATION, "of weighing, at each", low="10 min")
    samples: int = parameter("24", COUNT, "weighings at each", low="1")
    method: Method = field(default=Method())
    ambient_kpa: float = ambient()


def play(run: Run, p: Parameters) -> None:
    """At each pressure: hold, settle, weigh; then the heights."""
    found = []
    for outlet_kpa in p.outlets_kpa:
        flow = hold_and_weigh(
            run,
            f"outlet {outlet_kpa:g} kPa",
            p,
            temperature_degc=p.bath_degc,
            outlet_kpa=outlet_kpa,
            judged=True,
        )
        found.append((outlet_kpa, flow))
    run.figure(flow_against("Flow against the outlet's pressure", "outlet, kPa", found))
    measure_slope(run, "change of flow with the outlet's pressure", "%/kPa", found)
    aloft = [(height_m, _at_height(run, height_m, p)) for height_m in p.heights_m]
    there = [(height_m, flow) for height_m, flow in aloft if flow is not None]
    if aloft:
        run.stimulate("descend", {"kind": "release", "what": "chamber"})
        run.figure(flow_against("Flow against altitude", "m above the sea", there))


def _at_height(run: Run, height_m: float, p: Parameters) -> Estimate | None:
    """In a chamber; None when the pressure around the pump did not get there."""
    name, pressure_pa = f"{height_m:g} m", atmosphere_pa(height_m)
    run.stimulate(f"{name}: climb", {"kind": "chamber", "pressure": f"{pressure_pa:.0f} Pa"})
    run.wait(f"{name}: settle", CLIMB_NS + p.settle_ns)
    around_pa = run.step(f"{name}: there", lambda: _around_pa(run))
    flow = weigh_here(run, name, p, judged=True)
    if abs(around_pa - pressure_pa) <= NEAR_PA:
        return flow
    why = f"{around_pa / 1e3:.1f} kPa around the pump, not {pressure_pa / 1e3:.1f} kPa"
    run.inconclusive(name, why)
    return None


def atmosphere_pa(height_m: float) -> float:
    """The standard atmosphere's pressure."""
    return float(101_325.0 * (1.0 - 2.25577e-5 * height_m) ** 5.25588)


def _around_pa(run: Run) -> float:
    around_pa: float = run.rig.laboratory.truth()["state"]["pocket_pressure_pa"]
    return around_pa


def check(rig: Rig, p: Parameters) -> None:
    """Heights need a chamber; each set point once."""
    check_once(p.outlets_kpa, "kPa")
    check_once(p.heights_m, "m")
    if p.heights_m and not rig.has_laboratory:
        raise RigError(
            'this rig has no laboratory, and so no chamber: leave heights="" out, or append '
            "?control=URL for an emulated pump"
        )


SCRIPT: Final = Script(
    name="flow-pressure",
    title="Flow against outlet pressure and altitude",
    parameters=Parameters,
    play=play,
    length_ns=lambda p: (
        len(p.outlets_kpa) * (p.settle_ns + p.duration_ns)
        + len(p.heights_m) * (p.settle_ns + p.duration_ns + CLIMB_NS)
    ),
    needs=frozenset({"balance", "bath", "pressure"}),
    requirements=("ENV-01",),
    method=METHOD,
    check=check,
)
