"""What a needle moved and what was declared: the fill level tells one from the other."""

from collections import Counter, deque
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import Interval, Request
from protocol.vocabulary import (
    AlarmId,
    Cause,
    EventKind,
    Priority,
    Quality,
    RefillReason,
    Refusal,
    Role,
)
from pumpsim import stimuli
from pumpsim.firmware.account import MAX_DRUGS, Account
from pumpsim.firmware.exchange import DISCREPANCY_NL, MAX_AGE, MAX_WAIT, Needle
from pumpsim.firmware.fill import VOLUME_ERROR_NL
from pumpsim.firmware.refills import Refills
from pumpsim.firmware.screen import MIN_GOOD
from pumpsim.firmware.ticks import from_s
from tests.firmware.test_reference_logic import DAY, HOUR, MINUTE, Bench, refusal, settle
from tests.firmware.usual import CONFIGURATION, REFILL, USUAL
from tests.lived import lived

NEEDLE = {
    AlarmId.TAMPERING,
    AlarmId.POCKET_FILL,
    AlarmId.REFILL_DISCREPANCY,
    AlarmId.OVERFILL,
}
FULL_NL = 28_000_000
CAPACITY_NL = CONFIGURATION.capacity_nl


@pytest.fixture
def bench() -> Bench:
    """Ten days after its implantation."""
    bench = Bench()
    bench.configure()
    bench.run(2)
    bench.wait_until(bench.ticks + 10 * DAY)
    bench.level_nl = 15_000_000
    bench.run(2)
    assert found(bench) == set()
    settle(bench)  # no samples came for so long
    return bench


def found(bench: Bench) -> set[AlarmId]:
    return {alarm.alarm for alarm in bench.alarms()} & NEEDLE


def declared(withdrawn_nl: int, filled_nl: int = FULL_NL) -> m.Refill:
    return REFILL.model_copy(update={"withdrawn_nl": withdrawn_nl, "filled_nl": filled_nl})


def commit(bench: Bench, refill: m.Refill) -> m.Reply:
    again = m.CommitRefill(
        refill=refill, reason=RefillReason.VERIFY_PUMP, previous_refill_id=last_id(bench)
    )
    return bench.ask(again)


@pytest.mark.parametrize("concentration", [0, 1])
def test_before_an_explant_no_drug_goes_in(bench: Bench, concentration: int) -> None:
    """RES-05: not the least of it."""
    bench.ask(m.BeginRefill())
    water = declared(28_000_000).model_copy(update={"concentration_ng_per_ml": concentration})
    reply = bench.ask(
        m.CommitRefill(refill=water, reason=RefillReason.EXPLANT, previous_refill_id=last_id(bench))
    )
    assert isinstance(reply, m.Refused) == (concentration > 0)


def last_id(bench: Bench) -> int:
    report = bench.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    assert report.last_refill_id is not None
    return report.last_refill_id


def refilled(
    bench: Bench, level_nl: int, withdrawn_nl: int = 14_400_000, filled_nl: int = FULL_NL
) -> set[AlarmId]:
    """A visit of five minutes after which the level is that, and what was found."""
    bench.ask(m.BeginRefill())
    bench.run(2)
    bench.level_nl = level_nl
    bench.run(2)
    assert commit(bench, declared(withdrawn_nl, filled_nl)) == m.Done(reference=2)
    bench.run(1)
    return found(bench)


# ---- windows, again and again


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.integers(1, 40), st.booleans()), min_size=1, max_size=20
    )
)
def test_windows_begun_again_and_again_suspend_no_more_than_one(
    course: list[tuple[int, int, bool]],
) -> None:
    """FLW-08: T_refill, and as much again as none was open; a reset in between gives none back."""
    refills, now, suspended, closed = Refills(), 0, 0, 0
    for open_min, closed_min, resets in course:
        assert refills.begin(now * MINUTE, None) is None
        for _ in range(open_min):
            suspended += refills.suspends(now * MINUTE)
            now += 1
            if resets:
                kept = refills.save(now * MINUTE)
                refills.load(now * MINUTE, kept)
        refills.close(now * MINUTE)
        assert not refills.suspends(now * MINUTE)
        assert suspended <= 30 + closed
        now += closed_min
        closed += closed_min
    now += 30
    assert refills.begin(now * MINUTE, None) is None
    assert [refills.suspends((now + minute) * MINUTE) for minute in (0, 29, 30)] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("open_min", "closed_min"), [(29, 1), (30, 1), (15, 1), (1, 1), (29, 29), (2, 5)]
)
def test_too_much_flow_is_told_however_often_a_window_is_begun(
    bench: Bench, open_min: int, closed_min: int
) -> None:
    """FLW-02, FLW-08: half the time outside is enough, windows or not (FLW-05)."""
    fast = {"reservoir_pressure_pa": 480_000}
    minutes = 0
    while AlarmId.OVER_INFUSION not in bench.raised():
        bench.ask(m.BeginRefill())
        bench.run_screened(open_min, **fast)
        bench.ask(m.AbortRefill())
        bench.run_screened(closed_min, **fast)
        minutes += open_min + closed_min
        assert minutes <= 30 + 2 * 60 + open_min + closed_min


