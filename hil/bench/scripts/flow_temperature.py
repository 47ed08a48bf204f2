"""Flow against temperature: a sweep of the bath, and the slope in percent per kelvin."""

from dataclasses import dataclass, field
from typing import Final

from hil.bench.figures import flow_against
from hil.bench.gravimetry import (
    METHOD,
    Method,
)
from hil.bench.parameters import COUNT, DURATION, TEMPERATURE, parameter
from hil.bench.points import ambient
from hil.bench.run import Run
from hil.bench.script import Script
from hil.bench.surroundings import outlet
from hil.bench.sweep import check_once, hold_and_weigh, measure_slope
from hil.rig import Rig

T_HOT_DEGC: Final = 40.0
"""Parameter T_hot: above, the pump is out of its envelope, and its account is not judged."""


@dataclass(frozen=True)
class Parameters:
    """As they are written on the command line."""

    temperatures_degc: tuple[float, ...] = parameter(
        "33 degC, 35 degC, 37 degC, 39 degC, 41 degC",
        TEMPERATURE,
        "one after the other",
        many=True,
        sets="bath",
    )
    outlet_kpa: float = outlet()
    settle_ns: int = parameter("6 h", DURATION, "held before weighing, at each")
    duration_ns: int = parameter("1 d", DURATION, "of weighing, at each", low="10 min")
    samples: int = parameter("24", COUNT, "weighings at each", low="1")
    method: Method = field(default=Method())
    ambient_kpa: float = ambient()


def play(run: Run, p: Parameters) -> None:
    """At each temperature: hold, settle, weigh."""
    found = []
    for temperature_degc in p.temperatures_degc:
        flow = hold_and_weigh(
            run,
            f"{temperature_degc:g} degC",
            p,
            temperature_degc=temperature_degc,
            outlet_kpa=p.outlet_kpa,
            judged=temperature_degc <= T_HOT_DEGC,
        )
        found.append((temperature_degc, flow))
    run.figure(flow_against("Flow against temperature", "bath, degC", found))
    measure_slope(run, "change of flow with temperature", "%/K", found)


def check(rig: Rig, p: Parameters) -> None:
    """Each temperature once."""
    del rig
    check_once(p.temperatures_degc, "degC")


SCRIPT: Final = Script(
    name="flow-temperature",
    title="Flow against temperature",
    parameters=Parameters,
    play=play,
    length_ns=lambda p: len(p.temperatures_degc) * (p.settle_ns + p.duration_ns),
    needs=frozenset({"balance", "bath", "pressure"}),
    requirements=("ENV-01",),
    method=METHOD,
    check=check,
)
