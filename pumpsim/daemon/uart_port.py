"""A real serial port, facing a real programmer: pyserial, with a thread that reads."""

import asyncio
import contextlib
import threading

import serial

from pumpsim.daemon.host import Host
from pumpsim.daemon.pacing import Pace
from pumpsim.daemon.pty_port import PortError
from pumpsim.daemon.stream import StreamLink

READ_TIMEOUT_S = 0.2


class UartPort:
    """A UART that belongs to one device."""

    def __init__(self, host: Host, device: str, port: str, baud: int) -> None:
        """Open it; PortError when it is not there or not ours."""
        try:
            self._serial = serial.Serial(port, baud, timeout=READ_TIMEOUT_S, write_timeout=0)
        except (serial.SerialException, ValueError, OSError) as error:
            message = f"serial port {port} cannot be opened: {error}"
            raise PortError(message) from None
        self.name = port
        self._out = Pace(baud, self._write)
        self._loop = asyncio.get_running_loop()
        self._stream = StreamLink(
            host, device, "serial", self._out.put, lambda: self._out.backlog_s() > 0.0
        )
        host.on_restore(self._stream.open)
        self._open = True
        threading.Thread(target=self._read, name=f"read {port}", daemon=True).start()

    def close(self) -> None:
        """Give the port back."""
        self._open = False
        self._serial.close()

    def _read(self) -> None:
        while self._open:
            try:
                data = self._serial.read(max(self._serial.in_waiting, 1))
            except (serial.SerialException, OSError, TypeError):  # unplugged, or closed
                return
            if data:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    self._loop.call_soon_threadsafe(self._stream.feed, data)

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(serial.SerialException, OSError):
            self._serial.write(data)
