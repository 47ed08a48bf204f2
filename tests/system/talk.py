"""A client that is as simple as can be: bytes of a stream, packets of one device."""

import itertools
import socket
from collections import deque
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import serial

from protocol import messages as m
from protocol.codec import Malformed
from protocol.session import ClientSession
from protocol.vocabulary import Role
from protocol.wire import StreamDecoder, encode

TIMEOUT_S = 60.0  # never waited for where all is well, however slow the machine
READ_BYTES = 4_096
COMMAND_IDS = itertools.count(1)
Notice = TypeVar("Notice", bound=m.Notice)


class Talk:
    """One far end. Whatever is waited for comes within a time-out, or TimeoutError."""

    def __init__(self, read: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
        self.read = read
        self.write = write
        self.session = ClientSession()
        self.decoder = StreamDecoder()
        self.inbox: deque[m.Packet] = deque()

    def receive(self) -> m.Packet:
        while not self.inbox:
            data = self.read()
            if not data:
                raise TimeoutError("nothing came")
            for packet in self.decoder.feed(data):
                assert not isinstance(packet, Malformed)
                self.session.learn(packet)
                self.inbox.append(packet)
        return self.inbox.popleft()

    def send(self, packet: m.Packet) -> None:
        self.write(encode(packet))

    def exchange(self, packet: m.Packet) -> m.Reply:
        """Send it; what comes before its reply is put aside."""
        self.send(packet)
        assert isinstance(packet.header, m.AskHeader | m.CommandHeader)
        return self.reply(packet.header.request_id)

    def reply(self, request_id: int) -> m.Reply:
        while True:
            header, body = self.receive()
            if isinstance(header, m.ReplyHeader) and header.request_id == request_id:
                assert isinstance(body, m.Reply)
                return body

    def notice(self, kind: type[Notice]) -> Notice:
        while True:
            body = self.receive().body
            if isinstance(body, kind):
                return body

    def ask(self, body: m.Ask) -> m.Reply:
        return self.exchange(self.session.ask(body))

    def open(self, client: str = "test") -> None:
        assert isinstance(self.ask(m.Open(role=Role.CLINICIAN, client=client)), m.Opened)

    def command(self, body: m.Command) -> m.Reply:
        return self.exchange(self.prepare(body))

    def prepare(self, body: m.Command) -> m.Packet:
        """A command with an id of its own, not sent yet."""
        return self.session.command(body, next(COMMAND_IDS), 60_000)

    def only_this(self, packet: m.Packet | None = None) -> None:
        """Nothing that was sent before is answered: the next thing is the reply to this."""
        packet = packet or self.session.ask(m.Identify())
        self.send(packet)
        header, body = self.receive()
        assert isinstance(header, m.ReplyHeader), body
        assert isinstance(packet.header, m.AskHeader)
        assert header.request_id == packet.header.request_id, body


def over_tcp(uri: str, receive_bytes: int | None = None) -> tuple[Talk, socket.socket]:
    """A connection of its own; close the socket."""
    parts = urlsplit(uri)
    line = socket.socket()
    if receive_bytes is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    line.settimeout(TIMEOUT_S)
    line.connect((parts.hostname, parts.port))
    return Talk(lambda: line.recv(READ_BYTES), line.sendall), line


def over_serial(uri: str) -> tuple[Talk, serial.Serial]:
    """What a stock serial library makes of the port; close it."""
    port = serial.Serial(unquote(urlsplit(uri).path), timeout=TIMEOUT_S)
    return Talk(lambda: bytes(port.read(max(port.in_waiting, 1))), port.write), port
