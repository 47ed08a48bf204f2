"""Two things that come together: each by itself is tried elsewhere, and passes."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from hil.testing.cases import CASES
from hil.testing.desk import Desk
from hil.testing.expected import ALARMS
from hil.testing.refilling import begin, commit, refilled
from hil.testing.steady import REFILL
from hil.testing.subject import Subject
from hil.testing.suite.test_alarms import SWITCHES, Listener, raised
from hil.testing.suite.test_dose import PRIMED_MIN, Given, inject
from protocol import messages as m
from protocol.control import Readings
from protocol.vocabulary import AlarmId, Cause, Sounder

DAY: Final = 1_440
MEASURED: Final = [name for name in Readings._fields if name.endswith(("_pa", "_mk", "_nl", "_mv"))]
HOUR_NL: Final = 54_000 // 4
"""What the limit of an hour leaves beside the prescription: a quarter of it."""
MANY_DRUGS: Final = 40
TWO_SENSORS: Final = {"reads": {"catheter_pulse_pa": None, "pocket_pressure_pa": None}}


def silenced(desk: Desk, one: m.AlarmOccurrence) -> None:
    """For as long as a pause may last."""
    pause = m.PauseAudio(alarm=one.alarm, occurrence=one.occurrence, duration_ms=600_000)
    desk.must_do(pause, "ALM-05")
    desk.that(desk.sounder is Sounder.OFF, "ALM-05", "silence", desk.sounder.name.lower())


def heard(desk: Desk, requirement: str, what: str) -> None:
    """At MEDIUM priority at least."""
    words = f"a sounder for {what}: medium or above"
    desk.that(desk.sounder >= Sounder.MEDIUM, requirement, words, desk.sounder.name.lower())


def test_a_pause_ends_with_its_occurrence(subject: Subject) -> None:
    """What ends and comes back within the pause is something new, and heard."""
    desk = subject.desk()
    one = raised(desk)
    silenced(desk, one)
    desk.let(**SWITCHES["pulse sensor"][1])
    desk.wait(5)
    desk.let(**SWITCHES["pulse sensor"][0])
    desk.wait(4)
    again = desk.occurrence(one.alarm)
    fresh = again is not None and again.occurrence > one.occurrence
    desk.that(fresh, "ALM-04", f"an occurrence above {one.occurrence}", again)
    heard(desk, "ALM-05", "the new occurrence")


def test_a_pause_hides_no_other_sensor(subject: Subject) -> None:
    """Whoever paused the alarm of the first one knew nothing of the second."""
    desk = subject.desk()
    silenced(desk, raised(desk))
    desk.let(**TWO_SENSORS)
    desk.wait(5)
    heard(desk, "ALM-05", "the second sensor")


@pytest.mark.parametrize("minutes", range(25, 30))
def test_another_sensor_fails_while_a_reminder_sounds(subject: Subject, minutes: int) -> None:
    """It is called to mind after half an hour; the second one is something to be acknowledged."""
    desk = subject.desk()
    one = raised(desk)
    desk.must_do(m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence), "ALM-04")
    desk.wait(minutes)
    desk.let(**TWO_SENSORS)
    desk.wait(4)
    listed = [each for each in desk.alarms() if each.alarm is one.alarm]
    fresh = len(listed) == 1 and not listed[0].acknowledged
    desk.that(fresh, "ALM-04", "one occurrence of sensor_fault, to be acknowledged", listed)


def test_a_sensor_that_fails_again_is_something_new(subject: Subject) -> None:
    """It was sound meanwhile, and whoever acknowledged the other one knows nothing of it."""
    desk = subject.desk()
    raised(desk)
    desk.let(**TWO_SENSORS)
    desk.wait(5)
    for one in desk.alarms():
        desk.do(m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence))
    desk.let(reads={"pocket_pressure_pa": None})
    desk.wait(15)
    desk.let(**TWO_SENSORS)
    desk.wait(5)
    again = desk.occurrence(AlarmId.SENSOR_FAULT)
    fresh = again is not None and not again.acknowledged
    desk.that(fresh, "ALM-04", "an occurrence of sensor_fault, to be acknowledged", again)
    heard(desk, "ALM-04", "a sensor that failed again")


FREE: Final = {
    "by the level": (({"restrictor": 1.3}, 54_000), ({"restrictor": 3.5}, 60)),
    "by the pressures": (({"artery_pa": 170e3}, 15_000), ({"artery_pa": 12_400.0}, 5)),
}
"""What is true and prescribed where too much flows, in nl/h; what is true then, and its bound."""


@pytest.mark.parametrize("told", FREE)
def test_free_flow_is_new_to_whoever_knew_of_too_much(subject: Subject, told: str) -> None:
    """Three times as much and more, while the same alarm stands and is acknowledged."""
    (first, nominal), (then, within_min) = FREE[told]
    desk = subject.desk(nominal_flow_nl_per_h=nominal)
    desk.let(**first)
    after = desk.minutes_to(AlarmId.OVER_INFUSION, 420)
    desk.that(after is not None, "FLW-02", "over_infusion within 7 h", desk.standing())
    for one in desk.alarms():
        desk.must_do(m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence), "ALM-04")
    desk.let(**then)
    desk.wait(within_min)
    worse = desk.occurrence(AlarmId.OVER_INFUSION)
    fresh = worse is not None and not worse.acknowledged
    desk.that(fresh, "FLW-03", "an over_infusion that nobody has acknowledged yet", worse)


def test_a_refill_ends_no_injection(subject: Subject) -> None:
    """What was declared before it, and went in after it, is dose."""
    desk = subject.desk()
    given = Given(desk)
    given.wait(PRIMED_MIN)
    drug, concentration = REFILL.drug, REFILL.concentration_ng_per_ml
    access = m.BeginBolusAccess(drug=drug, concentration_ng_per_ml=concentration)
    desk.must_do(access, "RES-12")
    desk.must_do(m.BeginRefill(), "RES-05")
    given.wait(2)
    left_nl = desk.pump.level_nl
    reply = commit(desk, left_nl, left_nl)
    desk.that(isinstance(reply, m.Done), "RES-05", "a refill that is taken", reply)
    desk.must_do(m.EndBolusAccess(injected_nl=250_000), "RES-12")
    given.tip.push(250_000, drug, concentration)
    given.check("RES-12")


@pytest.mark.parametrize("filled", [[20.0], [0.0], [0.0, 20.0]], ids=str)
def test_limits_are_those_of_the_fill(subject: Subject, filled: list[float]) -> None:
    """Of the drug as it is filled now, whatever was filled before it, mg/mL."""
    first, *others = [round(mg_per_ml * 1e6) for mg_per_ml in filled]
    drug = REFILL.drug if first else "saline"
    mixed = {"drug": drug, "concentration_ng_per_ml": first}
    desk = subject.desk(REFILL.model_copy(update={**mixed, "filled_nl": 20_000_000}))
    for concentration in (*others, REFILL.concentration_ng_per_ml):
        desk.wait(30)
        refill_all(desk, drug=REFILL.drug, concentration_ng_per_ml=concentration)
    desk.wait(PRIMED_MIN)
    inject(desk, HOUR_NL * 7 // 10)
    desk.that(AlarmId.DOSE_LIMIT not in desk.present(), "DOS-02", "no alarm yet", desk.standing())
    desk.wait(10)
    inject(desk, HOUR_NL * 7 // 10)
    words = "dose_limit: 140 % of an hour's excess within 11 min"
    desk.that(AlarmId.DOSE_LIMIT in desk.present(), "DOS-02", words, desk.standing())


def test_drug_that_is_flushed_out_counts_at_once(subject: Subject) -> None:
    """More of it than an hour may have, at once, and it is saline that pushed it out."""
    desk = subject.desk()
    desk.wait(PRIMED_MIN)
    inject(desk, desk.configuration.catheter_volume_nl, drug="saline", concentration_ng_per_ml=0)
    words = "dose_limit: all that was in the catheter, within a minute"
    desk.that(AlarmId.DOSE_LIMIT in desk.present(), "DOS-02", words, desk.standing())


@pytest.mark.parametrize("mg_per_ml", [4.0, 0.25, 0.0])
def test_a_drug_that_gives_way_to_thinner_is_no_excess(subject: Subject, mg_per_ml: float) -> None:
    """Neither while it fills the catheter nor in the minute in which the last of it leaves."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 20_000_000}))
    desk.wait(PRIMED_MIN)
    refill_all(desk, concentration_ng_per_ml=round(mg_per_ml * 1e6))
    for _ in range(PRIMED_MIN):
        desk.minute()
        calm = AlarmId.DOSE_LIMIT not in desk.present()
        desk.that(calm, "DOS-02", "no alarm: it is what was prescribed", desk.standing())


