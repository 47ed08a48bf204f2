"""Visits: what is told to the pump is what was typed, what moves is what the syringe moved."""

from typing import Any

import pytest

from protocol import messages as m
from protocol.vocabulary import Refusal
from pumpsim.device import Device
from pumpsim.pumpfile import FillSection
from pumpsim.scenario import visits
from pumpsim.scenario.bedside import RefusedError
from pumpsim.scenario.programmer import DeviceBedside
from pumpsim.scenario.visits import Acknowledge, Clinic, Implant, PerfusionCheck, Refill
from pumpsim.stimuli import ADAPTER, HOUR, MINUTE
from tests.lived import lived

DAY = 24 * HOUR
FILL = FillSection(drug="heparin")


@pytest.fixture
def device() -> Device:
    return lived(10)


@pytest.fixture
def clinic(device: Device) -> Clinic:
    return Clinic(DeviceBedside(device), device.pump, {"heparin": FILL})


def refill(**fields: Any) -> Refill:
    return Refill.model_validate({"kind": "refill", "fill": "heparin", **fields})


def last_declared(clinic: Clinic) -> m.Refill:
    clinic.programmer.open()
    report = clinic.programmer.ask(m.ReadConfiguration())
    clinic.programmer.close()
    assert isinstance(report, m.ConfigurationReport)
    assert report.last_refill is not None
    return report.last_refill


@pytest.mark.slow
def test_a_refill_exchanges_the_liquid_and_declares_it(clinic: Clinic, device: Device) -> None:
    began_ns = device.now_ns
    clinic.receive(refill())
    [row] = clinic.journal.refills
    assert clinic.journal.refusals == []
    assert device.now_ns - began_ns == Refill.SPAN_NS
    assert row.withdrawn_nl == row.declared_withdrawn_nl
    assert 14_000_000 < row.withdrawn_nl < 15_500_000  # 28 mL less ten days
    assert row.believed_residual_nl == pytest.approx(row.residual_nl, abs=300_000)
    assert last_declared(clinic).filled_nl == row.filled_nl == 28_000_000
    assert last_declared(clinic).drug == "heparin"


def test_what_is_typed_and_what_is_done_may_differ(clinic: Clinic, device: Device) -> None:
    filled_fl = device.plant.ledger.filled_fl
    clinic.receive(refill(volume="20 mL", declared_volume="25 mL", declared_withdrawn="13 mL"))
    assert device.plant.ledger.filled_fl - filled_fl == 20 * 10**12
    assert last_declared(clinic).filled_nl == 25_000_000
    assert last_declared(clinic).withdrawn_nl == 13_000_000


@pytest.mark.parametrize(
    ("into", "account"), [("pocket", "pocket_fl"), ("bolus_path", "injected_fl")]
)
def test_a_needle_in_the_wrong_place_leaves_the_reservoir_empty(
    clinic: Clinic, device: Device, into: str, account: str
) -> None:
    before_fl = getattr(device.plant.ledger, account)
    clinic.receive(refill(into=into))
    clinic.wait(10 * MINUTE)
    assert getattr(device.plant.ledger, account) - before_fl == 28 * 10**12
    assert device.plant.ledger.reservoir_fl < 10**12
    assert last_declared(clinic).filled_nl == 28_000_000


def test_a_refill_sooner_than_usual_needs_a_reason(clinic: Clinic) -> None:
    clinic.receive(refill())
    clinic.wait(DAY)
    clinic.receive(refill())
    [(_, why)] = clinic.journal.refusals
    assert why == "the pump refused commit_refill: refill_too_early"
    clinic.programmer.open()
    assert not clinic.status().refill_open
    clinic.programmer.close()
    clinic.wait(DAY)
    clinic.receive(refill(reason="drug_change"))
    assert len(clinic.journal.refusals) == 1
    assert len(clinic.journal.refills) == 3  # the liquid moved each time


@pytest.mark.parametrize(("concentration", "refusals"), [("5 mg/mL", 1), ("0 mg/mL", 0)])
def test_a_pump_to_be_explanted_takes_no_drug(
    clinic: Clinic, concentration: str, refusals: int
) -> None:
    fill = {"drug": "saline", "concentration": concentration}
    clinic.fills["end"] = FillSection.model_validate(fill)
    clinic.receive(refill(fill="end", reason="explant"))
    assert len(clinic.journal.refusals) == refusals


def test_a_perfusion_check_announces_injects_and_declares(clinic: Clinic, device: Device) -> None:
    injected_fl = device.plant.ledger.injected_fl
    clinic.receive(PerfusionCheck(kind="perfusion_check"))
    assert device.plant.ledger.injected_fl - injected_fl == 3 * 10**12
    assert clinic.journal.refusals == []
    page = device.log.page(device.log.next_sequence - m.MAX_LIST, m.MAX_LIST)
    ended = [e for e in page.entries if e.kind.name == "BOLUS_ACCESS_ENDED"]
    assert [entry.value for entry in ended] == [3_000_000]


def test_an_implant_sets_the_clock_to_the_calendar(clinic: Clinic, device: Device) -> None:
    wrong = ADAPTER.validate_python({"kind": "clock_fault", "back": "5 d"})
    device.stimulate(device.now_ns, wrong)
    clinic.receive(Implant(kind="implant"))
    start_s = int(device.pump.clock.start.timestamp())
    assert device.oscillator.rtc_s(device.now_ns) == start_s + device.now_ns // 10**9
    assert device.oscillator.rtc_valid


@pytest.mark.slow
def test_every_alarm_is_acknowledged_at_once(clinic: Clinic) -> None:
    clinic.wait(8 * DAY)  # due and overdue
    clinic.receive(Acknowledge(kind="acknowledge"))
    clinic.programmer.open()
    page = clinic.programmer.ask(m.ListAlarms(after_occurrence=0))
    clinic.programmer.close()
    assert isinstance(page, m.AlarmList)
    assert len(page.alarms) >= 2
    assert all(alarm.acknowledged for alarm in page.alarms)


def test_a_refusal_has_its_reason(clinic: Clinic) -> None:
    clinic.programmer.open()
    with pytest.raises(RefusedError, match="abort_refill: no_refill_open") as caught:
        clinic.programmer.command(m.AbortRefill())
    assert caught.value.reason is Refusal.NO_REFILL_OPEN
    clinic.programmer.close()


def test_a_visit_leaves_no_link_behind(clinic: Clinic, device: Device) -> None:
    clinic.receive(visits.Explant(kind="explant"))
    assert device.outgoing.links == {}
