"""Gaps: minutes to days without samples, ticks, supply or sensor, and what follows behind them."""

from typing import Any, Final

import pytest

from hil.testing.cases import CASES, FLOW, SETTLED, Case
from hil.testing.desk import MINUTE, Desk, shown
from hil.testing.refilling import begin, commit
from hil.testing.steady import REFILL, START_S
from hil.testing.subject import Subject
from hil.testing.suite.test_dose import PRIMED_MIN
from protocol import messages as m
from protocol.vocabulary import AlarmId, ResetCause

DAY: Final = 1_440
USUAL: Final[dict[str, Any]] = {
    "temperature_mk": 310_150.0,
    "pocket_pa": 101_300.0,
    "artery_pa": 12_400.0,
}
PERSISTENT: Final[dict[AlarmId, tuple[tuple[dict[str, Any], ...], int, int]]] = {
    AlarmId.TEMPERATURE_HIGH: (
        ({"temperature_mk": 311_900.0}, {"temperature_mk": 313_500.0}),
        40,
        62,
    ),
    AlarmId.AMBIENT_PRESSURE: (({"pocket_pa": 86e3}, {"pocket_pa": 72e3}), 2, 30),
    AlarmId.PARTIAL_OCCLUSION: (({"artery_pa": 27e3},), 25, 62),
    AlarmId.CATHETER_DISCONNECT: (({"artery_pa": 2e3},), 25, 62),
}
"""How it becomes so in steps, for how many minutes, and how long nobody looks."""
FLOW_ALARMS: Final = {AlarmId.OVER_INFUSION, AlarmId.UNDER_INFUSION, AlarmId.DOSE_LIMIT}


def unseen(desk: Desk, minutes: int, **meanwhile: Any) -> None:
    """No sample comes, and that is true from then on."""
    with desk.silent(minutes):
        desk.let(**meanwhile)
        desk.run_to(desk.ticks + minutes * MINUTE)


def delivered_holds(desk: Desk, requirement: str, filled_nl: float = REFILL.filled_nl) -> None:
    """The truth lies in the bounds that are told of what was delivered."""
    told = desk.status().delivered_total_between_nl
    desk.bounds(told, filled_nl - desk.pump.level_nl, requirement, "nL, which left")


# ---- samples


@pytest.mark.parametrize("alarm", PERSISTENT, ids=lambda alarm: alarm.name.lower())
def test_what_has_to_last_has_not_lasted_over_a_gap(subject: Subject, alarm: AlarmId) -> None:
    """It was so before, it is so again; nobody saw it in between, and it was not."""
    steps, before, gap = PERSISTENT[alarm]
    desk = subject.desk()
    desk.wait(120)
    for step in steps:
        desk.let(**step)
        desk.minute()
    desk.wait(before)
    desk.that(alarm not in desk.present(), "OCC-07", "no alarm so soon", desk.standing())
    unseen(desk, gap, **USUAL)
    desk.let(**steps[-1])
    for _ in range(4):
        desk.minute()
        none = alarm not in desk.present()
        words = f"no {alarm.name.lower()}: nobody saw it last"
        desk.that(none, "SEN-06", words, desk.standing())


@pytest.mark.parametrize(("nominal", "alarm"), [(45_000, "over"), (66_000, "under")])
def test_a_sample_after_an_hour_is_no_hour(subject: Subject, nominal: int, alarm: str) -> None:
    """Two samples out of tolerance, the first at the end of a gap."""
    desk = subject.desk(nominal_flow_nl_per_h=nominal)
    wanted = AlarmId.OVER_INFUSION if alarm == "over" else AlarmId.UNDER_INFUSION
    desk.wait(2)
    desk.miss(61)
    for _ in range(2):
        desk.minute()
        none = wanted not in desk.present()
        desk.that(none, "SEN-06", f"no {alarm}_infusion: four samples so far", desk.standing())


