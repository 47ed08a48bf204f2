"""A TCP connection."""

import contextlib
import socket
from typing import Final

from hil.errors import LinkError, reason
from hil.links.reader import Reader
from hil.port import Deliver, Fail

CONNECT_S: Final = 5.0
WAIT_S: Final = 5.0
"""Longest a write may take; the reader looks up at least so often."""
CHUNK_BYTES: Final = 65_536


class TcpLink:
    """Frames go out at once: no Nagle."""

    def __init__(self, host: str, port: int) -> None:
        """Connect; LinkError says why it cannot be."""
        self.name = f"{host}:{port}"
        self._reader = Reader(f"read {self.name}", self._read)
        try:
            self._socket = socket.create_connection((host, port), CONNECT_S)
        except OSError as error:
            raise LinkError(f"nothing answers at {self.name}: {reason(error)}") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(WAIT_S)

    def start(self, deliver: Deliver, fail: Fail) -> None:
        """Read from now on."""
        self._reader.start(deliver, fail)

    def write(self, data: bytes) -> None:
        """Send; LinkError when the connection is gone or takes nothing for a while."""
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise LinkError(f"{self.name} took nothing for {WAIT_S:g} s") from None
        except OSError as error:
            raise LinkError(f"connection to {self.name} was lost: {error.strerror}") from None

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):  # the other end may have been faster
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the reader
        self._reader.stop(WAIT_S)
        self._socket.close()

    def _read(self) -> bytes:
        try:
            data = self._socket.recv(CHUNK_BYTES)
        except TimeoutError:
            return b""
        except OSError as error:
            raise LinkError(f"connection to {self.name} was lost: {error.strerror}") from None
        if not data:
            raise LinkError(f"{self.name} closed the connection")
        return data
