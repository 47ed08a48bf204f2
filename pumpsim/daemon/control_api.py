"""The control API: what the laboratory and the patient's life do to the pumps, over HTTP.

It is not the pump's link: nothing here passes through a session. Every answer that is not what was
asked for is `{"error": sentence}`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Body, Depends, FastAPI, HTTPException, Request, Response
from fastapi import Path as PathPart
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp

from protocol.configfile import DurationNs, explain, printable
from pumpsim import comparison
from pumpsim.comparison import in_words
from pumpsim.daemon.chaos_routes import add_chaos_routes
from pumpsim.daemon.control_guard import ControlGuard
from pumpsim.daemon.fault_names import FaultNames
from pumpsim.daemon.host import Host
from pumpsim.daemon.instrument_faults import add_fault_route
from pumpsim.daemon.instrument_routes import add_instrument_routes
from pumpsim.daemon.rows import Comparison, Truth
from pumpsim.daemon.timeline import AS_FAST_AS_IT_GOES, GivenUpError
from pumpsim.device import Device
from pumpsim.stimuli import Stimulus

Describe = Callable[[], list[dict[str, Any]]]
NOT_THERE: Final = {HTTPStatus.NOT_FOUND.phrase, HTTPStatus.METHOD_NOT_ALLOWED.phrase}
"""All that the framework says of a path, or of a method there."""


class PaceChange(BaseModel):
    """A new speed, a pause, or both."""

    model_config = ConfigDict(extra="forbid", strict=True)

    speed: float | str | None = Field(None, description='device seconds per second, or "max"')
    paused: bool | None = Field(None, description="whether time stands still; ends a run")


class Run(BaseModel):
    """How far to run: to an instant, or for a duration such as "14 d"."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    until_ns: int | None = Field(None, description="an instant of device time")
    duration: DurationNs | None = Field(None, alias="for", description="from now")


class Wrong(BaseModel):
    """Any answer that is not what was asked for."""

    error: str = Field(description="one sentence for a person")


def build(host: Host, describe: Describe, token: str | None = None) -> ASGIApp:
    """The application behind its guard; `describe` tells where each device is."""
    app = FastAPI(
        title="pumpsim control API",
        version="1",
        docs_url=None,
        redoc_url=None,
        responses={"4XX": {"model": Wrong, "description": "refused, or given up"}},
    )
    app.exception_handler(ValueError)(_refuse)
    app.exception_handler(GivenUpError)(_give_up)
    app.exception_handler(StarletteHTTPException)(_fail)
    app.exception_handler(RequestValidationError)(_invalid)
    _add_daemon_routes(app, describe)
    _add_device_routes(app, host)
    _add_time_routes(app, host)
    _add_snapshot_routes(app, host)
    return ControlGuard(app, token)


def _add_daemon_routes(app: FastAPI, describe: Describe) -> None:
    @app.get("/v1/health")
    async def health() -> dict[str, str]:
        """Whether the daemon answers."""
        return {"status": "ok"}

    @app.get("/v1/devices")
    async def devices() -> list[dict[str, Any]]:
        """Every device, and where its links are."""
        return describe()


