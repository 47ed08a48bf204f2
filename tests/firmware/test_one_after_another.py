"""One thing after another, and what the first one leaves to the second; see `hil.testing.suite`."""

from collections.abc import Callable

import pytest

from hil.testing.desk import Desk
from hil.testing.steady import CONFIGURATION, REFILL
from protocol import messages as m
from protocol.control import Readings
from protocol.vocabulary import AlarmId, EventKind, RefillReason, Sounder
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.measure import HIGHEST_PA, model_of
from pumpsim.firmware.state import State

DAY = 1_440
DAY_S = 86_400
MEASURED = [name for name in Readings._fields if name.endswith(("_pa", "_mk", "_nl", "_mv"))]


def pump(filled_nl: int = 20_000_000, **configured: object) -> Desk:
    desk = Desk(ReferenceLogic, CONFIGURATION.model_copy(update=configured))
    return desk.implant(REFILL.model_copy(update={"filled_nl": filled_nl}))


def refilled(desk: Desk, **mixed: object) -> None:
    desk.must_do(m.BeginRefill(), "RES-05")
    left_nl = round(desk.pump.level_nl)
    refill = REFILL.model_copy(update={"withdrawn_nl": left_nl, "filled_nl": left_nl, **mixed})
    report = desk.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    last, reason = report.last_refill_id, RefillReason.OTHER
    desk.must_do(m.CommitRefill(refill=refill, reason=reason, previous_refill_id=last), "RES-05")
    desk.wait(2)


def injected(desk: Desk, volume_nl: int, drug: str = REFILL.drug) -> None:
    dense = REFILL.concentration_ng_per_ml
    desk.must_do(m.BeginBolusAccess(drug=drug, concentration_ng_per_ml=dense), "RES-12")
    desk.must_do(m.EndBolusAccess(injected_nl=volume_nl), "RES-12")
    desk.minute()


def acknowledge(desk: Desk, one: m.AlarmOccurrence) -> None:
    desk.must_do(m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence), "ALM-04")


def pause(desk: Desk, one: m.AlarmOccurrence) -> None:
    hush = m.PauseAudio(alarm=one.alarm, occurrence=one.occurrence, duration_ms=600_000)
    desk.must_do(hush, "ALM-05")


Silence = Callable[[Desk, m.AlarmOccurrence], None]


@pytest.mark.parametrize("silence", [acknowledge, pause])
def test_a_second_needle_is_news(silence: Silence) -> None:
    """ALM-04: within minutes of the first."""
    desk = pump()
    desk.wait(60)
    numbers = []
    for _ in range(2):
        desk.let(level_nl=desk.pump.level_nl - 2e6)
        desk.wait(3)
        assert desk.sounder is Sounder.HIGH
        one = desk.occurrence(AlarmId.TAMPERING)
        assert one is not None
        numbers.append(one.occurrence)
        silence(desk, one)
    assert numbers[0] < numbers[1]


def test_a_second_wrong_refill_is_news() -> None:
    """ALM-04: within minutes, and off the plan again, and its volumes do not add up either."""
    plan = (m.PlanStep(drug=REFILL.drug, duration_s=14 * DAY_S),)
    desk = pump(plan=plan)
    desk.wait(60)
    for _ in range(2):
        refilled(desk, drug="other", withdrawn_nl=4_000_000, filled_nl=5_000_000)
        for alarm in (AlarmId.OFF_PLAN, AlarmId.REFILL_DISCREPANCY):
            one = desk.occurrence(alarm)
            assert one is not None
            assert not one.acknowledged
            acknowledge(desk, one)


def test_another_injection_beyond_a_limit_is_news() -> None:
    """ALM-04, DOS-02; none at all is none."""
    desk = pump()
    desk.wait(300)
    injected(desk, 2_000_000)
    one = desk.occurrence(AlarmId.DOSE_LIMIT)
    assert one is not None
    acknowledge(desk, one)
    injected(desk, 0)
    assert desk.occurrence(AlarmId.DOSE_LIMIT) == one.model_copy(update={"acknowledged": True})
    injected(desk, 2_000_000)
    again = desk.occurrence(AlarmId.DOSE_LIMIT)
    assert again is not None
    assert not again.acknowledged


