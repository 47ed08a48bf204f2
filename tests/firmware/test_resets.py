"""Resets as a hazard: counted, told, and the flow that went on meanwhile is accounted for."""

from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import TICKS_PER_S, Memory, PowerLostError
from protocol.memory import RamMemory
from protocol.vocabulary import AlarmId, Priority, RefillReason, Refusal, ResetCause, Sounder
from pumpsim.firmware.fill import VOLUME_ERROR_NL
from pumpsim.nvm import MortalMemory
from tests.firmware.bench import HOUR, MINUTE, Bench, refusal
from tests.firmware.usual import REFILL

FLOW_NL_PER_S = 15
FAULTS = [ResetCause.FIRMWARE_FAULT, ResetCause.WATCHDOG]
OTHERS = [cause for cause in ResetCause if cause not in FAULTS]
DAY_S = 86_400


def configured() -> Bench:
    bench = Bench()
    bench.configure()
    bench.run(2)
    return bench


def standing(bench: Bench) -> list[AlarmId]:
    return [alarm.alarm for alarm in bench.alarms() if alarm.present]


@pytest.mark.parametrize("cause", OTHERS)
def test_the_third_reset_within_a_day_alarms_at_boot(cause: ResetCause) -> None:
    """RST-04: whatever the cause, and the first power-on is none."""
    bench = configured()
    for _ in range(2):
        bench = bench.reset(cause)
        bench.run(300)
        assert standing(bench) == []
    bench = bench.reset(cause)
    (alarm,) = bench.alarms()
    assert (alarm.alarm, alarm.priority, alarm.latching) == (AlarmId.RESETS, Priority.MEDIUM, True)
    assert bench.sounder() is Sounder.MEDIUM


def test_a_boot_loop_that_never_takes_a_sample_is_told() -> None:
    """RST-04: each boot counts before anything else can fail."""
    bench = configured()
    for _ in range(3):
        bench = bench.reset(ResetCause.BROWN_OUT)
    assert standing(bench) == [AlarmId.RESETS]
    for _ in range(20):
        bench = bench.reset(ResetCause.BROWN_OUT)
    assert [alarm.alarm for alarm in bench.alarms()] == [AlarmId.RESETS]