def test_a_dose_that_is_reduced_makes_no_excess_of_the_one_before(subject: Subject) -> None:
    """To a quarter, in a pump that is fast within its tolerance: each had its own prescription."""
    refill = REFILL.model_copy(update={"filled_nl": 20_000_000})
    desk = subject.desk(refill, nominal_flow_nl_per_h=50_000)
    desk.wait(30 * 60)
    refill_all(desk, concentration_ng_per_ml=REFILL.concentration_ng_per_ml // 4)
    after = desk.minutes_to(AlarmId.DOSE_LIMIT, 30 * 60)
    words = "no dose_limit: 8 % more than prescribed, then and now"
    desk.that(after is None, "DOS-02", words, desk.standing())


@pytest.mark.parametrize(("drug", "mg_per_ml"), [("saline", 0.0), ("mitomycin", 0.5)])
def test_a_fill_of_something_else_forgets_no_dose(
    subject: Subject, drug: str, mg_per_ml: float
) -> None:
    """What was given within the hour counts, though the pump held something else meanwhile."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 20_000_000}))
    desk.wait(PRIMED_MIN)
    inject(desk, HOUR_NL * 9 // 10)
    desk.that(AlarmId.DOSE_LIMIT not in desk.present(), "DOS-02", "no alarm yet", desk.standing())
    refill_all(desk, drug=drug, concentration_ng_per_ml=round(mg_per_ml * 1e6))
    refill_all(desk)
    inject(desk, HOUR_NL * 9 // 10)
    words = "dose_limit: 180 % of an hour's excess within it, and two refills between"
    desk.that(AlarmId.DOSE_LIMIT in desk.present(), "DOS-02", words, desk.standing())


def refill_all(desk: Desk, **mixed: Any) -> None:
    """Exchange all there is."""
    begin(desk)
    left_nl = desk.pump.level_nl
    reply = commit(desk, left_nl, left_nl, **mixed)
    desk.that(isinstance(reply, m.Done), "RES-05", "a refill that is taken", reply)
    desk.wait(2)


def test_a_drug_that_is_not_counted_is_not_taken(subject: Subject) -> None:
    """One after the other: each that is taken has a dose of its own, or it is refused."""
    desk = subject.desk(catheter_volume_nl=10_000)
    for number in range(MANY_DRUGS):
        name = f"drug-{number}"
        begin(desk)
        reply = commit(desk, desk.pump.level_nl, desk.pump.level_nl, drug=name)
        if isinstance(reply, m.Refused):
            desk.must_do(m.AbortRefill(), "RES-05")
            desk.that(desk.status().drug != name, "DOS-09", "the drug before it", name)
            return
        desk.wait(40)  # the dead volume is through in 12
        given_ng = desk.status().dose_total_ng or 0
        least_ng = REFILL.concentration_ng_per_ml / 50
        desk.that(given_ng > least_ng, "DOS-09", f"a dose of {name}", f"{given_ng} ng")


@pytest.mark.parametrize("put_ml", [3, 12])
def test_a_refill_is_reckoned_where_no_level_tells(subject: Subject, put_ml: int) -> None:
    """What was left, less what was taken, and what was put in."""
    desk = subject.desk()
    desk.wait(30)
    desk.let(reads={"fill_level_nl": None})
    desk.wait(10)
    refilled(desk, taken_nl=desk.pump.level_nl - 600e3, put_nl=put_ml * 1e6)
    for _ in range(3):
        desk.wait(10)
        residual_holds(desk)


def test_what_is_left_is_anybodys_guess_without_clock_and_level(subject: Subject) -> None:
    """Days without supply, and nothing that tells how many: there may be nothing left."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 12_000_000}))
    desk.wait(30)
    desk.let(reads={"fill_level_nl": None})
    desk.wait(10)
    desk.let(rtc_valid=False, rtc_off_s=-(10**8))
    desk.power_cycle(7 * 1_440)
    desk.wait(5)
    residual_holds(desk)


ALONE: Final[tuple[tuple[Cause, dict[str, Any]], ...]] = (
    (Cause.RESTRICTOR_FAST, {"restrictor": 2.0}),
    (Cause.RESTRICTOR_SLOW, {"restrictor": 0.3}),
    (Cause.SEPTUM_LEAK, {"leak_nl_per_h": 146_000.0}),
    (Cause.CATHETER_OCCLUDED, {"artery_pa": 26e3}),
    (Cause.CATHETER_OFF, {"artery_pa": 2e3}),
    (Cause.PROPELLANT_LOSS, {"bias": {"reservoir_pressure_pa": -15_000}}),
    (Cause.PROPELLANT_LOSS, {"bias": {"reservoir_pressure_pa": -238_000}, "restrictor": 0.0}),
    (Cause.RESERVOIR_PRESSURE_SENSOR, {"bias": {"reservoir_pressure_pa": 12_000}}),
    (Cause.RESERVOIR_PRESSURE_SENSOR, {"bias": {"reservoir_pressure_pa": -238_000}}),
    (Cause.CATHETER_PRESSURE_SENSOR, {"bias": {"catheter_pressure_pa": 25_000}}),
    (Cause.CATHETER_PRESSURE_SENSOR, {"bias": {"catheter_pressure_pa": -20_000}}),
    (Cause.POCKET_PRESSURE_SENSOR, {"bias": {"pocket_pressure_pa": 50_000}}),
    (Cause.TEMPERATURE_SENSOR, {"bias": {"temperature_mk": 3_700}}),
    (Cause.TEMPERATURE_SENSOR, {"reads": {"temperature_mk": None}}),
    (Cause.FILL_LEVEL_SENSOR, {"reads": {"fill_level_nl": None}}),
    (Cause.FILL_LEVEL_SENSOR, {"bias": {"fill_level_nl": -4_000_000}}),
    (Cause.NEEDLE, {"level_nl": 20e6}),
    (Cause.HEAT, {"temperature_mk": 313_600.0}),
    (Cause.ALTITUDE, {"pocket_pa": 70e3}),
    (Cause.DEPTH, {"pocket_pa": 145e3}),
    (Cause.BATTERY, {"battery_mv": 2_400}),
)


@pytest.mark.parametrize(("cause", "truth"), ALONE, ids=[cause.name.lower() for cause, _ in ALONE])
def test_what_acts_alone_is_among_the_causes(
    subject: Subject, cause: Cause, truth: dict[str, Any]
) -> None:
    """From the first symptom on, whatever shows later."""
    desk = subject.desk()
    desk.wait(90)
    if cause is Cause.CATHETER_OCCLUDED:  # a clot takes its minutes, or it is an injection
        for artery_pa in range(14_000, 26_000, 1_000):
            desk.let(artery_pa=float(artery_pa))
            desk.minute()
    desk.let(**truth)
    told: set[Cause] = set()
    for _ in range(60):
        desk.wait(10)
        told = set(desk.status().causes)
        seen = ", ".join(sorted(each.name.lower() for each in told))
        words = f"{cause.name.lower()} among the causes"
        desk.that(not told or cause in told, "SEN-05", words, seen)
    desk.that(told, "SEN-05", "causes, as alarms stand", "none")


def test_a_fever_that_was_confirmed_is_one_till_it_is_over(subject: Subject) -> None:
    """The pressure that confirmed it fails later, while the patient is as hot."""
    desk = subject.desk()
    desk.wait(300)
    for temperature_mk in (311_900.0, 313_600.0):
        desk.let(temperature_mk=temperature_mk)
        desk.minute()
    after = desk.minutes_to(AlarmId.TEMPERATURE_HIGH, 70)
    desk.that(after is not None, "ENV-02", "temperature_high within 70 min", desk.standing())
    desk.let(bias={"reservoir_pressure_pa": -12_000})
    for _ in range(10):
        desk.wait(10)
        stands = AlarmId.TEMPERATURE_HIGH in desk.present()
        desk.that(stands, "ENV-05", "temperature_high: it was confirmed", desk.standing())


EARLIER: Final[dict[str, tuple[dict[str, Any], int, dict[str, Any]]]] = {
    "a leak that is mended": ({"leak_nl_per_h": 146_000.0}, 600, {"leak_nl_per_h": 0.0}),
    "a needle": ({"level_nl": 20e6}, 5, {}),
    "an injection": ({"artery_pa": 40e3}, 5, {"artery_pa": 12_400.0}),
}
LATER: Final[dict[Cause, tuple[dict[str, Any], AlarmId]]] = {
    Cause.HEAT: ({"temperature_mk": 313_450.0}, AlarmId.TEMPERATURE_HIGH),
    Cause.ALTITUDE: ({"pocket_pa": 72e3}, AlarmId.AMBIENT_PRESSURE),
    Cause.CATHETER_OCCLUDED: ({"artery_pa": 26e3}, AlarmId.PARTIAL_OCCLUSION),
    Cause.BATTERY: ({"battery_mv": 2_500}, AlarmId.BATTERY_LOW),
}


@pytest.mark.parametrize("cause", LATER, ids=lambda cause: cause.name.lower())
@pytest.mark.parametrize("earlier", EARLIER)
def test_what_is_over_hides_no_cause(subject: Subject, earlier: str, cause: Cause) -> None:
    """It latched, and nobody has acknowledged it yet; what comes later has a cause of its own."""
    began, minutes, ended = EARLIER[earlier]
    truth, alarm = LATER[cause]
    desk = subject.desk()
    desk.wait(90)
    desk.let(**began)
    desk.wait(minutes)
    desk.let(**ended)
    desk.wait(10 * 60)
    desk.let(**truth)
    after = desk.minutes_to(alarm, 120)
    words = f"{alarm.name.lower()} within 2 h"
    desk.that(after is not None, ALARMS[alarm].requirement, words, desk.standing())
    told = desk.status().causes
    words = f"{cause.name.lower()} among the causes"
    seen = ", ".join(each.name.lower() for each in told)
    desk.that(cause in told, "SEN-05", words, seen or "none")


def residual_holds(desk: Desk) -> None:
    """The truth; no interval is none that does not."""
    told, left_nl = desk.status().residual_volume_nl, desk.pump.level_nl
    desk.bounds(told, left_nl, "SEN-07", "nL")


def access_before(desk: Desk, minutes: int) -> None:
    """A bolus access that nobody ends."""
    desk.must_do(m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0), "RES-12")
    desk.wait(minutes)
    kept_anew(desk)


