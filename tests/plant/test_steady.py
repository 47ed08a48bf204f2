"""The flow law at rest agrees with a plant that is left alone."""

import pytest

from pumpsim.plant.ledger import Fluid
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.plant import Plant
from pumpsim.plant.steady import OperatingPoint, SteadyFlow

DAY_NS = 86_400 * 10**9
NL_PER_H = 3_600e12
STILL = PatientParameters(
    circadian_amplitude_k=0.0, arterial_variation_pa=0.0, posture_pa=0.0, weather_pa=0.0
)
GLYCEROL = Fluid((), 2.25)


SOUND: dict[str, float] = {}
OFF = {"restrictor_conductance_factor": 1.3, "propellant_pressure_factor": 0.9}
CLOT = {"catheter_extra_resistance_ratio": 0.25}
DRY = {"propellant_charge_factor": 0.35}
ALMOST_EMPTY_NL, LOW_NL, FULL_NL = 700_000, 4_000_000, 29_000_000


@pytest.mark.parametrize(
    ("conditions", "volume_nl"),
    [(CLOT, FULL_NL), *((c, v) for c in (SOUND, OFF, DRY) for v in (ALMOST_EMPTY_NL, LOW_NL))],
)
def test_a_plant_at_rest_flows_as_the_law_says(
    conditions: dict[str, float], volume_nl: int
) -> None:
    pump = PumpParameters(bellows_rate_pa_per_m3=3e8)
    plant = Plant(pump, STILL, seed=1)
    for name, value in conditions.items():
        plant.set_condition(0, name, value)
    plant.fill(0, volume_nl, GLYCEROL, temperature_k=310.15)
    plant.advance(DAY_NS)
    state = plant.state
    point = OperatingPoint(
        state.pump_temperature_k,
        state.outlet_pressure_pa - state.pocket_pressure_pa,
        state.pocket_pressure_pa,
        plant.ledger.reservoir_fl / 1e18,
        GLYCEROL.viscosity_ratio,
    )
    expected = NL_PER_H * SteadyFlow(pump, conditions).m3_per_s(point)
    assert NL_PER_H * state.flow_m3_per_s == pytest.approx(expected, rel=1e-4)
    assert NL_PER_H * state.outflow_m3_per_s == pytest.approx(expected, rel=1e-3)