def test_resets_further_apart_than_a_day_are_life() -> None:
    """RST-04: time without supply counts as time, once it is known."""
    bench = configured()
    for _ in range(6):
        bench = bench.reset(down_s=DAY_S // 2)
        bench.run(60)
        assert standing(bench) == []


def test_resets_further_apart_by_ticks_are_life_too() -> None:
    """RST-04: device life counts from boot to boot."""
    bench = configured()
    for _ in range(6):
        bench = bench.reset()
        bench.wait_until(13 * HOUR)
        bench.run(61)
        assert AlarmId.RESETS not in standing(bench)


def test_the_alarm_ends_after_a_day_and_stays_until_acknowledged() -> None:
    """RST-04, ALM-08."""
    bench = configured()
    for _ in range(3):
        bench = bench.reset()
        bench.run(10)
    assert AlarmId.RESETS in standing(bench)
    bench.wait_until(23 * HOUR)
    bench.run(1)
    assert AlarmId.RESETS in standing(bench)
    bench.wait_until(24 * HOUR)
    bench.run(1)
    (alarm,) = [alarm for alarm in bench.alarms() if alarm.alarm is AlarmId.RESETS]
    assert not alarm.present
    bench.ask(m.AcknowledgeAlarm(alarm=alarm.alarm, occurrence=alarm.occurrence))
    assert AlarmId.RESETS not in [alarm.alarm for alarm in bench.alarms()]


@pytest.mark.parametrize("cause", FAULTS)
def test_failed_logic_is_told_at_boot_and_until_somebody_knows(cause: ResetCause) -> None:
    """RST-11: the condition ends with the first sample, the occurrence when acknowledged."""
    bench = configured().reset(cause)
    (alarm,) = bench.alarms()
    assert (alarm.alarm, alarm.priority) == (AlarmId.FIRMWARE_FAULT, Priority.HIGH)
    assert alarm.present
    assert bench.sounder() is Sounder.HIGH
    bench.status()
    bench.ask(m.RunSelfTest())
    assert standing(bench) == [AlarmId.FIRMWARE_FAULT]
    bench.run(1)
    (alarm,) = bench.alarms()
    assert not alarm.present
    again = bench.reset(ResetCause.BROWN_OUT)
    assert [(a.alarm, a.present) for a in again.alarms()] == [(AlarmId.FIRMWARE_FAULT, False)]


def test_failed_logic_is_not_forgotten_by_a_reset_before_the_first_sample() -> None:
    """RST-11."""
    bench = configured().reset(ResetCause.FIRMWARE_FAULT).reset(ResetCause.BROWN_OUT)
    assert standing(bench) == [AlarmId.FIRMWARE_FAULT]
    bench.run(1)
    assert standing(bench) == []


def test_failed_logic_without_a_configuration_is_told() -> None:
    """RST-11: nothing is known, and that it failed is."""
    bench = Bench(cause=ResetCause.FIRMWARE_FAULT)
    assert standing(bench) == [AlarmId.FIRMWARE_FAULT]
    bench.run(1)
    assert standing(bench) == []


# ---- RST-03

MISREAD: dict[str, dict[str, int | None]] = {
    "invalid": {"rtc_valid": False},
    "missing": {"rtc_s": None},
}
NOISE = st.integers(-VOLUME_ERROR_NL, VOLUME_ERROR_NL)


def run(bench: Bench, minutes: int, noise_nl: int, **changed: int | None) -> None:
    for _ in range(minutes):
        bench.level_nl -= 60 * FLOW_NL_PER_S
        bench.run(1, fill_level_nl=bench.level_nl + noise_nl, **changed)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    ran=st.integers(1, 200),
    down_s=st.integers(0, 12 * DAY_S),
    noise=st.tuples(NOISE, NOISE),
    clock=st.sampled_from(["good", "invalid", "missing", "set meanwhile", "wrong before"]),
    lives=st.integers(1, 3),
)
@example(10, DAY_S, (-VOLUME_ERROR_NL, VOLUME_ERROR_NL), "invalid", 1)
@example(10, DAY_S, (VOLUME_ERROR_NL, -VOLUME_ERROR_NL), "invalid", 1)
@example(10, 3_600, (0, 0), "good", 1)
def test_what_flowed_meanwhile_lies_within_what_is_counted(
    ran: int, down_s: int, noise: tuple[int, int], clock: str, lives: int
) -> None:
    """RST-03: by the clock it is exact; without one it is the widest the fill level allows."""
    bench = configured()
    if clock == "wrong before":
        run(bench, 1, 0, rtc_valid=False)
    run(bench, ran, noise[0])
    lived_s = bench.ticks // 32_768
    due_in_s = bench.status().refill_due_in_s
    assert due_in_s is not None
    if not ran % 2:
        bench.ask(m.RunSelfTest())  # saves the last sample; else it is the first one, or hourly
    for _ in range(lives):
        bench = bench.reset(down_s=down_s // lives)
    if clock == "set meanwhile":
        bench.ask(m.SetClock(rtc_s=bench.rtc_s()))
    run(bench, 10, noise[1], **MISREAD.get(clock, {}))
    away_s = down_s // lives * lives + 600
    truth_nl = (lived_s + away_s) * FLOW_NL_PER_S
    counted_nl = bench.status().delivered_total_nl
    uncertain_nl = bench.logic._state.account.uncertain_nl
    error_nl = truth_nl // 1_000 + 200
    assert counted_nl - uncertain_nl - error_nl <= truth_nl <= counted_nl + error_nl
    between = bench.status().delivered_total_between_nl
    assert between is not None
    assert between.low - 200 <= truth_nl <= between.high + 200
    bounded = abs(noise[1] - noise[0]) > 2 * VOLUME_ERROR_NL - error_nl  # by what the level allows
    assert bounded or (uncertain_nl == 0) == (clock == "good")
    after_s = bench.status().refill_due_in_s
    assert after_s is not None
    assert after_s <= due_in_s - away_s + 120


DOUBT_NL = 2 * VOLUME_ERROR_NL
"""Two levels and their errors: what may have left is known to this, either way."""
Life = tuple[int, int, bool, int, str, int]

LIVES: st.SearchStrategy[list[Life]] = st.lists(
    st.tuples(
        st.integers(0, 12),  # samples
        st.sampled_from([0, 0, 90, 3_600, 30 * 3_600]),  # seconds without any, after them
        st.booleans(),  # a request saves
        st.sampled_from([0, 1, 60]) | st.integers(0, 4 * DAY_S),  # without supply
        st.sampled_from(["true", "true", "halts", "jumps", "invalid"]),  # the clock meanwhile
        st.sampled_from([400 * DAY_S, DAY_S, -DAY_S]) | st.integers(-(2**27), 2**30),
    ),
    min_size=1,
    max_size=4,
)


class Course:
    """Lives of a pump at the usual flow; the truth of it, and what may not be known."""

    def __init__(self) -> None:
        self.bench = configured()
        self.elapsed_s = 120
        self.lies = 0
        self.valid = True
        self.total_nl = 0
        self.due_s = self.status().refill_due_in_s or 0

    def status(self) -> m.StatusPart:
        status = self.bench.status()
        assert status.delivered_total_nl >= self.total_nl  # DOS-01, DOS-03
        self.total_nl = status.delivered_total_nl
        return status

    def run(self, minutes: int) -> None:
        for _ in range(minutes):
            self.elapsed_s += 60
            level_nl = 28_000_000 - self.elapsed_s * FLOW_NL_PER_S
            self.bench.run_screened(1, fill_level_nl=level_nl, rtc_valid=self.valid)
        self.status()

    def live(self, life: Life) -> None:
        samples, silent_s, saves, down_s, clock, jump_s = life
        self.run(samples)
        self.elapsed_s += silent_s
        self.bench.wait_until(self.bench.ticks + silent_s * TICKS_PER_S)
        if saves:
            self.bench.ask(m.RunSelfTest())
        self.elapsed_s += down_s
        self.valid = self.valid and clock != "invalid"
        told_s = {"halts": 0, "jumps": down_s + jump_s}.get(clock, down_s)
        self.lies += told_s != down_s
        start_s = min(max(self.bench.rtc_s() + told_s, 0), m.MAX_UNIX_S - 2**20)
        self.bench = Bench(self.bench.memory, ResetCause.BROWN_OUT, start_s=start_s)
        self.total_nl = 0  # what was counted since the last save comes back with the downtime


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(LIVES)
@example([(1, 0, False, 3 * DAY_S, "halts", 0)])
@example([(1, 0, False, 0, "jumps", 400 * DAY_S)])
@example([(1, 0, False, 60, "invalid", 0)] * 4)
@example([(3, 6 * DAY_S, True, 60, "true", 0)])
@example([(0, 0, False, DAY_S, "true", 0), (0, 30 * 3_600, True, DAY_S, "true", 0)])
@example([(2, 0, False, DAY_S, "invalid", 0), (0, 3_600, True, 9, "jumps", -DAY_S)])
def test_over_any_lives_and_whatever_the_clock_says(lives: list[Life]) -> None:
    """RST-03, DOS-01, RES-04, RES-10: silences, resets, a clock that halts or jumps meanwhile.

    What was delivered is counted, and no more than that but what is said to be uncertain; a refill
    is due no later than it was, and its shortest interval no sooner over. A clock that lies by less
    than the level can tell misleads by no more than that, each time.
    """
    course = Course()
    for life in lives:
        course.live(life)
    course.run(3)
    state = course.bench.logic._state
    truth_nl, elapsed_s = course.elapsed_s * FLOW_NL_PER_S, course.elapsed_s
    error_nl = truth_nl // 1_000 + 200 + DOUBT_NL * course.lies
    counted_nl, uncertain_nl = state.account.total_nl, state.account.uncertain_nl
    assert counted_nl - uncertain_nl - error_nl <= truth_nl <= counted_nl + error_nl
    assert uncertain_nl <= 2 * DOUBT_NL * len(lives) + error_nl
    if course.valid and not course.lies:
        assert uncertain_nl == 0
    doubt_s = DOUBT_NL // FLOW_NL_PER_S * course.lies
    believed_s = 10 / 7 * (elapsed_s + doubt_s) if course.lies else elapsed_s
    due_s = course.status().refill_due_in_s
    assert due_s is not None
    assert (
        due_s <= course.due_s - (elapsed_s - 120) * (7 / 13 if course.lies else 1) + doubt_s + 120
    )
    assert state.refills.at is not None
    assert (state.now - state.refills.at) // TICKS_PER_S <= believed_s + 120


def test_one_reading_of_the_clock_that_is_lost_leaves_the_account_open_for_the_next() -> None:
    """RST-03."""
    bench = configured().reset(down_s=3_600)
    bench.run(1, rtc_s=None)
    assert bench.logic._state.before is not None
    bench.run(1)
    assert bench.logic._state.before is None


def test_a_clock_that_halts_or_leaps_without_supply_is_found_wrong() -> None:
    """TIM-05, RST-03: the level knows better, and its word is counted."""
    for down_s, told_s in ((3 * DAY_S, 1), (60, 400 * DAY_S)):
        bench = configured()
        before = bench.status()
        again = Bench(bench.memory, start_s=bench.rtc_s() + told_s)
        again.level_nl = bench.level_nl - down_s * FLOW_NL_PER_S
        again.run(1)
        assert standing(again) == [AlarmId.CLOCK_INVALID]
        account, truth_nl = again.logic._state.account, (240 + down_s) * FLOW_NL_PER_S
        assert account.total_nl - account.uncertain_nl <= truth_nl <= account.total_nl
        assert account.uncertain_nl <= 2 * DOUBT_NL
        due_s = again.status().refill_due_in_s
        assert due_s is not None
        assert before.refill_due_in_s is not None
        assert due_s <= before.refill_due_in_s - down_s
        assert due_s >= before.refill_due_in_s - 1.5 * down_s - 14 * 3_600


def test_a_pump_that_ran_dry_without_supply_gave_no_more_than_it_had() -> None:
    """RST-03: and its clock is right: the refill is overdue."""
    bench = configured()
    again = bench.reset(down_s=43 * DAY_S)
    again.run(1, fill_level_nl=500_000)
    account = again.logic._state.account
    assert account.total_nl - account.uncertain_nl <= 27_500_000 <= account.total_nl
    assert account.total_nl < 28_300_000
    assert AlarmId.CLOCK_INVALID not in standing(again)
    assert AlarmId.REFILL_OVERDUE in standing(again)


def test_a_flow_that_was_no_usual_one_counts_as_the_level_tells() -> None:
    """RST-03: a leak without supply is within the level's bounds, whatever the flow of before."""
    bench = configured()
    again = bench.reset(down_s=4 * DAY_S)
    again.level_nl = bench.level_nl - 4 * DAY_S * FLOW_NL_PER_S * 125 // 100
    again.run(1)
    account, truth_nl = again.logic._state.account, 4 * DAY_S * FLOW_NL_PER_S * 125 // 100
    assert account.total_nl == pytest.approx(truth_nl - DOUBT_NL, rel=0.01)
    assert account.uncertain_nl == 0
    assert standing(again) == []


def test_without_a_level_no_more_left_than_there_was() -> None:
    """RST-03: a clock that leaps, and nothing to hold it against."""
    bench = configured()
    again = bench.reset(down_s=400 * DAY_S)
    again.run(1, fill_level_nl=None)
    account = again.logic._state.account
    assert account.total_nl == pytest.approx(28_000_000, abs=300_000)
    assert account.uncertain_nl == pytest.approx(28_000_000, abs=300_000)


def test_liquid_put_in_without_supply_leaves_the_most_open() -> None:
    """RST-03: who filled it undeclared may have emptied it before; a good clock still tells."""
    bench = configured()
    for clock, expected_nl in (("good", DAY_S * FLOW_NL_PER_S), ("invalid", 28_000_000)):
        again = Bench(copy_of(bench.memory), start_s=bench.rtc_s() + DAY_S)
        again.level_nl = 29_500_000
        again.run(2, **MISREAD.get(clock, {}))
        account = again.logic._state.account
        assert account.total_nl == pytest.approx(expected_nl, abs=300_000)
        assert AlarmId.TAMPERING in standing(again)


def copy_of(memory: Memory) -> RamMemory:
    return RamMemory(content=memory.read(0, memory.size))


def test_a_reset_in_a_refill_ends_with_what_the_syringe_finds() -> None:
    """RST-03, RES-05: the level is in flux, the clock is wrong; the withdrawn volume tells."""
    bench = configured()
    bench.run(60)
    bench.ask(m.BeginRefill())
    again = bench.reset(down_s=60)
    again.run(2, rtc_valid=False, fill_level_nl=14_000_000)
    assert again.logic._state.before is not None
    refill = REFILL.model_copy(update={"withdrawn_nl": 27_900_000})
    commit = m.CommitRefill(refill=refill, reason=RefillReason.OTHER, previous_refill_id=1)
    assert again.ask(commit) == m.Done(reference=2)
    account = again.logic._state.account
    assert account.total_nl == pytest.approx(62 * 60 * FLOW_NL_PER_S, abs=DOUBT_NL + 100_000)
    assert account.since_refill_nl == 0
    assert again.logic._state.before is None


@pytest.mark.parametrize("withdrawn_nl", [0, 3_000_000, 27_000_000])
def test_a_syringe_that_left_some_behind_proves_no_dose(withdrawn_nl: int) -> None:
    """RST-03, DOS-01: as the test above, and what is counted may not have left."""
    bench = configured()
    bench.run(60)
    bench.ask(m.BeginRefill())
    again = bench.reset(down_s=60)
    again.run(2, rtc_valid=False, fill_level_nl=14_000_000)
    volumes = {"withdrawn_nl": withdrawn_nl, "filled_nl": 2_000_000}
    refill = REFILL.model_copy(update=volumes)
    commit = m.CommitRefill(refill=refill, reason=RefillReason.OTHER, previous_refill_id=1)
    assert again.ask(commit) == m.Done(reference=2)
    account, truth_nl = again.logic._state.account, 65 * 60 * FLOW_NL_PER_S
    assert account.total_nl - account.uncertain_nl <= truth_nl <= account.total_nl


def test_wrong_clock_and_resets_without_end_add_one_doubt() -> None:
    """RES-10, RST-03, DOS-01: no worst case is counted twice."""
    bench = configured()
    for _ in range(30):
        level_nl = bench.level_nl
        bench = Bench(bench.memory, ResetCause.BROWN_OUT, start_s=0)
        bench.level_nl = level_nl
        bench.run(1)
    state, status = bench.logic._state, bench.status()
    assert state.account.total_nl == pytest.approx(32 * 60 * FLOW_NL_PER_S, abs=DOUBT_NL + 1_000)
    assert status.refill_due_in_s is not None
    assert status.refill_due_in_s > 13 * DAY_S
    bench.ask(m.BeginRefill())
    early = m.CommitRefill(refill=REFILL.model_copy(update={"withdrawn_nl": 27_900_000}))
    assert refusal(bench.ask(early)) is Refusal.REFILL_TOO_EARLY


def test_three_resets_within_minutes_are_told_whatever_was_before() -> None:
    """RST-04: what ticks have counted is not counted again, nor is a gap dated into another one."""
    bench = configured()
    bench.wait_until(bench.ticks + 30 * HOUR)
    bench.ask(m.RunSelfTest())
    for down_s in (10, 10, 10):
        assert standing(bench).count(AlarmId.RESETS) == 0
        bench = bench.reset(down_s=down_s)
        if down_s != 10:
            bench.run(1)
    assert AlarmId.RESETS in standing(bench)
    bench = configured().reset(down_s=3 * DAY_S)
    bench = bench.reset()
    bench.run(3)
    assert AlarmId.RESETS not in standing(bench)
    assert AlarmId.RESETS in standing(bench.reset())


def test_setting_the_clock_is_no_downtime() -> None:
    """RST-03, TIM-06: until samples confirm it a reset goes by the level; then by the new clock."""
    for minutes in range(5):
        bench = configured()
        bench.ask(m.SetClock(rtc_s=bench.rtc_s() + DAY_S))
        bench.start_s += DAY_S
        bench.run(minutes)
        again = bench.reset(down_s=60)
        again.run(1)
        account, truth_nl = again.logic._state.account, (minutes + 4) * 60 * FLOW_NL_PER_S
        assert account.total_nl - account.uncertain_nl <= truth_nl <= account.total_nl + 20
        assert account.uncertain_nl == (0 if minutes >= 2 else pytest.approx(DOUBT_NL, rel=0.01))
        assert standing(again) == []


@pytest.mark.parametrize("step_s", [-5 * DAY_S, 5 * DAY_S])
def test_a_cut_while_the_clock_is_set_invents_no_time(step_s: int) -> None:
    """RST-03, TIM-03: it is kept before the clock is set, and may stay the only one that knows."""
    bench = configured()
    bench.run(5)
    before = bench.status()
    assert before.refill_due_in_s is not None
    for seed, cut in product(range(6), range(1, 7)):
        cells = copy_of(bench.memory)
        memory = MortalMemory(cells, seed)
        setting = Bench(memory, ResetCause.BROWN_OUT, start_s=bench.rtc_s())
        setting.level_nl = bench.level_nl
        setting.run(3)
        memory.cut_in(cut)
        with pytest.raises(PowerLostError):
            setting.ask(m.SetClock(rtc_s=setting.rtc_s() + step_s))
        again = Bench(cells, ResetCause.BROWN_OUT, start_s=setting.rtc_s())
        again.level_nl = setting.level_nl
        again.run(2)
        after = again.status()
        assert after.refill_due_in_s is not None
        assert before.refill_due_in_s - after.refill_due_in_s < 15 * 3_600
        assert after.delivered_total_nl - before.delivered_total_nl < DOUBT_NL + 10_000
        assert AlarmId.CLOCK_INVALID not in standing(again)


def test_without_a_fill_level_the_downtime_stays_open() -> None:
    """RST-03: neither clock nor level: nothing is known until one of them tells."""
    bench = configured()
    again = bench.reset(down_s=DAY_S)
    again.run(5, rtc_valid=False, fill_level_nl=None)
    assert again.status().delivered_total_nl < 20_000
    again.run(5, rtc_valid=False)  # as many as make a lost channel trusted again
    assert again.status().delivered_total_nl > DAY_S * FLOW_NL_PER_S


def test_a_refill_that_was_just_made_bounds_by_the_capacity() -> None:
    """RST-03: between the commit and the next sample no level is known."""
    bench = Bench()
    bench.configure()
    again = bench.reset(down_s=60)
    again.run(1)
    account = again.logic._state.account
    assert account.uncertain_nl == pytest.approx(30_000_000 - 28_000_000, abs=300_000)
    assert account.total_nl >= 120 * FLOW_NL_PER_S


def test_nothing_left_a_pump_that_was_never_configured() -> None:
    """RST-03, DOS-09."""
    bench = Bench()
    bench.ask(m.RunSelfTest())
    again = bench.reset(down_s=DAY_S)
    again.run(2, rtc_valid=False)
    assert again.status().delivered_total_nl == 0


def test_a_boot_tells_all_it_has_to_in_one_outcome() -> None:
    """RST-01, ALM-09: sound and alarms, old and new, come with the boot, not the next sample."""
    bench = configured()
    for _ in range(3):
        bench = bench.reset(ResetCause.FIRMWARE_FAULT)
    boot = bench.outcomes[0]
    assert {alarm.alarm for alarm in boot.alarms} == {AlarmId.RESETS, AlarmId.FIRMWARE_FAULT}
    assert boot.beliefs is not None
    assert set(boot.beliefs.alarms) == {AlarmId.RESETS, AlarmId.FIRMWARE_FAULT}
    assert boot.actuation is not None
    assert boot.actuation.sounder is Sounder.HIGH


def test_without_a_clock_a_date_comes_no_sooner_for_what_ran_on_after_the_last_sample() -> None:
    """RST-03, RES-04: what the ticks have counted is not shifted once more."""

    def due_in_s(waited: int) -> int:
        bench = Bench()
        bench.configure()
        bench.run(90)
        bench.wait_until(bench.ticks + waited * MINUTE)
        bench.ask(m.RunSelfTest())  # and all is kept
        again = bench.reset()
        again.level_nl -= 6 * 54_000
        again.run(8, rtc_s=None)  # and the clock is found wrong
        due_in_s = again.status().refill_due_in_s
        assert due_in_s is not None
        return due_in_s

    assert due_in_s(2) == pytest.approx(due_in_s(0), abs=1)


def test_two_levels_leave_their_own_errors_open() -> None:
    """RST-03: however many samples were taken until the clock was found wrong."""
    bench = configured()
    bench.run(90)
    bench.ask(m.RunSelfTest())
    again = bench.reset()
    again.level_nl -= 1_000_000
    again.run(8, rtc_s=None)
    assert again.logic._state.account.uncertain_nl == pytest.approx(4 * VOLUME_ERROR_NL, abs=20)
