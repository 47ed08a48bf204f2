"""TCP as a serial line that many can share: each connection is a link of its own."""

import asyncio
import itertools
import socket
from collections.abc import Callable
from typing import Final, Protocol, cast

from pumpsim.daemon.host import Host
from pumpsim.daemon.pty_port import PortError
from pumpsim.daemon.sockets import authority, why_not

MAX_CLIENTS: Final = 32
READ_BYTES: Final = 4_096
CONGESTED_BYTES: Final = 64 * 1024
MAX_UNREAD_BYTES: Final = 1024 * 1024
"""A client that leaves so much unread is cut off."""


class Fed(Protocol):
    """What stands behind one connection."""

    def feed(self, data: bytes) -> None:
        """Bytes came in."""

    def close(self) -> None:
        """The connection is gone."""


Serve = Callable[[str, Callable[[bytes], None], Callable[[], bool], Callable[[], None]], Fed]
"""Makes it, from the connection's name, how to write to it, whether much waits to be read, and how
to cut it off."""


class TcpPort:
    """A listening socket."""

    def __init__(self, host: Host, serve: Serve) -> None:
        """Not listening yet. When the host is restored, every connection ends."""
        self._serve = serve
        self._numbers = itertools.count(1)
        self._server: asyncio.Server | None = None
        self.connections: set[Connection] = set()
        self.address = ("", 0)
        host.on_restore(self.drop_all)

    async def listen(self, address: tuple[str, int], option: str = "--tcp") -> None:
        """Listen; PortError, naming the option, when the address is taken."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: Connection(self), *address)
        except OSError as error:
            message = f"{option} {authority(*address)} cannot be used: {why_not(error)}"
            raise PortError(message) from None
        self.address = self._server.sockets[0].getsockname()[:2]

    def link_for(self, connection: "Connection") -> Fed:
        """A link for a new connection."""
        name = f"tcp-{next(self._numbers)}"
        return self._serve(name, connection.write, connection.congested, connection.abort)

    def drop_all(self) -> None:
        """Close every connection."""
        for connection in list(self.connections):
            connection.abort()

    def close(self) -> None:
        """Stop listening, and close every connection."""
        if self._server is not None:
            self._server.close()
        self.drop_all()


class Connection(asyncio.BufferedProtocol):
    """One client."""

    def __init__(self, port: TcpPort) -> None:
        """Not connected yet."""
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._stream: Fed | None = None
        self._incoming = bytearray(READ_BYTES)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came; one too many is sent away."""
        self._transport = cast("asyncio.Transport", transport)
        if len(self._port.connections) >= MAX_CLIENTS:
            self._transport.abort()
            return
        self._transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        self._port.connections.add(self)
        self._stream = self._port.link_for(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where bytes go. It is small, so that whoever sends a flood has his turn like others."""
        del sizehint
        return self._incoming

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came in."""
        if self._stream is not None:
            self._stream.feed(bytes(self._incoming[:nbytes]))

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left, or was cut off."""
        del exc
        self._port.connections.discard(self)
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def write(self, data: bytes) -> None:
        """Send; a client that never reads is cut off before it costs memory."""
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self._transport.abort()
        else:
            self._transport.write(data)

    def congested(self) -> bool:
        """Whether much is waiting to be read."""
        transport = self._transport
        return transport is not None and transport.get_write_buffer_size() > CONGESTED_BYTES

    def abort(self) -> None:
        """Cut the client off."""
        if self._transport is not None:
            self._transport.abort()
