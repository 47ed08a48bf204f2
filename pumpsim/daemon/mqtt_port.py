"""MQTT as a link: birth and last will, notices by topic, requests and replies by client.

It reconnects for ever. Requests and replies travel at QoS 0, since the session repeats and
deduplicates; alarms and events at QoS 1, kept while the broker is away. A retained request is
somebody's past and never acts (COM-07).
"""

import asyncio
import os
import re
import ssl
from collections import deque
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import aiomqtt

from protocol.codec import from_json, to_json
from protocol.configfile import ConfigError
from protocol.credentials import HINT, credentials
from protocol.messages import AlarmChanged, Booted, EventLogged, Packet, Reply
from protocol.topics import client_of, notice_topic, reply_topic, request_topic, status_topic
from pumpsim.daemon.flow import MAX_ERRORS_PER_S, Budget, first_telemetry_ns
from pumpsim.daemon.host import Far, Host
from pumpsim.daemon.passage import Passage, Where
from pumpsim.daemon.report import Report
from pumpsim.daemon.sockets import NODELAY, authority

LINK: Final = "mqtt"
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 10.0
STABLE_S: Final = 20.0
"""A connection that lasted so long was one."""
MAX_TORN: Final = 3
"""So many in a row that did not: somebody else takes them over."""
ERRNO: Final = re.compile(r"^\[Errno -?\d+\] ")
KEEPALIVE_S: Final = 30
CONNECT_S: Final = 5.0
MAX_KEPT: Final = 1_000
"""Alarms and events kept while the broker is away; the oldest go first."""
MAX_WAITING: Final = 500
"""Other messages on their way to the broker; telemetry stops well before."""


