"""What cannot be a pump is refused by name, and what is derived agrees with its source."""

from typing import Any

import pytest

from pumpsim.plant.parameters import PUMP_BOUNDS, PumpParameters


@pytest.mark.parametrize(("name", "lowest", "highest"), PUMP_BOUNDS)
def test_a_value_outside_its_bounds_is_refused(name: str, lowest: float, highest: float) -> None:
    for wrong in (lowest - 1e-3 * (abs(lowest) + highest), 1.001 * highest, float("nan")):
        values: dict[str, Any] = {name: wrong}
        with pytest.raises(ValueError, match=name):
            PumpParameters(**values)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"propellant": "water"}, "none of"),
        ({"propellant": ""}, "none of"),
        ({"stop_begins_m3": 0.5e-6}, "stop_ends_m3"),
        ({"stop_ends_m3": 0.0}, "stop_ends_m3"),
    ],
)
def test_what_does_not_fit_together_is_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PumpParameters(**values)


def test_a_restrictor_of_the_domain_facts() -> None:
    # 1.3 mL/day on n-butane: R = 1.56e16 Pa s/m3; a catheter of 0.6 m x 0.6 mm holds 0.17 mL
    pump = PumpParameters()
    assert pump.nominal_driving_pa == pytest.approx(234e3, rel=2e-3)
    assert pump.restrictor_per_viscosity_per_m3 * 0.6913e-3 == pytest.approx(1.56e16, rel=5e-3)
    assert pump.catheter_volume_m3 == pytest.approx(0.17e-6, rel=5e-3)
