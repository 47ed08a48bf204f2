"""The fill level: slopes, balance, and what their errors are worth."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.control import TICKS_PER_S, Interval
from protocol.vocabulary import Quality
from pumpsim.firmware import fill as fills
from pumpsim.firmware.deviation import FillDeviation, limits_of
from pumpsim.firmware.fill import LONG, SHORT, FillLevel
from pumpsim.sensors import default_fit
from pumpsim.streams import Stream
from tests.firmware.usual import CONFIGURATION

MINUTE = 60 * TICKS_PER_S
START_NL = 25_000_000
FLOW = CONFIGURATION.nominal_flow_nl_per_h
LIMITS = limits_of(CONFIGURATION)
FORWARD = Interval(52_700, 54_000, 55_300, Quality.GOOD)
(CHANNEL,) = (channel for channel in default_fit() if channel.name == "fill_level_nl")


class Reservoir:
    """A reservoir that empties at one rate while the pressures explain another."""

    def __init__(self, seed: int = 1, ppm: int = 0) -> None:
        self.fill, self.judged = FillLevel(), FillDeviation()
        self.noise = Stream(seed, "fill")
        self.minute, self.level_nl, self.pumped_nl = 0, float(START_NL), 0.0
        self.period = MINUTE + MINUTE * ppm // 1_000_000

    def run(self, minutes: int, flow: float, explained: float = FLOW) -> None:
        for _ in range(minutes):
            self.minute += 1
            self.level_nl -= flow / 60
            self.pumped_nl += explained / 60
            seen = self.level_nl + CHANNEL.noise_rms * self.noise.noise(self.minute)
            reading = round(seen / CHANNEL.step) * CHANNEL.step
            if self.fill.add(self.minute * self.period, reading, int(self.pumped_nl)):
                self.judged.judge(self.fill, FORWARD, LIMITS)


def test_the_errors_are_six_deviations_and_the_drift() -> None:
    """FLW-02: worked out again from the sensor's data sheet."""
    mean = CHANNEL.noise_rms / math.sqrt(10)
    for buckets in (SHORT, LONG):
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
        assert reservoir.judged == FillDeviation()
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


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("factor", [1.2, 0.8])
def test_volume_that_the_pressures_do_not_explain_is_told(seed: int, factor: float) -> None:
    """FLW-06: both ways; and a flow that they do explain is not, however fast."""
    reservoir = Reservoir(seed)
    reservoir.run(7 * 60, FLOW, FLOW)
    reservoir.run(7 * 60, FLOW * factor, FLOW)
    assert (reservoir.judged.loss, reservoir.judged.rest) == (factor > 1, factor < 1)
    explained = Reservoir(seed)
    explained.run(7 * 60, FLOW, FLOW)
    explained.run(7 * 60, FLOW * factor, FLOW * factor)
    assert (explained.judged.loss, explained.judged.rest) == (False, False)


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
