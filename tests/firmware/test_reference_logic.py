"""The reference logic alone: requests and readings in, decisions out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import Event, Interval, Outcome
from protocol.guard import Guard
from protocol.memory import RamMemory
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    Priority,
    RefillReason,
    Refusal,
    Sounder,
)
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.flow import HIGHEST_PA, VISCOSITY_NPA_S, FlowModel, viscosity_npa_s
from tests.firmware.bench import DAY, MINUTE, Bench, refusal, settle
from tests.firmware.usual import CONFIGURATION, REFILL, USUAL

# ---- estimates


def test_the_viscosity_table_is_that_of_iapws() -> None:
    for kelvin, tabled in enumerate(VISCOSITY_NPA_S):
        reduced = (283.15 + kelvin) / 300
        terms = ((280.68, -1.9), (511.45, -7.7), (61.131, -19.6), (0.45903, -40.0))
        assert tabled == round(1_000 * sum(a * reduced**b for a, b in terms))
    assert viscosity_npa_s(310_650) == pytest.approx(684_640, abs=100)  # 37.5 degC
    assert viscosity_npa_s(0) == VISCOSITY_NPA_S[0]
    assert viscosity_npa_s(400_000) == pytest.approx(VISCOSITY_NPA_S[-1], abs=20)


def test_flow_at_the_calibration_point_is_the_calibration_flow(bench: Bench) -> None:
    bench.run(1)
    flow = bench.status().flow_nl_per_h
    assert flow is not None
    assert flow.estimate == pytest.approx(54_000, abs=12)
    assert flow.low < 54_000 < flow.high


def test_flow_follows_pressure_and_viscosity(bench: Bench) -> None:
    bench.run(2, catheter_pressure_pa=347_700 - 117_000)
    flow = bench.status().flow_nl_per_h
    assert flow is not None
    assert flow.estimate == pytest.approx(27_000, abs=12)
    bench.run(2, temperature_mk=312_150, reservoir_pressure_pa=368_000)
    flow = bench.status().flow_nl_per_h
    assert flow is not None
    driving = (368_000 - 113_700) / 234_000
    assert flow.estimate == pytest.approx(54_000 * driving * 691_303 / 665_193, rel=1e-3)


@pytest.mark.parametrize("channel", ["reservoir_pressure_pa", "catheter_pressure_pa"])
def test_flow_is_unknown_without_a_pressure_never_zero(bench: Bench, channel: str) -> None:
    """FLW-01."""
    bench.run(1, **{channel: None})
    assert bench.status().flow_nl_per_h is None


def test_a_missing_temperature_widens_the_interval(bench: Bench) -> None:
    """ENV-03."""
    bench.run(1)
    usual = bench.status().flow_nl_per_h
    bench.run(1, temperature_mk=None)
    wider = bench.status().flow_nl_per_h
    assert usual is not None
    assert wider is not None
    assert wider.high - wider.low > 4 * (usual.high - usual.low)


@given(
    pressure=st.integers(0, 700_000), outlet=st.integers(0, 700_000), warm=st.integers(0, 400_000)
)
def test_an_estimate_is_always_an_interval(pressure: int, outlet: int, warm: int) -> None:
    """FLW-01: for any readings in range."""
    model = FlowModel(CONFIGURATION, 1_014)
    sample = USUAL._replace(
        reservoir_pressure_pa=pressure, catheter_pressure_pa=outlet, temperature_mk=warm
    )
    flow = model.estimate(sample)
    assert isinstance(flow, Interval)
    assert flow.low < flow.estimate < flow.high


def test_volume_and_dose_are_integrals_with_the_catheter_in_between(bench: Bench) -> None:
    """RES-11, DOS-01: the first 0.17 mL are of the liquid that was in the catheter before."""
    bench.run(60 * 24)
    status = bench.status()
    delivered = status.delivered_total_nl
    assert delivered == pytest.approx(24 * 54_000, rel=1e-4)
    assert status.dose_since_refill_ng == pytest.approx((delivered - 170_000) * 5, rel=1e-3)


def test_a_bolus_pushes_the_catheters_content_out_as_dose(bench: Bench) -> None:
    """RES-12."""
    bench.run(60 * 24)
    before = bench.status().dose_since_refill_ng
    assert before is not None
    bench.ask(m.BeginBolusAccess(drug="saline", concentration_ng_per_ml=0))
    bench.ask(m.EndBolusAccess(injected_nl=500_000))
    after = bench.status().dose_since_refill_ng
    assert after is not None
    assert after - before == pytest.approx(170_000 * 5, rel=1e-3)


SURGE_PA = 160_000


def test_an_injection_that_nobody_declared_is_dose_by_what_the_catheter_held(bench: Bench) -> None:
    """RES-12: told with the second sample, counted with it, and never twice."""
    quiet = Bench()
    quiet.configure()
    for each in (bench, quiet):
        each.run(60 * 24)
    bench.run_screened(1, catheter_pressure_pa=SURGE_PA)
    quiet.run_screened(1)
    assert bench.status().dose_total_ng == pytest.approx(quiet.status().dose_total_ng, rel=1e-3)
    bench.run_screened(5, catheter_pressure_pa=SURGE_PA)
    quiet.run_screened(5)
    gained = (bench.status().dose_total_ng or 0) - (quiet.status().dose_total_ng or 0)
    assert gained == pytest.approx(170_000 * 5, rel=0.03)
    for each in (bench, quiet):
        each.run_screened(5 * 60)
    assert bench.status().dose_total_ng == pytest.approx(quiet.status().dose_total_ng, rel=1e-2)


@pytest.mark.parametrize("samples", [2, 10])
def test_an_injection_that_was_declared_is_dose_once_however_long_it_takes(
    bench: Bench, samples: int
) -> None:
    """RES-12: detected or not, its volume and the catheter's content count once."""
    bench.run(60 * 24)
    before = bench.status().dose_total_ng
    bench.ask(m.BeginBolusAccess(drug="saline", concentration_ng_per_ml=0))
    bench.run_screened(samples, catheter_pressure_pa=SURGE_PA)
    assert (AlarmId.BOLUS_PATH_INJECTION in bench.raised()) == (samples > 4)
    bench.ask(m.EndBolusAccess(injected_nl=500_000))
    after = bench.status().dose_total_ng
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(170_000 * 5 + 2_000 * samples, rel=0.03)


