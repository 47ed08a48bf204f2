"""What nobody saw, and what lies beyond what any logic must show; see `hil.testing.suite`."""

import pytest

from hil.testing.desk import MINUTE, Desk
from hil.testing.refilling import refilled
from hil.testing.steady import CONFIGURATION, REFILL
from protocol import messages as m
from protocol.vocabulary import AlarmId, Cause, EventKind, Propellant, RefillReason, ResetCause
from pumpsim.firmware import ReferenceLogic

DAY = 1_440
SPARE = 50  # of so many bytes one is spoiled


def implanted(filled_nl: int = 28_000_000) -> Desk:
    return Desk(ReferenceLogic).implant(REFILL.model_copy(update={"filled_nl": filled_nl}))


def memory_lost(desk: Desk) -> None:
    """Both copies are spoiled, and the pump boots."""
    desk.chip.sync()
    spoiled = [address for area in desk.chip.areas() for address in area[::SPARE]]
    desk.chip = desk._own_chip = desk.chip.spoiled(spoiled)
    desk.boot(ResetCause.BROWN_OUT)
    desk.sample()


def test_what_latched_hides_no_cause_of_what_stands() -> None:
    """SEN-05: a restrictor was blocked, hours ago; then the patient is hot."""
    desk = implanted()
    desk.wait(60)
    for restrictor in (0.0, 1.0):
        desk.let(restrictor=restrictor)
        desk.wait(600)
    assert AlarmId.FLOW_STOP not in desk.present()
    desk.let(temperature_mk=313_450.0)
    assert desk.minutes_to(AlarmId.TEMPERATURE_HIGH, 120) is not None
    assert {Cause.HEAT, Cause.RESTRICTOR_SLOW} <= set(desk.status().causes)


def test_what_latched_while_it_was_low_may_have_been_an_empty_reservoir() -> None:
    """SEN-05: it has been filled since, and nobody has acknowledged what it led to."""
    desk = implanted()
    desk.wait(60)
    desk.let(level_nl=800_000.0)
    desk.wait(5)
    desk.let(artery_pa=256e3)
    desk.wait(5)
    desk.let(artery_pa=12_400.0)
    desk.wait(5)
    assert Cause.RESERVOIR_EMPTY in desk.status().causes
    refilled(desk, taken_nl=200e3, put_nl=25e6)
    desk.wait(10)
    assert AlarmId.REVERSE_FLOW not in desk.present()
    assert Cause.RESERVOIR_EMPTY in desk.status().causes


def test_what_a_leak_has_cost_hides_no_cause_of_what_stands() -> None:
    """SEN-05, FLW-06: it is missed until the next refill, and the leak is mended."""
    desk = implanted()
    desk.wait(60)
    desk.let(leak_nl_per_h=146_000.0)
    desk.wait(600)
    desk.let(leak_nl_per_h=0.0)
    desk.wait(600)
    assert AlarmId.BALANCE_FAULT in desk.present()
    desk.let(temperature_mk=313_450.0)
    assert desk.minutes_to(AlarmId.TEMPERATURE_HIGH, 120) is not None
    assert {Cause.HEAT, Cause.SEPTUM_LEAK} <= set(desk.status().causes)


def test_what_levels_have_borne_out_is_compared_no_more_after_a_reset() -> None:
    """RES-07, RST-02: days later the pump has infused a tenth of the fill."""
    desk = implanted()
    desk.wait(300)
    refilled(desk, taken_nl=desk.pump.level_nl - 600e3, put_nl=27.4e6)
    desk.wait(30)
    desk.power_cycle(60 * 60)
    desk.wait(10)
    assert not {one.alarm for one in desk.alarms()} & {
        AlarmId.REFILL_DISCREPANCY,
        AlarmId.POCKET_FILL,
    }


def test_while_no_sample_comes_nobody_tells_bounds() -> None:
    """SEN-06, DOS-01: what flows meanwhile is in none."""
    desk = implanted()
    desk.wait(300)
    desk.miss(60)
    status = desk.status()
    assert status.delivered_total_between_nl is None
    assert status.delivered_since_refill_between_nl is None
    assert status.dose_total_between_ng is None
    desk.wait(2)
    told, out_nl = desk.status().delivered_total_between_nl, 28_000_000 - desk.pump.level_nl
    assert told is not None
    assert told.low <= out_nl <= told.high


