"""The emulated pump as a whole: packets and instants in, packets out."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.codec import Malformed
from protocol.configfile import ConfigError
from protocol.session import IDLE_LIMIT_MS, ClientSession
from protocol.vocabulary import (
    AlarmId,
    Capability,
    EventKind,
    OutcomeState,
    Refusal,
    ResetCause,
    Role,
    Sounder,
)
from pumpsim import pumpfile, snapshot, stimuli
from pumpsim.device import SAMPLE_NS, Device

HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS
VALID_MS = 60_000


def make(logic: str | None = None, seed: int = 1) -> Device:
    pump = pumpfile.demo()
    if logic is not None:
        section = pump.pump.model_copy(update={"logic": logic})
        pump = pump.model_copy(update={"pump": section})
    device = Device(pump, seed)
    device.implant()
    return device


def stimulus(kind: str, **fields: Any) -> Any:
    return stimuli.ADAPTER.validate_python({"kind": kind, **fields})


class Programmer:
    """A client on one link of a device, in process."""

    def __init__(self, device: Device, link: str = "wire") -> None:
        self.device = device
        self.link = link
        self.session = ClientSession()
        self.notices: list[m.Packet] = []
        self.commands = 0
        device.attach(link)

    def send(self, packet: m.Packet, now_ns: int | None = None) -> m.Reply:
        at_ns = self.device.now_ns if now_ns is None else now_ns
        self.device.receive(at_ns, self.link, packet)
        replies = self.collect()
        assert len(replies) == 1
        self.session.learn(replies[0])
        body = replies[0].body
        assert isinstance(body, m.Reply)
        return body

    def collect(self) -> list[m.Packet]:
        mine = [p for link, p in self.device.messages_to_send() if link == self.link]
        self.notices += [p for p in mine if isinstance(p.body, m.Notice)]
        return [p for p in mine if isinstance(p.body, m.Reply)]

    def ask(self, body: m.Ask) -> m.Reply:
        return self.send(self.session.ask(body))

    def open(self, role: Role = Role.CLINICIAN) -> None:
        assert isinstance(self.ask(m.Open(role=role, client="test")), m.Opened)

    def command(self, body: m.Command) -> m.Reply:
        self.commands += 1
        number = hash(self.link) % 1_000_000 * 1_000 + self.commands
        return self.send(self.session.command(body, number, VALID_MS))

    def events(self) -> list[tuple[EventKind, int]]:
        entries: list[m.LogEntry] = []
        while True:
            start = entries[-1].sequence + 1 if entries else 1
            page = self.ask(m.ReadLog(from_sequence=start, limit=m.MAX_LIST))
            assert isinstance(page, m.LogPage)
            if not page.entries:
                return [(entry.kind, entry.subject) for entry in entries]
            entries += page.entries


@pytest.fixture
def device() -> Device:
    return make()


@pytest.fixture
def programmer(device: Device) -> Programmer:
    return Programmer(device)


def reason(reply: m.Reply) -> Refusal:
    assert isinstance(reply, m.Refused), reply
    return reply.reason


def status_of(reply: m.Reply) -> m.StatusPart:
    assert isinstance(reply, m.Status), reply
    return reply.status


# ---- time


def run_of(device: Device, steps: list[int]) -> tuple[str, list[tuple[str, m.Packet]]]:
    device.attach("wire", 7 * 10**9, events=True)
    sent = []
    for step in steps:
        device.advance(step)
        sent += device.messages_to_send()
    return json.dumps(snapshot.take(device)), sent


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 2 * HOUR_NS), max_size=20))
def test_splitting_an_advance_changes_nothing(cuts: list[int]) -> None:
    whole = run_of(make(), [2 * HOUR_NS])
    parts = run_of(make(), [*sorted(cuts), 2 * HOUR_NS])
    assert parts == whole


@pytest.mark.slow
def test_one_seed_is_one_life_and_another_seed_another() -> None:
    one, same, other = (run_of(make(seed=seed), [6 * HOUR_NS])[0] for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_the_next_deadline_is_when_something_happens(device: Device) -> None:
    assert device.next_deadline() == SAMPLE_NS
    device.advance(SAMPLE_NS - 1)
    before = device.readings
    device.advance(SAMPLE_NS)
    assert device.readings != before
    device.attach("wire", 10**9)
    assert device.next_deadline() == SAMPLE_NS  # telemetry is due at once


def test_telemetry_of_a_link_may_begin_later(device: Device) -> None:
    device.attach("wire", 10**9, first_ns=10**9 // 4)
    device.advance(3 * 10**9)
    told = [p.header for _, p in device.messages_to_send() if isinstance(p.body, m.Telemetry)]
    uptimes_ms = [header.uptime_ms for header in told if isinstance(header, m.NoticeHeader)]
    assert uptimes_ms == [250, 1_250, 2_250]


def test_belief_holds_the_truth_through_a_fever(device: Device) -> None:
    device.stimulate(0, stimulus("fever", rise="2 K", duration="12 h"))
    for hour in range(1, 30):
        device.advance(hour * HOUR_NS)
        true_nl_per_h = device.plant.state.flow_m3_per_s * 1e12 * 3_600
        assert device.beliefs is not None
        flow, volume = device.beliefs.flow_nl_per_h, device.beliefs.residual_volume_nl
        assert flow is not None
        assert volume is not None
        assert flow.low <= true_nl_per_h <= flow.high
        assert volume.low <= device.plant.ledger.reservoir_fl / 1e6 <= volume.high


# ---- requests


def test_identity_and_status_need_no_session(programmer: Programmer) -> None:
    identity = programmer.ask(m.Identify())
    assert isinstance(identity, m.Identity)
    assert (identity.device_id, identity.firmware) == ("demo", "reference 0.1")
    assert Capability.CONTROL_LOGIC in identity.capabilities
    status = status_of(programmer.ask(m.GetStatus()))
    assert status.drug == "FUDR"
    assert status.sample_sequence == 0


def test_every_reply_says_which_life_and_configuration(programmer: Programmer) -> None:
    """COM-08."""
    programmer.device.receive(5 * 10**9, "wire", programmer.session.ask(m.Identify()))
    (reply,) = programmer.collect()
    assert isinstance(reply.header, m.ReplyHeader)
    assert (reply.header.boot_id, reply.header.config_id) == (1, 1)
    assert reply.header.uptime_ms == pytest.approx(5_000, abs=1)


def test_replies_and_notices_are_never_answered(programmer: Programmer) -> None:
    """A loop-back plug settles to silence."""
    device = programmer.device
    device.receive(0, "wire", programmer.session.ask(m.GetStatus()))
    echoed = [packet for _, packet in device.messages_to_send()]
    for packet in echoed:
        device.receive(0, "wire", packet)
    assert device.messages_to_send() == []


def test_what_meant_to_be_a_request_is_refused_once(programmer: Programmer) -> None:
    device = programmer.device
    device.refuse(0, "wire", Malformed(0x03, 9, Refusal.MALFORMED, "no key 77"))
    device.refuse(0, "wire", Malformed(0x44, 9, Refusal.MALFORMED, "an echo"))
    ((link, packet),) = device.messages_to_send()
    assert link == "wire"
    assert packet.body == m.Refused(reason=Refusal.MALFORMED, detail="no key 77")


def test_a_command_acts_once_and_its_outcome_can_be_asked(programmer: Programmer) -> None:
    """COM-04, COM-09."""
    programmer.open()
    begin = programmer.session.command(m.BeginRefill(), 4711, VALID_MS)
    assert programmer.send(begin) == m.Done()
    assert programmer.send(begin) == m.Done()
    assert [kind for kind, _ in programmer.events()].count(EventKind.REFILL_BEGUN) == 2  # + factory
    outcome = programmer.ask(m.QueryOutcome(command_id=4711))
    assert isinstance(outcome, m.CommandOutcome)
    assert outcome.state is OutcomeState.DONE
    unknown = programmer.ask(m.QueryOutcome(command_id=4712))
    assert isinstance(unknown, m.CommandOutcome)
    assert unknown.state is OutcomeState.UNKNOWN


def test_a_second_writer_is_told_busy_until_the_first_is_done(device: Device) -> None:
    first, second = Programmer(device, "one"), Programmer(device, "two")
    first.open()
    second.open()
    assert first.command(m.BeginRefill()) == m.Done()
    assert reason(second.command(m.AbortRefill())) is Refusal.BUSY
    assert first.command(m.Close()) == m.Done()
    assert second.command(m.AbortRefill()) == m.Done()


def test_a_request_from_before_a_reboot_is_refused(programmer: Programmer) -> None:
    """COM-06."""
    programmer.open()
    late = programmer.session.command(m.BeginRefill(), 1, VALID_MS)
    programmer.device.reset(10**9, ResetCause.BROWN_OUT)
    assert reason(programmer.send(late)) is Refusal.STALE_BOOT
    assert not status_of(programmer.ask(m.GetStatus())).refill_open
    assert any(isinstance(p.body, m.Booted) for p in programmer.notices)


def test_outcomes_outlive_a_reboot(programmer: Programmer) -> None:
    programmer.open()
    begin = programmer.session.command(m.BeginRefill(), 4711, VALID_MS)
    programmer.send(begin)
    programmer.device.reset(10**9, ResetCause.POWER_ON)
    outcome = programmer.ask(m.QueryOutcome(command_id=4711))
    assert isinstance(outcome, m.CommandOutcome)
    assert outcome.state is OutcomeState.DONE


def test_an_idle_session_ends_by_device_time(programmer: Programmer) -> None:
    """COM-03."""
    programmer.open()
    programmer.device.advance(601 * 10**9)
    assert reason(programmer.command(m.BeginRefill())) is Refusal.NO_SESSION
    assert (EventKind.SESSION_ENDED, int(Role.CLINICIAN)) in programmer.events()


def test_refused_commands_are_logged(programmer: Programmer) -> None:
    """LOG-01."""
    programmer.open(Role.PATIENT)
    assert reason(programmer.command(m.BeginRefill())) is Refusal.ROLE
    assert (EventKind.COMMAND_REFUSED, int(Refusal.ROLE)) in programmer.events()


def test_a_clock_at_its_bounds_hurts_nobody(programmer: Programmer) -> None:
    device = programmer.device
    programmer.open()
    assert programmer.command(m.SetClock(rtc_s=m.MAX_UNIX_S - 1)) == m.Done()
    assert isinstance(programmer.command(m.RunSelfTest()), m.SelfTestReport)
    device.stimulate(device.now_ns, stimulus("clock_fault", back="20000000 d"))
    device.stimulate(device.now_ns, stimulus("withdraw", volume="26 mL"))
    device.advance(2 * SAMPLE_NS)
    assert device.readings is not None
    assert device.readings.rtc_s == 0
    assert device.actuation.sounder is not Sounder.OFF


# ---- notices


def test_telemetry_comes_at_its_period_of_device_time(programmer: Programmer) -> None:
    assert programmer.ask(m.SubscribeTelemetry(period_ms=10_000)) == m.Done()
    programmer.device.advance(60 * 10**9)
    programmer.collect()
    telemetry = [p for p in programmer.notices if isinstance(p.body, m.Telemetry)]
    assert len(telemetry) == 7
    assert [p.header.sequence for p in telemetry if isinstance(p.header, m.NoticeHeader)] == [
        1, 2, 3, 4, 5, 6, 7,
    ]  # fmt: skip
    assert programmer.ask(m.SubscribeTelemetry(period_ms=0)) == m.Done()
    programmer.notices.clear()
    programmer.device.advance(120 * 10**9)
    programmer.collect()
    assert programmer.notices == []


def test_a_held_link_learns_how_much_it_missed(programmer: Programmer) -> None:
    """COM-10."""
    device = programmer.device
    programmer.ask(m.SubscribeTelemetry(period_ms=1_000))
    device.hold("wire")
    device.advance(600 * 10**9)
    programmer.collect()
    assert [p for p in programmer.notices if isinstance(p.body, m.Telemetry)] == []
    device.release(600 * 10**9, "wire")
    device.advance(602 * 10**9)
    programmer.collect()
    first = programmer.notices[0].body
    assert isinstance(first, m.Telemetry)
    assert 598 <= first.dropped <= 602
    second = programmer.notices[1].body
    assert isinstance(second, m.Telemetry)
    assert second.dropped == 0  # it has been told


def test_a_released_link_waits_no_longer_than_a_period(programmer: Programmer) -> None:
    device = programmer.device
    programmer.ask(m.SubscribeTelemetry(period_ms=1_000))
    device.hold("wire")
    device.advance(5 * 10**9)
    device.release(5 * 10**9, "wire")
    device.advance(6 * 10**9)
    programmer.collect()
    first = programmer.notices[0].body
    assert isinstance(first, m.Telemetry)
    assert 4 <= first.dropped <= 6


def test_an_alarm_sounds_and_is_told_to_every_link(device: Device) -> None:
    one, two = Programmer(device, "one"), Programmer(device, "two")
    device.stimulate(0, stimulus("withdraw", volume="25.5 mL"))
    device.advance(2 * SAMPLE_NS)
    packets = device.messages_to_send()
    for link in (one.link, two.link):
        bodies = [p.body for name, p in packets if name == link]
        changed = [b.alarm.alarm for b in bodies if isinstance(b, m.AlarmChanged)]
        assert changed[0] is AlarmId.LOW_RESERVOIR
    assert device.actuation.sounder is Sounder.MEDIUM


def test_a_detached_link_gets_nothing_more(programmer: Programmer) -> None:
    programmer.ask(m.SubscribeTelemetry(period_ms=1_000))
    programmer.device.detach("wire")
    programmer.device.messages_to_send()
    programmer.device.advance(10 * 10**9)
    assert programmer.device.messages_to_send() == []


def test_the_log_is_read_page_by_page(programmer: Programmer) -> None:
    kinds = [kind for kind, _ in programmer.events()]
    assert kinds[:2] == [EventKind.BOOT, EventKind.CONFIGURATION_WRITTEN]


# ---- a bare device


def test_a_bare_device_offers_readings_and_takes_actuation() -> None:
    programmer = Programmer(make("bare"))
    assert reason(programmer.ask(m.GetStatus())) is Refusal.UNSUPPORTED
    assert reason(programmer.ask(m.SubscribeTelemetry(period_ms=1))) is Refusal.UNSUPPORTED
    report = programmer.ask(m.ReadReadings())
    assert isinstance(report, m.ReadingsReport)
    assert report.readings is not None
    assert report.readings.fill_level_nl == pytest.approx(28_000_000, abs=250_000)
    configuration = programmer.ask(m.ReadConfiguration())
    assert isinstance(configuration, m.ConfigurationReport)
    assert configuration.configuration is not None
    assert programmer.ask(m.SubscribeSamples(enabled=True)) == m.Done()
    programmer.device.advance(5 * SAMPLE_NS)
    programmer.collect()
    samples = [p.body for p in programmer.notices if isinstance(p.body, m.Sampled)]
    assert [sample.readings.sequence for sample in samples] == [1, 2, 3, 4, 5]
    assert programmer.ask(m.SubscribeSamples(enabled=False)) == m.Done()
    programmer.notices.clear()
    programmer.device.advance(10 * SAMPLE_NS)
    programmer.collect()
    assert programmer.notices == []
    programmer.open(Role.SERVICE)
    assert programmer.command(m.Actuate(sounder=Sounder.HIGH, patient_signal=True)) == m.Done()
    assert programmer.device.actuation.sounder is Sounder.HIGH
    valve = m.Actuate(sounder=Sounder.OFF, patient_signal=False, valve_open=True)
    assert reason(programmer.command(valve)) is Refusal.NO_VALVE
    assert reason(programmer.command(m.BeginRefill())) is Refusal.UNSUPPORTED


def test_a_session_lives_as_long_as_it_asks(programmer: Programmer) -> None:
    """COM-03: questions keep it, and silence ends it."""
    programmer.open()
    idle_ns = IDLE_LIMIT_MS * 1_000_000
    for _ in range(3):
        programmer.device.advance(programmer.device.now_ns + idle_ns * 2 // 3)
        assert isinstance(programmer.ask(m.GetStatus()), m.Status)
    assert isinstance(programmer.command(m.BeginRefill()), m.Done)
    programmer.device.advance(programmer.device.now_ns + idle_ns * 4 // 3)
    assert reason(programmer.command(m.AbortRefill())) is Refusal.NO_SESSION


def test_a_device_with_logic_takes_no_actuation(programmer: Programmer) -> None:
    programmer.open(Role.SERVICE)
    reply = programmer.command(m.Actuate(sounder=Sounder.HIGH, patient_signal=True))
    assert reason(reply) is Refusal.UNSUPPORTED


# ---- logic that breaks its contract (RST-11)


def with_logic(name: str) -> Programmer:
    return Programmer(make(f"tests.device.broken_logic:{name}"))


@pytest.mark.parametrize(
    ("logic", "cause"),
    [
        ("Raising", ResetCause.FIRMWARE_FAULT),
        ("Unpowered", ResetCause.BROWN_OUT),
        ("Stuck", ResetCause.FIRMWARE_FAULT),
    ],
)
def test_a_failing_sample_is_a_reset_not_a_dead_device(logic: str, cause: ResetCause) -> None:
    programmer = with_logic(logic)
    programmer.device.advance(10 * SAMPLE_NS)
    programmer.collect()
    events = programmer.events()
    assert (EventKind.BOOT, int(cause)) in events
    assert status_of(programmer.ask(m.GetStatus())).drug == "FUDR"


def test_nonsense_is_a_named_fault_and_an_answer() -> None:
    programmer = with_logic("Nonsense")
    assert reason(programmer.ask(m.GetStatus())) is Refusal.FIRMWARE_FAULT
    assert EventKind.FIRMWARE_FAULT in [kind for kind, _ in programmer.events()]
    assert isinstance(programmer.ask(m.Identify()), m.Identity)


@pytest.mark.parametrize(
    "name", ["MyLogic", ":MyLogic", "mylogic:", ".near:MyLogic", "tests.device.unimportable:Logic"]
)
def test_logic_that_cannot_be_loaded_is_told_in_one_sentence(name: str) -> None:
    with pytest.raises(ConfigError, match="bare") as caught:
        make(name)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_logic_that_cannot_boot_leaves_a_mute_device() -> None:
    programmer = with_logic("Unbootable")
    programmer.device.advance(10 * SAMPLE_NS)
    assert reason(programmer.ask(m.GetStatus())) is Refusal.UNSUPPORTED
    assert isinstance(programmer.ask(m.Identify()), m.Identity)


# ---- snapshots


def life(device: Device, from_h: int, to_h: int) -> list[Any]:
    sent: list[Any] = []
    for hour in range(from_h, to_h):
        if hour == 30:
            fault = stimulus("plant_condition", name="restrictor_conductance_factor", value=1.5)
            device.stimulate(hour * HOUR_NS + 123, fault)
        device.advance(hour * HOUR_NS + HOUR_NS // 2)
        sent.append((device.readings, device.beliefs, device.actuation, device.truth()))
    return sent


def test_going_on_from_a_snapshot_equals_going_on(device: Device) -> None:
    life(device, 0, 20)
    copy = snapshot.restore(device.pump, json.loads(json.dumps(snapshot.take(device))))
    assert copy.timeline_id == device.timeline_id + 1
    assert life(copy, 20, 48) == life(device, 20, 48)


def paused_low_reservoir(device: Device) -> None:
    """Somebody pauses the sound of an alarm for longer than anything here lasts."""
    device.stimulate(0, stimulus("withdraw", volume="25.5 mL"))
    device.advance(2 * SAMPLE_NS)
    programmer = Programmer(device)
    programmer.open()
    alarms = programmer.ask(m.ListAlarms(after_occurrence=0))
    assert isinstance(alarms, m.AlarmList)
    for alarm in alarms.alarms:
        pause = m.PauseAudio(
            alarm=alarm.alarm, occurrence=alarm.occurrence, duration_ms=m.MAX_AUDIO_PAUSE_MS
        )
        assert programmer.command(pause) == m.Done()
    assert device.actuation.sounder is Sounder.OFF


def test_a_pause_ends_with_the_session_that_a_restore_ends(device: Device) -> None:
    """ALM-12."""
    paused_low_reservoir(device)
    data = json.loads(json.dumps(snapshot.take(device)))
    assert device.actuation.sounder is Sounder.OFF  # saving it ends nothing
    copy = snapshot.restore(device.pump, data)
    assert copy.actuation.sounder is Sounder.MEDIUM
    events = [kind for kind, _ in Programmer(copy, "other").events()]
    assert events[-2:] == [EventKind.SESSION_ENDED, EventKind.AUDIO_RESUMED]
    again = snapshot.restore(device.pump, json.loads(json.dumps(snapshot.take(copy))))
    assert [kind for kind, _ in Programmer(again, "other").events()] == events  # it ends once


def test_failing_logic_boots_at_the_same_instants_after_a_restore() -> None:
    device = with_logic("Unbootable").device
    device.advance(5 * SAMPLE_NS)
    copy = snapshot.restore(device.pump, json.loads(json.dumps(snapshot.take(device))))
    for each in (device, copy):
        each.advance(11 * SAMPLE_NS)
    assert copy.boot_id == device.boot_id


def test_a_last_will_costs_no_number(device: Device) -> None:
    numbers = [device.presence(online=online).header for online in (False, True, False, True)]
    assert [n.sequence for n in numbers if isinstance(n, m.NoticeHeader)] == [0, 1, 1, 2]


def test_each_restore_begins_a_timeline_nobody_has_seen(device: Device) -> None:
    data = snapshot.take(device)
    first = snapshot.restore(device.pump, data, known_timeline=device.timeline_id)
    second = snapshot.restore(device.pump, data, known_timeline=first.timeline_id)
    assert [device.timeline_id, first.timeline_id, second.timeline_id] == [1, 2, 3]


def test_a_snapshot_of_another_device_is_refused(device: Device) -> None:
    data = snapshot.take(device)
    with pytest.raises(ValueError, match="not a snapshot of 'demo'"):
        snapshot.restore(device.pump, {**data, "device": "other"})
    with pytest.raises(ValueError, match="schema"):
        snapshot.restore(device.pump, {**data, "schema": 99})


# ---- without supply


def test_without_supply_it_is_mute_and_with_it_again_a_new_life(programmer: Programmer) -> None:
    device = programmer.device
    programmer.open()
    assert programmer.ask(m.SubscribeTelemetry(period_ms=60_000)) == m.Done()
    device.stimulate(device.now_ns, stimulus("power_off"))
    device.messages_to_send()
    device.receive(device.now_ns, programmer.link, programmer.session.ask(m.GetStatus()))
    garbled = Malformed(None, 7, Refusal.MALFORMED, "no such thing")
    device.refuse(device.now_ns, programmer.link, garbled)
    device.advance(device.now_ns + 2 * HOUR_NS)
    assert device.messages_to_send() == []
    assert device.next_deadline() % SAMPLE_NS == 0  # only the plant goes on
    command = programmer.session.command(m.Close(), 5, VALID_MS)
    device.stimulate(device.now_ns, stimulus("power_on"))
    told = [p.body for _, p in device.messages_to_send()]
    assert any(isinstance(body, m.Booted) and body.resets == 1 for body in told)
    assert reason(programmer.send(command)) in (Refusal.STALE_BOOT, Refusal.NO_SESSION)
    device.advance(device.now_ns + SAMPLE_NS)
    assert any(isinstance(p.body, m.Telemetry) for _, p in device.messages_to_send())


def test_without_supply_nothing_sounds(device: Device) -> None:
    device.stimulate(0, stimulus("withdraw"))
    device.advance(10 * SAMPLE_NS)
    sounders = [device.actuation.sounder]
    device.stimulate(device.now_ns, stimulus("power_off"))
    sounders.append(device.actuation.sounder)
    assert sounders[0] is not Sounder.OFF
    assert sounders[1] is Sounder.OFF
