"""The real-time clock as a hazard: it is judged, and nothing but the date depends on it."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.testing.desk import Desk
from protocol import messages as m
from protocol.control import TICKS_PER_S, Outcome
from protocol.vocabulary import AlarmId, EventKind, Priority, Refusal, ResetCause, Role
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.clock import EARLIEST_S, Clock, plausible
from pumpsim.firmware.ticks import HOUR, MINUTE
from tests.firmware.bench import Bench, refusal
from tests.firmware.usual import USUAL

CLOCK = AlarmId.CLOCK_INVALID
BCD_GARBAGE_S: Final = 0x99_99_99_99
NEXT_MONTH_S: Final = 1_770_000_000

FAULTS: dict[str, Callable[[int], dict[str, int | None]]] = {
    "it lost its count": lambda rtc_s: {"rtc_s": rtc_s, "rtc_valid": False},
    "it is not there": lambda _: {"rtc_s": None},
    "it jumps ahead": lambda rtc_s: {"rtc_s": rtc_s + 90},
    "it jumps back": lambda rtc_s: {"rtc_s": rtc_s - 90},
    "summer time begins": lambda rtc_s: {"rtc_s": rtc_s + 3_600},
    "it stands still": lambda _: {"rtc_s": Bench().start_s},
    "it begins anew": lambda rtc_s: {"rtc_s": rtc_s - Bench().start_s},
    "binary-coded nonsense": lambda _: {"rtc_s": BCD_GARBAGE_S},
    "all ones": lambda _: {"rtc_s": 2**32 - 1},
    "the end of its register": lambda _: {"rtc_s": m.MAX_UNIX_S},
}


def standing(bench: Bench) -> list[AlarmId]:
    return [alarm.alarm for alarm in bench.alarms()]


def configured() -> Bench:
    bench = Bench()
    bench.configure()
    return bench


def fault(bench: Bench, minutes: int, name: str) -> None:
    for _ in range(minutes):
        after_s = bench.rtc_s() + 60
        bench.run(1, **FAULTS[name](after_s))


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_clock_is_an_alarm_within_the_hour(name: str) -> None:
    """TIM-05."""
    bench = configured()
    bench.run(30)
    assert standing(bench) == []
    fault(bench, 10, name)
    (alarm,) = bench.alarms()
    assert (alarm.alarm, alarm.priority, alarm.latching) == (CLOCK, Priority.LOW, False)
    bench.run(60)
    assert standing(bench) == [CLOCK]  # right again is not good enough


@pytest.mark.parametrize("name", FAULTS)
def test_it_ends_when_the_clock_is_set_and_runs_true(name: str) -> None:
    """TIM-05: setting a clock that does not run ends nothing."""
    bench = configured()
    bench.run(30)
    fault(bench, 10, name)
    bench.ask(m.SetClock(rtc_s=bench.rtc_s()))
    fault(bench, 10, name)
    assert standing(bench) == [CLOCK]
    bench.start_s = NEXT_MONTH_S
    bench.ask(m.SetClock(rtc_s=bench.rtc_s()))
    bench.run(2)
    assert standing(bench) == []
    bench.run(300)
    assert standing(bench) == []


def test_a_clock_that_is_set_late_is_set() -> None:
    """TIM-05: a bench host sets it up to a sampling period after the request."""
    bench = configured()
    bench.run(10)
    bench.ask(m.SetClock(rtc_s=bench.rtc_s() + 7_200))
    bench.run(1)  # taken before it was set
    bench.start_s += 7_200 - 60
    bench.run(120)
    assert standing(bench) == []


@pytest.mark.parametrize("ppm", [-500, 500])
def test_two_crystals_that_differ_are_no_fault(ppm: int) -> None:
    """TIM-06: 500 ppm are 43 s a day, and four hours a year."""
    bench = configured()
    for minute in range(2 * 24 * 60):
        bench.run(1, rtc_s=bench.rtc_s() + 60 + minute * 60 * ppm // 1_000_000)
    assert standing(bench) == []


@pytest.mark.parametrize(("samples", "wrong"), [(1, False), (2, True)])
def test_an_oscillator_that_stands_still_stops_the_clock(samples: int, *, wrong: bool) -> None:
    """TIM-05: samples come, ticks do not; whatever the clock says later, it lost time."""
    bench = configured()
    bench.run(10)
    for _ in range(samples):
        bench.ticks -= 60 * TICKS_PER_S
        bench.run(1)
    bench.run(10)
    assert standing(bench) == [CLOCK] * wrong


def test_an_oscillator_that_stands_still_stops_nothing_else() -> None:
    """TIM-05, RES-04, ALM-05: each sample is as long as one was."""
    bench, other = configured(), configured()
    for each in (bench, other):
        each.run(10)
        each.ask(m.BeginRefill())
    for _ in range(12 * 60):
        bench.ticks -= 60 * TICKS_PER_S
        for each in (bench, other):
            each.run(1)
    was, is_now = other.status(), bench.status()
    assert was.refill_due_in_s is not None
    assert is_now.refill_due_in_s is not None
    assert 0 <= is_now.refill_due_in_s - was.refill_due_in_s <= 60
    assert 0 <= was.delivered_total_nl - is_now.delivered_total_nl <= 54_000 // 60 + 1
    assert not is_now.refill_open
    assert standing(bench) == [CLOCK]


@pytest.mark.parametrize("into_s", [0.1, 5.0, 59.0])
def test_a_counter_may_stop_between_two_samples(into_s: float) -> None:
    """TIM-05, ALM-14: the next ones count whole, and alarms are raised by the counter."""
    desk = Desk(ReferenceLogic).implant()
    desk.wait(240)
    desk.run_s(into_s)
    desk.stop_counter()
    desk.wait(600)
    out_nl = 28_000_000 - desk.pump.level_nl
    told = desk.status().delivered_total_between_nl
    assert told is not None
    assert told.low <= out_nl <= told.high
    assert abs(desk.status().delivered_total_nl - out_nl) <= 2 * 54_100 // 60
    desk.let(reads={"catheter_pulse_pa": None})
    desk.wait(5)
    fault = desk.occurrence(AlarmId.SENSOR_FAULT)
    assert fault is not None
    assert fault.raised_uptime_ms == desk.ticks * 1_000 // TICKS_PER_S


def test_a_few_missing_readings_say_nothing() -> None:
    """TIM-05."""
    bench = configured()
    bench.run(10)
    for _ in range(3):
        fault(bench, 4, "it is not there")
        bench.run(1)
    for _ in range(3):
        bench.ticks -= 60 * TICKS_PER_S  # nor does one sample without a tick
        bench.run(2)
    assert standing(bench) == []


@pytest.mark.parametrize("start_s", [0, 86_400, EARLIEST_S - 3_600, m.MAX_UNIX_S])
def test_a_clock_that_was_never_set_is_wrong_from_the_first_sample(start_s: int) -> None:
    """TIM-05: it runs, and it claims to be valid."""
    bench = Bench(start_s=start_s)
    bench.configure()
    bench.run(1, rtc_s=start_s)
    assert standing(bench) == [CLOCK]


def test_a_clock_that_went_back_over_a_reset_is_wrong() -> None:
    """TIM-05: and so is one that was wrong before."""
    bench = configured()
    bench.run(120)
    again = bench.reset(down_s=-7_200)
    again.run(1)
    assert standing(again) == [CLOCK]
    third = again.reset(down_s=86_400)
    third.run(1)
    assert standing(third) == [CLOCK]


def test_nonsense_is_refused_and_a_step_is_logged_old_to_new() -> None:
    """TIM-06: who may set it, from what to what, and no interval moves."""
    bench = configured()
    bench.run(1)
    for nonsense_s in (0, 1, EARLIEST_S - 1, m.MAX_UNIX_S):
        assert refusal(bench.ask(m.SetClock(rtc_s=nonsense_s))) is Refusal.OUT_OF_RANGE
    assert refusal(bench.ask(m.SetClock(rtc_s=NEXT_MONTH_S), Role.PATIENT)) is Refusal.ROLE
    due_in_s = bench.status().refill_due_in_s
    old_s = bench.rtc_s()
    for new_s in (EARLIEST_S, NEXT_MONTH_S, m.MAX_UNIX_S - 1):
        assert bench.ask(m.SetClock(rtc_s=new_s)) == m.Done()
        (event,) = bench.outcomes[-1].events
        assert (event.kind, event.subject, event.value) == (EventKind.CLOCK_SET, old_s, new_s)
    assert bench.status().refill_due_in_s == due_in_s


def test_a_clock_that_nobody_has_read_is_set_from_nothing() -> None:
    """TIM-06: before the first sample no old second is known."""
    bench = configured()
    assert bench.ask(m.SetClock(rtc_s=NEXT_MONTH_S)) == m.Done()
    (event,) = bench.outcomes[-1].events
    assert (event.kind, event.subject, event.value) == (EventKind.CLOCK_SET, 0, NEXT_MONTH_S)


def test_no_date_in_a_service_life_is_out_of_range() -> None:
    """TIM-04: 2038-01-19, 2^32 seconds and 2200-12-31 are dates like any other."""
    for date_s in (2**31 - 1, 2**31, 2**32 - 1, 2**32, 7_289_568_000):
        bench = Bench(start_s=date_s - 120)
        bench.configure()
        bench.run(10)
        assert plausible(date_s)
        assert standing(bench) == []


# ---- TIM-03

Injections = list[tuple[str, int]]

INJECTIONS: st.SearchStrategy[Injections] = st.lists(
    st.one_of(
        st.tuples(st.just("jump"), st.integers(-(2**33), 2**33)),
        st.tuples(st.just("jump"), st.sampled_from([-3_600, 3_600, 86_400, -86_400])),
        st.tuples(st.just("freeze"), st.integers(0, m.MAX_UNIX_S)),
        st.tuples(st.just("garbage"), st.integers(0, m.MAX_UNIX_S)),
        st.tuples(st.just("missing"), st.just(0)),
        st.tuples(st.just("invalid"), st.just(0)),
        st.tuples(st.just("drift"), st.integers(-100_000, 100_000)),  # ppm
    ),
    min_size=8,
    max_size=8,
)
COURSE: list[tuple[int, dict[str, int | None]]] = [
    (50, {}),
    (70, {"catheter_pressure_pa": 60_000}),
    (100, {}),
    (3, {"catheter_pressure_pa": 347_000}),
    (90, {}),
    (5, {"fill_level_nl": 2_900_000}),
    (2, {"fill_level_nl": 900_000}),
    (60, {}),
]
"""Over-infusion, flow stop, low, empty; days pass between, so that the refill becomes due."""


def misread(bench: Bench, minute: int, kind: str, value: int) -> dict[str, int | None]:
    rtc_s = bench.rtc_s() + 60
    readings: dict[str, dict[str, int | None]] = {
        "jump": {"rtc_s": min(max(rtc_s + value, 0), m.MAX_UNIX_S)},
        "freeze": {"rtc_s": value},
        "garbage": {"rtc_s": value * (minute + 7) % m.MAX_UNIX_S},
        "missing": {"rtc_s": None},
        "invalid": {"rtc_s": rtc_s, "rtc_valid": False},
        "drift": {"rtc_s": rtc_s + minute * 60 * value // 1_000_000},
    }
    return readings[kind]


def but_the_clock(outcome: Outcome) -> tuple[Any, ...]:
    """What was decided, without the clock's alarm; occurrences are told apart by their alarm."""
    events = [
        (event.kind, event.subject, event.priority)
        for event in outcome.events
        if event.subject != CLOCK
    ]
    alarms = [
        alarm.model_dump(exclude={"occurrence"})
        for alarm in outcome.alarms
        if alarm.alarm is not CLOCK
    ]
    beliefs = outcome.beliefs
    if beliefs is not None:
        present = tuple(alarm for alarm in beliefs.alarms if alarm is not CLOCK)
        beliefs = beliefs._replace(alarms=present)
    status = None
    if isinstance(outcome.reply, m.Status):
        status = outcome.reply.status.model_dump(
            exclude={
                "rtc_s",
                "rtc_valid",
                "alarm_digest",
                "alarms_present",
                "alarms_unacknowledged",
                "highest_priority",
            }
        )
    return events, alarms, beliefs, status