def test_what_leaves_a_catheter_that_is_off_may_not_arrive() -> None:
    """OCC-05, DOS-01: from before it was found."""
    desk = implanted()
    desk.wait(500)
    arrived_nl = 28_000_000 - desk.pump.level_nl
    desk.let(artery_pa=2e3)
    assert desk.minutes_to(AlarmId.CATHETER_DISCONNECT, 120) is not None
    for minutes in (0, 300, 5):
        desk.wait(minutes)
        told = desk.status().delivered_total_between_nl
        assert told is not None
        assert told.low <= arrived_nl
        assert told.high >= 28_000_000 - desk.pump.level_nl
        desk.must_do(m.BeginRefill(), "RES-05")
        desk.wait(5)
        desk.must_do(m.AbortRefill(), "RES-05")


def test_what_leaks_out_of_a_catheter_that_is_off_is_in_doubt_once() -> None:
    """OCC-05, SEN-05: all of it, and no more than all."""
    desk = implanted()
    desk.let(leak_nl_per_h=60e3, artery_pa=2e3)
    desk.wait(600)
    assert {AlarmId.BALANCE_FAULT, AlarmId.CATHETER_DISCONNECT} <= desk.present()
    logic = desk.guard.logic
    assert isinstance(logic, ReferenceLogic)
    account = logic._state.account
    counted_nl, doubted_nl = account.total_nl, account.uncertain_nl
    desk.wait(60)
    assert account.uncertain_nl - doubted_nl == account.total_nl - counted_nl > 0


def test_a_window_that_pressures_count_in_keeps_what_the_level_has_told() -> None:
    """FLW-01, FLW-08: a restrictor is fast, and windows have suspended them for long enough."""
    desk = implanted()
    desk.let(restrictor=1.3)
    desk.wait(12 * 60)
    assert AlarmId.BALANCE_FAULT in desk.present()
    for minutes in (29, 20):
        desk.must_do(m.BeginRefill(), "FLW-08")
        desk.wait(minutes)
        told = desk.status().flow_nl_per_h
        desk.must_do(m.AbortRefill(), "FLW-08")
    assert told is not None
    assert told.low <= desk.pump.flow_nl_per_h() <= told.high


def test_a_reminder_that_stands_is_not_taken_back_by_a_shorter_interval() -> None:
    """RES-04: one that did not stand yet begins as the interval in force has it."""
    long_s = {"refill_interval_s": 90 * 86_400, "drug_stability_s": 90 * 86_400}
    desk = Desk(ReferenceLogic, CONFIGURATION.model_copy(update=long_s)).implant()
    assert desk.minutes_to(AlarmId.REFILL_DUE, 7 * DAY) is not None
    new = desk.configuration.model_copy(update={"refill_interval_s": 14 * 86_400})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=new), "FLW-07")
    desk.wait(2)
    assert AlarmId.REFILL_DUE in desk.present()


def test_a_flush_begun_after_a_boot_is_no_older_than_that() -> None:
    """FLW-08, RST-03: time without supply before it is no part of it."""
    desk = implanted()
    desk.wait(95)
    desk.power_cycle(120)
    desk.must_do(m.BeginBolusAccess(drug="saline", concentration_ng_per_ml=0), "RES-12")
    desk.wait(10)
    desk.let(artery_pa=24e3)
    desk.wait(2)
    desk.let(artery_pa=12_400.0)
    desk.wait(5)
    assert AlarmId.BOLUS_PATH_INJECTION not in desk.present()
    assert all(one.alarm is not AlarmId.BOLUS_PATH_INJECTION for one in desk.told)


@pytest.mark.parametrize("silent_min", [0, 3])
def test_resets_days_apart_are_days_apart_without_a_configuration(silent_min: int) -> None:
    """RST-04: by the clock, as soon as it reads."""
    desk = implanted()
    desk.wait(60)
    memory_lost(desk)
    for _ in range(3):
        desk.wait(10)
        desk.let(reads={"rtc_s": None} if silent_min else {})
        desk.power_cycle(2 * DAY)
        desk.wait(1 + silent_min)
        desk.let(reads={})
        desk.wait(3)
    assert AlarmId.CONFIGURATION_LOST in desk.present()
    assert AlarmId.RESETS not in desk.present()


def test_resets_without_a_clock_are_close_without_a_configuration() -> None:
    """RST-04: nobody knows better."""
    desk = implanted()
    desk.wait(60)
    memory_lost(desk)
    desk.let(rtc_valid=False)
    for _ in range(3):
        desk.wait(10)
        desk.power_cycle(2 * DAY)
    desk.wait(2)
    assert AlarmId.RESETS in desk.present()


