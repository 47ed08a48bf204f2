"""The control API's part for chaos on the links of a pump: read it, set it, clear it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Body, Depends, FastAPI
from pydantic import BaseModel, Field

from pumpsim.chaos.line import Counts
from pumpsim.chaos.settings import ChaosFile
from pumpsim.daemon.host import Host
from pumpsim.device import Device


class Chaos(BaseModel):
    """What happens to the links of a pump, and what was done to them since that was set."""

    settings: ChaosFile | None = Field(description="as in a chaos file; null: nothing happens")
    counts: dict[str, dict[str, Counts]] = Field(description="by transport and direction")


def add_chaos_routes(app: FastAPI, host: Host, find: Callable[[str], Device]) -> None:
    """`find` is the device of a path, or 404."""

    @app.get("/v1/devices/{device}/chaos")
    async def read(device: Annotated[Device, Depends(find)]) -> Chaos:
        """What is set, and what was done."""
        return _told(host, device)

    @app.put("/v1/devices/{device}/chaos")
    async def put(
        device: Annotated[Device, Depends(find)], settings: Annotated[ChaosFile, Body()]
    ) -> Chaos:
        """Begin anew with these settings, from the next frame on; counts begin anew, too."""
        host.chaos[device.id].set(settings)
        return _told(host, device)

    @app.delete("/v1/devices/{device}/chaos")
    async def clear(device: Annotated[Device, Depends(find)]) -> Chaos:
        """Let everything pass again; what was counted can still be read."""
        host.chaos[device.id].clear()
        return _told(host, device)


def _told(host: Host, device: Device) -> Chaos:
    return Chaos.model_validate(host.chaos[device.id].report())
