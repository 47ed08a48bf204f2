"""Who may use the control API: programs of this machine, or holders of the token.

A browser lets any page send requests to loopback. What gives such a page away is the Origin header,
and, once it has rebound its name to 127.0.0.1, the Host header.
"""

import hmac
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pumpsim.daemon.sockets import is_loopback

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""A snapshot of many pumps fits."""


class TooLargeError(ValueError):
    """A body without an end."""


class ControlGuard:
    """In front of the application: refuses what a page from elsewhere could send."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        """With a token the API can be used from other machines, by whoever sends it."""
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal is not None:
            status, sentence = refusal
            await JSONResponse({"error": sentence}, status)(scope, receive, send)
            return
        await self._app(scope, _bounded(receive), send)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return 403, f"pages of {origin} may not use the control API"
        if self._token is None and not is_loopback(_name(host)):
            return 403, f"host {host!r} is not this machine"
        given = headers.get("authorization", "")
        if self._token is not None and not _same(given, f"Bearer {self._token}"):
            return 401, "send the daemon's token: -H 'Authorization: Bearer TOKEN'"
        if int(headers.get("content-length", "0")) > MAX_BODY_BYTES:
            return 413, f"the body is larger than {MAX_BODY_BYTES} bytes"
        kind = headers.get("content-type", "application/json").partition(";")[0].strip()
        if method in ("POST", "PUT") and kind.lower() != "application/json":
            return 415, "send JSON: -H 'Content-Type: application/json'"
        return None


def _name(host: str) -> str:
    """The name in a Host header; empty when it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same(given: str, wanted: str) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def _bounded(receive: Receive) -> Receive:
    """A body that does not say its length is bounded too."""
    left = MAX_BODY_BYTES

    async def receive_bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            message_text = f"the body is larger than {MAX_BODY_BYTES} bytes"
            raise TooLargeError(message_text)
        return message

    return receive_bounded
