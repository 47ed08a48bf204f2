"""What corrects the flow, and channels that contradict each other: bounded, and for the worse."""

import math
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.control import Interval, Readings
from protocol.vocabulary import AlarmId, Quality
from pumpsim.firmware.conditions import ORDER, evaluate
from pumpsim.firmware.crosscheck import CrossCheck
from pumpsim.firmware.fill import LONG
from pumpsim.firmware.flow import FlowModel
from pumpsim.firmware.measure import measure, model_of
from pumpsim.firmware.state import State
from pumpsim.firmware.ticks import MINUTE
from pumpsim.firmware.vapour import reservoir_pressure_pa
from pumpsim.sensors import default_fit
from tests.firmware.bench import Bench
from tests.firmware.usual import CONFIGURATION, USUAL

MODEL: Final = FlowModel(CONFIGURATION, 1_000)
PRESSURES: Final = st.integers(0, 700_000)
TEMPERATURES: Final = st.integers(-(2**31), 2**31) | st.integers(283_150, 323_150)


def viscosity(kelvin: float) -> float:
    """Of water, in uPa s (IAPWS 2008)."""
    terms = ((280.68, -1.9), (511.45, -7.7), (61.131, -19.6), (0.45903, -40.0))
    return math.fsum(a * math.pow(kelvin / 300, b) for a, b in terms)


C_MIN, C_MAX = (viscosity(310.15) / viscosity(kelvin) for kelvin in (283.15, 323.15))
"""At 10 and at 50 degrees Celsius, against 37."""


def estimate(readings: Readings) -> Interval:
    flow = MODEL.estimate(readings)
    assert flow is not None
    return flow


@given(reservoir_pa=PRESSURES, catheter_pa=PRESSURES, temperature_mk=TEMPERATURES)
def test_the_compensation_is_bounded(
    reservoir_pa: int, catheter_pa: int, temperature_mk: int
) -> None:
    """ENV-03: whatever the sensor reads, and 0.1 % for a table between its points."""
    sample = USUAL._replace(reservoir_pressure_pa=reservoir_pa, catheter_pressure_pa=catheter_pa)
    neutral = 54_000 * (reservoir_pa - catheter_pa) / 234_000
    flow = estimate(sample._replace(temperature_mk=temperature_mk))
    least, most = sorted((0.999 * C_MIN * neutral, 1.001 * C_MAX * neutral))
    assert least - 1 <= flow.estimate <= most + 1


@given(reservoir_pa=PRESSURES, catheter_pa=PRESSURES, off_mk=st.integers(-5_000, 5_000))
def test_a_missing_temperature_is_neutral_and_its_bounds_hold_any_within_five_kelvin(
    reservoir_pa: int, catheter_pa: int, off_mk: int
) -> None:
    """ENV-03: the factor is 1, the uncertainty wider, and it holds what any body would give."""
    sample = USUAL._replace(reservoir_pressure_pa=reservoir_pa, catheter_pressure_pa=catheter_pa)
    missing = estimate(sample._replace(temperature_mk=None))
    assert abs(missing.estimate - 54_000 * (reservoir_pa - catheter_pa) / 234_000) <= 1
    known = estimate(sample._replace(temperature_mk=310_150 + off_mk))
    assert missing.low <= known.estimate <= missing.high
    neutral = estimate(sample._replace(temperature_mk=310_150))
    wider = (missing.high - missing.low) - (neutral.high - neutral.low)
    by_pressure = 2_476 * 54_000 // 234_000
    assert wider == pytest.approx(
        (abs(neutral.estimate) + by_pressure) / 5, abs=2
    )  # a tenth, twice


SHEET: Final = {channel.name: channel for channel in default_fit()}
YEARS: Final = 2
"""Between calibrations."""


def off(name: str) -> st.SearchStrategy[float]:
    """All that a sound sensor may be off by: noise, half a step, drift since its calibration."""
    sheet = SHEET[name]
    drift = min(sheet.drift_limit, YEARS * 8_766 * sheet.drift_per_hour)
    most = 3 * sheet.noise_rms + sheet.step / 2 + drift
    return st.sampled_from([-most, most]) | st.floats(-most, most)