def window_before(desk: Desk, minutes: int) -> None:
    """A refill that was begun, and given up, and is begun anew."""
    begin(desk)
    desk.wait(minutes)
    desk.must_do(m.AbortRefill(), "FLW-08")
    begin(desk)
    kept_anew(desk)


def kept_anew(desk: Desk) -> None:
    """What memory holds now was written a while after it began."""
    write = m.WriteConfiguration(base_config_id=1, configuration=desk.configuration)
    desk.must_do(write, "FLW-07")


@pytest.mark.parametrize(("minutes", "off_min"), [(25, 0), (3, 25)])
@pytest.mark.parametrize(
    ("before", "name"),
    [(access_before, "past the reservoir"), (window_before, "no pressure drives it")],
)
def test_a_reset_lets_nothing_hide_longer(
    subject: Subject, before: Callable[[Desk, int], None], name: str, minutes: int, off_min: int
) -> None:
    """Half an hour, with a reset in it, and the time without supply is part of it."""
    (case,) = (each for each in CASES if each.name == name)
    desk = subject.desk()
    desk.wait(60)
    before(desk, minutes)
    desk.power_cycle(off_min)
    desk.wait(6)
    desk.let(**case.steps[0])
    after = desk.minutes_to(case.alarm, 3)
    words = f"{case.alarm.name.lower()} within 3 min: half an hour has passed"
    desk.that(after is not None, "FLW-08", words, desk.standing())


