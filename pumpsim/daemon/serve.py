"""`pumpsim serve`: put pumps on links, say where they are, and end cleanly.

Serial and TCP come first, since they need little; the broker and the control API are imported
while those already answer.
"""

import asyncio
import contextlib
import gc
import importlib
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pumpsim.daemon.host import Host
from pumpsim.daemon.instruments import open_instruments
from pumpsim.daemon.options import Options, address_of, check, control_token, listen, uart_of
from pumpsim.daemon.places import ReadyFile, Served, control_lines
from pumpsim.daemon.pty_port import PtyPort
from pumpsim.daemon.report import Report
from pumpsim.daemon.sockets import authority
from pumpsim.daemon.stream import StreamLink
from pumpsim.daemon.tcp_port import TcpPort
from pumpsim.device import Device

if TYPE_CHECKING:
    from pumpsim.daemon.broker import EmbeddedBroker
    from pumpsim.daemon.control_server import ControlServer
    from pumpsim.daemon.mqtt_port import BrokerAddress
    from pumpsim.daemon.uart_port import UartPort

END_S: Final = 2.0
LEAVE_S: Final = 0.3
"""Whatever is still open after both is left behind."""
CONNECT_S: Final = 5.0
ABSENT_S: Final = 1.0
"""How long the start waits for somebody else's broker."""


@dataclass(slots=True)
class Daemon:
    """Everything that has to be closed again."""

    host: Host
    served: list[Served]
    report: Report
    ready: ReadyFile | None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    broker: "EmbeddedBroker | None" = None
    control: "ControlServer | None" = None
    control_url: str = ""

    def describe(self) -> list[dict[str, Any]]:
        """Every device, and where it is."""
        return [served.describe(self.control_url) for served in self.served]


def serve(options: Options) -> None:
    """Serve until Ctrl-C; ConfigError or PortError when it cannot begin."""
    check(options)
    ready = None if options.ready is None else ReadyFile(options.ready)
    devices = [Device(pump, options.seed + n) for n, pump in enumerate(options.pumps)]
    for device in devices:
        device.implant()
    _run(_main(options, devices, ready))


def _run(main: Coroutine[Any, Any, None]) -> None:
    """As `asyncio.run`, which would wait for ever for a task that does not let itself be ended."""
    loop = asyncio.SelectorEventLoop()  # what MQTT needs, on Windows too
    try:
        loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.set_exception_handler(lambda *_: None)  # all has been said
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=LEAVE_S))
        loop.close()


