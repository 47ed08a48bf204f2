"""Time: counters wrap, clocks lie, and neither moves an interval; a saved life goes on."""

import json
from typing import Any

import pytest

from hil.testing.desk import MINUTE, Desk
from hil.testing.eventful import alike, lived
from hil.testing.steady import START_S
from hil.testing.subject import Subject
from hil.testing.violation import ViolatedError
from protocol import messages as m
from protocol.control import TICK_BITS, Restorable
from protocol.guard import Guard
from protocol.vocabulary import AlarmId, EventKind, Sounder

WRAP = 1 << TICK_BITS


@pytest.mark.parametrize("minutes", [0, 1, 61, 121, 250])
def test_a_counter_that_wraps_changes_nothing(subject: Subject, minutes: int) -> None:
    """The counter reads 0 again so many minutes after boot: every decision comes as without."""
    usual = lived(subject.bare_desk())
    wrapped = lived(subject.bare_desk(WRAP - minutes * MINUTE - 1))
    words, when = "as without a wrap", f"; the counter wraps after {minutes} min"
    alike(usual, wrapped, "TIM-02", words, when)


def test_days_beyond_the_counters_range_are_like_the_first(subject: Subject) -> None:
    """What is detected in the first hours is detected after two wraps, in the same time."""
    took = []
    for wait in (90, 2 * 36 * 60 + 30 * 60):
        desk = subject.desk()
        desk.wait(wait)
        desk.let(pocket_pa=86e3)
        desk.minute()
        desk.let(pocket_pa=72e3)
        took.append(desk.minutes_to(AlarmId.AMBIENT_PRESSURE, 60))
        if took[-1] != took[0]:
            seen = f"once after {took[0]} min, after 102 h after {took[-1]}"
            raise desk.violated("TIM-01", "the same persistence at any age", seen)


@pytest.fixture(scope="module")
def true_day(subject: Subject) -> list[tuple[str, Any]]:
    """What there is to tell when the clock is true."""
    return _day(subject, {})


@pytest.mark.parametrize(
    "clock",
    [
        {"rtc_off_s": 86_400 * 30},
        {"rtc_off_s": -86_400 * 30},
        {"rtc_off_s": 3_600},
        {"reads": {"rtc_s": 1_767_225_600}},
        {"reads": {"rtc_s": None}, "rtc_valid": False},
        {"reads": {"rtc_s": 2**31}},
        {"reads": {"rtc_s": 0}, "rtc_valid": False},
    ],
    ids=["month_ahead", "month_back", "dst", "frozen", "lost", "2038", "zero"],
)
def test_a_clock_that_lies_moves_no_interval(
    subject: Subject, true_day: list[tuple[str, Any]], clock: dict[str, Any]
) -> None:
    """Alarms, dates and totals come as with a true clock; only the clock itself is told of."""
    for (what, one), (_, other) in zip(true_day, _day(subject, clock), strict=False):
        if one != other:
            raise ViolatedError(
                "TIM-03",
                f"{what} as with a true clock: {one}",
                str(other),
                done=[f"clock: {clock}"],
            )


@pytest.mark.parametrize("days", [1, 10])
def test_a_clock_that_jumps_is_told_however_long_it_was_true(subject: Subject, days: int) -> None:
    """It may be off by more with each day, but not at once."""
    desk = subject.desk()
    desk.wait(days * 1_440)
    desk.let(rtc_off_s=-600)
    after = desk.minutes_to(AlarmId.CLOCK_INVALID, 60)
    words = "clock_invalid within 1 h: it jumped by 10 min"
    desk.that(after is not None, "TIM-05", words, desk.standing())


def test_a_clock_that_does_not_take_what_it_is_set_to_is_told(subject: Subject) -> None:
    """Its readings go on as before: none of them is the time there is now."""
    desk = subject.desk()
    desk.wait(60)
    day_ahead_s = START_S + round(desk.passed_s) + 86_400
    desk.must_do(m.SetClock(rtc_s=day_ahead_s), "TIM-06")
    after = desk.minutes_to(AlarmId.CLOCK_INVALID, 60)
    words = "clock_invalid within 1 h: it is a day off what it was set to"
    desk.that(after is not None, "TIM-05", words, desk.standing())


@pytest.mark.parametrize("off_s", [0, 86_400, -3_600])
def test_the_log_has_what_a_clock_read_and_what_it_was_set_to(subject: Subject, off_s: int) -> None:
    """Whatever it read: without that nobody could put other entries in order."""
    desk = subject.desk()
    desk.wait(60)
    desk.let(rtc_off_s=off_s)
    desk.wait(10)
    read_s, now_s = START_S + round(desk.passed_s) + off_s, START_S + round(desk.passed_s)
    desk.must_do(m.SetClock(rtc_s=now_s), "TIM-06")
    told = [(each.subject, each.value) for each in desk.happened(EventKind.CLOCK_SET)]
    words = f"one event: from {read_s} to {now_s}"
    close = len(told) == 1 and abs(told[0][0] - read_s) <= 1 and told[0][1] == now_s
    desk.that(close, "TIM-06", words, told)


