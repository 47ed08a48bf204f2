"""An emulated pump behind the bench's own seams: a port, a clock, a laboratory.

Packets pass as they are: the encodings have tests of their own. Bytes pass as on a serial line.
"""

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from hil.clock import Waitable
from hil.errors import LocalError
from hil.port import Item, Wire
from protocol.codec import explain
from protocol.configfile import ConfigError
from protocol.messages import ConfigurationReport, Packet
from protocol.wire import StreamDecoder
from pumpsim import snapshot
from pumpsim.daemon.flow import MAX_ERRORS_PER_S, Budget
from pumpsim.device import Device
from pumpsim.instruments.bench import Bench, told
from pumpsim.instruments.commands import adapter, operate
from pumpsim.instruments.parameters import BenchSection
from pumpsim.pumpfile import BARE, PumpFile, demo, load
from pumpsim.stimuli import ADAPTER

LINK: Final = "bench"


class EmulatedPort:
    """A link without distance: what is sent has been received."""

    wire: Final = Wire.FRAMES

    def __init__(self, device: Device) -> None:
        """Attach to a device that is running."""
        self.name = f"the emulated pump {device.id!r}"
        self._device = device
        self._inbox: deque[Item] = deque()
        self._decoder = StreamDecoder()
        self._errors = Budget(MAX_ERRORS_PER_S, lambda: device.now_ns)
        device.attach(LINK)

    def send(self, packet: Packet) -> None:
        """The device takes it, and answers, at the present instant."""
        self._device.receive(self._device.now_ns, LINK, packet)
        self.deliver()

    def send_raw(self, data: bytes) -> None:
        """As the daemon takes it from a line; its limit on error replies counts device time."""
        device = self._device
        for item in self._decoder.feed(data):
            if isinstance(item, Packet):
                device.receive(device.now_ns, LINK, item)
            elif item.answerable and self._errors.take():
                device.refuse(device.now_ns, LINK, item)
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

    virtual: Final = True

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

    def __init__(
        self, device: Device, port: EmulatedPort, saved: Mapping[str, Any] | None = None
    ) -> None:
        """Device and port belong together; `saved` is what the instruments were set to."""
        self._device = device
        self._port = port
        self._bench = Bench(device, BenchSection(), device.seed)
        if saved is not None:
            self._bench.load(dict(saved))

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

    def read(self, instrument: str) -> dict[str, Any]:
        """What an instrument shows now; LocalError for none that is here."""
        try:
            readings = self._bench.read(instrument, self._device.now_ns)
        except ValueError as error:
            raise LocalError(str(error)) from None
        return told(readings, self._device.now_ns)

    def operate(self, instrument: str, command: Mapping[str, Any]) -> dict[str, Any]:
        """Act now; LocalError when it cannot be."""
        try:
            asked = adapter(instrument).validate_python(command)
            result = operate(self._bench, self._device.now_ns, asked)
        except ValidationError as error:
            raise LocalError(f"{instrument} {explain(error)}") from None
        except ValueError as error:
            raise LocalError(str(error)) from None
        self._port.deliver()
        return told(result, self._device.now_ns)

    def save(self) -> dict[str, Any]:
        """Pump and instruments as plain data; LocalError when the logic cannot be saved."""
        try:
            return {"device": snapshot.take(self._device), "bench": self._bench.save()}
        except ValueError as error:
            raise LocalError(str(error)) from None

    def restore(self, state: Mapping[str, Any]) -> None:
        """Not in place: open the rig again from that state."""
        del state
        raise LocalError("open the rig again, from the state that was saved")


def open_emulated(
    pump: Path | None, seed: int, state: Mapping[str, Any] | None = None, *, bare: bool
) -> tuple[EmulatedPort, EmulatedClock, EmulatedLaboratory]:
    """A pump just implanted, or as it was saved; LocalError when its file is wrong.

    Without a file: the demo pump.
    """
    file = _pump_file(pump)
    try:
        device = _device(_without_logic(file) if bare else file, seed, state)
    except (ConfigError, ValueError) as error:  # its logic is none; or it holds less than its fill
        raise LocalError(str(error)) from None
    port = EmulatedPort(device)
    saved = None if state is None else state["bench"]
    return port, EmulatedClock(device, port), EmulatedLaboratory(device, port, saved)


def read_pump(pump: Path | None) -> tuple[str, ConfigurationReport]:
    """A pump's id, and what control logic is told of it; LocalError when its file is wrong.

    Without a file: of the demo pump.
    """
    file = _pump_file(pump)
    return file.id, file.report()


def _pump_file(pump: Path | None) -> PumpFile:
    try:
        return demo() if pump is None else load(pump)
    except ConfigError as error:
        raise LocalError(str(error)) from None


def _device(file: PumpFile, seed: int, state: Mapping[str, Any] | None) -> Device:
    if state is not None:
        return snapshot.restore(file, state["device"])
    device = Device(file, seed)
    device.implant()
    return device


def _without_logic(file: PumpFile) -> PumpFile:
    return file.model_copy(update={"pump": file.pump.model_copy(update={"logic": BARE})})