# ---- moves outside a window


@pytest.mark.parametrize("moved_nl", [-5_000_000, -260_000, 260_000, 5_000_000])
def test_an_undeclared_move_is_tampering_at_the_second_sample(bench: Bench, moved_nl: int) -> None:
    """RES-07."""
    bench.level_nl += moved_nl
    bench.run(1)
    assert found(bench) == set()
    bench.run(1)
    [tampering] = bench.alarms()
    assert (tampering.alarm, tampering.priority) == (AlarmId.TAMPERING, Priority.HIGH)
    assert tampering.present
    bench.run(10)
    [latched] = bench.alarms()
    assert (latched.occurrence, latched.present) == (tampering.occurrence, False)


@pytest.mark.parametrize("moved_nl", [-240_000, 240_000])
def test_what_noise_and_infusion_move_is_none(bench: Bench, moved_nl: int) -> None:
    """RES-07: the bound of the noise is 95 ul from reading to reading."""
    bench.level_nl += moved_nl
    bench.run(5)
    assert found(bench) == set()


NOISE = st.integers(-47_500, 47_500)


@given(
    noise=st.lists(NOISE, min_size=2, max_size=60),
    flow_nl=st.integers(0, 3 * 900),
    step=st.sampled_from([1, 10, 60, 300]),
)
def test_noise_is_no_needle(noise: list[int], flow_nl: int, step: int) -> None:
    """RES-07: for any noise within its bound, and any flow, none at all included."""
    needle = Needle()
    for number, error_nl in enumerate(noise):
        minute = number * step
        level_nl = max(20_000_000 - flow_nl * minute, 0) + error_nl
        needle.watch(minute * MINUTE, level_nl, CONFIGURATION)
        assert not needle.suspected
    assert needle.tampering_until == 0


@given(
    before=st.lists(NOISE, min_size=2, max_size=30),
    noise=st.lists(NOISE, min_size=60, max_size=60),
    filled_nl=st.integers(10_000, 2_000_000),
)
def test_a_rise_that_adds_up_is_a_needle_however_slow(
    before: list[int], noise: list[int], filled_nl: int
) -> None:
    """RES-07: told once it exceeds the noise, and one sample confirms it."""
    needle, level_nl, risen_nl = Needle(), 10_000_000, 0
    for minute, error_nl in enumerate([*before, *noise]):
        level_nl += filled_nl * (minute >= len(before))
        needle.watch(minute * MINUTE, level_nl + error_nl, CONFIGURATION)
        if needle.tampering_until:
            break
        risen_nl = level_nl - 10_000_000
    assert risen_nl <= 250_000 + 2 * 47_500 + 2 * filled_nl


def test_what_a_needle_left_is_known_at_once() -> None:
    """RES-07: a refill that begins with the sample that told of it begins from its level."""
    needle = Needle()
    for minute, level_nl in enumerate([10_000_000, 10_000_000, 9_000_000, 9_000_000]):
        needle.watch(minute * MINUTE, level_nl, CONFIGURATION)
    assert needle.tampering_until
    assert needle.residual_nl(3 * MINUTE) == 9_000_000


def test_a_slow_needle_is_told_and_leaves_no_flow_stop_behind(bench: Bench) -> None:
    """RES-07: 8.6 ml at 240 ul a minute; the slopes begin anew when it is out."""
    level_nl = bench.level_nl
    for minute in range(36):
        bench.run_screened(1, fill_level_nl=level_nl + 240_000 * minute)
    assert found(bench) == {AlarmId.TAMPERING}
    bench.level_nl = level_nl + 240_000 * 35
    bench.run_screened(7 * 60)
    assert bench.raised() == [AlarmId.TAMPERING]


@pytest.mark.parametrize("artefact_nl", [-240_000, 240_000])
def test_a_lone_low_reading_is_no_level_from_which_the_next_has_risen(
    bench: Bench, artefact_nl: int
) -> None:
    """RES-07: one sample out of line is the sensor's own affair."""
    for _ in range(5):
        bench.run_screened(1, fill_level_nl=bench.level_nl + artefact_nl)
        for error_nl in (0, 47_500, 47_500, 0):
            bench.run_screened(1, fill_level_nl=bench.level_nl + error_nl)
    assert found(bench) == set()


