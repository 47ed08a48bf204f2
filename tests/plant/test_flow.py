"""Flow against an independent computation: equations of state, IAPWS and Poiseuille in floats.

The sensitivities are those of the domain facts, section 2.
"""

import math

import pytest

from pumpsim.plant.ledger import WATER, Fluid
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.plant import Plant
from tests.reference import props_si

SECOND_NS = 1_000_000_000
HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
MMHG_PA = 133.322
ML = 1e-6
SEA_PA, BUTANE, R11 = 101_325.0, "n-butane", "R-11"
COOLPROP = {BUTANE: "n-Butane", R11: "R11"}


def calm(kelvin: float = 310.15, arterial_pa: float = 93 * MMHG_PA) -> PatientParameters:
    """A patient in whom nothing moves."""
    return PatientParameters(
        body_temperature_k=kelvin,
        arterial_pressure_pa=arterial_pa,
        circadian_amplitude_k=0.0,
        arterial_variation_pa=0.0,
        posture_pa=0.0,
        weather_pa=0.0,
    )


def running(pump: PumpParameters, patient: PatientParameters, fluid: Fluid = WATER) -> Plant:
    """A pump half full, warm."""
    plant = Plant(pump, patient, seed=1)
    half_nl = round(pump.capacity_m3 / 2 * 1e12)
    plant.fill(0, half_nl, fluid, patient.body_temperature_k)
    plant.advance(HOUR_NS)
    return plant


def reference_flow_m3_per_s(
    pump: PumpParameters, kelvin: float, volume_m3: float, outlet_pa: float
) -> float:
    """Poiseuille through the restrictor that gives the nominal flow at the nominal point."""

    def driving_pa(at_k: float, against_pa: float) -> float:
        return props_si("P", "T", at_k, "Q", 1, COOLPROP[pump.propellant]) - against_pa

    def viscosity_pa_s(at_k: float) -> float:
        return props_si("V", "T", at_k, "P", SEA_PA, "Water")

    nominal_pa = driving_pa(310.15, SEA_PA + 93 * MMHG_PA)
    geometry = nominal_pa / (pump.nominal_flow_m3_per_s * viscosity_pa_s(310.15))
    bellows_pa = pump.bellows_rate_pa_per_m3 * (volume_m3 - pump.capacity_m3 / 2)
    return (driving_pa(kelvin, outlet_pa) + bellows_pa) / (geometry * viscosity_pa_s(kelvin))


