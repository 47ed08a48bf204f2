"""A conversation over a link that loses, repeats and garbles, with a real device at its end."""

from collections import deque
from collections.abc import Callable

import pytest

from hil.client import Client
from hil.emulated.bench import EmulatedPort
from hil.errors import LinkError, PeerError, UncertainError
from hil.exchange import Exchange
from hil.port import Item
from protocol import messages as m
from protocol.codec import Malformed
from protocol.session import MAX_SESSIONS
from protocol.vocabulary import EventKind, Refusal, ResetCause, Role
from pumpsim.device import Device
from pumpsim.pumpfile import demo

Twist = Callable[[Item], list[Item]]


class TwistedPort:
    """A port whose traffic passes through two functions; each sees the packets in order."""

    def __init__(self, port: EmulatedPort, out: Twist, back: Twist) -> None:
        self.name = "twisted"
        self.sent: list[m.Packet] = []
        self._port = port
        self._out = out
        self._back = back
        self._inbox: deque[Item] = deque()

    def send(self, packet: m.Packet) -> None:
        self.sent.append(packet)
        for item in self._out(packet):
            assert isinstance(item, m.Packet)
            self._port.send(item)

    def receive(self, timeout_s: float) -> Item | None:
        while (item := self._port.receive(timeout_s)) is not None:
            self._inbox += self._back(item)
        return self._inbox.popleft() if self._inbox else None

    def ready(self) -> bool:
        return bool(self._inbox) or self._port.ready()

    def close(self) -> None:
        self._port.close()


def straight(item: Item) -> list[Item]:
    return [item]


def losing(kind: type[m.Body], times: int) -> Twist:
    """The first so many packets of a kind are lost."""
    left = [times]

    def pass_on(item: Item) -> list[Item]:
        if isinstance(item, m.Packet) and isinstance(item.body, kind) and left[0]:
            left[0] -= 1
            return []
        return [item]

    return pass_on


def connect(out: Twist = straight, back: Twist = straight) -> tuple[Device, TwistedPort, Client]:
    device = Device(demo(), 1)
    device.implant()
    port = TwistedPort(EmulatedPort(device), out, back)
    return device, port, Client(Exchange(port, reply_s=0.01, draw=iter(range(1, 100)).__next__))


def refills_begun(device: Device) -> int:
    """By this client; the factory has begun one as well."""
    entries = Client(Exchange(EmulatedPort(device))).read_log()
    return sum(e.kind is EventKind.REFILL_BEGUN and e.role is Role.CLINICIAN for e in entries)


def test_a_lost_question_is_asked_again() -> None:
    _, port, client = connect(out=losing(m.GetStatus, 2))
    assert isinstance(client.status(), m.Status)
    assert len(port.sent) == 3


def test_a_command_whose_reply_is_lost_is_repeated_and_acts_once() -> None:
    device, port, client = connect(back=losing(m.Done, 1))
    assert client.begin_refill() == m.Done()
    commands = [p for p in port.sent if isinstance(p.body, m.BeginRefill)]
    assert len(commands) == 2
    assert commands[0] == commands[1]
    assert refills_begun(device) == 1


def test_a_command_whose_every_reply_is_lost_is_resolved_by_its_outcome() -> None:
    device, _, client = connect(back=losing(m.Done, 3))
    assert client.begin_refill() == m.Done()
    assert refills_begun(device) == 1


def test_a_refused_command_whose_every_reply_is_lost_is_resolved_too() -> None:
    _, _, client = connect(back=losing(m.Refused, 3))
    assert client.abort_refill() == m.Refused(reason=Refusal.NO_REFILL_OPEN)


def test_a_command_that_never_arrived_is_the_rigs_failure() -> None:
    device, _, client = connect(out=losing(m.BeginRefill, 3))
    with pytest.raises(UncertainError, match="no reply to begin_refill") as told:
        client.begin_refill()
    assert told.value.command_id == 1  # it may be tried again by
    assert refills_begun(device) == 0


def test_silence_is_the_rigs_failure_after_bounded_attempts() -> None:
    _, port, client = connect(out=losing(m.GetStatus, 1_000))
    with pytest.raises(LinkError, match="no reply to get_status: asked 3 times"):
        client.status()
    assert len(port.sent) == 3


def test_an_echo_is_no_reply_and_is_named() -> None:
    with pytest.raises(LinkError, match="echoes what it is sent"):
        Client(Exchange(LoopBack(), reply_s=0.01)).identify()


class LoopBack:
    """A plug that joins the line's two ends."""

    name = "loop-back"

    def __init__(self) -> None:
        self._line: deque[Item] = deque()

    def send(self, packet: m.Packet) -> None:
        self._line.append(packet)

    def receive(self, timeout_s: float) -> Item | None:
        del timeout_s
        return self._line.popleft() if self._line else None

    def ready(self) -> bool:
        return bool(self._line)

    def close(self) -> None:
        self._line.clear()


def test_a_reply_of_another_kind_is_the_peers_mistake() -> None:
    def confuse(item: Item) -> list[Item]:
        assert isinstance(item, m.Packet)
        body = m.Done() if isinstance(item.body, m.Status) else item.body
        return [m.Packet(item.header, body)]

    _, _, client = connect(back=confuse)
    with pytest.raises(PeerError, match="reply of type status was due, done came"):
        client.status()