class BrokerAddress(NamedTuple):
    """Where the broker is, and how to speak to it."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = None


class Message(NamedTuple):
    """What is to be published."""

    topic: str
    payload: str
    retain: bool = False


class MqttPort:
    """One device on a broker."""

    def __init__(
        self, host: Host, device: str, broker: BrokerAddress, period_ns: int, report: Report
    ) -> None:
        """Not connected yet; see `run`. `report` tells a person what goes wrong, once."""
        self._host = host
        self._device = device
        self._broker = broker
        self._period_ns = period_ns
        self._report = report
        self._where = f"MQTT broker {authority(broker.host, broker.port)}"
        self._lasting: deque[Message] = deque(maxlen=MAX_KEPT)
        self._events: deque[Message] = deque(maxlen=MAX_KEPT)  # never push an alarm out
        self._passing: deque[Message] = deque()
        self._wake = asyncio.Event()
        self._wake_lasting = asyncio.Event()
        self._leave = asyncio.Event()
        self._errors = Budget(MAX_ERRORS_PER_S)
        self._torn = 0
        self.connected = asyncio.Event()
        where, desk = Where(device, "mqtt", LINK), host.chaos[device]
        self._out = Passage(desk, where, "from_device", self._publish, self._leave.set)
        self._in = Passage(desk, where, "to_device", self._take, self._leave.set)
        host.on_restore(self._reopen)

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        loop = asyncio.get_running_loop()
        wait_s = FIRST_WAIT_S
        self._attach()
        while True:
            began_s = loop.time()
            lost = not await self._connect()
            if loop.time() - began_s > STABLE_S:
                wait_s, self._torn = FIRST_WAIT_S, 0
            elif lost and self.connected.is_set():
                self._torn += 1
            self.connected.clear()
            if lost:
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _connect(self) -> bool:
        """One connection, to its end; whether it ended in order, because the device left."""
        self._leave.clear()
        try:
            async with self._client() as client:
                await self._serve(client)
        except* (aiomqtt.MqttError, OSError) as errors:
            self._tell(ERRNO.sub("", str(errors.exceptions[0])))
        else:
            return True
        return False

    def _tell(self, reason: str) -> None:
        if self._torn < MAX_TORN:
            self._report.once(f"{self._where}: {reason}; trying again until it is there")
        else:
            self._report.once(
                f"{self._where} ends each connection as {self._device!r}: is there another device "
                "with that id? Give each its own pump.id; trying again"
            )

    def _client(self) -> aiomqtt.Client:
        will = to_json(self._host.devices[self._device].presence(online=False))
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            username=self._broker.username,
            password=self._broker.password,
            identifier=f"pumpsim-{self._device}",
            will=aiomqtt.Will(status_topic(self._device), will, qos=1, retain=True),
            clean_session=True,
            keepalive=KEEPALIVE_S,
            timeout=CONNECT_S,
            tls_context=ssl.create_default_context() if self._broker.tls else None,
            socket_options=NODELAY,
        )

    async def _serve(self, client: aiomqtt.Client) -> None:
        """Until it leaves: cut by chaos, or for a restored snapshot.

        The broker then holds a last will of the timeline before.
        """
        await client.subscribe(request_topic(self._device, "+"), qos=0)
        await self._announce(client, online=True)
        self.connected.set()
        if not self._torn:
            self._report.over(f"{self._where}: connected")
        try:
            async with asyncio.TaskGroup() as tasks:
                parts = (self._publish_passing, self._publish_lasting, self._receive)
                serving = [tasks.create_task(part(client)) for part in parts]
                await self._leave.wait()
                for task in serving:
                    task.cancel()
        except asyncio.CancelledError:
            await self._announce(client, online=False)  # an orderly end needs no last will
            raise
        await self._announce(client, online=False)

    async def _announce(self, client: aiomqtt.Client, *, online: bool) -> None:
        birth = to_json(self._host.devices[self._device].presence(online=online))
        await client.publish(status_topic(self._device), birth, qos=1, retain=True)

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            name = client_of(str(message.topic))
            if message.retain or name is None or not isinstance(message.payload, bytes):
                continue
            self._in.put((name, message.payload))

    def _take(self, message: tuple[str, bytes]) -> None:
        """A request of a client."""
        name, payload = message
        packet = from_json(payload)
        if isinstance(packet, Packet) or self._errors.take():
            self._host.receive(self._device, f"{LINK}/{name}", packet)

    async def _publish_passing(self, client: aiomqtt.Client) -> None:
        while not _cancelled():
            if self._passing:
                message = self._passing.popleft()
                await client.publish(message.topic, message.payload, qos=0)
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _publish_lasting(self, client: aiomqtt.Client) -> None:
        while not _cancelled():
            kept = self._lasting or self._events
            if kept:
                message = kept[0]
                await client.publish(message.topic, message.payload, qos=1, retain=message.retain)
                if kept and kept[0] is message:
                    kept.popleft()
            else:
                self._wake_lasting.clear()
                await self._wake_lasting.wait()

    def _attach(self) -> None:
        far = Far(LINK, self._send, self._congested)
        now_ns = self._host.devices[self._device].now_ns
        first_ns = first_telemetry_ns(self._device, now_ns, self._period_ns)
        self._host.attach(self._device, far, self._period_ns, first_ns=first_ns, events=True)

    def _reopen(self) -> None:
        """A snapshot was restored: what waits belongs to another timeline."""
        for waiting in (self._lasting, self._events, self._passing):
            waiting.clear()
        self._in.drop()
        self._out.drop()
        self._leave.set()  # first: nothing of the new timeline leaves before its birth
        self._attach()

    def _congested(self) -> bool:
        return not self.connected.is_set() or len(self._passing) > MAX_WAITING // 2

    def _send(self, link: str, packet: Packet) -> None:
        self._out.put((link, packet))

    def _publish(self, sent: tuple[str, Packet]) -> None:
        """Put a packet among those that wait for the broker."""
        link, packet = sent
        body = packet.body
        if isinstance(body, AlarmChanged | Booted | EventLogged):
            kept = self._events if isinstance(body, EventLogged) else self._lasting
            kept.append(Message(notice_topic(self._device, body), to_json(packet)))
            self._wake_lasting.set()
            return
        if len(self._passing) >= MAX_WAITING or not self.connected.is_set():
            return
        if isinstance(body, Reply):
            topic = reply_topic(self._device, link.partition("/")[2])
        else:
            topic = notice_topic(self._device, body)
        self._passing.append(Message(topic, to_json(packet)))
        self._wake.set()


def _cancelled() -> bool:
    """Whether this task is to end: `asyncio.wait_for`, which publishes wait in, may swallow it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def broker_address(uri: str) -> BrokerAddress:
    """mqtt[s]://HOST[:PORT], credentials from the environment; ConfigError says what is wrong."""
    parts = urlsplit(uri)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path.strip("/"):
        message = f"--mqtt {uri!r}: write embedded, none or mqtt[s]://HOST:PORT"
        raise ConfigError(message)
    if parts.username or parts.password:
        message = f"no credentials on a command line: {HINT}"
        raise ConfigError(message)
    try:
        port = parts.port
    except ValueError:
        message = f"--mqtt {uri!r}: the port is no number up to 65535"
        raise ConfigError(message) from None
    tls = parts.scheme == "mqtts"
    try:
        who = credentials(os.environ, _read)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return BrokerAddress(parts.hostname, port or (8883 if tls else 1883), tls, *who)


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")