def test_a_battery_is_watched_without_a_configuration() -> None:
    """ALM-01, NVM-03: its end is told all the same."""
    desk = implanted()
    desk.wait(60)
    memory_lost(desk)
    desk.let(battery_mv=2_300)
    desk.wait(60)
    assert AlarmId.BATTERY_END in desk.present()


def test_a_pump_that_lost_its_memory_may_hold_drug() -> None:
    """RES-13: whatever was filled before that, what was left of it is in it."""
    desk = implanted(20_000_000)
    desk.wait(60)
    memory_lost(desk)
    write = m.WriteConfiguration(base_config_id=0, configuration=desk.configuration)
    desk.must_do(write, "FLW-07")
    desk.wait(30)
    desk.must_do(m.BeginRefill(), "RES-05")
    left_nl, put_nl = 2_200_000, 10_000_000
    taken_nl = round(desk.pump.level_nl) - left_nl
    desk.let(level_nl=float(left_nl + put_nl))
    saline = {"withdrawn_nl": taken_nl, "filled_nl": put_nl, "concentration_ng_per_ml": 0}
    refill = REFILL.model_copy(update=saline)
    desk.must_do(m.CommitRefill(refill=refill, reason=RefillReason.EXPLANT), "RES-05")
    desk.wait(10)
    assert isinstance(desk.do(m.Explant()), m.Refused)
    assert not desk.happened(EventKind.EXPLANTED)


def test_nothing_contradicts_a_propellant_that_nobody_knows() -> None:
    """ENV-02: what was found by the other one is over."""
    desk = implanted()
    desk.wait(60)
    desk.let(bias={"reservoir_pressure_pa": -15_000})
    assert desk.minutes_to(AlarmId.PROPELLANT_LOW, DAY) is not None
    new = desk.configuration.model_copy(update={"propellant": Propellant.UNKNOWN})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=new), "FLW-07")
    desk.wait(20)
    assert AlarmId.PROPELLANT_LOW not in desk.present()


def test_one_more_of_what_was_acknowledged_is_a_new_occurrence() -> None:
    """ALM-04, RST-04: one that nobody has acknowledged stands as it is."""
    desk = implanted()
    numbers: list[int] = []
    for deed in (None, None, "acknowledge", None):
        for _ in range(1 if numbers else 3):
            desk.wait(20)
            desk.power_cycle()
        one = desk.occurrence(AlarmId.RESETS)
        assert one is not None
        assert not one.acknowledged
        numbers.append(one.occurrence)
        if deed:
            body = m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence)
            desk.must_do(body, "ALM-04")
    assert numbers == [numbers[0]] * 3 + [numbers[0] + 1]


def test_what_a_channel_read_before_it_died_is_no_evidence() -> None:
    """SEN-07: a jump that nothing can confirm any more."""
    desk = implanted()
    desk.wait(60)
    for last in (None, 320_000, None):
        desk.let(reads={"fill_level_nl": None, "reservoir_pressure_pa": last})
        desk.minute()
    assert desk.minutes_to(AlarmId.UNMONITORED, 3) is not None


@pytest.mark.parametrize("hours", [20, 25])
def test_a_window_from_before_a_long_time_without_supply_ends(hours: int) -> None:
    """FLW-08, TIM-02: half a turn of the counter after its end."""
    desk = implanted()
    desk.wait(60)
    desk.must_do(m.BeginRefill(), "FLW-08")
    desk.wait(2)
    desk.power_cycle(hours * 60)
    desk.wait(2)
    assert not desk.status().refill_open


@pytest.mark.parametrize("minutes", [3, 120])
def test_a_rise_over_a_gap_is_no_surge(minutes: int) -> None:
    """OCC-07, RES-12: nobody saw how fast it was."""
    desk = implanted()
    desk.wait(90)
    with desk.silent(minutes):
        desk.run_to(desk.ticks + minutes * MINUTE)
        desk.let(artery_pa=24_000.0)
    desk.wait(5)
    assert AlarmId.BOLUS_PATH_INJECTION not in desk.present()


@pytest.mark.parametrize("minutes", [20, 180])
def test_a_change_over_a_gap_is_no_transient(minutes: int) -> None:
    """ENV-04: weather, or a walk, while no sample came."""
    desk = implanted()
    desk.wait(60)
    with desk.silent(minutes):
        desk.run_to(desk.ticks + minutes * MINUTE)
        desk.let(pocket_pa=92_400.0)
    desk.wait(5)
    assert not desk.happened(EventKind.PRESSURE_TRANSIENT)


