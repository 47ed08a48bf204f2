"""What nobody saw: samples, readings and time that are missing, and what became of it meanwhile."""

from typing import Any, Final

import pytest

from hil.testing.desk import MINUTE, Desk
from hil.testing.refilling import begin, commit
from hil.testing.steady import REFILL
from hil.testing.subject import Subject
from hil.testing.suite.test_dose import PRIMED_MIN
from hil.testing.suite.test_interplay import refill_all
from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, ResetCause, Sounder

DAY = 1_440
TEN_ML: Final = REFILL.model_copy(update={"filled_nl": 10_000_000})
NO_LEVEL: Final = {"reads": {"fill_level_nl": None}}
PA_STEPS: Final = 100
FAST_NL_PER_KPA: Final = 500
WRONG: Final = {AlarmId.BOLUS_PATH_INJECTION, AlarmId.DOSE_LIMIT}


def refuses(desk: Desk, filled_nl: float) -> None:
    """So much more does not fit in."""
    reply = commit(desk, 0, filled_nl)
    words = f"refused: {filled_nl / 1e6:g} mL do not fit beside what is left"
    desk.that(isinstance(reply, m.Refused), "RES-08", words, reply)


@pytest.mark.parametrize("minutes", [10, 70, 600])
def test_room_is_not_made_by_samples_that_are_missing(subject: Subject, minutes: int) -> None:
    """What was there is there, less what the pump has infused."""
    desk = subject.desk()
    desk.wait(60)
    desk.miss(minutes)
    desk.must_do(m.BeginRefill(), "RES-05")
    refuses(desk, 28e6)


def test_room_is_not_made_by_a_refill_a_moment_ago(subject: Subject) -> None:
    """As it was declared, there is none."""
    desk = subject.desk()
    desk.wait(60)
    begin(desk)
    left_nl = desk.pump.level_nl
    reply = commit(desk, left_nl, 28e6)
    desk.that(isinstance(reply, m.Done), "RES-05", "a refill that is taken", reply)
    desk.must_do(m.BeginRefill(), "RES-05")
    refuses(desk, 28e6)


@pytest.mark.parametrize("back_min", [0, 2])
def test_a_fill_that_did_not_arrive_is_told_by_a_level_that_is_back(
    subject: Subject, back_min: int
) -> None:
    """In the window or after it: whatever was there before, so much is not in it."""
    desk = subject.desk(TEN_ML)
    desk.wait(60)
    desk.let(**NO_LEVEL)
    desk.wait(90)
    begin(desk)
    if not back_min:
        desk.let(reads={})
        desk.wait(3)
    reply = commit(desk, 0, 18e6)
    desk.that(isinstance(reply, m.Done), "RES-05", "a refill that is taken", reply)
    desk.wait(back_min)
    desk.let(reads={})
    after = desk.minutes_to(AlarmId.POCKET_FILL, 15)
    desk.that(after is not None, "RES-07", "pocket_fill within 15 min", desk.standing())


@pytest.mark.parametrize("minutes", [0, 5, 120])
def test_what_a_window_saw_and_nobody_declared_is_no_level(subject: Subject, minutes: int) -> None:
    """Emptied and filled again, and the window aborted before another sample."""
    desk = subject.desk(TEN_ML)
    desk.wait(60)
    left_nl = desk.pump.level_nl
    desk.must_do(m.BeginRefill(), "RES-05")
    desk.let(level_nl=400_000.0)
    desk.wait(1)
    desk.let(level_nl=left_nl)
    desk.must_do(m.AbortRefill(), "RES-05")
    if minutes:
        desk.miss(minutes)
    wrong = {AlarmId.EMPTY_RESERVOIR, AlarmId.LOW_RESERVOIR} & desk.present()
    desk.that(not wrong, "RES-01", "no alarm of the reservoir: 10 mL are in it", desk.standing())
    reply = desk.do(m.Explant())
    desk.that(isinstance(reply, m.Refused), "RES-13", "refused: drug is in it", reply)


