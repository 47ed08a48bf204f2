"""What a rig URI names, and nothing else: parsing opens no port.

    sim:                                 the demonstration pump, in process
    sim:PUMP.toml?seed=7&bare=1          any pump file; bare: without control logic
    serial:///dev/ttyUSB0?baud=115200    a serial port; serial:///COM3 on Windows
    tcp://HOST:PORT
    mqtt[s]://HOST:PORT/DEVICE           a device on a broker
    board:PUMP.toml                      no device: sensors and a relay, in a rig file only

The last four take `control=URL`, the daemon's control API, and then run in virtual time. All but
the last take `chaos=FILE`: the bench's end of the link then loses, delays and spoils as the file
says. Reserved characters are percent-encoded.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from hil.errors import LocalError
from protocol.credentials import HINT
from protocol.topics import check_name

DEFAULT_BAUD: Final = 115_200
MAX_BAUD: Final = 4_000_000
DEFAULT_PORTS: Final = {"mqtt": 1_883, "mqtts": 8_883}
DEFAULT_SEED: Final = 1
"""The daemon's too: the same pump in both."""
MAX_SEED: Final = 2**63 - 1
EXAMPLES: Final = {
    "sim": "sim:  or  sim:pumps/demo.toml?seed=7",
    "serial": "serial:///dev/ttyUSB0?baud=115200  or  serial:///COM3",
    "tcp": "tcp://127.0.0.1:7000",
    "mqtt": "mqtt://127.0.0.1:1883/demo",
    "mqtts": "mqtts://broker.example:8883/demo",
    "board": "board:  or  board:PUMP.toml?control=http://127.0.0.1:7700",
}


@dataclass(frozen=True)
class SimTarget:
    """The emulator, in this process."""

    pump: Path | None = None
    seed: int = DEFAULT_SEED
    bare: bool = False
    chaos: Path | None = None


@dataclass(frozen=True)
class SerialTarget:
    """A serial port, by the name the platform gives it."""

    device: str
    baud: int = DEFAULT_BAUD
    control: str | None = None
    chaos: Path | None = None


@dataclass(frozen=True)
class TcpTarget:
    """A TCP port."""

    host: str
    port: int
    control: str | None = None
    chaos: Path | None = None


@dataclass(frozen=True)
class MqttTarget:
    """A device on a broker."""

    host: str
    port: int
    device: str
    tls: bool = False
    control: str | None = None
    chaos: Path | None = None


@dataclass(frozen=True)
class BoardTarget:
    """A device made of the sensors and the relay of a rig file, on the pump of that pump file."""

    pump: Path | None = None
    control: str | None = None


LinkTarget = SerialTarget | TcpTarget | MqttTarget
Target = SimTarget | LinkTarget | BoardTarget


class _BadUriError(ValueError):
    """Why a URI names nothing, without the URI itself."""


def parse(uri: str) -> Target:
    """What `uri` names; LocalError says what is wrong with it and shows one that is right."""
    scheme = uri.partition(":")[0]
    try:
        if scheme not in EXAMPLES or ":" not in uri:
            raise _BadUriError(f"it starts with none of {': '.join(EXAMPLES)}:")
        if not uri.isascii() or not uri.isprintable() or " " in uri or "#" in uri:
            raise _BadUriError("blanks, # and what is not ASCII must be percent-encoded")
        return _MAKERS[scheme](urlsplit(uri))
    except ValueError as error:
        example = EXAMPLES.get(scheme, EXAMPLES["tcp"])
        message = f"bad rig URI {_hidden(uri)!r}: {error}; a right one is {example}"
        raise LocalError(message) from None


def _sim(parts: SplitResult) -> SimTarget:
    options = _options(parts, ("seed", "bare", "chaos"))
    return SimTarget(
        pump=_pump(parts),
        seed=_number(options.get("seed", str(DEFAULT_SEED)), "seed", 0, MAX_SEED),
        bare=bool(_number(options.get("bare", "0"), "bare", 0, 1)),
        chaos=_chaos(options),
    )


