"""Ordinary life: what it brings, and that its alarms are judged."""

from itertools import pairwise

import pytest

from protocol.control import Request
from protocol.messages import Bounds, Configuration, GetStatus, Status, StatusPart
from protocol.vocabulary import AlarmId, Role
from pumpsim.device import Device
from pumpsim.performance.living import Witness, live
from pumpsim.performance.ordinary import DAY_NS, INTERVAL_NS, life
from pumpsim.pumpfile import AlarmSection, FillSection, PumpFile, demo
from pumpsim.scenario.programmer import DeviceBedside
from pumpsim.scenario.visits import Clinic, Refill
from pumpsim.stimuli import ADAPTER
from pumpsim.trace import Trace

YEAR_NS = 365 * DAY_NS
SALINE = {"drug": "saline", "concentration": "0 mg/mL"}


def tolerating(percent: int) -> PumpFile:
    return demo().model_copy(update={"alarms": AlarmSection(tolerance_percent=percent)})


def configuration_of(pump: PumpFile) -> Configuration:
    configuration = pump.report().configuration
    assert configuration is not None
    return configuration


def told(device: Device) -> StatusPart:
    reply = device.ask_logic(Request(GetStatus(), Role.CLINICIAN, 0))
    assert isinstance(reply, Status)
    return reply.status


def reached(device: Device, drug: str) -> tuple[int, int]:
    """The artery, from the pump: nanolitres, and nanograms of a drug."""
    plant = device.plant
    return plant.given_fl // 10**6, plant.ledger.doses_ng().get(drug, 0)


def within(bounds: Bounds | None, truth: int) -> bool:
    return bounds is not None and bounds.low <= truth <= bounds.high


def test_a_life_is_in_order_and_follows_from_its_seed() -> None:
    one = list(life(1, YEAR_NS))
    assert one == list(life(1, YEAR_NS)) != list(life(2, YEAR_NS))
    assert all(sooner.at_ns <= later.at_ns for sooner, later in pairwise(one))
    assert all(0 <= happening.at_ns < YEAR_NS for happening in one)


def test_a_longer_life_begins_like_a_shorter_one() -> None:
    short = list(life(5, 10 * INTERVAL_NS))
    assert list(life(5, 20 * INTERVAL_NS))[: len(short)] == short


def test_many_lives_bring_everything_in_sensible_numbers() -> None:
    """OCC-07: a few fevers a year, flights, mountains, baths, a refill a fortnight, flushes."""
    years = 40
    happenings = [h for seed in range(years) for h in life(seed, YEAR_NS)]

    def yearly(kind: str) -> float:
        return sum(h.kind == kind for h in happenings) / years

    assert 25.5 < yearly("refill") <= 26  # the last may come too late
    assert 2 < yearly("fever") < 4.5
    assert 8 < yearly("altitude") < 17  # a flight is two
    assert 25 < yearly("warm_bath") < 55
    assert 2 < yearly("perfusion_check") < 4.5
    assert 80 < yearly("cough") < 130
    late = [h for h in happenings if h.kind == "refill" and h.at_ns % INTERVAL_NS > DAY_NS]
    assert 1.5 < len(late) / years < 4
    assert all(h.at_ns % INTERVAL_NS < 4 * DAY_NS for h in late)


def test_nobody_is_on_two_journeys_at_once() -> None:
    """Altitudes would add up, to what no cabin has."""
    for seed in range(20):
        journeys = [h for h in life(seed, YEAR_NS) if h.kind == "altitude"]
        for one, other in pairwise(journeys):
            assert other.at_ns - one.at_ns > 13 * 3_600 * 10**9


@pytest.mark.slow
def test_a_month_of_life_has_no_false_alarm_and_one_hash() -> None:
    """OCC-07, and one seed gives one trace."""
    one, again = live(demo(), 3, 30), live(demo(), 3, 30)
    assert one is not None
    assert one == again
    assert one.false == {}
    assert one.refused == ()
    assert one.true["refill_due"] == 2  # each fill's own occurrence
    assert one.looks == 2
    assert all(0 < held <= 2 for held in one.excusable.values())


