"""What goes wrong shows in pressures, volumes and flows as the domain facts (2 and 4) say."""

import pytest

from pumpsim.plant.ledger import FL_PER_ML, Fluid
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.plant import Plant
from pumpsim.plant.properties import PROPELLANTS, vapour_pressure_pa

SECOND_NS = 1_000_000_000
HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
ML_NL = 1_000_000
FUDR = Fluid((("FUDR", 6_460_000),))
SALINE = Fluid((("heparin", 30_000),))
CALM = PatientParameters(
    circadian_amplitude_k=0.0, arterial_variation_pa=0.0, posture_pa=0.0, weather_pa=0.0
)
WATER_PA_PER_M = 9_806.65


def calm(pump: PumpParameters | None = None, volume_nl: int = 20 * ML_NL) -> Plant:
    """Filled warm with FUDR, in a patient in whom nothing moves, an hour on."""
    plant = Plant(pump or PumpParameters(), CALM, seed=1)
    plant.fill(0, volume_nl, FUDR, 310.15)
    plant.advance(HOUR_NS)
    return plant


def flow_after(name: str, value: float, plant: Plant | None = None) -> float:
    """Flow against the usual, a day into a condition."""
    broken = plant or calm()
    usual = calm()
    broken.set_condition(broken.now_ns, name, value)
    for each in (broken, usual):
        each.advance(DAY_NS)
    return broken.state.flow_m3_per_s / usual.state.flow_m3_per_s


@pytest.mark.parametrize("factor", [0.0, 0.7, 1.3, 3.0])
def test_a_restrictor_gives_what_its_conductance_lets(factor: float) -> None:
    assert flow_after("restrictor_conductance_factor", factor) == pytest.approx(factor, rel=2e-3)


def test_a_clot_of_17_6_percent_takes_15_percent_of_the_flow() -> None:
    plant = calm()
    assert flow_after("catheter_extra_resistance_ratio", 0.176, plant) == pytest.approx(
        0.85, abs=1e-3
    )
    state = plant.state
    share = (state.catheter_pressure_pa - state.outlet_pressure_pa) / (
        state.reservoir_pressure_pa - state.outlet_pressure_pa
    )
    assert share == pytest.approx(0.176 / 1.176, abs=1e-3)
    assert 0 < state.catheter_pulse_pa < CALM.pulse_amplitude_pa


def test_an_occlusion_climbs_with_its_time_constant_and_lets_go_at_once() -> None:
    plant = calm()
    start_ns, pump, ledger = plant.now_ns, plant.pump, plant.ledger
    rest_pa = plant.state.catheter_pressure_pa
    plant.set_condition(start_ns, "catheter_extra_resistance_ratio", 1e6)
    resistance = pump.nominal_driving_pa / pump.nominal_flow_m3_per_s
    constant_s = resistance * pump.catheter_compliance_m3_per_pa
    assert constant_s / 3_600 == pytest.approx(4.3, abs=0.05)
    plant.advance(start_ns + round(constant_s) * SECOND_NS)
    climbed = (plant.state.catheter_pressure_pa - rest_pa) / pump.nominal_driving_pa
    assert climbed == pytest.approx(0.632, abs=0.004)
    delivered_fl = ledger.delivered_fl
    plant.advance(start_ns + 2 * DAY_NS)
    assert plant.state.catheter_pressure_pa == pytest.approx(
        plant.state.reservoir_pressure_pa, rel=1e-3
    )
    assert ledger.delivered_fl - delivered_fl < 1e-4 * FL_PER_ML
    plant.set_condition(plant.now_ns, "catheter_extra_resistance_ratio", 0.0)
    delivered_fl = ledger.delivered_fl
    plant.advance(plant.now_ns + 120 * SECOND_NS)
    assert plant.state.catheter_pressure_pa == pytest.approx(rest_pa, abs=30)
    assert (ledger.delivered_fl - delivered_fl) / FL_PER_ML == pytest.approx(0.23, abs=0.01)


def test_a_flow_stop_upstream_leaves_the_catheter_at_the_artery() -> None:
    plant = calm()
    plant.set_condition(plant.now_ns, "restrictor_conductance_factor", 0.0)
    before_fl = plant.ledger.reservoir_fl
    plant.advance(DAY_NS)
    assert plant.ledger.reservoir_fl == before_fl
    assert plant.state.catheter_pressure_pa == pytest.approx(plant.state.arterial_pressure_pa)


