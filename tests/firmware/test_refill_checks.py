"""What was declared of a refill, against what the fill level tells of it and what may be."""

from typing import Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import Interval
from protocol.vocabulary import (
    AlarmId,
    Cause,
    EventKind,
    Priority,
    Quality,
    RefillReason,
    Refusal,
)
from pumpsim.firmware.exchange import LEFT_BEHIND_NL, MAX_AGE, MAX_WAIT, Needle
from pumpsim.firmware.fill import VOLUME_ERROR_NL
from pumpsim.firmware.refills import Refills
from pumpsim.firmware.screen import MIN_GOOD
from pumpsim.firmware.ticks import from_s
from tests.firmware.bench import DAY, MINUTE, Bench, refusal
from tests.firmware.usual import CONFIGURATION, REFILL, USUAL
from tests.firmware.visits import FULL_NL, by_level, commit, declared, found, last_id, ten_days_on

INFUSING = m.Refused(reason=Refusal.STILL_INFUSING)
CAPACITY_NL = CONFIGURATION.capacity_nl


@pytest.fixture
def bench() -> Bench:
    return ten_days_on()


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


@pytest.mark.parametrize(
    ("level_nl", "found"),
    [
        (28_600_000 - 2_800_000, (False, False)),  # a tenth of the fill
        (28_600_000 - 2_800_001, (False, True)),
        (28_600_000 + 2_800_001, (False, True)),
        (15_250_001, (False, True)),
        (15_250_000, (True, False)),  # as far from where it was as noise moves it
        (14_749_999, (False, True)),
        (14_600_000, (False, True)),
        (14_599_999, (True, False)),  # more than half of it is not there
    ],
)
def test_the_comparison_has_its_bounds(level_nl: int, found: tuple[bool, bool]) -> None:
    """RES-07: to the nanolitre."""
    assert compared(level_nl, 0) == found


INFUSED_NL: Final = 4 * CONFIGURATION.nominal_flow_nl_per_h


@pytest.mark.parametrize(
    ("after", "level_nl", "found"),
    [
        (MAX_WAIT, 28_600_000 - 2_800_000 - INFUSED_NL, (False, False)),
        (MAX_WAIT, 28_600_000 - 2_800_001 - INFUSED_NL, (False, True)),
        (MAX_WAIT, 28_600_000 + 2_800_001, (False, True)),
        (MAX_WAIT, 14_600_000 - INFUSED_NL, (False, True)),
        (MAX_WAIT, 14_599_999 - INFUSED_NL, (True, False)),
        (MAX_WAIT + 1, 14_599_999 - INFUSED_NL, (False, False)),
    ],
)
def test_the_comparison_waits_for_a_level(
    after: int, level_nl: int, found: tuple[bool, bool]
) -> None:
    """RES-07: to the tick; meanwhile the pump has infused."""
    assert compared(level_nl, after) == found


def compared(level_nl: int, after: int) -> tuple[bool, bool]:
    """Whether the first level, so many ticks after a refill, tells a pocket fill or less."""
    needle = Needle()
    needle.committed(0, by_level(15_000_000), declared(14_400_000))
    needle.watch(after, level_nl, CONFIGURATION)
    return needle.pocket_fill_until > 0, needle.discrepancy_until > 0


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


def test_a_residual_that_no_level_tells_is_reckoned(bench: Bench) -> None:
    """RES-06, RES-07: silence for an hour, then for more; what was done is declared, or is not."""
    needle = Needle()
    assert needle.residual_nl(0) is None
    needle.watch(5, 9_000_000, CONFIGURATION)
    assert needle.residual_nl(5 + MAX_AGE) == 9_000_000
    assert needle.residual_nl(6 + MAX_AGE) is None
    for taken_nl, said_nl, told in (
        (8_000_000, 8_000_000, set()),
        (8_000_000, 1, {AlarmId.REFILL_DISCREPANCY, AlarmId.POCKET_FILL}),
        (0, 8_000_000, {AlarmId.REFILL_DISCREPANCY}),
    ):
        bench = ready(10_000_000)
        bench.run(61, fill_level_nl=None)
        bench.ask(m.BeginRefill())
        bench.level_nl += 10_000_000 - taken_nl
        assert commit(bench, declared(said_nl, 10_000_000)) == m.Done(reference=2)
        bench.run(5)
        assert found(bench) == told


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
    """RES-06: above 20 % it is a discrepancy, unless level and needle explain it."""
    needle = Needle()
    withdrawn_nl = predicted_nl * permille // 1_000
    assume(predicted_nl % 1_000 == 0 or permille not in {800, 1_200})
    needle.committed(0, by_level(predicted_nl), declared(withdrawn_nl))
    off_nl = withdrawn_nl - predicted_nl
    explained = -LEFT_BEHIND_NL - VOLUME_ERROR_NL <= off_nl <= VOLUME_ERROR_NL
    expected = not explained and not 800 <= permille <= 1_200
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
        (1_500_000, 900_000 - VOLUME_ERROR_NL, False),  # and the level read too much
        (1_500_000, 899_999 - VOLUME_ERROR_NL, True),
        (1_000_000, 1_000_000 + VOLUME_ERROR_NL, False),  # it read too little
        (1_000_000, 1_000_001 + VOLUME_ERROR_NL, True),
        (0, VOLUME_ERROR_NL, False),
        (0, VOLUME_ERROR_NL + 1, True),
    ],
)
def test_withdrawn_against_predicted_at_its_boundaries(
    predicted_nl: int, withdrawn_nl: int, *, expected: bool
) -> None:
    """RES-06: 19.9, 20.0 and 20.1 %, and tiny predictions."""
    needle = Needle()
    needle.committed(7, by_level(predicted_nl), declared(withdrawn_nl))
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