def course(injections: Injections | None) -> list[Any]:
    bench = configured()
    decided: list[Any] = []
    for number, (minutes, changes) in enumerate(COURSE):
        for minute in range(minutes):
            wrong = {} if injections is None else misread(bench, minute, *injections[number])
            bench.believe()
            bench.run_screened(1, **{**changes, **wrong})
        bench.wait_until(bench.ticks + 3 * 86_400 * TICKS_PER_S)
        decided += [(but_the_clock(outcome), bench.guard.deadline) for outcome in bench.outcomes]
        bench.outcomes.clear()
    return decided


TRUE_COURSE = course(None)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(INJECTIONS)
def test_whatever_the_clock_says_nothing_else_changes(injections: Injections) -> None:
    """TIM-03: no interval, limit window, alarm or order, for any jump, freeze, drift, nonsense."""
    assert course(injections) == TRUE_COURSE


def test_the_course_has_what_a_clock_could_move() -> None:
    """TIM-03."""
    raised = {alarm["alarm"] for (_, alarms, _, _), _ in TRUE_COURSE for alarm in alarms}
    assert raised >= {
        AlarmId.OVER_INFUSION,
        AlarmId.FLOW_STOP,
        AlarmId.LOW_RESERVOIR,
        AlarmId.EMPTY_RESERVOIR,
        AlarmId.REFILL_DUE,
        AlarmId.REFILL_OVERDUE,
    }