def test_an_access_that_is_asked_for_again_hides_no_longer(subject: Subject) -> None:
    """Half an hour, whatever was refused meanwhile."""
    desk = subject.desk()
    desk.wait(60)
    access = m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0)
    desk.must_do(access, "RES-12")
    desk.wait(35)
    desk.do(access)
    desk.let(artery_pa=24e3)
    after = desk.minutes_to(AlarmId.BOLUS_PATH_INJECTION, 2)
    words = "bolus_path_injection within 2 min: half an hour has passed"
    desk.that(after is not None, "FLW-08", words, desk.standing())


BETWEEN: Final[dict[str, Callable[[Desk], object]]] = {
    "a reset": Desk.power_cycle,
    "another beginning": lambda desk: desk.do(m.BeginRefill()),
}


@pytest.mark.parametrize("between", BETWEEN)
def test_a_fill_that_went_another_way_is_dose(subject: Subject, between: str) -> None:
    """Pushed through the bolus path in the window of a refill: the level lacks what is dose."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 10_000_000}))
    desk.wait(PRIMED_MIN)
    before_ng = desk.status().dose_total_ng or 0
    begin(desk)
    desk.let(artery_pa=24e3)
    desk.wait(2)
    desk.let(artery_pa=12_400.0)
    desk.wait(2)
    BETWEEN[between](desk)
    desk.wait(3)
    commit(desk, 0, 5_000_000)
    desk.wait(5)
    gained_ng = (desk.status().dose_total_ng or 0) - before_ng
    least_ng = 0.9 * 5_000_000 * REFILL.concentration_ng_per_ml / 1e6
    words = f"at least {least_ng:.0f} ng more: nothing of the fill is in the reservoir"
    desk.that(gained_ng >= least_ng, "RES-12", words, gained_ng)


@pytest.mark.parametrize("emptied", [True, False])
def test_a_fill_that_did_not_arrive_is_told_after_a_reset(subject: Subject, emptied: bool) -> None:  # noqa: FBT001
    """Supply went before the first sample after it was declared."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 10_000_000}))
    desk.wait(45)
    begin(desk)
    left_nl = desk.pump.level_nl
    if emptied:
        desk.let(level_nl=100_000.0)
    commit(desk, left_nl - 100_000, 18_000_000)
    desk.power_cycle()
    after = desk.minutes_to(AlarmId.POCKET_FILL, 3)
    desk.that(after is not None, "RES-07", "pocket_fill within 3 min", desk.standing())


