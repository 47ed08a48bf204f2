"""Whether an alarm was true: each predicate on a truth made for it, just true and just not."""

from collections.abc import Callable
from typing import Any

import pytest

from protocol.vocabulary import AlarmId
from pumpsim.performance.truth import (
    DAY_NS,
    FLOW_ERROR,
    HOUR_NS,
    MINUTE_NS,
    PREDICATES,
    Dose,
    Minute,
    Truth,
)
from pumpsim.pumpfile import demo

NOMINAL = 54_167
USUAL = Minute(0, NOMINAL, 310_150, 101_325, 20_000_000)
START_NS = 3 * DAY_NS
"""After a fill at instant 0: nothing is due yet."""


def truth_of(hours: float, minute: Callable[[int], Minute], start_ns: int = START_NS) -> Truth:
    """So many hours, `minute` giving the truth so many minutes before their end."""
    configuration = demo().report().configuration
    assert configuration is not None
    truth = Truth(configuration)
    count = int(hours * 60)
    for index in range(count + 1):
        truth.minutes.append(minute(count - index)._replace(at_ns=start_ns + index * MINUTE_NS))
    truth.battery_mv = 2_900.0
    truth.doses.append(dosed(start_ns, 0, 1_000.0))
    truth.prescribed_ng_per_h = 1_000.0
    return truth


def dosed(at_ns: int, dose_ng: int, rate_ng_per_h: float) -> Dose:
    """Delivered by a catheter that no artery stretches."""
    return Dose(at_ns, dose_ng, dose_ng, rate_ng_per_h)


def usual(_ago: int) -> Minute:
    return USUAL


def spell(length: int, ago: int, **changed: Any) -> Callable[[int], Minute]:
    """Something else for `length` minutes, the last one `ago` minutes before the end."""

    def minute(before_end: int) -> Minute:
        return USUAL._replace(**changed) if ago <= before_end < ago + length else USUAL

    return minute


OVER, UNDER = NOMINAL * 1.151, NOMINAL * 0.849


@pytest.mark.parametrize("alarm", list(AlarmId), ids=lambda alarm: alarm.name)
def test_of_a_usual_day_no_alarm_is_true(alarm: AlarmId) -> None:
    """OCC-07: what nobody has a predicate for is false, too."""
    assert not truth_of(24, usual).held(alarm)


@pytest.mark.parametrize(
    ("alarm", "true", "false"),
    [
        (
            AlarmId.OVER_INFUSION,
            spell(60, 0, flow_nl_per_h=OVER),
            spell(60, 0, flow_nl_per_h=NOMINAL * 1.149),
        ),
        (
            AlarmId.OVER_INFUSION,
            spell(60, 5 * 60, flow_nl_per_h=OVER),
            spell(60, 7 * 60, flow_nl_per_h=OVER),
        ),
        (
            AlarmId.UNDER_INFUSION,
            spell(60, 0, flow_nl_per_h=UNDER),
            spell(60, 0, flow_nl_per_h=NOMINAL * 0.851),
        ),
        (
            AlarmId.FLOW_STOP,
            spell(60, 0, flow_nl_per_h=0),
            spell(60, 0, flow_nl_per_h=NOMINAL / 9),
        ),
        (
            AlarmId.REVERSE_FLOW,
            spell(1, 2, flow_nl_per_h=-1),
            spell(1, 5, flow_nl_per_h=-1),
        ),
        (
            AlarmId.TEMPERATURE_HIGH,
            spell(60, 3, temperature_mk=313_151),
            spell(59, 3, temperature_mk=313_151),
        ),
        (
            AlarmId.AMBIENT_PRESSURE,
            spell(10, 0, pocket_pa=74_999),
            spell(9, 0, pocket_pa=74_999),
        ),
        (
            AlarmId.AMBIENT_PRESSURE,
            spell(10, 2, pocket_pa=140_001),
            spell(10, 2, pocket_pa=140_000),
        ),
        (
            AlarmId.LOW_RESERVOIR,
            spell(1, 0, volume_nl=3_495_000),
            spell(1, 0, volume_nl=3_496_000),
        ),
        (
            AlarmId.EMPTY_RESERVOIR,
            spell(1, 0, volume_nl=1_495_000),
            spell(1, 0, volume_nl=1_496_000),
        ),
        (
            AlarmId.REFILL_DUE,  # 3.5 days ahead of a low reservoir
            spell(1, 0, volume_nl=3_495_000 + 3.5 * 24 * NOMINAL),
            spell(1, 0, volume_nl=3_495_000 + 3.6 * 24 * NOMINAL),
        ),
        (
            AlarmId.OVERFILL,
            spell(1, 0, volume_nl=30_000_001),
            spell(1, 0, volume_nl=30_000_000),
        ),
    ],
)
def test_a_condition_that_held_and_one_that_did_not(
    alarm: AlarmId, true: Callable[[int], Minute], false: Callable[[int], Minute]
) -> None:
    """OCC-07: over that alarm's own window."""
    assert truth_of(12, true).held(alarm)
    assert not truth_of(12, false).held(alarm)


