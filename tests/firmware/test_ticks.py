"""The tick counter is narrow: wherever it wraps, the logic decides the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import TICK_BITS, Outcome
from protocol.vocabulary import AlarmId, EventKind
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.ticks import HOUR, LONGEST_AHEAD, MINUTE, extend
from tests.firmware.bench import DAY, Bench

COUNTS = 2**TICK_BITS
SECOND = MINUTE // 60

PRESETS = st.one_of(
    st.builds(
        lambda bits, before: (2**bits - before) % COUNTS,
        st.integers(8, TICK_BITS),
        st.integers(0, 36 * HOUR),
    ),
    st.integers(0, COUNTS - 1),
)
"""Just before each wrap, and anywhere."""


@given(
    st.integers(8, TICK_BITS).map(lambda bits: 2**bits - 1),
    st.integers(0, 2**40),
    st.integers(0, 2**32 - 1),
)
def test_a_count_is_extended_over_any_wrap(mask: int, now: int, step: int) -> None:
    """TIM-01, TIM-02: for every width, as long as less than a whole turn has passed."""
    later = now + step % (mask + 1)
    assert extend(now, later & mask, mask) == later


Steps = list[tuple[str, int]]

STEPS: st.SearchStrategy[Steps] = st.lists(
    st.one_of(
        st.tuples(st.just("run"), st.integers(1, 90)),
        st.tuples(st.just("low"), st.integers(1, 30)),
        st.tuples(st.just("fast"), st.integers(1, 90)),
        st.tuples(st.just("stop"), st.integers(1, 5)),
        st.tuples(st.just("pause"), st.integers(1_000, m.MAX_AUDIO_PAUSE_MS)),
        st.tuples(st.just("refill"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 9 * 24 * 3_600)),
    ),
    min_size=1,
    max_size=10,
)
CHANGES: dict[str, dict[str, int | None]] = {
    "run": {},
    "low": {"fill_level_nl": 2_900_000},
    "fast": {"catheter_pressure_pa": 60_000},
    "stop": {"catheter_pressure_pa": 347_000},
}


def pause_all(bench: Bench, duration_ms: int) -> None:
    for alarm in bench.alarms():
        bench.ask(
            m.PauseAudio(alarm=alarm.alarm, occurrence=alarm.occurrence, duration_ms=duration_ms)
        )


def lived(preset: int, steps: Steps) -> list[tuple[Outcome, int | None]]:
    """Everything that was decided, with the deadline after each step."""
    bench = Bench(preset=preset)
    bench.configure()
    decided: list[tuple[Outcome, int | None]] = []
    for what, much in steps:
        bench.outcomes.clear()
        if what == "pause":
            pause_all(bench, much)
        elif what == "refill":
            bench.ask(m.BeginRefill())
        elif what == "wait":
            bench.wait_until(bench.ticks + much * SECOND)
        else:
            bench.run(much, **CHANGES[what])
        bench.status()
        decided += [(outcome, bench.guard.deadline) for outcome in bench.outcomes]
    return decided


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(PRESETS, STEPS)
def test_no_decision_depends_on_where_the_counter_starts(preset: int, steps: Steps) -> None:
    """TIM-01, TIM-02: outcomes, alarms, refill dates and deadlines are those of any other start."""
    assert lived(preset, steps) == lived(0, steps)


@pytest.mark.parametrize("before", [0, 1, 10 * SECOND, 5 * MINUTE, 20 * MINUTE, 12 * HOUR])
def test_a_wrap_within_each_interval_moves_none_of_them(before: int) -> None:
    """TIM-02: in a pause, in a refill window, in a deviation, ahead of a due date."""
    steps = [
        ("low", 1),
        ("pause", m.MAX_AUDIO_PAUSE_MS),
        ("low", 12),
        ("refill", 0),
        ("run", 35),
        ("fast", 80),
        ("wait", 11 * 86_400),
        ("run", 1),
        ("wait", 6 * 86_400),
        ("run", 1),
    ]
    decided = lived(COUNTS - before, steps)
    assert decided == lived(0, steps)
    kinds = {event.kind for outcome, _ in decided for event in outcome.events}
    assert kinds >= {EventKind.AUDIO_RESUMED, EventKind.REFILL_WINDOW_ENDED}
    raised = {alarm.alarm for outcome, _ in decided for alarm in outcome.alarms}
    assert raised >= {AlarmId.OVER_INFUSION, AlarmId.REFILL_DUE, AlarmId.REFILL_OVERDUE}


@given(PRESETS)
@settings(max_examples=20, deadline=None)
def test_a_deadline_beyond_half_a_turn_is_come_to_in_two_steps(preset: int) -> None:
    """TIM-02: the counter can only say what lies within half of its range."""
    bench = Bench(preset=preset)
    bench.configure()
    bench.run(1, fill_level_nl=2_900_000)
    bench.wait_until(bench.ticks + HOUR)  # samples are missed by then
    until = bench.ticks + 30 * HOUR
    low = bench.logic._state.alarms.open[0]
    pause = m.PauseAudio(alarm=AlarmId(low.alarm), occurrence=low.number, duration_ms=1)
    assert bench.ask(pause) == m.Done()
    low.due = until
    bench.status()
    first = bench.guard.deadline
    assert first == bench.ticks + LONGEST_AHEAD
    assert not bench.guard.advance(first).events
    assert bench.guard.deadline == until
    events = [event.kind for event in bench.guard.advance(until).events]
    assert events == [EventKind.AUDIO_RESUMED]


def test_what_is_extended_outlives_a_snapshot() -> None:
    """TIM-01: days of ticks are no more than a count modulo the counter's range."""
    bench = Bench(preset=COUNTS - MINUTE)
    bench.configure()
    bench.run(2)
    bench.wait_until(3 * DAY)
    bench.status()
    copy = ReferenceLogic()
    copy.load(bench.memory, bench.logic.save())
    assert copy.next_deadline() == bench.logic.next_deadline()
    assert bench.logic._state.now == copy._state.now == 3 * DAY
