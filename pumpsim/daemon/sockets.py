"""Small things about sockets and addresses."""

import ipaddress
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
