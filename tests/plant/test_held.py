"""What a bench holds stays where it was led to, exactly, until it is led elsewhere or let go."""

import math
from typing import Any

import pytest

from pumpsim.plant.held import AMBIENT, BOUNDS, HALVINGS, MAX_SHAPE, OUTLET, TEMPERATURE
from pumpsim.plant.held import approach as approach_in
from pumpsim.plant.held import ramp as ramp_in
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.patient import NODE_NS, SECOND_NS
from pumpsim.plant.plant import STEP_NS, Plant

MINUTE_NS = 60 * SECOND_NS
DAY_NS = 1_440 * MINUTE_NS
START_NS = NODE_NS + 2 * MINUTE_NS + 7


def lively(seed: int = 1) -> Plant:
    """A plant with all of a patient's ups and downs."""
    plant = Plant(PumpParameters(), PatientParameters(), seed)
    plant.advance(START_NS)
    return plant


def gauge_pa(plant: Plant) -> float:
    return plant.state.outlet_pressure_pa - plant.state.pocket_pressure_pa


SEEN: dict[str, Any] = {
    TEMPERATURE: lambda plant: plant.state.body_temperature_k,
    OUTLET: gauge_pa,
    AMBIENT: lambda plant: plant.state.pocket_pressure_pa,
}
AIMS = {TEMPERATURE: 313.15, OUTLET: 30_000.0, AMBIENT: 80_000.0}


@pytest.mark.parametrize("name", SEEN)
def test_it_is_led_there_in_a_line_and_chance_has_no_part_in_it(name: str) -> None:
    plant, see, aim = lively(), SEEN[name], AIMS[name]
    plant.split(START_NS)
    usual = see(plant)
    plant.hold(START_NS, name, aim, ramp_in(10 * MINUTE_NS))
    assert see(plant) == pytest.approx(usual, rel=1e-12)
    plant.split(START_NS + 5 * MINUTE_NS)
    assert see(plant) == pytest.approx(0.5 * (usual + aim), rel=1e-9)
    for day in range(1, 4):
        plant.advance(day * DAY_NS)
        assert see(plant) == pytest.approx(aim, rel=1e-12)
    assert plant.held == {name: aim}


def test_on_a_bench_nobody_moves_and_no_heart_beats() -> None:
    plant = lively()
    plant.hold(START_NS, OUTLET, 12_000.0, ramp_in(SECOND_NS))
    assert plant.state.catheter_pulse_pa == 0.0
    seen = []
    for hour in range(1, 5):
        plant.advance(60 * MINUTE_NS * hour)
        seen.append(plant.state.arterial_pressure_pa - plant.state.pocket_pressure_pa)
    assert seen == pytest.approx([12_000.0] * 4, rel=1e-12)
    plant.set_condition(plant.now_ns, "catheter_disconnected", 1.0)
    assert gauge_pa(plant) == 0.0  # in tissue that lies still
    plant.set_condition(plant.now_ns, "catheter_disconnected", 0.0)
    plant.release(plant.now_ns, OUTLET)
    assert plant.state.catheter_pulse_pa > 0.0


def test_a_bath_comes_near_as_a_first_order_lag_does() -> None:
    constant_ns = 10 * MINUTE_NS
    plant = lively()
    plant.split(START_NS)
    usual_k = plant.state.body_temperature_k
    plant.hold(START_NS, TEMPERATURE, 313.15, approach_in(constant_ns))
    for spans in (0.2, 0.5, 1.0, 2.0, 4.0):
        plant.split(START_NS + round(spans * constant_ns))
        share = (plant.state.body_temperature_k - usual_k) / (313.15 - usual_k)
        assert share == pytest.approx(1.0 - math.exp(-spans), abs=0.044)
    plant.split(START_NS + math.ceil(HALVINGS * constant_ns * math.log(2)) + 1)
    assert plant.state.body_temperature_k == 313.15