def test_one_sample_out_of_line_is_the_sensors_affair(bench: Bench) -> None:
    """RES-07: a spike, again and again, is no needle."""
    for _ in range(5):
        bench.run(1, fill_level_nl=bench.level_nl + 5_000_000)
        bench.run(3)
    assert found(bench) == set()


def test_a_spike_right_after_a_refill_is_no_needle() -> None:
    """RES-07: one reading alone is no level to hold the next one against."""
    needle = Needle()
    needle.committed(0, 15_000_000, declared(14_400_000))
    for minute, level_nl in enumerate((33_000_000, 28_600_000, 28_599_000, 28_598_000)):
        needle.watch(minute * MINUTE, level_nl, CONFIGURATION)
    assert needle.tampering_until == 0
    assert needle.level_nl == 28_598_000


def test_a_gap_in_the_level_holds_what_was_infused_meanwhile(bench: Bench) -> None:
    """RES-07: eight hours without the sensor, and then it reads what is left."""
    bench.run(8 * 60, fill_level_nl=None)
    bench.level_nl -= 8 * 54_000
    bench.run(8)  # a channel that was lost is trusted again after five
    assert found(bench) == set()
    bench.run(8 * 60, fill_level_nl=None)
    bench.level_nl += 300_000
    bench.run(8)
    assert found(bench) == {AlarmId.TAMPERING}


def test_only_a_rise_tells_of_a_needle_while_the_pump_was_off(bench: Bench) -> None:
    """RES-07, RST-03: nobody can tell how long it infused."""
    bench.ask(m.RunSelfTest())
    for moved_nl, expected in ((-900_000, set()), (900_000, {AlarmId.TAMPERING})):
        again = Bench(bench.memory)
        again.level_nl = bench.level_nl + moved_nl
        again.run(1)
        assert found(again) == set()
        again.run(1)
        assert found(again) == expected


# ---- windows without a refill


@pytest.mark.parametrize("ended", ["aborted", "by itself"])
@pytest.mark.parametrize(
    ("moved_nl", "expected"), [(490_000, 0), (-490_000, 0), (540_000, 1), (-5_000_000, 1)]
)
def test_a_window_without_a_refill_must_leave_the_level_alone(
    bench: Bench, ended: str, moved_nl: int, expected: int
) -> None:
    """RES-07, FLW-08: half a millilitre is what a needle may cost."""
    assert bench.ask(m.BeginRefill()) == m.Done()
    bench.run(3)
    bench.level_nl += moved_nl
    if ended == "aborted":
        bench.run(3)
        assert bench.ask(m.AbortRefill()) == m.Done()
    else:
        bench.run(27)
    assert found(bench) == set()
    bench.run(5)
    assert len(found(bench)) == expected
    assert found(bench) <= {AlarmId.TAMPERING}


# ---- declared against seen


@pytest.mark.parametrize(
    ("level_nl", "expected"),
    [
        (28_600_000, set()),
        (28_600_000 - 2_800_000 + 5_000, set()),
        (28_600_000 - 2_800_000 - 5_000, {AlarmId.REFILL_DISCREPANCY}),
        (15_300_000, {AlarmId.REFILL_DISCREPANCY}),
        (15_200_000, {AlarmId.POCKET_FILL}),
        (14_500_000, {AlarmId.POCKET_FILL}),
        (600_000, {AlarmId.POCKET_FILL}),
    ],
)
def test_the_level_after_a_refill_is_laid_beside_the_declaration(
    bench: Bench, level_nl: int, expected: set[AlarmId]
) -> None:
    """RES-07: at the first level there is."""
    assert refilled(bench, level_nl) == expected


def test_more_than_was_declared_is_a_discrepancy(bench: Bench) -> None:
    """RES-07: a syringe of 28 ml, and 20 typed."""
    assert refilled(bench, 28_600_000, filled_nl=20_000_000) == {AlarmId.REFILL_DISCREPANCY}


@pytest.mark.parametrize(
    ("missing_nl", "expected"),
    [
        (490_000, set()),
        (510_000, {AlarmId.REFILL_DISCREPANCY}),
        (1_010_000, {AlarmId.POCKET_FILL}),
    ],
)
def test_a_small_fill_is_judged_by_half_a_millilitre(
    bench: Bench, missing_nl: int, expected: set[AlarmId]
) -> None:
    """RES-07."""
    assert refilled(bench, 2_600_000 - missing_nl, filled_nl=2_000_000) == expected


def test_a_missing_level_postpones_the_comparison(bench: Bench) -> None:
    """RES-07: to the next one there is, even over a reset."""
    bench.ask(m.BeginRefill())
    assert commit(bench, declared(14_400_000)) == m.Done(reference=2)
    bench.run(100, fill_level_nl=None)
    assert found(bench) == set()
    again = Bench(bench.memory)
    again.level_nl = 15_000_000
    again.run(MIN_GOOD - 1)  # the channel had failed (SEN-09)
    assert found(again) == set()
    again.run(1)
    assert found(again) == {AlarmId.POCKET_FILL}


