"""What may be asked of the logic, by whom and when, and what it refuses."""

import pytest

from protocol import messages as m
from protocol.control import Event
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    RefillReason,
    Refusal,
    Role,
)
from pumpsim.firmware.requests import HANDLERS
from tests.firmware.bench import STEPS, Bench, refusal
from tests.firmware.usual import CONFIGURATION, REFILL


def test_unconfigured_logic_assumes_nothing() -> None:
    """DOS-09, NVM-03."""
    bench = Bench()
    bench.run(3)
    status = bench.status()
    assert status.flow_nl_per_h is None
    assert status.drug is None
    assert status.dose_total_ng is None
    assert status.residual_volume_nl is not None  # what the sensor says needs no configuration
    assert status.residual_volume_nl.estimate == bench.level_nl + 1
    bench.run(1, fill_level_nl=None)
    assert bench.status().residual_volume_nl is None
    assert refusal(bench.ask(m.BeginRefill())) is Refusal.NOT_CONFIGURED
    filled = m.CommitRefill(refill=REFILL)
    assert refusal(bench.ask(filled)) is Refusal.NOT_CONFIGURED


PATIENTS_MAY: list[m.Body] = [
    m.GetStatus(),
    m.ListAlarms(after_occurrence=0),
    m.ReadConfiguration(),
    m.Close(),
    m.AcknowledgeAlarm(alarm=AlarmId.REFILL_DUE, occurrence=1),
    m.PauseAudio(alarm=AlarmId.FLOW_STOP, occurrence=1, duration_ms=60_000),
]
CARERS_MAY: list[m.Body] = [
    m.BeginRefill(),
    m.CommitRefill(refill=REFILL),
    m.AbortRefill(),
    m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0),
    m.EndBolusAccess(injected_nl=1),
    m.WriteConfiguration(base_config_id=1, configuration=CONFIGURATION),
    m.SetClock(rtc_s=1_800_000_000),
    m.RunSelfTest(),
    m.Explant(),
]


@pytest.mark.parametrize("role", Role)
def test_who_may_ask_for_what(bench: Bench, role: Role) -> None:
    """SEC-01: every request of every role; and what is refused changes nothing."""
    assert {type(body) for body in PATIENTS_MAY + CARERS_MAY} == {m.GetStatus, *HANDLERS}
    for body in PATIENTS_MAY + CARERS_MAY:
        before = bench.logic.save()
        reply = bench.ask(body, role)
        refused = isinstance(reply, m.Refused) and reply.reason is Refusal.ROLE
        assert refused == (role is Role.PATIENT and body in CARERS_MAY)
        assert not refused or bench.logic.save()["state"] == before["state"]


def test_a_configuration_made_from_an_old_one_is_refused(bench: Bench) -> None:
    write = m.WriteConfiguration(base_config_id=0, configuration=CONFIGURATION)
    assert refusal(bench.ask(write)) is Refusal.STALE_CONFIGURATION


@pytest.mark.parametrize(
    ("empty_nl", "low_nl", "capacity_nl", "refused"),
    [
        (3_000_000, 3_000_000, 30_000_000, True),
        (2_999_999, 3_000_000, 30_000_000, False),
        (1_000_000, 30_000_000, 30_000_000, True),
        (1_000_000, 29_999_999, 30_000_000, False),
    ],
)
def test_empty_is_below_low_and_low_below_full(
    bench: Bench, empty_nl: int, low_nl: int, capacity_nl: int, *, refused: bool
) -> None:
    """RES-01, RES-02, FLW-07: a configuration that could not be told in this order is none."""
    volumes = {"empty_volume_nl": empty_nl, "low_volume_nl": low_nl, "capacity_nl": capacity_nl}
    new = CONFIGURATION.model_copy(update=volumes)
    reply = bench.ask(m.WriteConfiguration(base_config_id=1, configuration=new))
    if refused:
        assert refusal(reply) is Refusal.INVALID_CONFIGURATION
    report = bench.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    assert report.configuration == (CONFIGURATION if refused else new)


def test_a_reservoir_that_is_configured_larger_may_be_full(bench: Bench) -> None:
    """FLW-07: what its level may read follows at once."""
    bench.level_nl = 15_000_000
    for capacity_nl, config_id in ((16_000_000, 1), (30_000_000, 2)):
        new = CONFIGURATION.model_copy(update={"capacity_nl": capacity_nl})
        write = m.WriteConfiguration(base_config_id=config_id, configuration=new)
        assert bench.ask(write) == m.Done(reference=config_id + 1)
        if config_id == 1:
            bench = bench.reset()  # and it is what this life begins with
        bench.run(10)
    bench.level_nl = 28_000_000
    bench.run(10)
    assert AlarmId.SENSOR_FAULT not in bench.raised()


