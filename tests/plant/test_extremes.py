"""Where the physics meets its stops: a hand, the bellows' ends, pressures that cannot be."""

import pytest

from pumpsim.plant.ledger import FL_PER_ML, WATER
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.patient import SECOND_NS
from pumpsim.plant.physics import MAX_BOLUS_PRESSURE_PA
from pumpsim.plant.plant import Plant

MINUTE_NS = 60 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS


def filled(volume_ml: int) -> Plant:
    plant = Plant(PumpParameters(), PatientParameters(), 1)
    plant.fill(0, volume_ml * 1_000_000, WATER, 310.15)
    return plant


def test_a_hand_gives_up_when_the_way_is_blocked() -> None:
    plant = filled(20)
    primed_fl = plant.ledger.injected_fl
    plant.inject_bolus(MINUTE_NS, 10_000_000, WATER, 10 * MINUTE_NS)
    plant.set_condition(6 * MINUTE_NS, "catheter_extra_resistance_ratio", 1e6)
    assert plant.injection is None
    assert plant.ledger.injected_fl - primed_fl == pytest.approx(5 * FL_PER_ML, rel=1e-6)
    plant.advance(20 * MINUTE_NS)
    assert plant.state.catheter_pressure_pa < MAX_BOLUS_PRESSURE_PA
    assert plant.ledger.balance_fl() == 0


def test_the_bellows_cannot_open_further_than_they_go() -> None:
    plant = filled(30)
    plant.set_condition(0, "restrictor_conductance_factor", 100.0)
    plant.dive(0, [(0, 0.0), (DAY_NS, 600_000.0), (30 * DAY_NS, 600_000.0), (31 * DAY_NS, 0.0)])
    plant.advance(29 * DAY_NS)
    assert plant.ledger.refluxed_fl > 0
    assert 30.0 * FL_PER_ML < plant.ledger.reservoir_fl < 31.0 * FL_PER_ML
    assert plant.state.reservoir_pressure_pa == pytest.approx(
        plant.state.pocket_pressure_pa, rel=0.05
    )


def test_a_pressure_ends_at_nothing() -> None:
    plant = filled(2)
    plant.set_condition(0, "propellant_charge_factor", 0.0)
    assert plant.state.reservoir_pressure_pa == 0.0
    assert plant.state.flow_m3_per_s < 0.0
    plant.advance(DAY_NS)
    assert plant.ledger.refluxed_fl > 0


def test_a_torn_catheter_is_moved_by_posture_alone() -> None:
    plant = filled(20)
    plant.set_condition(0, "catheter_disconnected", 1.0)
    above_pocket_pa = []
    for hour in range(1, 48):
        plant.advance(hour * 60 * MINUTE_NS)
        above_pocket_pa.append(plant.state.catheter_pressure_pa - plant.state.pocket_pressure_pa)
    assert max(above_pocket_pa) > 500
    assert min(above_pocket_pa) < -500
    assert max(abs(pressure_pa) for pressure_pa in above_pocket_pa) < 1_510


def test_a_catheter_can_collapse_and_hold_nothing() -> None:
    plant = filled(20)
    plant.set_condition(0, "propellant_charge_factor", 0.0)
    plant.set_condition(0, "catheter_extra_resistance_ratio", 1e6)
    plant.dive(0, [(0, 0.0), (DAY_NS, 900_000.0), (9 * DAY_NS, 900_000.0), (10 * DAY_NS, 0.0)])
    plant.advance(5 * DAY_NS)
    assert plant.state.catheter_pressure_pa < plant.state.pocket_pressure_pa - 500_000
    assert plant.ledger.catheter_fl == 0
    assert plant.ledger.balance_fl() == 0
    plant.advance(20 * DAY_NS)
    assert plant.ledger.balance_fl() == 0


def test_the_end_stop_bears_the_pressure_with_gas_inside_too() -> None:
    plant = filled(3)
    plant.fill_gas(0, 300_000)
    plant.set_condition(0, "restrictor_conductance_factor", 10.0)
    plant.advance(5 * DAY_NS)
    assert plant.ledger.reservoir_fl > 0
    assert plant.state.reservoir_volume_m3 == pytest.approx(0.55e-6, rel=0.05)
    outlet_pa = plant.state.outlet_pressure_pa
    assert plant.state.reservoir_pressure_pa == pytest.approx(outlet_pa, rel=0.02)
