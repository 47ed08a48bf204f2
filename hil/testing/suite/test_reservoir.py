"""The reservoir and who fills it: what is left, when a refill is due, and what does not add up."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import strategies as st

from hil.testing.desk import Desk, shown, span, span_s
from hil.testing.prove import Prove
from hil.testing.steady import REFILL
from hil.testing.subject import Subject
from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, Priority, Quality, RefillReason

LEVEL_ERROR_NL = 247_500
"""What the fill level may be off while its sensor keeps its declared error."""
LEVEL_OFF_NL = 225_000
FLOW_OFF = {"reservoir_pressure_pa": 1_100, "catheter_pressure_pa": -1_100, "temperature_mk": 140}
"""What of these the last digits of readings leave room for."""
MARGIN_NL = 300_000
DAY = 1_440
DAY_S = 86_400
DATE_SLACK_S = 120
"""A reset leaves a clock's second, and a date is told in whole ones."""
QUICK_NL_PER_H = 540_000
"""What empties a reservoir in a day."""


def begin(desk: Desk) -> None:
    """Open the window of a refill."""
    desk.must_do(m.BeginRefill(), "RES-05")
    desk.wait(2)


def commit(desk: Desk, withdrawn_nl: float, filled_nl: float, **more: Any) -> m.Reply:
    """Declare it, with a reason: it may come early."""
    report = desk.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    fields = {"withdrawn_nl": round(withdrawn_nl), "filled_nl": round(filled_nl), **more}
    refill = REFILL.model_copy(update=fields)
    last, other = report.last_refill_id, RefillReason.OTHER
    return desk.do(m.CommitRefill(refill=refill, reason=other, previous_refill_id=last))


def refilled(desk: Desk, *, taken_nl: float, put_nl: float, said_taken_nl: float | None = None,
             said_put_nl: float | None = None) -> m.Reply:  # fmt: skip
    """Hands move liquid, and somebody declares it."""
    begin(desk)
    desk.let(level_nl=desk.pump.level_nl - taken_nl + put_nl)
    desk.wait(2)
    taken = taken_nl if said_taken_nl is None else said_taken_nl
    return commit(desk, taken, put_nl if said_put_nl is None else said_put_nl)


@pytest.mark.parametrize(
    ("alarm", "limit_nl"),
    [(AlarmId.LOW_RESERVOIR, 3e6), (AlarmId.LOW_RESERVOIR, 5e6), (AlarmId.EMPTY_RESERVOIR, 1e6)],
)
def test_low_is_told_while_there_is_so_much(
    subject: Subject, alarm: AlarmId, limit_nl: float
) -> None:
    """By the pessimistic edge: never later than the limit, and never by more than the error."""
    refill = REFILL.model_copy(update={"filled_nl": round(limit_nl + 2 * LEVEL_ERROR_NL + 120_000)})
    low = alarm is AlarmId.LOW_RESERVOIR
    desk = subject.desk(refill, low_volume_nl=round(limit_nl) if low else 3_000_000)
    name = alarm.name.lower()
    while alarm not in desk.present():
        told = desk.status().residual_volume_nl
        edge = told is not None and told.low > limit_nl
        words = f"{name} once the interval's lower edge is at {limit_nl / 1e6:g} mL"
        desk.that(edge, "RES-01", words, f"{told}; {desk.standing()}")
        desk.minute()
    left_nl = desk.pump.level_nl
    early_nl = limit_nl + 2 * LEVEL_ERROR_NL + 20_000
    fair = f"{name} between {early_nl / 1e6:.2f} and {limit_nl / 1e6:.2f} mL"
    desk.that(limit_nl - MARGIN_NL < left_nl <= early_nl, "RES-01", fair, f"{left_nl / 1e6:.2f} mL")
    desk.that(left_nl >= limit_nl, "RES-01", fair, f"{left_nl / 1e6:.2f} mL")
    desk.wait(45)
    raised = {one.occurrence for one in desk.told if one.alarm is alarm}
    desk.that(len(raised) == 1, "RES-01", "one occurrence: noise does not end it", sorted(raised))
    if alarm is AlarmId.EMPTY_RESERVOIR:
        order = [one.alarm for one in desk.told if one.present]
        low = AlarmId.LOW_RESERVOIR in order[: order.index(alarm)]
        desk.that(low, "RES-02", "low raised before empty", order)


