"""Bounds of volume and dose, as the status tells them, and where there are none."""

import pytest

from protocol import messages as m
from protocol.vocabulary import Quality, RefillReason
from pumpsim.firmware.store import Store
from tests.firmware.bench import Bench
from tests.firmware.usual import CONFIGURATION, REFILL
from tests.firmware.visits import last_id

DAY = 60 * 24
STATUS_BOUNDS = (
    "delivered_since_refill_between_nl",
    "delivered_total_between_nl",
    "dose_since_refill_between_ng",
    "dose_total_between_ng",
)


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.configure()
    bench.run(DAY)
    return bench


def told(bench: Bench) -> list[m.Bounds | None]:
    status = bench.status()
    return [getattr(status, name) for name in STATUS_BOUNDS]


def refilled(bench: Bench, **changed: object) -> None:
    bench.ask(m.BeginRefill())
    refill = REFILL.model_copy(update={"withdrawn_nl": 26_000_000, **changed})
    commit = m.CommitRefill(
        refill=refill, reason=RefillReason.VERIFY_PUMP, previous_refill_id=last_id(bench)
    )
    assert isinstance(bench.ask(commit), m.Done)
    bench.level_nl = max(bench.level_nl - refill.withdrawn_nl, 0) + refill.filled_nl


def test_a_day_of_good_readings_has_bounds_within_a_few_per_cent(bench: Bench) -> None:
    """DOS-01, FLW-01: of the flow's own width, and of what no needle reaches."""
    status = bench.status()
    values = (
        status.delivered_since_refill_nl,
        status.delivered_total_nl,
        status.dose_since_refill_ng or 0,
        status.dose_total_ng or 0,
    )
    for bounds, value in zip(told(bench), values, strict=True):
        assert bounds is not None
        assert 0.9 * value < bounds.low < 0.99 * value
        assert 1.01 * value < bounds.high < 1.1 * value


def test_a_new_fill_has_bounds_of_its_own(bench: Bench) -> None:
    """DOS-03: the totals go on."""
    before, _, _, _ = told(bench)
    refilled(bench)
    since_nl, total_nl, _, _ = told(bench)
    assert before is not None
    assert since_nl is not None
    assert total_nl is not None
    assert since_nl.high < before.low <= total_nl.low
    assert since_nl.quality is Quality.DEGRADED  # of next to nothing


@pytest.mark.parametrize(
    ("residual_nl", "withdrawn_nl", "least"),
    [(28_000_000, 27_400_000, 0.92), (28_000_000, 14_000_000, 0.41), (None, 26_000_000, 0.87)],
)
def test_what_was_left_behind_thins_a_fill(
    bench: Bench, residual_nl: int | None, withdrawn_nl: int, least: float
) -> None:
    """DOS-01: as much of another drug as the level allows, or what is reckoned without one."""
    if residual_nl is None:
        bench.run(90, fill_level_nl=None)
    refilled(bench, drug="heparin", withdrawn_nl=withdrawn_nl, filled_nl=10_000_000)
    bench.believe()
    bench.run(5 * DAY)
    dose_ng, between = bench.status().dose_total_ng, bench.status().dose_total_between_ng
    assert dose_ng is not None
    assert between is not None
    assert between.low / dose_ng == pytest.approx(least, abs=0.04)


def test_what_no_sample_tells_is_reckoned_from_the_last_one(bench: Bench) -> None:
    """DOS-01: what was left behind thins a fill all the same."""
    bench.wait_until(bench.ticks + 60 * 60 * 32_768 * 2)
    assert bench.status().residual_volume_nl is None
    refilled(bench, drug="heparin", withdrawn_nl=14_000_000, filled_nl=8_000_000)
    bench.believe()
    bench.run(5 * DAY)
    between, dose_ng = bench.status().dose_total_between_ng, bench.status().dose_total_ng
    assert between is not None
    assert dose_ng is not None
    assert between.low < 0.5 * dose_ng


def test_while_liquid_may_be_injected_no_dose_is_bounded(bench: Bench) -> None:
    """RES-12: and afterwards it is again."""
    bench.ask(m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0))
    assert [bounds is None for bounds in told(bench)] == [False, False, True, True]
    bench.ask(m.EndBolusAccess(injected_nl=500_000))
    assert None not in told(bench)


def test_time_that_nobody_has_counted_yet_has_no_bounds(bench: Bench) -> None:
    """RST-03: until the first sample has told."""
    again = bench.reset(down_s=3_600)
    assert told(again) == [None] * 4
    again.run(2)
    assert None not in told(again)


def test_of_totals_that_were_lost_only_a_later_fill_has_bounds(bench: Bench) -> None:
    """NVM-03: what begins anew is no total of the service life; that of a new fill is known."""
    for place in Store(bench.memory).places():
        bench.memory.write(place[20], b"?")
    for _ in range(2):
        bench = Bench(bench.memory)
        assert told(bench) == [None] * 4
    bench.configure()
    bench.run(10)
    since_nl, *others = told(bench)
    assert since_nl is not None
    assert since_nl.low <= bench.status().delivered_since_refill_nl <= since_nl.high
    assert others == [None] * 3


@pytest.mark.parametrize("catheter_pa", [113_700, 347_700, 400_000])
def test_a_gap_widens_the_bounds_by_all_that_may_have_left(bench: Bench, catheter_pa: int) -> None:
    """SEN-06: nothing, or what a fever makes of it; whatever flows, or flows back, after it."""
    before = told(bench)[1]
    bench.wait_until(bench.ticks + 60 * 60 * 24 * 32_768)
    bench.run(1, catheter_pressure_pa=catheter_pa)
    after = told(bench)[1]
    assert before is not None
    assert after is not None
    assert after.low <= before.high
    assert after.high >= before.high + 24 * 1.25 * CONFIGURATION.nominal_flow_nl_per_h
    assert after.quality is Quality.DEGRADED


def test_after_an_injection_that_nobody_announced_no_dose_is_bounded(bench: Bench) -> None:
    """RES-12: so much for sure, and who knows how much; of the volume all is known."""
    bench.run_screened(3, catheter_pressure_pa=160_000)
    assert [bounds is None for bounds in told(bench)] == [False, False, True, True]


def test_another_catheter_may_be_the_same_one(bench: Bench) -> None:
    """RES-11: what it held counts upwards, since a configuration may be mistyped."""
    before = told(bench)[3]
    new = CONFIGURATION.model_copy(update={"catheter_volume_nl": 180_000})
    bench.ask(m.WriteConfiguration(base_config_id=1, configuration=new))
    after = told(bench)[3]
    assert before is not None
    assert after is not None
    assert after.high - before.high >= 170_000 * 5 * 0.9
