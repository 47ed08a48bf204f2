"""The far end of an instrument's line, on a real pty or socket: it can be unplugged and plugged."""

import contextlib
import os
import select
import socket
import threading
import tty
from collections.abc import Callable
from pathlib import Path

Answer = Callable[[bytes], bytes]
CHUNK = 4_096


class PtyEnd:
    """Behind a path that stays the same, as udev makes them."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self.path = path
        self.uri = f"serial://{path}"
        self.answer = answer
        self._wake: int | None = None
        self.plug()

    def plug(self) -> None:
        self._near, self._far = os.openpty()
        tty.setraw(self._far)
        self.path.symlink_to(os.ttyname(self._far))
        self._woken, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def unplug(self) -> None:
        if self._wake is None:
            return
        self.path.unlink()
        os.write(self._wake, b"!")
        self._thread.join(5)
        for opened in (self._near, self._far, self._woken, self._wake):
            os.close(opened)
        self._wake = None

    def say(self, data: bytes) -> None:
        """Unasked."""
        os.write(self._near, data)
        select.select([self._far], [], [], 5)

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._near, self._woken], [], [])
            if self._woken in ready:
                return
            os.write(self._near, self.answer(os.read(self._near, CHUNK)))


class TcpEnd:
    """Behind a port that stays the same; one connection after the other."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self._address = ("127.0.0.1", 0)
        self._connections: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.plug()
        self.uri = f"tcp://127.0.0.1:{self._address[1]}"

    def plug(self) -> None:
        self._listener = socket.create_server(self._address)
        self._address = self._listener.getsockname()
        self._thread = threading.Thread(target=self._run, args=(self._listener,))
        self._thread.start()

    def unplug(self) -> None:
        listener, self._listener = self._listener, None
        if listener is None:
            return
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        for connection in list(self._connections):
            with contextlib.suppress(OSError):  # the other end may have been faster
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        listener.close()

    def _run(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            with connection, contextlib.suppress(OSError):
                while self._listener is not None and (data := connection.recv(CHUNK)):
                    connection.sendall(self.answer(data))
            self._connections.remove(connection)
