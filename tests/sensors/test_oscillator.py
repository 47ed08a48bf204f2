"""The device's own time: exact both ways, wrong by its error and its temperature alone."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpsim.oscillator import NS_PER_S, Oscillator

TICKS_PER_S = 32_768
TURNOVER_K = 298.15
DAY_NS = 86_400 * NS_PER_S
PPM = st.floats(min_value=-1_000, max_value=1_000)
TEMPERATURES = st.floats(min_value=283.15, max_value=323.15)


def running(error_ppm: float = 0.0, temperature_k: float = TURNOVER_K) -> Oscillator:
    oscillator = Oscillator(error_ppm)
    oscillator.update(0, temperature_k)
    return oscillator


def test_a_perfect_crystal_counts_32768_a_second() -> None:
    oscillator = running()
    assert oscillator.ticks(0) == 0
    assert oscillator.ticks(NS_PER_S - 1) == TICKS_PER_S - 1
    assert oscillator.ticks(NS_PER_S) == TICKS_PER_S
    assert oscillator.ticks(3_650 * DAY_NS) == 3_650 * 86_400 * TICKS_PER_S


def test_error_and_temperature_make_it_run_off() -> None:
    fast = running(error_ppm=20.0)
    assert fast.ticks(DAY_NS) == pytest.approx(86_400 * TICKS_PER_S * (1 + 20e-6), abs=1)
    cold = running(temperature_k=TURNOVER_K - 10.0)  # -0.034 ppm/K2 x 100 K2
    assert cold.ticks(DAY_NS) == pytest.approx(86_400 * TICKS_PER_S * (1 - 3.4e-6), abs=1)
    body = running(temperature_k=TURNOVER_K + 12.0)
    assert body.ticks(DAY_NS) == pytest.approx(86_400 * TICKS_PER_S * (1 - 4.896e-6), abs=1)


@given(PPM, TEMPERATURES, st.integers(min_value=1, max_value=10**13))
def test_the_instant_of_a_count_is_the_earliest(ppm: float, kelvin: float, ticks: int) -> None:
    oscillator = running(ppm, kelvin)
    at_ns = oscillator.instant_of(ticks)
    assert at_ns is not None
    assert oscillator.ticks(at_ns) == ticks
    assert oscillator.ticks(at_ns - 1) == ticks - 1


@pytest.mark.slow
@given(PPM, st.lists(st.tuples(st.integers(0, 10**12), TEMPERATURES), max_size=20))
def test_time_never_runs_back(ppm: float, steps: list[tuple[int, float]]) -> None:
    oscillator = running(ppm)
    now_ns = count = 0
    for span_ns, kelvin in steps:
        now_ns += span_ns
        oscillator.update(now_ns, kelvin)
        assert oscillator.ticks(now_ns) >= count
        count = oscillator.ticks(now_ns)


def test_a_month_of_updates_loses_less_than_a_tick() -> None:
    oscillator = running()
    step_ns = 60 * NS_PER_S + 1  # no whole number of ticks
    steps = 44_640
    for number in range(1, steps + 1):
        oscillator.update(number * step_ns, TURNOVER_K)
    exact = steps * step_ns * TICKS_PER_S // NS_PER_S
    assert 0 <= exact - oscillator.ticks(steps * step_ns) <= 1


def test_a_stopped_crystal_stands_and_reaches_no_count() -> None:
    oscillator = running()
    oscillator.stopped = True
    oscillator.update(10 * NS_PER_S, TURNOVER_K)
    assert oscillator.ticks(DAY_NS) == 10 * TICKS_PER_S
    assert oscillator.instant_of(11 * TICKS_PER_S) is None
    oscillator.stopped = False
    oscillator.update(DAY_NS, TURNOVER_K)
    assert oscillator.instant_of(11 * TICKS_PER_S) == DAY_NS + NS_PER_S


def test_a_boot_restarts_the_count_and_leaves_the_clock() -> None:
    oscillator = Oscillator(rtc_start_s=1_800_000_000)
    oscillator.update(0, TURNOVER_K)
    oscillator.boot(100 * NS_PER_S)
    assert oscillator.ticks(100 * NS_PER_S) == 0
    assert oscillator.instant_of(TICKS_PER_S) == 101 * NS_PER_S
    assert oscillator.rtc_s(100 * NS_PER_S) == 1_800_000_100


def test_setting_the_clock_leaves_the_count() -> None:
    oscillator = Oscillator(rtc_valid=False)
    oscillator.update(0, TURNOVER_K)
    oscillator.set_rtc(50 * NS_PER_S, 1_000)
    assert oscillator.rtc_valid
    assert oscillator.rtc_s(51 * NS_PER_S) == 1_001
    assert oscillator.ticks(51 * NS_PER_S) == 51 * TICKS_PER_S


def test_a_frozen_clock_stands_whatever_it_is_set_to_and_goes_on_from_there() -> None:
    """TIM-03: and the count of ticks never noticed."""
    oscillator = Oscillator(rtc_start_s=1_800_000_000)
    oscillator.update(0, TURNOVER_K)
    oscillator.break_rtc(100 * NS_PER_S, "frozen", 0)
    assert [oscillator.rtc_s(s * NS_PER_S) for s in (100, 900)] == [1_800_000_100] * 2
    oscillator.set_rtc(1_000 * NS_PER_S, 1_900_000_000)
    assert oscillator.rtc_s(2_000 * NS_PER_S) == 1_900_000_000
    assert oscillator.ticks(2_000 * NS_PER_S) == 2_000 * TICKS_PER_S
    again = Oscillator(**oscillator.snapshot())
    for each in (oscillator, again):
        each.break_rtc(3_000 * NS_PER_S, "running", 7)
        assert each.rtc_s(3_010 * NS_PER_S) == 1_900_000_017


def test_a_clock_tells_garbage_to_whoever_asks_and_the_same_to_all() -> None:
    oscillator = running()
    oscillator.break_rtc(0, "garbage", 0)
    told = [oscillator.rtc_s(minute * 60 * NS_PER_S) for minute in range(100)]
    assert told == [
        Oscillator(**oscillator.snapshot()).rtc_s(m * 60 * NS_PER_S) for m in range(100)
    ]
    steps = {after - before for before, after in pairwise(told)}
    assert len(steps) == 99
    assert not steps & set(range(1_000))
    oscillator.break_rtc(100 * 60 * NS_PER_S, "running", 0)
    oscillator.set_rtc(100 * 60 * NS_PER_S, 1_000)
    assert oscillator.rtc_s(101 * 60 * NS_PER_S) == 1_060


@given(PPM, TEMPERATURES, st.integers(0, 10**13))
def test_a_snapshot_goes_on(ppm: float, kelvin: float, now_ns: int) -> None:
    oscillator = running(ppm, kelvin)
    oscillator.boot(now_ns)
    again = Oscillator(**oscillator.snapshot())
    later_ns = now_ns + DAY_NS
    again.update(later_ns, kelvin)
    oscillator.update(later_ns, kelvin)
    assert again == oscillator
    assert again.ticks(later_ns) == oscillator.ticks(later_ns) > 0