def test_another_drug_beyond_its_limit_is_news() -> None:
    """ALM-04, DOS-02: what is told of one says nothing of the other."""
    desk = pump(refill_min_interval_s=0)
    desk.wait(300)
    refilled(desk, drug="other")
    desk.wait(300)
    injected(desk, 2_000_000)
    one = desk.occurrence(AlarmId.DOSE_LIMIT)
    assert one is not None
    acknowledge(desk, one)
    desk.must_do(m.BeginBolusAccess(drug="water", concentration_ng_per_ml=0), "RES-12")
    desk.must_do(m.EndBolusAccess(injected_nl=1_000), "RES-12")
    desk.wait(1)
    injected(desk, 2_000_000, "other")
    desk.wait(1)
    again = desk.occurrence(AlarmId.DOSE_LIMIT)
    assert again is not None
    assert again.occurrence > one.occurrence


def test_overdue_is_not_taken_back_by_a_longer_grace() -> None:
    """RES-04: before it is, the grace in force counts."""
    desk = pump(refill_interval_s=DAY_S, refill_grace_s=3_600)
    for grace_s, overdue in ((7_200, False), (1_800, True), (30 * DAY_S, True)):
        desk.wait(DAY + 45 - desk.minutes)
        new = desk.configuration.model_copy(update={"refill_grace_s": grace_s})
        number = {7_200: 1, 1_800: 2}.get(grace_s, 3)
        desk.must_do(m.WriteConfiguration(base_config_id=number, configuration=new), "FLW-07")
        assert (AlarmId.REFILL_OVERDUE in desk.present()) == overdue


def test_what_was_due_ends_with_the_refill_and_its_own_date_is_news() -> None:
    """RES-04, RES-05: due at once again, and nobody has acknowledged that."""
    desk = pump(refill_interval_s=2 * DAY_S, refill_grace_s=3 * DAY_S, refill_min_interval_s=0)
    assert desk.minutes_to(AlarmId.REFILL_DUE, 2 * DAY) is not None
    desk.wait(10)
    first = desk.occurrence(AlarmId.REFILL_DUE)
    assert first is not None
    acknowledge(desk, first)
    refilled(desk, stability_s=36_000)
    again = desk.occurrence(AlarmId.REFILL_DUE)
    assert again is not None
    assert again.occurrence > first.occurrence
    assert not again.acknowledged


def test_what_was_unmonitored_once_is_not_so_in_a_window_later() -> None:
    """FLW-08, OCC-07, SEN-07."""
    desk = pump()
    desk.wait(30)
    desk.let(reads=dict.fromkeys(MEASURED))
    desk.wait(1)
    desk.let(reads={})
    desk.wait(20)
    desk.must_do(m.BeginRefill(), "FLW-08")
    desk.let(reads={"temperature_mk": None})
    desk.wait(4)
    assert AlarmId.UNMONITORED not in desk.present()


def test_a_plan_written_anew_goes_on_in_the_step_where_it_was() -> None:
    """DOS-09: of two with the same drug, the second."""
    plan = tuple(m.PlanStep(drug=drug, duration_s=2 * DAY_S) for drug in ("A", "B", "A", "C"))
    desk = Desk(ReferenceLogic, CONFIGURATION.model_copy(update={"plan": plan}))
    desk.implant(REFILL.model_copy(update={"drug": "A"}))
    for drug in ("B", "A"):
        desk.wait(2 * DAY - 100)
        refilled(desk, drug=drug)
    longer = (plan[0], m.PlanStep(drug="B", duration_s=3 * DAY_S), *plan[2:])
    new = desk.configuration.model_copy(update={"plan": longer})
    desk.must_do(m.WriteConfiguration(base_config_id=1, configuration=new), "FLW-07")
    desk.wait(2 * DAY - 100)
    refilled(desk, drug="C")
    assert AlarmId.OFF_PLAN not in desk.present()


