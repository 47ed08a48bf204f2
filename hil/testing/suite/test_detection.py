"""What goes wrong is told: each in its time, neither sooner nor later, and as loud as it is bad.

Persistence counts from the first sample that shows the condition, and the alarm sounds with the
sample that completes it (ALM-14).
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import strategies as st

from hil.testing.desk import Desk, shown, span
from hil.testing.expected import ALARMS
from hil.testing.prove import Prove
from hil.testing.subject import Subject
from hil.testing.suite.test_reservoir import refilled
from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, Quality, Sounder

SETTLED = 90
"""Minutes of a sound life before anything happens."""
FLOW = 54_015
"""What the desk's pump infuses, in nL/h."""
MOST = 120
"""Minutes: what takes longer to tell is not tried in every circumstance."""
CHANNELS = (
    "reservoir_pressure_pa",
    "catheter_pressure_pa",
    "pocket_pressure_pa",
    "temperature_mk",
    "fill_level_nl",
    "battery_mv",
)


class Case(NamedTuple):
    """Something becomes true, in one or two steps a sample apart; an alarm must follow."""

    name: str
    alarm: AlarmId
    earliest: int
    latest: int
    steps: tuple[dict[str, Any], ...] = ()
    nominal: int = FLOW
    """Configured: the flow is right or wrong against it from the first sample on."""
    requirement: str = ""


def at_once(**truth: Any) -> tuple[dict[str, Any], ...]:
    return (truth,)


CASES = (
    Case(
        "hot",
        AlarmId.TEMPERATURE_HIGH,
        61,
        61,
        ({"temperature_mk": 311_800.0}, {"temperature_mk": 313_400.0}),
    ),
    Case("thin air", AlarmId.AMBIENT_PRESSURE, 11, 11, ({"pocket_pa": 86e3}, {"pocket_pa": 72e3})),
    Case(
        "under water",
        AlarmId.AMBIENT_PRESSURE,
        11,
        11,
        ({"pocket_pa": 115e3}, {"pocket_pa": 130e3}, {"pocket_pa": 143e3}),
    ),
    Case("17 % too fast", AlarmId.OVER_INFUSION, 59, 60, nominal=round(FLOW / 1.17)),
    Case("17 % too slow", AlarmId.UNDER_INFUSION, 59, 60, nominal=round(FLOW / 0.83)),
    Case(
        "3.2 times too fast",
        AlarmId.OVER_INFUSION,
        1,
        2,
        nominal=round(FLOW / 3.2),
        requirement="FLW-03",
    ),
    Case("no pressure drives it", AlarmId.FLOW_STOP, 1, 2, at_once(artery_pa=232e3)),
    Case("flow backwards", AlarmId.REVERSE_FLOW, 1, 2, at_once(artery_pa=256e3)),
    Case("restrictor 30 % fast", AlarmId.OVER_INFUSION, 1, 360, at_once(restrictor=1.3)),
    Case("restrictor 30 % slow", AlarmId.UNDER_INFUSION, 1, 360, at_once(restrictor=0.7)),
    Case(
        "restrictor broken",
        AlarmId.OVER_INFUSION,
        1,
        60,
        at_once(restrictor=3.0),
        requirement="FLW-03",
    ),
    Case("flow stops upstream", AlarmId.FLOW_STOP, 1, 360, at_once(restrictor=0.0)),
    Case("septum leaks", AlarmId.OVER_INFUSION, 1, 360, at_once(leak_nl_per_h=146_000.0)),
    Case("leak unexplained", AlarmId.BALANCE_FAULT, 1, 1_440, at_once(restrictor=1.2)),
    Case("catheter off", AlarmId.CATHETER_DISCONNECT, 60, 120, at_once(artery_pa=2e3)),
    Case("clot, partial", AlarmId.PARTIAL_OCCLUSION, 60, 120, at_once(artery_pa=26e3)),
    Case("clot, complete", AlarmId.OCCLUSION, 10, 60, at_once(artery_pa=44e3)),
    Case("needle in", AlarmId.TAMPERING, 1, 2, at_once(level_nl=27e6)),
    Case("needle takes", AlarmId.TAMPERING, 1, 2, at_once(level_nl=25e6)),
    Case("battery fades", AlarmId.BATTERY_LOW, 1, 60, at_once(battery_mv=2_500)),
    Case("battery ends", AlarmId.BATTERY_END, 1, 60, at_once(battery_mv=2_300)),
    Case("clock jumps", AlarmId.CLOCK_INVALID, 1, 60, at_once(rtc_off_s=3_600)),
    Case("clock back", AlarmId.CLOCK_INVALID, 1, 60, at_once(rtc_off_s=-86_400)),
    Case("clock unsound", AlarmId.CLOCK_INVALID, 1, 60, at_once(rtc_valid=False)),
    Case(
        "propellant lost",
        AlarmId.PROPELLANT_LOW,
        2,
        1_440,
        at_once(bias={"reservoir_pressure_pa": -15_000}),
    ),
    Case(
        "pressure reads high",
        AlarmId.SENSOR_CONFLICT,
        2,
        1_440,
        at_once(bias={"reservoir_pressure_pa": 12_000}),
    ),
    *(
        Case(
            f"{channel} silent",
            AlarmId.SENSOR_FAULT,
            2,
            5,
            at_once(reads={channel: None}),
            requirement="SEN-06",
        )
        for channel in CHANNELS
    ),
    *(
        Case(f"{channel} at its rail", AlarmId.SENSOR_FAULT, 2, 5, at_once(reads={channel: rail}))
        for channel, rail in (
            ("reservoir_pressure_pa", 700_000),
            ("catheter_pressure_pa", 0),
            ("temperature_mk", 323_150),
            ("fill_level_nl", 33_000_000),
        )
    ),
    *(
        Case(
            f"{channel} stuck",
            AlarmId.SENSOR_FAULT,
            5,
            360,
            at_once(reads={channel: value}),
            requirement="SEN-02",
        )
        for channel, value in (
            ("reservoir_pressure_pa", 347_775),
            ("temperature_mk", 310_150),
            ("catheter_pressure_pa", 113_700),
        )
    ),
    Case(
        "no evidence of flow",
        AlarmId.UNMONITORED,
        1,
        5,
        at_once(reads={"reservoir_pressure_pa": None, "fill_level_nl": None}),
    ),
    Case("filled past its capacity", AlarmId.OVERFILL, 1, 2, at_once(level_nl=30.5e6)),
    Case("past the reservoir", AlarmId.BOLUS_PATH_INJECTION, 1, 2, at_once(artery_pa=24e3)),
)