@pytest.mark.parametrize("how", ["aborted", "left to end"])
def test_a_window_in_which_nothing_was_declared_ends_no_alarm(subject: Subject, how: str) -> None:
    """What the level had told stands until it tells otherwise, for hours."""
    desk = subject.desk()
    desk.let(restrictor=1.3)
    after = desk.minutes_to(AlarmId.BALANCE_FAULT, DAY)
    desk.that(after is not None, "FLW-06", "balance_fault within a day", desk.standing())
    begin(desk)
    if how == "aborted":
        desk.must_do(m.AbortRefill(), "FLW-08")
    for _ in range(4):
        desk.wait(15)
        stands = AlarmId.BALANCE_FAULT in desk.present()
        desk.that(stands, "FLW-08", "balance_fault still", desk.standing())


@pytest.mark.parametrize("how", ["aborted before", "with an access open"])
def test_what_went_another_way_is_dose_whatever_was_declared(subject: Subject, how: str) -> None:
    """A hand presses a fill through the bolus path, and it is committed later."""
    desk = subject.desk(TEN_ML)
    desk.wait(PRIMED_MIN)
    before_ng = desk.status().dose_total_ng or 0
    if how == "with an access open":
        access = m.BeginBolusAccess(drug="saline", concentration_ng_per_ml=0)
        desk.must_do(access, "RES-12")
    begin(desk)
    desk.let(artery_pa=42e3)
    desk.wait(2)
    desk.let(artery_pa=12_400.0)
    desk.wait(2)
    if how == "aborted before":
        desk.must_do(m.AbortRefill(), "RES-05")
        begin(desk)
    commit(desk, 0, 10e6)
    desk.wait(5)
    gained_ng = (desk.status().dose_total_ng or 0) - before_ng
    least_ng = 0.9 * 10 * REFILL.concentration_ng_per_ml
    words = f"at least {least_ng:.0f} ng more: nothing of the fill is in the reservoir"
    desk.that(gained_ng >= least_ng, "RES-12", words, gained_ng)


@pytest.mark.parametrize("celsius", [35.0, 37.0, 39.0])
@pytest.mark.parametrize("days", [1, 3, 5])
def test_what_is_left_after_days_without_supply_or_level(
    subject: Subject, days: int, celsius: float
) -> None:
    """The clock tells how long; how warm it was nobody knows."""
    desk = subject.desk(TEN_ML)
    desk.wait(60)
    desk.let(**NO_LEVEL)
    desk.wait(5)
    warmth_mk = (celsius + 273.15) * 1e3
    desk.let(temperature_mk=warmth_mk)
    desk.power_cycle(days * DAY)
    desk.let(temperature_mk=310_150.0)
    desk.wait(5)
    told, left_nl = desk.status().residual_volume_nl, desk.pump.level_nl
    desk.bounds(told, left_nl, "RES-01", "nL")


@pytest.mark.parametrize("lived", [0, 600])
@pytest.mark.parametrize("restrictor", [0.0, 0.3, 0.7, 1.3, 1.6, 2.5])
def test_what_is_found_late_is_within_the_bounds_from_then_on(
    subject: Subject, restrictor: float, lived: int
) -> None:
    """The level tells, hours later, that the pressures are wrong, or were all along."""
    desk = subject.desk()
    desk.wait(lived)
    desk.let(restrictor=restrictor)
    after = desk.minutes_to(AlarmId.BALANCE_FAULT, DAY)
    desk.that(after is not None, "FLW-06", "balance_fault within a day", desk.standing())
    for _ in range(6):
        flowed_nl = REFILL.filled_nl - desk.pump.level_nl
        status, flow_nl_per_h = desk.status(), desk.pump.flow_nl_per_h()
        told = status.delivered_total_between_nl
        desk.bounds(told, flowed_nl, "DOS-01", "nL, which left")
        desk.bounds(status.flow_nl_per_h, flow_nl_per_h, "FLW-01", "nL/h")
        spare_nl = desk.pump.level_nl - desk.configuration.low_volume_nl
        low_s, due_s = spare_nl / max(flow_nl_per_h, 1.0) * 3_600, status.refill_due_in_s
        words = f"a refill due in {low_s / 86_400:.1f} d at most: low by then"
        desk.that(due_s is None or due_s <= low_s, "RES-03", words, due_s)
        desk.wait(60)


