"""A pseudo-terminal as a serial port: raw from birth, with nobody's output kept.

The far end opens like any serial port. While nobody has it open, what is sent is discarded, as a
real UART would send it into the air.
"""

import asyncio
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pumpsim.daemon.host import Host
from pumpsim.daemon.pacing import Pace
from pumpsim.daemon.stream import StreamLink

READ_BYTES: Final = 4_096
POLL_S: Final = 0.01
"""How soon somebody who opens the port is noticed."""


class PortError(Exception):
    """A port that cannot be had; the message says why and what to do."""


class Pty:
    """A pty whose near end is ours, and perhaps a link that leads to its far end."""

    def __init__(
        self, link: Path | None, arrived: Callable[[bytes], None], left: Callable[[], None]
    ) -> None:
        """Open it; PortError where there are no ptys, or the link's place is taken.

        `arrived` gets the bytes that come in; `left` is called when the far end was closed.
        """
        if sys.platform == "win32":
            raise PortError("this system has no pseudo-terminals: use a serial port, or TCP")
        self._near, far = os.openpty()
        self._make_raw()
        self.path = os.ttyname(far)
        os.close(far)
        os.set_blocking(self._near, False)
        self._arrived = arrived
        self._left = left
        self._link = link
        self._lock: tuple[int, Path] | None = None
        if link is not None:
            self._make_link(link)
        self._poll = select.poll()
        self._poll.register(self._near, select.POLLIN | select.POLLHUP)
        self._room = select.poll()
        self._room.register(self._near, select.POLLOUT)
        self._loop = asyncio.get_running_loop()
        self._somebody = self._full = False
        self._timer: asyncio.TimerHandle | None = None
        self._await_somebody()

    @property
    def name(self) -> str:
        """What to open: the link where there is one."""
        return self.path if self._link is None else str(self._link)

    def close(self) -> None:
        """Give the pty and its link back."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._near)
        if self._link is not None and self._leads_here(self._link):
            self._link.unlink()
        _unlock(self._lock)
        os.close(self._near)

    def write(self, data: bytes) -> None:
        """To whoever listens. A reader who does not read loses what does not fit."""
        if self._somebody:
            try:
                self._full = os.write(self._near, data) < len(data)
            except OSError:
                self._full = True

    def full(self) -> bool:
        """Whether the last write did not fit, and still would not."""
        if self._full:
            self._full = not self._room.poll(0)
        return self._full

    def _await_somebody(self) -> None:
        """Look now and then whether the far end is open: a closed one reads as hung up."""
        hung_up = any(event & select.POLLHUP for _, event in self._poll.poll(0))
        if hung_up:
            self._timer = self._loop.call_later(POLL_S, self._await_somebody)
            return
        self._make_raw()
        self._somebody = True
        self._loop.add_reader(self._near, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._near, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # the far end was closed
            data = b""
        if data:
            self._arrived(data)
            return
        self._somebody = False
        self._loop.remove_reader(self._near)
        self._make_raw()
        self._left()
        self._await_somebody()

    def _make_raw(self) -> None:
        """No echo, no translation, whatever an opener has left behind."""
        import termios
        import tty

        tty.setraw(self._near, termios.TCSANOW)

    def _leads_here(self, link: Path) -> bool:
        """Another daemon may have taken the name over."""
        return link.is_symlink() and str(link.readlink()) == self.path

    def _make_link(self, link: Path) -> None:
        try:
            self._lock = _lock(link)
            if link.is_symlink():
                link.unlink()  # left behind by a daemon that was killed
            link.symlink_to(self.path)
        except FileExistsError:
            message = f"{link} exists and is no link: it is left alone, choose another name"
            raise self._refused(message) from None
        except BlockingIOError:
            message = f"{link} belongs to another daemon that is running: choose another name"
            raise self._refused(message) from None
        except OSError as error:
            raise self._refused(f"{link} cannot be made: {error.strerror}") from None

    def _refused(self, message: str) -> PortError:
        os.close(self._near)
        _unlock(self._lock)
        return PortError(message)


class PtyPort:
    """The serial port of one device."""

    def __init__(self, host: Host, device: str, link: Path | None, baud: int | None) -> None:
        """Open it; PortError as `Pty`."""
        self._in = Pace(baud, self._feed)
        self._pty = Pty(link, self._in.put, self._left)
        self._out = Pace(baud, self._pty.write, answers=self._in)
        write = self._pty.write if baud is None else self._out.put
        self._stream = StreamLink(host, device, "serial", write, self._congested)
        host.on_restore(self._stream.open)

    @property
    def name(self) -> str:
        """What to open: the link where there is one."""
        return self._pty.name

    def close(self) -> None:
        """Give the pty and its link back."""
        self._pty.close()

    def _feed(self, data: bytes) -> None:
        self._stream.feed(data)

    def _left(self) -> None:
        self._stream.close()
        self._stream.open()

    def _congested(self) -> bool:
        """Behind with sending, or with reading: then telemetry is held and counted (COM-10)."""
        return self._pty.full() or self._out.backlog_s() > 0.0


def _lock(link: Path) -> tuple[int, Path]:
    """Hold the name for as long as this process lives; BlockingIOError when another one does."""
    import fcntl

    path = link.with_name(f".{link.name}.lock")
    held = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise
    return held, path


def _unlock(lock: tuple[int, Path] | None) -> None:
    if lock is not None:
        lock[1].unlink(missing_ok=True)
        os.close(lock[0])