def test_the_comparison_does_not_wait_for_ever(bench: Bench) -> None:
    """RES-07."""
    bench.ask(m.BeginRefill())
    assert commit(bench, declared(14_400_000)) == m.Done(reference=2)
    bench.wait_until(bench.ticks + MAX_WAIT)
    bench.run(3)
    assert found(bench) == set()


def test_a_residual_that_no_level_tells_is_not_compared(bench: Bench) -> None:
    """RES-06, RES-07: silence for an hour, then for more."""
    needle = Needle()
    assert needle.residual_nl(0) is None
    needle.watch(5, 9_000_000, CONFIGURATION)
    assert needle.residual_nl(5 + MAX_AGE) == 9_000_000
    assert needle.residual_nl(6 + MAX_AGE) is None
    bench.run(61, fill_level_nl=None)
    bench.ask(m.BeginRefill())
    assert commit(bench, declared(1)) == m.Done(reference=2)
    bench.run(5)
    assert found(bench) == set()


def test_a_pump_filled_as_declared_raises_nothing() -> None:
    """RES-07: provisioning commits a refill before the first sample; the residual is unknown."""
    for level_nl in (28_000_000, 15_000_000):
        bench = Bench()
        bench.level_nl = level_nl
        bench.configure()
        bench.run(5)
        assert found(bench) == set()


@given(
    predicted_nl=st.integers(0, 30_000_000),
    permille=st.sampled_from([0, 799, 800, 801, 1_000, 1_199, 1_200, 1_201, 2_000]),
)
def test_withdrawn_against_predicted(predicted_nl: int, permille: int) -> None:
    """RES-06: above 20 % it is a discrepancy, and never below what a needle leaves behind."""
    needle = Needle()
    withdrawn_nl = predicted_nl * permille // 1_000
    assume(predicted_nl % 1_000 == 0 or permille not in {800, 1_200})
    needle.committed(0, predicted_nl, declared(withdrawn_nl))
    off_nl = abs(withdrawn_nl - predicted_nl)
    expected = off_nl > DISCREPANCY_NL and not 800 <= permille <= 1_200
    assert (needle.discrepancy_until > 0) == expected


@pytest.mark.parametrize(
    ("predicted_nl", "withdrawn_nl", "expected"),
    [
        (10_000_000, 8_010_000, False),  # 19.9 %
        (10_000_000, 8_000_000, False),
        (10_000_000, 7_990_000, True),  # 20.1 %
        (10_000_000, 12_010_000, True),
        (1_500_000, 900_000, False),  # all that a needle reaches
        (600_000, 0, False),
        (0, 1_000_000, False),
        (0, 1_000_001, True),
    ],
)
def test_withdrawn_against_predicted_at_its_boundaries(
    predicted_nl: int, withdrawn_nl: int, *, expected: bool
) -> None:
    """RES-06: 19.9, 20.0 and 20.1 %, and tiny predictions."""
    needle = Needle()
    needle.committed(7, predicted_nl, declared(withdrawn_nl))
    assert (needle.discrepancy_until > 0) == expected


def test_a_discrepancy_in_what_was_withdrawn_is_told_at_the_commit(bench: Bench) -> None:
    """RES-06: MEDIUM, before any sample."""
    bench.ask(m.BeginRefill())
    assert commit(bench, declared(11_000_000, 20_000_000)) == m.Done(reference=2)
    [alarm] = bench.alarms()
    assert (alarm.alarm, alarm.priority) == (AlarmId.REFILL_DISCREPANCY, Priority.MEDIUM)


# ---- too much


def test_a_fill_above_capacity_is_refused(bench: Bench) -> None:
    """RES-08: by what is believed to be left."""
    bench.ask(m.BeginRefill())
    over = declared(bench.level_nl - 2_000_001, CAPACITY_NL - 2_000_000)
    assert refusal(commit(bench, over)) is Refusal.OVER_CAPACITY
    full = declared(bench.level_nl - 2_000_000, CAPACITY_NL - 2_000_000)
    assert commit(bench, full) == m.Done(reference=2)


def test_more_than_fits_is_an_alarm_until_it_is_gone(bench: Bench) -> None:
    """RES-08: beyond capacity by more than the level's error; noise does not end it."""
    assert refilled(bench, CAPACITY_NL + 240_000) == set()
    bench.level_nl = CAPACITY_NL + 300_000
    bench.run(1)
    [overfill] = bench.alarms()
    assert (overfill.alarm, overfill.priority) == (AlarmId.OVERFILL, Priority.HIGH)
    for level_nl, present in ((240_000, True), (160_000, True), (140_000, False)):
        bench.level_nl = CAPACITY_NL + level_nl
        bench.run(1)
        assert [a.present for a in bench.alarms()] == [present]


