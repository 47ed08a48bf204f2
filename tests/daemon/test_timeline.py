"""Wall time becomes device time: speed, pause, grants, gaps, lateness. No clock is read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpsim.daemon.lateness import LATE_LIMIT_NS, Lateness
from pumpsim.daemon.timeline import (
    AS_FAST_AS_IT_GOES,
    GAP_NS,
    MAX_INSTANT_NS,
    Timeline,
    TimelineError,
    check_speed,
)

S = 1_000_000_000


@pytest.mark.parametrize("speed", [0.001, 1.0, 60.0, 1e6, AS_FAST_AS_IT_GOES])
def test_these_speeds_are_speeds(speed: float) -> None:
    assert check_speed(speed) == speed


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan, -math.inf, 1e-4, 1e7])
def test_these_are_none(speed: float) -> None:
    with pytest.raises(TimelineError, match="must lie in"):
        check_speed(speed)


def test_device_time_goes_at_its_speed_from_its_anchor() -> None:
    timeline = Timeline(100 * S, 7 * S, speed=60.0)
    assert timeline.target(102 * S) == 127 * S
    assert timeline.wall_of(127 * S) == 102 * S


def test_a_new_speed_makes_no_jump() -> None:
    timeline = Timeline(0)
    timeline.set(10 * S, 10 * S, speed=100.0)
    assert timeline.target(10 * S) == 10 * S
    assert timeline.target(11 * S) == 110 * S


def test_a_bad_speed_changes_nothing() -> None:
    timeline = Timeline(0)
    with pytest.raises(TimelineError):
        timeline.set(S, S, speed=0.0, paused=True)
    assert timeline == Timeline(0, lateness=timeline.lateness)


def test_nothing_moves_in_a_pause_or_at_speed_max() -> None:
    for timeline in (Timeline(0, 5, paused=True), Timeline(0, 5, speed=AS_FAST_AS_IT_GOES)):
        assert timeline.target(S) == 5
        assert timeline.wall_of(6) is None


def test_a_grant_holds_at_any_pace_and_the_pace_goes_on_behind_it() -> None:
    timeline = Timeline(0, paused=True)
    timeline.grant(0, 9 * S)
    assert timeline.target(1) == 9 * S
    timeline.end_grant(50 * S, 9 * S)
    timeline.set(50 * S, 9 * S, paused=False)
    assert timeline.target(51 * S) == 10 * S


def test_a_grant_for_the_past_or_beyond_the_end_or_beside_another_is_refused() -> None:
    timeline = Timeline(0, 10)
    with pytest.raises(TimelineError, match="has passed"):
        timeline.grant(10, 9)
    with pytest.raises(TimelineError, match="beyond"):
        timeline.grant(10, MAX_INSTANT_NS + 1)
    timeline.grant(10, 11)
    with pytest.raises(TimelineError, match="under way"):
        timeline.grant(10, 12)


def test_time_ends_before_its_arithmetic() -> None:
    timeline = Timeline(0, speed=1e6)
    assert timeline.target(10**6 * S) == MAX_INSTANT_NS


def test_a_gap_is_left_out_and_told_once() -> None:
    timeline = Timeline(0)
    assert timeline.observe(2 * S) == 0
    assert timeline.observe(2 * S + GAP_NS + 1) == GAP_NS + 1
    assert timeline.target(2 * S + GAP_NS + 1) == 2 * S
    assert timeline.observe(3 * S + GAP_NS) == 0
    assert timeline.gaps_ns == GAP_NS + 1


def test_a_short_silence_is_no_gap() -> None:
    timeline = Timeline(0)
    timeline.observe(S)
    assert timeline.observe(S + GAP_NS) == 0
    assert timeline.target(S + GAP_NS) == S + GAP_NS


@pytest.mark.parametrize(
    "timeline",
    [
        Timeline(0, catch_up=True),
        Timeline(0, paused=True),
        Timeline(0, speed=AS_FAST_AS_IT_GOES),
        Timeline(0, grant_ns=99),
    ],
)
def test_where_wall_time_does_not_pass_unseen_there_is_no_gap(timeline: Timeline) -> None:
    timeline.observe(S)
    before = timeline.target(S)
    assert timeline.observe(S + 9 * GAP_NS) == 0
    expected = S + 9 * GAP_NS if timeline.catch_up else before
    assert timeline.target(S + 9 * GAP_NS) == expected


@given(
    st.floats(0.001, 1e6),
    st.lists(st.integers(0, 10 * S), min_size=1, max_size=30),
)
def test_device_time_never_goes_back(speed: float, steps_ns: list[int]) -> None:
    timeline = Timeline(0, speed=speed)
    wall_ns = last_ns = 0
    for step_ns in steps_ns:
        wall_ns += step_ns
        timeline.observe(wall_ns)
        target_ns = timeline.target(wall_ns)
        assert target_ns >= last_ns
        last_ns = target_ns


def test_lateness_counts_by_the_wall_clock() -> None:
    timeline = Timeline(0, speed=60.0)
    timeline.note(2 * S, 60 * S)
    assert timeline.lateness.last_ns == S
    timeline.note(0, 60 * S)  # an early one is on time
    assert timeline.lateness.last_ns == 0
    assert timeline.lateness.max_ns == S


def test_a_granted_run_is_never_late() -> None:
    timeline = Timeline(0)
    timeline.grant(0, 10 * S)
    timeline.note(20 * S, S)
    assert timeline.lateness.max_ns == 0


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=300))
def test_a_quantile_is_an_upper_bound_within_an_eighth(late_ns: list[int]) -> None:
    lateness = Lateness()
    for one in late_ns:
        lateness.note(one)
    for permille in (500, 990, 999):
        exact = sorted(late_ns)[math.ceil(len(late_ns) * permille / 1_000) - 1]
        assert exact <= lateness.quantile_ns(permille) <= exact + exact // 8


def test_a_person_hears_of_lateness_when_it_doubles() -> None:
    lateness = Lateness()
    told = []
    for late_ns in range(0, 8 * LATE_LIMIT_NS, LATE_LIMIT_NS // 10):
        lateness.note(late_ns)
        if lateness.news():
            told.append(late_ns)
    assert len(told) == 3
    lateness.clear()
    assert (lateness.max_ns, lateness.quantile_ns(999), lateness.news()) == (0, 0, False)