@pytest.mark.parametrize("minutes", [60, 120, 240, 270])
@pytest.mark.parametrize("permille", [950, 1_050])
def test_a_gap_moves_no_flow(subject: Subject, minutes: int, permille: int) -> None:
    """Within its tolerance, and as steady as can be."""
    desk = subject.desk(nominal_flow_nl_per_h=FLOW * 1_000 // permille)
    desk.wait(10 * 60)
    desk.miss(minutes)
    for _ in range(8):
        desk.wait(60)
        wrong = FLOW_ALARMS & desk.present()
        desk.that(not wrong, "OCC-07", "no alarm of the flow", desk.standing())


def test_without_any_evidence_an_old_slope_is_none(subject: Subject) -> None:
    """The level fell fast in a fever; it is silent for half a day, and then the pressures are."""
    desk = subject.desk()
    desk.wait(60)
    for warmer_mk in (1_500.0, 2_500.0):
        desk.let(temperature_mk=310_150.0 + warmer_mk)
        desk.wait(4 * 60)
    desk.let(reads={"fill_level_nl": None})
    desk.wait(2)
    desk.let(temperature_mk=310_150.0)
    desk.wait(12 * 60)
    desk.let(reads={"fill_level_nl": None, "reservoir_pressure_pa": None})
    desk.wait(10)
    before_nl = desk.status().delivered_total_nl
    desk.wait(6 * 60)
    counted_nl, nominal_nl = desk.status().delivered_total_nl - before_nl, 6 * FLOW
    close = abs(counted_nl - nominal_nl) <= 0.05 * nominal_nl
    words = f"{nominal_nl} nL in 6 h, what is prescribed: nothing tells of another flow"
    desk.that(close, "SEN-06", words, counted_nl)


def test_a_temperature_that_nobody_reads_may_be_any(subject: Subject) -> None:
    """Filled cold, the thermometer dies, and the pump warms up to the body all the same."""
    desk = subject.bare_desk()
    desk.pump.temperature_mk = 298_150.0
    desk.implant()
    desk.wait(5)
    desk.let(reads={"temperature_mk": None})
    for warmer_mk in range(2_000, 14_000, 2_000):
        desk.let(temperature_mk=298_150.0 + warmer_mk)
        desk.wait(10)
    told, flow_nl_per_h = desk.status().flow_nl_per_h, desk.pump.flow_nl_per_h()
    desk.bounds(told, flow_nl_per_h, "ENV-03", "nL/h")


def test_a_pump_that_nobody_configured_is_watched_too(subject: Subject) -> None:
    """It has no limits, and whether samples come needs none."""
    desk = subject.bare_desk()
    desk.boot(ResetCause.POWER_ON)
    desk.wait(10)
    desk.run_to(desk.ticks + 5 * MINUTE)
    told = AlarmId.UNMONITORED in desk.present()
    desk.that(told, "SEN-06", "unmonitored: no sample came for 5 min", desk.standing())


def test_a_level_from_before_a_gap_shows_no_empty_pump(subject: Subject) -> None:
    """Hands may have filled it meanwhile: who asks for the explant is told no."""
    desk = subject.desk()
    desk.wait(60)
    desk.let(level_nl=420_000.0)
    desk.wait(5)
    desk.miss(180)
    reply = desk.do(m.Explant())
    words = "refused: no sample has come for three hours"
    desk.that(isinstance(reply, m.Refused), "RES-13", words, reply)


def test_a_refill_cures_what_it_cures_while_no_sample_comes(subject: Subject) -> None:
    """Its declaration says what there is now."""
    desk = subject.desk()
    desk.wait(60)
    desk.let(level_nl=800_000.0)
    desk.wait(5)
    desk.miss(10)
    desk.must_do(m.BeginRefill(), "RES-05")
    commit(desk, 200e3, 25e6)
    wrong = {AlarmId.LOW_RESERVOIR, AlarmId.EMPTY_RESERVOIR} & desk.present()
    words = "neither low nor empty: 25 mL were filled"
    desk.that(not wrong, "RES-05", words, desk.standing())


# ---- ticks


STOPPED: Final = tuple(case for case in CASES if case.nominal == FLOW and case.latest <= 120)


@pytest.mark.parametrize("case", STOPPED, ids=lambda case: case.name.replace(" ", "-"))
def test_a_counter_that_stands_still_stops_no_monitoring(subject: Subject, case: Case) -> None:
    """Samples go on, and each is as long as one was: alarms come in their time, and a minute."""
    desk = subject.desk()
    desk.wait(SETTLED)
    desk.stop_counter()
    desk.wait(5)
    for step in case.steps[:-1]:
        desk.let(**step)
        desk.minute()
    desk.let(**case.steps[-1])
    after = desk.minutes_to(case.alarm, case.latest + 1)
    words = f"{case.alarm.name.lower()} within {case.latest + 1} samples: no interval stands still"
    desk.that(after is not None, "TIM-05", words, desk.standing())


@pytest.mark.parametrize("into_s", [0.0, 0.1, 5.0, 59.0])
def test_a_counter_that_stands_still_puts_nothing_off(subject: Subject, into_s: float) -> None:
    """What was delivered, when a refill is due, and a window that is left open.

    It stops anywhere between two samples.
    """
    desk = subject.desk(refill_interval_s=5 * 86_400)
    desk.wait(60)
    desk.must_do(m.BeginRefill(), "FLW-08")
    desk.run_s(into_s)
    desk.stop_counter()
    before = desk.status()
    desk.wait(40)
    desk.that(not desk.status().refill_open, "FLW-08", "a window that has ended", "open")
    desk.wait(4 * 1_440)
    now, due_s = desk.status(), before.refill_due_in_s
    out_nl = now.delivered_total_nl - before.delivered_total_nl
    true_nl = desk.pump.flow_nl_per_h() / 60 * (4 * 1_440 + 40)
    close = abs(out_nl - true_nl) <= 0.02 * true_nl
    desk.that(close, "TIM-05", f"{true_nl:.0f} nL more, which were delivered", out_nl)
    left_s = None if due_s is None else due_s - (4 * 1_440 + 40) * 60
    closer = left_s is not None and (now.refill_due_in_s or left_s + 999) <= left_s + 300
    words = f"a refill due in {left_s} s: it came nearer with each sample"
    desk.that(closer, "TIM-05", words, now.refill_due_in_s)
    due = AlarmId.REFILL_DUE in desk.present()
    desk.that(due, "RES-04", "refill_due: a quarter of its interval is left", desk.standing())


def test_what_a_clot_holds_is_not_in_the_reservoir(subject: Subject) -> None:
    """No level tells what is left, and somebody writes another catheter meanwhile."""
    refill = REFILL.model_copy(update={"filled_nl": 10_000_000})
    desk = subject.desk(refill, catheter_compliance_nl_per_kpa=20_000)
    desk.wait(60)
    desk.let(reads={"fill_level_nl": None})
    desk.wait(5)
    desk.let(artery_pa=60e3)
    desk.wait(20 * 60)
    longer = desk.configuration.model_copy(update={"catheter_volume_nl": 180_000})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=longer), "FLW-07")
    desk.wait(5)
    told = desk.status().residual_volume_nl
    desk.bounds(told, desk.pump.level_nl, "RES-01", "nL")
    desk.let(artery_pa=12_400.0)
    desk.wait(30)
    delivered_holds(desk, "DOS-01", refill.filled_nl)