def test_a_disconnected_catheter_ends_in_the_tissue() -> None:
    plant = calm()
    delivered_fl = plant.ledger.delivered_fl
    plant.set_condition(plant.now_ns, "catheter_disconnected", 1.0)
    plant.advance(DAY_NS)
    state, ledger = plant.state, plant.ledger
    assert state.catheter_pressure_pa == pytest.approx(state.pocket_pressure_pa, abs=50)
    assert state.catheter_pulse_pa == 0.0
    assert ledger.delivered_fl == delivered_fl
    assert ledger.leaked_fl / FL_PER_ML == pytest.approx(1.3 * 23 / 24 * 1.06, rel=0.03)


def test_a_septum_leak_empties_the_reservoir_and_not_the_catheter() -> None:
    leaking, tight = calm(), calm()
    leaking.set_condition(HOUR_NS, "septum_leak_ml_per_day", 3.5)
    for plant in (leaking, tight):
        plant.advance(HOUR_NS + DAY_NS)
    lost_fl = tight.ledger.reservoir_fl - leaking.ledger.reservoir_fl
    assert lost_fl / FL_PER_ML == pytest.approx(3.5, rel=0.02)
    assert leaking.ledger.pocket_fl == pytest.approx(lost_fl, rel=1e-2)
    assert leaking.ledger.delivered_fl == pytest.approx(tight.ledger.delivered_fl, rel=5e-3)


def test_less_vapour_pressure_shows_in_the_reservoir() -> None:
    plant = calm()
    usual_pa = plant.state.reservoir_pressure_pa
    plant.set_condition(plant.now_ns, "propellant_pressure_factor", 0.9)
    assert plant.state.reservoir_pressure_pa == pytest.approx(0.9 * usual_pa, rel=2e-3)


def test_lost_propellant_shows_only_once_no_liquid_is_left() -> None:
    plant, usual = calm(volume_nl=29 * ML_NL), calm(volume_nl=29 * ML_NL)
    plant.set_condition(HOUR_NS, "propellant_charge_factor", 0.25)
    usual_pa = usual.state.reservoir_pressure_pa
    assert plant.state.reservoir_pressure_pa == pytest.approx(usual_pa, rel=1e-9)
    for each in (plant, usual):
        each.withdraw(2 * HOUR_NS, 27 * ML_NL)
        each.advance(4 * HOUR_NS)
    assert plant.state.reservoir_pressure_pa < 0.8 * usual.state.reservoir_pressure_pa


def test_wear_slows_the_pump_with_the_years() -> None:
    worn, new = calm(PumpParameters(restrictor_ageing_per_year=1.0)), calm()
    days = 14
    for plant in (worn, new):
        plant.advance(days * DAY_NS)
    # the worn pump holds a little more: its bellows still press for it
    ratio = worn.state.flow_m3_per_s / new.state.flow_m3_per_s
    assert ratio == pytest.approx(1 / (1 + days / 365.25), rel=1e-3)


def test_propellant_that_seeps_away_ends_the_pressure() -> None:
    leaking = calm(PumpParameters(charge_ratio=1.0, charge_loss_per_year=12.0))
    tight = calm(PumpParameters(charge_ratio=1.0))
    for plant, falls in ((leaking, True), (tight, False)):
        usual_pa = plant.state.reservoir_pressure_pa
        plant.advance(10 * DAY_NS)
        assert (plant.state.reservoir_pressure_pa < 0.95 * usual_pa) == falls


