"""Properties against CoolProp's equations of state and the published tables."""

import math

import pytest

from pumpsim.plant import properties as p
from tests.reference import props_si

FLUIDS = {
    "n-butane": "n-Butane",
    "isobutane": "IsoButane",
    "R-11": "R11",
    "R-114": "R114",
    "R-123": "R123",
    "perfluorobutane": "n-Perfluorobutane",
}
FROM_0_TO_60_K = [273.15 + 0.5 * i for i in range(121)]
IAPWS_2008_MPA_S = {20: 1.0016, 25: 0.8900, 30: 0.7972, 37: 0.6913, 40: 0.6527}
"""Liquid water at 0.1 MPa, as the domain facts cite it."""


def test_every_propellant_is_compared() -> None:
    assert set(p.PROPELLANTS) == set(FLUIDS)


@pytest.mark.slow
@pytest.mark.parametrize("propellant", p.PROPELLANTS)
def test_vapour_pressure_is_within_a_ten_thousandth(propellant: str) -> None:
    for kelvin in FROM_0_TO_60_K:
        reference = props_si("P", "T", kelvin, "Q", 1, FLUIDS[propellant])
        assert p.vapour_pressure_pa(propellant, kelvin) == pytest.approx(reference, rel=1e-4 / 10)


@pytest.mark.slow
@pytest.mark.parametrize("propellant", p.PROPELLANTS)
def test_vapour_density(propellant: str) -> None:
    for kelvin in FROM_0_TO_60_K:
        reference = props_si("D", "T", kelvin, "Q", 1, FLUIDS[propellant])
        assert p.vapour_density_kg_per_m3(propellant, kelvin) == pytest.approx(reference, rel=1e-4)


def test_viscosity_against_the_iapws_table() -> None:
    for celsius, reference in IAPWS_2008_MPA_S.items():
        found = p.water_viscosity_pa_s(273.15 + celsius) * 1e3
        assert found == pytest.approx(reference, rel=2e-4)


@pytest.mark.slow
def test_viscosity_against_coolprop() -> None:
    for kelvin in FROM_0_TO_60_K[1:]:
        reference = props_si("V", "T", kelvin, "P", 0.1e6, "Water")
        assert p.water_viscosity_pa_s(kelvin) == pytest.approx(reference, rel=3e-3)


@pytest.mark.slow
@pytest.mark.parametrize("propellant", p.PROPELLANTS)
def test_vapour_without_liquid_loses_pressure_as_the_reference_does(propellant: str) -> None:
    for kelvin in (298.15, 310.15, 318.15):
        saturated = props_si("D", "T", kelvin, "Q", 1, FLUIDS[propellant])
        full_pa = props_si("P", "T", kelvin, "Q", 1, FLUIDS[propellant])
        assert p.undersaturation(propellant, kelvin, 1.01 * saturated) == 1.0
        for share in (0.5, 0.75, 0.95):
            reference = props_si("P", "T", kelvin, "D", share * saturated, FLUIDS[propellant])
            found = p.undersaturation(propellant, kelvin, share * saturated) * full_pa
            assert found == pytest.approx(reference, rel=0.01)


def test_atmosphere_against_its_formula() -> None:
    for metres in range(-1_000, 10_001, 250):
        reference = 101_325 * (1 - 2.25577e-5 * metres) ** 5.25588
        assert p.atmosphere_pa(metres) == pytest.approx(reference, rel=1e-5)


@pytest.mark.parametrize("metres", [-1_000.1, 10_000.1, math.nan])
def test_atmosphere_refuses_what_it_does_not_know(metres: float) -> None:
    with pytest.raises(ValueError, match="altitude"):
        p.atmosphere_pa(metres)


def test_cosine_against_mathematics_in_any_turn() -> None:
    for step in range(-300, 301):
        phase = step / 97
        assert p.cosine(phase) == pytest.approx(math.cos(2 * math.pi * phase), abs=1e-5)


def test_glycerol_meets_its_table_and_lies_between() -> None:
    assert p.glycerol_ratio(0.0) == 1.0
    assert p.glycerol_ratio(0.8) == 35.0
    assert p.glycerol_ratio(0.3) == 2.25
    assert 1.65 < p.glycerol_ratio(0.25) < 2.25
    for wrong in (-0.01, 0.81):
        with pytest.raises(ValueError, match="glycerol"):
            p.glycerol_ratio(wrong)