def test_the_refill_transaction_in_every_wrong_order(bench: Bench) -> None:
    """RES-05, RES-08, RES-10."""
    commit = m.CommitRefill(refill=REFILL)
    assert refusal(bench.ask(commit)) is Refusal.NO_REFILL_OPEN
    assert refusal(bench.ask(m.AbortRefill())) is Refusal.NO_REFILL_OPEN
    bench.run(1)
    assert bench.ask(m.BeginRefill()) == m.Done()
    assert refusal(bench.ask(m.BeginRefill())) is Refusal.REFILL_OPEN
    assert refusal(bench.ask(commit)) is Refusal.OVER_CAPACITY
    emptied = REFILL.model_copy(update={"withdrawn_nl": 28_000_000, "drug": "heparin"})
    early = m.CommitRefill(refill=emptied)
    assert refusal(bench.ask(early)) is Refusal.REFILL_TOO_EARLY
    assert bench.status().drug == "FUDR"
    reason = m.CommitRefill(refill=emptied, reason=RefillReason.VERIFY_PUMP, previous_refill_id=1)
    assert bench.ask(reason) == m.Done(reference=2)
    after = bench.status()
    assert (after.drug, after.delivered_since_refill_nl, after.refill_open) == ("heparin", 0, False)
    assert after.refill_due_in_s == CONFIGURATION.refill_interval_s
    assert refusal(bench.ask(reason)) is Refusal.NO_REFILL_OPEN


def test_bolus_access_opens_and_closes_once(bench: Bench) -> None:
    assert refusal(bench.ask(m.EndBolusAccess(injected_nl=1))) is Refusal.NO_BOLUS_ACCESS_OPEN
    begin = m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0)
    assert bench.ask(begin) == m.Done()
    assert refusal(bench.ask(begin)) is Refusal.BOLUS_ACCESS_OPEN
    assert bench.status().bolus_access_open
    end = m.EndBolusAccess(injected_nl=1)
    assert bench.ask(end) == m.Done()
    assert not bench.status().bolus_access_open
    assert refusal(bench.ask(end)) is Refusal.NO_BOLUS_ACCESS_OPEN
    assert bench.ask(begin) == m.Done()


def test_more_than_water_holds_is_not_injected(bench: Bench) -> None:
    """DOS-07."""
    begin = m.BeginBolusAccess(drug="FUDR", concentration_ng_per_ml=m.MAX_DISSOLVED_NG_PER_ML + 1)
    assert refusal(bench.ask(begin)) is Refusal.OUT_OF_RANGE
    assert not bench.status().bolus_access_open


def test_what_is_not_for_the_logic_is_refused_by_name(bench: Bench) -> None:
    assert refusal(bench.ask(m.Identify())) is Refusal.UNSUPPORTED


@pytest.mark.parametrize(
    ("begun", "reason"),
    [
        (m.BeginRefill(), Refusal.REFILL_OPEN),
        (m.BeginBolusAccess(drug="water", concentration_ng_per_ml=0), Refusal.BOLUS_ACCESS_OPEN),
    ],
)
def test_no_pump_is_taken_out_in_the_middle_of_a_visit(
    bench: Bench, begun: m.Body, reason: Refusal
) -> None:
    """RES-13: what was begun ends first."""
    bench.run(1)
    assert bench.ask(begun) == m.Done()
    assert refusal(bench.ask(m.Explant())) is reason


def test_the_clock_is_passed_on_once(bench: Bench) -> None:
    bench.ask(m.SetClock(rtc_s=1_800_000_000))
    settings = [o.actuation.set_rtc_s for o in bench.outcomes if o.actuation is not None]
    assert [s for s in settings if s is not None] == [1_800_000_000]


def test_what_was_filled_last_can_be_read(bench: Bench) -> None:
    """FLW-07: with the configuration, and under the number of the refill."""
    report = bench.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    read = (report.configuration, report.last_refill, report.last_refill_id)
    assert read == (CONFIGURATION, REFILL, 1)


def test_the_self_test_names_what_failed(bench: Bench) -> None:
    bench.run(1)
    assert bench.ask(m.RunSelfTest()) == m.SelfTestReport(passed=True, failed=())
    bench.run(1, temperature_mk=None)
    assert bench.ask(m.RunSelfTest()) == m.SelfTestReport(passed=False, failed=("temperature",))
    assert Event(EventKind.SELF_TEST, 1) in bench.outcomes[-1].events
    everything = dict.fromkeys(STEPS)
    bench.run(1, **everything)
    told = bench.ask(m.RunSelfTest())
    assert isinstance(told, m.SelfTestReport)
    assert set(told.failed) == {
        "reservoir pressure",
        "catheter pressure",
        "pocket pressure",
        "temperature",
        "fill level",
        "battery",
    }
    never = m.SelfTestReport(passed=False, failed=("configuration", "sample", "real-time clock"))
    assert Bench().ask(m.RunSelfTest()) == never


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        ("reservoir_pressure_pa", "reservoir pressure"),
        ("catheter_pressure_pa", "catheter pressure"),
        ("pocket_pressure_pa", "pocket pressure"),
        ("temperature_mk", "temperature"),
        ("fill_level_nl", "fill level"),
        ("battery_mv", "battery"),
    ],
)
def test_the_self_test_calls_each_channel_by_its_name(
    bench: Bench, channel: str, name: str
) -> None:
    bench.run(1, **{channel: None})
    assert bench.ask(m.RunSelfTest()) == m.SelfTestReport(passed=False, failed=(name,))