def test_what_is_written_is_the_range_of_what_is_read(subject: Subject) -> None:
    """A reservoir that is configured larger later may be full, and its level is no fault."""
    first = REFILL.model_copy(update={"filled_nl": 15_000_000})
    desk = subject.desk(first, capacity_nl=16_000_000)
    desk.wait(45)
    larger = desk.configuration.model_copy(update={"capacity_nl": 30_000_000})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=larger), "FLW-07")
    desk.wait(5)
    reply = refilled(desk, taken_nl=desk.pump.level_nl - 600e3, put_nl=28e6)
    desk.that(isinstance(reply, m.Done), "FLW-07", "a refill that is taken: it fits in now", reply)
    desk.wait(10)
    sound = AlarmId.SENSOR_FAULT not in desk.present()
    desk.that(sound, "FLW-07", "no alarm: so much fits in now", desk.standing())
    residual_holds(desk)


def test_a_status_is_as_old_as_its_sample_in_a_pump_without_a_date(subject: Subject) -> None:
    """Asked again after samples were missed: no flow is told that nobody has measured."""
    desk = subject.desk(refill=None)
    desk.wait(10)
    told = desk.status().flow_nl_per_h
    desk.that(told is not None, "FLW-01", "a flow", told)
    desk.miss(10)
    told = desk.status().flow_nl_per_h
    desk.that(told is None, "SEN-06", "no flow: the last sample is 10 min old", told)


