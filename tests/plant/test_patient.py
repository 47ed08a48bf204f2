"""What surrounds the pump: bounded, straight between its nodes, and blind to who asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpsim.plant.parameters import PatientParameters
from pumpsim.plant.patient import (
    MAX_CORNERS,
    MAX_COURSES,
    NODE_NS,
    SECOND_NS,
    Patient,
    Points,
    Segment,
)
from pumpsim.plant.properties import atmosphere_pa

HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
INSTANTS = st.integers(min_value=0, max_value=3_650 * DAY_NS)
P = PatientParameters()


def hill(start_ns: int, top: float) -> Points:
    return [(start_ns, 0.0), (start_ns + HOUR_NS + 7, top), (start_ns + 3 * HOUR_NS + 11, 0.0)]


def body_k(patient: Patient, now_ns: int) -> float:
    segment = patient.segment(now_ns)
    return segment.body_k + segment.body_k_per_ns * (now_ns - segment.from_ns)


def ambient_pa(patient: Patient, now_ns: int) -> float:
    segment = patient.segment(now_ns)
    return segment.ambient_pa + segment.ambient_pa_per_ns * (now_ns - segment.from_ns)


@given(st.integers(), INSTANTS)
def test_amplitudes_are_bounds(seed: int, now_ns: int) -> None:
    segment = Patient(P, seed).segment(now_ns)
    assert segment.from_ns <= now_ns < segment.to_ns
    assert abs(segment.body_k - P.body_temperature_k) <= P.circadian_amplitude_k * 1.0001
    assert abs(segment.arterial_pa - P.arterial_pressure_pa) <= P.arterial_variation_pa
    assert abs(segment.posture_pa) <= P.posture_pa
    assert abs(segment.ambient_pa - 101_325) <= P.weather_pa + 1


@given(st.lists(INSTANTS, min_size=1, max_size=10))
def test_who_asked_before_has_no_part(instants: list[int]) -> None:
    patient = Patient(P, 1)
    patient.warm(0, hill(5 * HOUR_NS, 2.0))
    for now_ns in [*instants, *reversed(instants)]:
        fresh = Patient(P, 1)
        fresh.restore(patient.snapshot())
        assert patient.segment(now_ns) == fresh.segment(now_ns)


def test_a_segment_begins_where_the_last_one_ended() -> None:
    patient = Patient(P, 3)
    patient.warm(0, hill(HOUR_NS + 123, 2.0))
    patient.climb(0, hill(2 * HOUR_NS + 321, 2_400.0))
    at_ns, last, ends = 0, patient.segment(0), set()
    while at_ns < 6 * HOUR_NS:
        at_ns = last.to_ns
        ends.add(at_ns)
        segment = patient.segment(at_ns)
        assert segment.from_ns == at_ns
        assert end(last) == pytest.approx(start(segment), rel=1e-12)
        last = segment
    corners = {at_ns for at_ns, _ in hill(HOUR_NS + 123, 2.0) + hill(2 * HOUR_NS + 321, 2_400.0)}
    assert corners < ends


def start(s: Segment) -> tuple[float, ...]:
    return s.body_k, s.ambient_pa, s.arterial_pa, s.posture_pa


def end(s: Segment) -> tuple[float, ...]:
    slopes = s.body_k_per_ns, s.ambient_pa_per_ns, s.arterial_pa_per_ns, s.posture_pa_per_ns
    span_ns = s.to_ns - s.from_ns
    return tuple(value + k * span_ns for value, k in zip(start(s), slopes, strict=True))


def test_the_random_processes_really_move() -> None:
    segments = [Patient(P, 1).segment(n * NODE_NS) for n in range(0, 2_000, 37)]
    for values in zip(*(start(segment) for segment in segments), strict=True):
        assert max(values) - min(values) > 0.5 * (P.circadian_amplitude_k)
    assert max(s.arterial_pa for s in segments) - P.arterial_pressure_pa > 500
    assert max(s.posture_pa for s in segments) > 500
    assert max(s.ambient_pa for s in segments) > 101_325 + 500


def test_evening_is_warm_and_the_small_hours_are_cold() -> None:
    patient = Patient(P, 1)
    assert body_k(patient, 18 * HOUR_NS) == pytest.approx(310.15 + 0.35, abs=1e-4)
    assert body_k(patient, 30 * HOUR_NS) == pytest.approx(310.15 - 0.35, abs=1e-4)
    assert body_k(patient, 24 * HOUR_NS) == pytest.approx(310.15, abs=1e-4)


def test_courses_add_up_and_have_corners() -> None:
    patient, usual = Patient(P, 1), Patient(P, 1)
    for _ in range(2):
        patient.warm(0, hill(HOUR_NS, 1.5))
    top_ns = 2 * HOUR_NS + 7
    assert body_k(patient, top_ns) - body_k(usual, top_ns) == pytest.approx(3.0, abs=1e-4)
    assert patient.next_corner_ns(0) == HOUR_NS
    assert patient.next_corner_ns(HOUR_NS) == top_ns
    assert patient.next_corner_ns(4 * HOUR_NS + 11) > 10**18
    assert body_k(patient, 5 * HOUR_NS) == body_k(usual, 5 * HOUR_NS)


def test_altitude_and_depth_move_the_ambient_pressure() -> None:
    calm = Patient(PatientParameters(weather_pa=0.0), 1)
    calm.climb(0, hill(HOUR_NS, 1_500.0))
    calm.dive(0, hill(9 * HOUR_NS, 240_000.0))
    assert ambient_pa(calm, 0) == pytest.approx(101_325)
    assert ambient_pa(calm, 2 * HOUR_NS + 7) == pytest.approx(84_556, rel=1e-4)
    assert ambient_pa(calm, 10 * HOUR_NS + 7) == pytest.approx(341_325)


@pytest.mark.parametrize(
    ("method", "points"),
    [
        ("warm", [(0, 1.0)]),
        ("warm", []),
        ("warm", [(5, 0.0), (5, 1.0), (9, 0.0)]),
        ("warm", [(0, 0.0), (5, 1.0), (9, 1.0)]),
        ("warm", [(0, 1.0), (5, 1.0), (9, 0.0)]),
        ("warm", [(0, 0.0), (5, 20.0), (9, 0.0)]),
        ("warm", [(0, 0.0), (5, -30.0), (9, 0.0)]),
        ("warm", [(0, 0.0), (5, float("nan")), (9, 0.0)]),
        ("warm", [(-1, 0.0), (5, 1.0), (9, 0.0)]),
        ("climb", [(0, 0.0), (5, 10_001.0), (9, 0.0)]),
        ("climb", [(0, 0.0), (5, -1_001.0), (9, 0.0)]),
        ("dive", [(0, 0.0), (5, 1_000_001.0), (9, 0.0)]),
        ("dive", [(0, 0.0), (5, -1.0), (9, 0.0)]),
    ],
)
def test_what_is_no_course_is_refused_and_changes_nothing(method: str, points: Points) -> None:
    patient = Patient(P, 1)
    before = patient.snapshot()
    with pytest.raises(ValueError, match=r"course|instants"):
        getattr(patient, method)(0, points)
    assert patient.snapshot() == before


def test_courses_are_judged_together() -> None:
    patient = Patient(P, 1)
    patient.warm(0, hill(0, 6.0))
    with pytest.raises(ValueError, match="together"):
        patient.warm(0, hill(HOUR_NS, 6.0))


def test_old_courses_are_forgotten_and_their_number_is_bounded() -> None:
    patient = Patient(P, 1)
    for number in range(2 * MAX_COURSES):
        patient.warm(number * DAY_NS, hill(number * DAY_NS, 1.0))
    assert len(patient.snapshot()["warmth"]) == 1
    for _ in range(MAX_COURSES):
        patient.climb(0, hill(0, 0.0))
    with pytest.raises(ValueError, match="more than"):
        patient.climb(0, hill(0, 0.0))
    with pytest.raises(ValueError, match="corners"):
        patient.dive(0, [(at_ns, 0.0) for at_ns in range(MAX_CORNERS + 1)])


@pytest.mark.parametrize(
    ("name", "value"), [("body_temperature_k", 37.0), ("altitude_m", 9_000.0), ("weather_pa", -1.0)]
)
def test_what_cannot_be_a_patient_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        PatientParameters(**{name: value})


def test_restoring_forgets_what_was_known_of_another_life() -> None:
    patient, feverish = Patient(P, 1), Patient(P, 1)
    feverish.warm(0, hill(0, 2.0))
    patient.segment(0)
    patient.restore(feverish.snapshot())
    assert patient.segment(NODE_NS) == feverish.segment(NODE_NS)


def test_weather_weighs_less_high_up() -> None:
    patient, home = Patient(P, 2), Patient(P, 2)
    patient.climb(0, [(0, 0.0), (1, 5_000.0), (30 * DAY_NS, 5_000.0), (30 * DAY_NS + 1, 0.0)])
    share = atmosphere_pa(5_000.0) / 101_325
    for hours in range(2, 600, 37):
        weather_pa = ambient_pa(home, hours * HOUR_NS) - 101_325
        high_pa = ambient_pa(patient, hours * HOUR_NS) - atmosphere_pa(5_000.0)
        assert high_pa == pytest.approx(share * weather_pa, abs=1)