def test_a_reply_that_is_no_message_is_the_peers_mistake() -> None:
    def garble(item: Item) -> list[Item]:
        assert isinstance(item, m.Packet)
        assert isinstance(item.header, m.ReplyHeader)
        return [Malformed(0x44, item.header.request_id, Refusal.MALFORMED, "flow: too large")]

    _, _, client = connect(back=garble)
    with pytest.raises(PeerError, match="flow: too large"):
        client.status()


def test_a_device_with_other_messages_takes_no_commands() -> None:
    def estrange(item: Item) -> list[Item]:
        assert isinstance(item, m.Packet)
        if isinstance(item.body, m.Opened):
            other = item.body.model_copy(update={"schema_hash": item.body.schema_hash ^ 1})
            return [m.Packet(item.header, other)]
        return [item]

    device, _, client = connect(back=estrange)
    with pytest.raises(PeerError, match="another version"):
        client.begin_refill()
    assert refills_begun(device) == 0


def test_a_session_that_ended_is_opened_again() -> None:
    device, port, client = connect()
    assert client.begin_refill() == m.Done()
    device.advance(device.now_ns + 3_600 * 10**9)  # far beyond the idle limit
    assert client.begin_refill() == m.Done()
    assert sum(isinstance(p.body, m.Open) for p in port.sent) == 2
    ids = [p.header.command_id for p in port.sent if isinstance(p.header, m.CommandHeader)]
    assert ids == [1, 2, 2]  # COM-04: it is the same command in another session


def room(device: Device) -> int:
    """How many more sessions the device would open."""
    probe = Client(Exchange(EmulatedPort(device))).exchange
    replies = [probe.ask(m.Open(role=Role.PATIENT, client="probe")) for _ in range(MAX_SESSIONS)]
    return sum(isinstance(reply, m.Opened) for reply in replies)


@pytest.mark.parametrize("lost", range(4))
def test_a_session_is_closed_for_good_though_replies_are_lost(lost: int) -> None:
    """COM-09: none is opened again only to hear that the first is gone."""
    closing = [False]
    left = [lost]

    def lose(item: Item) -> list[Item]:
        if closing[0] and isinstance(item, m.Packet) and isinstance(item.body, m.Done | m.Refused):
            left[0] -= 1
            return [item] if left[0] < 0 else []
        return [item]

    device, port, client = connect(back=lose)
    assert client.begin_refill() == m.Done()
    closing[0] = True
    client.close_session()
    assert sum(isinstance(packet.body, m.Open) for packet in port.sent) == 1
    closes = [packet for packet in port.sent if isinstance(packet.body, m.Close)]
    assert closes == closes[:1] * min(lost + 1, 3)
    assert room(device) == MAX_SESSIONS


def test_a_session_that_ended_by_itself_is_not_opened_to_be_closed() -> None:
    device, port, client = connect()
    assert client.begin_refill() == m.Done()
    device.advance(device.now_ns + 3_600 * 10**9)  # far beyond the idle limit
    client.close_session()
    client.close_session()
    assert sum(isinstance(packet.body, m.Open) for packet in port.sent) == 1
    assert room(device) == MAX_SESSIONS


def test_a_session_whose_close_never_arrived_can_be_closed_later() -> None:
    device, _, client = connect(out=losing(m.Close, 3))
    assert client.begin_refill() == m.Done()
    with pytest.raises(LinkError, match="no reply to close"):
        client.close_session()
    client.close_session()
    assert room(device) == MAX_SESSIONS


def test_a_command_done_just_before_a_reboot_is_told_done() -> None:
    device = Device(demo(), 1)
    device.implant()
    resets = [1]

    def reset_behind(item: Item) -> list[Item]:
        """The supply fails when the command was carried out and the reply is on its way."""
        assert isinstance(item, m.Packet)
        if isinstance(item.body, m.Done) and resets:
            resets.pop()
            device.reset(device.now_ns, ResetCause.BROWN_OUT)
            return []
        return [item]

    port = TwistedPort(EmulatedPort(device), straight, reset_behind)
    client = Client(Exchange(port, reply_s=0.01))
    assert client.begin_refill() == m.Done()
    assert refills_begun(device) == 1


def test_too_many_sessions_are_a_refusal_and_no_exception() -> None:
    device, _, client = connect()
    for number in range(MAX_SESSIONS):
        client.exchange.ask(m.Open(role=Role.PATIENT, client=f"client {number}"))
    client = Client(Exchange(EmulatedPort(device)))
    reply = client.begin_refill()
    assert reply == m.Refused(reason=Refusal.TOO_MANY_SESSIONS)


def test_notices_in_between_are_kept_in_order_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.exchange.MAX_NOTICES", 10)
    device, _, client = connect()
    client.subscribe_samples(enabled=True)
    device.advance(25 * 60 * 10**9)
    client.identify()
    sequences = []
    while (notice := client.exchange.next_notice()) is not None:
        assert isinstance(notice.body, m.Sampled)
        sequences.append(notice.body.readings.sequence)
    assert sequences == list(range(16, 26))
    assert client.exchange.lost_notices == 15


def test_a_late_reply_to_an_earlier_question_answers_nothing() -> None:
    kept: list[Item] = []

    def delay(item: Item) -> list[Item]:
        """The first reply comes behind the second."""
        kept.append(item)
        return [] if len(kept) == 1 else [kept[1], kept[0]] if len(kept) == 2 else [item]

    _, _, client = connect(back=delay)
    assert client.identify().device_id == "demo"
    assert isinstance(client.status(), m.Status)
