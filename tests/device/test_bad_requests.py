"""What must not be asked of a pump, or done to it: refused by name or alarmed, and in the log.

Each is played on a whole device, over a link and with a session. What hands do without a word, or
words without hands, no request shows: there the alarm stands in for the refusal.
"""

import json
from typing import Any

import pytest

from protocol import messages as m
from protocol.codec import Malformed, from_json, to_json
from protocol.control import Request
from protocol.vocabulary import AlarmId, EventKind, OutcomeState, RefillReason, Refusal, Role
from pumpsim.device import SAMPLE_NS, Device
from pumpsim.firmware.clock import EARLIEST_S
from pumpsim.pumpfile import FillSection
from pumpsim.scenario import visits
from pumpsim.scenario.programmer import DeviceBedside
from tests.device.test_device import DAY_NS, HOUR_NS, Programmer, make, stimulus
from tests.device.test_eventlog import entries_of

FILL = m.Refill(
    withdrawn_nl=0,
    filled_nl=1_000_000,
    drug="FUDR",
    concentration_ng_per_ml=5_000_000,
    viscosity_permille=1_000,
    batch="B2",
)
PAST_NS = 8 * DAY_NS
"""A refill is no longer too early."""
JUSTIFIED: Any = {"reason": RefillReason.VERIFY_PUMP, "previous_refill_id": 1}
"""What lets a refill come so soon after that of the factory."""
SALINE = FILL.model_copy(update={"drug": "saline", "concentration_ng_per_ml": 0})
"""A fill that holds no drug."""


@pytest.fixture
def programmer() -> Programmer:
    device = make()
    device.advance(HOUR_NS)
    programmer = Programmer(device)
    programmer.open()
    return programmer


def logged(device: Device, kind: EventKind) -> list[tuple[int, int]]:
    """Subject and value of every entry of a kind."""
    return [(e.subject, e.value) for e in entries_of(device.log) if e.kind is kind]


def is_refused(programmer: Programmer, body: m.Command, why: Refusal) -> None:
    """By that name, with an entry that names the command, and with nothing changed."""
    device = programmer.device
    before = kept(device)
    reply = programmer.command(body)
    assert isinstance(reply, m.Refused), reply
    assert reply.reason is why
    command_id = hash(programmer.link) % 1_000_000 * 1_000 + programmer.commands
    *_, entry = [e for e in entries_of(device.log) if e.kind is EventKind.COMMAND_REFUSED]
    assert (entry.subject, entry.value, entry.command) == (why, command_id, body.code)
    assert kept(device) == before
    outcome = programmer.ask(m.QueryOutcome(command_id=command_id))
    assert isinstance(outcome, m.CommandOutcome)
    assert (outcome.state, outcome.reason) == (OutcomeState.REFUSED, why)


def kept(device: Device) -> list[Any]:
    """What a request could have changed."""
    replies = [
        device.ask_logic(Request(ask, Role.PATIENT, 0))
        for ask in (m.ReadConfiguration(), m.ListAlarms(after_occurrence=0), m.GetStatus())
    ]
    return [*replies, device.oscillator.rtc_s(device.now_ns)]


def is_alarmed(device: Device, alarm: AlarmId, samples: int = 4) -> None:
    """It was not there before, is raised within some samples, and stands in the log."""
    assert alarm not in present(device)
    device.advance(device.now_ns + samples * SAMPLE_NS)
    assert alarm in present(device)
    assert alarm in {subject for subject, _ in logged(device, EventKind.ALARM_RAISED)}


def present(device: Device) -> tuple[AlarmId, ...]:
    assert device.beliefs is not None
    return device.beliefs.alarms


def act(device: Device, kind: str, **fields: Any) -> None:
    device.stimulate(device.now_ns, stimulus(kind, **fields))


# ---- ids nobody knows, and numbers that are out of date


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            m.AcknowledgeAlarm(alarm=AlarmId.OCCLUSION, occurrence=1),
            Refusal.UNKNOWN_ALARM,
        ),
        (
            m.PauseAudio(alarm=AlarmId.OCCLUSION, occurrence=1, duration_ms=60_000),
            Refusal.UNKNOWN_ALARM,
        ),
        (
            m.AcknowledgeAlarm(alarm=AlarmId.LOW_RESERVOIR, occurrence=99),
            Refusal.UNKNOWN_OCCURRENCE,
        ),
        (
            m.PauseAudio(alarm=AlarmId.LOW_RESERVOIR, occurrence=99, duration_ms=60_000),
            Refusal.UNKNOWN_OCCURRENCE,
        ),
    ],
)
def test_an_alarm_that_does_not_stand_is_refused(
    programmer: Programmer, body: m.Command, why: Refusal
) -> None:
    """ALM-04, LOG-01: the condition does not stand, or it is not that occurrence."""
    act(programmer.device, "withdraw", volume="25.5 mL")
    is_alarmed(programmer.device, AlarmId.LOW_RESERVOIR)
    programmer.ask(m.GetStatus())
    is_refused(programmer, body, why)