@pytest.mark.parametrize("seen", [True, False])
def test_a_fill_that_went_through_the_bolus_path_is_dose(bench: Bench, *, seen: bool) -> None:
    """RES-12: all of it that the level lacks, once, when the first level after it tells."""
    bench.run(60 * 24)
    before = bench.status().dose_total_ng
    bench.ask(m.BeginRefill())
    bench.run(1, fill_level_nl=600_000)
    if seen:
        bench.run(1, fill_level_nl=600_000, catheter_pressure_pa=SURGE_PA)
        assert AlarmId.BOLUS_PATH_INJECTION in bench.raised()
    again = REFILL.model_copy(update={"withdrawn_nl": 26_000_000})
    report = bench.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    bench.ask(
        m.CommitRefill(
            refill=again,
            reason=RefillReason.VERIFY_PUMP,
            previous_refill_id=report.last_refill_id,
        )
    )
    bench.run(10, fill_level_nl=600_000)
    assert AlarmId.POCKET_FILL in bench.raised()
    after = bench.status().dose_total_ng
    assert before is not None
    assert after is not None
    gained_ng = after - before
    assert gained_ng == pytest.approx(28_000_000 * 5 if seen else 0, abs=1_000_000)


# ---- alarms


def test_low_comes_before_empty_and_ends_with_a_refill(bench: Bench) -> None:
    """RES-01, RES-02, RES-05."""
    bench.run(2, fill_level_nl=3_400_000)
    assert bench.alarms() == ()
    bench.run(2, fill_level_nl=900_000)
    assert bench.raised()[:2] == [AlarmId.LOW_RESERVOIR, AlarmId.EMPTY_RESERVOIR]
    assert bench.sounder() is Sounder.HIGH
    bench.wait_until(bench.ticks + 8 * DAY)
    bench.run(6)
    settle(bench)
    bench.ask(m.BeginRefill())
    bench.ask(m.CommitRefill(refill=REFILL))
    bench.run(1)
    assert bench.alarms() == ()
    assert bench.sounder() is Sounder.OFF