def test_no_more_leaves_than_there_was(subject: Subject) -> None:
    """Five days without supply, and the level had been silent before."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 3_500_000}))
    desk.wait(60)
    desk.let(**NO_LEVEL)
    desk.wait(120)
    desk.power_cycle(5 * DAY)
    desk.wait(5)
    told = desk.status().delivered_total_between_nl
    holds = told is None or told.low <= 3_500_000
    desk.that(holds, "DOS-01", "bounds that begin below 3.5 mL, all there was", told)


@pytest.mark.parametrize("minutes", [5, 60, 600])
def test_nobody_counts_while_no_sample_comes(subject: Subject, minutes: int) -> None:
    """Flow goes on, and bounds of what has left hold it, or there are none."""
    desk = subject.desk()
    desk.wait(PRIMED_MIN)
    desk.miss(minutes)
    status, out_nl = desk.status(), REFILL.filled_nl - desk.pump.level_nl
    given_ng = (out_nl - desk.configuration.catheter_volume_nl) * REFILL.concentration_ng_per_ml
    desk.bounds(status.delivered_total_between_nl, out_nl, "SEN-06", "nL, which left")
    desk.bounds(status.delivered_since_refill_between_nl, out_nl, "SEN-06", "nL, which left")
    desk.bounds(status.dose_total_between_ng, given_ng / 1e6, "SEN-06", "ng, which were given")


def test_nothing_is_sure_to_arrive_through_a_catheter_that_is_off(subject: Subject) -> None:
    """It is told within two hours; from when on it was off is within the bounds, too."""
    desk = subject.desk()
    desk.wait(2 * PRIMED_MIN)
    arrived_nl = REFILL.filled_nl - desk.pump.level_nl
    given_ng = (arrived_nl - desk.configuration.catheter_volume_nl) / 1e6
    given_ng *= REFILL.concentration_ng_per_ml
    desk.let(artery_pa=2e3)
    after = desk.minutes_to(AlarmId.CATHETER_DISCONNECT, 120)
    desk.that(after is not None, "OCC-05", "catheter_disconnect within 2 h", desk.standing())
    for _ in range(6):
        status = desk.status()
        desk.bounds(status.delivered_total_between_nl, arrived_nl, "DOS-01", "nL, which arrived")
        desk.bounds(status.dose_total_between_ng, given_ng, "DOS-01", "ng, which arrived")
        desk.wait(60)


WARMER: Final = {AlarmId.OVER_INFUSION: 3_500.0, AlarmId.UNDER_INFUSION: -9_000.0}
"""Millikelvin, by which the flow is out of its tolerance."""


def ramp(desk: Desk, to_mk: float) -> None:
    """By no more than a thermometer may jump from sample to sample."""
    while desk.pump.temperature_mk != to_mk:
        off_mk = to_mk - desk.pump.temperature_mk
        desk.let(temperature_mk=desk.pump.temperature_mk + max(-1_500.0, min(off_mk, 1_500.0)))
        desk.minute()


@pytest.mark.parametrize("alarm", WARMER, ids=lambda alarm: alarm.name.lower())
def test_what_was_out_of_tolerance_runs_down(subject: Subject, alarm: AlarmId) -> None:
    """For 40 min, in order for four hours, and for 40 min again: never for an hour."""
    desk = subject.desk()
    desk.wait(5 * 60)
    for _ in range(2):
        ramp(desk, 310_150.0 + WARMER[alarm])
        desk.wait(30)
        none = alarm not in desk.present()
        desk.that(none, "FLW-05", f"no {alarm.name.lower()} yet", desk.standing())
        ramp(desk, 310_150.0)
        desk.wait(4 * 60)


def test_a_cold_fill_masks_no_stop(subject: Subject) -> None:
    """Too little flow is expected while it warms up, none at all is not."""
    desk = subject.desk()
    desk.wait(60)
    begin(desk)
    commit(desk, desk.pump.level_nl, desk.pump.level_nl)
    ramp(desk, 306_150.0)
    desk.let(artery_pa=232e3)
    after = desk.minutes_to(AlarmId.FLOW_STOP, 3)
    desk.that(after is not None, "FLW-08", "flow_stop within 3 min", desk.standing())


@pytest.mark.parametrize("minutes", [20, 45])
def test_a_clot_that_lets_go_before_its_alarm_is_told(subject: Subject, minutes: int) -> None:
    """It held liquid back for long enough to matter."""
    desk = subject.desk()
    desk.wait(60)
    desk.let(artery_pa=30e3)
    desk.wait(minutes)
    desk.let(artery_pa=12_400.0)
    desk.wait(3)
    released = desk.happened(EventKind.OCCLUSION_RELEASED)
    desk.that(released, "OCC-03", "an event with what was held back", "none")


def test_what_the_pressures_may_be_off_is_no_fault_after_a_reset_either(subject: Subject) -> None:
    """A restrictor 2 % fast, for a week: level and pressures differ by what both may be off."""
    desk = subject.desk()
    desk.let(restrictor=1.02)
    for _ in range(2):
        desk.wait(4 * DAY)
        none = AlarmId.BALANCE_FAULT not in desk.present()
        desk.that(none, "FLW-06", "no balance_fault: it is within what is allowed", desk.standing())
        desk.power_cycle()


def test_what_is_near_stays_near(subject: Subject) -> None:
    """A shorter interval is written while a refill is called to mind."""
    desk = subject.desk(refill_interval_s=90 * 86_400, drug_stability_s=90 * 86_400)
    after = desk.minutes_to(AlarmId.REFILL_DUE, 7 * DAY)
    desk.that(after is not None, "RES-04", "refill_due, 14 d before it is low", desk.standing())
    new = desk.configuration.model_copy(update={"refill_interval_s": 14 * 86_400})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=new), "FLW-07")
    desk.wait(2)
    due = AlarmId.REFILL_DUE in desk.present()
    desk.that(due, "RES-04", "refill_due still: the date only came nearer", desk.standing())


@pytest.mark.parametrize("by_nl", [2_000_000, -2_000_000])
def test_a_channel_that_spikes_is_no_needle(subject: Subject, by_nl: int) -> None:
    """Alone, and again, and again: the sensor is at fault."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 20_000_000}))
    desk.wait(60)
    for minutes in (4, 2, 2, 3, 5):
        desk.let(bias={"fill_level_nl": by_nl})
        desk.minute()
        desk.let(bias={})
        desk.wait(minutes)
        wrong = AlarmId.TAMPERING in desk.present()
        desk.that(not wrong, "SEN-04", "no tampering: each spike stands alone", desk.standing())