def test_an_overfill_outlives_a_reset(bench: Bench) -> None:
    """RES-08, RST-02."""
    refilled(bench, CAPACITY_NL + 300_000)
    again = bench.reset()
    again.run(1, fill_level_nl=CAPACITY_NL + 200_000)
    assert [(a.alarm, a.present) for a in again.alarms()] == [(AlarmId.OVERFILL, True)]


@settings(max_examples=60, deadline=None)
@given(
    residual_nl=st.integers(300_000, CAPACITY_NL),
    withdrawn_nl=st.integers(0, 2 * CAPACITY_NL),
    filled_nl=st.integers(1, 2 * CAPACITY_NL) | st.none(),
    off_nl=st.integers(-2, 2),
)
def test_no_fill_is_accepted_that_the_reservoir_cannot_hold(
    residual_nl: int, withdrawn_nl: int, filled_nl: int | None, off_nl: int
) -> None:
    """RES-08: by the level before the window, to the nanolitre; a refusal changes nothing."""
    bench = ready(residual_nl)
    left_nl = max(last_level(bench) - withdrawn_nl, 0)
    filled_nl = max(filled_nl or CAPACITY_NL - left_nl + off_nl, 1)
    assert bench.ask(m.BeginRefill()) == m.Done()
    before = bench.ask(m.ReadConfiguration())
    reply = commit(bench, declared(withdrawn_nl, filled_nl))
    if left_nl + filled_nl <= CAPACITY_NL:
        assert reply == m.Done(reference=2)
    else:
        assert refusal(reply) is Refusal.OVER_CAPACITY
        assert bench.status().refill_open
        assert bench.ask(m.ReadConfiguration()) == before


def ready(level_nl: int) -> Bench:
    bench = Bench()
    bench.configure()
    bench.level_nl = level_nl
    bench.run(2)
    return bench


def last_level(bench: Bench) -> int:
    residual = bench.status().residual_volume_nl
    assert residual is not None
    return residual.estimate


ENDS_NL = 550_000, 900_000
"""Between these the lower end stop bears all of 234 kPa; the upper one is as stiff."""


