"""The control API: what the laboratory and the patient's life do to the pumps, over HTTP.

It is not the pump's link: nothing here passes through a session. It listens on loopback, and a
page from elsewhere that a browser on this machine shows cannot use it: Host and Origin are checked.
"""

import socket
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import uvicorn
from fastapi import Body, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from protocol.quantity import parse_int
from pumpsim.daemon.host import Host
from pumpsim.daemon.sockets import is_loopback
from pumpsim.daemon.timeline import AS_FAST_AS_IT_GOES
from pumpsim.stimuli import Stimulus

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
GRACE_S: Final = 1

Handler = Callable[[Request], Awaitable[Response]]


class Pace(BaseModel):
    """A new speed, a pause, or both."""

    model_config = ConfigDict(extra="forbid")

    speed: float | str | None = Field(None, description='device seconds per second, or "max"')
    paused: bool | None = Field(None, description="whether time stands still")


class Run(BaseModel):
    """How far to run: to an instant, or for a duration such as "14 d"."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    until_ns: int | None = Field(None, ge=0)
    duration: str | None = Field(None, alias="for")


def build(host: Host, describe: Callable[[], list[dict[str, Any]]]) -> FastAPI:
    """The application; `describe` tells where each device is."""
    app = FastAPI(title="pumpsim control API", version="1", docs_url=None, redoc_url=None)
    app.middleware("http")(_guard)
    app.exception_handler(ValueError)(_refuse)
    app.exception_handler(KeyError)(_not_found)
    app.exception_handler(RequestValidationError)(_invalid)
    _add_device_routes(app, host, describe)
    _add_time_routes(app, host)
    _add_snapshot_routes(app, host)
    return app


def _add_device_routes(
    app: FastAPI, host: Host, describe: Callable[[], list[dict[str, Any]]]
) -> None:
    @app.get("/v1/health")
    async def health() -> dict[str, str]:
        """Whether the daemon answers."""
        return {"status": "ok"}

    @app.get("/v1/devices")
    async def devices() -> list[dict[str, Any]]:
        """Every device, and where its links are."""
        return describe()

    @app.get("/v1/devices/{device}/truth")
    async def truth(device: str) -> dict[str, Any]:
        """The plant as it is."""
        return host.devices[device].truth()

    @app.get("/v1/devices/{device}/ledger")
    async def ledger(device: str) -> dict[str, int]:
        """Where every femtolitre is."""
        return host.devices[device].plant.ledger.accounts()

    @app.get("/v1/devices/{device}/belief")
    async def belief(device: str) -> dict[str, Any] | None:
        """What the control logic believes, beside the truth."""
        beliefs = host.devices[device].beliefs
        return None if beliefs is None else beliefs._asdict()

    @app.post("/v1/devices/{device}/stimuli")
    async def stimuli(device: str, stimulus: Annotated[Stimulus, Body()]) -> dict[str, int]:
        """Let something happen to a pump or its patient now."""
        result = host.stimulate(device, stimulus)
        return {"now_ns": host.devices[device].now_ns, **result}


def _present(host: Host) -> dict[str, Any]:
    timeline = host.timeline
    fastest = timeline.speed == AS_FAST_AS_IT_GOES
    return {
        "now_ns": host.now_ns,
        "speed": "max" if fastest else timeline.speed,
        "paused": timeline.paused,
        "running_until_ns": timeline.grant_ns,
        "late_ns": timeline.late_ns,
        "late_max_ns": timeline.late_max_ns,
        "gaps_ns": timeline.gaps_ns,
    }


def _add_snapshot_routes(app: FastAPI, host: Host) -> None:
    @app.get("/v1/snapshot")
    async def take() -> dict[str, Any]:
        """Every device as plain data."""
        return host.take_snapshot()

    @app.put("/v1/snapshot")
    async def restore(data: Annotated[dict[str, Any], Body()]) -> dict[str, int]:
        """Put every device back; links close, and a new timeline begins."""
        host.restore(data)
        return {"now_ns": host.now_ns}


def _add_time_routes(app: FastAPI, host: Host) -> None:
    @app.get("/v1/time")
    async def time() -> dict[str, Any]:
        """Device time, its pace, and how late it runs."""
        return _present(host)

    @app.put("/v1/time")
    async def pace(change: Pace) -> dict[str, Any]:
        """Change speed or pause."""
        host.set_time(speed=_speed(change.speed), paused=change.paused)
        return _present(host)

    @app.post("/v1/time/run-until")
    async def run_until(run: Run) -> dict[str, int]:
        """Run as fast as it goes; answers when the instant is reached."""
        if (run.until_ns is None) == (run.duration is None):
            raise ValueError('give either "until_ns" or "for"')
        until_ns = run.until_ns
        if run.duration is not None:
            until_ns = host.now_ns + parse_int(run.duration, "duration")
        return {"now_ns": await host.run_until(until_ns or 0)}

    @app.post("/v1/time/step")
    async def step() -> dict[str, int]:
        """Run to the next instant at which something happens."""
        return {"now_ns": await host.run_until(host.next_deadline())}


def _speed(value: float | str | None) -> float | None:
    if isinstance(value, str):
        if value != "max":
            message = f'speed {value!r} is neither a number nor "max"'
            raise ValueError(message)
        return AS_FAST_AS_IT_GOES
    return value


async def _guard(request: Request, proceed: Handler) -> Response:
    """Refuse what a page from elsewhere could send."""
    server_host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    origin = request.headers.get("origin")
    origin_host = None if origin is None else urlsplit(origin).hostname or "?"
    if not is_loopback(server_host):
        return _error(403, f"host {server_host!r} is not this machine")
    if origin_host is not None and not is_loopback(origin_host):
        return _error(403, f"pages of {origin} may not use the control API")
    if int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES:
        return _error(413, f"larger than {MAX_BODY_BYTES} bytes")
    kind = request.headers.get("content-type", "application/json")
    if request.method in ("POST", "PUT") and not kind.startswith("application/json"):
        return _error(415, "send JSON: -H 'Content-Type: application/json'")
    return await proceed(request)


async def _refuse(_request: Request, error: Exception) -> Response:
    return _error(422, str(error))


async def _not_found(_request: Request, error: Exception) -> Response:
    return _error(404, f"there is no device {error}")


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"] if step != "body")
    reason = str(first["msg"]).removeprefix("Value error, ")
    return _error(422, f"{where}: {reason}" if where else reason)


def _error(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status_code=status)


class ControlServer:
    """The API on a socket; signals stay with the daemon."""

    def __init__(self, app: FastAPI, listener: socket.socket) -> None:
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
