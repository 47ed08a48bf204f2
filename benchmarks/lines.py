"""The client's end of a byte stream: requests out, whole frames in. The same for both sides."""

import socket
from collections.abc import Callable
from typing import Protocol

import serial

from protocol import wire
from protocol.messages import AskHeader, GetStatus, Packet

REQUEST = wire.encode(Packet(AskHeader(request_id=70_000), GetStatus()))
"""A status request; its id has the width of most."""
TIMEOUT_S = 5.0


class Line(Protocol):
    """Bytes out, frames in."""

    def write(self, data: bytes, /) -> object:
        """Send all of it."""

    def read_frame(self) -> bytes:
        """The next frame."""


class SerialLine:
    """A pty by pyserial, as users have it."""

    def __init__(self, path: str) -> None:
        """Open it."""
        self._port = serial.Serial(path, timeout=TIMEOUT_S, exclusive=True)
        self._frames = Frames(self._read)
        self.write = self._port.write
        self.read_frame = self._frames.next

    def _read(self) -> bytes:
        data: bytes = self._port.read(self._port.in_waiting or 1)
        return data


class SocketLine:
    """A TCP connection."""

    def __init__(self, uri: str) -> None:
        """Connect to tcp://HOST:PORT."""
        host, _, port = uri.removeprefix("tcp://").rpartition(":")
        self._socket = socket.create_connection((host, int(port)), TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._frames = Frames(self._read)
        self.write = self._socket.sendall
        self.read_frame = self._frames.next

    def _read(self) -> bytes:
        return self._socket.recv(4_096)


class Frames:
    """Bytes cut where frames end: a frame has a zero at each end, and none inside."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        """`read` waits for at least one byte; none means that it waited too long."""
        self._read = read
        self._data = b""

    def next(self) -> bytes:
        """The next frame, delimiters included."""
        data = self._data
        while (end := data.find(0, 1)) < 0:
            more = self._read()
            if not more:
                raise TimeoutError("no reply")
            data += more
        self._data = data[end + 1 :]
        return data[: end + 1]


def exchange(line: Line) -> bytes:
    """A status request, and its whole reply."""
    line.write(REQUEST)
    return line.read_frame()
