"""Who fills the reservoir: what is refused, what does not add up, and what a window may hide."""

from typing import Any

import pytest
from hypothesis import strategies as st

from hil.testing.desk import shown
from hil.testing.prove import Prove
from hil.testing.refilling import begin, commit, declaration, refilled
from hil.testing.steady import REFILL
from hil.testing.subject import Subject
from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, RefillReason

DAY = 1_440


def test_a_refill_cures_what_it_cures(subject: Subject) -> None:
    """Low, empty, due and overdue end with it; what latched of other alarms stays."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 2_000_000}))
    desk.wait(20)
    desk.let(level_nl=1_100_000.0)
    desk.wait(10)
    refilled(desk, taken_nl=desk.pump.level_nl - 600e3, put_nl=25e6)
    desk.wait(5)
    cured = {AlarmId.LOW_RESERVOIR, AlarmId.EMPTY_RESERVOIR, AlarmId.REFILL_DUE}
    desk.that(not cured & desk.present(), "RES-05", "no reservoir alarm after it", desk.standing())
    left = desk.occurrence(AlarmId.TAMPERING)
    desk.that(left is not None, "RES-05", "tampering still to be acknowledged", left)
    due_s = desk.status().refill_due_in_s
    desk.that(due_s is not None and due_s > 13 * 86_400, "RES-05", "a new date in 14 d", due_s)


def test_a_commit_that_comes_again_has_no_second_effect(subject: Subject) -> None:
    """Once declared, the window is closed: the same again is refused and changes nothing."""
    desk = subject.desk()
    desk.wait(30)
    refilled(desk, taken_nl=20e6, put_nl=20e6)
    desk.wait(3)
    before, report = desk.status(), desk.ask(m.ReadConfiguration())
    again = commit(desk, 20e6, 20e6)
    desk.that(isinstance(again, m.Refused), "RES-05", "refused: no window is open", again)
    desk.same(before, desk.status(), "RES-05", "the same status after it")
    desk.same(report, desk.ask(m.ReadConfiguration()), "RES-05", "the same refill")


def test_a_refill_is_kept_as_it_was_declared(subject: Subject) -> None:
    """Every number of it, to the last digit."""
    desk = subject.desk()
    desk.wait(30)
    begin(desk)
    level_nl = desk.pump.level_nl
    more = {"drug": "heparin", "concentration_ng_per_ml": 6_460_001, "viscosity_permille": 1_013}
    reply = commit(desk, level_nl, level_nl - 1, **more)
    desk.that(isinstance(reply, m.Done), "RES-05", "a refill that is taken", reply)
    report = desk.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    declared = declaration(level_nl, level_nl - 1, **more)
    desk.same(declared, report.last_refill, "RES-05", "the refill as it was declared")


def test_a_refill_too_soon_needs_its_reason(subject: Subject) -> None:
    """Within the shortest interval only with a reason and the id of the refill before."""
    desk = subject.desk(refill_min_interval_s=86_400, refill_interval_s=20 * 86_400)
    for minutes, early in ((DAY - 1, True), (1, False)):
        desk.wait(minutes)
        desk.must_do(m.BeginRefill(), "RES-05")
        left_nl = round(desk.pump.level_nl)
        refill = REFILL.model_copy(update={"withdrawn_nl": left_nl, "filled_nl": left_nl})
        reply = desk.do(m.CommitRefill(refill=refill))
        refused = isinstance(reply, m.Refused)
        what = "refused, 1 min before the interval is over" if early else "taken: it is over"
        desk.that(refused == early, "RES-10", what, reply)
        if early:
            stale = m.CommitRefill(refill=refill, reason=RefillReason.OTHER, previous_refill_id=77)
            reply = desk.do(stale)
            desk.that(
                isinstance(reply, m.Refused), "RES-10", "refused with another refill's id", reply
            )
            desk.must_do(m.AbortRefill(), "RES-05")


def test_time_that_nobody_counted_makes_no_refill_older(subject: Subject) -> None:
    """Half a day without supply or clock: it may have been less, and too soon is too soon."""
    desk = subject.desk(refill_min_interval_s=86_400, refill_interval_s=20 * 86_400)
    desk.wait(60)
    desk.let(rtc_valid=False)
    desk.power_cycle(DAY // 2)
    desk.wait(DAY - 2 - desk.minutes)
    desk.must_do(m.BeginRefill(), "RES-05")
    left_nl = round(desk.pump.level_nl)
    refill = REFILL.model_copy(update={"withdrawn_nl": left_nl, "filled_nl": left_nl})
    reply = desk.do(m.CommitRefill(refill=refill))
    words = "refused, 2 min before the interval is over"
    desk.that(isinstance(reply, m.Refused), "RES-10", words, reply)


def test_more_than_fits_is_refused(subject: Subject) -> None:
    """What is left and what is put in may not exceed the capacity."""
    for share, filled_nl, fits in (
        (1.0, 29_500_000, True),
        (1.0, 30_600_000, False),
        (0.0, 18_000_000, True),
        (0.0, 21_000_000, False),
        (0.5, 26_000_000, False),
    ):
        desk = subject.desk(REFILL.model_copy(update={"filled_nl": 10_000_000}))
        desk.wait(30)
        begin(desk)
        reply = commit(desk, share * desk.pump.level_nl, filled_nl)
        what = "taken" if fits else "refused: over capacity"
        desk.that(isinstance(reply, m.Done) == fits, "RES-08", what, reply)


@pytest.mark.parametrize("hours", [1, 72])
def test_more_than_fits_is_refused_where_no_level_tells(subject: Subject, hours: int) -> None:
    """What must be left, by whatever is known, takes its room."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 15_000_000}))
    desk.wait(30)
    desk.let(reads={"fill_level_nl": None})
    desk.wait(hours * 60)
    told = desk.status().residual_volume_nl
    begin(desk)
    if told is None or not told.low:
        return  # it may be empty, by all that is known
    reply = commit(desk, 0, desk.configuration.capacity_nl - told.low + 500_000)
    words = f"refused: at least {told.low} nL are left"
    desk.that(isinstance(reply, m.Refused), "RES-08", words, reply)


