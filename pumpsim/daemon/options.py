"""What the command line asks of the daemon, and what of it cannot be.

Whatever is wrong is one sentence that says what to do, before anything has begun where possible.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from protocol.configfile import ConfigError
from pumpsim.benchfile import BenchFile
from pumpsim.chaos.settings import ChaosFile
from pumpsim.daemon.pacing import check_baud
from pumpsim.daemon.pty_port import PortError
from pumpsim.daemon.sockets import authority, is_loopback, parse_address, why_not
from pumpsim.pumpfile import PumpFile

DEFAULT_BAUD: Final = 115_200
TOKEN_VARIABLE: Final = "PUMPSIM_CONTROL_TOKEN"  # noqa: S105 - the name of it, not it
MIN_TOKEN: Final = 16


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; None leaves it to the pump files."""

    pumps: list[PumpFile]
    rig: BenchFile | None
    chaos: ChaosFile | None
    speed: float
    seed: int
    serial: str | None
    baud: int | None
    tcp: str | None
    mqtt: str
    control: str
    allow_remote_control: bool
    catch_up: bool
    ready: Path | None


def check(options: Options) -> None:
    """What can be known to be wrong before anything is opened; ConfigError."""
    control_token(options)
    if len(options.pumps) > 1:
        if options.serial not in (None, "pty", "none"):
            message = "several pumps cannot share one --serial: set link.serial in each pump file"
            raise ConfigError(message)
        if options.tcp not in (None, "none") and address_of(options.tcp, "--tcp")[1]:
            message = "several pumps cannot share one --tcp: use port 0, or link.tcp in each file"
            raise ConfigError(message)
    if options.rig is not None and len(options.pumps) > 1:
        raise ConfigError("--rig is for one pump: its instruments stand around that one")
    names = [pump.id for pump in options.pumps]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        message = f"two pumps have the id {twins[0]!r}: give each its own pump.id"
        raise ConfigError(message)


def uart_of(text: str, baud: int | None) -> tuple[str, int]:
    """PORT[?baud=N], and the rate that holds where it names none; ConfigError."""
    name, mark, query = text.partition("?")
    message = f"serial {text!r}: write pty, pty:LINK, PORT?baud=N or none"
    if not name or (mark and not query.startswith("baud=")):
        raise ConfigError(message)
    try:
        return name, check_baud(query.removeprefix("baud=")) if mark else baud or DEFAULT_BAUD
    except ValueError as error:
        message = f"serial {text!r}: {error}"
        raise ConfigError(message) from None


def address_of(text: str, option: str) -> tuple[str, int]:
    """HOST:PORT of an option; ConfigError."""
    try:
        return parse_address(text)
    except ValueError as error:
        message = f"{option}: {error}"
        raise ConfigError(message) from None


def control_token(options: Options) -> str | None:
    """The secret of the control API, when others may use it; ConfigError.

    It is never on a command line: others can read those.
    """
    if not options.allow_remote_control:
        return None
    token = os.environ.get(TOKEN_VARIABLE, "")
    if len(token) < MIN_TOKEN:
        message = (
            f"--allow-remote-control needs a secret of {MIN_TOKEN} characters or more in the "
            f"environment variable {TOKEN_VARIABLE}"
        )
        raise ConfigError(message)
    return token


def listen(options: Options) -> socket.socket:
    """The control API's socket; ConfigError or PortError."""
    host, port = address_of(options.control, "--control")
    if not is_loopback(host) and not options.allow_remote_control:
        message = (
            f"--control {host} is not this machine alone: to let others control the pumps add "
            f"--allow-remote-control, and set {TOKEN_VARIABLE}"
        )
        raise ConfigError(message)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        message = f"--control {authority(host, port)} cannot be used: {why_not(error)}"
        raise PortError(message) from None