def settled(desk: Desk, case: Case) -> Desk:
    """The condition has begun; minutes count from its last step."""
    if not case.steps:
        return desk
    desk.wait(SETTLED)
    desk.that(not desk.present(), "OCC-07", "no alarm in a sound life", desk.standing())
    for step in case.steps[:-1]:
        desk.let(**step)
        desk.minute()
    desk.let(**case.steps[-1])
    return desk


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_detected_in_its_time(subject: Subject, case: Case) -> None:
    """The alarm comes, not before its persistence, not after its bound, and it sounds at once."""
    await_alarm(settled(subject.desk(nominal_flow_nl_per_h=case.nominal), case), case)


def await_alarm(desk: Desk, case: Case) -> None:
    """From now on its condition holds."""
    name, expected = case.alarm.name.lower(), ALARMS[case.alarm]
    requirement = case.requirement or expected.requirement
    wanted = f"the alarm {name} within {span(case.latest)}"
    after = desk.minutes_to(case.alarm, case.latest)
    desk.that(after is not None, requirement, wanted, desk.standing())
    assert after is not None
    sooner = f"{name} not before {span(case.earliest)}: its condition has to last so long"
    desk.that(after >= case.earliest, requirement, sooner, f"after {span(after)}")
    occurrence = desk.occurrence(case.alarm)
    assert occurrence is not None
    priority = f"{name} with priority {expected.priority.name.lower()}"
    desk.that(occurrence.priority is expected.priority, requirement, priority, occurrence)
    loud = f"a sounder that plays {expected.priority.name.lower()} or above, in the same sample"
    desk.that(desk.sounder >= expected.priority, "ALM-14", loud, desk.sounder.name.lower())
    told = [one for one in desk.told if one.alarm is case.alarm and one.present]
    desk.that(told, "ALM-14", f"{name} told in the outcome that raised it", shown(desk.present()))
    status = desk.status()
    highest = max(one.priority for one in desk.alarms() if one.present)
    desk.that(status.highest_priority is highest, "ALM-02", highest.name, status.highest_priority)