# ---- supply and clock


def test_what_passed_before_a_refill_is_no_flow_of_the_new_fill(subject: Subject) -> None:
    """Two hours without supply or clock, and the first thing that happens is a refill."""
    desk = subject.desk(refill_min_interval_s=0)
    desk.wait(3 * DAY)
    desk.let(rtc_valid=False)
    desk.power_cycle(120)
    desk.must_do(m.BeginRefill(), "RES-05")
    left_nl = desk.pump.level_nl
    desk.let(level_nl=28e6)
    commit(desk, left_nl - 6e5, 28e6 - 6e5)
    desk.wait(10)
    since_nl = desk.status().delivered_since_refill_nl
    words = "at most 20 uL since the refill, 10 min ago"
    desk.that(since_nl <= 20_000, "RST-03", words, since_nl)
    due = AlarmId.REFILL_DUE in desk.present()
    desk.that(not due, "RES-04", "no refill due: it was made", desk.standing())


@pytest.mark.parametrize("hours", [3, 25, 60])
def test_what_flowed_without_supply_is_missing_from_no_fill(subject: Subject, hours: int) -> None:
    """Supply goes half an hour after a refill that levels have borne out."""
    desk = subject.desk(refill_min_interval_s=0)
    desk.wait(300)
    begin(desk)
    left_nl = desk.pump.level_nl
    desk.let(level_nl=28e6)
    commit(desk, left_nl - 6e5, 28e6 - 6e5)
    desk.wait(30)
    desk.power_cycle(hours * 60)
    desk.wait(10)
    told = {one.alarm for one in desk.alarms()}
    wrong = {AlarmId.REFILL_DISCREPANCY, AlarmId.POCKET_FILL} & told
    desk.that(not wrong, "RES-07", "nothing is missing: the pump infused it", shown(told))