def test_a_long_time_without_supply_makes_no_reset_older(subject: Subject) -> None:
    """The first boot came after it: three within half a day are three within a day."""
    desk = subject.desk()
    desk.wait(70)
    desk.power_cycle(800)
    for _ in range(2):
        desk.wait(360)
        desk.power_cycle()
    desk.minute()
    told = desk.occurrence(AlarmId.RESETS) is not None
    desk.that(told, "RST-04", "resets: three boots within 12 h", desk.standing())


IN_TURN: Final = tuple(
    m.PlanStep(drug=drug, duration_s=2 * 86_400) for drug in (REFILL.drug, "saline")
)


def saline_is_called_for(desk: Desk) -> None:
    """By the plan, after two days."""
    refill_all(desk, drug="saline", concentration_ng_per_ml=0)
    called = AlarmId.OFF_PLAN not in desk.present()
    words = "no alarm: the plan calls for saline after two days"
    desk.that(called, "DOS-09", words, desk.standing())


@pytest.mark.parametrize("lost_h", [0, 36])
def test_time_without_supply_is_time_of_the_plan(subject: Subject, lost_h: int) -> None:
    """The next drug is called for when its time has come, whoever counted it."""
    desk = subject.desk(plan=IN_TURN)
    desk.wait(60)
    desk.power_cycle(lost_h * 60)
    desk.wait((47 - lost_h) * 60)
    saline_is_called_for(desk)


