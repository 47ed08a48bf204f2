"""Small things about sockets and addresses."""

import errno
import ipaddress
import os
import socket
from typing import Final

NODELAY: Final = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]


def parse_address(text: str) -> tuple[str, int]:
    """HOST:PORT, IPv6 in brackets; ValueError says what is expected."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    name = host[1:-1] if bracketed else host
    number = port.isascii() and port.isdecimal() and int(port) <= 65_535
    if not colon or not name or (":" in name) != bracketed or not number:
        message = f"{text!r} is no HOST:PORT such as 127.0.0.1:0"
        raise ValueError(message)
    return name, int(port)


def authority(host: str, port: int) -> str:
    """The address as it stands in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def why_not(error: OSError) -> str:
    """Why an address cannot be listened on, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return "somebody else listens there; port 0 is any free one"
    reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
    return f"{reason}; choose an address of this machine"
