"""Whatever came before, is dead, or was written late: what goes wrong is told, and ends."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import strategies as st

from hil.testing.cases import CASES, CHANNELS, FLOW, Case, await_alarm, settled
from hil.testing.desk import Desk, shown
from hil.testing.expected import ALARMS
from hil.testing.prove import Prove
from hil.testing.refilling import refilled
from hil.testing.subject import Subject
from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, Quality, Sounder

MOST = 120
"""Minutes: what takes longer to tell is not tried in every circumstance."""


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
LASTING: Final = tuple(
    case
    for case in LATER
    if case.steps[-1].keys() <= USUAL.keys() and case.alarm is not AlarmId.CLOCK_INVALID
)


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
