"""Where an instrument is plugged in, as a rig file writes it.

serial:///dev/ttyUSB1?baud=9600      serial:///COM3 on Windows
tcp://HOST:PORT
visa:GPIB0::7::INSTR                 any other resource that VISA knows
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hil.errors import LocalError
from hil.target import BoardTarget, MqttTarget, SerialTarget, SimTarget, TcpTarget, parse

VISA: Final = "visa:"
FRAMES: Final = ("8N1", "7E1", "7O1", "8E1", "8O1", "8N2", "7E2", "7O2")
"""Data bits, parity, stop bits."""
EXAMPLE: Final = "serial:///dev/ttyUSB1?baud=9600, tcp://HOST:PORT or visa:GPIB0::7::INSTR"


@dataclass(frozen=True)
class Port:
    """A VISA resource; `baud` and `frame` matter on a serial line only."""

    name: str  # for messages: /dev/ttyUSB1
    resource: str
    baud: int
    frame: str

    @property
    def is_serial(self) -> bool:
        """Whether it has a speed."""
        return self.resource.startswith("ASRL")


def parse_port(text: str, baud: int = 9_600, frame: str = "8N1") -> Port:
    """What `text` names, with the instrument's usual settings; LocalError for nothing."""
    if text.startswith(VISA):
        resource = text.removeprefix(VISA)
        if "::" not in resource:
            raise LocalError(f"{text!r} is no VISA resource such as visa:GPIB0::7::INSTR")
        return Port(resource, resource, baud, frame)
    target = parse(text)
    if isinstance(target, SerialTarget | TcpTarget) and (target.control or target.chaos):
        raise LocalError(f"{text!r}: an instrument's line takes neither control= nor chaos=")
    if isinstance(target, SerialTarget):
        if "baud=" not in text.partition("?")[2]:
            target = replace(target, baud=baud)
        board = target.device.upper().removeprefix("COM")
        board = board if board.isdigit() else target.device
        return Port(target.device, f"ASRL{board}::INSTR", target.baud, frame)
    if isinstance(target, TcpTarget):
        if ":" in target.host:
            raise LocalError(f"{text!r}: give the host by name or as an IPv4 address")
        name = f"{target.host}:{target.port}"
        return Port(name, f"TCPIP0::{target.host}::{target.port}::SOCKET", baud, frame)
    raise LocalError(f"{text!r} is no port of an instrument: write {EXAMPLE}")


def place(text: str) -> str | None:
    """What nobody else may use, of an instrument's port or a device's URI; None in process.

    A serial port by the name it has in the end: those under /dev/serial/by-id/ lead there.
    """
    if text.startswith(VISA):
        return text.upper()
    match parse(text):
        case SerialTarget(device=device):
            return str(Path(device).resolve()) if "/" in device else device.upper()
        case TcpTarget(host=host, port=port):
            return f"tcp://{host.lower()}:{port}"
        case MqttTarget(host=host, port=port, device=device):
            return f"mqtt://{host.lower()}:{port}/{device}"
        case SimTarget() | BoardTarget():
            return None
