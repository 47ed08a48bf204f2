"""Patience: what nobody looked at did not hold, however it was before and after (SEN-06)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.vocabulary import AlarmId
from pumpsim.firmware.persistence import AGE_MAX, Persistence
from pumpsim.firmware.ticks import HOUR, MINUTE
from tests.firmware.bench import Bench
from tests.firmware.usual import USUAL

GAPS = st.integers(1, 2 * AGE_MAX) | st.sampled_from([MINUTE, AGE_MAX, AGE_MAX + 1, 2 * HOUR])


@given(
    course=st.lists(st.tuples(GAPS, st.integers(0, 9)), min_size=1, max_size=60),
    most=st.sampled_from([MINUTE, AGE_MAX]),
    duration=st.integers(1, HOUR),
)
def test_a_condition_stands_once_samples_vouch_for_its_time(
    course: list[tuple[int, int]], most: int, duration: int
) -> None:
    """SEN-06, ENV-02: a sample vouches for no more than so much of the time before it."""
    condition, now, vouched = Persistence(most), 0, -1
    for gap, luck in course:
        now += gap
        holds = luck > 0
        condition.feed(now, duration, holds=holds)
        if holds and vouched >= 0:
            vouched += min(gap, most)
        else:
            vouched = 0 if holds else -1
        assert condition.stands == (vouched >= duration)


HOT = {"temperature_mk": 313_400, "reservoir_pressure_pa": 380_000}


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.configure()
    bench.run(5)
    return bench


def test_hours_of_silence_between_hot_samples_are_no_fever(bench: Bench) -> None:
    """SEN-06, ENV-02, FLW-02: nor too much flow."""
    bench.run(2, **HOT)
    bench.wait_until(bench.ticks + 3 * HOUR)
    bench.run(1, **HOT)
    assert not {AlarmId.TEMPERATURE_HIGH, AlarmId.OVER_INFUSION} & set(bench.raised())
    bench.run(60, **HOT)
    assert {AlarmId.TEMPERATURE_HIGH, AlarmId.OVER_INFUSION} <= set(bench.raised())


def test_a_missing_temperature_is_no_fever_that_lasts(bench: Bench) -> None:
    """SEN-06, ENV-02."""
    bench.run(1, **HOT)
    bench.run_screened(70, temperature_mk=None)
    bench.run(10, **HOT)
    assert AlarmId.TEMPERATURE_HIGH not in bench.raised()


@pytest.mark.parametrize("missing", ["reservoir_pressure_pa", "catheter_pressure_pa"])
@pytest.mark.parametrize(
    ("alarm", "changed"),
    [
        (AlarmId.FLOW_STOP, {"catheter_pressure_pa": 347_000}),
        (AlarmId.REVERSE_FLOW, {"catheter_pressure_pa": 360_000}),
        (AlarmId.OVER_INFUSION, {"reservoir_pressure_pa": 690_000, "temperature_mk": 322_150}),
    ],
)
def test_a_missing_sample_and_a_wild_one_are_not_two_wild_ones(
    bench: Bench, alarm: AlarmId, changed: dict[str, int], missing: str
) -> None:
    """FLW-03, FLW-04, FLW-12, SEN-06: two samples are two that were read."""
    changed = {"catheter_pressure_pa": 101_300, **changed}
    bench.run_screened(1, **{missing: None})
    bench.run(1, **changed)
    assert alarm not in bench.raised()
    bench.run(1, **changed)
    assert alarm in bench.raised()


@pytest.mark.parametrize("missing", ["pocket_pressure_pa", "catheter_pressure_pa"])
def test_a_missing_sample_and_a_surge_of_one_are_no_injection(bench: Bench, missing: str) -> None:
    """RES-12, SEN-06."""
    surge_pa = (USUAL.catheter_pressure_pa or 0) + 9_000
    bench.run_screened(1, **{missing: None})
    bench.run_screened(1, catheter_pressure_pa=surge_pa)
    assert AlarmId.BOLUS_PATH_INJECTION not in bench.raised()
    bench.run_screened(1, catheter_pressure_pa=surge_pa)
    assert AlarmId.BOLUS_PATH_INJECTION in bench.raised()


def test_a_surge_whose_first_sample_the_screen_held_is_told_with_the_second(bench: Bench) -> None:
    """RES-12: confirmed, the first one counts."""
    surge_pa = (USUAL.catheter_pressure_pa or 0) + 60_000
    bench.run_screened(1, catheter_pressure_pa=surge_pa)
    assert bench.alarms() == ()
    bench.run_screened(1, catheter_pressure_pa=surge_pa)
    assert AlarmId.BOLUS_PATH_INJECTION in bench.raised()
