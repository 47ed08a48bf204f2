"""Courses act on a plant from their first corner on, inside a patient's segment too."""

from collections.abc import Callable

import pytest

from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.patient import NODE_NS, SECOND_NS
from pumpsim.plant.plant import Plant

MINUTE_NS = 60 * SECOND_NS


@pytest.fixture
def plant() -> Plant:
    patient = PatientParameters(
        circadian_amplitude_k=0.0, arterial_variation_pa=0.0, posture_pa=0.0, weather_pa=0.0
    )
    return Plant(PumpParameters(), patient, 1)


def table_top(start_ns: int, top: float) -> list[tuple[int, float]]:
    """Up in a minute and a bit, four minutes there, down again: all inside one segment."""
    up_ns = start_ns + MINUTE_NS + 12_345
    return [(start_ns, 0.0), (up_ns, top), (up_ns + 4 * MINUTE_NS, top), (start_ns + 7 * 10**11, 0)]


ACTS: list[tuple[Callable[..., None], str, float, float]] = [
    (Plant.warm, "body_temperature_k", 2.0, 2.0),
    (Plant.climb, "pocket_pressure_pa", 1_500.0, -16_769.0),
    (Plant.dive, "pocket_pressure_pa", 50_000.0, 50_000.0),
]


@pytest.mark.parametrize(("act", "name", "top", "change"), ACTS)
def test_a_course_acts_at_once(
    plant: Plant, act: Callable[..., None], name: str, top: float, change: float
) -> None:
    start_ns = NODE_NS + 2 * MINUTE_NS + 7
    plant.advance(start_ns)
    usual = getattr(plant.state, name)
    act(plant, start_ns, table_top(start_ns, top))
    assert getattr(plant.state, name) == usual
    plant.advance(start_ns + 3 * MINUTE_NS)
    assert getattr(plant.state, name) - usual == pytest.approx(change, rel=1e-3)
    plant.advance(start_ns + 3 * NODE_NS)
    assert getattr(plant.state, name) == usual


def test_courses_overlap_within_one_segment(plant: Plant) -> None:
    usual_k = plant.state.body_temperature_k
    start_ns = NODE_NS + 7
    for number in range(4):  # each up in 1 ns, there for 90 s, down in 1 ns
        at_ns = start_ns + number * MINUTE_NS
        end_ns = at_ns + 90 * SECOND_NS
        plant.advance(at_ns)
        plant.warm(at_ns, [(at_ns, 0.0), (at_ns + 1, 1.0), (end_ns - 1, 1.0), (end_ns, 0.0)])
    seen_k = {}
    for seconds in (0, 30, 59, 90):
        plant.advance(at_ns + seconds * SECOND_NS + 1)
        seen_k[seconds] = plant.state.body_temperature_k - usual_k
    assert seen_k == pytest.approx({0: 2.0, 30: 1.0, 59: 1.0, 90: 0.0}, abs=1e-9)


def test_corners_of_a_course_are_events(plant: Plant) -> None:
    start_ns = NODE_NS + 2 * MINUTE_NS + 7
    plant.warm(start_ns, table_top(start_ns, 2.0))
    seen_ns = []
    while plant.now_ns < 3 * NODE_NS:
        plant.advance(plant.next_step_ns())
        seen_ns.append(plant.now_ns)
    assert {at_ns for at_ns, _ in table_top(start_ns, 2.0)[1:]} < set(seen_ns)
    assert len(seen_ns) == 18 + 3  # grid instants after the start, and three corners
