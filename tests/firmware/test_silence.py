"""No samples, and nobody asks: time is kept all the same, and every date is told when it comes."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, Priority
from pumpsim.firmware.persistence import AGE_MAX
from pumpsim.firmware.ticks import LONGEST_AHEAD, from_s
from tests.firmware.bench import DAY, HOUR, MINUTE, Bench
from tests.firmware.usual import CONFIGURATION

DUE = from_s(CONFIGURATION.refill_interval_s)
DATES = [
    (DUE - DUE // 4, AlarmId.REFILL_DUE, Priority.LOW),
    (DUE, AlarmId.REFILL_DUE, Priority.MEDIUM),
    (DUE + from_s(CONFIGURATION.refill_grace_s), AlarmId.REFILL_OVERDUE, Priority.HIGH),
]
FLOW_NL_PER_MINUTE = 900
REFILLS = {AlarmId.REFILL_DUE, AlarmId.REFILL_OVERDUE}


def told(bench: Bench, until: int) -> list[tuple[int, AlarmId, Priority]]:
    """Nobody asks and nothing is sampled: what is raised about refills meanwhile, and when."""
    found = []
    while (due := bench.guard.deadline) is not None and due <= until:
        assert due - bench.ticks <= LONGEST_AHEAD
        bench.ticks = due
        for event in bench.guard.advance(due).events:
            if event.kind is EventKind.ALARM_RAISED and event.subject in REFILLS:
                assert event.priority is not None
                found.append((due, AlarmId(event.subject), event.priority))
    bench.ticks = until
    return found


def sampled(bench: Bench, minutes: int) -> list[tuple[int, AlarmId, Priority]]:
    """The same of a stretch with samples; a date is then told with the sample after it."""
    found = []
    for _ in range(minutes):
        bench.outcomes.clear()
        bench.run(1)
        for event in (event for outcome in bench.outcomes for event in outcome.events):
            if event.kind is EventKind.ALARM_RAISED and event.subject in REFILLS:
                assert event.priority is not None
                found.append((bench.ticks, AlarmId(event.subject), event.priority))
    return found


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9 * DAY)), min_size=1, max_size=5),
    st.integers(0, 2**32 - 1),
)
@example([(1, 17 * DAY)], 0)
@example([(0, 17 * DAY)], 0)
def test_every_date_is_told_when_it_comes_whoever_is_silent(
    stretches: list[tuple[int, int]], preset: int
) -> None:
    """RES-04, TIM-01, SEN-07: with samples a minute late at most, in a silence three at most."""
    bench = Bench(preset=preset)
    bench.configure()
    found = []
    for minutes, silence in stretches:
        found += sampled(bench, minutes)
        bench.level_nl -= silence * FLOW_NL_PER_MINUTE // MINUTE
        found += told(bench, bench.ticks + silence)
    expected = [date for date in DATES if date[0] + AGE_MAX <= bench.ticks]
    assert [row[1:] for row in found[: len(expected)]] == [row[1:] for row in expected]
    for (at, *_), (date, *_) in zip(found, DATES, strict=False):
        assert 0 <= at - date <= AGE_MAX
    assert bench.logic._state.now <= bench.ticks <= bench.logic._state.now + LONGEST_AHEAD
    status = bench.status()
    assert status.refill_due_in_s == (DUE - bench.ticks) // from_s(1)


@pytest.mark.parametrize("days", [1, 5, 15])
def test_what_was_delivered_in_a_silence_is_counted_once_it_ends(days: int) -> None:
    """DOS-01: nothing is lost of it, and neither clock nor needle is to blame."""
    bench = Bench()
    bench.configure()
    bench.run(3)
    told(bench, days * DAY)
    bench.level_nl = 28_000_000 - days * 24 * 54_000
    bench.run(5)
    delivered_nl = bench.status().delivered_total_nl
    assert delivered_nl == pytest.approx((days * 24 * 60 + 5) * FLOW_NL_PER_MINUTE, rel=1e-3)
    present = {alarm.alarm for alarm in bench.alarms()}
    assert not present & {AlarmId.CLOCK_INVALID, AlarmId.TAMPERING, AlarmId.POCKET_FILL}


@pytest.mark.parametrize(
    ("off_s", "wrong"), [(-400, False), (400, False), (-900, True), (900, True)]
)
def test_clocks_that_drift_apart_in_a_silence_are_no_fault(off_s: int, *, wrong: bool) -> None:
    """TIM-05, TIM-06: five days by two crystals, within the tolerance of every hour of them."""
    bench = Bench()
    bench.configure()
    bench.run(3)
    told(bench, 5 * DAY)
    bench.start_s += off_s
    bench.run(1)
    assert (AlarmId.CLOCK_INVALID in bench.raised()) == wrong


@pytest.mark.parametrize("configured", [False, True])
def test_a_pump_nobody_filled_is_called_now_and_then(*, configured: bool) -> None:
    """TIM-01: a counter that is not read loses its turns."""
    bench = Bench()
    if configured:
        bench.ask(m.WriteConfiguration(base_config_id=0, configuration=CONFIGURATION))
    assert told(bench, 40 * DAY) == []
    bench.ask(m.RunSelfTest())
    assert bench.logic._state.now == 40 * DAY


def test_an_alarm_of_resets_ends_in_a_silence_too() -> None:
    """RST-04: conditions are judged whenever the logic is called."""
    bench = Bench()
    bench.configure()
    bench.run(1)
    for _ in range(3):
        bench = bench.reset()
    assert [alarm.present for alarm in bench.alarms()] == [True]
    told(bench, 24 * HOUR + LONGEST_AHEAD)
    present = {alarm.alarm for alarm in bench.alarms() if alarm.present}
    assert AlarmId.RESETS not in present