@pytest.mark.parametrize("channel", ["reservoir_pressure_pa", "fill_level_nl", "temperature_mk"])
@pytest.mark.parametrize("dead", [(1, 1, 0), (1, 0)])
def test_a_channel_that_comes_and_goes_is_a_fault(channel: str, dead: tuple[int, ...]) -> None:
    """SEN-01: never three samples in a row without it, but every second one or two of three."""
    desk = implanted()
    desk.wait(60)
    for _ in range(20 // len(dead)):
        for one in dead:
            desk.let(reads={channel: None} if one else {})
            desk.minute()
    assert AlarmId.SENSOR_FAULT in desk.present()
    desk.let(reads={})
    desk.wait(40)
    assert AlarmId.SENSOR_FAULT not in desk.present()


def test_a_reading_lost_now_and_then_is_no_fault() -> None:
    """SEN-01: one of three."""
    desk = implanted()
    desk.wait(60)
    for _ in range(40):
        for reads in ({"temperature_mk": None}, {}, {}):
            desk.let(reads=reads)
            desk.minute()
    assert AlarmId.SENSOR_FAULT not in desk.present()


def test_sensors_are_watched_without_a_configuration() -> None:
    """SEN-01, SEN-07, NVM-03: a channel that is silent, and a converter."""
    desk = implanted()
    desk.wait(60)
    memory_lost(desk)
    desk.let(reads={"reservoir_pressure_pa": None})
    desk.wait(5)
    assert {AlarmId.SENSOR_FAULT} == desk.present() - {AlarmId.CONFIGURATION_LOST}
    desk.miss(10)
    assert AlarmId.UNMONITORED in desk.present()


@pytest.mark.parametrize("silent", [{}, {"fill_level_nl": None}])
def test_a_fill_is_cold_no_longer_than_a_downtime_may_have_been(silent: dict[str, None]) -> None:
    """FLW-08: without a clock nobody knows how long that was."""
    desk = implanted()
    desk.wait(60)
    desk.let(reads={"rtc_s": None, **silent})
    desk.wait(6)
    desk.power_cycle(6 * 60)
    desk.let(temperature_mk=305_150.0, restrictor=0.5)
    assert desk.minutes_to(AlarmId.UNDER_INFUSION, 75) is not None


@pytest.mark.parametrize("silent_min", [10, 230])
def test_what_a_fast_pump_infused_meanwhile_is_no_discrepancy(silent_min: int) -> None:
    """RES-07: the level is silent from the refill on, and back in time to be compared."""
    flows = {"nominal_flow_nl_per_h": 250_000, "calibration_flow_nl_per_h": 250_000}
    desk = Desk(ReferenceLogic, CONFIGURATION.model_copy(update=flows)).implant()
    desk.wait(60)
    desk.must_do(m.BeginRefill(), "RES-05")
    taken_nl = round(desk.pump.level_nl)
    desk.let(level_nl=5e6, reads={"fill_level_nl": None})
    refill = REFILL.model_copy(update={"withdrawn_nl": taken_nl, "filled_nl": 5_000_000})
    again = m.CommitRefill(refill=refill, reason=RefillReason.OTHER, previous_refill_id=1)
    desk.must_do(again, "RES-05")
    desk.wait(silent_min)
    desk.let(reads={})
    desk.wait(10)
    assert not {one.alarm for one in desk.told} & {AlarmId.REFILL_DISCREPANCY, AlarmId.POCKET_FILL}


def test_a_clot_that_let_go_without_supply_is_told() -> None:
    """OCC-03, RST-03: what it held may have arrived at once."""
    desk = implanted()
    desk.wait(60)
    desk.let(artery_pa=60e3)
    desk.wait(90)
    assert AlarmId.OCCLUSION in desk.present()
    desk.power_cycle(30)
    desk.let(artery_pa=12_400.0)
    desk.wait(3)
    assert sum(event.kind is EventKind.OCCLUSION_RELEASED for event in desk.events) == 1


def test_a_clot_that_holds_over_a_reset_is_no_release() -> None:
    """OCC-03."""
    desk = implanted()
    desk.wait(60)
    desk.let(artery_pa=60e3)
    desk.wait(90)
    desk.power_cycle(30)
    desk.wait(5)
    assert not desk.happened(EventKind.OCCLUSION_RELEASED)
