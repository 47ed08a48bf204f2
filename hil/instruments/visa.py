"""Bytes to an instrument and back, by PyVISA with its pure Python backend.

The backend does not tell a TCP connection that was refused or closed from one that is silent, and
drops half a line that came in time: so its sessions are asked themselves.
"""

import errno
import select
import socket
from typing import Any, Final, cast

from hil.errors import reason
from hil.instruments.port import Port

OPEN_S: Final = 5.0
MAX_LINE: Final = 1_024
"""Longer than any reply."""
CHUNK_BYTES: Final = 4_096
PARITIES: Final = {"N": "none", "E": "even", "O": "odd"}
REASONS: Final = {
    errno.ENOENT: "there is no such port: is the cable plugged in? "
    "(names under /dev/serial/by-id/ survive a replug)",
    errno.EACCES: "permission denied: is this user in the group that owns it (often dialout)?",
    errno.EBUSY: "another program holds it",
    errno.EAGAIN: "another program holds it",
    errno.EWOULDBLOCK: "another program holds it",
}


class PortLostError(Exception):
    """There is no port, or no longer: why, for the end of a sentence."""


class VisaPort:
    """One open resource. PortLostError from any method: it is of no use any more."""

    def __init__(self, port: Port, timeout_s: float) -> None:
        """Open it for this bench alone; nothing is waited for longer than `timeout_s`."""
        import pyvisa

        self._timeout_s = timeout_s
        try:
            manager = pyvisa.ResourceManager("@py")
            self._resource: Any = manager.open_resource(
                port.resource, open_timeout=round(OPEN_S * 1_000)
            )
        except Exception as error:  # noqa: BLE001  the backend raises bare ones, too
            raise PortLostError(_why(error)) from None
        try:
            self._set_up(port)
        except Exception as error:  # noqa: BLE001  see above
            self.close()
            raise PortLostError(_why(error)) from None

    def write(self, data: bytes) -> None:
        """Send."""
        try:
            sent, _ = self._session.write(data)
        except OSError as error:
            raise PortLostError(_why(error)) from None
        if sent != len(data):
            raise PortLostError(f"it took nothing for {self._timeout_s:g} s")

    def read_line(self) -> bytes:
        """Up to a line feed; what came without one, perhaps nothing, when the time is over."""
        try:
            if not self._something_came(self._timeout_s):
                return b""
            data, _ = self._session.read(MAX_LINE)
        except OSError as error:
            raise PortLostError(_why(error)) from None
        return bytes(data)

    def drain(self) -> bytes:
        """What came unasked."""
        try:
            if self._socket is not None:
                return self._drain_socket(self._socket)
            if self._serial is not None:
                return cast("bytes", self._serial.read(self._serial.in_waiting))
        except OSError as error:
            raise PortLostError(_why(error)) from None
        return b""

    def close(self) -> None:
        """Give it back."""
        self._resource.close()

    def _set_up(self, port: Port) -> None:
        resource = self._resource
        self._session: Any = resource.visalib.sessions[resource.session]
        self._serial: Any = self._session.interface if port.is_serial else None
        is_socket = port.resource.endswith("::SOCKET")
        self._socket: socket.socket | None = self._session.interface if is_socket else None
        resource.timeout = round(self._timeout_s * 1_000)
        resource.read_termination = "\n"
        if self._serial is not None:
            self._serial.exclusive = True
            self._set_speed(port)
        if self._socket is not None:
            failure = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failure:
                raise OSError(failure, f"nothing answers there ({_system_words(failure)})")
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _set_speed(self, port: Port) -> None:
        from pyvisa import constants

        resource = self._resource
        try:
            resource.baud_rate = port.baud
            resource.data_bits = int(port.frame[0])
            resource.parity = constants.Parity[PARITIES[port.frame[1]]]
            resource.stop_bits = constants.StopBits(int(port.frame[2]) * 10)
        except Exception as error:  # on POSIX a termios.error, which is no OSError
            raise OSError(
                errno.EINVAL,
                f"it cannot be set to {port.baud} baud {port.frame}: give its section another "
                'frame (a pseudo terminal has "8N1") or another baud',
            ) from error

    def _something_came(self, wait_s: float) -> bool:
        """Whether there is something to read; the sessions of other ports find out themselves."""
        if self._socket is None:
            return True
        came, _, _ = select.select([self._socket], [], [], wait_s)
        if came and not self._socket.recv(1, socket.MSG_PEEK):
            raise OSError(errno.ECONNRESET, "it closed the connection")
        return bool(came)

    def _drain_socket(self, connection: socket.socket) -> bytes:
        from pyvisa.constants import BufferOperation

        self._session.flush(BufferOperation.discard_receive_buffer)
        data = b""
        while self._something_came(0) and len(data) < MAX_LINE:
            data += connection.recv(CHUNK_BYTES)
        return data


def _why(error: Exception) -> str:
    number = getattr(error, "errno", None) or 0
    if number == errno.EIO or "device disconnected" in str(error):
        return "it was unplugged"
    return REASONS.get(number) or reason(error).removeprefix("could not connect: ")


def _system_words(number: int) -> str:
    import os

    return os.strerror(number).lower()