def test_refill_due_rises_in_steps_and_never_falls(bench: Bench) -> None:
    """RES-04: LOW ahead, MEDIUM when due, overdue HIGH; one occurrence of due throughout."""
    bench.run(1)
    for days, expected in (
        (10, {}),
        (11, {AlarmId.REFILL_DUE: Priority.LOW}),
        (14, {AlarmId.REFILL_DUE: Priority.MEDIUM}),
        (
            16,
            {AlarmId.REFILL_DUE: Priority.MEDIUM, AlarmId.REFILL_OVERDUE: Priority.HIGH},
        ),
    ):
        bench.wait_until(days * DAY)
        bench.run(1)
        due = [a for a in bench.alarms() if "REFILL" in a.alarm.name]
        assert {a.alarm: a.priority for a in due} == expected
    assert [a.alarm for a in bench.alarms()].count(AlarmId.REFILL_DUE) == 1


def test_a_fast_flow_moves_the_due_date_earlier_only(bench: Bench) -> None:
    """RES-03: low is predicted from the fastest flow, and a slower one gives nothing back."""
    bench.run(20, fill_level_nl=10_000_000)
    soon, flow = bench.status().refill_due_in_s, bench.status().flow_nl_per_h
    assert soon is not None
    assert flow is not None
    assert soon == pytest.approx((10_000_000 - 247_500 - 3_000_000) / flow.high * 3_600, rel=0.01)
    bench.run(20, fill_level_nl=20_000_000)
    later = bench.status().refill_due_in_s
    assert later is not None
    assert later <= soon


def test_a_date_that_moved_by_an_hour_is_kept_at_once(bench: Bench) -> None:
    """RES-04: no reset puts a refill off."""
    bench.run(65, fill_level_nl=10_000_000)  # kept with the hour
    before_s = bench.status().refill_due_in_s
    bench.run(25, fill_level_nl=9_000_000)
    due_s = bench.status().refill_due_in_s
    assert before_s is not None
    assert due_s is not None
    assert due_s < before_s - 6 * 3_600
    again = bench.reset()
    again.run(1, fill_level_nl=20_000_000)
    after_s = again.status().refill_due_in_s
    assert after_s is not None
    assert after_s < due_s + 3_600


@pytest.mark.parametrize(
    ("outlet", "alarm"),
    [(95_000, AlarmId.OVER_INFUSION), (132_000, AlarmId.UNDER_INFUSION)],
)
def test_a_deviation_alarms_after_an_hour_not_before(
    bench: Bench, outlet: int, alarm: AlarmId
) -> None:
    """FLW-02, FLW-04."""
    bench.run(5 * 60)
    pocket = outlet - 12_000
    driving = 280_000 if outlet < 100_000 else 190_000
    changed = {
        "catheter_pressure_pa": outlet,
        "pocket_pressure_pa": pocket,
        "reservoir_pressure_pa": outlet + driving,
    }
    bench.run(59, **changed)
    assert alarm not in bench.raised()
    bench.run(1, **changed)
    assert alarm in bench.raised()


def test_a_flow_that_dances_round_its_limit_cannot_hide(bench: Bench) -> None:
    """FLW-05: half the time outside alarms within four hours."""
    bench.run(5 * 60)
    for _ in range(12):
        bench.run(10, catheter_pressure_pa=60_000)
        bench.run(10)
    assert AlarmId.OVER_INFUSION in bench.raised()


def test_a_flow_stop_alarms_with_the_second_sample(bench: Bench) -> None:
    """FLW-04."""
    bench.run(1)
    bench.run_screened(1, catheter_pressure_pa=347_000)
    assert AlarmId.FLOW_STOP not in bench.raised()
    bench.run_screened(1, catheter_pressure_pa=347_000)
    assert AlarmId.FLOW_STOP in bench.raised()