@pytest.mark.slow
def test_the_rate_holds_until_97_percent_and_ends_with_a_residual() -> None:
    pump = PumpParameters(bellows_rate_pa_per_m3=0.0)
    plant = calm(pump, 30 * ML_NL)
    usual = plant.state.flow_m3_per_s
    while plant.ledger.reservoir_fl > 0.0301 * 30 * FL_PER_ML:
        assert plant.state.flow_m3_per_s == pytest.approx(usual, rel=1e-4)
        plant.advance(plant.now_ns + HOUR_NS)
    plant.advance(plant.now_ns + 20 * DAY_NS)
    residual_ml = plant.ledger.reservoir_fl / FL_PER_ML
    assert residual_ml == pytest.approx(pump.stop_ends_m3 * 1e6, abs=0.005)
    assert plant.state.flow_m3_per_s < 1e-4 * usual
    delivered_fl = plant.ledger.delivered_fl
    plant.advance(plant.now_ns + 20 * DAY_NS)
    assert plant.ledger.delivered_fl - delivered_fl < 0.005 * FL_PER_ML


def test_an_emptied_pump_does_not_suck() -> None:
    plant = calm()
    plant.withdraw(plant.now_ns)
    left_fl = plant.ledger.reservoir_fl
    plant.advance(plant.now_ns + DAY_NS)
    assert plant.ledger.reservoir_fl <= left_fl
    assert plant.ledger.refluxed_fl == 0


def test_a_refill_cools_the_pump_and_it_recovers() -> None:
    plant = calm(volume_nl=2 * ML_NL)
    plant.withdraw(plant.now_ns)
    usual = calm(volume_nl=28 * ML_NL).state.flow_m3_per_s
    held_j_per_k = plant.pump.heat_capacity_j_per_k + 4.17 * plant.ledger.reservoir_fl / 1e12
    plant.fill(plant.now_ns, 28 * ML_NL, SALINE, 293.15)
    cold_k = plant.state.pump_temperature_k
    taken_j = held_j_per_k * (310.15 - cold_k)
    given_j = 28 * 4.17 * (cold_k - 293.15)
    assert taken_j == pytest.approx(given_j, rel=1e-6)
    whole_j = 28 * 4.17 * 17.0  # what the liquid needs to be as warm as the body
    assert whole_j * 30 / 28 == pytest.approx(2.1e3, rel=0.02)
    assert plant.state.flow_m3_per_s / usual < 0.6
    plant.advance(plant.now_ns + 20 * 60 * SECOND_NS)
    assert 310.15 - plant.state.pump_temperature_k == pytest.approx(
        (310.15 - cold_k) / 2.71828, rel=2e-3
    )
    plant.advance(plant.now_ns + 6 * HOUR_NS)
    assert plant.state.flow_m3_per_s / usual == pytest.approx(1.0, rel=1e-3)


def test_the_old_drug_still_arrives_for_three_hours() -> None:
    plant = calm(volume_nl=25 * ML_NL)
    plant.advance(2 * DAY_NS)
    plant.withdraw(plant.now_ns)
    plant.fill(plant.now_ns, 28 * ML_NL, SALINE, 310.15)
    start_ns = plant.now_ns
    arrived = plant.ledger.doses_ng().get("heparin", 0)
    assert arrived == 0
    while not plant.ledger.doses_ng().get("heparin", 0):
        plant.advance(plant.now_ns + 60 * SECOND_NS)
    hours = (plant.now_ns - start_ns) / HOUR_NS
    held_m3 = plant.pump.catheter_volume_m3 + plant.pump.catheter_compliance_m3_per_pa * 12_399
    assert hours == pytest.approx(held_m3 / plant.state.flow_m3_per_s / 3_600, rel=0.02)
    assert 3.0 < hours < 3.5


def test_doses_are_volumes_times_concentrations() -> None:
    plant = calm(volume_nl=25 * ML_NL)
    plant.advance(5 * DAY_NS)
    water_fl = round(plant.pump.catheter_volume_m3 * 1e18)
    water_fl += round(plant.pump.catheter_compliance_m3_per_pa * 12_399 * 1e18)
    drug_fl = plant.ledger.delivered_fl - water_fl
    assert plant.ledger.doses_ng()["FUDR"] == pytest.approx(
        drug_fl * 6_460_000 / FL_PER_ML, abs=10_000
    )


