"""The tables are what the tool writes, and agree with the fit that the domain facts print."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from pumpsim.plant import properties, property_data
from tests.reference import props_si

ANTOINE = {  # domain facts, section 2: log10 P[kPa] = A - B / (t[degC] + C), 25 to 45 degC
    "n-butane": (6.0591, 999.3151, 247.0728),
    "isobutane": (6.0638, 977.0392, 252.6533),
    "R-11": (6.0176, 1046.2405, 237.0784),
    "R-114": (6.0434, 987.5060, 241.0182),
    "R-123": (6.0434, 1034.8379, 228.4739),
    "perfluorobutane": (6.0731, 955.2184, 236.9807),
}
LOW_K, HIGH_K = 273.15, 333.15


@pytest.mark.parametrize("propellant", ANTOINE)
def test_vapour_pressure_agrees_with_the_printed_fit(propellant: str) -> None:
    a, b, c = ANTOINE[propellant]
    for half_degrees in range(50, 91):
        celsius = half_degrees / 2
        printed_pa = 1e3 * 10 ** (a - b / (celsius + c))  # its digits are good to 10^-4
        pressure_pa = properties.vapour_pressure_pa(propellant, celsius + 273.15)
        assert pressure_pa == pytest.approx(printed_pa, rel=1.3e-4), celsius


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = Path(__file__).parents[2] / "tools" / "fit_properties.py"
    spec = importlib.util.spec_from_file_location("fit_properties", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def at_both_ends_and_between(coefficients: tuple[float, ...] | list[float]) -> list[float]:
    """Values, not coefficients: these may differ by rounding where the values do not."""
    return [properties.horner(coefficients, x / 10) for x in range(-10, 11)]


@pytest.mark.slow
@pytest.mark.parametrize("propellant", ANTOINE)
def test_the_vapour_tables_are_not_stale(propellant: str, tool: ModuleType) -> None:
    for output, table, degree in (
        ("P", property_data.VAPOUR_PRESSURE_PA, tool.PRESSURE_DEGREE),
        ("D", property_data.VAPOUR_DENSITY_KG_PER_M3, tool.DENSITY_DEGREE),
    ):
        fitted = tool.fit(
            lambda kelvin, output=output: props_si(
                output, "T", kelvin, "Q", 1, tool.FLUIDS[propellant]
            ),
            LOW_K,
            HIGH_K,
            degree,
        )
        kept = at_both_ends_and_between(table[propellant])
        assert kept == pytest.approx(at_both_ends_and_between(fitted), rel=1e-6)


@pytest.mark.slow
def test_the_fluidity_table_is_not_stale(tool: ModuleType) -> None:
    fitted = tool.fit(
        lambda kelvin: 1 / tool.water_viscosity_pa_s(kelvin), LOW_K, HIGH_K, tool.FLUIDITY_DEGREE
    )
    kept = at_both_ends_and_between(property_data.WATER_FLUIDITY_PER_PA_S)
    assert kept == pytest.approx(at_both_ends_and_between(fitted), rel=1e-9)
