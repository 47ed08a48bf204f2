"""An emulated pump behind the bench's own seams: a port, a clock, a laboratory.

Packets pass as they are: the encodings have tests of their own.
"""

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from hil.clock import Waitable
from hil.errors import LocalError
from hil.port import Item
from protocol.codec import explain
from protocol.messages import Packet
from pumpsim.configfile import ConfigError
from pumpsim.device import Device
from pumpsim.pumpfile import BARE, PumpFile, demo, load
from pumpsim.stimuli import ADAPTER

LINK: Final = "bench"


class EmulatedPort:
    """A link without distance: what is sent has been received."""

    def __init__(self, device: Device) -> None:
        """Attach to a device that is running."""
        self.name = f"the emulated pump {device.id!r}"
        self._device = device
        self._inbox: deque[Item] = deque()
        device.attach(LINK)

    def send(self, packet: Packet) -> None:
        """The device takes it, and answers, at the present instant."""
        self._device.receive(self._device.now_ns, LINK, packet)
        self.deliver()

    def deliver(self) -> None:
        """Take over what the device has sent."""
        self._inbox += (packet for _, packet in self._device.messages_to_send())

    def receive(self, timeout_s: float) -> Item | None:
        """The next packet; without one nothing can come while nobody waits on the clock."""
        del timeout_s
        return self._inbox.popleft() if self._inbox else None

    def ready(self) -> bool:
        """Whether a packet is there."""
        return bool(self._inbox)

    def close(self) -> None:
        """Detach."""
        self._device.detach(LINK)


class EmulatedClock:
    """To wait is to run the emulator."""

    def __init__(self, device: Device, port: EmulatedPort) -> None:
        """Both belong together."""
        self._device = device
        self._port = port

    def now_ns(self) -> int:
        """The plant's instant."""
        return self._device.now_ns

    def wait(self, until_ns: int, *ports: Waitable) -> int:
        """From deadline to deadline, until the instant or an arrival."""
        device = self._device
        while device.now_ns < until_ns and not any(port.ready() for port in ports):
            device.advance(min(device.next_deadline(), until_ns))
            self._port.deliver()
        return device.now_ns


class EmulatedLaboratory:
    """The laboratory has the pump on the table."""

    def __init__(self, device: Device, port: EmulatedPort) -> None:
        """Both belong together."""
        self._device = device
        self._port = port

    def stimulate(self, stimulus: Mapping[str, Any]) -> dict[str, int]:
        """Act now; LocalError when it cannot be."""
        try:
            act = ADAPTER.validate_python(stimulus)
            result = self._device.stimulate(self._device.now_ns, act)
        except ValidationError as error:
            raise LocalError(f"stimulus {explain(error)}") from None
        except ValueError as error:
            raise LocalError(str(error)) from None
        self._port.deliver()
        return result

    def truth(self) -> dict[str, Any]:
        """The plant as it is."""
        return self._device.truth()


def open_emulated(
    pump: Path | None, seed: int, *, bare: bool
) -> tuple[EmulatedPort, EmulatedClock, EmulatedLaboratory]:
    """A pump just implanted; LocalError when its file is wrong. Without a file: the demo pump."""
    try:
        file = demo() if pump is None else load(pump)
        device = Device(_without_logic(file) if bare else file, seed)
    except ConfigError as error:
        raise LocalError(str(error)) from None
    device.implant()
    port = EmulatedPort(device)
    return port, EmulatedClock(device, port), EmulatedLaboratory(device, port)


def _without_logic(file: PumpFile) -> PumpFile:
    return file.model_copy(update={"pump": file.pump.model_copy(update={"logic": BARE})})