def test_a_fill_that_cannot_fit_is_refused_where_no_level_tells(bench: Bench) -> None:
    """RES-08: by the least there can be; over a reset, too."""
    bench.run(61, fill_level_nl=None)
    residual = bench.status().residual_volume_nl
    assert residual is not None
    assert residual.low > 0
    bench.ask(m.BeginRefill())
    most_nl = CAPACITY_NL - residual.low
    for one in (bench, bench.reset()):
        assert refusal(commit(one, declared(0, most_nl + 1))) is Refusal.OVER_CAPACITY
    assert commit(one, declared(0, most_nl)) == m.Done(reference=2)


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
        refills.commit(0, m.CommitRefill(refill=REFILL), CONFIGURATION)
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


def test_each_date_of_a_refill_begins_with_its_tick() -> None:
    """RES-04: ahead, due and overdue."""
    refills = Refills()
    refills.commit(0, m.CommitRefill(refill=REFILL), CONFIGURATION)
    due, grace = from_s(CONFIGURATION.refill_interval_s), from_s(CONFIGURATION.refill_grace_s)
    ahead = due - due // 4
    assert refills.due == due
    for now, priority in (
        (ahead - 1, None),
        (ahead, Priority.LOW),
        (due - 1, Priority.LOW),
        (due, Priority.MEDIUM),
    ):
        assert refills.due_priority(now) is priority
    assert not refills.overdue(due + grace - 1)
    assert refills.overdue(due + grace)
    assert refills.dates_after(0) == [ahead, due, due + grace]
    assert refills.dates_after(ahead) == [due, due + grace]
    settled = from_s(4 * 3_600)
    assert [refills.settling(now) for now in (0, settled - 1, settled)] == [True, True, False]


# ---- the last one


@pytest.mark.parametrize("concentration", [0, 1])
def test_before_an_explant_no_drug_goes_in(bench: Bench, concentration: int) -> None:
    """RES-05: not the least of it."""
    bench.ask(m.BeginRefill())
    water = declared(28_000_000).model_copy(update={"concentration_ng_per_ml": concentration})
    reply = bench.ask(
        m.CommitRefill(refill=water, reason=RefillReason.EXPLANT, previous_refill_id=last_id(bench))
    )
    assert isinstance(reply, m.Refused) == (concentration > 0)


@pytest.mark.parametrize(
    ("concentration", "level_nl", "reply"),
    [
        (5_000_000, 14_000_000, INFUSING),
        (1, 14_000_000, INFUSING),
        (5_000_000, 1_000_000, INFUSING),  # empty, but not by more than the level's error
        (5_000_000, 700_000, m.Done()),
        (0, 28_000_000, m.Done()),
    ],
)
def test_a_pump_is_taken_out_empty_or_without_drug(
    bench: Bench, concentration: int, level_nl: int, reply: m.Reply
) -> None:
    """RES-13."""
    fill = declared(14_400_000).model_copy(update={"concentration_ng_per_ml": concentration})
    bench.ask(m.BeginRefill())
    commit(bench, fill)
    assert bench.ask(m.Explant()) == INFUSING  # no level has told yet
    bench.run(2, fill_level_nl=level_nl)
    assert bench.ask(m.Explant()) == reply
    assert (EventKind.EXPLANTED in bench.events()) is (reply == m.Done())