@pytest.mark.parametrize(
    ("alarm", "days"), [(AlarmId.REFILL_DUE, 10.5), (AlarmId.REFILL_OVERDUE, 16)]
)
def test_refills_are_due_by_the_true_time(alarm: AlarmId, days: float) -> None:
    """RES-04."""
    before_ns, after_ns = (int((days + by) * DAY_NS) for by in (-0.1, 0.0))
    assert truth_of(0, usual, after_ns).held(alarm)
    assert not truth_of(0, usual, before_ns).held(alarm)


@pytest.mark.parametrize(
    ("alarm", "limit_mv"), [(AlarmId.BATTERY_LOW, 2_600), (AlarmId.BATTERY_END, 2_450)]
)
def test_batteries_are_judged_by_their_true_voltage(alarm: AlarmId, limit_mv: int) -> None:
    truth = truth_of(1, usual)
    truth.battery_mv = limit_mv - 1.0
    assert truth.held(alarm)
    truth.battery_mv = limit_mv + 1.0
    assert not truth.held(alarm)


@pytest.mark.parametrize(("dose_ng", "exceeds"), [(1_248, False), (1_252, True)])
def test_doses_exceed_a_window_in_advance(dose_ng: int, exceeds: bool) -> None:  # noqa: FBT001
    """DOS-02: in no time so much, and 1,000 ng/h to come: an hour's limit is 1,250 ng."""
    truth = truth_of(1, usual)
    reckoned = 1 + FLOW_ERROR  # by a pump whose sensors are as bad as they may be
    dose = dosed(START_NS + 10 * MINUTE_NS, round((dose_ng - 1_000 * 5 / 6) / reckoned), 1_000)
    truth.doses.append(dose)
    assert truth.held(AlarmId.DOSE_LIMIT) is exceeds


def test_a_dose_of_yesterday_is_no_hour_s() -> None:
    truth = truth_of(1, usual)
    truth.doses.append(dosed(START_NS + MINUTE_NS, 3_000, 1_000))
    assert truth.held(AlarmId.DOSE_LIMIT)
    truth.doses.append(dosed(START_NS + 2 * HOUR_NS, 3_000, 1_000))
    truth.doses.append(dosed(START_NS + 3 * HOUR_NS, 4_000, 1_000))
    assert not truth.held(AlarmId.DOSE_LIMIT)


def test_after_a_change_of_drug_the_catheter_s_content_exceeds_nothing() -> None:
    """RES-11: saline is prescribed, the old drug still arrives; a flush of it is too much."""
    truth = truth_of(1, usual)
    truth.prescribed_ng_per_h = 0.0
    truth.doses.append(dosed(START_NS + 30 * MINUTE_NS, 500, 0))
    truth.doses.append(dosed(START_NS + 90 * MINUTE_NS, 1_500, 0))
    assert not truth.held(AlarmId.DOSE_LIMIT)
    truth.doses.append(dosed(START_NS + 91 * MINUTE_NS, 2_800, 0))
    assert truth.held(AlarmId.DOSE_LIMIT)


def test_a_dose_counts_where_a_stretched_catheter_alone_still_holds_it() -> None:
    """OCC-07: no sensor sees by how much an artery has put off the arrival of a drug."""
    truth = truth_of(1, usual)
    before, after = (START_NS + minutes * MINUTE_NS for minutes in (10, 30))
    truth.doses.append(Dose(before, 0, 0, 1_000))
    truth.doses.append(Dose(after, 500, 500, 1_000))
    assert not truth.held(AlarmId.DOSE_LIMIT)
    truth.doses[-1] = Dose(after, 500, 600, 1_000)
    assert truth.held(AlarmId.DOSE_LIMIT)
    truth.doses[-2] = Dose(before, 0, 100, 1_000)  # it was stretched as much all the time
    assert not truth.held(AlarmId.DOSE_LIMIT)


def test_only_what_life_can_bring_has_a_predicate() -> None:
    faults_alone = {AlarmId.OCCLUSION, AlarmId.SENSOR_FAULT, AlarmId.TAMPERING, AlarmId.RESETS}
    assert not faults_alone & set(PREDICATES)