@settings(max_examples=40, deadline=None)
@given(
    over_nl=st.integers(8_000, 1_500_000),
    error_nl=st.integers(-VOLUME_ERROR_NL, VOLUME_ERROR_NL),
)
def test_an_overfilled_reservoir_is_told_before_its_pressure_doses_too_much(
    over_nl: int, error_nl: int
) -> None:
    """RES-08: for any overfill that presses by more than 5 kPa, and any error of the level."""
    bench = ready(FULL_NL)
    stiffness_pa_per_nl = 234_000 / (ENDS_NL[1] - ENDS_NL[0])
    reservoir_pa = min(round(349_200 + over_nl * stiffness_pa_per_nl), 699_000)
    level_nl = min(CAPACITY_NL + over_nl + error_nl, CAPACITY_NL * 11 // 10 - 10_000)
    bench.run(80, fill_level_nl=level_nl, reservoir_pressure_pa=reservoir_pa)
    told = set(bench.raised())
    assert AlarmId.SENSOR_CONFLICT in told
    assert Cause.NEEDLE in bench.status().causes
    flow = bench.status().flow_nl_per_h
    assert flow is not None
    if flow.estimate > 62_100 + 100:
        assert AlarmId.OVER_INFUSION in told
    if level_nl > CAPACITY_NL + VOLUME_ERROR_NL:
        assert AlarmId.OVERFILL in told


@given(over_nl=st.integers(0, 400_000), error_nl=st.integers(-VOLUME_ERROR_NL, VOLUME_ERROR_NL))
def test_what_is_called_overfull_surely_is(over_nl: int, error_nl: int) -> None:
    """RES-08: and what is surely so is called it."""
    needle = Needle()
    level_nl = CAPACITY_NL - 200_000 + over_nl + error_nl
    for minute in range(3):
        needle.watch(minute * MINUTE, level_nl, CONFIGURATION)
    surely = level_nl - VOLUME_ERROR_NL > CAPACITY_NL
    assert needle.overfilled == surely
    assert not needle.overfilled or over_nl > 200_000


# ---- the shortest interval


@pytest.mark.parametrize(("after_s", "accepted"), [(-1, False), (0, True)])
@pytest.mark.parametrize("jump_s", [-40 * 86_400, 0, 40 * 86_400])
def test_a_refill_sooner_than_usual_needs_its_reason(
    after_s: int, jump_s: int, *, accepted: bool
) -> None:
    """RES-10: by ticks, whatever the clock says; reason and previous refill's id open it."""
    bench = Bench()
    bench.configure()
    bench.run(1)
    bench.wait_until(from_s(CONFIGURATION.refill_min_interval_s + after_s))
    sample = USUAL._replace(sequence=9, fill_level_nl=27_900_000, rtc_s=1_767_225_600 + jump_s)
    bench.logic.sample(bench.ticks, sample)
    bench.ask(m.BeginRefill())
    plain = m.CommitRefill(refill=declared(27_300_000))
    assert isinstance(bench.ask(plain), m.Done) == accepted
    if not accepted:
        for request in (
            m.CommitRefill(refill=plain.refill, reason=RefillReason.OTHER),
            m.CommitRefill(refill=plain.refill, previous_refill_id=1),
            m.CommitRefill(refill=plain.refill, reason=RefillReason.OTHER, previous_refill_id=2),
        ):
            assert refusal(bench.ask(request)) is Refusal.REFILL_TOO_EARLY
        assert isinstance(commit(bench, plain.refill), m.Done)


# ---- due dates


@given(
    volume_nl=st.integers(0, CAPACITY_NL),
    flows=st.lists(st.integers(-1_000, m.MAX_FLOW_NL_PER_H), min_size=2, max_size=2),
    now=st.integers(0, 20 * DAY),
)
def test_more_flow_never_gives_a_later_date(volume_nl: int, flows: list[int], now: int) -> None:
    """RES-03; and RES-04: no prediction moves a date later."""
    dates = []
    for flow in sorted(flows):
        refills = Refills()
        refills.commit(0, REFILL, CONFIGURATION)
        before = refills.due
        volume = Interval(volume_nl, volume_nl, volume_nl, Quality.GOOD)
        refills.predict(now, volume, flow, CONFIGURATION)
        assert before is not None
        assert refills.due is not None
        assert refills.due <= before
        dates.append(refills.due)
    assert dates[1] <= dates[0]


@given(
    st.lists(
        st.tuples(st.integers(1, 3 * DAY), st.integers(0, 2**33), st.integers(0, 200_000)),
        max_size=12,
    )
)
@settings(max_examples=40, deadline=None)
def test_escalation_knows_ticks_only_and_never_goes_down(
    steps: list[tuple[int, int, int]],
) -> None:
    """RES-04, TIM-03: whatever the clock says and the flow becomes, until a refill."""
    bench = Bench()
    bench.configure()
    stages = [0]
    for elapsed, rtc_s, outlet_pa in steps:
        bench.wait_until(bench.ticks + elapsed)
        bench.run(1, rtc_s=rtc_s, catheter_pressure_pa=outlet_pa)
        told = [a for a in bench.alarms() if a.present]
        due = max((int(a.priority) for a in told if a.alarm is AlarmId.REFILL_DUE), default=0)
        stages.append(due + any(a.alarm is AlarmId.REFILL_OVERDUE for a in told))
        if bench.ticks >= from_s(CONFIGURATION.refill_interval_s):
            assert due == Priority.MEDIUM
    assert stages == sorted(stages)


# ---- a catheter that holds liquid back


@settings(max_examples=100)
@given(
    steps=st.lists(
        st.tuples(st.integers(-20_000, 200_000), st.integers(0, 60_000)), min_size=1, max_size=40
    ),
    changed=st.integers(0, 40),
)
def test_delivered_and_held_and_left_are_what_was_filled(
    steps: list[tuple[int, int]], changed: int
) -> None:
    """OCC-04: for any number of occlusions; totals and dose never fall (DOS-01)."""
    account = Account()
    account.prime(170_000)
    account.refilled("A", 7)
    left_nl, remainder, before = 28_000_000, 0, (0, 0)
    for number, (flow, stored_nl) in enumerate(steps):
        if number == changed:
            account.refilled("B", 3)
        account.deliver(MINUTE, flow, stored_nl)
        out_nl, remainder = divmod(remainder + max(flow, 0) * MINUTE, HOUR)
        left_nl -= out_nl
        assert account.total_nl + account.held_nl + left_nl == 28_000_000
        assert 0 <= account.held_nl <= stored_nl
        assert sum(plug[0] for plug in account.plugs) == 170_000 + account.held_nl
        after = (account.total_nl, sum(account.doses_fg.values()))
        assert after >= before
        assert after[1] >= before[1]
        before = after
    account.deliver(0, 0, 0)
    assert account.total_nl + left_nl == 28_000_000


def test_what_an_occlusion_held_arrives_with_its_release() -> None:
    """OCC-03, OCC-04: an hour without delivery, and then all of it; as dose, too."""
    account = Account()
    account.prime(1_000)
    account.refilled("A", 10)
    account.deliver(HOUR, 54_000)
    assert account.total_nl == 54_000
    for minute in range(1, 61):
        account.deliver(MINUTE, 36_000, 600 * minute)
    assert (account.total_nl, account.held_nl) == (54_000, 36_000)
    assert account.doses_fg == {"A": 53_000 * 10}
    account.deliver(MINUTE, -36_000)  # nobody knows what it can hold
    assert (account.total_nl, account.held_nl) == (54_000, 36_000)
    account.deliver(MINUTE, -36_000, 0)
    assert (account.total_nl, account.held_nl) == (90_000, 0)
    assert account.doses_fg == {"A": 89_000 * 10}
    assert account.since_refill_nl == 90_000


@pytest.mark.parametrize("what", ["window", "reset", "downtime", "memory"])
def test_what_an_occlusion_holds_stays_held_while_nobody_looks(bench: Bench, what: str) -> None:
    """OCC-04, DOS-02: a refill window, a reset and a total put right deliver nothing of it."""
    bench.run(10 * 60)
    for minute in range(300):
        bench.run(1, catheter_pressure_pa=min(113_700 + 900 * minute, 335_000))
    account = bench.logic._state.account
    held_nl, total_nl = account.held_nl, account.total_nl
    assert held_nl > 90_000
    if what == "window":
        bench.ask(m.BeginRefill())
    elif what == "memory":
        account.total_nl ^= 1 << 25
        bench.ask(m.RunSelfTest())
    else:
        bench = bench.reset(down_s=600 * (what == "downtime"))
    bench.run(3, catheter_pressure_pa=335_000)
    account = bench.logic._state.account
    assert account.held_nl == pytest.approx(held_nl, rel=0.15)
    assert account.total_nl == pytest.approx(total_nl, abs=15_000)
    assert AlarmId.DOSE_LIMIT not in found(bench)
    bench.ask(m.AbortRefill())
    bench.run(3)
    assert bench.logic._state.account.held_nl == 0
    assert EventKind.OCCLUSION_RELEASED in bench.events()


LIQUIDS = st.tuples(st.sampled_from(["A", "B", "saline", ""]), st.integers(0, 9))
"""Drug and ng/ml; one that nobody declared has no dose."""
MOVES = st.one_of(
    st.tuples(st.just("flow"), st.integers(0, 700), st.none()),
    st.tuples(st.just("bolus"), st.integers(0, 700), LIQUIDS),
    st.tuples(st.just("refill"), st.none(), LIQUIDS),
)


@given(catheter_nl=st.integers(1, 300), moves=st.lists(MOVES, max_size=15))
def test_dose_is_that_of_plug_flow(catheter_nl: int, moves: list[Any]) -> None:
    """RES-11, RES-12, DOS-01: against a tube of single nanolitres; nothing is gained nor lost."""
    account, tube, inside = Account(), deque([("", 0)] * catheter_nl), ("", 0)
    account.prime(catheter_nl)
    doses_fg: Counter[str] = Counter()
    entered_fg: Counter[str] = Counter()
    since_fg = 0
    for kind, volume_nl, liquid in moves:
        if kind == "refill":
            inside, since_fg = liquid, 0
            account.refilled(*liquid)
            continue
        entering = inside if kind == "flow" else liquid
        if kind == "flow":
            account.deliver(HOUR, volume_nl)
        else:
            account.push(volume_nl, *liquid)
        for _ in range(volume_nl):
            tube.append(entering)
            drug, concentration = tube.popleft()
            entered_fg[entering[0]] += entering[1]
            doses_fg[drug] += concentration
            since_fg += concentration if drug == inside[0] else 0
        for drug in ("A", "B", "saline"):
            assert account.doses_fg.get(drug, 0) == doses_fg[drug]
            held_fg = sum(plug[0] * plug[2] for plug in account.plugs if plug[1] == drug)
            assert doses_fg[drug] + held_fg == entered_fg[drug]
        assert not inside[0] or account.dose_since_refill_fg == since_fg


def test_many_liquids_in_a_catheter_lose_nothing() -> None:
    """DOS-01, RES-11: of too many plugs the first counts early, and then not again."""
    account = Account()
    account.prime(100_000)
    for number in range(40):
        account.push(1_000, f"drug {number % 3}", 1 + number)
    account.push(1_000_000, "water", 0)
    given_fg = sum(1_000 * (1 + number) for number in range(40))
    assert sum(account.doses_fg.values()) == given_fg
    assert sum(plug[0] for plug in account.plugs) == 100_000 - account.early_nl
    assert account.early_nl == 0


# ---- on a real pump


class Room:
    """A device ten days after its implantation, a programmer's requests, and syringes."""

    def __init__(self) -> None:
        self.device = lived(10, seed=3)
        assert self.told() == set()

    def pass_minutes(self, minutes: int) -> None:
        self.device.advance(self.device.now_ns + minutes * 60 * 10**9)

    def do(self, kind: str, **fields: Any) -> dict[str, int]:
        stimulus = stimuli.ADAPTER.validate_python({"kind": kind, **fields})
        return self.device.stimulate(self.device.now_ns + 10**9, stimulus)

    def ask(self, body: m.Body) -> m.Reply:
        return self.device.ask_logic(Request(body, Role.CLINICIAN, 1))

    def told(self) -> set[AlarmId]:
        page = self.ask(m.ListAlarms(after_occurrence=0))
        assert isinstance(page, m.AlarmList)
        return {alarm.alarm for alarm in page.alarms} & NEEDLE


LIQUID = {"drug": "FUDR", "concentration": "6.46 mg/mL"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("withdraws", "fills", "declares", "expected"),
    [
        (True, "fill", 28_000_000, set()),
        (True, "fill", 23_000_000, {AlarmId.REFILL_DISCREPANCY}),  # 20 % typed wrong
        (True, "fill_pocket", 28_000_000, {AlarmId.POCKET_FILL}),
        (False, None, 28_000_000, {AlarmId.POCKET_FILL}),
        (True, "fill", None, {AlarmId.TAMPERING}),  # begun, and aborted
        (True, None, None, {AlarmId.TAMPERING}),
        (False, None, None, set()),
    ],
)
@pytest.mark.parametrize("pause", [0, 2])
def test_a_visit_that_was_begun(
    withdraws: bool,  # noqa: FBT001
    fills: str | None,
    declares: int | None,
    expected: set[AlarmId],
    pause: int,
) -> None:
    """RES-07: syringe and declaration, on and off, in one minute or in several."""
    room = Room()
    assert room.ask(m.BeginRefill()) == m.Done()
    withdrawn_nl = 14_400_000
    if withdraws:
        withdrawn_nl = room.do("withdraw")["withdrawn_nl"]
    room.pass_minutes(pause)
    if fills is not None:
        room.do(fills, volume="28 mL", **(LIQUID if fills == "fill" else {}))
    room.pass_minutes(pause)
    if declares is None:
        assert room.ask(m.AbortRefill()) == m.Done()
    else:
        refill = declared(withdrawn_nl, declares)
        assert isinstance(room.ask(m.CommitRefill(refill=refill)), m.Done)
    room.pass_minutes(2)
    assert room.told() == expected
    room.pass_minutes(3 * 24 * 60)
    assert room.told() == expected


@pytest.mark.parametrize("kind", ["withdraw", "fill"])
def test_a_syringe_without_a_word_is_tampering(kind: str) -> None:
    """RES-07: within two samples."""
    room = Room()
    room.do(kind, volume="2 mL", **(LIQUID if kind == "fill" else {}))
    room.pass_minutes(2)
    assert room.told() == {AlarmId.TAMPERING}


def test_a_window_that_was_forgotten_tells_what_the_needle_did() -> None:
    """RES-07, FLW-08."""
    room = Room()
    room.ask(m.BeginRefill())
    room.do("withdraw")
    room.pass_minutes(29)
    assert room.told() == set()
    room.pass_minutes(5)
    assert room.told() == {AlarmId.TAMPERING}


def test_a_drug_that_no_place_is_left_for_is_refused_before_it_is_in_the_pump() -> None:
    """DOS-09: what is in the pump is counted, each of it."""
    bench = Bench()
    bench.configure()
    bench.run(300)
    refill = REFILL.model_copy(update={"withdrawn_nl": 28_000_000})
    for number in range(MAX_DRUGS):
        drug = f"drug {number}"
        bench.ask(m.BeginRefill())
        reply = bench.ask(
            m.CommitRefill(
                refill=refill.model_copy(update={"drug": drug}),
                reason=RefillReason.OTHER,
                previous_refill_id=number + 1,
            )
        )
        if number < MAX_DRUGS - 1:  # FUDR has the other place
            assert reply == m.Done(reference=number + 2)
            bench.run(300)
    assert reply == m.Refused(reason=Refusal.TOO_MANY_DRUGS)
    begin = m.BeginBolusAccess(drug="another", concentration_ng_per_ml=1)
    assert bench.ask(begin) == m.Refused(reason=Refusal.TOO_MANY_DRUGS)
    assert bench.ask(begin.model_copy(update={"drug": "FUDR"})) == m.Done()
    assert len(bench.logic._state.account.doses_fg) == MAX_DRUGS
    assert min(bench.logic._state.account.doses_fg.values()) > 0
