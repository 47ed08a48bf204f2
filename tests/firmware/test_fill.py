"""The fill level: slopes, balance, and what their errors are worth."""

import math
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.control import TICKS_PER_S, Interval
from protocol.vocabulary import AlarmId, Quality
from pumpsim.firmware import fill as fills
from pumpsim.firmware.conditions import ORDER, evaluate
from pumpsim.firmware.deviation import T_OVER, FillDeviation, Limits, limits_of
from pumpsim.firmware.fill import LONG, SHORT, SLOPE_ERROR_NL_PER_H, FillLevel
from pumpsim.firmware.state import State
from pumpsim.firmware.ticks import HOUR
from pumpsim.sensors import default_fit
from pumpsim.streams import Stream
from tests.firmware.usual import CONFIGURATION

MINUTE = 60 * TICKS_PER_S
START_NL = 25_000_000
FLOW = CONFIGURATION.nominal_flow_nl_per_h
FORWARD = Interval(52_700, 54_000, 55_300, Quality.GOOD)
(CHANNEL,) = (channel for channel in default_fit() if channel.name == "fill_level_nl")


def limits_for(nominal: int) -> Limits:
    return limits_of(CONFIGURATION.model_copy(update={"nominal_flow_nl_per_h": nominal}))


class Reservoir:
    """A reservoir that empties at one rate while the pressures explain another."""

    def __init__(
        self, seed: int = 1, ppm: int = 0, drift_nl_per_h: float = 0, nominal: int = FLOW
    ) -> None:
        self.fill, self.judged = FillLevel(), FillDeviation()
        self.drift_nl_per_h, self.limits = drift_nl_per_h, limits_for(nominal)
        self.noise = Stream(seed, "fill")
        self.minute, self.level_nl, self.pumped_nl = 0, float(START_NL), 0.0
        self.period = MINUTE + MINUTE * ppm // 1_000_000

    def run(self, minutes: int, flow: float, explained: float = FLOW) -> None:
        for _ in range(minutes):
            self.minute += 1
            self.level_nl -= flow / 60
            self.pumped_nl += explained / 60
            drift_nl = self.drift_nl_per_h * self.minute / 60
            seen = self.level_nl + drift_nl + CHANNEL.noise_rms * self.noise.noise(self.minute)
            reading = round(seen / CHANNEL.step) * CHANNEL.step
            if self.fill.add(self.minute * self.period, reading, int(self.pumped_nl)):
                self.judged.judge(self.fill, FORWARD, self.limits)


def test_the_errors_are_six_deviations_and_the_drift() -> None:
    """FLW-02: worked out again from the sensor's data sheet."""
    mean = CHANNEL.noise_rms / math.sqrt(10)
    for buckets in range(SHORT, LONG + 1):
        deviation = 6 * mean * math.sqrt(12 / (buckets * (buckets**2 - 1)))
        error = 6 * deviation + CHANNEL.drift_per_hour
        assert fills.SLOPE_ERROR_NL_PER_H[buckets] == pytest.approx(error, rel=0.01)
    assert 3 * CHANNEL.noise_rms + CHANNEL.step / 2 == fills.LEVEL_ERROR_NL
    assert CHANNEL.drift_limit == fills.DRIFT_NL


@given(seed=st.integers(0, 2**32), ppm=st.integers(-1_000, 1_000), flow=st.integers(0, 200_000))
def test_the_slope_holds_the_flow(seed: int, ppm: int, flow: int) -> None:
    """FLW-01: for any crystal."""
    reservoir = Reservoir(seed, ppm)
    reservoir.run(6 * 60 + 11, flow)
    slope, recent = reservoir.fill.slope, reservoir.fill.recent
    assert slope is not None
    assert recent is not None
    assert slope.low <= flow <= slope.high
    assert recent.low <= flow <= recent.high