@pytest.mark.slow
@settings(max_examples=400)
@given(
    reservoir_pa=st.floats(150_000, 690_000),
    gauge_pa=st.floats(-20_000, 150_000),
    pocket_pa=st.floats(70_000, 145_000),
    kelvin=st.floats(283.5, 322.0),
    restrictor=st.sampled_from([0.99, 1.01]) | st.floats(0.99, 1.01),
    errors=st.tuples(
        off("reservoir_pressure_pa"), off("catheter_pressure_pa"), off("temperature_mk")
    ),
)
def test_the_interval_holds_the_flow_whatever_sound_sensors_read(
    reservoir_pa: float,
    gauge_pa: float,
    pocket_pa: float,
    kelvin: float,
    restrictor: float,
    errors: tuple[float, float, float],
) -> None:
    """FLW-01: all errors of the data sheet at once, at their ends, too; and never too wide."""
    catheter_pa = pocket_pa + gauge_pa
    relative = restrictor * viscosity(310.15) / viscosity(kelvin)
    truth = 54_000 * relative * (reservoir_pa - catheter_pa) / 234_000
    seen = (reservoir_pa, catheter_pa, kelvin * 1_000)
    read = [round(value + error) for value, error in zip(seen, errors, strict=True)]
    flow = estimate(
        USUAL._replace(
            reservoir_pressure_pa=read[0], catheter_pressure_pa=read[1], temperature_mk=read[2]
        )
    )
    assert flow.low <= truth <= flow.high
    width = flow.high - flow.low
    by_pressure = 2_476 * 54_000 / 234_000 * relative * 1.03
    assert width <= 2 * (0.015 * abs(flow.estimate) + by_pressure) + 6
    assert (flow.quality is Quality.GOOD) == (width * 10 <= abs(flow.estimate))


BROKEN: Final = st.sampled_from([None, 283_150, 323_150, 0, 400_000])
"""Missing, at a rail, or beyond it."""


@settings(max_examples=25, deadline=None)
@given(before=st.lists(st.integers(305_000, 315_000), max_size=5), broken=BROKEN)
def test_an_implausible_temperature_is_none_and_not_the_last_one(
    before: list[int], broken: int | None
) -> None:
    """ENV-03: whatever it was before, the flow is that without a temperature."""
    bench = Bench()
    bench.configure()
    for temperature_mk in before:
        bench.run(1, temperature_mk=temperature_mk)
    bench.number = 1  # odd: to every other sample `Bench` adds a step of its own
    bench.run(1, temperature_mk=broken)
    assert bench.logic._state.flow == estimate(USUAL._replace(temperature_mk=None))


def test_a_stuck_temperature_is_believed_for_so_long_only() -> None:
    """ENV-03: not for ever."""
    bench = Bench()
    bench.configure()
    known = []
    for _ in range(120):
        bench.number = 1
        bench.run_screened(1)
        readings = bench.logic._state.readings
        assert readings is not None
        known.append(readings.temperature_mk is not None)
    assert known[0]
    assert not any(known[90:])


@given(
    driving_pa=st.integers(-20_000, 300_000),
    temperature_mk=st.integers(300_000, 316_000),
    errors=st.tuples(*(st.sampled_from([-most, 0, most]) for most in (1_163, 1_313, 165))),
)
def test_truth_lies_inside_while_every_sensor_errs_as_declared(
    driving_pa: int, temperature_mk: int, errors: tuple[int, int, int]
) -> None:
    """FLW-01: noise, half a step and two years' drift of each, at whatever flow."""
    neutral = 54_000 * driving_pa / 234_000
    truth = neutral * viscosity(310.15) / viscosity(temperature_mk / 1_000)
    flow = estimate(
        USUAL._replace(
            reservoir_pressure_pa=100_000 + driving_pa + errors[0],
            catheter_pressure_pa=100_000 + errors[1],
            temperature_mk=temperature_mk + errors[2],
        )
    )
    assert flow.low <= truth <= flow.high


# ---- channels that contradict each other

LIMIT_PA: Final = 5_000
EXCESSES: Final = st.none() | st.sampled_from(
    [-20_000, -LIMIT_PA - 1, -LIMIT_PA, 0, LIMIT_PA, LIMIT_PA + 1, 20_000]
)