@pytest.mark.parametrize("off_nl", [-LEVEL_OFF_NL, 0, LEVEL_OFF_NL])
def test_what_the_reservoir_holds_is_within_its_interval(subject: Subject, off_nl: int) -> None:
    """The truth lies in the interval at any level, and the interval is no wider than it must.

    Whatever the sensor is off, within what its data sheet declares.
    """
    for level_nl in (28e6, 15e6, 6e6, 1e6):
        desk = subject.bare_desk()
        desk.pump.bias = {"fill_level_nl": off_nl}
        desk.implant(REFILL.model_copy(update={"filled_nl": round(level_nl)}))
        for _ in range(6):
            desk.wait(10)
            told, true_nl = desk.status().residual_volume_nl, round(desk.pump.level_nl)
            desk.that(told is not None, "RES-01", "a residual volume", told)
            assert told is not None
            holds = told.low <= true_nl <= told.high
            desk.that(holds, "RES-01", f"an interval that holds {true_nl} nL", told)
            desk.that(told.high - told.low <= 1_000_000, "FLW-01", "at most 1 mL wide", told)


@pytest.mark.parametrize("side", [-1, 0, 1])
def test_the_flow_is_within_its_interval(subject: Subject, side: int) -> None:
    """At any temperature and pressure of ordinary life, for any fill, within 5 %.

    And with every sensor of it off to the same side, by what its data sheet declares.
    """
    off = {channel: side * most for channel, most in FLOW_OFF.items()}
    for truth in ({}, {"temperature_mk": 313_000.0}, {"temperature_mk": 308_900.0},
                  {"pocket_pa": 84e3}, {"artery_pa": 15e3}):  # fmt: skip
        for permille in (1_000, 1_020, 2_250):
            desk = subject.bare_desk()
            desk.pump.bias = off
            desk.implant(REFILL.model_copy(update={"viscosity_permille": permille}))
            desk.wait(5)
            desk.let(**truth)
            desk.wait(3)
            told, true = desk.status().flow_nl_per_h, desk.pump.flow_nl_per_h()
            desk.that(told is not None, "FLW-01", "a flow", told)
            assert told is not None
            desk.that(
                told.low <= true <= told.high, "ENV-01", f"an interval with {true:.0f} nL/h", told
            )
            desk.that(
                abs(told.estimate - true) <= 0.05 * true, "ENV-01", f"{true:.0f} +- 5 %", told
            )


@pytest.mark.parametrize("temperature_mk", [308_900.0, 310_150.0, 312_500.0])
def test_without_a_thermometer_the_flow_is_less_certain(
    subject: Subject, temperature_mk: float
) -> None:
    """About 37 degrees Celsius are assumed: the interval is wider, and holds the truth."""
    desk = subject.desk()
    desk.wait(5)
    desk.let(temperature_mk=temperature_mk, reads={"temperature_mk": None})
    desk.wait(3)
    told, true = desk.status().flow_nl_per_h, desk.pump.flow_nl_per_h()
    words = f"an interval with {true:.0f} nL/h, and not of good quality"
    holds = told is not None and told.low <= true <= told.high
    unsure = told is not None and told.quality is not Quality.GOOD
    desk.that(holds and unsure, "ENV-03", words, told)


@pytest.mark.parametrize("faster", [0.88, 1.0, 1.12])
def test_without_a_level_what_is_left_is_reckoned(subject: Subject, faster: float) -> None:
    """By the flow there is, not the one prescribed: a pump that runs too fast is low in time."""
    desk = subject.desk(
        REFILL.model_copy(update={"filled_nl": 12_000_000}),
        calibration_flow_nl_per_h=QUICK_NL_PER_H,
        nominal_flow_nl_per_h=round(QUICK_NL_PER_H / faster),
    )
    desk.wait(30)
    desk.let(reads={"fill_level_nl": None})
    while AlarmId.LOW_RESERVOIR not in desk.present():
        left_nl = desk.pump.level_nl
        soon = left_nl > 3e6 - MARGIN_NL
        desk.that(soon, "RES-01", "low_reservoir by 2.7 mL", f"{left_nl / 1e6:.2f} mL are left")
        told = desk.status().residual_volume_nl
        holds = told is None or told.low <= left_nl <= told.high
        desk.that(holds, "SEN-07", f"an interval that holds {left_nl:.0f} nL", told)
        desk.wait(10)
    early = desk.pump.level_nl < 4e6
    desk.that(early, "RES-01", "low_reservoir below 4 mL", f"{desk.pump.level_nl / 1e6:.2f} mL")