def test_a_fill_of_the_same_drug_begins_no_step_of_the_plan(subject: Subject) -> None:
    """After a reset, too: the next drug is called for when the whole step is over."""
    desk = subject.desk(plan=IN_TURN)
    desk.wait(24 * 60)
    refill_all(desk)
    desk.power_cycle()
    desk.wait(23 * 60)
    saline_is_called_for(desk)


def test_reminders_are_of_the_priority_it_has_now(subject: Subject) -> None:
    """A refill that is near is called to mind each hour, and each half hour once it is due."""
    listener = Listener(subject.desk(refill_interval_s=86_400))
    for hours in (18, 24):
        while listener.desk.minutes < hours * 60 + 5:
            listener.minute()
        listener.acknowledge_all()
        for _ in range(130):
            listener.minute()


def acknowledged(desk: Desk) -> None:
    """All that is open."""
    for one in desk.alarms():
        desk.must_do(m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence), "ALM-04")


def hushed(desk: Desk) -> None:
    """All that is open, for as long as a pause may last."""
    for one in desk.alarms():
        silenced(desk, one)


@pytest.mark.parametrize("silence", [acknowledged, hushed])
def test_a_second_needle_is_heard(subject: Subject, silence: Callable[[Desk], None]) -> None:
    """Minutes after the first: whoever silenced that one knew nothing of it."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 20_000_000}))
    desk.wait(60)
    for _ in range(2):
        desk.let(level_nl=desk.pump.level_nl - 2e6)
        desk.wait(3)
        loud = desk.sounder is Sounder.HIGH
        words = "a sounder that plays high: 2 mL have gone"
        desk.that(loud, "ALM-04", words, desk.sounder.name.lower())
        silence(desk)


def test_another_injection_beyond_the_limit_is_heard(subject: Subject) -> None:
    """Hours after one that was acknowledged."""
    desk = subject.desk()
    desk.wait(PRIMED_MIN)
    inject(desk, 2_000_000)
    limited = AlarmId.DOSE_LIMIT in desk.present()
    desk.that(limited, "DOS-02", "dose_limit: 2 mL at once", desk.standing())
    acknowledged(desk)
    desk.wait(100)
    inject(desk, 20_000_000)
    loud = desk.sounder is Sounder.HIGH
    desk.that(loud, "ALM-04", "a sounder that plays high: 20 mL more", desk.sounder.name.lower())


def test_a_longer_grace_takes_nothing_back(subject: Subject) -> None:
    """Overdue is overdue until a refill is made."""
    desk = subject.desk(refill_interval_s=DAY * 60, refill_grace_s=3_600)
    after = desk.minutes_to(AlarmId.REFILL_OVERDUE, DAY + 90)
    desk.that(after is not None, "RES-04", "refill_overdue, 25 h after the refill", after)
    new = desk.configuration.model_copy(update={"refill_grace_s": 30 * DAY * 60})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=new), "FLW-07")
    for _ in range(2):
        stands = AlarmId.REFILL_OVERDUE in desk.present()
        desk.that(stands, "RES-04", "refill_overdue still", desk.standing())
        desk.power_cycle()
        desk.wait(2)


def test_a_fill_that_expires_soon_has_a_reminder_of_its_own(subject: Subject) -> None:
    """The one before was due, and that was acknowledged; this one is good for ten hours."""
    desk = subject.desk(refill_interval_s=2 * DAY * 60, refill_grace_s=3 * DAY * 60)
    after = desk.minutes_to(AlarmId.REFILL_DUE, 2 * DAY)
    desk.that(after is not None, "RES-03", "refill_due before 2 d are over", after)
    desk.wait(2 * DAY + 5 - desk.minutes)
    acknowledged(desk)
    refill_all(desk, stability_s=36_000)
    one = desk.occurrence(AlarmId.REFILL_DUE)
    fresh = one is None or not one.acknowledged
    desk.that(fresh, "RES-05", "no refill_due of the fill before", one)
    acknowledged(desk)
    desk.wait(10 * 60)
    one = desk.occurrence(AlarmId.REFILL_DUE)
    due = one is not None and one.present
    desk.that(due, "RES-04", "refill_due: ten hours have passed", desk.standing())


def test_a_sample_that_was_lost_long_ago_is_no_evidence_now(subject: Subject) -> None:
    """All channels were silent once; a window is open days later, and one of them is."""
    desk = subject.desk()
    desk.wait(30)
    desk.let(reads=dict.fromkeys(MEASURED))
    desk.wait(1)
    desk.let(reads={})
    desk.wait(120)
    begin(desk)
    desk.let(reads={"temperature_mk": None})
    desk.wait(4)
    watched = AlarmId.UNMONITORED not in desk.present()
    desk.that(watched, "OCC-07", "no unmonitored: pressures and level read", desk.standing())


def test_a_drug_is_watched_for_as_long_as_the_plan_has_it(subject: Subject) -> None:
    """Two others came after it, and a hand injects it once more."""
    drugs = ("A", "B", "C", "saline")
    plan = tuple(m.PlanStep(drug=drug, duration_s=2 * DAY * 60) for drug in drugs)
    first = REFILL.model_copy(update={"filled_nl": 12_000_000, "drug": "A"})
    desk = subject.desk(first, plan=plan, refill_min_interval_s=0)
    for drug in drugs[1:]:
        desk.wait(2 * DAY - 100)
        thin = {"concentration_ng_per_ml": 0} if drug == "saline" else {}
        refill_all(desk, drug=drug, **thin)
    desk.wait(PRIMED_MIN)
    inject(desk, 5_000_000, "A")
    inject(desk, 5_000_000, "A")
    limited = AlarmId.DOSE_LIMIT in desk.present()
    desk.that(limited, "DOS-02", "dose_limit: 10 mL of A at once", desk.standing())


def test_a_plan_that_is_written_anew_goes_on_where_it_was(subject: Subject) -> None:
    """Of two steps with the same drug it is in the second; another one's length is changed."""
    plan = tuple(m.PlanStep(drug=drug, duration_s=2 * DAY * 60) for drug in ("A", "B", "A", "C"))
    first = REFILL.model_copy(update={"filled_nl": 12_000_000, "drug": "A"})
    desk = subject.desk(first, plan=plan, refill_min_interval_s=0)
    for drug in ("B", "A"):
        desk.wait(2 * DAY - 100)
        refill_all(desk, drug=drug)
    longer = (plan[0], m.PlanStep(drug="B", duration_s=3 * DAY * 60), *plan[2:])
    new = desk.configuration.model_copy(update={"plan": longer})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=new), "FLW-07")
    desk.wait(2 * DAY - 100)
    refill_all(desk, drug="C")
    called = AlarmId.OFF_PLAN not in desk.present()
    desk.that(called, "DOS-09", "no off_plan: C is called for after the second A", desk.standing())