@given(
    st.lists(st.tuples(EXCESSES, st.integers(1, 9)), min_size=1, max_size=10),
    st.integers(290_000, 318_000),
    st.integers(CONFIGURATION.low_volume_nl + 1, CONFIGURATION.capacity_nl)
    | st.integers(CONFIGURATION.capacity_nl, CONFIGURATION.capacity_nl * 11 // 10)
    | st.none(),
)
def test_a_conflict_stands_after_an_hour_without_a_break(
    course: list[tuple[int | None, int]], temperature_mk: int, level_nl: int | None
) -> None:
    """SEN-05, RES-08: pressure against temperature, at any level; a long gap is not vouched for."""
    expected_pa = reservoir_pressure_pa(CONFIGURATION, temperature_mk, level_nl)
    check = CrossCheck()
    seen: list[tuple[int, int]] = []  # (minute, excess)
    excesses = [excess for excess, looks in course for _ in range(looks)]
    for number, excess_pa in enumerate(excesses):
        pressure_pa = None if excess_pa is None else expected_pa + excess_pa
        sample = USUAL._replace(
            reservoir_pressure_pa=pressure_pa, temperature_mk=temperature_mk, fill_level_nl=level_nl
        )
        check.feed(number * 10 * MINUTE, sample, CONFIGURATION)
        if excess_pa is not None:
            seen.append((number * 10, excess_pa))
        for side, told in ((-1, check.low.stands), (1, check.high.stands)):
            calm = [at for at, (_, excess) in enumerate(seen) if excess * side <= LIMIT_PA]
            run = [at for at, _ in seen[calm[-1] + 1 if calm else 0 :]]
            vouched = sum(min(after - before, 15) for before, after in pairwise(run))
            assert told == (vouched >= 60)
        assert check.doubtful == (bool(seen) and abs(seen[-1][1]) > LIMIT_PA)


@pytest.mark.parametrize("by_pressure", [False, True])
@pytest.mark.parametrize("by_level", [False, True])
def test_either_channel_alone_raises_a_flow_alarm(*, by_pressure: bool, by_level: bool) -> None:
    """SEN-05: of two that disagree the worse one counts."""
    flow = Interval(53_000, 54_000, 55_000, Quality.GOOD)
    state = State(configuration=CONFIGURATION, flow=flow)
    state.deviation.over_infusion = state.deviation.under_infusion = by_pressure
    state.deviation.stop = by_pressure
    state.by_fill.over = state.by_fill.under = state.by_fill.still = by_level
    told = dict(zip(ORDER, evaluate(state, 0), strict=True))
    for alarm in (AlarmId.OVER_INFUSION, AlarmId.UNDER_INFUSION, AlarmId.FLOW_STOP):
        assert (told[alarm] is not None) == (by_pressure or by_level)


FLOWS: Final = st.tuples(st.integers(-10_000, 200_000), st.integers(1, 50_000)).map(
    lambda pair: Interval(pair[0] - pair[1], pair[0], pair[0] + pair[1], Quality.GOOD)
)


@given(slope=FLOWS, beyond=FLOWS, outlet_pa=st.integers(0, 347_000), level=st.booleans())
def test_an_estimate_holds_both_channels_and_dates_go_by_the_faster(
    slope: Interval, beyond: Interval, outlet_pa: int, *, level: bool
) -> None:
    """SEN-05, RES-03: the interval is as wide as they disagree."""
    level_nl = 20_000_000 if level else None
    sample = USUAL._replace(catheter_pressure_pa=outlet_pa, fill_level_nl=level_nl)
    state = State(configuration=CONFIGURATION, readings=sample, now=MINUTE)
    state.fill.slope, state.by_fill.loss = slope, True
    state.by_fill.beyond, state.by_fill.explained = beyond, slope.estimate - beyond.estimate
    state.by_fill.stood = LONG
    model = model_of(state)
    assert model is not None
    measure(state, model, MINUTE, [])
    flow, pressures = state.flow, estimate(sample)
    assert flow is not None
    for added in (0, beyond.low, beyond.high):
        assert flow.low <= pressures.low + added
        assert flow.high >= pressures.high + added
    if level:
        assert flow.estimate == max(flow.low, pressures.estimate + beyond.estimate)
    else:
        assert flow.estimate == pressures.estimate
    assert flow.quality is Quality.DEGRADED
    assert state.fastest_flow_nl_per_h() >= max(slope.high, pressures.high)
    state.by_fill.stood = LONG - 1
    assert state.fastest_flow_nl_per_h() == max(slope.high, flow.estimate)
