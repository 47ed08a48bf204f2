"""The emulated instruments around a pump, each on its lines: opening them, and saying where."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pumpsim.benchfile import NONE, BenchFile, LineSection
from pumpsim.daemon.host import Host
from pumpsim.daemon.instrument_port import InstrumentPty, socket_of
from pumpsim.daemon.options import address_of
from pumpsim.daemon.sockets import authority
from pumpsim.daemon.tcp_port import TcpPort
from pumpsim.instruments.desk import SPEECHES


@dataclass(slots=True)
class ServedInstrument:
    """Where one instrument can be found."""

    kind: str
    serial: InstrumentPty | None = None
    tcp: TcpPort | None = None

    def describe(self) -> dict[str, Any]:
        """As the ready file and the control API tell it."""
        return {
            "protocol": SPEECHES[self.kind].protocol,
            "serial": None if self.serial is None else self.serial.name,
            "tcp": None if self.tcp is None else authority(*self.tcp.address),
        }

    def lines(self) -> Iterator[str]:
        """What a person wants to know, each line with something to paste into bash."""
        protocol, request = SPEECHES[self.kind]
        if self.serial is not None:
            yield f"  {self.kind:8} {protocol}  {self.serial.name}"
            yield _paste(request, self.serial.name)
        if self.tcp is not None:
            yield f"  {self.kind:8} {protocol}  TCP {authority(*self.tcp.address)}"
            host, port = self.tcp.address
            yield _paste(request, f"/dev/tcp/{host}/{port}")

    def close(self) -> None:
        """Give its places back."""
        for port in (self.serial, self.tcp):
            if port is not None:
                port.close()


async def open_instruments(
    host: Host, device: str, bench: BenchFile, opened: list[ServedInstrument]
) -> None:
    """Put each instrument on its lines; what is open stands in `opened`. PortError, ConfigError."""
    for kind, line in bench.line.by_kind():
        host.desks[device].ailments[kind].fault = line.fault
        served = ServedInstrument(kind)
        opened.append(served)
        await _open(host, device, line, served)


async def _open(host: Host, device: str, line: LineSection, served: ServedInstrument) -> None:
    make = partial(host.desks[device].interpreter, served.kind)
    if line.serial != NONE:
        served.serial = InstrumentPty(host, device, make, _link(line.serial))
    if line.tcp != NONE:
        port = socket_of(host, device, make)
        option = f"line.{served.kind}.tcp"
        await port.listen(address_of(line.tcp, option), option)
        served.tcp = port


def _link(serial: str) -> Path | None:
    """The name that is asked for, if any."""
    _, _, link = serial.partition(":")
    return Path(link).absolute() if link else None


def _paste(request: str, place: str) -> str:
    """Asks once: bash opens ptys and sockets alike."""
    return f"           {{ printf '{request}' >&3; head -n1 <&3; }} 3<>{place}"