LAST: Final[dict[str, dict[str, Any]]] = {
    "a spike, then silence": {"reservoir_pressure_pa": 320_000},
    "a battery that jumps": {"reservoir_pressure_pa": None, "battery_mv": 2_500},
}


@pytest.mark.parametrize("how", LAST)
def test_no_evidence_is_none_whatever_the_last_of_it_was(subject: Subject, how: str) -> None:
    """Neither what a channel read before it died nor another one's jump tells a flow."""
    desk = subject.desk()
    desk.wait(60)
    desk.let(**NO_LEVEL)
    desk.wait(5)
    desk.let(reads={"fill_level_nl": None, **LAST[how]})
    desk.minute()
    desk.let(reads={"fill_level_nl": None, "reservoir_pressure_pa": None})
    after = desk.minutes_to(AlarmId.UNMONITORED, 5)
    desk.that(after is not None, "SEN-07", "unmonitored within 5 min", desk.standing())


def test_another_channels_jump_ends_no_silence(subject: Subject) -> None:
    """Once there is no evidence, a battery that jumps is none."""
    desk = subject.desk()
    desk.wait(60)
    gone = {"fill_level_nl": None, "reservoir_pressure_pa": None}
    desk.let(reads=gone)
    after = desk.minutes_to(AlarmId.UNMONITORED, 5)
    desk.that(after is not None, "SEN-07", "unmonitored within 5 min", desk.standing())
    for battery_mv in (2_500, 2_900, 2_500):
        desk.let(reads={**gone, "battery_mv": battery_mv})
        desk.minute()
        standing = AlarmId.UNMONITORED in desk.present()
        desk.that(standing, "SEN-07", "unmonitored still", desk.standing())


