"""Where everything is: rig URIs for programs, lines to paste for people, the ready file."""

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from protocol.configfile import ConfigError
from pumpsim.daemon.sockets import authority
from pumpsim.daemon.tcp_port import TcpPort
from pumpsim.device import Device

if TYPE_CHECKING:
    from pumpsim.daemon.instruments import ServedInstrument
    from pumpsim.daemon.mqtt_port import BrokerAddress
    from pumpsim.daemon.pty_port import PtyPort
    from pumpsim.daemon.uart_port import UartPort

READY_MODE: Final = 0o644


def _bench_command() -> str:
    """How a person here calls `hil`: by name where it is found, else beside this interpreter."""
    if shutil.which("hil") is not None:
        return "hil"
    beside = Path(sys.executable).with_name("hil")
    here = Path.cwd()
    return str(beside.relative_to(here) if beside.is_relative_to(here) else beside)


@dataclass(slots=True)
class Served:
    """Where one device can be found."""

    device: Device
    serial: "PtyPort | UartPort | None" = None
    tcp: TcpPort | None = None
    broker: "BrokerAddress | None" = None
    instruments: list["ServedInstrument"] = field(default_factory=list)

    def uris(self) -> dict[str, str | None]:
        """Rig URIs, as far as there are such links."""
        return {"serial": self._serial_uri(), "tcp": self._tcp_uri(), "mqtt": self._mqtt_uri()}

    def describe(self, control_url: str) -> dict[str, Any]:
        """As the ready file and the control API tell it: rig URIs that lead to the API too."""
        suffix = f"?control={quote(control_url, safe='')}"
        uris = {link: uri and uri + suffix for link, uri in self.uris().items()}
        instruments = {one.kind: one.describe() for one in self.instruments}
        return {
            "id": self.device.id,
            **uris,
            "bare": self.device.bare,
            "instruments": instruments,
        }

    def lines(self) -> Iterator[str]:
        """What a person wants to know, each link with something to paste."""
        uris = self.uris()
        yield f"{self.device.id}: {self.device.pump.pump.model}, {self.device.firmware_name()}"
        if self.serial is not None:
            yield f"  serial   {self.serial.name}"
            yield f"           {_bench_command()} status --rig '{uris['serial']}'"
        if self.tcp is not None:
            yield f"  TCP      {authority(*self.tcp.address)}"
            yield f"           {_bench_command()} status --rig '{uris['tcp']}'"
        if self.broker is not None:
            host, port = self.broker.host, self.broker.port
            yield f"  MQTT     {uris['mqtt']}"
            yield f"           mosquitto_sub -h {host} -p {port} -v -t 'pumpsim/{self.device.id}/#'"
        for instrument in self.instruments:
            yield from instrument.lines()

    def _serial_uri(self) -> str | None:
        if self.serial is None:
            return None
        return f"serial:///{quote(self.serial.name.removeprefix('/'))}"

    def _tcp_uri(self) -> str | None:
        return None if self.tcp is None else f"tcp://{authority(*self.tcp.address)}"

    def _mqtt_uri(self) -> str | None:
        if self.broker is None:
            return None
        scheme = "mqtts" if self.broker.tls else "mqtt"
        return f"{scheme}://{authority(self.broker.host, self.broker.port)}/{self.device.id}"


def control_lines(control_url: str, device: str) -> Iterator[str]:
    """What a person wants to know of the control API."""
    yield f"control API  {control_url}  (OpenAPI: {control_url}/openapi.json)"
    yield f"             curl {control_url}/v1/devices/{device}/truth"
    yield (
        "             curl -H 'Content-Type: application/json' -d '{\"kind\": \"fever\"}' "
        f"{control_url}/v1/devices/{device}/stimuli"
    )


class ReadyFile:
    """Tells programs that everything listens. An older one goes first, so it never lies."""

    def __init__(self, path: Path) -> None:
        """ConfigError when it cannot be written there, before anything else has begun."""
        self._path = path
        try:
            self._aside("").unlink()
            path.unlink(missing_ok=True)
        except OSError as error:
            message = f"--ready {path} cannot be written: {error.strerror}; choose another place"
            raise ConfigError(message) from None

    def write(self, content: dict[str, Any]) -> None:
        """Whole or not at all: a reader never sees half of it."""
        try:
            aside = self._aside(json.dumps(content, indent=2) + "\n")
            aside.replace(self._path)
        except OSError as error:
            message = f"--ready {self._path} cannot be written: {error.strerror}"
            raise ConfigError(message) from None

    def remove(self) -> None:
        """Nothing listens any more."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _aside(self, text: str) -> Path:
        """A file beside the one that is meant."""
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".ready-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(READY_MODE)
        return Path(name)
