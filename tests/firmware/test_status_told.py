"""What a status tells, and that one told again is the one that would be made anew."""

import pytest

from protocol import messages as m
from protocol.control import TICKS_PER_S, Readings, Request
from protocol.memory import RamMemory
from protocol.vocabulary import AlarmId, Priority, RefillReason, ResetCause, Role
from pumpsim.firmware import ReferenceLogic
from tests.firmware.bench import STEPS as MOVES
from tests.firmware.bench import Bench
from tests.firmware.usual import CONFIGURATION, REFILL, USUAL

LOW = USUAL._replace(sequence=1, fill_level_nl=2_500_000)

STEPS: list[Readings | m.Body | float] = [
    m.WriteConfiguration(base_config_id=0, configuration=CONFIGURATION),
    m.BeginRefill(),
    m.CommitRefill(refill=REFILL),
    LOW,
    1.0,  # a second towards the next refill
    0.4,
    m.AcknowledgeAlarm(alarm=AlarmId.LOW_RESERVOIR, occurrence=1),
    m.BeginBolusAccess(drug="FUDR", concentration_ng_per_ml=1_000),
    m.EndBolusAccess(injected_nl=1_000_000),
    m.BeginRefill(),
    8 * 3_600.0,  # the window ends by itself
    LOW._replace(sequence=2, temperature_mk=311_150),
    m.SetClock(rtc_s=1_800_000_000),
]


def _status(logic: ReferenceLogic, ticks: int) -> m.Body | None:
    return logic.handle(ticks, Request(m.GetStatus(), Role.PATIENT, 0)).reply


def _status_after(steps: list[Readings | m.Body | float], *, asking: bool) -> m.Body | None:
    """The status at the end of all these steps, `asking` for it after each of them too."""
    logic = ReferenceLogic()
    logic.boot(RamMemory(), ResetCause.POWER_ON, 0)
    ticks = 0
    for step in steps:
        if isinstance(step, float):
            ticks += int(step * TICKS_PER_S)
            deadline = logic.next_deadline()
            if deadline is not None and deadline <= ticks:
                logic.advance(ticks)
        elif isinstance(step, Readings):
            logic.sample(ticks, step)
        else:
            logic.handle(ticks, Request(step, Role.CLINICIAN, 1))
        if asking:
            _status(logic, ticks)
    return _status(logic, ticks)


@pytest.mark.parametrize("count", range(1, len(STEPS) + 1))
def test_whoever_asked_before_is_told_the_same(count: int) -> None:
    steps = STEPS[:count]
    assert _status_after(steps, asking=True) == _status_after(steps, asking=False)


def test_a_list_longer_than_a_page_tells_each_occurrence_once() -> None:
    """ALM-11, ALM-13: in their order, and the last page says that it is the last."""
    bench = Bench()
    for alarm in AlarmId:
        bench.logic._state.alarms.update(0, alarm, Priority.LOW)
    told, more = [0], True
    while more:
        page = bench.ask(m.ListAlarms(after_occurrence=told[-1]))
        assert isinstance(page, m.AlarmList)
        told += [alarm.occurrence for alarm in page.alarms]
        assert len(page.alarms) == m.MAX_LIST or not page.more
        more = page.more
    assert told == list(range(len(AlarmId) + 1))


READ = {
    "reservoir_pressure_pa": 348_000,
    "catheter_pressure_pa": 114_100,
    "pocket_pressure_pa": 101_700,
    "temperature_mk": 310_210,
    "battery_mv": 2_880,
}


def test_each_number_of_a_status_is_told_in_its_own_place() -> None:
    """DOS-01, DOS-04: totals of the life and of the fill, by drug; ALM-02, ALM-08: alarms."""
    bench = Bench()
    bench.configure()
    bench.run(600)
    first = bench.status()
    assert first.drug == "FUDR"
    assert first.delivered_since_refill_nl == first.delivered_total_nl
    assert first.delivered_total_nl == pytest.approx(600 * 900, rel=1e-3)
    assert first.dose_since_refill_ng == first.dose_total_ng
    assert first.dose_total_ng == (first.delivered_total_nl - 170_000) * 5
    withdrawn = m.Refill(**{**REFILL.model_dump(), "withdrawn_nl": bench.level_nl})
    assert bench.ask(m.BeginRefill()) == m.Done()
    early = m.CommitRefill(refill=withdrawn, reason=RefillReason.DRUG_CHANGE, previous_refill_id=1)
    assert bench.ask(early) == m.Done(reference=2)
    bench.level_nl = REFILL.filled_nl
    bench.run(2, reservoir_pressure_pa=113_700)  # stopped: latches
    bench.run(3, **READ)
    second, moved = bench.status(), bench.number % 2
    since_nl = second.delivered_since_refill_nl
    assert 0 < since_nl < 5 * 1_000
    assert second.delivered_total_nl == first.delivered_total_nl + since_nl
    assert second.dose_since_refill_ng == since_nl * 5
    assert second.dose_total_ng == first.dose_total_ng + since_nl * 5
    for name, value in READ.items():
        assert getattr(second, name) == value + moved * MOVES[name]
    assert second.residual_volume_nl is not None
    assert second.residual_volume_nl.estimate == bench.level_nl + moved
    assert (second.rtc_s, second.rtc_valid) == (bench.rtc_s(), True)
    assert second.sample_sequence == bench.number
    present = [alarm for alarm in bench.alarms() if alarm.present]
    unacknowledged = [alarm for alarm in bench.alarms() if not alarm.acknowledged]
    assert AlarmId.FLOW_STOP in {alarm.alarm for alarm in unacknowledged}
    assert second.alarms_present == len(present) == 0
    assert second.alarms_unacknowledged == len(unacknowledged) == 1
    assert second.highest_priority is None
    bench.run(1, fill_level_nl=2_000_000)
    assert bench.status().highest_priority is Priority.MEDIUM


def test_without_a_date_samples_that_were_missed_are_told_all_the_same() -> None:
    """SEN-06: no countdown makes a status anew that nobody has looked at since."""
    bench = Bench()
    written = m.WriteConfiguration(base_config_id=0, configuration=CONFIGURATION)
    assert bench.ask(written) == m.Done(reference=1)
    bench.run(5)
    assert bench.status().flow_nl_per_h is not None
    bench.wait_until(bench.ticks + 600 * TICKS_PER_S)
    assert bench.status().flow_nl_per_h is None
