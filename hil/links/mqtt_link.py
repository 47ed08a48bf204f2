"""A device on an MQTT broker, as if there were a line to it.

Requests go to a topic of this client's own and replies come back on another. Everything travels to
the bench at QoS 0: on one connection that keeps it in the order it was published in, so that a
reply is a barrier behind the notices before it. What gets lost all the same shows as a gap in their
sequence.
"""

import os
import secrets
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from hil.errors import LinkError, LocalError, reason
from hil.port import Deliver, Fail
from protocol.codec import Malformed, from_json
from protocol.credentials import Credentials, credentials
from protocol.messages import Presence
from protocol.topics import ROOT, reply_topic, request_topic, status_topic

CONNECT_S: Final = 5.0
KEEPALIVE_S: Final = 30
NOTICES: Final = ("telemetry", "alarm", "event", "sample")


class MqttLink:
    """Clean session, a client token of its own; credentials come from the environment."""

    def __init__(self, host: str, port: int, device: str, *, tls: bool) -> None:
        """Connect and find the device; LinkError when broker or device are not there.

        LocalError when the credentials cannot be read.
        """
        token = f"hil-{secrets.token_hex(6)}"
        self.name = f"{device} on the broker at {host}:{port}"
        self._requests = request_topic(device, token)
        self._status = status_topic(device)
        self._topics = [f"{ROOT}/{device}/{branch}" for branch in NOTICES]
        self._topics += [self._status, reply_topic(device, token)]
        self._deliver: Deliver | None = None
        self._fail: Fail | None = None
        self._closing = False
        self._subscribed = threading.Event()
        self._told = threading.Event()  # what the retained status says
        self._online = False
        self._joined = threading.Event()
        self._may_leave = False
        self._refused = ""
        self._client = self._make(token, tls=tls)
        try:
            self._client.connect(host, port, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            raise LinkError(f"no MQTT broker answers at {host}:{port}: {reason(error)}") from None
        self._client.loop_start()
        self._find()

    def start(self, deliver: Deliver, fail: Fail) -> None:
        """Hand over what comes in from now on."""
        self._fail = fail
        self._deliver = deliver

    def write(self, data: bytes) -> None:
        """Publish a request; LinkError when the broker is gone."""
        sent = self._client.publish(self._requests, data, qos=0)
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkError(f"connection to {self.name} was lost")

    def retain(self, data: bytes) -> None:
        """Publish a request that the broker keeps, instead of any before; LinkError if it won't."""
        sent = self._client.publish(self._requests, data, qos=1, retain=True)
        try:
            sent.wait_for_publish(CONNECT_S)
        except (ValueError, RuntimeError) as error:
            raise LinkError(f"connection to {self.name} was lost: {error}") from None
        if not sent.is_published():
            raise LinkError(f"the MQTT broker for {self.name} took nothing for {CONNECT_S:g} s")

    def joins_anew(self, act: Callable[[], None], timeout_s: float) -> bool:
        """Do what makes the device leave; whether its birth is told again within the time."""
        self._may_leave = True
        self._joined.clear()
        try:
            act()
            return self._joined.wait(timeout_s)
        finally:
            self._may_leave = False

    def close(self) -> None:
        """Leave the broker."""
        self._closing = True
        self._client.disconnect()
        self._client.loop_stop()

    def _make(self, token: str, *, tls: bool) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=token,
            clean_session=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        who = _credentials()
        if who.username is not None:
            client.username_pw_set(*who)
        if tls:
            client.tls_set()
        client.on_socket_open = _no_delay
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def _find(self) -> None:
        if not self._subscribed.wait(CONNECT_S) or self._refused:
            self.close()
            reason = self._refused or f"silent for {CONNECT_S:g} s"
            raise LinkError(f"the MQTT broker for {self.name} refuses: {reason}")
        if not self._told.wait(CONNECT_S) or not self._online:
            self.close()
            state = "is offline" if self._told.is_set() else "was never there"
            raise LinkError(f"{self.name} {state}")

    # ---- in the library's thread

    def _on_connect(self, _c: Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        if reason.is_failure:
            self._refused = str(reason)
            self._subscribed.set()
        else:
            self._client.subscribe([(topic, 0) for topic in self._topics])

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        if message.topic == self._status:
            self._note_presence(bytes(message.payload))
        elif self._deliver is not None and not message.retain:
            self._hand_over(bytes(message.payload))

    def _note_presence(self, payload: bytes) -> None:
        packet = from_json(payload)
        if isinstance(packet, Malformed) or not isinstance(packet.body, Presence):
            return
        if self._online and not packet.body.online and not self._may_leave:
            self._break(LinkError(f"{self.name} went offline"))
        self._online = packet.body.online
        self._told.set()
        if self._online:
            self._joined.set()

    def _on_disconnect(self, _c: Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        if not self._closing:
            self._break(LinkError(f"connection to {self.name} was lost: {reason}"))

    def _hand_over(self, payload: bytes) -> None:
        assert self._deliver is not None
        try:
            self._deliver(payload)
        except LinkError as error:
            self._break(error)

    def _break(self, error: LinkError) -> None:
        fail, self._fail, self._deliver = self._fail, None, None
        if fail is not None:
            fail(error)


def _credentials() -> Credentials:
    try:
        return credentials(os.environ, lambda path: Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise LocalError(str(error)) from None


def _no_delay(_client: Client, _userdata: Any, sock: Any) -> None:
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
