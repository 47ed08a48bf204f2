"""What is in the reservoir, how fast it leaves, and when it is low: with and without a level."""

import pytest

from hil.testing.steady import LEVEL_ERROR_NL, LEVEL_OFF_NL, REFILL
from hil.testing.subject import Subject
from protocol.vocabulary import AlarmId, Quality

FLOW_OFF = {"reservoir_pressure_pa": 1_100, "catheter_pressure_pa": -1_100, "temperature_mk": 140}
"""What of these the last digits of readings leave room for."""
MARGIN_NL = 300_000
QUICK_NL_PER_H = 540_000
"""What empties a reservoir in a day."""


@pytest.mark.parametrize(
    ("alarm", "limit_nl"),
    [(AlarmId.LOW_RESERVOIR, 3e6), (AlarmId.LOW_RESERVOIR, 5e6), (AlarmId.EMPTY_RESERVOIR, 1e6)],
)
def test_low_is_told_while_there_is_so_much(
    subject: Subject, alarm: AlarmId, limit_nl: float
) -> None:
    """By the pessimistic edge: never later than the limit, and never by more than the error."""
    refill = REFILL.model_copy(update={"filled_nl": round(limit_nl + 2 * LEVEL_ERROR_NL + 120_000)})
    low = alarm is AlarmId.LOW_RESERVOIR
    desk = subject.desk(refill, low_volume_nl=round(limit_nl) if low else 3_000_000)
    name = alarm.name.lower()
    while alarm not in desk.present():
        told = desk.status().residual_volume_nl
        edge = told is not None and told.low > limit_nl
        words = f"{name} once the interval's lower edge is at {limit_nl / 1e6:g} mL"
        desk.that(edge, "RES-01", words, f"{told}; {desk.standing()}")
        desk.minute()
    left_nl = desk.pump.level_nl
    early_nl = limit_nl + 2 * LEVEL_ERROR_NL + 20_000
    fair = f"{name} between {early_nl / 1e6:.2f} and {limit_nl / 1e6:.2f} mL"
    desk.that(limit_nl - MARGIN_NL < left_nl <= early_nl, "RES-01", fair, f"{left_nl / 1e6:.2f} mL")
    desk.that(left_nl >= limit_nl, "RES-01", fair, f"{left_nl / 1e6:.2f} mL")
    desk.wait(45)
    raised = {one.occurrence for one in desk.told if one.alarm is alarm}
    desk.that(len(raised) == 1, "RES-01", "one occurrence: noise does not end it", sorted(raised))
    if alarm is AlarmId.EMPTY_RESERVOIR:
        order = [one.alarm for one in desk.told if one.present]
        low = AlarmId.LOW_RESERVOIR in order[: order.index(alarm)]
        desk.that(low, "RES-02", "low raised before empty", order)


@pytest.mark.parametrize("off_nl", [-LEVEL_OFF_NL, 0, LEVEL_OFF_NL])
def test_what_the_reservoir_holds_is_within_its_interval(subject: Subject, off_nl: int) -> None:
    """The truth lies in the interval at any level, and the interval is no wider than it must.

    Whatever the sensor is off, within what its data sheet declares.
    """
    for level_nl in (28e6, 15e6, 6e6, 1e6):
        desk = subject.bare_desk()
        desk.pump.bias = {"fill_level_nl": off_nl}
        desk.implant(REFILL.model_copy(update={"filled_nl": round(level_nl)}))
        for _ in range(6):
            desk.wait(10)
            told, true_nl = desk.status().residual_volume_nl, round(desk.pump.level_nl)
            desk.that(told is not None, "RES-01", "a residual volume", told)
            assert told is not None
            holds = told.low <= true_nl <= told.high
            desk.that(holds, "RES-01", f"an interval that holds {true_nl} nL", told)
            desk.that(told.high - told.low <= 1_000_000, "FLW-01", "at most 1 mL wide", told)


@pytest.mark.parametrize("side", [-1, 0, 1])
def test_the_flow_is_within_its_interval(subject: Subject, side: int) -> None:
    """At any temperature and pressure of ordinary life, for any fill, within 5 %.

    And with every sensor of it off to the same side, by what its data sheet declares.
    """
    off = {channel: side * most for channel, most in FLOW_OFF.items()}
    for truth in ({}, {"temperature_mk": 313_000.0}, {"temperature_mk": 308_900.0},
                  {"temperature_mk": 310_600.0, "restrictor": 1.0 - side / 100},
                  {"temperature_mk": 309_710.0, "restrictor": 1.0 - side / 100},
                  {"pocket_pa": 84e3}, {"artery_pa": 15e3}, {"artery_pa": 150e3}):  # fmt: skip
        for permille in (1_000, 1_020, 2_250):
            desk = subject.bare_desk()
            desk.pump.bias = off
            desk.implant(REFILL.model_copy(update={"viscosity_permille": permille}))
            desk.wait(5)
            desk.let(**truth)
            desk.wait(3)
            told, true = desk.status().flow_nl_per_h, desk.pump.flow_nl_per_h()
            desk.that(told is not None, "FLW-01", "a flow", told)
            assert told is not None
            desk.that(
                told.low <= true <= told.high, "ENV-01", f"an interval with {true:.0f} nL/h", told
            )
            desk.that(
                abs(told.estimate - true) <= 0.05 * true, "ENV-01", f"{true:.0f} +- 5 %", told
            )


