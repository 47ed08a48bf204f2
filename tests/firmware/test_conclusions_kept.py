"""What detectors concluded: it outlives a reset, a gap and a visit that moved nothing (ALM-09).

A pump whose level falls faster, or slower, than its pressures explain; whatever happens to the
device meanwhile, it goes on saying so, and the truth stays inside what it tells.
"""

from copy import deepcopy
from functools import cache
from random import Random
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import Interval
from protocol.vocabulary import AlarmId, Cause, EventKind, Quality, RefillReason
from pumpsim.firmware import conditions
from pumpsim.firmware.battery import Battery
from pumpsim.firmware.conditions import ORDER, evaluate
from pumpsim.firmware.deviation import Deviation, FillDeviation
from pumpsim.firmware.state import State, decode, encode
from tests.firmware.bench import MINUTE, Bench, settle
from tests.firmware.usual import CONFIGURATION, USUAL

FLOW: Final = 54_000
PER_MINUTE: Final = FLOW // 60
FACTORS: Final = (1.3, 0.6)
TRUE_CAUSES: Final = {
    1.3: {Cause.RESTRICTOR_FAST, Cause.SEPTUM_LEAK},
    0.6: {Cause.RESTRICTOR_SLOW},
}


class Pump:
    """A bench whose restrictor is not as calibrated."""

    def __init__(self, factor: float) -> None:
        self.bench, self.factor, self.left_nl = Bench(), factor, 0
        self.bench.configure()

    def run(self, minutes: int, **changed: int | None) -> None:
        for _ in range(minutes):
            self._flows(1)
            sample = {"fill_level_nl": self.bench.level_nl, **changed}
            self.bench.run_screened(1, **sample)

    def reset(self, down: int) -> None:
        """Without supply for so many minutes."""
        level_nl = self.bench.level_nl
        self.bench = self.bench.reset(down_s=60 * down)
        self.bench.level_nl = level_nl
        self._flows(down)

    def visit(self, minutes: int, *, abort: bool) -> None:
        """A refill is begun and nothing is put in; it is aborted, or its window ends by itself."""
        assert self.bench.ask(m.BeginRefill()) == m.Done()
        self.run(minutes if abort else 30)
        if abort:
            assert self.bench.ask(m.AbortRefill()) == m.Done()

    def _flows(self, minutes: int) -> None:
        moved_nl = round(PER_MINUTE * self.factor) * minutes
        self.bench.level_nl -= moved_nl
        self.left_nl += moved_nl

    def present(self) -> set[AlarmId]:
        return {alarm.alarm for alarm in self.bench.alarms() if alarm.present}


@cache
def contradicted(factor: float) -> Pump:
    """A pump that has been told; to be copied."""
    pump = Pump(factor)
    pump.run(13 * 60)
    assert AlarmId.BALANCE_FAULT in pump.present()
    return pump


HAPPENINGS: Final = st.one_of(
    st.tuples(st.just("reset"), st.integers(0, 300)),
    st.tuples(st.just("abort"), st.integers(0, 29)),
    st.tuples(st.just("window"), st.just(30)),
    st.tuples(st.just("gap"), st.integers(4, 60)),
)
COURSES: Final = st.lists(st.tuples(HAPPENINGS, st.integers(1, 400)), min_size=1, max_size=3)


@pytest.mark.slow
@pytest.mark.parametrize("factor", FACTORS)
@settings(max_examples=12, deadline=None)
@given(course=COURSES, known=st.booleans())
@example(course=[(("reset", 0), 350)], known=True)
@example(course=[(("abort", 0), 350)], known=True)
@example(course=[(("reset", 0), 1), (("reset", 0), 1), (("reset", 10), 1)], known=False)
def test_a_contradiction_stands_whatever_happens_meanwhile(
    factor: float, course: list[tuple[tuple[str, int], int]], *, known: bool
) -> None:
    """FLW-01, FLW-06, ALM-09, SEN-05: told, explained, and the truth inside, in every sample."""
    pump = deepcopy(contradicted(factor))
    if known:
        settle(pump.bench)
    for (what, minutes), after in course:
        if what == "reset":
            pump.reset(minutes)
        elif what == "gap":
            pump._flows(minutes)
            pump.bench.wait_until(pump.bench.ticks + minutes * MINUTE)
        else:
            pump.visit(minutes, abort=what == "abort")
        for _ in range(after):
            pump.run(1)
            state = pump.bench.logic._state
            assert state.flow is not None
            assert state.flow.low <= FLOW * factor <= state.flow.high
            assert state.flow.quality is Quality.DEGRADED
            assert AlarmId.BALANCE_FAULT in state.alarms.present()
            assert TRUE_CAUSES[factor] <= set(state.causes)


