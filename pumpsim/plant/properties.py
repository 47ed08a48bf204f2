"""Material properties by polynomial: + and x only, so that no platform's library moves a result."""

import itertools
from collections.abc import Sequence
from typing import Final

from pumpsim.plant import property_data as data

COLDEST_K: Final = 273.15
HOTTEST_K: Final = 333.15
LOWEST_M: Final = -1_000.0
HIGHEST_M: Final = 10_000.0
PROPELLANTS: Final = tuple(data.VAPOUR_PRESSURE_PA)

GLYCEROL_RATIOS: Final = (
    (0.0, 1.0), (0.1, 1.27), (0.2, 1.65), (0.3, 2.25), (0.4, 3.21),
    (0.5, 4.90), (0.6, 8.17), (0.7, 15.5), (0.8, 35.0),
)  # fmt: skip
"""(mass fraction, viscosity against water at 37 degrees Celsius), likewise."""


def horner(coefficients: Sequence[float], x: float) -> float:
    """The polynomial with these coefficients, constant term first."""
    total = 0.0
    for coefficient in reversed(coefficients):
        total = total * x + coefficient
    return total


def vapour_pressure_pa(propellant: str, temperature_k: float) -> float:
    """Absolute saturation pressure; within 0.001 % of the reference, 0 to 60 degrees Celsius.

    Temperatures outside are taken as the nearest inside, here and below: the patient's limits
    (`pumpsim.plant.patient`) keep a plant well within.
    """
    return horner(data.VAPOUR_PRESSURE_PA[propellant], _scaled(temperature_k))


def vapour_density_kg_per_m3(propellant: str, temperature_k: float) -> float:
    """Density of the saturated vapour."""
    return horner(data.VAPOUR_DENSITY_KG_PER_M3[propellant], _scaled(temperature_k))


def undersaturation(propellant: str, temperature_k: float, density_kg_per_m3: float) -> float:
    """Pressure of vapour with no liquid left, as a share of the saturation pressure; 1 with liquid.

    The virial equation cut after its second term, that term taken from the saturated vapour:
    within 1 % of the reference above half the saturated density.
    """
    saturated_kg_per_m3 = vapour_density_kg_per_m3(propellant, temperature_k)
    share = density_kg_per_m3 / saturated_kg_per_m3
    if share >= 1.0:
        return 1.0
    ideal_pa = saturated_kg_per_m3 * data.GAS_CONSTANT_J_PER_KG_K[propellant] * temperature_k
    compressibility = vapour_pressure_pa(propellant, temperature_k) / ideal_pa
    return share * (1.0 + (compressibility - 1.0) * share) / compressibility


def water_viscosity_pa_s(temperature_k: float) -> float:
    """Dynamic viscosity of water (IAPWS 2008)."""
    return 1.0 / horner(data.WATER_FLUIDITY_PER_PA_S, _scaled(temperature_k))


def glycerol_ratio(mass_fraction: float) -> float:
    """Viscosity of a glycerol mix against water at 37 degrees Celsius, between the table's rows."""
    if not 0.0 <= mass_fraction <= GLYCEROL_RATIOS[-1][0]:
        message = f"glycerol mass fraction {mass_fraction} lies outside 0 to 0.8"
        raise ValueError(message)
    for (low, below), (high, above) in itertools.pairwise(GLYCEROL_RATIOS):
        if mass_fraction <= high:
            return below + (above - below) * (mass_fraction - low) / (high - low)
    return GLYCEROL_RATIOS[-1][1]


def atmosphere_pa(altitude_m: float) -> float:
    """Standard atmosphere; ValueError outside -1,000 to 10,000 m."""
    if not LOWEST_M <= altitude_m <= HIGHEST_M:
        message = f"altitude {altitude_m} m lies outside {LOWEST_M:.0f} to {HIGHEST_M:.0f} m"
        raise ValueError(message)
    return horner(data.ATMOSPHERE_PA, (altitude_m - 4_500.0) / 5_500.0)


def cosine(phase: float) -> float:
    """cos(2 pi phase), for any phase in turns."""
    nearest = int(phase + 0.5) if phase >= 0 else -int(0.5 - phase)
    rest = phase - nearest
    return horner(data.COSINE, 8.0 * rest * rest - 1.0)


def _scaled(temperature_k: float) -> float:
    clamped = min(max(temperature_k, COLDEST_K), HOTTEST_K)
    return (clamped - 303.15) / 30.0