@pytest.mark.parametrize("hours", [10, 20, 25, 40])
def test_what_has_long_passed_is_not_to_come(subject: Subject, hours: int) -> None:
    """A window from before a long time without supply ends, and silence is told after it."""
    desk = subject.desk()
    desk.wait(60)
    desk.must_do(m.BeginRefill(), "FLW-08")
    desk.wait(2)
    desk.power_cycle(hours * 60)
    desk.wait(2)
    desk.that(not desk.status().refill_open, "FLW-08", "a window that has ended", "open")
    desk.miss(5)
    told = AlarmId.UNMONITORED in desk.present()
    desk.that(told, "SEN-06", "unmonitored: no sample came for 5 min", desk.standing())


@pytest.mark.parametrize("off_min", [0, 120])
def test_what_began_after_a_boot_is_no_older_than_that(subject: Subject, off_min: int) -> None:
    """Before the first sample nobody has counted the time without supply yet."""
    desk = subject.desk()
    desk.wait(95)
    desk.power_cycle(off_min)
    desk.must_do(m.BeginRefill(), "FLW-08")
    desk.wait(20)
    desk.that(desk.status().refill_open, "FLW-08", "a window that is open for 20 min", "closed")


@pytest.mark.parametrize("minutes", [3, 4, 30, 120])
def test_a_rise_over_a_gap_is_no_injection(subject: Subject, minutes: int) -> None:
    """A catheter clogs while no sample comes."""
    desk = subject.desk()
    desk.wait(90)
    with desk.silent(minutes):
        desk.run_to(desk.ticks + minutes * MINUTE)
        desk.let(artery_pa=24_000.0)
    desk.wait(5)
    wrong = WRONG & desk.present()
    desk.that(not wrong, "OCC-07", "no injection: nobody saw how fast it rose", desk.standing())


@pytest.mark.parametrize("minutes", [3, 5])
def test_a_release_that_nobody_saw_is_told_when_the_catheter_reads_again(
    subject: Subject, minutes: int
) -> None:
    """What was held back has left, as a possible bolus."""
    desk = subject.desk()
    desk.wait(60)
    desk.let(artery_pa=60e3)
    after = desk.minutes_to(AlarmId.OCCLUSION, 90)
    desk.that(after is not None, "OCC-01", "occlusion within 90 min", desk.standing())
    desk.let(reads={"catheter_pressure_pa": None})
    desk.wait(minutes)
    desk.let(artery_pa=12_400.0, reads={})
    desk.wait(12)
    released = desk.happened(EventKind.OCCLUSION_RELEASED)
    desk.that(released, "OCC-03", "an event with what was held back", "none")


@pytest.mark.parametrize("off_min", [0, 30])
@pytest.mark.parametrize(
    ("artery_pa", "alarm"), [(60e3, AlarmId.OCCLUSION), (26e3, AlarmId.PARTIAL_OCCLUSION)]
)
def test_a_release_without_supply_is_told_after_it(
    subject: Subject, artery_pa: float, alarm: AlarmId, off_min: int
) -> None:
    """A clot lets go while the device is off."""
    desk = subject.desk()
    desk.wait(60)
    desk.let(artery_pa=artery_pa)
    after = desk.minutes_to(alarm, 120)
    words = f"{alarm.name.lower()} within 2 h"
    desk.that(after is not None, "OCC-02", words, desk.standing())
    desk.wait(5)
    desk.power_cycle(off_min)
    desk.let(artery_pa=12_400.0)
    desk.wait(12)
    released = desk.happened(EventKind.OCCLUSION_RELEASED)
    desk.that(released, "OCC-03", "an event with what was held back", "none")


