"""Dose limits as they are met in life: a drug that changes, a fast pump, resets."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.testing.desk import Desk
from hil.testing.steady import CONFIGURATION as DESK
from protocol import messages as m
from protocol.control import TICKS_PER_S
from protocol.vocabulary import AlarmId, RefillReason
from pumpsim import pumpfile
from pumpsim.device import Device
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.account import MAX_DOSE_FG, Account
from pumpsim.firmware.dose_limit import DoseLimit
from pumpsim.firmware.dose_window import MAX_FG, MAX_LIMIT_FG
from pumpsim.firmware.ticks import MINUTE, from_s
from tests.firmware.bench import DAY, Bench
from tests.firmware.in_use import alarms_of
from tests.firmware.usual import CONFIGURATION, REFILL
from tests.firmware.watched import CONCENTRATION, NOMINAL, PLAN, Watched, configured

PUMPS = Path(__file__).parents[2] / "pumps"


@pytest.mark.parametrize(
    ("plan", "between_min"), [((), 100), ((), 700), (PLAN, 170)], ids=["soon", "late", "planned"]
)
@pytest.mark.parametrize(
    "fills",
    [(5_000, 1_250), (5_000, 2_500, 1_250, 5_000), (1_250, 5_000), (1_000, 1_000, 5_000, 2_000)],
)
def test_a_pump_that_is_fast_within_its_limits_is_calm_whatever_is_filled(
    fills: tuple[int, ...], plan: tuple[m.PlanStep, ...], between_min: int
) -> None:
    """DOS-02: also where one is declared before the last one is at the tip."""
    watched = Watched(configured(plan=plan), catheter_nl=170_000)
    for concentration in fills:
        watched.fill("FUDR", concentration)
        assert not watched.run(between_min, NOMINAL * 1_100 // 1_000)


@pytest.mark.parametrize("permille", [1_000, 1_050])
def test_a_change_of_drug_is_no_excess(permille: int) -> None:
    """DOS-02, RES-11: the old drug in the catheter is prescribed until it has left.

    It leaves in the middle of a minute, and the next one may be far thinner.
    """
    watched = Watched(configured(permille), catheter_nl=170_000)
    for drug, concentration in (
        ("FUDR", 5_000),
        ("heparin", 9_000),
        ("FUDR", 7_000),
        ("FUDR", 4_000),
        ("FUDR", 80),
        ("saline", 0),
    ):
        watched.fill(drug, concentration)
        assert not watched.run(2 * 1_440)


@pytest.mark.parametrize(("permille", "thinner"), [(1_080, 4), (1_130, 2), (1_020, 50)])
def test_what_was_prescribed_before_a_thinner_fill_is_no_excess(
    permille: int, thinner: int
) -> None:
    """DOS-02: a dose that is reduced, in a pump that runs fast within its tolerance."""
    watched = Watched(configured(), catheter_nl=170_000)
    for concentration in (5_000, 5_000 // thinner):
        watched.fill("FUDR", concentration)
        assert not watched.run(9 * 1_440, NOMINAL * permille // 1_000)


def test_a_thin_plug_is_not_the_last_of_a_denser_one() -> None:
    """DOS-02: what is at the tip is of the last concentration, and denser liquid is behind it."""
    watched = Watched(configured(), catheter_nl=170_000)
    for concentration, minutes in ((5_000, 1_440), (1_000, 10), (5_000, 40), (1_000, 600)):
        watched.fill("FUDR", concentration)
        assert not watched.run(minutes, NOMINAL * 1_080 // 1_000)


def test_of_a_flow_of_few_nanolitres_a_minute_no_part_is_lost() -> None:
    """DOS-02, DOS-10: what is allowed of it in a minute is less than one, and adds up."""
    slow = configured(1_050).model_copy(update={"nominal_flow_nl_per_h": 1_000})
    watched = Watched(slow, catheter_nl=20_000)
    for concentration in (5_000, 1_000):
        watched.fill("FUDR", concentration)
        assert not watched.run(1_400, 1_030)


def test_after_a_thinner_fill_its_own_limits_hold() -> None:
    """DOS-02: whatever was prescribed before; and over a reset, too."""
    for lives in (1, 2):
        watched = Watched(configured(), catheter_nl=170_000)
        for concentration in (5_000, 1_000):
            watched.fill("FUDR", concentration)
            if lives == 2:
                saved = watched.limit.save()
                watched.limit = DoseLimit()
                watched.limit.load(saved, watched.account)
                watched.limit.limit(watched.configuration)
            assert not watched.run(1_440)
        watched.inject(NOMINAL // 5, "FUDR", 1_000)
        assert not watched.limit.exceeded
        watched.inject(NOMINAL // 10, "FUDR", 1_000)
        assert watched.limit.exceeded


@pytest.mark.parametrize("days", [1, 28])
def test_a_plan_of_another_cycle_forgets_nothing_of_the_one_before(days: int) -> None:
    """DOS-02: a quarter of 12 h is allowed in a day's cycle, and sixteen hours have 23 % each."""
    step_s = days * 43_200
    before = (
        m.PlanStep(drug="FUDR", duration_s=step_s),
        m.PlanStep(drug="saline", duration_s=step_s),
    )
    watched = Watched(configured(plan=before))
    watched.fill()
    assert not watched.run(1_200)
    assert not watched.run(480, NOMINAL * 1_230 // 1_000)
    watched.configuration = configured(plan=PLAN)
    watched.limit.limit(watched.configuration)
    assert watched.run(480, NOMINAL * 1_230 // 1_000)


def test_what_gives_way_to_thinner_takes_nothing_back_of_an_excess() -> None:
    """DOS-02: what was too much before it, and what is too much after it, are too much together."""
    for changes in (False, True):
        watched = Watched(configured(), catheter_nl=2 * NOMINAL // 60)
        watched.fill("FUDR", 5_000)
        watched.run(60)
        watched.fill("FUDR", 100)
        watched.run(0 if changes else 5)
        allowed_fg = NOMINAL // 4 * 100 + changes * (NOMINAL * 2 // 60 // 4 * 4_900)
        watched.limit.series[-1].add(allowed_fg * 9 // 10)
        early = watched.run(8)  # what is allowed of the denser one counts as it passes
        assert changes or not early
        watched.inject(allowed_fg * 2 // 10 // 100, "FUDR", 100)
        assert watched.limit.exceeded


def test_saving_up_does_not_allow_more_later() -> None:
    """DOS-02: a day without flow is no credit."""
    watched = Watched(configured())
    watched.fill()
    assert not watched.run(1_440, 0)
    assert not watched.run(50, NOMINAL * 129 // 100)
    assert watched.run(10, NOMINAL * 129 // 100)


def test_a_fall_and_a_rise_within_a_bin_count() -> None:
    """DOS-02: the least excess is that of the minute, not that of the bin's ends."""
    watched = Watched(configured(2_000))
    watched.fill()
    watched.run(5)
    watched.run(4, 0)
    watched.inject(NOMINAL, "FUDR", CONCENTRATION)
    assert not watched.limit.exceeded
    watched.inject(1, "FUDR", CONCENTRATION)
    assert watched.limit.exceeded


def test_a_small_fall_takes_nothing_back_of_what_the_hour_holds() -> None:
    """DOS-02: what came in before it counts until the hour is over."""
    watched = Watched(configured(2_000))
    watched.fill()
    watched.run(10)
    watched.inject(NOMINAL * 9 // 10, "FUDR", CONCENTRATION)
    watched.run(5)
    watched.run(1, NOMINAL * 9 // 10)
    watched.inject(NOMINAL // 10, "FUDR", CONCENTRATION)
    assert not watched.limit.exceeded
    watched.inject(NOMINAL // 100, "FUDR", CONCENTRATION)
    assert watched.limit.exceeded


@pytest.mark.parametrize("gap", [1, 15, 42])
@pytest.mark.parametrize(("minutes", "exceeded"), [(60, True), (66, False)])
def test_an_hour_is_an_hour_whatever_of_it_nobody_counted(
    gap: int, minutes: int, *, exceeded: bool
) -> None:
    """DOS-02, RST-03: to a bin of five minutes."""
    watched = Watched(configured(2_000))
    watched.fill()
    watched.run(5)
    watched.inject(NOMINAL, "FUDR", CONCENTRATION)
    watched.account.deliver(gap * MINUTE, NOMINAL)
    watched.limit.skip(gap * MINUTE, watched.account)
    watched.run(minutes - gap)
    watched.inject(NOMINAL, "FUDR", CONCENTRATION)
    assert watched.limit.exceeded == exceeded


def test_an_excess_on_its_limit_is_one_occurrence() -> None:
    """DOS-02: the condition does not come and go with every bin."""
    watched = Watched(configured())
    watched.fill()
    assert watched.run(55, NOMINAL * 130 // 100)
    for _ in range(20):
        watched.run(5, NOMINAL * 125 // 100)
        assert watched.limit.exceeded


def test_at_a_hundred_percent_rounding_is_no_excess() -> None:
    """DOS-02: the account knows whole nanolitres."""
    exact = configured(1_000).model_copy(update={"nominal_flow_nl_per_h": 54_007})
    watched = Watched(exact)
    watched.fill()
    watched.account.remainder = 11 * 60 * TICKS_PER_S * 60 // 13
    assert not watched.run(24 * 60, 54_007)
    assert watched.run(1, 2 * 54_007)


def test_a_fever_is_no_excess() -> None:
    """DOS-02: 13 % more for a day stays within 125 % in every window."""
    watched = Watched(configured())
    watched.fill()
    assert not watched.run(1_440)
    assert not watched.run(1_440, NOMINAL * 113 // 100)
    assert not watched.run(1_440)


def test_beyond_the_prescription_is_what_the_configuration_says() -> None:
    """DOS-02: a quarter more, of 1,296 uL a day at 5 mg/mL: 1,620 ug."""
    assert CONFIGURATION.dose_limit_permille == 1_250
    watched = Watched(CONFIGURATION)
    watched.fill("FUDR", 5_000_000)
    assert watched.limit.series[0].windows[1].limit_fg == 1_620_000_000_000


def test_of_a_drug_in_turn_a_cycle_holds_its_days_only() -> None:
    """DOS-02: with a plan, a cycle's prescription is that of the drug's own steps."""
    pure, planned = Watched(configured()), Watched(configured(plan=PLAN))
    for watched in (pure, planned):
        watched.fill()
    limits = [
        [window.limit_fg for window in watched.limit.series[0].windows]
        for watched in (pure, planned)
    ]
    assert limits[0][:3] == limits[1][:3]
    assert limits[0][3] == 28 * limits[0][1]
    assert limits[1][3] == limits[1][1] // 2  # half a day of FUDR in a cycle of a day


def test_a_drug_for_half_a_day_is_held_to_it_within_the_day_in_which_it_comes() -> None:
    """DOS-02: with a quarter of its cycle's dose too much, however few of it any hour has."""
    rarely = (
        m.PlanStep(drug="FUDR", duration_s=43_200),
        m.PlanStep(drug="saline", duration_s=55 * 43_200),
    )
    watched = Watched(configured(plan=rarely))
    watched.fill()
    watched.run(1)  # the drug is at the tip
    watched.run(2 * 60, 0)  # what did not flow is no credit
    assert not watched.run(13 * 60, NOMINAL * 122 // 100)
    assert watched.run(60, NOMINAL * 122 // 100)


def test_the_last_of_a_drug_is_not_held_against_what_the_next_one_is_prescribed() -> None:
    """DOS-02, RES-11: a catheter that is emptied within a sample.

    Of the drug in it a minute's flow is prescribed, and a quarter of an hour's is allowed beyond.
    """
    left_nl = NOMINAL // 4 + NOMINAL // 40  # the hour's excess, and a minute and a half
    watched = Watched(configured(), catheter_nl=left_nl)
    watched.fill("FUDR")
    assert not watched.run(60)
    watched.fill("heparin")
    assert watched.run(1, 60 * left_nl)
    assert [series.exceeded for series in watched.limit.series] == [True, False]


@pytest.mark.parametrize(("before", "now"), [(20_000_000, 5_000_000), (1_000_000, 5_000_000)])
def test_a_limit_is_of_the_drug_as_it_is_filled_now(before: int, now: int) -> None:
    """DOS-02: once it is at the tip neither what was denser before it nor thinner has a part."""
    once, again = Watched(configured(), NOMINAL), Watched(configured(), NOMINAL)
    again.fill("FUDR", before)
    again.run(61)
    for watched in (once, again):
        watched.fill("FUDR", now)
    assert again.limit.series[0].windows[0].limit_fg == NOMINAL * min(before, now) // 4
    for watched in (once, again):
        watched.run(61)
    limits = [
        [window.limit_fg for window in watched.limit.series[0].windows] for watched in (once, again)
    ]
    assert limits[0] == limits[1]


def test_the_last_four_drugs_are_watched() -> None:
    """DOS-02: as many as a plan can call for; liquid without a drug is none."""
    watched = Watched(configured())
    for drug, concentration in (
        ("A", 1),
        ("B", 1),
        ("water", 0),
        ("C", 3),
        ("A", 2),
        ("D", 3),
        ("E", 3),
    ):
        watched.fill(drug, concentration)
    assert [series.drug for series in watched.limit.series] == ["C", "A", "D", "E"]
    watched.inject(100_000, "A", 2)
    watched.inject(1, "B", 1)
    assert watched.limit.exceeded


def test_liquid_of_an_undeclared_drug_is_not_judged() -> None:
    """DOS-02, DOS-09."""
    watched = Watched(configured())
    watched.limit.refilled(watched.account)
    assert watched.limit.series == []
    watched.inject(1_000_000, "contrast", 10)
    assert not watched.run(60)


def test_the_account_saturates() -> None:
    """DOS-07: the dose stops where 64 bits end."""
    account = Account()
    account.refilled("FUDR", m.MAX_CONCENTRATION_NG_PER_ML)
    for _ in range(3):
        account.push(m.MAX_VOLUME_NL, "FUDR", m.MAX_CONCENTRATION_NG_PER_ML)
    assert account.doses_fg["FUDR"] == account.dose_since_refill_fg == MAX_DOSE_FG


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([-1, 0, 1, m.MAX_FLOW_NL_PER_H]),
            st.integers(1, 40),
            st.sampled_from([1, m.MAX_CONCENTRATION_NG_PER_ML]),
        ),
        max_size=12,
    )
)
def test_sums_never_leave_64_bits(events: list[tuple[int, int, int]]) -> None:
    """DOS-07: flow and concentration at the ends of their ranges, up and down."""
    extreme = CONFIGURATION.model_copy(
        update={
            "nominal_flow_nl_per_h": m.MAX_FLOW_NL_PER_H,
            "dose_limit_permille": 2_000,
            "plan": (m.PlanStep(drug="FUDR", duration_s=m.MAX_DURATION_S),),
        }
    )
    watched = Watched(extreme)
    for flow, minutes, concentration in events:
        watched.fill(concentration=concentration)
        watched.run(minutes, flow)
        watched.account.doses_fg.clear()  # a drug's dose starts again, its limits do not
        watched.limit.skip(0, watched.account)
        for series in watched.limit.series:
            assert abs(series.sum_fg) <= MAX_FG
            assert abs(series.threshold_fg) <= MAX_FG + MAX_LIMIT_FG
            for window in series.windows:
                assert 0 < window.limit_fg <= MAX_LIMIT_FG
                assert max(abs(least) for least in (*window.least_fg, window.running_fg)) <= MAX_FG


def test_an_excess_beyond_counting_is_an_excess() -> None:
    """DOS-07: saturation never hides one."""
    watched = Watched(configured())
    watched.fill()
    watched.inject(m.MAX_VOLUME_NL, "FUDR", m.MAX_CONCENTRATION_NG_PER_ML)
    assert watched.limit.exceeded
    watched.account.doses_fg.clear()  # it has stopped counting; the sums still do
    watched.limit.skip(0, watched.account)
    watched.run(5)
    assert watched.limit.exceeded
    watched.run(29 * 1_440)
    assert [series.exceeded for series in watched.limit.series] == [False]
    watched.inject(NOMINAL, "FUDR", CONCENTRATION)
    for _ in range(5):
        watched.run(1)
        assert watched.limit.exceeded


# ---- with the logic around it


def limits_told(bench: Bench) -> list[bool]:
    return [a.present for a in bench.alarms() if a.alarm is AlarmId.DOSE_LIMIT]


def test_a_flush_delivers_the_catheters_drug_at_once(bench: Bench) -> None:
    """DOS-02, RES-12: what the flush pushes out is three hours' dose within an hour."""
    bench.run(60 * 24)
    bench.ask(m.BeginBolusAccess(drug="saline", concentration_ng_per_ml=0))
    assert limits_told(bench) == []
    bench.ask(m.EndBolusAccess(injected_nl=500_000))
    assert limits_told(bench) == [True]
    bench.run(70)
    assert limits_told(bench) == [False]  # over, and latched


def test_excess_outlives_a_reset(bench: Bench) -> None:
    """DOS-02, RST-02: half of a limit's excess before it, and half after it."""
    bench.run(60 * 24)
    bench.run(9, reservoir_pressure_pa=113_700 + 2 * 234_000)
    bench.ask(m.RunSelfTest())  # any command saves
    again = bench.reset()
    again.run(5, reservoir_pressure_pa=113_700 + 2 * 234_000)
    assert limits_told(again) == []
    again.run(2, reservoir_pressure_pa=113_700 + 2 * 234_000)
    assert limits_told(again) == [True]


def test_downtime_is_no_excess_and_passes(bench: Bench) -> None:
    """DOS-02, RST-03: nobody measured it; the hour before it is over."""
    start_s = 1_767_225_600
    bench.run(60)
    bench.run(10, reservoir_pressure_pa=113_700 + 2 * 234_000)
    bench.ask(m.RunSelfTest())
    again = Bench(bench.memory, start_s=start_s + 20 * 3_600)
    again.level_nl = bench.level_nl - 19 * 2 * NOMINAL
    again.run(10, reservoir_pressure_pa=113_700 + 2 * 234_000)
    assert limits_told(again) == []
    assert again.status().delivered_total_nl > 19 * NOMINAL
    again.run(7, reservoir_pressure_pa=113_700 + 2 * 234_000)
    assert limits_told(again) == [True]


def test_a_reset_ends_no_limit_that_is_exceeded(bench: Bench) -> None:
    """DOS-02, ALM-09: since the last record it flowed on as it did by that."""
    bench.run(240)
    bench.run(40, reservoir_pressure_pa=113_700 + 2 * 234_000)
    bench.run(9)
    assert limits_told(bench) == [True]
    again = Bench(bench.memory, start_s=bench.rtc_s())
    again.level_nl = bench.level_nl
    for _ in range(40):
        again.run(1)
        assert AlarmId.DOSE_LIMIT in alarms_of(again)


@pytest.mark.parametrize("minutes", [240, 400, 50_000])
def test_what_flowed_while_no_sample_came_is_no_excess_of_a_moment(minutes: int) -> None:
    """DOS-02, OCC-07: within its tolerance, and steady."""
    desk = Desk(ReferenceLogic, DESK.model_copy(update={"nominal_flow_nl_per_h": 50_000}))
    desk.implant()
    desk.wait(300)
    desk.miss(minutes)
    for _ in range(10):
        desk.minute()
        assert AlarmId.DOSE_LIMIT not in desk.present()


def test_a_new_configuration_brings_its_limits(bench: Bench) -> None:
    """DOS-02, FLW-07: a flow that was within 125 % is beyond 110 %."""
    bench.run(24 * 60)
    bench.run(40, catheter_pressure_pa=347_700 - 234_000 * 12 // 10)
    assert limits_told(bench) == []
    stricter = m.WriteConfiguration(base_config_id=1, configuration=configured(1_100))
    assert isinstance(bench.ask(stricter), m.Done)
    assert limits_told(bench) == [True]


def test_a_refill_does_not_end_it(bench: Bench) -> None:
    """DOS-02: the drug is in the patient."""
    bench.run(60 * 24)
    bench.ask(m.BeginBolusAccess(drug="FUDR", concentration_ng_per_ml=5_000_000))
    bench.ask(m.EndBolusAccess(injected_nl=5_000_000))
    bench.ask(m.BeginRefill())
    emptied = REFILL.model_copy(update={"withdrawn_nl": bench.level_nl, "drug": "saline"})
    saline = emptied.model_copy(update={"concentration_ng_per_ml": 0})
    change = m.CommitRefill(refill=saline, reason=RefillReason.DRUG_CHANGE, previous_refill_id=1)
    assert isinstance(bench.ask(change), m.Done)
    bench.level_nl = 28_000_000
    bench.run(60 * 20)
    assert limits_told(bench) == [True]  # by the day, and the cycle


def present(device: Device) -> tuple[AlarmId, ...]:
    assert device.beliefs is not None
    return device.beliefs.alarms


def test_a_fast_pump_is_told_before_its_day_is_too_full() -> None:
    """DOS-02: no pressure explains its flow; the fill level tells it after six hours."""
    device = Device(pumpfile.load(PUMPS / "fast.toml"), 1)
    device.implant()
    hour_ns = 3_600 * 10**9
    device.advance(6 * hour_ns)
    assert AlarmId.DOSE_LIMIT not in present(device)
    device.advance(9 * hour_ns)
    assert AlarmId.DOSE_LIMIT in present(device)
    day_limit_ng = 1.25 * 1_300_000 * 6_460_000 / 1e6
    assert device.plant.ledger.doses_ng()["FUDR"] < 0.5 * day_limit_ng


def test_a_second_bin_is_as_long_as_its_first() -> None:
    """DOS-02: a gap between samples fills as many bins as it is long."""
    watched = Watched(configured())
    watched.fill()
    watched.run(10, 2 * NOMINAL)
    watched.limit.skip(from_s(70 * 60), watched.account)
    assert not watched.run(14, 2 * NOMINAL)
    assert watched.run(2, 2 * NOMINAL)
    watched.limit.skip(DAY * 400, watched.account)
    assert not watched.limit.exceeded
    assert watched.limit.left <= 5 * 60 * TICKS_PER_S
