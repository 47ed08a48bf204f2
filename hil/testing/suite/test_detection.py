"""What goes wrong is told: each in its time, neither sooner nor later, and as loud as it is bad.

Persistence counts from the first sample that shows the condition, and the alarm sounds with the
sample that completes it (ALM-14).
"""

from typing import Any, Final

import pytest
from hypothesis import strategies as st

from hil.testing.cases import CASES, FLOW, Case, await_alarm, settled
from hil.testing.desk import shown, span
from hil.testing.expected import ALARMS
from hil.testing.prove import Prove
from hil.testing.refilling import refilled
from hil.testing.steady import SteadyPump
from hil.testing.subject import Subject
from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, Sounder

PA_OFF: Final = 200
"""Two readings of the pocket's pressure, each to the steps of its sensor."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_detected_in_its_time(subject: Subject, case: Case) -> None:
    """The alarm comes, not before its persistence, not after its bound, and it sounds at once."""
    await_alarm(settled(subject.desk(nominal_flow_nl_per_h=case.nominal), case), case)


@pytest.mark.parametrize(
    ("tolerance_permille", "flow_permille", "alarm"),
    [
        (60, 1_080, AlarmId.OVER_INFUSION),
        (60, 920, AlarmId.UNDER_INFUSION),
        (280, 1_240, None),
        (280, 760, None),
    ],
)
def test_the_tolerance_is_the_one_configured(
    subject: Subject, tolerance_permille: int, flow_permille: int, alarm: AlarmId | None
) -> None:
    """A limit is what was written last, not what is usual."""
    nominal = FLOW * 1_000 // flow_permille
    desk = subject.desk(nominal_flow_nl_per_h=nominal, tolerance_permille=tolerance_permille)
    flows = {AlarmId.OVER_INFUSION, AlarmId.UNDER_INFUSION}
    desk.minutes_to(flows, 70)
    words = f"{'no flow alarm' if alarm is None else alarm.name.lower()} within 70 min"
    desk.that(flows & desk.present() == ({alarm} - {None}), "FLW-07", words, desk.standing())


def test_a_flow_that_dances_about_its_limit_is_told(subject: Subject, prove: Prove) -> None:
    """Half the time outside of the tolerance is told within four hours, whatever the rhythm."""

    def dance(half_period: int, begins: int) -> None:
        desk = subject.desk(nominal_flow_nl_per_h=round(FLOW / 1.11))
        desk.wait(begins)
        for minute in range(0, 240 + 2 * half_period, half_period):
            desk.let(pocket_pa=83e3 if minute // half_period % 2 == 0 else 101_300.0)
            if desk.minutes_to(AlarmId.OVER_INFUSION, half_period) is not None:
                return
        raise desk.violated("FLW-05", "over_infusion within 4 h", desk.standing())

    prove(dance, 12, half_period=st.integers(1, 70), begins=st.integers(0, 10))


@pytest.mark.parametrize(
    ("alarm", "begin", "end"),
    [
        (AlarmId.AMBIENT_PRESSURE, {"pocket_pa": 84e3}, {}),
        (AlarmId.SENSOR_FAULT, {"reads": {"catheter_pulse_pa": None}}, {"reads": {}}),
        (AlarmId.BATTERY_LOW, {"battery_mv": 2_500}, {"battery_mv": 2_900}),
        (AlarmId.CATHETER_DISCONNECT, {"artery_pa": 1e3}, {"artery_pa": 12_400.0}),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, AlarmId) else "",
)
def test_what_is_over_ends(
    subject: Subject, alarm: AlarmId, begin: dict[str, Any], end: dict[str, Any]
) -> None:
    """The condition ends with what caused it; a latching alarm stays to be acknowledged."""
    desk = subject.desk()
    desk.wait(30)
    desk.let(**begin)
    if alarm is AlarmId.AMBIENT_PRESSURE:
        desk.minute()
        desk.let(pocket_pa=72e3)
        end = {"pocket_pa": 88e3}
    after = desk.minutes_to(alarm, 150)
    desk.that(after is not None, ALARMS[alarm].requirement, alarm.name.lower(), desk.standing())
    desk.let(**end)
    desk.wait(60)
    desk.that(alarm not in desk.present(), "ALM-08", f"{alarm.name.lower()} over", desk.standing())
    left = desk.occurrence(alarm)
    was = next(one for one in reversed(desk.told) if one.alarm is alarm)
    kept = "a latching alarm in the list until it is acknowledged, others gone"
    desk.that((left is not None) == was.latching, "ALM-08", kept, left)


def test_samples_that_do_not_come_are_told(subject: Subject) -> None:
    """Without a sample for three minutes nothing is known any more."""
    desk = subject.desk()
    desk.wait(60)
    desk.miss(2)
    desk.that(
        not desk.present(), "SEN-06", "no alarm within the age a sample may have", desk.standing()
    )
    desk.miss(2)
    standing = desk.present()
    wanted = "sensor_fault and unmonitored once no sample came for 3 min"
    desk.that(
        {AlarmId.SENSOR_FAULT, AlarmId.UNMONITORED} <= standing, "SEN-06", wanted, shown(standing)
    )
    desk.that(
        desk.status().flow_nl_per_h is None,
        "SEN-06",
        "an unknown flow",
        desk.status().flow_nl_per_h,
    )
    desk.that(
        desk.sounder is Sounder.HIGH, "ALM-14", "a sounder that plays high", desk.sounder.name
    )
    desk.wait(10)
    desk.that(
        AlarmId.UNMONITORED not in desk.present(), "SEN-09", "monitored again", desk.standing()
    )


def test_what_lasted_for_days_ends_as_soon_as_what_lasted_for_hours(subject: Subject) -> None:
    """What is counted up while a flow is off has an end, and is counted down in time."""
    lasted = {}
    for hours in (3, 96):
        desk = subject.desk(nominal_flow_nl_per_h=round(FLOW / 1.17))
        desk.wait(hours * 60)
        standing = AlarmId.OVER_INFUSION in desk.present()
        desk.that(standing, "FLW-02", "over_infusion", desk.standing())
        desk.let(artery_pa=44e3)  # by so much slower
        while AlarmId.OVER_INFUSION in desk.present() and desk.minutes < (hours + 12) * 60:
            desk.minute()
        lasted[hours] = desk.minutes - hours * 60
    desk.that(lasted[3] < 12 * 60, "FLW-05", "over_infusion over within 12 h", "not")
    words = f"over_infusion over after {span(lasted[3] + 60)} at most, as after 3 h of it"
    desk.that(lasted[96] <= lasted[3] + 60, "FLW-05", words, span(lasted[96]))


def test_a_fill_is_cold_where_a_temperature_says_so(subject: Subject) -> None:
    """Without a thermometer nothing explains too little flow, not even a refill just made."""
    desk = subject.desk(nominal_flow_nl_per_h=round(FLOW / 0.75))
    desk.let(reads={"temperature_mk": None})
    after = desk.minutes_to(AlarmId.UNDER_INFUSION, 120)
    words = "under_infusion within 2 h of the first fill"
    desk.that(after is not None, "FLW-08", words, desk.standing())


@pytest.mark.parametrize("kpa_per_min", [-9, -7, -4, 4, 7, 9])
def test_a_fast_change_of_pressure_is_logged_once(subject: Subject, kpa_per_min: int) -> None:
    """Beyond 5 kPa in a minute, with what it was; neither again while it lasts, nor slower."""
    desk = subject.desk()
    desk.wait(10)
    for _ in range(3):
        desk.let(pocket_pa=desk.pump.pocket_pa + kpa_per_min * 1e3)
        desk.minute()
    desk.wait(3)
    logged = [event.value for event in desk.happened(EventKind.PRESSURE_TRANSIENT)]
    close = [value for value in logged if abs(value - kpa_per_min * 1_000) <= PA_OFF]
    fast = abs(kpa_per_min) > 5
    words = f"one pressure_transient, of {kpa_per_min} kPa" if fast else "no pressure_transient"
    holds = len(logged) == len(close) == (1 if fast else 0)
    desk.that(holds, "ENV-04", words, logged)


def test_a_leak_is_found_over_a_reset(subject: Subject) -> None:
    """What two channels had told by then is taken along: in three days, and not from the start."""
    desk = subject.desk()
    desk.wait(90)
    desk.let(restrictor=1.08)
    desk.wait(30 * 60)
    desk.power_cycle()
    after = desk.minutes_to(AlarmId.BALANCE_FAULT, 42 * 60)
    desk.that(after is not None, "FLW-06", "balance_fault within three days", desk.standing())


def test_spikes_again_and_again_are_a_fault(subject: Subject) -> None:
    """One of them is nothing; with one every other minute a sensor is believed no more."""
    desk = subject.desk()
    desk.wait(20)
    for turn in range(60):
        desk.let(bias={} if turn % 2 else {"catheter_pressure_pa": 60_000})
        desk.minute()
        if AlarmId.SENSOR_FAULT in desk.present():
            return
    raise desk.violated("SEN-04", "sensor_fault within an hour of spikes", desk.standing())


def test_a_flush_that_goes_on_is_a_refill_past_the_reservoir(subject: Subject) -> None:
    """A declared one is over in minutes."""
    desk = subject.desk()
    desk.wait(60)
    access = m.BeginBolusAccess(drug="saline", concentration_ng_per_ml=0)
    desk.must_do(access, "RES-12")
    desk.let(artery_pa=24e3)
    after = desk.minutes_to(AlarmId.BOLUS_PATH_INJECTION, 15)
    words = "bolus_path_injection within 15 min, though an access is open"
    desk.that(after is not None, "RES-12", words, desk.standing())


def test_a_cold_fill_explains_no_flow_that_is_too_fast(subject: Subject) -> None:
    """It flows slower for some hours; whatever is faster is told in its time."""
    cold = 305_000.0
    flow = SteadyPump(temperature_mk=cold).flow_nl_per_h()
    desk = subject.desk(nominal_flow_nl_per_h=round(flow / 1.25))
    desk.wait(10)
    refilled(desk, taken_nl=desk.pump.level_nl - 600e3, put_nl=25e6)
    desk.let(temperature_mk=cold)
    after = desk.minutes_to(AlarmId.OVER_INFUSION, 90)
    desk.that(after is not None, "FLW-08", "over_infusion within 90 min", desk.standing())


@pytest.mark.parametrize("silent", ["catheter_pulse_pa", "fill_level_nl", "temperature_mk"])
def test_one_reading_does_not_make_a_sensor_sound(subject: Subject, silent: str) -> None:
    """After a gap nothing is decided until several readings were sound."""
    desk = subject.desk()
    desk.wait(20)
    desk.let(reads={silent: None})
    desk.wait(10)
    desk.let(reads={})
    for sound in (1, 2):
        desk.minute()
        standing = AlarmId.SENSOR_FAULT in desk.present()
        words = f"sensor_fault still, after {sound} sound readings"
        desk.that(standing, "SEN-09", words, desk.standing())


@pytest.mark.parametrize("sound", [1, 2, 3, 4])
def test_sound_readings_before_a_gap_do_not_count_after_it(subject: Subject, sound: int) -> None:
    """Where so many were not enough, they are no part of those that are."""
    desk = subject.desk()
    desk.wait(20)
    for silent, minutes in ((True, 6), (False, sound), (True, 1), (False, 1)):
        if silent and minutes == 1 and AlarmId.SENSOR_FAULT not in desk.present():
            return  # so many are enough
        desk.let(reads={"pocket_pressure_pa": None} if silent else {})
        desk.wait(minutes)
    standing = AlarmId.SENSOR_FAULT in desk.present()
    words = f"sensor_fault still, after {sound} sound readings, a gap and one"
    desk.that(standing, "SEN-09", words, desk.standing())


@pytest.mark.parametrize("nl_per_kpa", [340, 1_000, 2_900])
def test_an_occlusion_that_lets_go_names_what_it_held(subject: Subject, nl_per_kpa: int) -> None:
    """The stored volume is told as a possible bolus, as the catheter is stiff or yields."""
    desk = subject.desk(catheter_compliance_nl_per_kpa=nl_per_kpa)
    desk.wait(60)
    for minute in range(60):
        desk.let(artery_pa=12_400.0 + minute * 1_000)
        desk.minute()
    height_pa = desk.pump.artery_pa - 12_400.0
    desk.let(artery_pa=12_400.0)
    desk.wait(2)
    told = desk.happened(EventKind.OCCLUSION_RELEASED)
    held_nl = height_pa / 1e3 * desk.configuration.catheter_compliance_nl_per_kpa
    desk.that(told, "OCC-03", "an event that an occlusion let go", "none")
    close = f"about {held_nl / 1e3:.0f} uL"
    desk.that(
        abs(told[-1].value - held_nl) < 0.2 * held_nl, "OCC-03", close, f"{told[-1].value} nL"
    )