def _add_device_routes(app: FastAPI, host: Host) -> None:
    def find(device: Annotated[str, PathPart(description="its id")]) -> Device:
        if device not in host.devices:
            raise HTTPException(404, f"there is no device {device!r}: see /v1/devices")
        return host.devices[device]

    names = FaultNames()

    @app.get("/v1/devices/{device}/truth")
    async def truth(device: Annotated[Device, Depends(find)]) -> Truth:
        """The plant as it is, and when each fault took effect."""
        return Truth(**device.truth(), fault_names=names.of(device))

    @app.get("/v1/devices/{device}/ledger")
    async def ledger(device: Annotated[Device, Depends(find)]) -> dict[str, int]:
        """Where every femtolitre is."""
        return device.plant.ledger.accounts()

    @app.get("/v1/devices/{device}/belief")
    async def belief(device: Annotated[Device, Depends(find)]) -> dict[str, Any] | None:
        """What the control logic believes, null without any: quantities, alarms, causes."""
        words: dict[str, Any] | None = in_words(device.beliefs)
        return words

    @app.get("/v1/devices/{device}/compare")
    async def compare(device: Annotated[Device, Depends(find)]) -> Comparison:
        """Truth beside belief, row by row, with the difference."""
        rows = comparison.compare(device)
        return Comparison.model_validate({"at_ns": device.now_ns, **rows})

    @app.post("/v1/devices/{device}/stimuli")
    async def stimuli(
        device: Annotated[Device, Depends(find)], stimulus: Annotated[Stimulus, Body()]
    ) -> dict[str, int]:
        """Let something happen to a pump or its patient now."""
        before = device.effects.count
        result = host.stimulate(device.id, stimulus)
        names.learn(device, before, stimulus)
        return {"now_ns": device.now_ns, **result}

    add_instrument_routes(app, host, find)
    add_fault_route(app, host, find)
    add_chaos_routes(app, host, find)


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
    async def pace(change: PaceChange) -> dict[str, Any]:
        """Change speed or pause."""
        host.set_time(speed=_speed(change.speed), paused=change.paused)
        return _present(host)

    @app.post("/v1/time/run-until")
    async def run_until(run: Run, request: Request) -> dict[str, int]:
        """Run as fast as it goes; answers when the instant is reached. Going away ends the run."""
        return {"now_ns": await _while_asked(request, host.run_until(_instant(host, run)))}

    @app.post("/v1/time/step")
    async def step(request: Request) -> dict[str, int]:
        """Run to the next instant at which something happens."""
        return {"now_ns": await _while_asked(request, host.run_until(host.next_deadline()))}


def _present(host: Host) -> dict[str, Any]:
    timeline, lateness = host.timeline, host.timeline.lateness
    return {
        "now_ns": host.now_ns,
        "speed": "max" if timeline.speed == AS_FAST_AS_IT_GOES else timeline.speed,
        "paused": timeline.paused,
        "running_until_ns": timeline.grant_ns,
        "late_ns": lateness.last_ns,
        "late_p50_ns": lateness.quantile_ns(500),
        "late_p99_9_ns": lateness.quantile_ns(999),
        "late_max_ns": lateness.max_ns,
        "gaps_ns": timeline.gaps_ns,
    }


def _speed(value: float | str | None) -> float | None:
    if value is None or isinstance(value, float):
        return value
    if value == "max":
        return AS_FAST_AS_IT_GOES
    message = f'speed {value!r} is neither a number nor "max"'
    raise ValueError(message)


def _instant(host: Host, run: Run) -> int:
    if run.until_ns is not None and run.duration is None:
        return run.until_ns
    if run.duration is not None and run.until_ns is None:
        return host.now_ns + run.duration
    raise ValueError('give either "until_ns" or "for"')


async def _while_asked(request: Request, run: Coroutine[Any, Any, int]) -> int:
    """What the run comes to; it is given up when the one who asked goes away."""
    running = asyncio.ensure_future(run)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({running, gone}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        raise HTTPException(499, "the one who asked is gone")
    finally:
        running.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    """Until the one who asked goes away."""
    while (await request.receive())["type"] != "http.disconnect":
        continue  # what was left of the body


async def _refuse(_request: Request, error: Exception) -> Response:
    return _error(422, str(error))


async def _give_up(_request: Request, error: Exception) -> Response:
    return _error(409, str(error))


async def _fail(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    sentence = error.detail
    if sentence in NOT_THERE:
        asked = f"{request.method} {request.url.path}"
        sentence = f"{asked}: {sentence.lower()}; what there is stands in /openapi.json"
    return _error(error.status_code, sentence, error.headers)  # a 405 tells what is allowed


async def _invalid(request: Request, error: Exception) -> Response:
    """A body that is not as declared, in the words that files with such mistakes get."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        place = f"{first['ctx']['error']} at character {first['loc'][-1]}"
        return _error(422, f"the body is no JSON: {place}")
    body = request.scope["route"].body_field
    first["loc"] = first["loc"][1:]  # all that is declared here comes in a body
    steps, reason = explain(first, error.body, body.field_info.annotation)
    where = ".".join(str(step) for step in steps) or "the body"
    return _error(422, f"{where}: {reason}")


def _error(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": printable(sentence)}, status_code=status, headers=headers)