@pytest.mark.parametrize("factor", FACTORS)
def test_a_contradiction_stands_though_a_number_in_use_changed(factor: float) -> None:
    """FLW-01, NVM-04, SEN-05: the flow that is told, and the higher one that is counted."""
    pump = deepcopy(contradicted(factor))
    pump.run(50)
    state = pump.bench.logic._state
    total_nl = state.account.total_nl
    state.account.total_nl ^= 1 << 25
    pump.bench.ask(m.RunSelfTest())
    flow = pump.bench.status().flow_nl_per_h
    assert flow is not None
    assert flow.low <= FLOW * factor <= flow.high
    assert flow.quality is Quality.DEGRADED
    assert state.account.total_nl == pytest.approx(total_nl, abs=500)


def test_a_refill_that_is_committed_starts_anew() -> None:
    """FLW-08: what the level told before says nothing about another fill."""
    pump = deepcopy(contradicted(1.3))
    pump.bench.ask(m.BeginRefill())
    refill = m.Refill(
        withdrawn_nl=14_000_000,
        filled_nl=14_000_000,
        drug="FUDR",
        concentration_ng_per_ml=5_000_000,
        viscosity_permille=1_000,
        batch="A2",
    )
    early = m.CommitRefill(refill=refill, reason=RefillReason.OTHER, previous_refill_id=1)
    assert isinstance(pump.bench.ask(early), m.Done)
    pump.run(1)
    assert AlarmId.BALANCE_FAULT not in pump.present()


FLAGS: Final = st.booleans()


@given(
    over=st.sampled_from([0, 1, 3_600]),
    under=st.sampled_from([0, 1, 3_600]),
    flags=st.lists(FLAGS, min_size=19, max_size=19),
    side=st.sampled_from([-1, 0, 1]),
)
def test_every_conclusion_is_kept_with_its_direction(
    over: int, under: int, flags: list[bool], side: int
) -> None:
    """ALM-09, RST-02: whatever stood, the next life judges the same before any sample."""
    state = State(configuration=CONFIGURATION, readings=USUAL)
    each = iter(flags)
    state.low, state.empty = next(each), next(each)
    state.deviation.over, state.deviation.under = over, under
    state.deviation.over_infusion, state.deviation.under_infusion = over > 0, under > 0
    state.deviation.stop = next(each)
    state.deviation.stopped = 2 * state.deviation.stop
    by_fill = state.by_fill
    by_fill.over, by_fill.under, by_fill.still = next(each), next(each), next(each)
    by_fill.loss, by_fill.rest = next(each), next(each)
    catheter, environment = state.catheter, state.environment
    for condition in (
        *(catheter.occlusion, catheter.partial, catheter.disconnect, catheter.impossible),
        *(environment.hot, environment.thin, environment.dense),
        *(state.battery.low, state.battery.end),
    ):
        condition.stands = next(each)
    catheter.reverse = next(each)
    environment.fever = environment.hot.stands and next(each)
    state.crosscheck.side = side
    state.crosscheck.low.stands, state.crosscheck.high.stands = side < 0, side > 0
    again = State()
    again.load_durable(decode(encode(state.durable(0))))
    again.readings = USUAL
    catheter.calm, environment.outside = False, True
    told = dict(zip(ORDER, evaluate(again, 0), strict=True))
    assert told == dict(zip(ORDER, evaluate(state, 0), strict=True))
    assert conditions.symptoms(again) == conditions.symptoms(state)
    assert again.crosscheck.doubtful == (side != 0)