def _serial(parts: SplitResult) -> SerialTarget:
    options = _options(parts, ("baud", "control", "chaos"))
    device = _unquote(parts.path)
    if parts.netloc or not device.strip("/"):
        raise _BadUriError("three slashes stand before the port's name")
    if re.fullmatch(r"/COM\d+", device, re.IGNORECASE):
        device = device[1:]
    baud = _number(options.get("baud", str(DEFAULT_BAUD)), "baud", 1, MAX_BAUD)
    return SerialTarget(device, baud, _control(options), _chaos(options))


def _tcp(parts: SplitResult) -> TcpTarget:
    options = _options(parts, ("control", "chaos"))
    if parts.path not in ("", "/"):
        raise _BadUriError(f"nothing stands behind the port, not {parts.path!r}")
    host, port = _address(parts, None)
    return TcpTarget(host, port, _control(options), _chaos(options))


def _mqtt(parts: SplitResult) -> MqttTarget:
    options = _options(parts, ("control", "chaos"))
    host, port = _address(parts, DEFAULT_PORTS[parts.scheme])
    device = check_name(_unquote(parts.path).removeprefix("/"))
    tls = parts.scheme == "mqtts"
    return MqttTarget(host, port, device, tls, _control(options), _chaos(options))


def _board(parts: SplitResult) -> BoardTarget:
    return BoardTarget(_pump(parts), _control(_options(parts, ("control",))))


def _pump(parts: SplitResult) -> Path | None:
    path = _unquote(parts.netloc + parts.path)
    return Path(path) if path else None


_MAKERS: Final[dict[str, Callable[[SplitResult], Target]]] = {
    "sim": _sim,
    "serial": _serial,
    "tcp": _tcp,
    "mqtt": _mqtt,
    "mqtts": _mqtt,
    "board": _board,
}


def _address(parts: SplitResult, default_port: int | None) -> tuple[str, int]:
    if parts.username is not None or parts.password is not None:
        raise _BadUriError(f"credentials do not belong on a command line: {HINT}")
    port = parts.port or default_port
    if not parts.hostname or port is None:
        raise _BadUriError("it names no host and port")
    return _unquote(parts.hostname), port


def _control(options: dict[str, str]) -> str | None:
    url = options.get("control")
    if url is None:
        return None
    parts = urlsplit(url)
    odd = parts.username is not None or parts.path not in ("", "/") or parts.query
    if parts.scheme != "http" or not parts.hostname or odd:
        raise _BadUriError(f"control={url} is not of the form http://HOST:PORT")
    return url.removesuffix("/")


def _chaos(options: dict[str, str]) -> Path | None:
    file = options.get("chaos")
    if file == "":
        raise _BadUriError("chaos= names no file")
    return None if file is None else Path(file)


def _options(parts: SplitResult, known: tuple[str, ...]) -> dict[str, str]:
    if not parts.query:
        return {}
    pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True, errors="strict")
    options = dict(pairs)
    unknown = options.keys() - set(known)
    if unknown:
        raise _BadUriError(f"no option {min(unknown)!r} here: there is {', '.join(known)}")
    if len(options) != len(pairs):
        raise _BadUriError("an option stands twice")
    return options


def _number(text: str, name: str, lowest: int, highest: int) -> int:
    if re.fullmatch(r"[0-9]{1,19}", text) is None or not lowest <= int(text) <= highest:
        raise _BadUriError(f"{name}={text} must be a whole number from {lowest} to {highest}")
    return int(text)


def _unquote(text: str) -> str:
    name = unquote(text, errors="strict")
    if not name.isprintable():
        raise _BadUriError("%00 and other signs that cannot be printed name nothing")
    return name


def _hidden(uri: str) -> str:
    """The URI without the secret somebody may have put in."""
    return re.sub(r"//[^/]*@", "//…@", uri)
