"""`pumpsim serve`: put pumps on links, say where they are, and end cleanly.

Serial and TCP come first, since they need little; the broker and the control API are imported
while those already answer.
"""

import asyncio
import contextlib
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import click

from pumpsim.configfile import ConfigError
from pumpsim.daemon.host import Host
from pumpsim.daemon.pty_port import PortError, PtyPort
from pumpsim.daemon.report import Report
from pumpsim.daemon.sockets import is_loopback, parse_address
from pumpsim.daemon.tcp_port import TcpPort
from pumpsim.device import Device
from pumpsim.pumpfile import PumpFile

if TYPE_CHECKING:
    from pumpsim.daemon.broker import EmbeddedBroker
    from pumpsim.daemon.control_api import ControlServer
    from pumpsim.daemon.mqtt_port import BrokerAddress
    from pumpsim.daemon.uart_port import UartPort

DEFAULT_BAUD: Final = 115_200
END_S: Final = 2.5
"""Whatever is still open after that is left behind."""
CONNECT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; None leaves it to the pump files."""

    pumps: list[PumpFile]
    speed: float
    seed: int
    serial: str | None
    baud: int | None
    tcp: str | None
    mqtt: str
    control: str
    ready: Path | None


@dataclass(slots=True)
class Served:
    """Where one device can be found."""

    device: Device
    serial: "PtyPort | UartPort | None" = None
    tcp: TcpPort | None = None
    mqtt: str | None = None
    control: str = ""

    def describe(self) -> dict[str, Any]:
        """As the ready file and the control API tell it: rig URIs."""
        at_control = f"control={quote(self.control, safe='')}"
        serial = None if self.serial is None else f"serial://{quote(self.serial.name)}?{at_control}"
        tcp = None
        if self.tcp is not None:
            host, port = self.tcp.address
            tcp = f"tcp://{host}:{port}?{at_control}"
        mqtt = None if self.mqtt is None else f"{self.mqtt}/{self.device.id}?{at_control}"
        return {
            "id": self.device.id,
            "serial": serial,
            "tcp": tcp,
            "mqtt": mqtt,
            "bare": self.device.bare,
        }


@dataclass(slots=True)
class Daemon:
    """Everything that has to be closed again."""

    host: Host
    served: list[Served]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    broker: "EmbeddedBroker | None" = None
    control: "ControlServer | None" = None
    control_url: str = ""


def serve(options: Options) -> None:
    """Serve until Ctrl-C; ConfigError or PortError when it cannot begin."""
    if options.ready is not None:
        _check_writable(options.ready)
    if len(options.pumps) > 1 and options.serial not in (None, "pty", "none"):
        message = "several pumps cannot share one --serial: set [link] serial in each pump file"
        raise ConfigError(message)
    devices = []
    for number, pump in enumerate(options.pumps):
        device = Device(pump, options.seed + number)
        device.implant()
        devices.append(device)
    _refuse_twins(devices)
    if sys.platform == "win32":
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
    asyncio.run(_main(options, devices))


async def _main(options: Options, devices: list[Device]) -> None:
    stop = _stop_event()
    host = Host(devices, options.speed)
    daemon = Daemon(host, [Served(device) for device in devices])
    try:
        await _open_lines(options, daemon)
        daemon.tasks.append(asyncio.create_task(host.run(), name="host"))
        await _open_network(options, daemon)
        if options.ready is not None:
            _write_ready(options.ready, daemon)
        _tell(daemon)
        await _until_stopped(stop, daemon)
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await _close(options, daemon)


async def _open_lines(options: Options, daemon: Daemon) -> None:
    for served in daemon.served:
        link = served.device.pump.link
        served.serial = _open_serial(
            options, daemon.host, served.device, options.serial or link.serial
        )
        address = options.tcp or link.tcp
        if address != "none":
            served.tcp = TcpPort(daemon.host, served.device.id)
            await served.tcp.listen(_address(address, "--tcp"))


def _open_serial(
    options: Options, host: Host, device: Device, text: str
) -> "PtyPort | UartPort | None":
    if text == "none":
        return None
    if text == "pty" or text.startswith("pty:"):
        link = Path(text[4:]) if text.startswith("pty:") else None
        return PtyPort(host, device.id, link, options.baud)
    from pumpsim.daemon.uart_port import UartPort

    port, _, query = text.partition("?")
    baud = query.removeprefix("baud=")
    if query and not baud.isdecimal():
        message = f"--serial {text!r}: write PORT?baud=N"
        raise ConfigError(message)
    return UartPort(host, device.id, port, int(baud or options.baud or DEFAULT_BAUD))


async def _open_network(options: Options, daemon: Daemon) -> None:
    listener = _listener(_address(options.control, "--control"))
    host_name, port = listener.getsockname()[:2]
    daemon.control_url = f"http://{host_name}:{port}"
    for served in daemon.served:
        served.control = daemon.control_url
    broker = await _open_broker(options, daemon)
    control_api = await _import("pumpsim.daemon.control_api")
    app = control_api.build(daemon.host, lambda: [served.describe() for served in daemon.served])
    daemon.control = control_api.ControlServer(app, listener)
    await daemon.control.start()
    daemon.tasks.append(asyncio.create_task(daemon.control.run(), name="control"))
    if broker is not None:
        await _join_broker(daemon, broker, wait=options.mqtt == "embedded")


async def _open_broker(options: Options, daemon: Daemon) -> "BrokerAddress | None":
    if options.mqtt == "none":
        return None
    mqtt_port = await _import("pumpsim.daemon.mqtt_port")
    if options.mqtt == "embedded":
        module = await _import("pumpsim.daemon.broker")
        daemon.broker = broker = module.EmbeddedBroker()
        await broker.start()
        embedded: BrokerAddress = mqtt_port.BrokerAddress("127.0.0.1", broker.port)
        return embedded
    address: BrokerAddress = mqtt_port.broker_address(options.mqtt)
    return address


async def _join_broker(daemon: Daemon, broker: "BrokerAddress", *, wait: bool) -> None:
    mqtt_port = await _import("pumpsim.daemon.mqtt_port")
    report = Report()
    ports = []
    for served in daemon.served:
        if not served.device.pump.link.mqtt:
            continue
        served.mqtt = f"{'mqtts' if broker.tls else 'mqtt'}://{broker.host}:{broker.port}"
        period_ns = served.device.pump.link.telemetry_period
        port = mqtt_port.MqttPort(daemon.host, served.device.id, broker, period_ns, report)
        daemon.tasks.append(asyncio.create_task(port.run(), name=f"mqtt {served.device.id}"))
        ports.append(port)
    with contextlib.suppress(TimeoutError):  # an absent broker keeps nobody from working
        async with asyncio.timeout(CONNECT_S if wait else 1.0):
            for port in ports:
                await port.connected.wait()


async def _import(name: str) -> Any:
    """Import off the loop: links that are open already go on answering."""
    return await asyncio.to_thread(importlib.import_module, name)


async def _until_stopped(stop: asyncio.Event, daemon: Daemon) -> None:
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([stopped, *daemon.tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in done - {stopped}:
        task.result()  # a task that ended by itself failed: say how
    stopped.cancel()


async def _close(options: Options, daemon: Daemon) -> None:
    others = [task for task in daemon.tasks if task.get_name() != "control"]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    if daemon.control is not None:
        await daemon.control.stop()
    for served in daemon.served:
        for port in (served.serial, served.tcp):
            if port is not None:
                port.close()
    if options.ready is not None:
        options.ready.unlink(missing_ok=True)
    if daemon.broker is not None:
        await daemon.broker.stop()


def _stop_event() -> asyncio.Event:
    """Set by Ctrl-C or a polite kill."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)
    return stop