@pytest.mark.parametrize("permille", [860, 930, 1_070, 1_140])
def test_what_lies_within_the_tolerance_is_no_deviation(subject: Subject, permille: int) -> None:
    """A flow within 15 % raises nothing, however long it lasts."""
    desk = subject.desk(nominal_flow_nl_per_h=FLOW * 1_000 // permille)
    wrong = {AlarmId.OVER_INFUSION, AlarmId.UNDER_INFUSION, AlarmId.FLOW_STOP}
    after = desk.minutes_to(wrong, 420)
    desk.that(after is None, "FLW-02", "no flow alarm within the tolerance", desk.standing())


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


def test_one_reading_out_of_line_alarms_nothing(subject: Subject, prove: Prove) -> None:
    """A spike is rejected; the second sample of a real move is what tells it."""

    def spike(channel: str, by: int, at: int) -> None:
        desk = subject.desk()
        desk.wait(at)
        desk.let(bias={channel: by})
        desk.minute()
        desk.let(bias={})
        desk.wait(5)
        desk.that(not desk.present(), "SEN-04", "no alarm after a single spike", desk.standing())

    channels = {"fill_level_nl": 3_000_000, "catheter_pressure_pa": 60_000, "temperature_mk": 6_000}
    prove(
        spike,
        8,
        channel=st.sampled_from(sorted(channels)),
        by=st.sampled_from([5_000_000, -5_000_000, 60_000, -60_000]),
        at=st.integers(10, 40),
    )


def test_an_occlusion_that_lets_go_names_what_it_held(subject: Subject) -> None:
    """The stored volume is told as a possible bolus, to a tenth of a millilitre."""
    desk = subject.desk()
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


def an_open_access(desk: Desk) -> None:
    """Who forgot to end it masks nothing for longer than a flush may take (FLW-08)."""
    access = m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0)
    desk.must_do(access, "RES-12")
    desk.wait(31)


def an_open_window(desk: Desk) -> None:
    """It ends by itself."""
    desk.must_do(m.BeginRefill(), "FLW-08")
    desk.wait(32)


def an_aborted_refill(desk: Desk) -> None:
    desk.must_do(m.BeginRefill(), "FLW-08")
    desk.wait(2)
    desk.must_do(m.AbortRefill(), "FLW-08")
    desk.wait(2)


def a_refill(desk: Desk) -> None:
    desk.wait(10)
    left_nl = desk.pump.level_nl
    refilled(desk, taken_nl=left_nl - 6e5, put_nl=25e6)
    desk.wait(2)


def a_reset(desk: Desk) -> None:
    desk.power_cycle()
    desk.wait(5)


def an_hour_without_supply(desk: Desk) -> None:
    desk.power_cycle(60)
    desk.wait(5)


def samples_that_were_missing(desk: Desk) -> None:
    desk.miss(5)
    desk.wait(8)


def the_configuration_once_more(desk: Desk) -> None:
    write = m.WriteConfiguration(base_config_id=1, configuration=desk.configuration)
    desk.must_do(write, "FLW-07")


def an_alarm_that_is_acknowledged(desk: Desk) -> None:
    desk.let(rtc_off_s=5_000)
    desk.wait(2)
    for one in desk.alarms():
        desk.do(m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence))


def an_alarm_that_is_paused(desk: Desk) -> None:
    desk.let(rtc_off_s=5_000)
    desk.wait(2)
    for one in desk.alarms():
        pause = m.PauseAudio(alarm=one.alarm, occurrence=one.occurrence, duration_ms=600_000)
        desk.do(pause)