@pytest.mark.parametrize("side", [-1, 0, 1])
def test_a_flow_backwards_is_within_its_interval(subject: Subject, side: int) -> None:
    """Below nothing as above it: sensors are off by the same."""
    desk = subject.bare_desk()
    desk.pump.bias = {channel: side * most for channel, most in FLOW_OFF.items()}
    desk.implant()
    desk.wait(30)
    for artery_pa in (260e3, 320e3, 390e3):
        desk.let(artery_pa=artery_pa)
        desk.wait(5)
        told, true = desk.status().flow_nl_per_h, desk.pump.flow_nl_per_h()
        holds = told is not None and told.low <= true <= told.high
        desk.that(holds, "FLW-01", f"an interval with {true:.0f} nL/h", told)


@pytest.mark.parametrize("restrictor", [1.3, 1.2, 0.85, 0.7])
def test_where_two_channels_disagree_the_worse_one_counts(
    subject: Subject, restrictor: float
) -> None:
    """The pressures know nothing of a restrictor that changed; the level tells what left."""
    desk = subject.desk(refill_interval_s=100 * 86_400, drug_stability_s=100 * 86_400)
    desk.wait(90)
    desk.let(restrictor=restrictor)
    after = desk.minutes_to(AlarmId.BALANCE_FAULT, 1_440)
    desk.that(after is not None, "FLW-06", "balance_fault within a day", desk.standing())
    for _ in range(3):
        desk.wait(120)
        status, true = desk.status(), desk.pump.flow_nl_per_h()
        told, due_s = status.flow_nl_per_h, status.refill_due_in_s
        holds = told is not None and told.low <= true <= told.high
        desk.that(holds, "SEN-05", f"an interval with {true:.0f} nL/h", told)
        left_s = (desk.pump.level_nl - desk.configuration.low_volume_nl) / true * 3_600
        words = f"a refill due in {left_s / 86_400:.1f} d at most: low by then"
        seen = "no date" if due_s is None else f"{due_s / 86_400:.1f} d"
        desk.that(due_s is not None and due_s <= left_s + 3_600, "RES-03", words, seen)


@pytest.mark.parametrize("temperature_mk", [308_900.0, 310_150.0, 312_500.0])
def test_without_a_thermometer_the_flow_is_less_certain(
    subject: Subject, temperature_mk: float
) -> None:
    """About 37 degrees Celsius are assumed: the interval is wider, and holds the truth."""
    desk = subject.desk()
    desk.wait(5)
    desk.let(temperature_mk=temperature_mk, reads={"temperature_mk": None})
    desk.wait(3)
    told, true = desk.status().flow_nl_per_h, desk.pump.flow_nl_per_h()
    words = f"an interval with {true:.0f} nL/h, and not of good quality"
    holds = told is not None and told.low <= true <= told.high
    unsure = told is not None and told.quality is not Quality.GOOD
    desk.that(holds and unsure, "ENV-03", words, told)


@pytest.mark.parametrize("faster", [0.88, 1.0, 1.12])
def test_without_a_level_what_is_left_is_reckoned(subject: Subject, faster: float) -> None:
    """By the flow there is, not the one prescribed: a pump that runs too fast is low in time."""
    desk = subject.desk(
        REFILL.model_copy(update={"filled_nl": 12_000_000}),
        calibration_flow_nl_per_h=QUICK_NL_PER_H,
        nominal_flow_nl_per_h=round(QUICK_NL_PER_H / faster),
    )
    desk.wait(30)
    desk.let(reads={"fill_level_nl": None})
    while AlarmId.LOW_RESERVOIR not in desk.present():
        left_nl = desk.pump.level_nl
        soon = left_nl > 3e6 - MARGIN_NL
        desk.that(soon, "RES-01", "low_reservoir by 2.7 mL", f"{left_nl / 1e6:.2f} mL are left")
        told = desk.status().residual_volume_nl
        desk.bounds(told, left_nl, "SEN-07", "nL")
        desk.wait(10)
    early = desk.pump.level_nl < 4e6
    desk.that(early, "RES-01", "low_reservoir below 4 mL", f"{desk.pump.level_nl / 1e6:.2f} mL")