def test_a_stop_told_by_the_pressures_ends_by_them_though_the_level_has_died() -> None:
    """FLW-04, ALM-09: nobody takes it for the level's word after a reset."""
    bench = Bench()
    bench.configure()
    bench.run(5)
    bench.run_screened(4, catheter_pressure_pa=(USUAL.reservoir_pressure_pa or 0) - 2_000)
    assert AlarmId.FLOW_STOP in bench.logic._state.alarms.present()
    bench = bench.reset()
    assert AlarmId.FLOW_STOP in bench.logic._state.alarms.present()
    bench.run(5, fill_level_nl=None)
    assert AlarmId.FLOW_STOP not in bench.logic._state.alarms.present()


def test_causes_are_told_at_boot() -> None:
    """ALM-09: before the first sample, and before anybody asks."""
    pump = deepcopy(contradicted(1.3))
    before = pump.bench.logic._state.causes
    pump.reset(0)
    assert pump.bench.logic._state.causes == before
    assert TRUE_CAUSES[1.3] <= set(before)


def test_causes_of_what_is_latched_are_told_at_boot() -> None:
    """ALM-09: it has ended, and nobody knows of it."""
    bench = Bench()
    bench.configure()
    bench.run(2, catheter_pressure_pa=(USUAL.reservoir_pressure_pa or 0) - 2_000)
    bench.run(70)
    before = bench.logic._state.causes
    assert before
    assert not bench.logic._state.alarms.present()
    assert bench.reset().logic._state.causes == before


def test_causes_follow_the_channels_while_the_same_alarm_stands() -> None:
    """SEN-07: one sensor is lost, then another one."""
    bench = Bench()
    bench.configure()
    bench.run(5)
    bench.run_screened(5, catheter_pulse_pa=None)
    assert bench.status().causes == (Cause.PULSE_SENSOR,)
    bench.run_screened(5, catheter_pulse_pa=None, battery_mv=None)
    assert {Cause.PULSE_SENSOR, Cause.BATTERY_SENSOR} <= set(bench.status().causes)
    bench.run_screened(8, battery_mv=None)
    assert Cause.BATTERY_SENSOR in bench.status().causes


def stuck(bench: Bench, minutes: int, level_nl: int) -> None:
    """The fill level is the very same in every sample, whatever the bench adds."""
    for _ in range(minutes):
        bench.run_screened(1, fill_level_nl=level_nl - (bench.number + 1) % 2)


def test_a_level_that_stands_still_is_not_believed_anew_after_a_reset() -> None:
    """ALM-09, RES-01, SEN-02: it would end the low reservoir, and begin the reckoning again."""
    bench = Bench()
    bench.configure()
    bench.run(5, fill_level_nl=5_000_000)
    bench.believe()
    stuck(bench, 42 * 60, 5_000_000)
    assert {AlarmId.SENSOR_FAULT, AlarmId.LOW_RESERVOIR} <= set(bench.logic._state.alarms.present())
    settle(bench)
    told = bench.alarms()
    bench = bench.reset()
    for _ in range(90):
        stuck(bench, 1, 5_000_000)
        volume = bench.logic._state.volume
        assert volume is not None
        assert volume.high < 3_300_000
        assert [a.occurrence for a in bench.alarms()] == [a.occurrence for a in told]
    bench.run_screened(10)
    assert AlarmId.SENSOR_FAULT not in bench.logic._state.alarms.present()


def test_silence_that_somebody_knows_of_is_told_once_over_resets() -> None:
    """ALM-04, ALM-09, SEN-06: until a sample comes, whoever asks."""
    bench = Bench()
    bench.configure()
    bench.run(5)
    bench.wait_until(bench.ticks + 4 * MINUTE)
    settle(bench)
    known = bench.logic._state.alarms.count
    for _ in range(2):
        bench = bench.reset()
        bench.ask(m.RunSelfTest())
        bench.wait_until(bench.ticks + 4 * MINUTE)
        assert {AlarmId.SENSOR_FAULT, AlarmId.UNMONITORED} <= set(bench.raised())
        assert bench.logic._state.alarms.count == known
    bench.run(1)
    assert not bench.logic._state.alarms.present()