def _address(text: str, option: str) -> tuple[str, int]:
    try:
        return parse_address(text)
    except ValueError as error:
        message = f"{option}: {error}"
        raise ConfigError(message) from None


def _listener(address: tuple[str, int]) -> socket.socket:
    if not is_loopback(address[0]):
        message = f"--control {address[0]} is not this machine: the control API stays on loopback"
        raise ConfigError(message)
    try:
        return socket.create_server(address)
    except OSError as error:
        message = (
            f"--control {address[0]}:{address[1]} cannot be used: {error.strerror}; try port 0"
        )
        raise PortError(message) from None


def _refuse_twins(devices: list[Device]) -> None:
    names = [device.id for device in devices]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        message = f"two pumps have the id {twins[0]!r}: give each its own in [pump] id"
        raise ConfigError(message)


def _check_writable(path: Path) -> None:
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK) or path.is_dir():
        message = f"--ready {path} cannot be written"
        raise ConfigError(message)


def _write_ready(path: Path, daemon: Daemon) -> None:
    """Whole or not at all: a reader never sees half of it."""
    content = {
        "devices": [served.describe() for served in daemon.served],
        "control": daemon.control_url,
    }
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        json.dump(content, file, indent=2)
    Path(file.name).replace(path)


def _tell(daemon: Daemon) -> None:
    echo = click.echo
    for served in daemon.served:
        where = served.describe()
        pump = served.device.pump
        echo(f"{served.device.id}: {pump.pump.model}, {served.device.firmware_name()}")
        if served.serial is not None:
            echo(f"  serial   {served.serial.name}")
            echo(f"           hil status --rig 'serial://{served.serial.name}'")
        if served.tcp is not None:
            echo(f"  TCP      {served.tcp.address[0]}:{served.tcp.address[1]}")
            echo(f"           hil status --rig '{str(where['tcp']).partition('?')[0]}'")
        if served.mqtt is not None:
            host, _, port = served.mqtt.partition("://")[2].rpartition(":")
            echo(f"  MQTT     {served.mqtt}/{served.device.id}")
            echo(
                f"           mosquitto_sub -h {host} -p {port} -v -t 'pumpsim/{served.device.id}/#'"
            )
    first = daemon.served[0].device.id
    echo(f"control API  {daemon.control_url}  (OpenAPI: {daemon.control_url}/openapi.json)")
    echo(f"             curl {daemon.control_url}/v1/devices/{first}/truth")
    echo(
        f"             curl -H 'Content-Type: application/json' -d '{{\"kind\": \"fever\"}}' "
        f"{daemon.control_url}/v1/devices/{first}/stimuli"
    )
    echo("Ctrl-C ends it.")
    sys.stdout.flush()