@pytest.mark.parametrize("seed", range(5))
def test_thirty_per_cent_are_told_within_six_hours_fifteen_are_not(seed: int) -> None:
    """FLW-02, FLW-04: fill level alone."""
    for factor, over, under in ((1.3, True, False), (0.7, False, True), (1.14, False, False)):
        reservoir = Reservoir(seed)
        reservoir.run(8 * 60, FLOW)
        assert not any(reservoir.judged.save()[:5])
        reservoir.run(6 * 60, FLOW * factor)
        assert (reservoir.judged.over, reservoir.judged.under) == (over, under)


@pytest.mark.parametrize("seed", range(5))
def test_a_free_flow_is_told_within_an_hour_and_a_stop_within_six(seed: int) -> None:
    """FLW-03, FLW-04."""
    fast = Reservoir(seed)
    fast.run(8 * 60 + seed, FLOW)
    fast.run(60, 3 * FLOW)
    assert fast.judged.over
    still = Reservoir(seed)
    still.run(8 * 60 + seed, FLOW)
    still.run(6 * 60, 0)
    assert still.judged.still


SENSORS = st.builds(
    Reservoir,
    seed=st.integers(0, 2**32),
    ppm=st.integers(-1_000, 1_000),
    drift_nl_per_h=st.floats(-1, 1).map(lambda part: part * CHANNEL.drift_per_hour),
)
"""Any sound sensor and any crystal."""
BEFORE = st.integers(7 * 60, 7 * 60 + 9)
"""Minutes at nominal flow: the deviation begins anywhere in a bucket of ten."""


def pieces(low: float, high: float) -> st.SearchStrategy[list[tuple[float, int]]]:
    """Flows, in parts of nominal, and how many minutes each lasts."""
    piece = st.tuples(st.floats(low, high) | st.sampled_from([low, high]), st.integers(1, 120))
    return st.lists(piece, min_size=1, max_size=12)


def told_after(
    reservoir: Reservoir, profile: list[tuple[float, int]], minutes: int, told: str
) -> int | None:
    """Minutes of the profile, the last piece going on, until a deviation is told; None: never."""
    course = [factor for factor, lasts in profile for _ in range(lasts)]
    course += [profile[-1][0]] * minutes
    for minute, factor in enumerate(course[:minutes], 1):
        reservoir.run(1, FLOW * factor)
        if getattr(reservoir.judged, told):
            return minute
    return None


@settings(max_examples=25)
@given(reservoir=SENSORS, before=BEFORE, profile=pieces(1.3, 4.0))
def test_any_excess_at_severity_is_told_by_the_level_within_its_bound(
    reservoir: Reservoir, before: int, profile: list[tuple[float, int]]
) -> None:
    """FLW-02: +30 % and more, however it varies, within T_over_fill."""
    reservoir.run(before, FLOW)
    assert told_after(reservoir, profile, 6 * 60, "over") is not None


@settings(max_examples=25)
@given(reservoir=SENSORS, before=BEFORE, profile=pieces(3.0, 12.0))
def test_any_free_flow_is_told_by_the_level_within_the_hour(
    reservoir: Reservoir, before: int, profile: list[tuple[float, int]]
) -> None:
    """FLW-03: thrice nominal and more, within T_free_fill."""
    reservoir.run(before, FLOW)
    assert told_after(reservoir, profile, 60, "over") is not None


@settings(max_examples=25)
@given(reservoir=SENSORS, before=BEFORE, profile=pieces(0.0, 0.7), stopped=st.booleans())
def test_any_lack_at_severity_is_told_by_the_level_within_its_bound(
    reservoir: Reservoir, before: int, profile: list[tuple[float, int]], *, stopped: bool
) -> None:
    """FLW-04: -30 % and less, and a stop as such, within T_over_fill."""
    reservoir.run(before, FLOW)
    if stopped:
        assert told_after(reservoir, [(0.0, 1)], 6 * 60, "still") is not None
    else:
        assert told_after(reservoir, profile, 6 * 60, "under") is not None


TOLERANCE = CONFIGURATION.tolerance_permille / 1_000