def test_a_wrong_withdrawal_is_told_beyond_a_fifth(subject: Subject, prove: Prove) -> None:
    """Withdrawn against predicted: nothing within 20 %, MEDIUM beyond."""

    def withdrawn(percent: int) -> None:
        desk = subject.desk(REFILL.model_copy(update={"filled_nl": 20_000_000}))
        desk.wait(45)
        predicted_nl = desk.pump.level_nl
        refilled(
            desk, taken_nl=predicted_nl, put_nl=20e6, said_taken_nl=predicted_nl * percent / 100
        )
        desk.wait(3)
        told = desk.occurrence(AlarmId.REFILL_DISCREPANCY) is not None
        beyond = abs(percent - 100) > 20
        words = "refill_discrepancy" if beyond else "no refill_discrepancy within 20 %"
        desk.that(told == beyond, "RES-06", f"{words} (withdrawn {percent} %)", desk.standing())

    near = st.sampled_from([60, 75, 78, 82, 90, 100, 110, 118])
    prove(withdrawn, 8, percent=near)


@pytest.mark.parametrize(
    ("put_nl", "alarm"), [(0.0, AlarmId.POCKET_FILL), (14e6, AlarmId.REFILL_DISCREPANCY)]
)
def test_a_fill_that_does_not_arrive_is_told(
    subject: Subject, put_nl: float, alarm: AlarmId
) -> None:
    """Declared, and the level did not rise: the pocket. Risen by another volume: verify."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 10_000_000}))
    desk.wait(45)
    refilled(desk, taken_nl=9e6, put_nl=put_nl, said_put_nl=20e6)
    after = desk.minutes_to(alarm, 2)
    desk.that(after is not None, "RES-07", f"{alarm.name.lower()} within 2 min", desk.standing())


def test_an_honest_refill_raises_nothing(subject: Subject, prove: Prove) -> None:
    """What is declared is what was done, whatever it was, and after a life of any length."""

    def honest(hours: int, taken_ml: float, put_ml: float) -> None:
        desk = subject.desk(REFILL.model_copy(update={"filled_nl": 12_000_000}))
        desk.wait(45 + 60 * hours)
        refilled(desk, taken_nl=taken_ml * 1e6, put_nl=put_ml * 1e6)
        desk.wait(30)
        false = {one.alarm for one in desk.told} - {AlarmId.REFILL_DUE}
        desk.that(not false, "OCC-07", "no alarm but of the next one", shown(false))

    taken = st.sampled_from([11.0, 11.5])
    prove(honest, 10, hours=st.sampled_from([0, 1, 7]), taken_ml=taken, put_ml=st.integers(5, 18))


def test_a_window_ends_by_itself_and_hides_nothing(subject: Subject) -> None:
    """Half an hour, told and logged; what happened in it is told when it ends."""
    desk = subject.desk()
    desk.wait(45)
    desk.must_do(m.BeginRefill(), "FLW-08")
    desk.that(desk.status().refill_open, "FLW-08", "a window that is visible", "none")
    desk.wait(5)
    desk.let(level_nl=desk.pump.level_nl - 8e6)
    desk.wait(24)
    desk.that(desk.status().refill_open, "FLW-08", "open until 30 min have passed", "closed")
    desk.wait(2)
    desk.that(not desk.status().refill_open, "FLW-08", "closed after 30 min", "open")
    ended = desk.happened(EventKind.REFILL_WINDOW_ENDED)
    desk.that(ended, "FLW-08", "an event that it ended", "none")
    after = desk.minutes_to(AlarmId.TAMPERING, 3)
    desk.that(after is not None, "FLW-08", "tampering, once the window is over", desk.standing())


def test_a_window_lasts_no_longer_whatever_is_asked(subject: Subject, prove: Prove) -> None:
    """Half an hour from the first request on: another one begins none anew."""

    def asked(deeds: list[tuple[int, m.Command]]) -> None:
        desk = subject.desk()
        desk.wait(45)
        desk.must_do(m.BeginRefill(), "FLW-08")
        end = desk.minutes + 30
        for minutes, deed in deeds:
            desk.wait(min(minutes, end - 1 - desk.minutes))
            desk.do(deed)
        desk.wait(end - 1 - desk.minutes)
        desk.that(desk.status().refill_open, "FLW-08", "open for 29 min", "closed")
        desk.wait(2)
        desk.that(not desk.status().refill_open, "FLW-08", "closed after 30 min", "open")

    deed = st.sampled_from(
        [
            m.BeginRefill(),
            m.RunSelfTest(),
            m.Close(),
            m.SetClock(rtc_s=1_800_000_000),
            m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0),
            m.EndBolusAccess(injected_nl=10_000),
        ]
    )
    prove(asked, 12, deeds=st.lists(st.tuples(st.integers(1, 28), deed), min_size=1, max_size=4))


@pytest.mark.parametrize("off_min", [0, 20, 60])
def test_a_window_grows_older_without_supply(subject: Subject, off_min: int) -> None:
    """Half an hour by any clock: what passed while nobody counted is part of it."""
    desk = subject.desk()
    desk.wait(45)
    desk.must_do(m.BeginRefill(), "FLW-08")
    desk.wait(4)
    desk.power_cycle(off_min)
    desk.wait(2)
    is_open = off_min + 6 < 30
    words = f"a window that is {'open' if is_open else 'closed'}, after {off_min + 6} min"
    desk.that(desk.status().refill_open == is_open, "RST-03", words, desk.status().refill_open)
    desk.wait(26)
    desk.that(not desk.status().refill_open, "RST-03", "closed after half an hour", "open")


@pytest.mark.parametrize(
    ("truth", "alarm", "longest"),
    [
        ({"artery_pa": 44e3}, AlarmId.OCCLUSION, 28),
        ({"reads": {"temperature_mk": None}}, AlarmId.SENSOR_FAULT, 6),
        ({"battery_mv": 2_300}, AlarmId.BATTERY_END, 28),
    ],
    ids=["occlusion", "sensor_fault", "battery_end"],
)
def test_a_window_masks_nothing_else(
    subject: Subject, truth: dict[str, Any], alarm: AlarmId, longest: int
) -> None:
    """Only fill level and reservoir pressure are no evidence while it is open."""
    desk = subject.desk()
    desk.wait(45)
    desk.must_do(m.BeginRefill(), "FLW-08")
    desk.let(**truth)
    after = desk.minutes_to(alarm, longest)
    desk.that(after is not None, "FLW-08", f"{alarm.name.lower()} in the window", desk.standing())


def test_a_drug_off_the_plan_is_told(subject: Subject) -> None:
    """A course plan names the drugs; another one is told with the refill."""
    plan = (
        m.PlanStep(drug="FUDR", duration_s=14 * 86_400),
        m.PlanStep(drug="saline", duration_s=14 * 86_400),
    )
    desk = subject.desk(plan=plan)
    desk.wait(45)
    begin(desk)
    left_nl = desk.pump.level_nl
    commit(desk, left_nl, left_nl, drug="heparin")
    after = desk.minutes_to(AlarmId.OFF_PLAN, 2)
    desk.that(after is not None, "DOS-09", "off_plan for heparin", desk.standing())
