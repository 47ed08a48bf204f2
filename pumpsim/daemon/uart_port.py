"""A real serial port, facing a real programmer: pyserial, with a thread that reads."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from typing import Final

import serial

from pumpsim.daemon.host import Host
from pumpsim.daemon.pacing import Pace
from pumpsim.daemon.pty_port import PortError
from pumpsim.daemon.report import Report
from pumpsim.daemon.stream import StreamLink

READ_TIMEOUT_S: Final = 0.2
END_S: Final = 1.0


class UartPort:
    """A UART that belongs to one device."""

    def __init__(self, host: Host, device: str, port: str, baud: int, report: Report) -> None:
        """Open it; PortError when it is not there or not ours. `report` hears when it goes."""
        try:
            self._serial = serial.Serial(port, baud, timeout=READ_TIMEOUT_S, write_timeout=0)
        except (serial.SerialException, ValueError, OSError) as error:
            number = getattr(error, "errno", None)
            reason = os.strerror(number) if number else "it is no serial port that can be set up"
            message = (
                f"serial port {port} cannot be opened: {reason}; see pyserial-ports for others"
            )
            raise PortError(message) from None
        self.name = port
        self._report = report
        self._out = Pace(baud, self._write)
        self._loop = asyncio.get_running_loop()
        self._stream = StreamLink(
            host, device, "serial", self._out.put, lambda: self._out.backlog_s() > 0.0
        )
        host.on_restore(self._stream.open)
        self._open = True
        self._reader = threading.Thread(target=self._read, name=f"read {port}", daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Give the port back."""
        self._open = False
        with contextlib.suppress(serial.SerialException, OSError):
            self._serial.cancel_read()
        self._reader.join(END_S)
        self._serial.close()

    def _read(self) -> None:
        while self._open:
            try:
                data = self._serial.read(max(self._serial.in_waiting, 1))
            except (serial.SerialException, OSError):
                self._on_loop(self._lose)
                return
            if data:
                self._on_loop(self._stream.feed, data)

    def _on_loop(self, act: Callable[..., None], *values: bytes) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(act, *values)

    def _lose(self) -> None:
        if self._open:
            self._report.once(f"serial port {self.name} is gone; the other links go on")
            self._stream.close()

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(serial.SerialException, OSError):
            self._serial.write(data)