def test_a_new_aim_begins_where_the_old_course_had_come_to() -> None:
    plant = lively()
    plant.hold(START_NS, AMBIENT, 60_000.0, ramp_in(20 * MINUTE_NS))
    turn_ns = START_NS + 7 * MINUTE_NS + 3
    plant.split(turn_ns)
    there_pa = plant.state.pocket_pressure_pa
    plant.hold(turn_ns, AMBIENT, 101_325.0, ramp_in(MINUTE_NS))
    assert plant.state.pocket_pressure_pa == pytest.approx(there_pa, rel=1e-12)
    plant.split(turn_ns + 30 * SECOND_NS)
    assert plant.state.pocket_pressure_pa == pytest.approx(0.5 * (there_pa + 101_325.0), rel=1e-9)


def test_what_is_let_go_is_the_patients_again() -> None:
    held, free = lively(), lively()
    for name, aim in AIMS.items():
        held.hold(START_NS, name, aim, ramp_in(SECOND_NS))
    for plant in (held, free):
        plant.split(DAY_NS + 11)
    for name in AIMS:
        assert SEEN[name](held) != SEEN[name](free)
        held.release(DAY_NS + 11, name)
    assert held.held == {}
    for at_ns in (DAY_NS + 11, DAY_NS + STEP_NS, 2 * DAY_NS):
        held.advance(at_ns)
        free.advance(at_ns)
        for see in SEEN.values():
            assert see(held) == see(free)


def test_courses_of_life_go_on_unseen_meanwhile() -> None:
    plant = lively()
    plant.hold(START_NS, TEMPERATURE, 310.15, ramp_in(SECOND_NS))
    top_ns = START_NS + 60 * MINUTE_NS
    plant.warm(START_NS, [(START_NS, 0.0), (top_ns, 2.0), (top_ns + DAY_NS, 0.0)])
    plant.advance(top_ns)
    assert plant.state.body_temperature_k == 310.15
    plant.release(top_ns, TEMPERATURE)
    assert plant.state.body_temperature_k > 311.7


def test_corners_are_events() -> None:
    plant = lively()
    way = approach_in(2 * MINUTE_NS)
    plant.hold(START_NS, TEMPERATURE, 300.0, way)
    seen_ns = []
    while plant.now_ns < START_NS + way[-1][0]:
        plant.advance(plant.next_step_ns())
        seen_ns.append(plant.now_ns)
    assert {START_NS + after_ns for after_ns, _ in way} <= set(seen_ns)


SHAPES_THAT_ARE_NONE: list[list[tuple[int, float]]] = [
    [],
    [(0, 1.0)],
    [(5, 0.5)],
    [(5, 0.5), (5, 1.0)],
    [(5, 0.7), (6, 0.6), (7, 1.0)],
    [(5, 1.5), (6, 1.0)],
    [(n + 1, 1.0) for n in range(MAX_SHAPE + 1)],
]


@pytest.mark.parametrize("shape", SHAPES_THAT_ARE_NONE)
def test_a_way_that_is_none_is_refused_and_changes_nothing(shape: list[tuple[int, float]]) -> None:
    plant = lively()
    before = plant.snapshot()
    with pytest.raises(ValueError, match="a way has 1 to"):
        plant.hold(START_NS, TEMPERATURE, 300.0, shape)
    assert plant.snapshot() == before


@pytest.mark.parametrize("name", BOUNDS)
def test_what_no_bench_can_hold_is_refused(name: str) -> None:
    plant = lively()
    before = plant.snapshot()
    lowest, highest = BOUNDS[name]
    for aim in (lowest - 1.0, highest + 1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"holds the {name} at"):
            plant.hold(START_NS, name, aim, ramp_in(SECOND_NS))
    with pytest.raises(ValueError, match="none of temperature"):
        plant.hold(START_NS, "weather", 1.0, ramp_in(SECOND_NS))
    assert plant.snapshot() == before