EARLIER: Final[dict[Callable[[Desk], None], str]] = {
    an_open_access: "FLW-08",
    an_open_window: "FLW-08",
    an_aborted_refill: "FLW-08",
    a_refill: "RES-05",
    a_reset: "RST-01",
    an_hour_without_supply: "RST-01",
    samples_that_were_missing: "SEN-09",
    the_configuration_once_more: "FLW-07",
    an_alarm_that_is_acknowledged: "ALM-04",
    an_alarm_that_is_paused: "ALM-05",
}
"""What is done before, and which requirement says that it hides nothing."""
SHOWN: Final = (*(name for name in CHANNELS if name != "fill_level_nl"),)
LATER: Final = tuple(case for case in CASES if case.nominal == FLOW and case.latest <= MOST)


def test_what_came_before_hides_nothing(subject: Subject, prove: Prove) -> None:
    """Whatever was done to the pump: from then on each alarm comes in its time."""

    def detected(earlier: Callable[[Desk], None], case: Case) -> None:
        desk = subject.desk()
        desk.wait(10)
        earlier(desk)
        for step in case.steps[:-1]:
            desk.let(**step)
            desk.minute()
        if case.alarm not in desk.present():  # one that is there is none that comes
            desk.let(**case.steps[-1])
            await_alarm(desk, case._replace(requirement=EARLIER[earlier]))

    prove(detected, 60, earlier=st.sampled_from(list(EARLIER)), case=st.sampled_from(LATER))


LIFE: Final = (
    {"pocket_pa": 80e3},
    {"pocket_pa": 112e3},
    {"temperature_mk": 312_000.0},
    {"artery_pa": 9e3},
    {"artery_pa": 15.5e3},
)
"""Within the envelope, and within the tolerance of the flow."""
USUAL: Final = {
    "pocket_pa": 101_300.0,
    "temperature_mk": 310_150.0,
    "artery_pa": 12_400.0,
    "battery_mv": 2_900,
    "reads": {},
}
"""What is over when it is so again; a clock has to be set, and a slope takes its hours."""
LASTING: Final = tuple(case for case in LATER if case.steps[-1].keys() <= USUAL.keys())


@pytest.mark.parametrize("case", LASTING, ids=lambda case: case.name.replace(" ", "-"))
def test_whatever_is_over_ends(subject: Subject, case: Case) -> None:
    """With what caused it, whichever way it came."""
    desk = settled(subject.desk(), case)
    after = desk.minutes_to(case.alarm, case.latest)
    desk.that(after is not None, ALARMS[case.alarm].requirement, "the alarm", desk.standing())
    desk.let(**{name: USUAL[name] for name in case.steps[-1]})
    desk.wait(75)
    over = case.alarm not in desk.present()
    desk.that(over, "ALM-08", f"{case.alarm.name.lower()} over", desk.standing())


@pytest.mark.parametrize(
    "steps",
    [
        ({"temperature_mk": 311_800.0}, {"temperature_mk": 313_800.0}),
        ({"pocket_pa": 86e3}, {"pocket_pa": 72e3}),
        ({"pocket_pa": 115e3}, {"pocket_pa": 130e3}, {"pocket_pa": 144e3}),
    ],
    ids=["hot", "thin_air", "under_water"],
)
def test_beyond_the_envelope_an_estimate_says_so(
    subject: Subject, steps: tuple[dict[str, Any], ...]
) -> None:
    """The flow is extrapolated there, and no estimate of good quality."""
    desk = subject.desk()
    desk.wait(20)
    for step in steps:
        desk.let(**step)
        desk.wait(2)
    told = desk.status().flow_nl_per_h
    good = told is None or told.quality is Quality.GOOD
    desk.that(not good, "ENV-02", "a flow that is flagged", told)


