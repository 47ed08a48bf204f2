"""Resets as a hazard: counted, told, and the flow that went on meanwhile is accounted for."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.vocabulary import AlarmId, Priority, ResetCause, Sounder
from pumpsim.firmware.fill import VOLUME_ERROR_NL
from tests.firmware.test_reference_logic import HOUR, Bench

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
    assert (uncertain_nl == 0) == (clock == "good")
    after_s = bench.status().refill_due_in_s
    assert after_s is not None
    assert after_s <= due_in_s - away_s + 120


def test_setting_the_clock_is_no_downtime() -> None:
    """RST-03, TIM-06: a reset right behind it reckons with the clock that was set."""
    bench = configured()
    bench.ask(m.SetClock(rtc_s=bench.rtc_s() + DAY_S))
    bench.start_s += DAY_S
    again = bench.reset(down_s=60)
    again.run(1)
    assert again.status().delivered_total_nl == pytest.approx(240 * FLOW_NL_PER_S, abs=20)


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
    """RST-01: sound and alarms come with the boot, not with the next sample."""
    bench = configured()
    for _ in range(3):
        bench = bench.reset(ResetCause.FIRMWARE_FAULT)
    boot = bench.outcomes[0]
    assert {alarm.alarm for alarm in boot.alarms} == {AlarmId.RESETS, AlarmId.FIRMWARE_FAULT}
    assert boot.beliefs is not None
    assert set(boot.beliefs.alarms) == {AlarmId.RESETS, AlarmId.FIRMWARE_FAULT}
    assert boot.actuation is not None
    assert boot.actuation.sounder is Sounder.HIGH