@pytest.mark.parametrize(
    "date_s",
    [1_835_395_200, 2_147_483_648, 2_208_988_800],
    ids=["leap_day_2028", "2038-01-19", "2040"],
)
def test_no_date_of_a_service_life_is_out_of_range(subject: Subject, date_s: int) -> None:
    """Before it and after it the clock is as good, and is told as it reads."""
    desk = subject.bare_desk()
    desk.pump.rtc_off_s = date_s - START_S - 300
    desk.implant()
    for _ in range(10):
        desk.minute()
        right = AlarmId.CLOCK_INVALID not in desk.present()
        desk.that(right, "TIM-04", "no clock_invalid", desk.standing())
        read_s, told_s = START_S + desk.pump.rtc_off_s + desk.passed_s, desk.status().rtc_s
        close = told_s is not None and abs(told_s - read_s) <= 1
        desk.that(close, "TIM-04", f"a clock at {read_s:.0f} s", told_s)


def test_a_saved_life_goes_on_as_if_nothing_had_happened(subject: Subject) -> None:
    """Saved, loaded into new logic, and gone on: the same outcomes, call by call."""
    for at in (0, 45, 75, 125, 200):
        one, other = _at(subject, at), _at(subject, at)
        logic = other.guard.logic
        if not isinstance(logic, Restorable):
            pytest.skip("the logic offers no save and load")
        state = json.loads(json.dumps(logic.save()))
        fresh: Any = other.factory()
        fresh.load(other.chip, state)
        other.guard = Guard(fresh)
        other.guard.resume(other.ticks)
        other.beyond("nothing is saved and loaded there")
        for _ in range(180):
            other.same(one.minute(), other.minute(), "RST-11", f"as without saving at {at} min")
        other.same(one.status(), other.status(), "RST-11", f"as without saving at {at} min")


def test_after_weeks_without_a_reset_it_watches_as_before(subject: Subject) -> None:
    """Milliseconds in 31 bits end after 24.9 days, in 32 bits after 49.7: an alarm is heard."""
    slow, seconds = 9_000, 90 * 86_400  # one fill lasts
    desk = subject.desk(
        nominal_flow_nl_per_h=slow,
        calibration_flow_nl_per_h=slow,
        refill_interval_s=seconds,
        drug_stability_s=seconds,
    )
    desk.wait(51 * 1_440)
    present = desk.present()
    desk.that(not present, "TIM-01", "no alarm after 51 days of good readings", desk.standing())
    desk.let(artery_pa=60e3)
    after = desk.minutes_to(AlarmId.OCCLUSION, 61)
    desk.that(after is not None, "OCC-01", "an occlusion within 61 min", desk.standing())
    desk.that(desk.sounder is Sounder.HIGH, "ALM-10", "high to be heard", desk.sounder.name)


def _at(subject: Subject, minutes: int) -> Desk:
    desk = subject.desk()
    desk.wait(30)
    desk.let(pocket_pa=86e3)
    desk.wait(3)
    desk.let(pocket_pa=72e3)
    desk.wait(40)
    desk.let(level_nl=24e6)
    desk.wait(minutes)
    return desk


def _day(subject: Subject, clock: dict[str, Any]) -> list[tuple[str, Any]]:
    """What there is to tell of a life in which the clock lies from the first hour on."""
    desk = subject.desk(
        refill_interval_s=86_400, refill_grace_s=3_600 * 6, catheter_volume_nl=50_000
    )
    desk.wait(60)
    desk.let(**clock)
    told: list[tuple[str, Any]] = []
    seen: set[AlarmId] = set()
    for minute in range(60, 1_120):
        desk.minute()
        if minute == 400:
            desk.let(level_nl=desk.pump.level_nl - 2e6)
        if minute % 5 == 0:
            new = desk.present() - seen - {AlarmId.CLOCK_INVALID}
            seen |= new
            told += [
                (f"the minute of {alarm.name.lower()}", (alarm, minute)) for alarm in sorted(new)
            ]
    status = desk.status()
    told += [
        ("the volume delivered", status.delivered_total_nl),
        ("the dose", status.dose_total_ng),
        ("the seconds to the refill", status.refill_due_in_s),
    ]
    told.insert(0, ("the number of alarms", len(seen)))
    return told
