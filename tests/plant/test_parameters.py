"""What cannot be a pump or a patient is refused by name, and what is derived has its source."""

from dataclasses import fields
from typing import Any

import pytest

from pumpsim.plant.parameters import (
    PATIENT_BOUNDS,
    PUMP_BOUNDS,
    PatientParameters,
    PumpParameters,
)
from pumpsim.plant.properties import PROPELLANTS

ROWS: list[Any] = [(PumpParameters, *row) for row in PUMP_BOUNDS]
ROWS += [(PatientParameters, *row) for row in PATIENT_BOUNDS]


@pytest.mark.parametrize(("kind", "name", "lowest", "highest"), ROWS)
def test_a_value_outside_its_bounds_is_refused(
    kind: Any, name: str, lowest: float, highest: float
) -> None:
    for wrong in (lowest - 1e-3 * (abs(lowest) + highest), 1.001 * highest, float("nan")):
        with pytest.raises(ValueError, match=name):
            kind(**{name: wrong})


def test_every_number_is_bounded() -> None:
    bounded = {(kind, name) for kind, name, *_ in ROWS}
    for kind in (PumpParameters, PatientParameters):
        numbers = {f.name for f in fields(kind) if isinstance(f.default, float)}
        assert numbers - {name for of, name in bounded if of is kind} <= CHECKED_TOGETHER


CHECKED_TOGETHER = {"stop_ends_m3"}


@pytest.mark.parametrize("propellant", PROPELLANTS)
def test_every_propellant_can_drive_a_pump(propellant: str) -> None:
    assert PumpParameters(propellant=propellant).nominal_driving_pa > 0


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
