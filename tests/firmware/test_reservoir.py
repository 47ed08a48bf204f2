"""Low, empty and reverse flow, whatever the sensors read while they keep their declared error."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, Priority
from pumpsim.firmware.fill import VOLUME_ERROR_NL
from tests.firmware.bench import Bench
from tests.firmware.usual import CONFIGURATION

LOW, EMPTY = AlarmId.LOW_RESERVOIR, AlarmId.EMPTY_RESERVOIR
LOW_NL, EMPTY_NL = CONFIGURATION.low_volume_nl, CONFIGURATION.empty_volume_nl
ERROR_NL = 247_500
"""All that a sound level sensor may be off by: noise, half a step, and two years' drift."""
MARGIN_NL = 300_000
"""Parameter V_low_margin, and as much for the alarm to end."""
ERRORS = st.integers(-ERROR_NL, ERROR_NL) | st.sampled_from([-ERROR_NL, ERROR_NL])
VOLUMES = (
    st.integers(0, 6_000_000)
    | st.sampled_from([limit_nl + off for limit_nl in (LOW_NL, EMPTY_NL) for off in (-1, 0, 1)])
    | st.integers(ERROR_NL, 30_000_000)
)


def configured() -> Bench:
    bench = Bench()
    bench.configure()
    return bench


def read(bench: Bench, level_nl: int) -> set[AlarmId]:
    """Take a sample of that level, and say which of the two alarms stand."""
    bench.number = 1  # odd: to every other sample `Bench` adds a step of its own
    bench.run(1, fill_level_nl=max(level_nl, 1))
    return {alarm.alarm for alarm in bench.alarms() if alarm.present} & {LOW, EMPTY}


@settings(max_examples=40, deadline=None)
@given(course=st.lists(st.tuples(VOLUMES, ERRORS), min_size=1, max_size=12))
def test_low_and_empty_are_never_late_by_more_than_their_margin(
    course: list[tuple[int, int]],
) -> None:
    """RES-01: for any true volume and any error in the declaration; nor far too early."""
    bench = configured()
    stood: set[AlarmId] = set()
    for volume_nl, error_nl in course:
        stands = read(bench, volume_nl + error_nl)
        for alarm, limit_nl in ((LOW, LOW_NL), (EMPTY, EMPTY_NL)):
            if volume_nl <= limit_nl:
                assert alarm in stands
            slack_nl = MARGIN_NL if alarm in stood else 0
            if volume_nl > limit_nl + 2 * ERROR_NL + slack_nl:
                assert alarm not in stands
        stood = stands


@pytest.mark.parametrize(("alarm", "limit_nl"), [(LOW, LOW_NL), (EMPTY, EMPTY_NL)])
def test_low_and_empty_begin_at_their_limit_and_end_beyond_the_margin(
    alarm: AlarmId, limit_nl: int
) -> None:
    """RES-01: by the least that may be left, to the nanolitre; noise ends neither."""
    bench = configured()
    stands = [
        alarm in read(bench, limit_nl + ERROR_NL + beyond_nl)
        for beyond_nl in (1, 0, MARGIN_NL, MARGIN_NL + 1)
    ]
    assert stands == [False, True, True, False]


@settings(max_examples=40, deadline=None)
@given(levels=st.lists(VOLUMES, min_size=1, max_size=12))
def test_empty_is_never_told_without_low(levels: list[int]) -> None:
    """RES-02: over any jumps, first or in the same tick; both stand, both are logged."""
    bench = configured()
    told: set[AlarmId] = set()
    for level_nl in levels:
        bench.outcomes.clear()
        stands = read(bench, level_nl)
        assert EMPTY not in stands or LOW in stands
        for event in (event for outcome in bench.outcomes for event in outcome.events):
            if event.kind is EventKind.ALARM_RAISED and event.subject in {LOW, EMPTY}:
                told.add(AlarmId(event.subject))
                assert LOW in told
            elif event.kind is EventKind.ALARM_ENDED:
                told.discard(AlarmId(event.subject))
        assert stands <= told
        if EMPTY in stands:
            assert max(a.priority for a in bench.alarms() if a.alarm in stands) is Priority.HIGH


