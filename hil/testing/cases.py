"""What goes wrong on a desk, as data, and in what time it must be told."""

from typing import Any, NamedTuple

from hil.testing.desk import Desk, shown, span
from hil.testing.expected import ALARMS
from hil.testing.steady import START_S
from protocol.vocabulary import AlarmId

SETTLED = 90
"""Minutes of a sound life before anything happens."""
FLOW = 54_015
"""What the desk's pump infuses, in nL/h."""
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
    """In one step."""
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
    Case(
        "catheter below its pocket",
        AlarmId.SENSOR_CONFLICT,
        2,
        60,
        at_once(artery_pa=-8e3),
        requirement="OCC-06",
    ),
    Case("clot, partial", AlarmId.PARTIAL_OCCLUSION, 60, 120, at_once(artery_pa=26e3)),
    Case("clot, complete", AlarmId.OCCLUSION, 10, 60, at_once(artery_pa=44e3)),
    Case("needle in", AlarmId.TAMPERING, 1, 2, at_once(level_nl=27e6)),
    Case("needle takes", AlarmId.TAMPERING, 1, 2, at_once(level_nl=25e6)),
    Case("battery fades", AlarmId.BATTERY_LOW, 1, 60, at_once(battery_mv=2_500)),
    Case("battery ends", AlarmId.BATTERY_END, 1, 60, at_once(battery_mv=2_300)),
    Case("clock jumps", AlarmId.CLOCK_INVALID, 1, 60, at_once(rtc_off_s=3_600)),
    Case("clock back", AlarmId.CLOCK_INVALID, 1, 60, at_once(rtc_off_s=-86_400)),
    Case(
        "clock stands still",
        AlarmId.CLOCK_INVALID,
        1,
        60,
        at_once(reads={"rtc_s": START_S + 5_400}),
    ),
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