def test_what_is_told_of_a_sensor_is_what_it_read(subject: Subject, prove: Prove) -> None:
    """Each in its own place, with the number of its sample."""

    def told(truth: dict[str, Any]) -> None:
        desk = subject.desk()
        desk.wait(10)
        desk.let(**truth)
        desk.wait(3)
        status = desk.status()
        read = desk.pump.readings(desk.sequence, desk.minutes * 60)
        for name in (*SHOWN, "rtc_s"):
            one, other = getattr(status, name), getattr(read, name)
            desk.that(one == other, "SEN-06", f"{name} {other}", one)
        desk.that(status.sample_sequence == desk.sequence, "SEN-06", "its sample's number", status)

    prove(told, 5, truth=st.sampled_from(LIFE))


@pytest.mark.parametrize("sounding", [False, True])
def test_a_clock_that_is_set_is_set(subject: Subject, *, sounding: bool) -> None:
    """Passed on to the clock, whatever is heard meanwhile, and logged old to new."""
    desk = subject.desk()
    desk.wait(10)
    if sounding:
        desk.let(level_nl=20e6)
        desk.wait(3)
    desk.must_do(m.SetClock(rtc_s=1_800_000_000), "TIM-06")
    desk.that(desk.clock_set_s == 1_800_000_000, "TIM-06", "the clock set", desk.clock_set_s)
    logged = desk.happened(EventKind.CLOCK_SET)
    desk.that(logged, "TIM-06", "an event that it was set", "none")


WRITTEN: Final = {
    "nominal_flow_nl_per_h": (FLOW * 10 // 12, FLOW, FLOW * 10 // 8),
    "tolerance_permille": (60, 150, 280),
    "low_volume_nl": (3_000_000, 27_000_000),
    "dose_limit_permille": (1_010, 1_250, 1_600),
}


def test_a_configuration_is_in_force_whenever_it_is_written(subject: Subject, prove: Prove) -> None:
    """The same alarms, whether the pump began with it or another one was there before."""

    def written(changed: dict[str, Any]) -> None:
        first = subject.desk(catheter_volume_nl=20_000, **changed)
        later = subject.desk(catheter_volume_nl=20_000)
        write = m.WriteConfiguration(base_config_id=1, configuration=first.configuration)
        later.must_do(write, "FLW-07")
        for desk in (first, later):
            desk.wait(90)
        one, other = first.standing(), later.standing()
        later.that(one == other, "FLW-07", f"as with it from the first: {one}", other)

    some = st.fixed_dictionaries({name: st.sampled_from(each) for name, each in WRITTEN.items()})
    prove(written, 16, changed=some)


def test_what_is_silent_is_nothing_and_no_older_value(subject: Subject, prove: Prove) -> None:
    """Life goes on beside a dead sensor: nothing is told but that it is dead."""

    def lived(channel: str, truth: dict[str, Any]) -> None:
        desk = subject.desk()
        desk.wait(20)
        desk.let(reads={channel: None})
        desk.wait(10)
        desk.let(**truth)
        desk.wait(80)
        false = {one.alarm for one in desk.told} - {AlarmId.SENSOR_FAULT}
        desk.that(not false, "SEN-06", "no alarm but that of the sensor", shown(false))

    prove(lived, 24, channel=st.sampled_from(CHANNELS), truth=st.sampled_from(LIFE))


def test_another_sensor_that_fails_is_another_occurrence(subject: Subject, prove: Prove) -> None:
    """Whoever acknowledged the first one knew nothing of it."""

    def second(channels: list[str]) -> None:
        desk = subject.desk()
        desk.wait(10)
        reads: dict[str, int | None] = {}
        for channel in channels:
            reads[channel] = None
            desk.let(reads=dict(reads))
            desk.wait(5)
            one = desk.occurrence(AlarmId.SENSOR_FAULT)
            fresh = one is not None and one.present and not one.acknowledged
            words = f"sensor_fault for {channel}, to be acknowledged"
            desk.that(fresh, "ALM-04", words, one)
            assert one is not None
            heard = desk.sounder >= Sounder.MEDIUM
            desk.that(heard, "ALM-05", "a sounder: medium or above", desk.sounder.name.lower())
            acknowledge = m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence)
            desk.must_do(acknowledge, "ALM-04")

    some = st.lists(st.sampled_from(CHANNELS), min_size=2, max_size=3, unique=True)
    prove(second, 8, channels=some)
