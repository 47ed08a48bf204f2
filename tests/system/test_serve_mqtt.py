"""The pump on a broker: the embedded one, and a real one that is absent, ends, refuses, repeats."""

import json
import queue
import socket
from collections.abc import Callable, Iterator
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from protocol import messages as m
from protocol.codec import Malformed, from_json, to_json
from protocol.session import ClientSession
from protocol.vocabulary import EventKind, Refusal, Role
from pumpsim.daemon.flow import first_telemetry_ns
from tests.system.conftest import Background, Daemon, Lines, Mosquitto, Serve
from tests.system.talk import COMMAND_IDS, TIMEOUT_S

pytestmark = pytest.mark.timeout(90)

Watch = Callable[..., Lines]
LEAN = ("--serial", "none", "--tcp", "none")


class Bench:
    """A programmer on a broker, with a stock client library."""

    def __init__(self, address: tuple[str, int], name: str = "bench", device: str = "demo") -> None:
        self.session = ClientSession()
        self.request = f"pumpsim/{device}/request/{name}"
        self.inbox: queue.SimpleQueue[m.Packet] = queue.SimpleQueue()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = self._take
        subscribed: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.client.on_subscribe = lambda *_: subscribed.put(None)
        self.client.connect(*address)
        self.client.subscribe(f"pumpsim/{device}/reply/{name}")
        self.client.loop_start()
        subscribed.get(timeout=TIMEOUT_S)

    def _take(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        packet = from_json(bytes(message.payload))
        assert not isinstance(packet, Malformed)
        self.inbox.put(packet)

    def publish(self, payload: str | bytes, topic: str = "", *, retain: bool = False) -> None:
        self.client.publish(topic or self.request, payload, qos=1, retain=retain)

    def reply(self) -> m.Packet:
        packet = self.inbox.get(timeout=TIMEOUT_S)
        self.session.learn(packet)
        return packet

    def ask(self, body: m.Ask) -> m.Reply:
        self.publish(to_json(self.session.ask(body)))
        reply = self.reply().body
        assert isinstance(reply, m.Reply)
        return reply

    def only_this(self) -> None:
        """What was sent before is not answered."""
        request = self.session.ask(m.Identify())
        self.publish(to_json(request))
        header = self.reply().header
        assert isinstance(request.header, m.AskHeader)
        assert isinstance(header, m.ReplyHeader)
        assert header.request_id == request.header.request_id

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    opened: list[Bench] = []

    def connect(*arguments: Any) -> Bench:
        opened.append(Bench(*arguments))
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


def on(topic: str, **wanted: Any) -> Callable[[str], bool]:
    """Whether a line of `mosquitto_sub -v` is such a message."""

    def fits(line: str) -> bool:
        where, _, payload = line.partition(" ")
        content = json.loads(payload)
        return where.endswith(topic) and all(content[name] == wanted[name] for name in wanted)

    return fits


def restore(daemon: Daemon) -> None:
    """Put back what is there: all that changes is the timeline."""
    saved = daemon.api.get("/v1/snapshot").content
    kind = {"Content-Type": "application/json"}
    assert daemon.api.put("/v1/snapshot", content=saved, headers=kind).status_code == 200


# ---- the embedded broker


def test_the_embedded_broker_serves_requests(serve: Serve, bench: Callable[..., Bench]) -> None:
    daemon = serve(*LEAN)
    one, other = bench(daemon.broker(), "one"), bench(daemon.broker(), "other")
    assert isinstance(one.ask(m.GetStatus()), m.Status)
    assert isinstance(other.ask(m.Identify()), m.Identity)
    assert one.inbox.empty()  # each finds its own replies


def say_and_leave(address: tuple[str, int], topic: str, payloads: list[str]) -> None:
    """A client that waits for nothing: all it has to say is one segment (MQTT 3.1.1)."""

    def packet(kind: int, content: bytes) -> bytes:
        low, high = len(content) % 128, len(content) // 128
        return bytes([kind, low | 0x80, high] if high else [kind, low]) + content

    name = len(topic).to_bytes(2, "big") + topic.encode()
    with socket.create_connection(address, TIMEOUT_S) as line:
        hello = packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x3c\x00\x05brief")
        said = [packet(0x30, name + payload.encode()) for payload in payloads]
        line.sendall(b"".join([hello, *said, packet(0xE0, b"")]))
        assert line.recv(4) == b"\x20\x02\x00\x00"


def test_clients_of_mqtt_5_are_refused_and_nobody_is_troubled(
    serve: Serve, bench: Callable[..., Bench]
) -> None:
    """Whether they read that or have left."""
    daemon = serve(*LEAN)
    hello = b"\x00\x04MQTT\x05\x02\x00\x3c" + b"\x00" + b"\x00\x04late"
    refusal = b"\x20\x02\x00\x01"  # a version of the protocol that is not spoken here
    for answer in (refusal, b"") * 10:
        with socket.create_connection(daemon.broker(), TIMEOUT_S) as line:
            line.sendall(bytes([0x10, len(hello)]) + hello)
            assert line.recv(len(answer)) == answer
    assert isinstance(bench(daemon.broker()).ask(m.GetStatus()), m.Status)
    assert daemon.end() == 0
    assert daemon.err.all() == ""


def test_what_somebody_says_who_leaves_at_once_arrives(
    serve: Serve, bench: Callable[..., Bench]
) -> None:
    """COM-10: whoever is gone before the others have been told has no second try."""
    daemon = serve(*LEAN)
    for number in range(8):
        bench(daemon.broker(), f"curious-{number}").client.subscribe("pumpsim/#")
    one = bench(daemon.broker())
    asked = [one.session.ask(m.Identify()) for _ in range(10)]
    say_and_leave(daemon.broker(), one.request, [to_json(packet) for packet in asked])
    for packet in asked:
        header, sent = one.reply().header, packet.header
        assert isinstance(header, m.ReplyHeader)
        assert isinstance(sent, m.AskHeader)
        assert header.request_id == sent.request_id


@pytest.mark.needs_mosquitto
def test_nobody_is_told_what_others_subscribed_to(
    serve: Serve, watch: Watch, bench: Callable[..., Bench]
) -> None:
    daemon = serve(*LEAN)
    watch(daemon.broker(), "pumpsim/#").wait_for(on("/status"))
    one = bench(daemon.broker())
    assert isinstance(one.ask(m.Identify()), m.Identity)  # and no retained status before it
    assert one.inbox.empty()


def test_nonsense_on_a_request_topic_gets_few_answers(
    serve: Serve, bench: Callable[..., Bench]
) -> None:
    one = bench(serve(*LEAN).broker())
    one.publish('{"type": "identify", "request_id": 1, "request_id": 2}')
    body = one.reply().body
    assert isinstance(body, m.Refused)
    assert body.reason is Refusal.MALFORMED
    one.publish(b"\xff\xfe")
    one.publish("x" * 200_000)
    one.publish(to_json(one.session.ask(m.Identify())), "pumpsim/demo/request/no name")
    one.publish("[" * 50_000, "pumpsim/demo/request/" + "x" * 40)
    request = one.session.ask(m.Identify())
    one.publish(to_json(request))
    while isinstance(one.reply().body, m.Refused):
        pass


@pytest.mark.needs_mosquitto
def test_birth_telemetry_and_an_alarm_are_readable(serve: Serve, watch: Watch) -> None:
    daemon = serve(*LEAN, "--speed", "max")
    lines = watch(daemon.broker(), "pumpsim/demo/#")
    lines.wait_for(on("/status", online=True, device_id="demo"))
    daemon.run_for("1 h")
    telemetry = json.loads(lines.wait_for(on("/telemetry")).partition(" ")[2])
    assert telemetry["status"]["flow_nl_per_h"]["estimate"] == pytest.approx(54_000, rel=0.1)
    daemon.stimulate(kind="withdraw")
    daemon.run_for("1 h")
    alarm = json.loads(lines.wait_for(on("/alarm")).partition(" ")[2])
    assert alarm["alarm"]["alarm"] in ("low_reservoir", "empty_reservoir", "under_infusion")
    lines.wait_for(on("/event"))


@pytest.mark.needs_mosquitto
def test_each_restore_is_a_birth_of_its_own(
    serve: Serve, watch: Watch, bench: Callable[..., Bench]
) -> None:
    daemon = serve(*LEAN)
    one = bench(daemon.broker())
    lines = watch(daemon.broker(), "pumpsim/demo/status")
    lines.wait_for(on("/status", online=True, timeline_id=1))
    for timeline_id in (2, 3, 4, 5, 6):
        restore(daemon)
        lines.wait_for(on("/status", online=False))
        lines.wait_for(on("/status", online=True, timeline_id=timeline_id))
    assert isinstance(one.ask(m.GetStatus()), m.Status)
    assert daemon.end() == 0
    assert daemon.err.all() == ""  # nothing went wrong that a person would have to know


# ---- a real broker


@pytest.mark.needs_mosquitto
def test_a_daemon_that_is_killed_leaves_its_will(
    serve: Serve, mosquitto: Mosquitto, watch: Watch
) -> None:
    mosquitto.start()
    daemon = serve(*LEAN, "--mqtt", mosquitto.uri)
    lines = watch((mosquitto.host, mosquitto.port), "pumpsim/demo/status")
    lines.wait_for(on("/status", online=True))
    daemon.kill()
    lines.wait_for(on("/status", online=False))


@pytest.mark.needs_mosquitto
def test_a_restore_renews_the_connection_and_with_it_the_will(
    serve: Serve, mosquitto: Mosquitto, watch: Watch, bench: Callable[..., Bench]
) -> None:
    mosquitto.start()
    daemon = serve(*LEAN, "--mqtt", mosquitto.uri)
    address = (mosquitto.host, mosquitto.port)
    lines = watch(address, "pumpsim/demo/#")
    lines.wait_for(on("/status", online=True, timeline_id=1))
    restore(daemon)
    lines.wait_for(on("/status", online=False))  # said by the daemon itself
    lines.wait_for(on("/status", online=True, timeline_id=2))
    lines.wait_for(on("/event", type="booted", timeline_id=2))
    lines.wait_for(on("/telemetry"))
    assert isinstance(bench(address).ask(m.GetStatus()), m.Status)
    daemon.kill()
    lines.wait_for(on("/status", online=False, timeline_id=2))


@pytest.mark.needs_mosquitto
def test_a_restore_while_the_broker_is_away_needs_no_second_birth(
    serve: Serve, mosquitto: Mosquitto, watch: Watch
) -> None:
    daemon = serve(*LEAN, "--mqtt", mosquitto.uri)
    restore(daemon)
    mosquitto.start()
    lines = watch((mosquitto.host, mosquitto.port), "pumpsim/demo/#")
    lines.wait_for(on("/status", online=True, timeline_id=2))
    lines.wait_for(on("/telemetry"))
    assert not any(on("/status", online=False)(line) for line in lines.seen)
    daemon.kill()
    lines.wait_for(on("/status", online=False, timeline_id=2))


@pytest.mark.needs_mosquitto
def test_an_absent_broker_is_told_once_and_waited_for(
    serve: Serve, mosquitto: Mosquitto, watch: Watch
) -> None:
    daemon = serve(*LEAN, "--mqtt", mosquitto.uri)
    assert "refused" in daemon.err.wait_for(lambda line: "MQTT broker" in line).lower()
    assert daemon.get("/v1/health") == {"status": "ok"}
    mosquitto.start()
    lines = watch((mosquitto.host, mosquitto.port), "pumpsim/demo/#")
    lines.wait_for(on("/status", online=True))
    lines.wait_for(on("/telemetry"))
    assert daemon.end() == 0
    refused, connected = (line for line in daemon.err.all().splitlines() if "MQTT" in line)
    assert refused.endswith("Connection refused; trying again until it is there")
    assert connected.endswith("connected")


@pytest.mark.needs_mosquitto
def test_a_broker_may_restart(
    serve: Serve, mosquitto: Mosquitto, watch: Watch, bench: Callable[..., Bench]
) -> None:
    mosquitto.start()
    daemon = serve(*LEAN, "--mqtt", mosquitto.uri, "--speed", "max")
    mosquitto.stop()
    daemon.err.wait_for(lambda line: "trying again" in line)
    daemon.stimulate(kind="power_cycle")  # its event is kept until there is a broker again
    mosquitto.start()
    lines = watch((mosquitto.host, mosquitto.port), "pumpsim/demo/status")
    lines.wait_for(on("/status", online=True))
    one = bench((mosquitto.host, mosquitto.port))
    assert isinstance(one.ask(m.GetStatus()), m.Status)


@pytest.mark.needs_mosquitto
def test_a_broker_that_refuses_is_told_and_credentials_stay_secret(
    serve: Serve, mosquitto: Mosquitto, watch: Watch
) -> None:
    mosquitto.configure("allow_anonymous false")
    mosquitto.start()
    secret = {"PUMPSIM_MQTT_USERNAME": "nurse", "PUMPSIM_MQTT_PASSWORD": "Tr0ub4dor"}
    daemon = serve(*LEAN, "--mqtt", mosquitto.uri, environment=secret)
    daemon.err.wait_for(lambda line: "not authori" in line.lower())
    mosquitto.stop()
    mosquitto.configure("allow_anonymous true")
    mosquitto.start()
    lines = watch((mosquitto.host, mosquitto.port), "pumpsim/demo/status")
    lines.wait_for(on("/status", online=True))
    assert daemon.end() == 0
    assert "Tr0ub4dor" not in daemon.err.all() + daemon.out.all()


@pytest.mark.needs_mosquitto
def test_a_command_that_is_repeated_acts_once(
    serve: Serve, mosquitto: Mosquitto, bench: Callable[..., Bench]
) -> None:
    mosquitto.start()
    serve(*LEAN, "--mqtt", mosquitto.uri, "--speed", "max")
    one = bench((mosquitto.host, mosquitto.port))
    one.ask(m.Open(role=Role.CLINICIAN, client="bench"))
    command = one.session.command(m.BeginRefill(), next(COMMAND_IDS), 60_000)
    for _ in range(5):
        one.publish(to_json(command))
    assert {type(one.reply().body) for _ in range(5)} == {m.Done}
    page = one.ask(m.ReadLog(from_sequence=0, limit=m.MAX_LIST))
    assert isinstance(page, m.LogPage)
    done = [entry for entry in page.entries if entry.kind is EventKind.COMMAND_DONE]
    assert len(done) == 1


@pytest.mark.needs_mosquitto
def test_a_retained_request_never_acts(
    serve: Serve, mosquitto: Mosquitto, bench: Callable[..., Bench]
) -> None:
    """COM-07."""
    mosquitto.start()
    one = bench((mosquitto.host, mosquitto.port))
    one.publish(to_json(one.session.ask(m.GetStatus())), retain=True)
    serve(*LEAN, "--mqtt", mosquitto.uri)
    one.only_this()


@pytest.mark.needs_mosquitto
def test_a_retained_command_acts_live_and_never_again(
    serve: Serve, mosquitto: Mosquitto, watch: Watch, bench: Callable[..., Bench]
) -> None:
    """COM-07: the pump restarts, the broker tells it the command again, and nothing comes of it."""
    mosquitto.start()
    address = (mosquitto.host, mosquitto.port)
    first = serve(*LEAN, "--mqtt", mosquitto.uri)
    one = bench(address)
    assert isinstance(one.ask(m.Open(role=Role.CLINICIAN, client="test")), m.Opened)
    begin = one.session.command(m.BeginRefill(), next(COMMAND_IDS), 60_000)
    one.publish(to_json(begin), retain=True)
    assert one.reply().body == m.Done()
    assert first.end() == 0
    serve(*LEAN, "--mqtt", mosquitto.uri)
    watch(address, one.request).wait_for(lambda line: "begin_refill" in line)  # the broker has it
    one.only_this()
    status = one.ask(m.GetStatus())
    assert isinstance(status, m.Status)
    assert not status.status.refill_open
    page = one.ask(m.ReadLog(from_sequence=0, limit=m.MAX_LIST))
    assert isinstance(page, m.LogPage)
    kinds = {entry.kind for entry in page.entries}
    assert not kinds & {EventKind.COMMAND_DONE, EventKind.COMMAND_REFUSED}


@pytest.mark.needs_mosquitto
def test_two_devices_with_one_id_are_told(serve: Serve, mosquitto: Mosquitto) -> None:
    mosquitto.start()
    serve(*LEAN, "--mqtt", mosquitto.uri)
    second = serve(*LEAN, "--mqtt", mosquitto.uri)
    told = second.err.wait_for(lambda line: "another" in line)
    assert "demo" in told


@pytest.mark.needs_mosquitto
def test_several_pumps_share_a_broker(
    serve: Serve, mosquitto: Mosquitto, watch: Watch, pumps: Callable[..., list[str]]
) -> None:
    mosquitto.start()
    daemon = serve(*LEAN, *pumps("a", "b"), "--mqtt", mosquitto.uri, "--speed", "600")
    assert [row["id"] for row in daemon.ready["devices"]] == ["a", "b"]
    for name in ("a", "b"):
        lines = watch((mosquitto.host, mosquitto.port), f"pumpsim/{name}/#")
        lines.wait_for(on("/status", device_id=name))
        lines.wait_for(on("/telemetry"))


@pytest.mark.needs_mosquitto
def test_pumps_that_start_together_tell_in_turn(
    serve: Serve, mosquitto: Mosquitto, watch: Watch, pumps: Callable[..., list[str]]
) -> None:
    mosquitto.start()
    daemon = serve(*LEAN, *pumps("a", "b"), "--mqtt", mosquitto.uri, "--speed", "max")
    for name in ("a", "b"):
        lines = watch((mosquitto.host, mosquitto.port), f"pumpsim/{name}/#")
        lines.wait_for(on("/status", online=True))
        turn_ms = first_telemetry_ns(name, 0, 1_000_000_000) / 1e6
        daemon.run_for("10 s")
        for _ in range(3):
            line = lines.wait_for(on("/telemetry"))
            told_ms = json.loads(line.partition(" ")[2])["uptime_ms"]
            assert told_ms % 1_000 == pytest.approx(turn_ms, abs=2)  # the oscillator is not exact


# ---- the end


@pytest.mark.needs_mosquitto
def test_ten_years_harm_no_keepalive_and_end_at_once(serve: Serve, watch: Watch) -> None:
    daemon = serve(*LEAN)
    lines = watch(daemon.broker(), "pumpsim/demo/#")
    lines.wait_for(on("/status", online=True))
    run = Background(daemon, "3660 d")
    start_ns = daemon.get("/v1/time")["now_ns"]
    while daemon.get("/v1/time")["now_ns"] < start_ns + 86_400_000_000_000:
        lines.wait_for(on("/telemetry"))  # the link lives while a day runs off
    assert daemon.get("/v1/time")["running_until_ns"] is not None
    assert not any(on("/status", online=False)(line) for line in lines.seen)
    assert daemon.end() == 0
    lines.wait_for(on("/status", online=False))  # said by the daemon itself
    run.join()
