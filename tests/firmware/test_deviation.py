"""Too much and too little flow, against an integral that is reckoned another way."""

from fractions import Fraction
from itertools import accumulate
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.control import Interval
from protocol.messages import Configuration
from protocol.vocabulary import Quality
from pumpsim.firmware.deviation import Deviation, FillDeviation, Limits, limits_of
from pumpsim.firmware.ticks import MINUTE
from tests.firmware.usual import CONFIGURATION

T_OVER_MIN: Final = 60
LIMITS: Final = limits_of(CONFIGURATION)
NOMINAL: Final = CONFIGURATION.nominal_flow_nl_per_h
EDGES: Final = [limit + off for limit in (LIMITS.over, LIMITS.under) for off in (-1, 0, 1)]
MODERATE: Final = st.integers(NOMINAL // 10, 3 * NOMINAL - 1) | st.sampled_from(EDGES)
"""Neither free flow nor a stop."""
PROFILES: Final = st.lists(st.tuples(MODERATE, st.integers(1, 90)), min_size=1, max_size=8)
"""(flow, minutes), piece by piece."""
SIDES: Final = pytest.mark.parametrize("side", [1, -1])


def prescribed(nominal: int = NOMINAL, permille: int = 150) -> Configuration:
    update = {"nominal_flow_nl_per_h": nominal, "tolerance_permille": permille}
    return CONFIGURATION.model_copy(update=update)


def told(
    flows: list[int], limits: Limits = LIMITS, step: int = 1, *, cold: bool = False
) -> list[tuple[bool, bool, bool]]:
    """(over, under, stop) after each sample, one every `step` minutes."""
    deviation, rows = Deviation(), []
    for flow in flows:
        deviation.feed((1, step * MINUTE), flow, limits, cold=cold)
        rows.append((deviation.over_infusion, deviation.under_infusion, deviation.stop))
    return rows


def first(rows: list[tuple[bool, bool, bool]], side: int) -> int | None:
    """The first sample with that alarm: too much (1) or too little (-1)."""
    return next((at for at, row in enumerate(rows) if row[0 if side > 0 else 1]), None)


def minutes(profile: list[tuple[int, int]]) -> list[int]:
    return [flow for flow, lasts in profile for _ in range(lasts)]


def outside(flow: int, side: int, configuration: Configuration = CONFIGURATION) -> bool:
    """By the row's own words: beyond nominal * (1 +- tol)."""
    ratio = 1 + side * Fraction(configuration.tolerance_permille, 1_000)
    return (flow - configuration.nominal_flow_nl_per_h * ratio) * side > 0


def due(flows: list[int], side: int) -> int | None:
    """When some stretch that ends with the sample holds an hour more outside than half inside."""
    gains = [Fraction(1) if outside(flow, side) else Fraction(-1, 2) for flow in flows]
    sums = [Fraction(0), *accumulate(gains)]
    least = list(accumulate(sums, min))
    return next((at for at in range(len(flows)) if sums[at + 1] - least[at] >= T_OVER_MIN), None)


@pytest.mark.slow
@SIDES
@given(profile=PROFILES)
def test_the_alarm_comes_when_the_integral_is_reached(
    profile: list[tuple[int, int]], side: int
) -> None:
    """FLW-02, FLW-04: with that sample, and never before it."""
    flows = minutes(profile)
    assert first(told(flows), side) == due(flows, side)


@SIDES
@given(nominal=st.integers(1, 100_000_000), permille=st.integers(50, 300), off=st.integers(-2, 2))
def test_the_boundary_is_exact(nominal: int, permille: int, off: int, side: int) -> None:
    """FLW-02, FLW-04: at tol nothing counts, one step beyond it does; at an hour, not before."""
    configuration = prescribed(nominal, permille)
    limits = limits_of(configuration)
    flow = nominal + side * (nominal * permille // 1_000 + off)
    deviation = Deviation()
    rows = []
    for _ in range(T_OVER_MIN + 1):
        deviation.feed((1, MINUTE), flow, limits, cold=False)
        rows.append(deviation.over_infusion if side > 0 else deviation.under_infusion)
    is_outside = outside(flow, side, configuration)
    free = side > 0 and flow >= 3 * nominal
    if not free:
        assert rows == [False] * (T_OVER_MIN - 1) + [is_outside] * 2


@SIDES
def test_at_the_limit_what_counted_runs_down(side: int) -> None:
    """FLW-02, FLW-04: half as fast as it came, like any flow within."""
    limits, deviation = limits_of(CONFIGURATION), Deviation()
    limit = limits.over if side > 0 else limits.under
    for flow in (limit + side, limit):
        deviation.feed((1, MINUTE), flow, limits, cold=False)
    assert (deviation.over if side > 0 else deviation.under) == MINUTE // 2


@given(before=st.integers(1, 5), spike=st.integers(1, 6), flow=st.integers(3 * NOMINAL, 10**8))
def test_free_flow_takes_two_samples_in_a_row(before: int, spike: int, flow: int) -> None:
    """FLW-03: a spike of one is none; a step less than thrice nominal waits for the integral."""
    rows = told([NOMINAL] * before + [flow] * spike + [NOMINAL])
    assert first(rows, 1) == (before + 1 if spike > 1 else None)
    assert first(told([NOMINAL] * before + [3 * NOMINAL - 1] * spike + [NOMINAL]), 1) is None
    assert first(told([flow, NOMINAL] * 4), 1) is None


@pytest.mark.parametrize("spikes", [0, 1, 2])
def test_free_flow_takes_two_samples_after_a_reset_too(spikes: int) -> None:
    """FLW-03, ALM-09: what did not stand before it starts anew."""
    before, after = Deviation(), Deviation()
    for _ in range(spikes):
        before.feed((1, MINUTE), 3 * NOMINAL, limits_of(CONFIGURATION), cold=False)
    after.load(before.save())
    after.feed((1, MINUTE), 3 * NOMINAL, limits_of(CONFIGURATION), cold=False)
    assert after.over_infusion == (spikes > 1)


@given(before=st.integers(1, 5), spike=st.integers(1, 6), flow=st.integers(-(10**8), NOMINAL // 10))
def test_a_stop_takes_two_samples_in_a_row(before: int, spike: int, flow: int) -> None:
    """FLW-04: below a tenth of nominal, and so for a flow that runs backwards."""
    stops = flow < NOMINAL // 10
    rows = told([NOMINAL] * before + [flow] * spike + [NOMINAL])
    assert [row[2] for row in rows] == [
        stops and before < at < before + spike for at in range(before + spike + 1)
    ]


@pytest.mark.slow
@SIDES
@given(pattern=st.lists(st.booleans(), min_size=48, max_size=48), period=st.integers(1, 24))
def test_half_the_time_outside_cannot_hide(pattern: list[bool], period: int, side: int) -> None:
    """FLW-05: over four times T_over, in whatever order, and as a wave of whatever period."""
    flow = {True: NOMINAL * (100 + 20 * side) // 100, False: NOMINAL}
    if 2 * sum(pattern) < len(pattern):
        pattern = [not each for each in pattern]
    wave = [(at // period) % 2 == 0 for at in range(48)]
    if 2 * sum(wave) < len(wave):
        wave = [not each for each in wave]
    for each in (pattern, wave):
        flows = [flow[is_out] for is_out in each for _ in range(5)]
        assert first(told(flows), side) is not None


@pytest.mark.slow
@SIDES
@given(
    pieces=st.lists(st.tuples(MODERATE, st.integers(1, 20)), min_size=1, max_size=8),
    step=st.sampled_from([2, 5, 10]),
)
def test_a_longer_sampling_period_changes_nothing_but_the_grid(
    pieces: list[tuple[int, int]], step: int, side: int
) -> None:
    """FLW-05: the same profile, sampled less often, is told with the sample that is next."""
    often = first(told([flow for flow, lasts in pieces for _ in range(lasts * step)]), side)
    seldom = first(told([flow for flow, lasts in pieces for _ in range(lasts)], step=step), side)
    if often is None:
        assert seldom is None
    else:
        assert seldom == often // step


@pytest.mark.slow
@SIDES
@given(profile=PROFILES)
def test_what_was_told_ends_by_itself_and_not_at_once(
    profile: list[tuple[int, int]], side: int
) -> None:
    """FLW-02, FLW-05: an hour outside is run down by two inside, and half a minute more by one."""
    flows = minutes(profile)
    at = due(flows, side)
    if at is None:
        return
    rows = told(flows[: at + 1] + [NOMINAL] * 4 * T_OVER_MIN)
    stood = [row[0 if side > 0 else 1] for row in rows[at:]]
    assert stood.index(False) in {2 * T_OVER_MIN, 2 * T_OVER_MIN + 1}
    assert not any(stood[stood.index(False) :])


@pytest.mark.parametrize(("side", "flow"), [(1, LIMITS.over + 1), (-1, LIMITS.under - 1)])
def test_however_long_it_lasted_four_hours_end_it(side: int, flow: int) -> None:
    """FLW-05: a week outside is no more to run down than two hours."""
    rows = told([flow] * 7 * 24 * 60 + [NOMINAL] * 4 * T_OVER_MIN)
    stood = [row[0 if side > 0 else 1] for row in rows[-4 * T_OVER_MIN :]]
    assert stood == [True] * (4 * T_OVER_MIN - 1) + [False]


@given(profile=PROFILES, ends=st.sampled_from([NOMINAL, NOMINAL // 20, 4 * NOMINAL]))
def test_a_cold_fill_masks_too_little_flow_and_nothing_else(
    profile: list[tuple[int, int]], ends: int
) -> None:
    """FLW-08: too much flow, free flow and a stop are told as ever."""
    flows = [*minutes(profile), ends, ends]
    masked = [(over, False, stop) for over, _, stop in told(flows)]
    assert told(flows, cold=True) == masked


@pytest.mark.parametrize(
    ("flow", "over", "under", "free", "stopped"),
    [
        (62_100, False, False, False, False),  # 54 uL/h and 15 %
        (62_101, True, False, False, False),
        (161_999, True, False, False, False),
        (162_000, True, False, True, False),
        (45_900, False, False, False, False),
        (45_899, False, True, False, False),
        (5_400, False, True, False, False),
        (5_399, False, True, False, True),
    ],
)
def test_a_flow_is_outside_beyond_its_limit(
    flow: int, *, over: bool, under: bool, free: bool, stopped: bool
) -> None:
    """FLW-02, FLW-03, FLW-04: to the nanolitre an hour."""
    deviation = Deviation(over=2, under=2)
    deviation.feed((1, MINUTE), flow, limits_of(CONFIGURATION), cold=False)
    assert (deviation.over > 2, deviation.under > 2) == (over, under)
    assert (deviation.free > 0, deviation.stopped > 0) == (free, stopped)


def test_limits_follow_from_the_prescription() -> None:
    """FLW-02, FLW-03, FLW-04: of 54 uL/h, and 15 %."""
    assert limits_of(CONFIGURATION) == Limits(
        62_100, 45_900, 162_000, 5_400, fast=81_000, still=13_500
    )


@pytest.mark.parametrize(
    ("beyond", "low", "high"),
    [((10_000, 12_000, 14_000), 107_000, 137_000), ((-14_000, -12_000, -10_000), 79_000, 109_000)],
)
def test_what_left_unexplained_may_have_grown_with_the_flow_or_not(
    beyond: tuple[int, int, int], low: int, high: int
) -> None:
    """SEN-05: of twice the flow, a restrictor makes twice as much, and a leak the same."""
    level = FillDeviation(beyond=Interval(*beyond, Quality.GOOD), explained=54_000)
    flow = Interval(107_000, 108_000, 109_000, Quality.GOOD)
    told = level.correct(flow, watched=True)
    assert told == Interval(low, 108_000 + beyond[1], high, Quality.DEGRADED)
    assert level.correct(flow, watched=False).estimate == 108_000