@settings(max_examples=60)
@given(
    reservoir=SENSORS,
    before=BEFORE,
    profile=pieces(0.0, 12.0) | pieces(1 - TOLERANCE, 1 + TOLERANCE),
    told=st.sampled_from(["over", "under"]),
)
def test_the_level_tells_nothing_before_the_integral_is_reached(
    reservoir: Reservoir, before: int, profile: list[tuple[float, int]], told: str
) -> None:
    """FLW-02, FLW-04: an hour at the edge of the tolerance, by volume; inside it, nothing ever.

    That volume went wrong in one stretch of the window. It need not be the last one: a line through
    the window weighs its middle most.
    """
    tells_no_sooner(reservoir, before, profile, told)


def test_a_stop_between_two_floods_is_told_by_a_line_through_all_of_it() -> None:
    """FLW-04: four hours of nothing, told in the flood that follows."""
    course = [(7.0, 33), (3.0, 32), (0.0, 240), (7.0, 46)]
    tells_no_sooner(Reservoir(seed=0), 420, course, "under")


def tells_no_sooner(
    reservoir: Reservoir, before: int, profile: list[tuple[float, int]], told: str
) -> None:
    reservoir.run(before, FLOW)
    minutes = sum(lasts for _, lasts in profile)
    after = told_after(reservoir, profile, minutes, told)
    if after is None:
        return
    side = 1 if told == "over" else -1
    course = [1.0] * before + [factor for factor, lasts in profile for _ in range(lasts)]
    gone = course[: before + after][-6 * 60 - 10 :]
    wrong = (side * (factor - 1) / 60 for factor in gone)
    stretches = accumulate(wrong, lambda before, now: max(before, 0) + now)
    assert max(stretches) >= TOLERANCE * (T_OVER / HOUR)
    assert any(side * (factor - 1) > TOLERANCE for factor in gone)


@settings(max_examples=40)
@given(
    nominal=st.integers(5_000, 500_000),
    seed=st.integers(0, 2**32),
    drift=st.floats(-1, 1),
    profile=pieces(1 - TOLERANCE, 1 + TOLERANCE),
)
def test_no_pump_of_any_flow_is_told_while_it_keeps_its_tolerance(
    nominal: int, seed: int, drift: float, profile: list[tuple[float, int]]
) -> None:
    """FLW-02, FLW-04: a slow pump, too, whose fall is little beside the level's noise."""
    reservoir = Reservoir(seed, 0, drift * CHANNEL.drift_per_hour, nominal)
    for factor, lasts in [*profile, (1.0, 6 * 60)]:
        for _ in range(lasts):
            reservoir.run(1, nominal * factor, nominal)
            judged = reservoir.judged
            assert (judged.over, judged.under, judged.still) == (False, False, False)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("factor", [1.2, 0.8])
def test_volume_that_the_pressures_do_not_explain_is_told(seed: int, factor: float) -> None:
    """FLW-06: both ways; and a flow that they do explain is not, however fast."""
    reservoir = Reservoir(seed)
    reservoir.run(7 * 60, FLOW, FLOW)
    reservoir.run(7 * 60, FLOW * factor, FLOW)
    assert (reservoir.judged.loss, reservoir.judged.rest) == (factor > 1, factor < 1)
    assert reservoir.judged.explained == pytest.approx(FLOW, rel=0.01)
    state = State(configuration=CONFIGURATION, flow=FORWARD, by_fill=reservoir.judged)
    assert evaluate(state, 0)[ORDER.index(AlarmId.BALANCE_FAULT)] is not None
    explained = Reservoir(seed)
    explained.run(7 * 60, FLOW, FLOW)
    explained.run(7 * 60, FLOW * factor, FLOW * factor)
    assert (explained.judged.loss, explained.judged.rest) == (False, False)


UNCERTAIN = (FORWARD.high - FORWARD.low) / 2
"""What the flow's own error leaves open, in nl/h: U_total is that, and the fitted line's."""


