"""Fit the property polynomials of `pumpsim.plant.property_data` to their references.

Vapour pressure and density come from CoolProp's reference equations of state, the viscosity of
water from the IAPWS 2008 release (its formula for liquid water at 0.1 MPa), the atmosphere from
ISO 2533, the cosine from mathematics. Run `python tools/fit_properties.py` to write it anew.
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from CoolProp.CoolProp import PropsSI
from numpy.polynomial import polynomial

TARGET = Path(__file__).parents[1] / "pumpsim" / "plant" / "property_data.py"
FLUIDS = {
    "n-butane": "n-Butane",
    "isobutane": "IsoButane",
    "R-11": "R11",
    "R-114": "R114",
    "R-123": "R123",
    "perfluorobutane": "n-Perfluorobutane",
}
CENTRE_K, HALF_WIDTH_K = 303.15, 30.0
PRESSURE_DEGREE, DENSITY_DEGREE, FLUIDITY_DEGREE = 5, 5, 4  # see tests/plant/test_properties.py


def water_viscosity_pa_s(temperature_k: float) -> float:
    """IAPWS 2008, liquid water at 0.1 MPa, 253.15 to 383.15 K."""
    reduced = temperature_k / 300
    terms = ((280.68, -1.9), (511.45, -7.7), (61.131, -19.6), (0.45903, -40.0))
    return float(sum(a * reduced**b for a, b in terms)) * 1e-6


def fit(function: Callable[[float], float], low: float, high: float, degree: int) -> list[float]:
    """Coefficients in (x - centre) / half width, constant term first; an even relative error."""
    scaled = np.cos(np.linspace(0, math.pi, 400))  # Chebyshev points: no wiggles at the ends
    values = np.array([function((high + low) / 2 + (high - low) / 2 * float(x)) for x in scaled])
    weights = 1 / np.maximum(abs(values), 1e-3 * abs(values).max())
    return [float(c) for c in polynomial.polyfit(scaled, values, degree, w=weights)]


def rows(name: str, doc: str, table: dict[str, list[float]] | list[float]) -> str:
    """One constant of the module."""

    def line(values: list[float]) -> str:
        if len(values) == 1:
            return repr(values[0])
        return "(" + ", ".join(repr(v) for v in values) + ")"

    if isinstance(table, list):
        return f'{name}: Final = {line(table)}\n"""{doc}"""\n'
    body = "".join(f"    {key!r}: {line(values)},\n" for key, values in table.items())
    return f'{name}: Final = {{\n{body}}}\n"""{doc}"""\n'


def main() -> None:
    """Write the module."""
    low, high = CENTRE_K - HALF_WIDTH_K, CENTRE_K + HALF_WIDTH_K

    def saturated(output: str, degree: int) -> dict[str, list[float]]:
        def of(fluid: str) -> Callable[[float], float]:
            return lambda temperature_k: PropsSI(output, "T", temperature_k, "Q", 1, fluid)

        return {name: fit(of(fluid), low, high, degree) for name, fluid in FLUIDS.items()}

    parts = [
        '"""Property polynomials, written by tools/fit_properties.py; do not edit.\n\n'
        "Temperatures enter as (T - 303.15 K) / 30 K, altitudes as (h - 4500 m) / 5500 m,\n"
        'constant term first.\n"""\n\nfrom typing import Final\n',
        rows(
            "VAPOUR_PRESSURE_PA",
            "Saturated vapour, 0 to 60 degrees Celsius.",
            saturated("P", PRESSURE_DEGREE),
        ),
        rows(
            "VAPOUR_DENSITY_KG_PER_M3",
            "Saturated vapour, likewise.",
            saturated("D", DENSITY_DEGREE),
        ),
        rows(
            "GAS_CONSTANT_J_PER_KG_K",
            "Molar gas constant over molar mass.",
            {
                name: [PropsSI("GAS_CONSTANT", fluid) / PropsSI("MOLAR_MASS", fluid)]
                for name, fluid in FLUIDS.items()
            },
        ),
        rows(
            "WATER_FLUIDITY_PER_PA_S",
            "1 / viscosity; IAPWS 2008, liquid at 0.1 MPa, 0 to 60 degrees Celsius.",
            fit(lambda t: 1 / water_viscosity_pa_s(t), low, high, FLUIDITY_DEGREE),
        ),
        rows(
            "ATMOSPHERE_PA",
            "Standard atmosphere, -1,000 to 10,000 m.",
            fit(lambda h: 101_325 * (1 - 2.25577e-5 * h) ** 5.25588, -1_000, 10_000, 6),
        ),
        rows(
            "COSINE",
            "cos(2 pi p) for |p| <= 1/2, in 8 p^2 - 1.",
            fit(lambda s: math.cos(2 * math.pi * math.sqrt(max(s, 0.0))), 0.0, 0.25, 7),
        ),
    ]
    TARGET.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