def test_a_wrong_clock_is_no_measure_of_downtime() -> None:
    """TIM-05, RST-03: half a year by a clock that was wrong before is not half a year."""
    bench = configured()
    bench.run(30)
    fault(bench, 40, "it jumps ahead")
    assert bench.logic._state.durable(bench.ticks)["rtc_s"] is None
    again = bench.reset(ResetCause.BROWN_OUT, down_s=180 * 86_400)
    again.level_nl = bench.level_nl
    again.run(1)
    assert again.status().delivered_total_nl < 1_000_000


# ---- TIM-06: it runs apart from the host's, and somebody sets it

YEARS: Final = 5
APART: Final = st.integers(-500, 500) | st.sampled_from([-500, 500])
"""What clock and ticks may run apart, in ppm."""


def judged(ppm: int, minutes: list[int], years: int) -> tuple[Clock, int, int]:
    """A clock that ran so much too fast, sampled at intervals that come again and again."""
    clock, now, rtc_s = Clock(), 0, EARLIEST_S
    while now < years * 365 * 24 * HOUR and not clock.wrong:
        for interval in minutes:
            now += interval * MINUTE
            rtc_s = EARLIEST_S + now * (1_000_000 + ppm) // (1_000_000 * TICKS_PER_S)
            clock.judge(now, USUAL._replace(rtc_s=rtc_s))
    return clock, now, rtc_s