@pytest.mark.parametrize("flow_nl_per_min", [1_597, 2_700], ids=["at the limit", "three times"])
def test_free_flow_that_somebody_knows_of_is_told_once(flow_nl_per_min: int) -> None:
    """ALM-04, ALM-09, FLW-03: over noise, a reset and a gap; once it has ended it is told anew."""
    noise, bench = Random(3), Bench()
    bench.configure()
    level_nl = 28_000_000

    def run(minutes: int, per_min_nl: int = flow_nl_per_min) -> None:
        nonlocal level_nl
        for _ in range(minutes):
            level_nl -= per_min_nl
            seen_nl = level_nl + max(-45_000, min(round(noise.gauss(0, 15_000)), 45_000))
            bench.run_screened(1, fill_level_nl=seen_nl // 5_000 * 5_000)

    def times() -> int:
        kinds = [event for each in bench.outcomes for event in each.events]
        over = [each for each in kinds if each.subject == AlarmId.OVER_INFUSION]
        return sum(each.kind is EventKind.ALARM_RAISED for each in over)

    run(12 * 60)
    settle(bench)
    bench.outcomes.clear()
    run(12 * 60)
    bench.wait_until(bench.ticks + 6 * MINUTE)
    run(2 * 60)
    assert times() == 0
    bench = bench.reset()
    run(2 * 60)
    assert times() == 0
    run(90, 1_100)
    assert not bench.logic._state.by_fill.free
    run(90, 3_000)
    assert times() == 1


def test_a_dead_channel_that_somebody_knows_of_is_told_once_over_resets() -> None:
    """ALM-04, ALM-09."""
    bench = Bench()
    bench.configure()
    bench.run(5)
    bench.run_screened(5, catheter_pulse_pa=None)
    settle(bench)
    known = bench.logic._state.alarms.count
    for _ in range(2):
        bench = bench.reset()
        bench.ask(m.RunSelfTest())
        bench.run_screened(5, catheter_pulse_pa=None)
        assert bench.logic._state.alarms.count == known
    bench.run_screened(5)
    assert AlarmId.SENSOR_FAULT not in bench.logic._state.alarms.present()


def test_what_the_level_told_in_this_life_counts_more_than_a_record_that_is_read_late() -> None:
    """ALM-09, SEN-05: conclusions add up, and the newer gap is believed."""
    newer, older = (Interval(low, low + 1, low + 2, Quality.GOOD) for low in (10_000, 20_000))
    by_fill = FillDeviation(loss=True, window=1, beyond=newer, explained=54_000)
    kept = FillDeviation(free=True, over=True, loss=True, beyond=older, explained=50_000)
    by_fill.load(kept.save())
    assert (by_fill.beyond, by_fill.explained, by_fill.window) == (newer, 54_000, 1)
    assert by_fill.free
    assert by_fill.over
    assert by_fill.loss


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("own", [False, True])
def test_what_was_kept_joins_what_this_life_has_found(*, own: bool, kept: bool) -> None:
    """ALM-09: a record that is read late ends nothing, and nothing of it is lost."""
    battery, pressures, level = Battery(), Deviation(), FillDeviation()
    battery.end.stands = pressures.over_infusion = level.free = level.under = own
    battery.load([kept, kept])
    pressures.load(Deviation(over=MINUTE, over_infusion=kept).save())
    level.load(FillDeviation(free=kept, under=kept).save())
    found = (battery.end.stands, pressures.over_infusion, level.free, level.under)
    assert set(found) == {own or kept}


def test_a_channel_that_works_again_is_blamed_by_no_later_life() -> None:
    """ALM-09, SEN-09: another one stands under the same alarm, until the hour is over."""
    bench = Bench()
    bench.configure()
    bench.run_screened(5)
    bench.run_screened(4, temperature_mk=None, battery_mv=None)
    bench.run_screened(7, temperature_mk=None)
    for each in (bench, bench.reset()):
        beliefs = each.outcomes[-1].beliefs
        assert beliefs is not None
        assert beliefs.alarms == (AlarmId.SENSOR_FAULT,)
        assert Cause.TEMPERATURE_SENSOR in beliefs.causes
        assert Cause.BATTERY_SENSOR not in beliefs.causes
