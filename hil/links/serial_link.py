"""A serial port, real or pseudo, by pyserial on every platform."""

import errno
from typing import Final

import serial

from hil.errors import LinkError
from hil.links.reader import Reader
from hil.port import Deliver, Fail

READ_S: Final = 0.2
WRITE_S: Final = 5.0
REASONS: Final = {
    errno.ENOENT: "there is no such port: is the cable plugged in?",
    errno.EACCES: "permission denied: is this user in the group that owns it (often dialout)?",
    errno.EBUSY: "another program holds it",
    errno.EAGAIN: "another program holds it",
}


class SerialLink:
    """Eight bits, no parity, one stop bit, no handshake."""

    def __init__(self, device: str, baud: int) -> None:
        """Open the port for this bench alone; LinkError says why it cannot be."""
        self.name = device
        self._reader = Reader(f"read {device}", self._read)
        try:
            self._port = serial.Serial(
                device, baud, timeout=READ_S, write_timeout=WRITE_S, exclusive=True
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise LinkError(f"serial port {device}: {_why(error)}") from None

    def start(self, deliver: Deliver, fail: Fail) -> None:
        """Read from now on."""
        self._reader.start(deliver, fail)

    def write(self, data: bytes) -> None:
        """Send; LinkError when the port is gone or takes nothing for a while."""
        try:
            self._port.write(data)
        except serial.SerialTimeoutException:
            raise LinkError(f"{self.name} took nothing for {WRITE_S:g} s") from None
        except (serial.SerialException, OSError) as error:
            raise LinkError(f"{self.name} was unplugged: {error}") from None

    def close(self) -> None:
        """Stop reading, then let the port go."""
        self._reader.stop(2 * READ_S)
        self._port.close()

    def _read(self) -> bytes:
        try:
            data: bytes = self._port.read(1)
            if data:
                data += self._port.read(self._port.in_waiting)
        except (serial.SerialException, OSError, TypeError) as error:  # TypeError: closed meanwhile
            raise LinkError(f"{self.name} was unplugged: {error}") from None
        return data


def _why(error: Exception) -> str:
    return REASONS.get(getattr(error, "errno", None) or 0, str(error))