def test_what_flowed_before_a_boot_is_not_told_as_the_flow_of_now() -> None:
    """FLW-01, SEN-06: and it bridges the downtime, over two boots in a row."""
    desk = pump()
    desk.wait(60)
    total_nl = desk.status().delivered_total_nl
    for _ in range(2):
        desk.power_cycle(60)
        assert desk.status().flow_nl_per_h is None
    desk.wait(2)
    assert desk.status().flow_nl_per_h is not None
    flowed_nl = 2 * desk.pump.flow_nl_per_h()
    grown_nl = desk.status().delivered_total_nl - total_nl
    assert grown_nl == pytest.approx(flowed_nl, rel=0.05)


def test_blood_that_flowed_in_is_no_drug_when_it_comes_out() -> None:
    """DOS-01, FLW-12: twice as much is in doubt, and as much may be in the reservoir."""
    desk = pump(catheter_compliance_nl_per_kpa=0)
    desk.wait(300)
    desk.let(reads={"fill_level_nl": None})
    desk.wait(5)
    usual_pa, before = desk.pump.artery_pa, desk.status()
    above_pa = desk.pump.reservoir_pa() - desk.pump.catheter_pa() + 200e3
    for minute in range(120):
        desk.let(artery_pa=usual_pa + above_pa * minute / 120)
        desk.minute()
    level_nl = desk.pump.level_nl
    desk.wait(120)
    back_nl = desk.pump.level_nl - level_nl
    now = desk.status()
    told, was = now.delivered_total_between_nl, before.delivered_total_between_nl
    assert told is not None
    assert was is not None
    wider_nl = (told.high - told.low) - (was.high - was.low)
    assert wider_nl > 2 * back_nl
    left = now.residual_volume_nl
    assert left is not None
    assert left.low <= desk.pump.level_nl <= left.high


def test_nothing_but_a_level_shows_it_empty() -> None:
    """RES-13: not what was declared of it."""
    desk = pump()
    desk.wait(60)
    desk.must_do(m.BeginRefill(), "RES-05")
    left_nl = round(desk.pump.level_nl)
    desk.let(level_nl=10e6)
    refill = REFILL.model_copy(update={"withdrawn_nl": left_nl, "filled_nl": 700_000})
    again = m.CommitRefill(refill=refill, reason=RefillReason.OTHER, previous_refill_id=1)
    desk.must_do(again, "RES-05")
    assert isinstance(desk.do(m.Explant()), m.Refused)


def test_no_limit_that_is_set_high_shows_it_empty() -> None:
    """RES-13."""
    desk = pump(19_000_000, empty_volume_nl=20_000_000, low_volume_nl=25_000_000)
    desk.wait(30)
    assert isinstance(desk.do(m.Explant()), m.Refused)


@pytest.mark.parametrize(("per_min_pa", "told"), [(1_500, 0), (4_000, 0), (6_000, 1)])
def test_a_transient_over_missing_samples_is_that_of_a_minute(per_min_pa: int, told: int) -> None:
    """ENV-04."""
    desk = pump()
    desk.wait(30)
    for minute in (1, 2, 3):
        silent = {"pocket_pressure_pa": None} if minute < 3 else {}
        desk.let(reads=silent, pocket_pa=101_300.0 - minute * per_min_pa)
        desk.wait(1)
    values = [event.value for event in desk.happened(EventKind.PRESSURE_TRANSIENT)]
    assert len(values) == told
    assert values == [pytest.approx(-per_min_pa, abs=100)] * told


