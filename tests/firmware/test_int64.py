"""DOS-10: no intermediate leaves 64 bits, whatever is configured, declared or read in its range.

The firmware reckons with integers that say so when one of them gets too long. Temperatures go in
as they are: what is looked up by them is remembered, and shall not remember a test.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from math import floor
from typing import Final

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import Event, Readings
from pumpsim.firmware.account import MAX_DOSE_FG, Account
from pumpsim.firmware.amounts import dissolved_fg, pumped
from pumpsim.firmware.dose_limit import DoseLimit, Series
from pumpsim.firmware.dose_window import (
    FINEST_NL,
    MAX_FG,
    MAX_LIMIT_FG,
    allowed_fg,
    allowed_volume,
)
from pumpsim.firmware.exchange import Found
from pumpsim.firmware.flow import FlowModel, fastest_flow, viscosity_npa_s
from pumpsim.firmware.measure import Model, measure, model_of
from pumpsim.firmware.screen import CHANNELS
from pumpsim.firmware.state import State
from pumpsim.firmware.ticks import HOUR, MINUTE, from_s
from tests.firmware.int64 import WIDEST, Int64, Wrapping
from tests.firmware.usual import CONFIGURATION, REFILL, USUAL

SERVICE_LIFE: Final = from_s(m.MAX_DURATION_S)
"""Ten years."""
HIGHEST_PA: Final = 700_000


def bounds(kind: type[m.Part], name: str) -> tuple[int, int]:
    """The least and the largest value that a field is declared to take."""
    declared = kind.model_fields[name].metadata
    lowest = max(getattr(each, "ge", 0) for each in declared)
    lowest = max(lowest, *(getattr(each, "gt", -1) + 1 for each in declared))
    return lowest, min(getattr(each, "le", m.MAX_SAFE) for each in declared)


def within(lowest: int, highest: int) -> st.SearchStrategy[int]:
    """Anything in the range, and its ends often."""
    return st.sampled_from([lowest, highest]) | st.integers(lowest, highest)


NUMBERS: Final = {
    name: bounds(m.Configuration, name)
    for name, field in m.Configuration.model_json_schema()["properties"].items()
    if field.get("type") == "integer"
}
VOLUMES: Final = ("empty_volume_nl", "low_volume_nl", "capacity_nl")
READ: Final = {channel.name: (channel.lowest, channel.highest) for channel in CHANNELS}
COLDEST_MK, HOTTEST_MK = READ["temperature_mk"]
USUAL_NUMBERS: Final = {name: getattr(CONFIGURATION, name) for name in NUMBERS}


def configured(numbers: dict[str, int]) -> m.Configuration:
    """A configuration that watches what is reckoned with it."""
    watched = {
        name: number if name == "calibration_temperature_mk" else Int64(number)
        for name, number in numbers.items()
    }
    return CONFIGURATION.model_copy(update=watched)


def acceptable(numbers: dict[str, int]) -> dict[str, int]:
    """The same, with the volumes in their order and a flow that is not refused."""
    empty_nl, low_nl, capacity_nl = sorted(numbers[name] for name in VOLUMES)
    capacity_nl = max(capacity_nl, 2)
    low_nl = min(max(low_nl, 1), capacity_nl - 1)
    ordered = zip(VOLUMES, (min(empty_nl, low_nl - 1), low_nl, capacity_nl), strict=True)
    flow = numbers["calibration_flow_nl_per_h"]
    least_pa = -(-flow * HIGHEST_PA // m.MAX_FLOW_NL_PER_H)
    pressure_pa = max(numbers["calibration_pressure_pa"], least_pa)
    return {**numbers, **dict(ordered), "calibration_pressure_pa": pressure_pa}


def sampled(numbers: dict[str, int | None]) -> Readings:
    """Likewise a sample."""
    watched = {
        name: number if number is None or name == "temperature_mk" else Int64(number)
        for name, number in numbers.items()
    }
    return USUAL._replace(**watched)  # type: ignore[arg-type]


def accepted(configuration: m.Configuration) -> bool:
    """What a pump would not refuse to be configured as."""
    ordered = (
        configuration.empty_volume_nl < configuration.low_volume_nl < configuration.capacity_nl
    )
    return ordered and fastest_flow(configuration) <= m.MAX_FLOW_NL_PER_H


ACCEPTABLE: Final = st.fixed_dictionaries(
    {name: within(*ends) for name, ends in NUMBERS.items()}
).map(acceptable)


# ---- the watch itself


def test_what_64_bits_do_not_hold_is_noticed() -> None:
    top = Int64(WIDEST - 1)
    overflows: tuple[Callable[[], int], ...] = (
        lambda: top + 1,
        lambda: 2 * top,
        lambda: -2 - top,
        lambda: 1 - Int64(-WIDEST),
        lambda: -Int64(-WIDEST),
        lambda: Int64(1) << 63,
        lambda: divmod(7 * Int64(2**62 // 7), 3)[0] * 7,
    )
    for longer in overflows:
        with pytest.raises(OverflowError):
            longer()
    assert Wrapping(3) - top + top == 3
    assert (-top - 1, top // 3 * 3 + top % 3, abs(-top)) == (-WIDEST, top, top)


# ---- products

INT64: Final = st.integers(-WIDEST, WIDEST - 1)


@given(INT64, st.integers(0, WIDEST - 1), st.integers(0, HOUR - 1))
def test_a_volume_is_the_plain_product(flow_nl_per_h: int, elapsed: int, remainder: int) -> None:
    """DOS-10: to the last tick, however the hours are set apart."""
    plain = divmod(flow_nl_per_h * elapsed + remainder, HOUR)
    assert pumped(flow_nl_per_h, elapsed, remainder) == plain
    assert pumped(flow_nl_per_h, elapsed) == pumped(flow_nl_per_h, elapsed, 0)


@given(*[st.integers(0, WIDEST - 1) | st.integers(0, 2**32)] * 3)
def test_a_dose_is_the_plain_product_up_to_its_end(volume: int, each: int, most: int) -> None:
    """DOS-07, DOS-10."""
    assert dissolved_fg(Int64(volume), Int64(each), Int64(most)) == min(volume * each, most)


# ---- flow


def check_flow(configuration: m.Configuration, permille: int, readings: Readings) -> None:
    """It fits, and is what exact fractions make of the same calibration point, rounded down."""
    model = FlowModel(configuration, Int64(permille))
    flow = model.estimate(readings)
    assert flow is not None
    reservoir_pa, catheter_pa = readings.reservoir_pressure_pa, readings.catheter_pressure_pa
    temperature_mk = readings.temperature_mk
    assert reservoir_pa is not None
    assert catheter_pa is not None
    assert temperature_mk is not None
    thinner = Fraction(
        viscosity_npa_s(configuration.calibration_temperature_mk), viscosity_npa_s(temperature_mk)
    ) * Fraction(1_000, permille)
    per_pa = thinner * Fraction(
        int(configuration.calibration_flow_nl_per_h), int(configuration.calibration_pressure_pa)
    )
    assert flow.estimate == floor(per_pa * (int(reservoir_pa) - int(catheter_pa)))
    error = floor(per_pa * 2_476) + 1
    error += (abs(int(flow.estimate)) + error) * 15_000 // 1_000_000 + 1
    assert (flow.estimate - flow.low, flow.high - flow.estimate) == (error, error)


CALIBRATION: Final = tuple(
    (name, NUMBERS[name])
    for name in (
        "calibration_flow_nl_per_h",
        "calibration_pressure_pa",
        "calibration_temperature_mk",
    )
)


def extremes() -> Iterator[tuple[dict[str, int], int]]:
    """Every corner of the calibration point and the fill that is not refused."""
    names = [name for name, _ in CALIBRATION]
    viscosities = bounds(m.Refill, "viscosity_permille")
    for *ends, permille in product(*(ends for _, ends in CALIBRATION), viscosities):
        numbers = dict(zip(names, ends, strict=True))
        yield acceptable({**USUAL_NUMBERS, **numbers}), permille


@pytest.mark.parametrize(("numbers", "permille"), [*extremes()])
def test_no_flow_at_the_ends_of_all_ranges_overflows(
    numbers: dict[str, int], permille: int
) -> None:
    """DOS-10."""
    for reservoir_pa, catheter_pa, temperature_mk in product(
        READ["reservoir_pressure_pa"], READ["catheter_pressure_pa"], READ["temperature_mk"]
    ):
        read: dict[str, int | None] = {
            "reservoir_pressure_pa": reservoir_pa,
            "catheter_pressure_pa": catheter_pa,
            "temperature_mk": temperature_mk,
        }
        check_flow(configured(numbers), permille, sampled(read))


@pytest.mark.slow
@given(
    ACCEPTABLE,
    within(*bounds(m.Refill, "viscosity_permille")),
    st.fixed_dictionaries({name: within(*ends) for name, ends in READ.items()}),
)
def test_no_flow_within_the_ranges_overflows(
    numbers: dict[str, int], permille: int, read: dict[str, int | None]
) -> None:
    """DOS-10: and exact fractions agree to the nanolitre."""
    check_flow(configured(numbers), permille, sampled(read))


@given(within(COLDEST_MK, HOTTEST_MK))
def test_no_viscosity_overflows(temperature_mk: int) -> None:
    """DOS-10."""
    assert viscosity_npa_s.__wrapped__(Int64(temperature_mk)) == viscosity_npa_s(temperature_mk)


def test_the_largest_excess_on_top_of_the_largest_sum_fits() -> None:
    """DOS-10: all that a dose can ever be, at once, and another drug is at the tip by then."""
    series = Series("FUDR", Int64(m.MAX_DISSOLVED_NG_PER_ML), 1, 1, 0, Int64(MAX_FG))
    account = Account(doses_fg={"FUDR": Int64(MAX_DOSE_FG)})
    DoseLimit(series=[series]).feed(0, 0, account)
    assert (series.exceeded, series.sum_fg) == (True, MAX_FG)


# ---- everything that a sample leads to


@given(
    within(*NUMBERS["nominal_flow_nl_per_h"]),
    within(*NUMBERS["dose_limit_permille"]),
    within(1, m.MAX_CONCENTRATION_NG_PER_ML),
    within(1, m.MAX_PLAN * m.MAX_DURATION_S),
)
def test_a_dose_limit_is_the_plain_product_up_to_its_end(
    nominal: int, permille: int, concentration: int, prescribed_s: int
) -> None:
    """DOS-10, DOS-02."""
    numbers = {"nominal_flow_nl_per_h": nominal, "dose_limit_permille": permille}
    volume = allowed_volume(configured(USUAL_NUMBERS | numbers), Int64(prescribed_s))
    plain_fg = nominal * concentration * (permille - 1_000) * prescribed_s // 3_600_000
    plain_fg = max(min(plain_fg, MAX_LIMIT_FG), FINEST_NL * concentration)
    assert allowed_fg(volume, Int64(concentration)) == plain_fg


def watched(configuration: m.Configuration, refill: m.Refill) -> tuple[State, Model]:
    """A pump that was configured and filled so."""
    state = State(configuration=configuration)
    state.account.balance = Wrapping(0)
    state.account.prime(configuration.catheter_volume_nl)
    state.refills.begin(0, Found(0, 0))
    state.refills.commit(0, m.CommitRefill(refill=refill), configuration)
    state.account.refilled(refill.drug, refill.concentration_ng_per_ml)
    state.dose_limit.refilled(state.account)
    state.dose_limit.limit(configuration)
    model = model_of(state)
    assert model is not None
    return state, model


ELAPSED: Final = st.sampled_from([MINUTE, 10 * MINUTE, HOUR, SERVICE_LIFE]) | st.integers(
    0, SERVICE_LIFE
)
SAMPLE: Final = st.fixed_dictionaries(
    {name: st.none() | within(*ends) for name, ends in READ.items()}
)
PLANS: Final = st.lists(
    st.builds(
        m.PlanStep,
        drug=st.just(REFILL.drug),
        duration_s=within(*bounds(m.PlanStep, "duration_s")),
    ),
    max_size=m.MAX_PLAN,
).map(tuple)
FASTEST: Final = {name: highest for name, (_, highest) in NUMBERS.items()} | {
    "calibration_pressure_pa": HIGHEST_PA,
    "calibration_temperature_mk": COLDEST_MK,
    "low_volume_nl": 2,
    "empty_volume_nl": 1,
}
FULL: Final[dict[str, int | None]] = {
    **{name: highest for name, (_, highest) in READ.items()},
    "catheter_pressure_pa": 0,
    "fill_level_nl": 2 * m.MAX_VOLUME_NL,
}
LONGEST_PLAN: Final = (m.PlanStep(drug=REFILL.drug, duration_s=m.MAX_DURATION_S),) * m.MAX_PLAN


@pytest.mark.slow
@settings(deadline=None)
@given(
    numbers=ACCEPTABLE,
    plan=PLANS,
    permille=within(*bounds(m.Refill, "viscosity_permille")),
    concentration=within(0, m.MAX_DISSOLVED_NG_PER_ML),
    samples=st.lists(st.tuples(ELAPSED, SAMPLE), max_size=12),
)
@example(
    numbers=FASTEST,
    plan=LONGEST_PLAN,
    permille=500,
    concentration=m.MAX_DISSOLVED_NG_PER_ML,
    samples=[(HOUR, FULL), (HOUR, FULL), (SERVICE_LIFE - 2 * HOUR, FULL | {"fill_level_nl": 1})],
)
def test_no_sample_overflows(
    numbers: dict[str, int],
    plan: tuple[m.PlanStep, ...],
    permille: int,
    concentration: int,
    samples: list[tuple[int, dict[str, int | None]]],
) -> None:
    """DOS-10: flow, balance, volume, dose, limits and dates, ten years after the last one, too."""
    configuration = configured(numbers).model_copy(update={"plan": plan})
    assert accepted(configuration)
    refill = REFILL.model_copy(
        update={
            "viscosity_permille": Int64(permille),
            "concentration_ng_per_ml": Int64(concentration),
        }
    )
    state, model = watched(configuration, refill)
    for elapsed, read in samples:
        state.now += Int64(elapsed)
        assume(state.now <= SERVICE_LIFE)
        state.readings = sampled(read)
        events: list[Event] = []
        measure(state, model, Int64(elapsed), events)
        state.volume = state.fill.volume()
        assert state.account.balanced()
        assert state.account.total_nl < WIDEST
        assert abs(state.explained_nl) < WIDEST
    state.account.refilled(refill.drug, refill.concentration_ng_per_ml)
    assert state.account.balanced()


@given(st.integers(0, 2**40), st.integers(0, HOUR - 1))
def test_what_is_in_doubt_is_rounded_up(flow_nl_per_h: int, elapsed: int) -> None:
    """SEN-05: a part of a nanolitre is no less in doubt."""
    account = Account()
    account.disagree(elapsed, flow_nl_per_h)
    assert account.uncertain_nl == -(-flow_nl_per_h * elapsed // HOUR)
