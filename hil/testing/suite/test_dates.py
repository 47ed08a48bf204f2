"""When a refill is due: by its dates, and never later than it was."""

from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import strategies as st

from hil.testing.desk import Desk, span, span_s
from hil.testing.prove import Prove
from hil.testing.refilling import begin
from hil.testing.steady import LEVEL_ERROR_NL, LEVEL_OFF_NL, REFILL
from hil.testing.subject import Subject
from protocol import messages as m
from protocol.vocabulary import AlarmId, Priority

DAY = 1_440
DAY_S = 86_400
DATE_SLACK_S = 120
"""A reset leaves a clock's second, and a date is told in whole ones."""
KEPT_TO_S = 3_600


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


@pytest.mark.parametrize("written", [False, True], ids=["", "written_anew"])
def test_what_comes_nearer_is_overdue_that_much_sooner(subject: Subject, *, written: bool) -> None:
    """It will be low before its interval is over, and the grace counts from there.

    Whoever writes the same configuration once more puts nothing off, after a fever least of all.
    """
    refill = REFILL.model_copy(update={"filled_nl": 7_000_000})
    desk = subject.desk(refill, refill_grace_s=DAY_S)
    for temperature_mk in (311_650.0, 312_650.0, 311_650.0, 310_150.0):
        desk.let(temperature_mk=temperature_mk)
        desk.wait(4 * 60)
    if written:
        again = m.WriteConfiguration(base_config_id=1, configuration=desk.configuration)
        desk.must_do(again, "FLW-07")
    wanted = (AlarmId.REFILL_DUE, Priority.MEDIUM), (AlarmId.REFILL_OVERDUE, Priority.HIGH)
    seen: dict[tuple[AlarmId, Priority], int] = {}
    for minute in range(1, 5 * DAY):
        for one in desk.minute().alarms:
            seen.setdefault((one.alarm, one.priority), minute)
    due, overdue = map(seen.get, wanted)
    words = f"refill_overdue a day after it was due, at {due} min"
    close = due is not None and overdue is not None and abs(overdue - due - DAY) <= KEPT_TO_S // 60
    desk.that(close, "RES-04", words, f"at {overdue} min")


def test_a_drug_that_is_good_no_longer_is_due_at_once(subject: Subject) -> None:
    """Declared to be good for no time at all."""
    desk = subject.desk(REFILL.model_copy(update={"stability_s": 0}))
    desk.wait(1)
    due_s = desk.status().refill_due_in_s
    due = due_s is not None and due_s <= 0
    desk.that(due, "RES-03", "due now", "no date" if due_s is None else f"in {span_s(due_s)}")
    desk.that(AlarmId.REFILL_DUE in desk.present(), "RES-04", "refill_due", desk.standing())


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


@pytest.mark.parametrize(("first", "then"), [(20, 8), (40, 16)])
def test_the_reminder_goes_by_the_interval_in_force(
    subject: Subject, first: int, then: int
) -> None:
    """One that is written after the refill moves the date, and the reminder ahead of it."""
    desk = subject.desk(refill_interval_s=first * DAY_S, drug_stability_s=90 * DAY_S)
    desk.wait(60)
    new = desk.configuration.model_copy(update={"refill_interval_s": then * DAY_S})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=new), "FLW-07")
    at = then * DAY - then * DAY // 4
    desk.miss(at - 2 - desk.minutes)
    sooner = AlarmId.REFILL_DUE in desk.present()
    desk.that(not sooner, "RES-04", f"no refill_due before {span(at)}", desk.standing())
    desk.miss(4)
    told = AlarmId.REFILL_DUE in desk.present()
    desk.that(told, "RES-04", f"refill_due at {span(at)}", desk.standing())


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


@pytest.mark.parametrize("restrictor", [0.9, 1.1])
def test_the_date_is_by_the_largest_flow_told(subject: Subject, restrictor: float) -> None:
    """Whichever channel leaves it possible, from the least that is told to be left.

    A date stays near, so what the level has just found may count by its best guess, for 6 h.
    """
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 15_000_000}))
    desk.let(restrictor=restrictor)
    desk.wait(DAY // 2)
    for _ in range(4):
        desk.wait(DAY // 2)
        told = desk.status()
        flow, left, due_s = told.flow_nl_per_h, told.residual_volume_nl, told.refill_due_in_s
        told_all = flow is not None and left is not None and due_s is not None
        desk.that(told_all, "RES-03", "a flow, what is left, and a date", told)
        assert flow is not None
        assert left is not None
        assert due_s is not None
        low_nl = left.low - desk.configuration.low_volume_nl
        low_s = low_nl * 3_600 // flow.high
        words = f"due before {low_nl} nl are gone at {flow.high} nl/h, in {span_s(low_s)}"
        soon = due_s <= low_s + DATE_SLACK_S
        desk.that(soon, "RES-03", words, f"due in {span_s(due_s)}")


def test_a_date_comes_nearer_where_no_level_tells(subject: Subject) -> None:
    """What is left is reckoned: up a mountain, the pump is a tenth faster from then on."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 8_000_000}))
    desk.let(reads={"fill_level_nl": None})
    desk.wait(60)
    desk.let(pocket_pa=79e3)
    desk.wait(DAY)
    due_s = desk.status().refill_due_in_s
    latest_s = (desk.pump.level_nl - 3e6) / desk.pump.flow_nl_per_h() * 3_600
    soon = due_s is not None and due_s <= latest_s + DATE_SLACK_S
    seen = "no date" if due_s is None else span_s(due_s)
    desk.that(soon, "RES-03", f"due before it is low, in {span_s(latest_s)}", seen)


def test_time_that_nobody_counted_puts_no_date_off(subject: Subject) -> None:
    """Half a day without supply or clock may have been that long."""
    days = 4
    desk = subject.desk(refill_interval_s=days * DAY_S)
    desk.wait(60)
    desk.let(rtc_valid=False)
    desk.power_cycle(DAY // 2)
    desk.wait(5)
    due_s = desk.status().refill_due_in_s
    latest_s = days * DAY_S - desk.passed_s
    soon = due_s is not None and due_s <= latest_s + DATE_SLACK_S
    seen = "no date" if due_s is None else span_s(due_s)
    desk.that(soon, "RES-04", f"due within {span_s(latest_s)}", seen)


@pytest.mark.parametrize("risen_pa", [2_500, 20_000])
def test_what_came_nearer_step_by_step_is_kept(subject: Subject, risen_pa: int) -> None:
    """Up a hill or a mountain within the hour, and down at once; then supply is lost."""
    minutes = 50
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 20_000_000}))
    desk.wait(65)
    for minute in range(minutes):
        desk.let(pocket_pa=101_300 - risen_pa * (minute + 1) / minutes)
        desk.wait(1)
    life = Dated(desk)
    life.check()
    desk.let(pocket_pa=101_300.0)
    life.lose_supply(0)
    desk.wait(3)
    life.check()


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
        """By less than `KEPT_TO_S` may a date have moved that was not written down."""
        self.latest_s += KEPT_TO_S
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

    dated(15, 0, ["mountains", "the sea", "a reset"])  # few lives that are drawn have all of it
    some = st.lists(st.sampled_from(sorted(DATED)), max_size=5)
    off = st.sampled_from([-LEVEL_OFF_NL, 0, LEVEL_OFF_NL])
    prove(dated, 24, filled_ml=st.sampled_from([5, 7, 15, 28]), off_nl=off, deeds=some)