@pytest.mark.parametrize(("alarm", "limit_nl"), [(LOW, LOW_NL), (EMPTY, EMPTY_NL)])
def test_noise_ends_neither(alarm: AlarmId, limit_nl: int) -> None:
    """RES-01, OCC-07: what is low stays so until it is surely more than it was."""
    bench = configured()
    at_nl = limit_nl + VOLUME_ERROR_NL
    for over_nl, stands in ((0, True), (MARGIN_NL, True), (MARGIN_NL + 1, False), (1, False)):
        assert (alarm in read(bench, at_nl + over_nl)) == stands
    assert alarm in read(bench, at_nl)


# ---- reverse flow

SURELY_PA = 2_570
"""Both pressure sensors together are off by 2,476 Pa, and the restrictor and viscosity by 1.5 %."""
STEPS = st.lists(
    st.tuples(st.integers(-200_000, 200_000), st.integers(1, 4)), min_size=1, max_size=6
)


@settings(max_examples=40, deadline=None)
@given(course=STEPS, window=st.booleans())
@example(course=[(0, 2), (-2_571, 1), (-22_596, 2)], window=False)
@example(course=[(0, 2), (20_025, 1), (-20_000, 3)], window=False)
def test_reverse_flow_is_told_with_the_second_sample(
    course: list[tuple[int, int]], *, window: bool
) -> None:
    """FLW-12: however far the pressures jump; never while liquid runs forwards, nor in a window."""
    bench = configured()
    bench.run(2)
    if window:
        assert bench.ask(m.BeginRefill()) == m.Done()
    reversed_samples, may_stand = 0, False
    for driving_pa, samples in course:
        for _ in range(samples):
            bench.run_screened(
                1, reservoir_pressure_pa=330_000, catheter_pressure_pa=330_000 - driving_pa
            )
            reversed_samples = reversed_samples + 1 if driving_pa < -SURELY_PA else 0
            may_stand = may_stand or driving_pa < 0
            raised = bench.raised()
            told = AlarmId.REVERSE_FLOW in raised
            blind = window or AlarmId.SENSOR_FAULT in raised  # spikes again and again
            assert told or blind or reversed_samples < 2
            assert may_stand or not told
            assert not (told and window)


STILL_PA, REVERSED_PA, HIGH_PA, LOW_PA = 330_000, 332_800, 372_800, 290_000
"""Pressures: that of the other side, a little above it, and one jump from it to either side."""


@pytest.mark.parametrize(
    "course",
    [
        pytest.param([(STILL_PA, LOW_PA), (STILL_PA, HIGH_PA), (STILL_PA, LOW_PA)], id="spike"),
        pytest.param([(STILL_PA, HIGH_PA), (LOW_PA, STILL_PA)], id="two spikes"),
        pytest.param([(STILL_PA, HIGH_PA), (STILL_PA, None), (STILL_PA, STILL_PA)], id="forgotten"),
        pytest.param([(STILL_PA, REVERSED_PA), *[(STILL_PA, LOW_PA)] * 2], id="jump back"),
        pytest.param([(STILL_PA, REVERSED_PA), *[(STILL_PA, None)] * 3], id="missing"),
        pytest.param(
            [(STILL_PA, REVERSED_PA), *[(STILL_PA, None)] * 3, (STILL_PA, HIGH_PA)], id="faulty"
        ),
    ],
)
def test_one_reversed_sample_is_no_reverse_flow(course: list[tuple[int, int | None]]) -> None:
    """FLW-12, SEN-04: what jumps alone, is missing or comes from a broken sensor is no second."""
    bench = configured()
    for reservoir_pa, catheter_pa in [*[(STILL_PA, STILL_PA)] * 2, *course]:
        bench.run_screened(1, reservoir_pressure_pa=reservoir_pa, catheter_pressure_pa=catheter_pa)
        assert AlarmId.REVERSE_FLOW not in bench.raised()


@pytest.mark.parametrize("between", [0, 1, 2])
def test_a_confirmed_jump_is_the_first_reversed_sample(between: int) -> None:
    """FLW-12: and the one that confirms it the second, whatever is missing between them."""
    bench = configured()
    for catheter_pa in (STILL_PA, STILL_PA, HIGH_PA, *[None] * between):
        bench.run_screened(1, reservoir_pressure_pa=STILL_PA, catheter_pressure_pa=catheter_pa)
        assert AlarmId.REVERSE_FLOW not in bench.raised()
    bench.run_screened(1, reservoir_pressure_pa=STILL_PA, catheter_pressure_pa=HIGH_PA)
    assert AlarmId.REVERSE_FLOW in bench.raised()