def test_the_refill_is_due_by_its_dates(subject: Subject) -> None:
    """LOW ahead of the date, MEDIUM on it, HIGH after the grace: to the minute, and never back."""
    days, grace_h = 4, 12
    desk = subject.desk(refill_interval_s=days * 86_400, refill_grace_s=grace_h * 3_600)
    seen: dict[tuple[AlarmId, Priority], int] = {}
    for minute in range(1, days * DAY + grace_h * 60 + 3):
        for one in desk.minute().alarms:
            if one.present:
                seen.setdefault((one.alarm, one.priority), minute)
    due = days * DAY
    for alarm, priority, expected in (
        (AlarmId.REFILL_DUE, Priority.LOW, due - due // 4),
        (AlarmId.REFILL_DUE, Priority.MEDIUM, due),
        (AlarmId.REFILL_OVERDUE, Priority.HIGH, due + grace_h * 60),
    ):
        at = seen.get((alarm, priority))
        words = f"{alarm.name.lower()} {priority.name} at {span(expected)}"
        close = at is not None and abs(at - expected) <= 1
        desk.that(close, "RES-04", words, "never" if at is None else span(at))


def test_any_dates_come_at_their_time(subject: Subject, prove: Prove) -> None:
    """Whatever interval, grace and stability are configured; without samples, too.

    The reminder begins a quarter of the interval before the date, and no more than 14 d.
    """

    def comes(days: int, stable_days: int, filled_days: int, grace_days: int) -> None:
        stability = {"stability_s": filled_days * DAY_S}
        desk = subject.desk(
            REFILL.model_copy(update=stability),
            refill_interval_s=days * DAY_S,
            drug_stability_s=stable_days * DAY_S,
            refill_grace_s=grace_days * DAY_S,
        )
        desk.wait(2)
        due = (desk.status().refill_due_in_s or 0) // 60 + desk.minutes
        latest = min(days, stable_days, filled_days) * DAY
        desk.that(due <= latest, "RES-03", f"due by {span(latest)}", span(due))
        lead = min(days * DAY // 4, 14 * DAY)
        for alarm, priority, at in (
            (AlarmId.REFILL_DUE, Priority.LOW, due - lead),
            (AlarmId.REFILL_DUE, Priority.MEDIUM, due),
            (AlarmId.REFILL_OVERDUE, Priority.HIGH, due + grace_days * DAY),
        ):
            name = f"{alarm.name.lower()} {priority.name}"
            if at - 2 > desk.minutes:
                desk.miss(at - 2 - desk.minutes)
                one = desk.occurrence(alarm)
                sooner = one is not None and one.priority >= priority
                desk.that(not sooner, "RES-04", f"{name} not before {span(at)}", one)
            desk.miss(4)
            one = desk.occurrence(alarm)
            told = one is not None and one.priority is priority
            desk.that(told, "RES-04", f"{name} at {span(at)}", desk.standing())

    count = st.sampled_from([1, 10, 14, 57, 70, 90])
    grace = st.integers(1, 7)
    prove(comes, 8, days=count, stable_days=count, filled_days=count, grace_days=grace)


def test_the_drug_sets_a_date_too(subject: Subject) -> None:
    """A fill is to be replaced when its drug is no longer stable."""
    desk = subject.desk(drug_stability_s=2 * 86_400)
    desk.wait(10)
    due_s = desk.status().refill_due_in_s
    close = due_s is not None and abs(due_s - (2 * 86_400 - 600)) <= 60
    desk.that(close, "RES-03", "due when the drug expires, in 2 d less 10 min", due_s)


@pytest.mark.parametrize("faster", [1.0, 1.08, 1.12])
def test_a_faster_pump_is_due_sooner(subject: Subject, faster: float) -> None:
    """The date follows the flow there is, at its pessimistic edge, not the flow prescribed."""
    nominal = round(54_015 / faster)
    refill = REFILL.model_copy(update={"filled_nl": 8_000_000})
    desk = subject.desk(refill, nominal_flow_nl_per_h=nominal)
    desk.wait(60)
    due_s = desk.status().refill_due_in_s
    latest_s = (desk.pump.level_nl - 3e6) / desk.pump.flow_nl_per_h() * 3_600
    earliest_s = (desk.pump.level_nl - 2 * LEVEL_ERROR_NL - 3e6) / (
        1.06 * desk.pump.flow_nl_per_h()
    )
    earliest_s *= 3_600
    desk.that(due_s is not None, "RES-03", "a date", due_s)
    assert due_s is not None
    fair = f"between {earliest_s:.0f} and {latest_s:.0f} s ahead"
    desk.that(earliest_s - 900 <= due_s <= latest_s, "RES-03", fair, due_s)


class Dated:
    """A pump, and the latest its refill may be due: that only ever comes nearer."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.written = 1
        self.latest_s = 1e9  # s: nothing was told yet

    def write(self, **changed: int) -> None:
        """Another configuration."""
        desk = self.desk
        new = desk.configuration = desk.configuration.model_copy(update=changed)
        write = m.WriteConfiguration(base_config_id=self.written, configuration=new)
        desk.must_do(write, "FLW-07")
        self.written += 1

    def lose_supply(self, minutes: int) -> None:
        """When the hour is over in which a pump may write down what it reckons."""
        self.desk.wait(61)
        self.check()
        self.desk.power_cycle(minutes)

    def check(self) -> None:
        """It is no later than any of its dates, nor than it was."""
        desk, made = self.desk, self.desk.configuration
        told_s = desk.status().refill_due_in_s
        due_s = float("inf") if told_s is None else desk.passed_s + told_s
        seen = "no date" if told_s is None else f"due at {span_s(due_s)}"
        dates_s = min(made.refill_interval_s, made.drug_stability_s)
        for requirement, latest_s in (("RES-03", dates_s), ("RES-04", self.latest_s)):
            words = f"a refill that is due by {span_s(latest_s)}"
            desk.that(due_s <= latest_s + DATE_SLACK_S, requirement, words, seen)
        self.latest_s = min(self.latest_s, due_s)


DATED: Final[dict[str, Callable[[Dated], None]]] = {
    "a reset": lambda dated: dated.lose_supply(0),
    "two hours without supply": lambda dated: dated.lose_supply(120),
    "mountains": lambda dated: dated.desk.let(pocket_pa=84e3),
    "the sea": lambda dated: dated.desk.let(pocket_pa=101_300.0),
    "three days": lambda dated: dated.write(refill_interval_s=3 * DAY_S),
    "two days of stability": lambda dated: dated.write(drug_stability_s=2 * DAY_S),
    "thirty days": lambda dated: dated.write(refill_interval_s=30 * DAY_S),
    "low is more": lambda dated: dated.write(low_volume_nl=5_000_000),
    "a refill that is aborted": lambda dated: aborted(dated.desk),
    "a level that is missing": lambda dated: dated.desk.let(reads={"fill_level_nl": None}),
    "a level that is back": lambda dated: dated.desk.let(reads={}),
}


def aborted(desk: Desk) -> None:
    """A window in which nothing happens."""
    begin(desk)
    desk.must_do(m.AbortRefill(), "RES-05")


def test_nothing_puts_a_refill_off(subject: Subject, prove: Prove) -> None:
    """Until the next refill its date comes nearer only; never later than it must, at first."""

    def dated(filled_ml: int, off_nl: int, deeds: list[str]) -> None:
        desk = subject.bare_desk()
        desk.pump.bias = {"fill_level_nl": off_nl}
        desk.implant(REFILL.model_copy(update={"filled_nl": filled_ml * 1_000_000}))
        desk.wait(25)
        life = Dated(desk)
        low_s = (desk.pump.level_nl - 3e6) / desk.pump.flow_nl_per_h() * 3_600
        due_s = desk.status().refill_due_in_s
        soon = due_s is not None and due_s <= low_s
        desk.that(soon, "RES-03", f"due before it is low, in {low_s:.0f} s", due_s)
        life.check()
        for deed in deeds:
            DATED[deed](life)
            desk.wait(12)
            life.check()

    some = st.lists(st.sampled_from(sorted(DATED)), max_size=5)
    off = st.sampled_from([-LEVEL_OFF_NL, 0, LEVEL_OFF_NL])
    prove(dated, 24, filled_ml=st.sampled_from([5, 7, 15, 28]), off_nl=off, deeds=some)


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


def test_a_refill_too_soon_needs_its_reason(subject: Subject) -> None:
    """Within the shortest interval only with a reason and the id of the refill before."""
    desk = subject.desk(refill_min_interval_s=86_400, refill_interval_s=20 * 86_400)
    for minutes, early in ((DAY - 3, True), (6, False)):
        desk.wait(minutes)
        desk.must_do(m.BeginRefill(), "RES-05")
        left_nl = round(desk.pump.level_nl)
        refill = REFILL.model_copy(update={"withdrawn_nl": left_nl, "filled_nl": left_nl})
        reply = desk.do(m.CommitRefill(refill=refill))
        refused = isinstance(reply, m.Refused)
        what = "refused, 3 min before the interval is over" if early else "taken, 3 min after it"
        desk.that(refused == early, "RES-10", what, reply)
        if early:
            stale = m.CommitRefill(refill=refill, reason=RefillReason.OTHER, previous_refill_id=77)
            reply = desk.do(stale)
            desk.that(
                isinstance(reply, m.Refused), "RES-10", "refused with another refill's id", reply
            )
            desk.must_do(m.AbortRefill(), "RES-05")


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