@pytest.mark.slow
@settings(max_examples=8)
@given(ppm=APART, minutes=st.lists(st.integers(30, 60), min_size=1, max_size=5))
def test_five_years_of_skew_are_no_fault_and_the_date_is_the_clocks(
    ppm: int, minutes: list[int]
) -> None:
    """TIM-06: 22 hours by then, which a host tells and sets; here nothing is wrong."""
    clock, now, rtc_s = judged(ppm, minutes, YEARS)
    assert not clock.wrong
    seen_s = clock.time_s(now)
    assert seen_s is not None
    assert abs(seen_s - rtc_s) <= 2


@given(ppm=st.integers(2_000, 10**6), sign=st.sampled_from([-1, 1]))
def test_a_clock_that_runs_much_too_fast_or_slow_is_told_within_the_hour(
    ppm: int, sign: int
) -> None:
    """TIM-05, TIM-06: the other side of the bound."""
    clock, now, _ = judged(sign * ppm, [1], YEARS)
    assert clock.wrong
    assert now <= HOUR + MINUTE


@settings(max_examples=60, deadline=None)
@given(
    step_s=st.integers(-(2**31), 2**31) | st.sampled_from([-86_400 * 365, -3_600, 3_600]),
    taken=st.booleans(),
    samples=st.integers(0, 4),
    down_s=st.integers(0, 5 * 86_400),
)
def test_a_step_of_any_size_is_never_taken_for_downtime(
    step_s: int, samples: int, down_s: int, *, taken: bool
) -> None:
    """TIM-06, RST-03: nor when the supply fails before the clock took the new second."""
    bench = configured()
    bench.run(30)
    new_s = min(max(bench.rtc_s() + step_s, EARLIEST_S), m.MAX_UNIX_S - 1)
    assert bench.ask(m.SetClock(rtc_s=new_s)) == m.Done()
    if taken:
        bench.start_s += new_s - bench.rtc_s()
    bench.run(samples)
    again = bench.reset(down_s=down_s)
    again.run(1)
    lived_s = (30 + samples + 1) * 60 + down_s
    truth_nl, counted_nl = lived_s * 15, again.status().delivered_total_nl
    uncertain_nl = again.logic._state.account.uncertain_nl
    error_nl = truth_nl // 1_000 + 200
    assert counted_nl - uncertain_nl - error_nl <= truth_nl <= counted_nl + error_nl
    assert uncertain_nl <= 2 * 247_500 + 30_000_000 - 28_000_000 + truth_nl
    if taken and samples > 2:
        assert uncertain_nl == 0


@pytest.mark.parametrize("step_s", [-30 * 86_400, 30 * 86_400])
def test_a_clock_that_is_set_before_the_first_sample_says_nothing_of_the_downtime(
    step_s: int,
) -> None:
    """TIM-06, RST-03: nor is it found wrong because the level knows of no such time."""
    bench = configured()
    bench.run(30)
    again = bench.reset(down_s=3_600)
    new_s = again.rtc_s() + step_s
    assert again.ask(m.SetClock(rtc_s=new_s)) == m.Done()
    again.start_s += step_s
    again.run(5)
    assert standing(again) == []
    assert again.status().delivered_total_nl - again.logic._state.account.uncertain_nl <= 95 * 900