def test_a_fast_restrictor_shows_in_the_fill_level_alone(bench: Bench) -> None:
    """FLW-02: +30 % that no pressure explains, within T_over_fill."""
    bench.run(6 * 60)
    start_nl = bench.level_nl
    for minute in range(6 * 60):
        bench.run(1, fill_level_nl=start_nl - minute * 900 * 13 // 10)
    raised = bench.raised()
    assert raised[:2] == [
        AlarmId.BALANCE_FAULT,
        AlarmId.DOSE_LIMIT,
    ]  # 130 % of an hour
    assert AlarmId.OVER_INFUSION in raised


def test_losing_all_evidence_of_flow_is_an_alarm(bench: Bench) -> None:
    """SEN-07."""
    bench.run(1, fill_level_nl=None)
    assert bench.alarms() == ()
    bench.run(1, fill_level_nl=None, reservoir_pressure_pa=None)
    assert [a.alarm for a in bench.alarms()] == [AlarmId.UNMONITORED]


def test_a_refill_window_neither_makes_a_pump_unmonitored_nor_ends_that(bench: Bench) -> None:
    """FLW-08, SEN-07: what a needle disturbs is no evidence, and no loss of any."""
    gone = {"fill_level_nl": None, "reservoir_pressure_pa": None}
    bench.run(1)
    assert bench.ask(m.BeginRefill()) == m.Done()
    bench.run(2, **gone)
    assert AlarmId.UNMONITORED not in bench.raised()
    assert bench.ask(m.AbortRefill()) == m.Done()
    bench.run(1, **gone)
    assert AlarmId.UNMONITORED in bench.raised()
    assert bench.ask(m.BeginRefill()) == m.Done()
    bench.run(8)  # and the channels are sound again
    unmonitored = next(a for a in bench.alarms() if a.alarm is AlarmId.UNMONITORED)
    assert unmonitored.present


def test_acknowledging_is_for_one_occurrence(bench: Bench) -> None:
    """ALM-04."""
    bench.run(2, fill_level_nl=900_000)
    low, empty = bench.alarms()
    assert refusal(bench.ask(m.AcknowledgeAlarm(alarm=low.alarm, occurrence=99))) == (
        Refusal.UNKNOWN_OCCURRENCE
    )
    assert refusal(bench.ask(m.AcknowledgeAlarm(alarm=AlarmId.OVER_INFUSION, occurrence=1))) is (
        Refusal.UNKNOWN_ALARM
    )
    bench.ask(m.AcknowledgeAlarm(alarm=empty.alarm, occurrence=empty.occurrence))
    assert [a.acknowledged for a in bench.alarms()] == [False, True]
    assert bench.sounder() is Sounder.MEDIUM


def test_a_pause_ends_by_itself_and_with_its_session(bench: Bench) -> None:
    """ALM-05, ALM-06, ALM-12."""
    bench.run(2, fill_level_nl=2_900_000)
    (low,) = bench.alarms()
    pause = m.PauseAudio(alarm=low.alarm, occurrence=low.occurrence, duration_ms=300_000)
    bench.ask(pause, session_id=7)
    assert bench.sounder() is Sounder.OFF
    bench.run(4, fill_level_nl=2_900_000)
    assert bench.sounder() is Sounder.OFF
    bench.run(2, fill_level_nl=2_900_000)
    assert bench.sounder() is Sounder.MEDIUM
    bench.ask(pause, session_id=7)
    bench.ask(m.Close(), session_id=8)
    assert bench.sounder() is Sounder.OFF
    bench.ask(m.Close(), session_id=7)
    assert bench.sounder() is Sounder.MEDIUM


def test_a_pause_never_hides_a_new_alarm(bench: Bench) -> None:
    """ALM-05."""
    bench.run(2, fill_level_nl=2_900_000)
    (low,) = bench.alarms()
    bench.ask(m.PauseAudio(alarm=low.alarm, occurrence=low.occurrence, duration_ms=600_000))
    bench.run(2, fill_level_nl=900_000)
    assert bench.sounder() is Sounder.HIGH


def test_a_latching_alarm_stays_until_acknowledged(bench: Bench) -> None:
    """ALM-08."""
    bench.run(3, catheter_pressure_pa=347_000)
    bench.run(60)
    (stopped,) = (a for a in bench.alarms() if a.alarm is AlarmId.FLOW_STOP)
    assert not stopped.present
    for other in bench.alarms():
        if other.alarm is not AlarmId.FLOW_STOP:
            bench.ask(m.AcknowledgeAlarm(alarm=other.alarm, occurrence=other.occurrence))
    assert bench.sounder() is Sounder.HIGH
    bench.ask(m.AcknowledgeAlarm(alarm=stopped.alarm, occurrence=stopped.occurrence))
    assert bench.alarms() == ()
    assert bench.sounder() is Sounder.OFF


def test_a_pressure_transient_is_an_event(bench: Bench) -> None:
    """ENV-04: with what the pressure did in that minute; of no alarm."""
    bench.run(2)
    sample = {"pocket_pressure_pa": 94_000, "catheter_pressure_pa": 106_400}
    bench.run(2, **sample)
    told = [event for outcome in bench.outcomes for event in outcome.events]
    transients = [event for event in told if event.kind is EventKind.PRESSURE_TRANSIENT]
    assert [(event.subject, event.value // 1_000) for event in transients] == [(0, -8)]


# ---- resets


def test_a_reset_clears_nothing_that_must_stay(bench: Bench) -> None:
    """RST-02, ALM-09: totals, refill, latched alarms outlive it."""
    bench.run(3, catheter_pressure_pa=347_000)
    bench.run(120)
    before, alarms = bench.status(), bench.raised()
    again = bench.reset()
    after = again.status()
    assert after.delivered_total_nl == pytest.approx(before.delivered_total_nl, rel=0.6)
    assert after.drug == "FUDR"
    assert AlarmId.FLOW_STOP in alarms
    assert again.raised() == alarms
    assert again.sounder() is Sounder.HIGH


def test_downtime_is_bridged_by_the_clock(bench: Bench) -> None:
    """RST-03: an hour without supply is an hour of flow, and an hour nearer the refill."""
    bench.run(60)
    bench.ask(m.RunSelfTest())  # any command saves
    before = bench.status()
    again = bench.reset(down_s=3_540)
    again.run(1)
    after = again.status()
    assert after.delivered_total_nl - before.delivered_total_nl == pytest.approx(54_000, rel=0.001)
    assert before.refill_due_in_s is not None
    assert after.refill_due_in_s == pytest.approx(before.refill_due_in_s - 3_600, abs=61)


def test_a_second_reset_before_any_sample_loses_no_downtime(bench: Bench) -> None:
    """RST-03: a request may save in between; what was lived without a sample counts, too."""
    bench.run(1)
    bench.ask(m.RunSelfTest())
    before = bench.status().delivered_total_nl
    hasty = bench.reset(down_s=900)
    hasty.wait_until(15 * MINUTE)
    hasty.ask(m.RunSelfTest())
    again = hasty.reset(down_s=1_740)
    again.run(1)
    assert again.status().delivered_total_nl - before == pytest.approx(54_000, rel=0.001)


def test_a_restored_alarm_ends_when_its_condition_does(bench: Bench) -> None:
    """ALM-09: it is restored before the first sample, and judged with it."""
    bench.run(1, fill_level_nl=2_900_000)
    (low,) = bench.alarms()
    bench.ask(m.AcknowledgeAlarm(alarm=low.alarm, occurrence=low.occurrence))
    low_still = bench.reset()
    low_still.run(1, fill_level_nl=2_900_000)
    (same,) = low_still.alarms()
    assert (same.occurrence, same.acknowledged) == (low.occurrence, True)
    assert low_still.sounder() is Sounder.OFF
    filled = low_still.reset()
    filled.run(1)
    assert filled.alarms() == ()


def test_a_gap_in_the_fill_level_is_no_deviation(bench: Bench) -> None:
    bench.run(7 * 60)
    bench.run(12 * 60, fill_level_nl=None)
    bench.run(7 * 60)
    assert bench.raised() == [AlarmId.SENSOR_FAULT]


def test_a_configuration_whose_flow_could_not_be_counted_is_refused(bench: Bench) -> None:
    """DOS-10."""
    absurd = CONFIGURATION.model_copy(
        update={"calibration_pressure_pa": 1, "calibration_flow_nl_per_h": 100_000_000}
    )
    write = m.WriteConfiguration(base_config_id=1, configuration=absurd)
    assert refusal(bench.ask(write)) is Refusal.INVALID_CONFIGURATION
    most = {"calibration_flow_nl_per_h": m.MAX_FLOW_NL_PER_H, "calibration_pressure_pa": HIGHEST_PA}
    fastest = CONFIGURATION.model_copy(update=most)
    write = m.WriteConfiguration(base_config_id=1, configuration=fastest)
    assert bench.ask(write) == m.Done(reference=2)


def test_one_damaged_slot_costs_the_newest_record_only(bench: Bench) -> None:
    """NVM-02."""
    bench.run(1)
    bench.ask(m.RunSelfTest())
    for slot in range(2):
        memory = RamMemory(content=bench.memory.read(0, bench.memory.size))
        address = slot * memory.size // 2 + 40
        memory.write(address, bytes([memory.read(address, 1)[0] ^ 1]))
        again = Bench(memory)
        assert again.status().drug == "FUDR"
        assert again.alarms() == ()


def test_two_damaged_slots_are_an_alarm_and_no_assumption(bench: Bench) -> None:
    """NVM-03."""
    for slot in range(2):
        bench.memory.write(slot * bench.memory.size // 2 + 40, b"\x00\x00")
    again = Bench(bench.memory)
    assert [a.alarm for a in again.alarms()] == [AlarmId.CONFIGURATION_LOST]
    assert again.status().drug is None
    assert again.sounder() is Sounder.HIGH


def test_saved_logic_goes_on_as_if_nothing_had_happened(bench: Bench) -> None:
    bench.run(700, catheter_pressure_pa=100_000)
    copy = Bench(RamMemory(content=bench.memory.read(0, bench.memory.size)))
    copy.logic = ReferenceLogic()
    copy.logic.load(copy.memory, json.loads(json.dumps(bench.logic.save())))
    copy.guard = Guard(copy.logic)
    copy.guard.resume(bench.ticks)
    copy.ticks, copy.number, copy.level_nl = bench.ticks, bench.number, bench.level_nl
    outcomes: list[list[Outcome]] = []
    for each in (bench, copy):
        each.outcomes.clear()
        each.run(500, catheter_pressure_pa=60_000)
        outcomes.append(each.outcomes)
    assert outcomes[0] == outcomes[1]
    assert bench.logic.save() == copy.logic.save()


def test_each_command_is_told_by_an_event_of_its_own(bench: Bench) -> None:
    """LOG-01: what was done, and the number that says how much of it, or which."""
    bench.run(1)
    full = REFILL.model_copy(update={"withdrawn_nl": 28_000_000})
    verify = m.CommitRefill(refill=full, reason=RefillReason.VERIFY_PUMP, previous_refill_id=1)
    slower = CONFIGURATION.model_copy(update={"nominal_flow_nl_per_h": 40_000})
    now_s = bench.rtc_s()
    for command, kind, value, reference in (
        (m.BeginRefill(), EventKind.REFILL_BEGUN, 0, None),
        (m.AbortRefill(), EventKind.REFILL_ABORTED, 0, None),
        (m.BeginRefill(), EventKind.REFILL_BEGUN, 0, None),
        (verify, EventKind.REFILL_COMMITTED, 28_000_000, 2),
        (
            m.BeginBolusAccess(drug="MAA", concentration_ng_per_ml=1),
            EventKind.BOLUS_ACCESS_BEGUN,
            0,
            None,
        ),
        (m.EndBolusAccess(injected_nl=3_000), EventKind.BOLUS_ACCESS_ENDED, 3_000, None),
        (
            m.WriteConfiguration(base_config_id=1, configuration=slower),
            EventKind.CONFIGURATION_WRITTEN,
            2,
            2,
        ),
    ):
        assert bench.ask(command) == m.Done(reference=reference)
        assert bench.outcomes[-1].events[0] == Event(kind, 0, value)
    bench.ask(m.SetClock(rtc_s=now_s + 60))
    assert bench.outcomes[-1].events == [Event(EventKind.CLOCK_SET, now_s, now_s + 60)]