def test_a_session_that_never_was_is_refused(programmer: Programmer) -> None:
    """COM-03, LOG-01."""
    programmer.session.session_id = 4_711
    reply = programmer.command(m.RunSelfTest())
    assert isinstance(reply, m.Refused)
    assert reply.reason is Refusal.NO_SESSION
    (entry,) = logged(programmer.device, EventKind.COMMAND_REFUSED)
    assert entry[0] == Refusal.NO_SESSION


def test_a_stale_configuration_is_refused(programmer: Programmer) -> None:
    """FLW-07, LOG-01: another one has been written since it was read."""
    report = programmer.ask(m.ReadConfiguration())
    assert isinstance(report, m.ConfigurationReport)
    assert report.configuration is not None
    write = m.WriteConfiguration(base_config_id=1, configuration=report.configuration)
    assert programmer.command(write) == m.Done(reference=2)
    is_refused(programmer, write, Refusal.STALE_CONFIGURATION)


@pytest.mark.parametrize("previous", [None, 0, 99])
def test_a_second_refill_in_the_same_interval_is_refused(
    programmer: Programmer, previous: int | None
) -> None:
    """RES-10, LOG-01: without a reason, or with one that knows another refill as the last."""
    assert programmer.command(m.BeginRefill()) == m.Done()
    reason = None if previous is None else RefillReason.OTHER
    early = m.CommitRefill(refill=FILL, reason=reason, previous_refill_id=previous)
    is_refused(programmer, early, Refusal.REFILL_TOO_EARLY)
    assert programmer.command(early.model_copy(update=JUSTIFIED)) == m.Done(reference=2)


# ---- values that cannot be


@pytest.mark.parametrize("rtc_s", [0, 1, EARLIEST_S - 1, m.MAX_UNIX_S])
def test_a_clock_set_to_1970_is_refused(programmer: Programmer, rtc_s: int) -> None:
    """TIM-04, LOG-01: no pump is so old; nor does one outlive its register."""
    is_refused(programmer, m.SetClock(rtc_s=rtc_s), Refusal.OUT_OF_RANGE)


def test_a_clock_that_jumps_to_1970_is_an_alarm(programmer: Programmer) -> None:
    """TIM-05, LOG-01: by itself, and calling itself valid."""
    act(programmer.device, "clock_fault", back="20000000 d", valid=True)
    is_alarmed(programmer.device, AlarmId.CLOCK_INVALID)


def test_more_drug_than_liquid_is_refused_and_the_most_there_can_be_is_not(
    programmer: Programmer,
) -> None:
    """DOS-09, LOG-01: a milligram taken for a microgram is a thousandfold; a gram is the end."""
    dense = FILL.model_copy(update={"concentration_ng_per_ml": 5_000_000_000})
    assert programmer.command(m.BeginRefill()) == m.Done()
    is_refused(programmer, m.CommitRefill(refill=dense), Refusal.OUT_OF_RANGE)
    dense = dense.model_copy(update={"concentration_ng_per_ml": m.MAX_DISSOLVED_NG_PER_ML})
    assert programmer.command(m.CommitRefill(refill=dense, **JUSTIFIED)) == m.Done(reference=2)


def test_more_drug_than_liquid_is_refused_on_the_bolus_path_too(programmer: Programmer) -> None:
    """DOS-09, LOG-01."""
    begin = m.BeginBolusAccess(drug="FUDR", concentration_ng_per_ml=m.MAX_DISSOLVED_NG_PER_ML + 1)
    is_refused(programmer, begin, Refusal.OUT_OF_RANGE)
    begin = begin.model_copy(update={"concentration_ng_per_ml": m.MAX_DISSOLVED_NG_PER_ML})
    assert programmer.command(begin) == m.Done()