@settings(max_examples=40)
@given(
    reservoir=SENSORS,
    before=BEFORE,
    flows=pieces(0.0, 3.0),
    beyond=st.floats(-1.0, 1.0) | st.sampled_from([-0.18, 0.18, -0.02, 0.02]),
)
def test_what_the_pressures_leave_unexplained_is_told_and_nothing_else(
    reservoir: Reservoir, before: int, flows: list[tuple[float, int]], beyond: float
) -> None:
    """FLW-06: whatever the flow does, a leak or a lack of so many parts of nominal beside it."""
    reservoir.run(before, FLOW)
    course = [factor for factor, lasts in flows for _ in range(lasts)] + [1.0] * 6 * 60
    for factor in course[: 6 * 60]:
        reservoir.run(1, FLOW * (factor + beyond), FLOW * factor)
        told = (reservoir.judged.loss, reservoir.judged.rest)
        assert not told[beyond > 0]
        assert not any(told) or abs(beyond) * FLOW > UNCERTAIN
    fitted = SLOPE_ERROR_NL_PER_H[LONG]
    if abs(beyond) * FLOW > UNCERTAIN + 2 * fitted:
        assert (reservoir.judged.loss, reservoir.judged.rest) == (beyond > 0, beyond < 0)


def test_a_gap_starts_the_slopes_anew() -> None:
    """SEN-09: no decision before a window is full again."""
    reservoir = Reservoir()
    reservoir.run(7 * 60, FLOW)
    reservoir.minute += 10
    reservoir.run(6 * 60 - 10, 3 * FLOW)
    assert reservoir.fill.slope is None
    reservoir.run(20, 3 * FLOW)
    assert reservoir.fill.slope is not None


def test_without_pressures_nothing_is_balanced_until_a_window_is_full() -> None:
    """FLW-06."""
    reservoir = Reservoir()
    reservoir.run(7 * 60, FLOW)
    known = [reservoir.fill.loss is not None]
    reservoir.fill.unexplained()
    for minutes in (0, 5 * 60, 70):
        reservoir.run(minutes, FLOW)
        known.append(reservoir.fill.loss is not None)
    assert known == [True, False, False, True]


def test_a_missing_level_is_no_sample() -> None:
    fill = FillLevel()
    assert not fill.add(MINUTE, None, 0)
    assert fill.volume() is None


@pytest.mark.parametrize("level_nl", [0, 1, fills.VOLUME_ERROR_NL, fills.VOLUME_ERROR_NL + 7])
def test_a_reservoir_holds_no_less_than_nothing(level_nl: int) -> None:
    """FLW-01: the level and its error, both ways."""
    fill = FillLevel()
    fill.add(0, level_nl, 0)
    least_nl, most_nl = max(level_nl - fills.VOLUME_ERROR_NL, 0), level_nl + fills.VOLUME_ERROR_NL
    assert fill.volume() == (least_nl, level_nl, most_nl, Quality.GOOD)


@pytest.mark.parametrize(("period", "ends"), [(1, 10), (2, 10), (3, 9), (4, 8), (5, 10)])
def test_a_mean_ends_with_the_sample_nearest_to_ten_minutes(period: int, ends: int) -> None:
    """FLW-02: whatever the sampling period, the slope's error is that of means of ten minutes."""
    fill = FillLevel()
    complete = (at for at in range(0, 60, period) if fill.add(at * MINUTE, START_NL, 0))
    assert next(complete) == ends


def test_the_balance_takes_the_latest_mean() -> None:
    """FLW-06: what left in the last ten minutes is missed at once."""
    fill, judged = FillLevel(), FillDeviation()
    for minute in range(61):
        level_nl = START_NL - (400_000 if minute >= 50 else 0)
        if fill.add(minute * MINUTE, level_nl, 0):
            judged.judge(fill, FORWARD, limits_for(FLOW))
    assert judged.balance.stretch_nl == 400_000
