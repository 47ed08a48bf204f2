"""MQTT topics: one tree per device, and one branch of requests and replies per client."""

import re
from typing import Final

from protocol.messages import AlarmChanged, Body, EventLogged, Presence, Sampled, Telemetry

ROOT: Final = "pumpsim"
NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")
BRANCHES: Final[dict[type[Body], str]] = {
    Presence: "status",
    Telemetry: "telemetry",
    AlarmChanged: "alarm",
    EventLogged: "event",
    Sampled: "sample",
}
"""Where notices go; every other one goes to the default."""
DEFAULT_BRANCH: Final = "event"


def check_name(name: str, what: str = "device id") -> str:
    """The name, when it can stand in a topic; ValueError says what may."""
    if NAME.fullmatch(name) is None:
        message = f"{what} {name!r} must be 1 to 32 of A-Z a-z 0-9 . _ - (no /, + or #)"
        raise ValueError(message)
    return name


def notice_topic(device: str, body: Body) -> str:
    """Where a notice is published."""
    return f"{ROOT}/{device}/{BRANCHES.get(type(body), DEFAULT_BRANCH)}"


def status_topic(device: str) -> str:
    """Retained: birth and last will."""
    return f"{ROOT}/{device}/status"


def request_topic(device: str, client: str) -> str:
    """Where a client's requests go; `+` for every client."""
    return f"{ROOT}/{device}/request/{client}"


def reply_topic(device: str, client: str) -> str:
    """Where that client finds its replies."""
    return f"{ROOT}/{device}/reply/{client}"


def client_of(topic: str) -> str | None:
    """Who sent a request, by its topic; None when the name cannot be answered."""
    client = topic.rsplit("/", 1)[-1]
    return client if NAME.fullmatch(client) else None