@pytest.mark.parametrize("channel", ["reservoir_pressure_pa", "fill_level_nl", "temperature_mk"])
def test_a_channel_that_comes_and_goes_is_told(subject: Subject, channel: str) -> None:
    """A loose contact: two of three samples are missing, and never three in a row."""
    desk = subject.desk()
    desk.wait(60)
    for _ in range(10):
        desk.let(reads={channel: None})
        desk.wait(2)
        desk.let(reads={})
        desk.wait(1)
    told = AlarmId.SENSOR_FAULT in desk.present()
    desk.that(told, "SEN-01", "sensor_fault within half an hour", desk.standing())


def test_what_a_fast_pump_infused_meanwhile_is_not_missing(subject: Subject) -> None:
    """The level is silent for four hours from a refill on, and a fifth of the fill has left."""
    desk = subject.desk(nominal_flow_nl_per_h=250_000, calibration_flow_nl_per_h=250_000)
    desk.wait(60)
    begin(desk)
    taken_nl = desk.pump.level_nl
    desk.let(level_nl=5e6, **NO_LEVEL)
    commit(desk, taken_nl, 5e6)
    desk.wait(230)
    desk.let(reads={})
    desk.wait(10)
    told = [one.alarm for one in desk.told]
    wrong = AlarmId.REFILL_DISCREPANCY in told or AlarmId.POCKET_FILL in told
    desk.that(not wrong, "RES-07", "nothing is missing: the pump infused it", told)