def _telling(report: Report) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """A library's callback that fails, such as one on a socket just closed, is a line, no more."""

    def tell(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        reason = context.get("exception") or context["message"]
        report.once(f"a callback failed: {type(reason).__name__}: {reason}")

    return tell


async def _main(options: Options, devices: list[Device], ready: ReadyFile | None) -> None:
    stop = asyncio.create_task(_stopped())
    report = Report()
    asyncio.get_running_loop().set_exception_handler(_telling(report))
    host = Host(
        devices,
        options.speed,
        catch_up=options.catch_up,
        bench=options.rig,
        chaos=options.chaos,
    )
    daemon = Daemon(host, [Served(device) for device in devices], report, ready)
    opening = asyncio.create_task(_open(options, daemon))
    try:
        await asyncio.wait({stop, opening}, return_when=asyncio.FIRST_COMPLETED)
        if opening.done():
            opening.result()
            await asyncio.wait({stop, *daemon.tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in daemon.tasks:
                if task.done():
                    task.result()  # a task that ended by itself failed: say how
    finally:
        stop.cancel()
        opening.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await asyncio.gather(opening, return_exceptions=True)
                await _close(daemon)


async def _open(options: Options, daemon: Daemon) -> None:
    await _open_lines(options, daemon)
    daemon.tasks.append(asyncio.create_task(daemon.host.run(), name="host"))
    await _open_network(options, daemon)
    gc.freeze()  # what is here stays: going through it again takes 0.1 s with 200 pumps
    daemon.host.timeline.lateness.clear()  # the start was busy with other things
    daemon.host.tell = daemon.report.once
    if daemon.ready is not None:
        daemon.ready.write({"devices": daemon.describe(), "control": daemon.control_url})
    _tell(daemon)


async def _open_lines(options: Options, daemon: Daemon) -> None:
    for served in daemon.served:
        link = served.device.pump.link
        serial = link.serial if options.serial is None else options.serial
        served.serial = _open_serial(options, daemon, served.device, serial)
        address = link.tcp if options.tcp is None else options.tcp
        if address != "none":
            port = TcpPort(daemon.host, partial(StreamLink, daemon.host, served.device.id))
            await port.listen(address_of(address, "--tcp"))
            served.tcp = port
        if options.rig is not None:
            name = served.device.id
            await open_instruments(daemon.host, name, options.rig, served.instruments)


def _open_serial(
    options: Options, daemon: Daemon, device: Device, text: str
) -> "PtyPort | UartPort | None":
    if text == "none":
        return None
    kind, _, place = text.partition(":")
    if text == "pty" or (kind == "pty" and place):
        link = Path(place).absolute() if place else None
        return PtyPort(daemon.host, device.id, link, options.baud)
    from pumpsim.daemon.uart_port import UartPort

    name, baud = uart_of(text, options.baud)
    return UartPort(daemon.host, device.id, name, baud, daemon.report)


async def _open_network(options: Options, daemon: Daemon) -> None:
    broker = await _open_broker(options, daemon)
    control_api = await _import("pumpsim.daemon.control_api")
    control_server = await _import("pumpsim.daemon.control_server")
    listener = listen(options)
    daemon.control_url = f"http://{authority(*listener.getsockname()[:2])}"
    app = control_api.build(daemon.host, daemon.describe, control_token(options))
    control = control_server.ControlServer(app, listener)
    await control.start()
    daemon.control = control
    daemon.tasks.append(asyncio.create_task(control.run(), name="control"))
    if broker is not None:
        await _join_broker(daemon, broker, CONNECT_S if options.mqtt == "embedded" else ABSENT_S)


async def _open_broker(options: Options, daemon: Daemon) -> "BrokerAddress | None":
    if options.mqtt == "none":
        return None
    mqtt_port = await _import("pumpsim.daemon.mqtt_port")
    if options.mqtt != "embedded":
        address: BrokerAddress = mqtt_port.broker_address(options.mqtt)
        return address
    module = await _import("pumpsim.daemon.broker")
    daemon.broker = broker = module.EmbeddedBroker()
    await broker.start()
    embedded: BrokerAddress = mqtt_port.BrokerAddress("127.0.0.1", broker.port)
    return embedded


async def _join_broker(daemon: Daemon, broker: "BrokerAddress", wait_s: float) -> None:
    mqtt_port = await _import("pumpsim.daemon.mqtt_port")
    ports = []
    for served in daemon.served:
        if not served.device.pump.link.mqtt:
            continue
        served.broker = broker
        period_ns = served.device.pump.link.telemetry_period
        port = mqtt_port.MqttPort(daemon.host, served.device.id, broker, period_ns, daemon.report)
        daemon.tasks.append(asyncio.create_task(port.run(), name=f"mqtt {served.device.id}"))
        ports.append(port)
    with contextlib.suppress(TimeoutError):  # an absent broker keeps nobody from working
        async with asyncio.timeout(wait_s):
            for port in ports:
                await port.connected.wait()


async def _import(name: str) -> Any:
    """Import off the loop: links that are open already go on answering."""
    return await asyncio.to_thread(importlib.import_module, name)


async def _close(daemon: Daemon) -> None:
    daemon.host.give_up()
    others = [task for task in daemon.tasks if task.get_name() != "control"]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    if daemon.control is not None:
        await daemon.control.stop()
    for served in daemon.served:
        for port in (served.serial, served.tcp, *served.instruments):
            if port is not None:
                port.close()
    if daemon.ready is not None:
        daemon.ready.remove()
    if daemon.broker is not None:
        await daemon.broker.stop()


async def _stopped() -> None:
    """Until Ctrl-C or a polite kill."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)
    await stop.wait()


def _tell(daemon: Daemon) -> None:
    for served in daemon.served:
        for line in served.lines():
            click.echo(line)
    for line in control_lines(daemon.control_url, daemon.served[0].device.id):
        click.echo(line)
    click.echo("Ctrl-C ends it.")
    sys.stdout.flush()
