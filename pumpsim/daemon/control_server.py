"""The control API on a socket. Signals stay with the daemon."""

import socket
from typing import Final

import uvicorn
from starlette.types import ASGIApp

GRACE_S: Final = 1


class ControlServer:
    """uvicorn as one of many things on the daemon's loop."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        """Ready to start on a listening socket."""
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server = uvicorn.Server(config)
        # inherited by every connection: an answer is two writes, and Nagle held it back for 40 ms
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._listener = listener

    async def start(self) -> None:
        """Serve from now on; `run` keeps it going."""
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self._listener])

    async def run(self) -> None:
        """Until `stop`."""
        await self._server.main_loop()

    async def stop(self) -> None:
        """End, whatever is still open."""
        self._server.should_exit = True
        self._server.force_exit = True
        await self._server.shutdown(sockets=[self._listener])