@pytest.mark.parametrize(("every_min", "told"), [(2, True), (60, False)])
def test_a_clock_that_drifts_is_told(subject: Subject, every_min: int, *, told: bool) -> None:
    """A second in so many minutes: half a minute an hour is a fault, as much a day is a crystal."""
    desk = subject.desk()
    for gained_s in range(1, 4 * 60 // every_min):
        desk.let(rtc_off_s=gained_s)
        desk.wait(every_min)
    wrong = AlarmId.CLOCK_INVALID in desk.present()
    words = f"{'clock_invalid' if told else 'no clock_invalid'}: a second in {every_min} min"
    desk.that(wrong == told, "TIM-05", words, desk.standing())


@pytest.mark.parametrize("minutes", [10, 240, 1_440])
def test_a_fever_that_nobody_saw_is_within_the_bounds(subject: Subject, minutes: int) -> None:
    """It came and went while no sample came."""
    desk = subject.desk()
    desk.wait(60)
    desk.let(temperature_mk=313_150.0)
    desk.miss(minutes)
    desk.let(temperature_mk=310_150.0)
    desk.wait(5)
    flowed_nl = REFILL.filled_nl - desk.pump.level_nl
    told = desk.status().delivered_total_between_nl
    desk.bounds(told, flowed_nl, "DOS-01", "nL, which left")


@pytest.mark.parametrize("per_min_pa", [1_500, 4_000])
def test_a_transient_is_as_fast_as_it_was(subject: Subject, per_min_pa: int) -> None:
    """Two samples were missing: what is told of it is a minute's change, and only of a fast one."""
    desk = subject.desk()
    desk.wait(30)
    desk.let(reads={"pocket_pressure_pa": None}, pocket_pa=101_300.0 - per_min_pa)
    desk.wait(1)
    desk.let(pocket_pa=101_300.0 - 2 * per_min_pa)
    desk.wait(1)
    desk.let(reads={}, pocket_pa=101_300.0 - 3 * per_min_pa)
    desk.wait(1)
    told = [event.value for event in desk.happened(EventKind.PRESSURE_TRANSIENT)]
    fair = not told or abs(told[0] + per_min_pa) < PA_STEPS
    words = f"no more than {per_min_pa} Pa in a minute"
    desk.that(fair, "ENV-04", words, told)


def test_what_flowed_before_a_boot_is_no_flow_of_now(subject: Subject) -> None:
    """Ten hours without supply, and a fever meanwhile: before the first sample nobody knows."""
    desk = subject.desk()
    desk.wait(60)
    desk.let(temperature_mk=313_150.0)
    desk.power_cycle(10 * 60)
    told, flow_nl_per_h = desk.status().flow_nl_per_h, desk.pump.flow_nl_per_h()
    desk.bounds(told, flow_nl_per_h, "FLW-01", "nL/h")


@pytest.mark.parametrize("compliance", [0, 100, 500])
def test_a_clot_in_a_stiff_catheter_is_no_injection(subject: Subject, compliance: int) -> None:
    """Behind it the pressure climbs as fast as the pump fills it, up to the reservoir's."""
    flow = 250_000 if compliance == FAST_NL_PER_KPA else 54_000
    desk = subject.desk(
        catheter_compliance_nl_per_kpa=compliance,
        nominal_flow_nl_per_h=flow,
        calibration_flow_nl_per_h=flow,
    )
    desk.wait(30)
    for _ in range(60):
        pump = desk.pump
        room_pa = pump.reservoir_pa() - pump.catheter_pa()
        climb_pa = pump.flow_nl_per_h() / 60 / compliance * 1e3 if compliance else room_pa
        desk.let(artery_pa=pump.artery_pa + min(climb_pa, room_pa))
        desk.wait(1)
    told = [one.alarm for one in desk.told]
    wrong = AlarmId.BOLUS_PATH_INJECTION in told
    desk.that(not wrong, "OCC-07", "no injection: a clot raised it", told)
    found = {AlarmId.OCCLUSION, AlarmId.FLOW_STOP} & {*told}
    desk.that(found, "OCC-01", "occlusion, or flow_stop, within an hour", told)


def test_an_altitude_ends_though_its_channel_was_missing_at_the_boot(subject: Subject) -> None:
    """What was taken up from memory ends with the first reading that denies it."""
    desk = subject.desk()
    desk.wait(10)
    for pocket_pa in (86e3, 72e3):
        desk.let(pocket_pa=pocket_pa)
        desk.minute()
    after = desk.minutes_to(AlarmId.AMBIENT_PRESSURE, 15)
    desk.that(after is not None, "ENV-02", "ambient_pressure", desk.standing())
    desk.let(reads={"pocket_pressure_pa": None})
    desk.power_cycle()
    desk.wait(2)
    for pocket_pa in (86e3, 101_300.0):
        desk.let(pocket_pa=pocket_pa, reads={})
        desk.wait(2)
    desk.wait(20)
    desk.let(reads={"battery_mv": None})
    desk.wait(3)
    over = AlarmId.AMBIENT_PRESSURE not in desk.present()
    desk.that(over, "ENV-02", "no ambient_pressure at sea level", desk.standing())


@pytest.mark.parametrize("missing_min", [0, 60])
def test_a_refill_cures_at_once(subject: Subject, missing_min: int) -> None:
    """What was low is not, as soon as it is declared; samples may be missing."""
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 2_000_000}))
    desk.wait(20)
    desk.let(level_nl=1_100_000.0)
    desk.wait(10)
    desk.must_do(m.BeginRefill(), "RES-05")
    reply = commit(desk, 500_000, 25e6)
    desk.that(isinstance(reply, m.Done), "RES-05", "a refill that is taken", reply)
    if missing_min:
        desk.miss(missing_min)
    cured = {AlarmId.LOW_RESERVOIR, AlarmId.EMPTY_RESERVOIR} & desk.present()
    desk.that(not cured, "RES-05", "no alarm of the reservoir", desk.standing())