@pytest.mark.slow
@pytest.mark.parametrize("propellant", [BUTANE, R11])
@pytest.mark.parametrize("celsius", [30.0, 33.3, 37.0, 39.0, 41.0, 43.0])
def test_flow_is_within_a_tenth_of_a_percent(propellant: str, celsius: float) -> None:
    pump = PumpParameters(propellant=propellant)
    plant = running(pump, calm(celsius + 273.15))
    reference = reference_flow_m3_per_s(
        pump, celsius + 273.15, plant.state.reservoir_volume_m3, SEA_PA + 93 * MMHG_PA
    )
    assert plant.state.flow_m3_per_s == pytest.approx(reference, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("celsius", [25.0, 28.0, 45.0])
def test_flow_in_cold_and_hot_water_is_within_a_tenth_of_a_percent(celsius: float) -> None:
    pump = PumpParameters()
    plant = running(pump, calm())
    change_k, start_ns = celsius - 37.0, plant.now_ns
    corners = [0, HOUR_NS, 10 * HOUR_NS, 11 * HOUR_NS]
    values = [0.0, change_k, change_k, 0.0]
    plant.warm(start_ns, [(start_ns + at, k) for at, k in zip(corners, values, strict=True)])
    plant.advance(start_ns + 9 * HOUR_NS)
    reference = reference_flow_m3_per_s(
        pump, celsius + 273.15, plant.state.reservoir_volume_m3, SEA_PA + 93 * MMHG_PA
    )
    assert plant.state.pump_temperature_k == pytest.approx(celsius + 273.15, abs=1e-3)
    assert plant.state.flow_m3_per_s == pytest.approx(reference, rel=1e-3)


def test_the_nominal_pump_gives_its_nominal_flow() -> None:
    plant = running(PumpParameters(), calm())
    assert plant.state.flow_m3_per_s * 86_400 / ML == pytest.approx(1.3, rel=1e-3)
    resistance = (plant.state.reservoir_pressure_pa - plant.state.outlet_pressure_pa) / (
        plant.state.flow_m3_per_s
    )
    assert resistance == pytest.approx(1.56e16, rel=5e-3)


def relative_change(propellant: str, patient: PatientParameters) -> float:
    pump = PumpParameters(propellant=propellant, bellows_rate_pa_per_m3=0.0)
    usual = running(pump, calm()).state.flow_m3_per_s
    return running(pump, patient).state.flow_m3_per_s / usual - 1.0


@pytest.mark.parametrize(("propellant", "expected"), [(BUTANE, 0.062), (R11, 0.133)])
def test_a_kelvin_changes_the_flow(propellant: str, expected: float) -> None:
    halves = relative_change(propellant, calm(310.65)) - relative_change(propellant, calm(309.65))
    assert halves == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize(("propellant", "expected"), [(BUTANE, -0.0057), (R11, -0.0297)])
def test_ten_mmhg_at_the_outlet_change_the_flow(propellant: str, expected: float) -> None:
    change = relative_change(propellant, calm(arterial_pa=103 * MMHG_PA))
    assert change == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize(
    ("propellant", "metres", "expected"),
    [(BUTANE, 1_500, 0.072), (BUTANE, 2_438, 0.111), (R11, 1_500, 0.37), (R11, 2_438, 0.58)],
)
def test_altitude_raises_the_flow(propellant: str, metres: float, expected: float) -> None:
    pump = PumpParameters(propellant=propellant, bellows_rate_pa_per_m3=0.0)
    plant = running(pump, calm())
    usual, now_ns = plant.state.flow_m3_per_s, plant.now_ns
    up_ns, end_ns = now_ns + HOUR_NS, now_ns + DAY_NS
    plant.climb(now_ns, [(now_ns, 0.0), (up_ns, metres), (end_ns, metres), (end_ns + 1, 0.0)])
    plant.advance(up_ns + HOUR_NS)
    change = plant.state.flow_m3_per_s / usual - 1.0
    assert change == pytest.approx(expected, rel=0.015)


def test_a_fever_of_39_degrees_raises_the_flow_as_stated() -> None:
    assert relative_change(BUTANE, calm(312.15)) == pytest.approx(0.129, abs=1e-3)


def test_a_viscous_fill_slows_the_pump() -> None:
    plain = running(PumpParameters(), calm()).state.flow_m3_per_s
    thick = running(PumpParameters(), calm(), Fluid((), 4.90)).state.flow_m3_per_s
    assert plain / thick == pytest.approx(4.90, rel=2e-3)  # the catheter still holds water


def test_one_percent_of_bore_is_four_percent_of_flow() -> None:
    # the restrictor's geometry enters as a conductance; the catheter's by its own measures
    plant = running(PumpParameters(), calm())
    usual = plant.state.flow_m3_per_s
    plant.set_condition(plant.now_ns, "restrictor_conductance_factor", 1.01**4)
    assert plant.state.flow_m3_per_s / usual - 1 == pytest.approx(0.0406, abs=2e-4)


def test_the_catheter_is_a_hundred_thousandth_of_the_resistance() -> None:
    pump = PumpParameters()
    ratio = pump.catheter_per_viscosity_per_m3 / pump.restrictor_per_viscosity_per_m3
    assert 0.5e-5 < ratio < 2e-5
    assert pump.catheter_volume_m3 / ML == pytest.approx(0.17, abs=0.001)
    hours = pump.catheter_volume_m3 / pump.nominal_flow_m3_per_s / 3_600
    assert hours == pytest.approx(3.1, abs=0.05)
    assert math.pi == pytest.approx(128 * 0.6 / pump.catheter_per_viscosity_per_m3 / 0.6e-3**4)