@pytest.mark.parametrize("concentration", [-1, 10**12 + 1, 0.5, "5 mg/mL", None])
def test_a_concentration_the_wire_does_not_know_is_malformed(
    programmer: Programmer, concentration: object
) -> None:
    """LOG-01: it never becomes a request, and still is answered by name and leaves an entry."""
    commit = programmer.session.command(m.CommitRefill(refill=FILL), 7, 60_000)
    sound, spoilt = (
        f'"concentration_ng_per_ml":{json.dumps(value)}' for value in (5_000_000, concentration)
    )
    text = to_json(commit)
    assert sound in text
    found = from_json(text.replace(sound, spoilt))
    assert isinstance(found, Malformed)
    programmer.device.refuse(programmer.device.now_ns, "wire", found)
    (reply,) = programmer.collect()
    assert isinstance(reply.body, m.Refused)
    assert reply.body.reason is Refusal.MALFORMED
    assert logged(programmer.device, EventKind.COMMAND_REFUSED) == [(Refusal.MALFORMED, 0)]


# ---- words and hands that do not go together


@pytest.mark.slow
def test_a_refill_reported_without_a_syringe_is_an_alarm() -> None:
    """RES-07, LOG-01: 28 ml declared, and the fill level stays."""
    device = make()
    device.advance(PAST_NS)
    programmer = Programmer(device)
    programmer.open()
    assert programmer.command(m.BeginRefill()) == m.Done()
    declared = FILL.model_copy(update={"withdrawn_nl": 17_000_000, "filled_nl": 28_000_000})
    assert programmer.command(m.CommitRefill(refill=declared)) == m.Done(reference=2)
    is_alarmed(device, AlarmId.POCKET_FILL)


def test_a_syringe_without_a_report_is_an_alarm(programmer: Programmer) -> None:
    """RES-07, LOG-01: a needle nobody announced."""
    act(programmer.device, "fill", volume="1 mL", drug="FUDR", concentration="5 mg/mL")
    is_alarmed(programmer.device, AlarmId.TAMPERING)


@pytest.mark.slow
def test_a_visit_whose_needle_stays_in_its_box_is_an_alarm() -> None:
    """RES-07, LOG-01: the same by the clinic's own hands and programmer."""
    device = make()
    device.advance(PAST_NS)
    clinic = visits.Clinic(DeviceBedside(device), device.pump, {"F": FillSection(drug="FUDR")})
    visit = {"kind": "refill", "fill": "F", "into": "nowhere", "declared_withdrawn": "17 mL"}
    clinic.receive(visits.Refill.model_validate(visit))
    assert clinic.journal.refusals == []
    is_alarmed(device, AlarmId.POCKET_FILL)


# ---- the end


def test_a_pump_is_not_explanted_with_drug_in_it(programmer: Programmer) -> None:
    """LOG-01: nothing stops a gas-driven pump, so what it holds when it is taken out runs on."""
    assert programmer.command(m.BeginRefill()) == m.Done()
    end = m.CommitRefill(refill=FILL, reason=RefillReason.EXPLANT, previous_refill_id=1)
    is_refused(programmer, end, Refusal.OUT_OF_RANGE)
    is_refused(programmer, m.Explant(), Refusal.REFILL_OPEN)
    device = programmer.device
    came_nl = device.stimulate(device.now_ns, stimulus("withdraw"))["withdrawn_nl"]
    water = stimulus("fill", volume="1 mL", drug="saline", concentration="0 mg/mL")
    device.stimulate(device.now_ns, water)
    saline = SALINE.model_copy(update={"withdrawn_nl": came_nl})
    emptied = end.model_copy(update={"refill": saline})
    assert programmer.command(emptied) == m.Done(reference=2)
    is_refused(programmer, m.Explant(), Refusal.STILL_INFUSING)  # no level has told yet
    device.advance(device.now_ns + 3 * SAMPLE_NS)
    programmer.ask(m.GetStatus())  # tells the uptime anew
    assert programmer.command(m.Explant()) == m.Done()
    [(_, delivered_nl)] = logged(programmer.device, EventKind.EXPLANTED)
    assert delivered_nl > 0


def test_a_pump_is_not_taken_out_while_it_infuses(programmer: Programmer) -> None:
    """RES-13: as it runs, with an injection under way, and by hands that asked for no refill."""
    is_refused(programmer, m.Explant(), Refusal.STILL_INFUSING)
    access = m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0)
    assert programmer.command(access) == m.Done()
    is_refused(programmer, m.Explant(), Refusal.BOLUS_ACCESS_OPEN)
    assert logged(programmer.device, EventKind.EXPLANTED) == []
