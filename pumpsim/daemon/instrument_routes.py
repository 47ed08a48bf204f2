"""The control API's part for the emulated instruments around each pump."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI
from pydantic import BaseModel, Field

from pumpsim.daemon.host import Host
from pumpsim.device import Device
from pumpsim.instruments.bench import KINDS, Bench, told
from pumpsim.instruments.commands import COMMANDS, adapter, operate

Find = Callable[[str], Device]


class Shown(BaseModel):
    """One value as an instrument shows it."""

    value: float
    unit: str
    uncertainty: float = Field(description="expanded (k = 2), in the unit of the value")
    stable: bool = Field(description="false: still settling")
    range: str = Field(description="ok, over or under: out of range the value means nothing")


class Readings(BaseModel):
    """What an instrument shows at an instant, or what a command came to."""

    now_ns: int = Field(description="plant time since implant, ns")
    readings: dict[str, Shown] = Field(description="by quantity")


class Instrument(Readings):
    """An instrument at an instant."""

    settings: dict[str, Any] = Field(description="what it is set to")


def add_instrument_routes(app: FastAPI, host: Host, find: Find) -> None:
    """`find` is the device of a path, or 404."""

    @app.get("/v1/devices/{device}/instruments")
    async def instruments(device: Annotated[Device, Depends(find)]) -> dict[str, Instrument]:
        """Every instrument around a pump, by kind."""
        return {kind: _look(host, device.id, kind) for kind in KINDS}

    @app.get("/v1/devices/{device}/instruments/{kind}")
    async def instrument(device: Annotated[Device, Depends(find)], kind: str) -> Instrument:
        """What one of them shows now."""
        return _look(host, device.id, kind)

    for kind, command in COMMANDS.items():
        _add_command_route(app, host, find, kind, command)

    @app.post("/v1/devices/{device}/instruments/{kind}", include_in_schema=False)
    async def none(device: Annotated[Device, Depends(find)], kind: str) -> None:
        """An instrument that is not there, or takes no commands."""
        del device
        adapter(kind)


def _add_command_route(app: FastAPI, host: Host, find: Find, kind: str, command: Any) -> None:
    @app.post(f"/v1/devices/{{device}}/instruments/{kind}", name=f"operate_{kind}")
    async def act(
        device: Annotated[Device, Depends(find)], asked: Annotated[command, Body()]
    ) -> Readings:
        """Let a person or a program operate it now."""
        bench = host.benches[device.id]
        return host.act(device.id, lambda now_ns: _operate(bench, now_ns, asked))


def _look(host: Host, device_id: str, kind: str) -> Instrument:
    bench = host.benches[device_id]

    def look(now_ns: int) -> Instrument:
        shown = told(bench.read(kind, now_ns), now_ns)
        return Instrument.model_validate({**shown, "settings": bench.settings(kind)})

    return host.act(device_id, look)


def _operate(bench: Bench, now_ns: int, asked: Any) -> Readings:
    return Readings.model_validate(told(operate(bench, now_ns, asked), now_ns))