@pytest.mark.parametrize(
    ("withdrawn_nl", "filled_nl", "level_nl"),
    [
        (0, 1_000_000, 16_000_000),  # on top of the drug
        (10_000_000, 10_000_000, 15_000_000),
        (14_400_000, 28_000_000, 15_000_000),  # the exchange did not happen
        (28_000_000, 28_000_000, 28_000_000),  # more than there was
    ],
)
def test_a_pump_that_was_not_emptied_for_sure_is_not_taken_out(
    bench: Bench, withdrawn_nl: int, filled_nl: int, level_nl: int
) -> None:
    """RES-13: whatever is declared of the last fill."""
    water = declared(withdrawn_nl, filled_nl).model_copy(update={"concentration_ng_per_ml": 0})
    bench.ask(m.BeginRefill())
    assert isinstance(commit(bench, water), m.Done)
    bench.run(2, fill_level_nl=level_nl)
    assert bench.ask(m.Explant()) == INFUSING
    bench = bench.reset()
    bench.run(2, fill_level_nl=level_nl)
    assert bench.ask(m.Explant()) == INFUSING


def test_what_was_left_before_the_last_fill_counts(bench: Bench) -> None:
    """RES-13: not that it was emptied before an earlier one."""
    drug = REFILL.concentration_ng_per_ml
    for withdrawn_nl, concentration in ((14_400_000, drug), (12_500_000, 0)):
        fill = declared(withdrawn_nl, 14_000_000)
        bench.ask(m.BeginRefill())
        commit(bench, fill.model_copy(update={"concentration_ng_per_ml": concentration}))
        bench.level_nl += 14_000_000 - withdrawn_nl
        bench.believe()
        bench.run(2)
        assert found(bench) == set()
    assert bench.ask(m.Explant()) == INFUSING


@pytest.mark.parametrize("samples", [0, 1, 2, 3])
def test_a_reset_soon_after_a_fill_puts_nothing_off(bench: Bench, samples: int) -> None:
    """RES-13, RST-02: two levels bear it out, of one life or of two."""
    bench.ask(m.BeginRefill())
    commit(bench, declared(14_400_000).model_copy(update={"concentration_ng_per_ml": 0}))
    bench.level_nl = FULL_NL + LEFT_BEHIND_NL
    bench.believe()
    bench.run(samples)
    bench = bench.reset()
    bench.run(3)
    assert bench.ask(m.Explant()) == m.Done()


def test_a_needle_that_nobody_announced_ends_what_was_borne_out(bench: Bench) -> None:
    """RES-13: what it put in may be drug."""
    bench.ask(m.BeginRefill())
    commit(
        bench, declared(14_400_000, 14_000_000).model_copy(update={"concentration_ng_per_ml": 0})
    )
    bench.level_nl = 14_000_000 + LEFT_BEHIND_NL
    bench.believe()
    bench.run(5)
    assert bench.ask(m.Explant()) == m.Done()
    bench.level_nl += 10_000_000
    bench.run_screened(5)
    assert AlarmId.TAMPERING in found(bench)
    assert bench.ask(m.Explant()) == INFUSING


@pytest.mark.parametrize("hours", [1, 5])
def test_a_fill_that_no_level_has_borne_out_is_not_taken_out(bench: Bench, hours: int) -> None:
    """RES-13: however long none is told, and a level that comes so late bears out nothing."""
    bench.ask(m.BeginRefill())
    commit(bench, declared(14_400_000).model_copy(update={"concentration_ng_per_ml": 0}))
    bench.run(60 * hours, fill_level_nl=None)
    assert bench.ask(m.Explant()) == INFUSING
    bench.run(20, fill_level_nl=FULL_NL + LEFT_BEHIND_NL)
    in_time = from_s(3_600 * hours) < MAX_WAIT
    assert bench.ask(m.Explant()) == (m.Done() if in_time else INFUSING)


def test_a_pump_that_knows_nothing_of_its_fill_is_not_taken_out() -> None:
    """RES-13, NVM-03: never filled, and a level that is not told."""
    assert refusal(Bench().ask(m.Explant())) is Refusal.STILL_INFUSING
    bench = ten_days_on()
    bench.run(10, fill_level_nl=None)
    assert refusal(bench.ask(m.Explant())) is Refusal.STILL_INFUSING


def test_the_plan_ends_with_an_explant(bench: Bench) -> None:
    """RES-13: the fill without drug is none that the plan calls for, and no alarm."""
    plan = (m.PlanStep(drug="FUDR", duration_s=14 * 86_400),)
    new = CONFIGURATION.model_copy(update={"plan": plan})
    assert bench.ask(m.WriteConfiguration(base_config_id=1, configuration=new)) == m.Done(
        reference=2
    )
    bench.ask(m.BeginRefill())
    saline = declared(14_400_000).model_copy(
        update={"drug": "saline", "concentration_ng_per_ml": 0}
    )
    bench.ask(
        m.CommitRefill(
            refill=saline, reason=RefillReason.EXPLANT, previous_refill_id=last_id(bench)
        )
    )
    bench.level_nl = 28_600_000
    bench.believe()
    bench.run(2)
    assert AlarmId.OFF_PLAN not in bench.raised()
    assert bench.ask(m.Explant()) == m.Done()
