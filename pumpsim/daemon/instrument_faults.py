"""The control API's part for what is wrong with an emulated instrument, or with its lines."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Body, Depends, FastAPI
from pydantic import BaseModel, ConfigDict, Field

from protocol.configfile import suggest
from pumpsim.daemon.host import Host
from pumpsim.device import Device
from pumpsim.instruments.line import Fault


class Ail(BaseModel):
    """What ails an instrument from now on."""

    model_config = ConfigDict(extra="forbid")

    fault: Fault = Field(description='"none" mends it')


def add_fault_route(app: FastAPI, host: Host, find: Callable[[str], Device]) -> None:
    """`find` is the device of a path, or 404."""

    @app.put("/v1/devices/{device}/instruments/{kind}/fault")
    async def ail(
        device: Annotated[Device, Depends(find)], kind: str, asked: Annotated[Ail, Body()]
    ) -> Ail:
        """Let an instrument go wrong on all its lines, or mend it."""
        ailments = host.desks[device.id].ailments
        if kind not in ailments:
            message = f"{kind!r} is no instrument with a line; {suggest(kind, [*ailments])}"
            raise ValueError(message)
        ailments[kind].fault = asked.fault
        return asked
