"""A bench in process: a plant whose parameters are known, and flows measured on it with noise."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from hil.flow_point import FlowPoint, Surroundings
from pumpsim.plant.ledger import Fluid
from pumpsim.plant.parameters import ML, PatientParameters, PumpParameters
from pumpsim.plant.plant import Plant

HOUR_NS = 3_600 * 10**9
NL_PER_H = 3_600e12
VISCOSITY_PERMILLE = 1_014
WARMTHS_K = (-3.0, -1.5, 0.0, 1.5, 3.0)
DEPTHS_PA = (0.0, 5_000.0, 15_000.0, 30_000.0)
LEVELS_NL = (29_000_000, 22_000_000, 15_000_000, 8_000_000, 2_000_000)
SWEEPS = ("temperature", "pressure", "level")


@dataclass(frozen=True)
class Truth:
    """What a pump really is."""

    restrictor: float = 1.0
    propellant: float = 1.0
    bellows_pa_per_ml: float = 100.0

    @property
    def values(self) -> dict[str, float]:
        return {
            "restrictor_conductance_factor": self.restrictor,
            "propellant_pressure_factor": self.propellant,
            "bellows_rate": self.bellows_pa_per_ml,
        }


def _plant(truth: Truth, volume_nl: int) -> Plant:
    pump = PumpParameters(bellows_rate_pa_per_m3=truth.bellows_pa_per_ml / ML)
    plant = Plant(pump, PatientParameters(circadian_amplitude_k=0.0), seed=7)
    plant.set_condition(0, "restrictor_conductance_factor", truth.restrictor)
    plant.set_condition(0, "propellant_pressure_factor", truth.propellant)
    plant.fill(0, volume_nl, Fluid((), VISCOSITY_PERMILLE / 1e3), temperature_k=310.15)
    return plant


def _look(plant: Plant) -> tuple[float, Surroundings]:
    """The true flow now, and what surrounds it."""
    state = plant.state
    around = Surroundings(
        state.pump_temperature_k * 1e3,
        state.outlet_pressure_pa - state.pocket_pressure_pa,
        state.pocket_pressure_pa,
        plant.ledger.reservoir_fl / 1e6,
        VISCOSITY_PERMILLE,
    )
    return state.flow_m3_per_s * NL_PER_H, around


@cache
def swept(truth: Truth, sweep: str, repeats: int = 3) -> tuple[tuple[float, Surroundings], ...]:
    """True flows along one sweep, each of them looked at several times, as life goes on."""
    found = []
    steps: Sequence[float] = {
        "temperature": WARMTHS_K,
        "pressure": DEPTHS_PA,
        "level": LEVELS_NL,
    }[sweep]
    for step in steps:
        plant = _plant(truth, int(step) if sweep == "level" else 15_000_000)
        held = [(hour * HOUR_NS, step if hour in (1, 99) else 0.0) for hour in (0, 1, 99, 100)]
        if sweep == "temperature":
            plant.warm(0, held)
        if sweep == "pressure":
            plant.dive(0, held)
        for hour in range(repeats):
            plant.advance((24 + 5 * hour) * HOUR_NS)
            found.append(_look(plant))
    return tuple(found)


def measured(
    truth: Truth, seed: int, share: float, sweeps: Sequence[str] = SWEEPS, *, stated: bool = True
) -> list[FlowPoint]:
    """Points with noise of that share of the flow (1 sigma)."""
    chance = random.Random(seed)
    points: list[FlowPoint] = []
    for flow, around in (row for sweep in sweeps for row in swept(truth, sweep)):
        noisy = flow * (1.0 + share * chance.gauss(0.0, 1.0))
        uncertainty = 2.0 * share * flow if stated else None
        points.append(FlowPoint(noisy, around, uncertainty, place=f"bench.csv:{len(points) + 2}"))
    return points
