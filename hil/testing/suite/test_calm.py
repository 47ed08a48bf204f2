"""What is no alarm: readings that may be right, what is over in minutes, what others deny."""

from typing import Any, Final

import pytest
from hypothesis import strategies as st

from hil.testing.cases import FLOW
from hil.testing.desk import shown
from hil.testing.prove import Prove
from hil.testing.steady import (
    ARTERY_PA,
    BODY_MK,
    KELVIN_MK,
    REFILL,
    SEA_LEVEL_PA,
    propellant_pa,
)
from hil.testing.subject import Subject
from protocol.vocabulary import AlarmId, EventKind, Propellant


@pytest.mark.parametrize("permille", [860, 930, 1_070, 1_140])
def test_what_lies_within_the_tolerance_is_no_deviation(subject: Subject, permille: int) -> None:
    """A flow within 15 % raises nothing, however long it lasts."""
    desk = subject.desk(nominal_flow_nl_per_h=FLOW * 1_000 // permille)
    wrong = {AlarmId.OVER_INFUSION, AlarmId.UNDER_INFUSION, AlarmId.FLOW_STOP}
    after = desk.minutes_to(wrong, 420)
    desk.that(after is None, "FLW-02", "no flow alarm within the tolerance", desk.standing())


def test_what_lasts_for_minutes_is_no_occlusion(subject: Subject) -> None:
    """It has to last for ten of them, however high it was: not its mean, which comes down later."""
    desk = subject.desk()
    desk.wait(90)
    desk.let(artery_pa=90e3)
    desk.wait(8)
    desk.let(artery_pa=12_400.0)
    for _ in range(30):
        calm = AlarmId.OCCLUSION not in desk.present()
        desk.that(calm, "OCC-07", "no occlusion: 8 min are none", desk.standing())
        desk.minute()


NEAR: Final = (
    (AlarmId.TEMPERATURE_HIGH, {"temperature_mk": 313_070.0, "bias": {"temperature_mk": 130}}),
    (AlarmId.AMBIENT_PRESSURE, {"pocket_pa": 75_400.0, "bias": {"pocket_pressure_pa": -900}}),
    (AlarmId.AMBIENT_PRESSURE, {"pocket_pa": 139_600.0, "bias": {"pocket_pressure_pa": 900}}),
    (AlarmId.OVERFILL, {"level_nl": 29.9e6, "bias": {"fill_level_nl": 200_000}}),
)
"""True values on the sound side of a limit, and readings beyond it by less than sensors may err."""


@pytest.mark.parametrize(("alarm", "truth"), NEAR, ids=["hot", "thin", "dense", "full"])
def test_what_may_be_the_sensors_error_is_no_alarm(
    subject: Subject, alarm: AlarmId, truth: dict[str, Any]
) -> None:
    """Beyond a limit means: by more than the sensor may be off."""
    filled_nl = round(truth.get("level_nl", REFILL.filled_nl))
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": filled_nl}))
    desk.wait(10)
    desk.let(**truth)
    desk.wait(90)
    calm = alarm not in desk.present()
    words = f"no {alarm.name.lower()}: the sensor may be off by so much"
    desk.that(calm, "OCC-07", words, desk.standing())


def test_a_catheter_is_not_clogged_and_off(subject: Subject, prove: Prove) -> None:
    """Whatever its pressure was in the last hours; below its pocket's, a sensor is blamed."""
    off = {AlarmId.CATHETER_DISCONNECT}
    clogged = {AlarmId.OCCLUSION, AlarmId.PARTIAL_OCCLUSION}

    def lived(course: list[tuple[float, int]]) -> None:
        desk = subject.desk()
        desk.wait(90)
        for artery_pa, minutes in course:
            desk.let(artery_pa=artery_pa)
            for _ in range(minutes):
                desk.minute()
                present = desk.present()
                both = off & present and clogged & present
                words = "one diagnosis of the catheter at a time"
                desk.that(not both, "OCC-06", words, desk.standing())
            wrong = artery_pa < 0 and minutes > 60 and off & present
            words = "no catheter_disconnect: so low is no pressure of a body"
            desk.that(not wrong, "OCC-06", words, desk.standing())

    pressure = st.sampled_from([-8e3, 0.0, 2e3, 12_400.0, 26e3, 44e3])
    stretch = st.tuples(pressure, st.sampled_from([3, 20, 70]))
    prove(lived, 20, course=st.lists(stretch, min_size=2, max_size=5))


def test_one_reading_out_of_line_alarms_nothing(subject: Subject, prove: Prove) -> None:
    """A spike is rejected; the second sample of a real move is what tells it."""

    def spike(channel: str, by: int, at: int) -> None:
        desk = subject.desk()
        desk.wait(at)
        before = desk.status().flow_nl_per_h
        desk.let(bias={channel: by})
        desk.minute()
        now = desk.status().flow_nl_per_h
        assert before is not None
        same = now is None or abs(now.estimate - before.estimate) < before.estimate / 50
        desk.that(same, "SEN-04", f"a flow of about {before.estimate} nL/h, or none", now)
        desk.let(bias={})
        desk.wait(5)
        desk.that(not desk.present(), "SEN-04", "no alarm after a single spike", desk.standing())

    prove(
        spike,
        8,
        channel=st.sampled_from(["catheter_pressure_pa", "fill_level_nl", "temperature_mk"]),
        by=st.sampled_from([5_000_000, -5_000_000, 60_000, -60_000]),
        at=st.integers(10, 40),
    )


def test_a_reading_out_of_line_now_and_then_is_no_fault(subject: Subject) -> None:
    """One in eight hours, for two days; the log has each of them as it read."""
    desk = subject.desk()
    read: list[int] = []
    for _ in range(6):
        desk.wait(8 * 60)
        desk.let(bias={"temperature_mk": 5_000})
        desk.minute()
        read.append(desk.pump.readings(desk.sequence, 0).temperature_mk or 0)
        desk.let(bias={})
        desk.wait(4)
        desk.that(not desk.present(), "SEN-04", "no alarm after a single spike", desk.standing())
    told = [event.value for event in desk.happened(EventKind.READING_REJECTED)]
    desk.that(told == read, "SEN-04", f"an event for each, with its reading: {read}", told)


def test_a_thermometer_alone_tells_no_fever(subject: Subject) -> None:
    """It corrects the flow: where the propellant's pressure denies the heat, they contradict."""
    desk = subject.desk()
    desk.wait(20)
    desk.let(bias={"temperature_mk": 3_400})
    desk.wait(150)
    fever = AlarmId.TEMPERATURE_HIGH in desk.present()
    words = "no temperature_high: the propellant is as cool as ever"
    desk.that(not fever, "ENV-05", words, desk.standing())
    desk.that(desk.present(), "ENV-05", "some alarm: two channels contradict", desk.standing())


def test_a_pressure_that_falls_releases_nothing_where_nothing_was_held(subject: Subject) -> None:
    """An artery's pressure may fall as well as rise."""
    desk = subject.desk()
    desk.wait(60)
    desk.let(artery_pa=17e3)
    desk.wait(30)
    desk.let(artery_pa=6e3)
    desk.wait(5)
    released = desk.happened(EventKind.OCCLUSION_RELEASED)
    desk.that(not released, "OCC-03", "no event: no occlusion was there", released)


def test_an_altitude_does_not_flicker(subject: Subject) -> None:
    """At the limit itself, give or take what the sensor may be off: one occurrence."""
    desk = subject.desk()
    desk.wait(10)
    for pocket_pa in (87e3, 73_200.0):
        desk.let(pocket_pa=pocket_pa)
        desk.minute()
    after = desk.minutes_to(AlarmId.AMBIENT_PRESSURE, 15)
    desk.that(after is not None, "ENV-02", "ambient_pressure", desk.standing())
    for turn in range(60):
        desk.let(pocket_pa=74_400.0 if turn % 2 else 73_200.0)
        desk.minute()
    raised = {one.occurrence for one in desk.told if one.alarm is AlarmId.AMBIENT_PRESSURE}
    standing = AlarmId.AMBIENT_PRESSURE in desk.present() and len(raised) == 1
    desk.that(standing, "ENV-02", "one occurrence, which stands", desk.told[-1])


@pytest.mark.parametrize("propellant", Propellant, ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize("bellows_pa_per_ml", [0, 300])
def test_a_sound_pump_contradicts_itself_nowhere(
    subject: Subject, propellant: Propellant, bellows_pa_per_ml: int
) -> None:
    """Whatever drives it, however stiff its bellows are, full or not, at each degree of a body."""
    drop_pa = propellant_pa(BODY_MK, propellant) - SEA_LEVEL_PA - ARTERY_PA
    filled = REFILL.model_copy(update={"filled_nl": 29_000_000})
    desk = subject.desk(
        filled,
        propellant=propellant,
        bellows_rate_pa_per_ml=bellows_pa_per_ml,
        calibration_pressure_pa=round(drop_pa),
    )
    wrong = {AlarmId.PROPELLANT_LOW, AlarmId.SENSOR_CONFLICT, AlarmId.SENSOR_FAULT}
    for celsius in (37, 36, 35, 34, 33, 38, 39, 40):
        desk.let(temperature_mk=KELVIN_MK + celsius * 1e3)
        after = desk.minutes_to(wrong, 150)
        words = f"no {shown(wrong)}: nothing is wrong at {celsius} degrees"
        desk.that(after is None, "OCC-07", words, desk.standing())