def test_the_drug_of_an_open_access_has_its_place() -> None:
    """DOS-01: one of so many that are counted."""
    desk = pump(catheter_volume_nl=100, refill_min_interval_s=0)
    for number in range(30):
        injected(desk, 1_000, f"D{number}")
    desk.must_do(m.BeginBolusAccess(drug="X", concentration_ng_per_ml=1), "RES-12")
    desk.must_do(m.BeginRefill(), "RES-05")
    refill = REFILL.model_copy(update={"withdrawn_nl": 19_000_000, "drug": "Y"})
    assert isinstance(desk.do(m.CommitRefill(refill=refill)), m.Refused)


def test_a_catheter_that_does_not_yield_is_filled_at_once() -> None:
    """OCC-07."""
    state = State(configuration=CONFIGURATION)
    usual = model_of(state)
    assert usual is not None
    assert 0 < usual.surge.climb_pa < 8_000
    state.configuration = CONFIGURATION.model_copy(update={"catheter_compliance_nl_per_kpa": 0})
    stiff = model_of(state)
    assert stiff is not None
    assert stiff.surge.climb_pa == HIGHEST_PA


@pytest.mark.parametrize(
    ("before", "after", "minutes"), [(1.3, 2.0, 80), (2.0, 1.3, 0), (1.3, 0.5, 70)]
)
def test_what_changes_after_it_was_found_is_found_anew(
    before: float, after: float, minutes: int
) -> None:
    """FLW-01: as much as the level tells in an hour is told after it."""
    desk = pump()
    desk.let(restrictor=before)
    desk.wait(900)
    desk.let(restrictor=after)
    desk.wait(minutes)
    for _ in range(20):
        flow = desk.status().flow_nl_per_h
        assert flow is not None
        assert flow.low <= desk.pump.flow_nl_per_h() <= flow.high
        desk.wait(20)


def test_what_stands_is_known_better_with_each_hour() -> None:
    """FLW-01: by an hour of level at first, by six in the end."""
    desk = pump()
    desk.wait(600)
    desk.let(restrictor=1.3)
    assert desk.minutes_to(AlarmId.BALANCE_FAULT, DAY) is not None
    widths = []
    for _ in range(4):
        flow = desk.status().flow_nl_per_h
        assert flow is not None
        widths.append(flow.high - flow.low)
        desk.wait(120)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] * 3 < widths[0]


def test_what_is_newer_than_an_hour_is_held_too_where_it_is_large() -> None:
    """FLW-01: it is found within minutes, and most of the level's hour was in order."""
    desk = pump()
    desk.wait(600)
    desk.let(restrictor=10.0)
    assert desk.minutes_to(AlarmId.BALANCE_FAULT, 60) is not None
    for _ in range(60):
        flow = desk.status().flow_nl_per_h
        assert flow is not None
        assert flow.low <= desk.pump.flow_nl_per_h() <= flow.high
        desk.minute()


@pytest.mark.parametrize("lived", [0, 600])
@pytest.mark.parametrize("restrictor", [0.0, 0.3, 1.3, 2.5])
def test_what_is_found_late_was_so_all_along(restrictor: float, lived: int) -> None:
    """DOS-01, FLW-01, FLW-06: once the level has told of wrong pressures, bounds hold it all.

    However long the pump had been in order: what the level means over hours is not what is so now.
    """
    desk = pump()
    desk.wait(lived)
    desk.let(restrictor=restrictor)
    assert desk.minutes_to(AlarmId.BALANCE_FAULT, DAY) is not None
    for _ in range(20):
        flowed_nl = 20_000_000 - desk.pump.level_nl
        status = desk.status()
        told, flow = status.delivered_total_between_nl, status.flow_nl_per_h
        assert told is not None
        assert told.low <= flowed_nl <= told.high
        assert flow is not None
        true_nl_per_h = desk.pump.flow_nl_per_h()
        assert flow.low <= true_nl_per_h <= flow.high
        assert status.refill_due_in_s is not None
        low_in_h = (desk.pump.level_nl - CONFIGURATION.low_volume_nl) / max(true_nl_per_h, 1)
        assert status.refill_due_in_s <= low_in_h * 3_600  # RES-03
        desk.wait(30)