def test_no_dose_has_bounds_once_the_liquid_is_unknown(subject: Subject) -> None:
    """A needle that nobody announced put in who knows what."""
    desk = subject.desk(TEN_ML)
    desk.wait(PRIMED_MIN)
    desk.let(level_nl=desk.pump.level_nl + 15e6)
    after = desk.minutes_to(AlarmId.TAMPERING, 3)
    desk.that(after is not None, "RES-07", "tampering within 3 min", desk.standing())
    told = desk.status().dose_total_between_ng
    desk.that(told is None, "DOS-01", "no bounds of the dose", told)


@pytest.mark.parametrize("filled_ml", [28, 5])
def test_stiff_bellows_contradict_nothing_where_no_level_tells(
    subject: Subject, filled_ml: int
) -> None:
    """They bear more or less of the pressure as the reservoir is full; so much is reckoned."""
    filled = REFILL.model_copy(update={"filled_nl": filled_ml * 1_000_000})
    desk = subject.desk(filled, bellows_rate_pa_per_ml=1_000)
    desk.wait(60)
    desk.let(**NO_LEVEL)
    desk.wait(240)
    wrong = {AlarmId.SENSOR_CONFLICT, AlarmId.PROPELLANT_LOW} & desk.present()
    desk.that(not wrong, "OCC-07", "no contradiction: nothing else is wrong", desk.standing())


def test_another_length_of_another_step_moves_no_step(subject: Subject) -> None:
    """The plan is written anew after a fill that renewed the same drug."""
    step = m.PlanStep(drug=REFILL.drug, duration_s=4 * 86_400)
    plan = (step, m.PlanStep(drug="saline", duration_s=4 * 86_400))
    desk = subject.desk(REFILL.model_copy(update={"filled_nl": 12_000_000}), plan=plan)
    desk.wait(2 * DAY)
    refill_all(desk)
    longer = (step, m.PlanStep(drug="saline", duration_s=6 * 86_400))
    new = desk.configuration.model_copy(update={"plan": longer})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=new), "FLW-07")
    desk.wait(2 * DAY)
    refill_all(desk, drug="saline", concentration_ng_per_ml=0)
    called = AlarmId.OFF_PLAN not in desk.present()
    desk.that(called, "DOS-09", "no off_plan: saline is called for after 4 d", desk.standing())


def test_one_more_of_what_was_acknowledged_is_heard(subject: Subject) -> None:
    """Resets that go on, closer than any reminder: each is news to whoever knew of the last."""
    desk = subject.desk()
    for _ in range(5):
        desk.wait(20)
        desk.power_cycle()
    one = desk.occurrence(AlarmId.RESETS)
    desk.that(one is not None, "RST-04", "resets: five within 2 h", desk.standing())
    for _ in range(3):
        for each in desk.alarms():
            body = m.AcknowledgeAlarm(alarm=each.alarm, occurrence=each.occurrence)
            desk.must_do(body, "ALM-04")
        desk.wait(20)
        desk.power_cycle()
        desk.wait(1)
        again = desk.occurrence(AlarmId.RESETS)
        fresh = again is not None and not again.acknowledged
        desk.that(fresh, "ALM-04", "an occurrence of resets to be acknowledged", again)
        heard = desk.sounder is not Sounder.OFF
        desk.that(heard, "RST-04", "a sounder that plays", desk.sounder.name.lower())


def test_another_fault_of_the_logic_is_heard(subject: Subject) -> None:
    """Acknowledged, and a second one before a sample could end it."""
    desk = subject.desk()
    desk.wait(20)
    for _ in range(2):
        desk.power_cycle(cause=ResetCause.FIRMWARE_FAULT)
        one = desk.occurrence(AlarmId.FIRMWARE_FAULT)
        fresh = one is not None and not one.acknowledged
        desk.that(fresh, "ALM-04", "a firmware_fault to be acknowledged", one)
        assert one is not None
        body = m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence)
        desk.must_do(body, "ALM-04")
        desk.run_s(20)
