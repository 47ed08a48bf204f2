"""Twins: of two pumps that lived the same life, one loses its supply for a moment.

What the twin without a reset believes is the measure: after the reset no alarm is gone, no date is
later, nothing is known better than before, and no bounds exclude what the twin believes. So all
that has to outlive a reset is tried, wherever some logic keeps it.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Final, NamedTuple

import pytest

from hil.testing.cases import CASES, Case, settled
from hil.testing.desk import Desk, shown, span
from hil.testing.refilling import begin, commit, refilled
from hil.testing.steady import ARTERY_PA, BODY_MK
from hil.testing.subject import Subject
from hil.testing.suite.test_dose import PRIMED_MIN, inject
from protocol import messages as m
from protocol.vocabulary import AlarmId

LOOKS_MIN: Final = (1, 5, 20, 60, 180)
"""After the reset."""
HOURS: Final = 60
DATE_S: Final = 3_600
"""A date may be told so much earlier before memory has it."""
BOUNDED: Final = (
    ("delivered_total_nl", "delivered_total_between_nl"),
    ("delivered_since_refill_nl", "delivered_since_refill_between_nl"),
    ("dose_total_ng", "dose_total_between_ng"),
    ("dose_since_refill_ng", "dose_since_refill_between_ng"),
)
"""What is told, and its bounds."""
ESTIMATED: Final = (("flow_nl_per_h", "FLW-01"), ("residual_volume_nl", "RES-01"))
AS_BEFORE: Final = ("drug", "refill_open", "bolus_access_open")
MOMENTARY: Final = {
    AlarmId.TAMPERING, AlarmId.POCKET_FILL, AlarmId.REFILL_DISCREPANCY,
    AlarmId.BOLUS_PATH_INJECTION, AlarmId.RESETS,
}  # fmt: skip
"""What is over at once, and latches; and what tells of resets themselves."""

Story = Callable[[Desk], None]


def an_injection_of_the_drug(desk: Desk) -> None:
    inject(desk, 40_000)
    desk.wait(100)


def an_injection_beyond_its_limit(desk: Desk) -> None:
    inject(desk, 3_000_000)
    desk.wait(90)


def an_injection_that_nobody_declared(desk: Desk) -> None:
    desk.let(artery_pa=40e3)
    desk.wait(4)
    desk.let(artery_pa=float(ARTERY_PA))
    desk.wait(120)


def an_injection_of_yesterday(desk: Desk) -> None:
    inject(desk, 3_000_000)
    desk.wait(26 * HOURS)


def an_open_access(desk: Desk) -> None:
    access = m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0)
    desk.must_do(access, "RES-12")
    desk.wait(10)


def an_open_window(desk: Desk) -> None:
    begin(desk)
    desk.wait(10)


def a_thinner_fill(desk: Desk) -> None:
    begin(desk)
    commit(desk, desk.pump.level_nl, desk.pump.level_nl, concentration_ng_per_ml=1_000_000)
    desk.wait(100)


def saline(desk: Desk) -> None:
    begin(desk)
    left_nl = desk.pump.level_nl
    commit(desk, left_nl, left_nl, drug="saline", concentration_ng_per_ml=0)
    desk.wait(30)


def a_fill_that_was_short(desk: Desk) -> None:
    refilled(desk, taken_nl=20e6, put_nl=14e6, said_put_nl=20e6)
    desk.wait(5)


def a_refill_a_moment_ago(desk: Desk) -> None:
    refilled(desk, taken_nl=desk.pump.level_nl - 6e5, put_nl=20e6)


def a_needle_that_nobody_declared(desk: Desk) -> None:
    desk.let(level_nl=20e6)
    desk.wait(20)


def a_fever(desk: Desk) -> None:
    for over_mk in (1_800.0, 3_500.0):
        desk.let(temperature_mk=BODY_MK + over_mk)
        desk.wait(2)
    desk.wait(90)


def a_thermometer_that_reads_too_high(desk: Desk) -> None:
    for bias_mk in (1_800, 3_700):
        desk.let(bias={"temperature_mk": bias_mk})
        desk.wait(2)
    desk.wait(90)


def a_pump_that_is_cold(desk: Desk) -> None:
    for colder_mk in (1_500.0, 3_000.0, 4_500.0):
        desk.let(temperature_mk=BODY_MK - colder_mk)
        desk.wait(2)
    desk.wait(120)


def a_leak(desk: Desk) -> None:
    desk.let(leak_nl_per_h=60_000.0)
    desk.wait(10 * HOURS)


def a_fast_restrictor(desk: Desk) -> None:
    desk.let(restrictor=2.0)
    desk.wait(3 * HOURS)


def a_slow_restrictor(desk: Desk) -> None:
    desk.let(restrictor=0.5)
    desk.wait(14 * HOURS)


def no_level(desk: Desk) -> None:
    desk.let(reads={"fill_level_nl": None})
    desk.wait(200)


def no_pressure(desk: Desk) -> None:
    desk.let(reads={"reservoir_pressure_pa": None})
    desk.wait(200)


def blood_that_flowed_back(desk: Desk) -> None:
    desk.let(artery_pa=256e3)
    desk.wait(60)


def a_clot(desk: Desk) -> None:
    desk.let(artery_pa=60e3)
    desk.wait(90)


def a_clot_for_hours(desk: Desk) -> None:
    desk.let(artery_pa=200e3)
    desk.wait(8 * HOURS)


def a_reservoir_that_is_nearly_low(desk: Desk) -> None:
    desk.let(level_nl=3.3e6)
    desk.wait(60)


def a_long_downtime_without_clock(desk: Desk) -> None:
    desk.let(rtc_valid=False)
    desk.power_cycle(200)
    desk.wait(30)


STORIES: Final[tuple[Story, ...]] = (
    an_injection_of_the_drug, an_injection_beyond_its_limit, an_injection_that_nobody_declared,
    an_injection_of_yesterday, a_thermometer_that_reads_too_high, a_pump_that_is_cold,
    a_clot_for_hours,
    an_open_access, an_open_window, a_thinner_fill, saline, a_fill_that_was_short,
    a_refill_a_moment_ago, a_needle_that_nobody_declared, a_fever, a_leak, a_fast_restrictor,
    a_slow_restrictor, no_level, no_pressure, blood_that_flowed_back, a_clot,
    a_reservoir_that_is_nearly_low, a_long_downtime_without_clock,
)  # fmt: skip


class Before(NamedTuple):
    """What was told when the supply went."""

    present: set[AlarmId]
    listed: set[AlarmId]
    due_in_s: int | None


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_reset_takes_nothing(subject: Subject, story: Story) -> None:
    """Whatever the pump has lived through."""
    desk = subject.desk(refill_min_interval_s=0, dose_limit_permille=1_500)
    desk.wait(PRIMED_MIN)
    story(desk)
    compare_with_a_twin(desk)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.steps], ids=lambda case: case.name.replace(" ", "-")
)
def test_a_reset_takes_no_alarm(subject: Subject, case: Case) -> None:
    """Ten minutes after it was told."""
    desk = settled(subject.desk(), case)
    desk.minutes_to(case.alarm, case.latest)
    desk.wait(10)
    compare_with_a_twin(desk)


def compare_with_a_twin(twin: Desk) -> None:
    """One of the two loses its supply, now; both live on."""
    listed = {one.alarm for one in twin.alarms()}
    before = Before(twin.present(), listed, twin.status().refill_due_in_s)
    desk, passed = deepcopy(twin), 0
    desk.power_cycle()
    for minutes in LOOKS_MIN:
        for each in (desk, twin):
            each.wait(minutes - passed)
        passed = minutes
        _compare_alarms(desk, twin, before)
        _compare_beliefs(desk.status(), desk, twin.status())
        _compare_dates(desk, before, passed)


def _compare_alarms(desk: Desk, twin: Desk, before: Before) -> None:
    """None is gone that was there; none is there that the twin has not."""
    listed = {one.alarm for one in twin.alarms()} & before.listed
    stands = twin.present() & before.present - MOMENTARY
    missing = (listed - {one.alarm for one in desk.alarms()}) | (stands - desk.present())
    words = f"{shown(missing)} still, as without the reset"
    desk.that(not missing, "ALM-09", words, desk.standing())
    false = desk.present() - twin.present() - before.present - MOMENTARY
    words = f"no {shown(false)}, as without the reset"
    desk.that(not false, "OCC-07", words, desk.standing())
    if desk.present() == twin.present():
        desk.same(twin.status().causes, desk.status().causes, "RST-02", "the same causes")


def _compare_beliefs(told: m.StatusPart, desk: Desk, of_twin: m.StatusPart) -> None:
    """Bounds hold what the twin believes, and nobody knows what the twin does not."""
    for name, bounds in BOUNDED:
        believed, between = getattr(of_twin, name), getattr(told, bounds)
        unknown = getattr(of_twin, bounds) is None
        desk.that(not unknown or between is None, "RST-02", f"no {bounds}: nobody knows", between)
        if between is not None:
            desk.bounds(between, believed, "RST-03", f"as without the reset, in {bounds}")
    for name, requirement in ESTIMATED:
        estimate, believed = getattr(told, name), getattr(of_twin, name)
        if believed is None:
            desk.that(estimate is None, "RST-02", f"no {name}: nobody knows", estimate)
        elif estimate is not None:
            what = f"as without the reset, in {name}"
            desk.bounds(estimate, believed.estimate, requirement, what)
            better = estimate.quality > believed.quality
            words = f"{name} of quality {believed.quality.name.lower()}, as without the reset"
            desk.that(not better, requirement, words, estimate)
    for name in AS_BEFORE:
        desk.same(getattr(of_twin, name), getattr(told, name), "RST-02", name)


def _compare_dates(desk: Desk, before: Before, passed_min: int) -> None:
    """A refill is due no later than it was."""
    if before.due_in_s is not None:
        due_s, now_s = before.due_in_s - passed_min * 60, desk.status().refill_due_in_s
        words = f"due in {span((due_s + DATE_S) // 60)} at most, an hour more than before the reset"
        desk.that(now_s is not None and now_s <= due_s + DATE_S, "RES-04", words, now_s)