def test_hours_between_two_resets_are_not_forgotten(subject: Subject) -> None:
    """No sample comes in them, and somebody acknowledges an alarm meanwhile."""
    desk = subject.desk()
    desk.wait(120)
    desk.let(reads={"catheter_pulse_pa": None})
    desk.wait(10)
    desk.power_cycle()
    desk.miss(180)
    for one in desk.alarms():
        desk.do(m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence))
    desk.power_cycle(1)
    desk.wait(5)
    delivered_holds(desk, "RST-03")


@pytest.mark.parametrize("hours", [-24, -2, 2, 24])
def test_a_clock_that_was_never_set_tells_no_downtime(subject: Subject, hours: int) -> None:
    """Supply goes between the command and the clock."""
    desk = subject.desk()
    desk.wait(PRIMED_MIN)
    now_s = START_S + desk.minutes * 60
    desk.must_do(m.SetClock(rtc_s=now_s + hours * 3_600), "TIM-06")
    desk.power_cycle(10)
    desk.wait(5)
    delivered_holds(desk, "TIM-06")


def test_a_clock_that_is_not_read_now_and_then_is_sound(subject: Subject) -> None:
    """One reading in ten is missing, for hours, and never two in a row."""
    desk = subject.desk()
    desk.wait(60)
    for _ in range(20):
        desk.let(reads={"rtc_s": None})
        desk.minute()
        desk.let(reads={})
        desk.wait(9)
        none = AlarmId.CLOCK_INVALID not in desk.present()
        desk.that(none, "TIM-05", "no clock_invalid", desk.standing())


@pytest.mark.parametrize("off_s", [-86_400, -3_600])
def test_a_clock_that_comes_back_early_is_told(subject: Subject, off_s: int) -> None:
    """It says that it is valid, and nobody can live before what was read already."""
    desk = subject.desk()
    desk.wait(PRIMED_MIN)
    desk.let(rtc_off_s=off_s)
    desk.power_cycle(10)
    after = desk.minutes_to(AlarmId.CLOCK_INVALID, 5)
    desk.that(after is not None, "TIM-05", "clock_invalid within 5 min", desk.standing())


def test_resets_that_lie_days_apart_are_none_of_a_day(subject: Subject) -> None:
    """Each a time without supply, of 30 h."""
    desk = subject.desk()
    desk.wait(60)
    for _ in range(4):
        desk.power_cycle(30 * 60)
        desk.wait(5)
        none = AlarmId.RESETS not in desk.present()
        desk.that(none, "RST-04", "no alarm: one in 30 h", desk.standing())


# ---- what adds up, and what stays


@pytest.mark.parametrize("nl_per_min", [60e3, 120e3, 200e3])
@pytest.mark.parametrize("filled_nl", [5e6, 15e6])
def test_a_rise_adds_up(subject: Subject, filled_nl: float, nl_per_min: float) -> None:
    """A needle that fills slowly; each step is within the level's noise."""
    refill = REFILL.model_copy(update={"filled_nl": round(filled_nl)})
    desk = subject.desk(refill)
    desk.wait(60)
    begin_nl = desk.pump.level_nl
    desk.let(leak_nl_per_h=-60 * nl_per_min)
    after = desk.minutes_to(AlarmId.TAMPERING, 15)
    seen = f"{desk.standing()}; {(desk.pump.level_nl - begin_nl) / 1e6:.2f} mL are in"
    desk.that(after is not None, "RES-07", "tampering within 15 min", seen)


def test_what_is_refused_before_a_reset_is_refused_after_it(subject: Subject) -> None:
    """A rinse that left drug behind: nobody may take the pump out."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 9_000_000}))
    desk.wait(60)
    begin(desk)
    desk.let(level_nl=desk.pump.level_nl - 7.4e6 + 18e6)
    desk.wait(2)
    commit(desk, 7.4e6, 18e6, drug="saline", concentration_ng_per_ml=0)
    for _ in range(2):
        desk.wait(10)
        reply = desk.do(m.Explant())
        words = "refused: 1.6 mL of the drug were left behind"
        desk.that(isinstance(reply, m.Refused), "RES-13", words, reply)
        desk.power_cycle(1)