def test_a_bolus_pushes_the_catheter_first_and_leaves_the_reservoir_alone() -> None:
    plant = calm()
    plant.advance(DAY_NS)
    usual_pa, before = plant.state.catheter_pressure_pa, plant.ledger.reservoir_fl
    plant.inject_bolus(DAY_NS, 5 * ML_NL, SALINE, 60 * SECOND_NS)
    plant.advance(DAY_NS + 60 * SECOND_NS - 1)
    assert plant.state.catheter_pressure_pa == usual_pa  # no step yet
    plant.set_condition(DAY_NS + 30 * SECOND_NS, "septum_leak_ml_per_day", 0.0)  # look half-way
    assert plant.state.catheter_pressure_pa - usual_pa > 5_000
    plant.advance(DAY_NS + 120 * SECOND_NS)
    assert plant.state.catheter_pressure_pa == pytest.approx(usual_pa, abs=1)
    assert before - plant.ledger.reservoir_fl < 0.003 * FL_PER_ML
    doses = plant.ledger.doses_ng()
    assert doses["heparin"] == pytest.approx((5 - 0.18) * 30_000, rel=0.01)


@pytest.mark.parametrize(("propellant", "metres"), [("n-butane", 24.0), ("R-11", 4.5)])
def test_depth_turns_the_flow_round_where_stated(propellant: str, metres: float) -> None:
    def at_depth(depth_m: float) -> Plant:
        plant = calm(PumpParameters(propellant=propellant, bellows_rate_pa_per_m3=0.0))
        start_ns = plant.now_ns
        bottom_ns, end_ns = start_ns + HOUR_NS, start_ns + DAY_NS
        pressure_pa = depth_m * WATER_PA_PER_M
        points = [(start_ns, 0.0), (bottom_ns, pressure_pa), (end_ns, pressure_pa)]
        plant.dive(start_ns, [*points, (end_ns + HOUR_NS, 0.0)])
        plant.advance(bottom_ns + 5 * HOUR_NS)
        return plant

    shallow, deep = at_depth(0.95 * metres), at_depth(1.05 * metres)
    assert shallow.state.flow_m3_per_s > 0
    assert shallow.ledger.refluxed_fl == 0
    assert deep.state.flow_m3_per_s < 0
    assert deep.ledger.refluxed_fl > 0
    assert deep.ledger.balance_fl() == 0


def test_a_pocket_fill_leaves_the_reservoir_alone() -> None:
    plant = calm()
    before = plant.ledger.reservoir_fl
    plant.fill_pocket(plant.now_ns, 28 * ML_NL)
    assert plant.ledger.reservoir_fl == before
    assert plant.ledger.pocket_fl == 28 * FL_PER_ML


def test_a_needle_leaves_what_it_cannot_reach() -> None:
    plant = calm()
    there_fl = plant.ledger.reservoir_fl
    taken_nl = plant.withdraw(plant.now_ns)
    left_fl = there_fl - taken_nl * 10**6
    assert left_fl == pytest.approx(plant.pump.unreachable_m3 * 1e18, abs=10**6)


def test_the_charge_is_what_a_stroke_needs_and_some_more() -> None:
    pump = PumpParameters(charge_ratio=1.0, shell_gas_m3=0.01e-6)
    assert pump.charge_kg == pytest.approx(0.26e-3, rel=0.02)  # domain facts, section 2
    for propellant in PROPELLANTS:
        plant = calm(PumpParameters(propellant=propellant), 30 * ML_NL)
        full_pa = plant.state.reservoir_pressure_pa
        plant.withdraw(plant.now_ns, 28 * ML_NL)
        plant.advance(plant.now_ns + HOUR_NS)
        assert plant.state.reservoir_pressure_pa == pytest.approx(full_pa - 2_800, abs=50)


def test_air_takes_room_and_moves_with_the_temperature() -> None:
    plant, airless = calm(), calm()
    at_sea_nl = round(plant.state.reservoir_pressure_pa / 101_325.0 * ML_NL)  # 1 mL inside
    plant.fill_gas(HOUR_NS, at_sea_nl)

    def bubble_ul() -> float:
        return plant.state.reservoir_volume_m3 * 1e9 - plant.ledger.reservoir_fl / 1e9

    assert bubble_ul() == pytest.approx(1_000, rel=1e-3)
    assert airless.state.reservoir_volume_m3 * 1e18 == airless.ledger.reservoir_fl
    usual_ul = bubble_ul()
    plant.warm(HOUR_NS, [(HOUR_NS, 0.0), (2 * HOUR_NS, 1.0), (DAY_NS, 1.0), (2 * DAY_NS, 0.0)])
    plant.advance(DAY_NS)
    assert bubble_ul() - usual_ul == pytest.approx(-25, abs=1)  # domain facts, section 4
    with pytest.raises(ValueError, match="has room for"):
        plant.fill(DAY_NS, 11 * ML_NL, FUDR)
    plant.withdraw(DAY_NS)
    assert plant.ledger.gas_fl == 0
    assert bubble_ul() == 0