def test_a_fill_is_meant_as_thin_as_it_really_is() -> None:
    """DOS-02 judged: what a needle leaves behind thins the next fill, and makes no alarm false."""
    witness = Witness(Trace())
    device = Device(demo(), 1, witness)
    witness.meet(device)
    device.implant()
    witness.prescribe()
    assert witness.truth is not None
    pure_ng_per_h = witness.truth.prescribed_ng_per_h
    for act in ({"kind": "withdraw"}, {"kind": "fill", "volume": "29.4 mL", **SALINE}):
        device.stimulate(device.now_ns, ADAPTER.validate_python(act))
    witness.prescribe()
    left = device.plant.pump.unreachable_m3 / 30e-6
    assert witness.truth.prescribed_ng_per_h == pytest.approx(left * pure_ng_per_h, rel=1e-3)


@pytest.mark.slow
def test_a_look_counts_what_would_have_been_true() -> None:
    """A pump of 5 % in a long fever: over-infusion would be true at a look, an overfill not."""
    witness = Witness(Trace())
    device = Device(tolerating(5), 1, witness)
    witness.meet(device)
    device.implant()
    fever = {"kind": "fever", "rise": "1.5 K", "duration": "30 d"}
    device.stimulate(DAY_NS, ADAPTER.validate_python(fever))
    device.advance(13 * DAY_NS)
    assert witness.looks == 1
    assert witness.excusable[AlarmId.OVER_INFUSION] == 1
    assert witness.excusable[AlarmId.OVERFILL] == 0


@pytest.mark.slow
def test_what_life_truly_exceeds_is_no_false_alarm() -> None:
    """OCC-07: a tolerance of 5 % is less than fevers and flights bring."""
    lived = live(tolerating(5), 1, 12)
    assert lived is not None
    assert lived.false == {}
    assert lived.true.get("over_infusion", 0) > 0


def test_an_alarm_that_the_truth_does_not_bear_out_is_false() -> None:
    """A pump told of 5 % alarms in a fever that a judge of 15 % finds within limits."""
    witness = Witness(Trace())
    device = Device(tolerating(5), 1, witness)
    witness.meet(device)
    assert witness.truth is not None
    witness.truth.configuration = configuration_of(demo())
    device.implant()
    fever = {"kind": "fever", "rise": "1.5 K", "duration": "24 h"}
    device.stimulate(DAY_NS, ADAPTER.validate_python(fever))
    device.advance(2 * DAY_NS)
    assert witness.false == {AlarmId.OVER_INFUSION: 1}
    assert not witness.true


@pytest.mark.slow
def test_what_left_since_a_refill_lies_within_its_bounds() -> None:
    """DOS-01: a first fill, the same drug again, saline over it, and the drug over that."""
    pump = demo()
    device = Device(pump, 4)
    device.implant()
    fills = {"FUDR": pump.fill, "saline": FillSection.model_validate(SALINE)}
    clinic = Clinic(DeviceBedside(device), pump, fills)
    for fill in ("FUDR", "saline", "FUDR", "saline"):
        before_nl, before_ng = reached(device, clinic.journal.drug)
        for _ in range(10 * 4):
            device.advance(device.now_ns + DAY_NS // 4)
            now_nl, now_ng = reached(device, clinic.journal.drug)
            status = told(device)
            assert within(status.delivered_since_refill_between_nl, now_nl - before_nl)
            assert within(status.dose_since_refill_between_ng, now_ng - before_ng)
        clinic.receive(Refill(kind="refill", fill=fill))
    assert clinic.journal.refusals == []


def test_a_life_stops_when_it_is_told_to() -> None:
    assert live(demo(), 1, 365, stop=lambda: True) is None
