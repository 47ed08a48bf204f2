"""How an instrument acts on a pump: by a stimulus, as a person or a scenario would write it.

So whatever an instrument does stands in traces, and passes the same checks.
"""

from typing import Any, Final

from protocol.configfile import Quantity
from pumpsim.device import Device
from pumpsim.stimuli import ADAPTER

QUANTITIES: Final = {
    "temperature": Quantity("temperature"),
    "time_constant": Quantity("duration"),
    "pressure": Quantity("pressure"),
    "ramp": Quantity("duration"),
    "voltage": Quantity("voltage"),
}
"""Of the keys whose values come as whole base units."""


def act(device: Device, now_ns: int, kind: str, **values: Any) -> dict[str, int]:
    """Let it happen now; what came of it. ValueError when it cannot be."""
    fields = {
        key: QUANTITIES[key].write(value) if key in QUANTITIES else value
        for key, value in values.items()
    }
    return device.stimulate(now_ns, ADAPTER.validate_python({"kind": kind, **fields}))