def test_gas_stays_behind_when_the_liquid_is_gone() -> None:
    plant = calm(volume_nl=10 * ML_NL)
    plant.fill_gas(HOUR_NS, 10 * ML_NL)
    plant.advance(40 * DAY_NS)
    state, ledger = plant.state, plant.ledger
    assert ledger.reservoir_fl == 0
    assert state.flow_m3_per_s == 0.0
    assert state.catheter_pressure_pa == pytest.approx(state.arterial_pressure_pa)
    gas_j = state.reservoir_volume_m3 * state.reservoir_pressure_pa
    assert gas_j == pytest.approx(10e-6 * 101_325.0, rel=1e-9)
    assert state.reservoir_pressure_pa > state.catheter_pressure_pa


@pytest.mark.slow
def test_a_bubble_at_the_end_stop_expands() -> None:
    plant, airless = calm(), calm()
    plant.fill_gas(HOUR_NS, 2 * ML_NL)
    for each in (plant, airless):
        each.advance(60 * DAY_NS)
    # the gas holds the bellows open, and presses out liquid that would have stayed behind
    assert plant.ledger.reservoir_fl < 0.3 * airless.ledger.reservoir_fl
    assert plant.state.reservoir_volume_m3 > airless.state.reservoir_volume_m3
    gas_m3 = plant.state.reservoir_volume_m3 - plant.ledger.reservoir_fl * 1e-18
    gas_j = gas_m3 * plant.state.reservoir_pressure_pa
    assert gas_j == pytest.approx(2e-6 * 101_325.0, rel=1e-6)
    # warm, gas and bellows still agree on one pressure and one volume
    start_ns, end_ns = plant.now_ns, plant.now_ns + DAY_NS
    plant.warm(start_ns, [(start_ns, 0.0), (start_ns + 1, 6.0), (end_ns, 6.0), (end_ns + 1, 0.0)])
    plant.advance(end_ns)
    state, pump = plant.state, plant.pump
    bellows_m3 = state.reservoir_volume_m3 - 0.5 * pump.capacity_m3
    missing_m3 = pump.stop_begins_m3 - state.reservoir_volume_m3
    pressure_pa = vapour_pressure_pa(pump.propellant, state.pump_temperature_k)
    pressure_pa += pump.bellows_rate_pa_per_m3 * bellows_m3
    pressure_pa -= pump.stop_stiffness_pa_per_m3 * missing_m3
    assert missing_m3 > 0
    assert state.reservoir_pressure_pa == pytest.approx(pressure_pa, rel=1e-4)


def test_what_goes_into_the_tissue_is_told_by_drug() -> None:
    plant = calm()
    plant.fill_pocket(HOUR_NS, 2 * ML_NL, SALINE)
    assert plant.ledger.lost_ng() == {"heparin": 60_000}
    plant.set_condition(HOUR_NS, "septum_leak_ml_per_day", 3.5)
    plant.advance(DAY_NS)
    leaked_fl = plant.ledger.pocket_fl - 2 * FL_PER_ML
    assert plant.ledger.lost_ng()["FUDR"] == leaked_fl * 6_460_000 // FL_PER_ML
    plant.set_condition(DAY_NS, "septum_leak_ml_per_day", 0.0)
    plant.set_condition(DAY_NS, "catheter_disconnected", 1.0)
    arrived, lost = plant.ledger.doses_ng(), plant.ledger.lost_ng()["FUDR"]
    plant.advance(3 * DAY_NS)
    assert plant.ledger.doses_ng() == arrived
    spilled_ng = plant.ledger.leaked_fl * 6_460_000 // FL_PER_ML
    assert plant.ledger.lost_ng()["FUDR"] - lost == pytest.approx(spilled_ng, abs=1)
