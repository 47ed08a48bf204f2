"""A rig: the device under test, a clock, a laboratory, and what was measured.

    with open_rig("sim:") as rig:
        rig.laboratory.stimulate({"kind": "fever", "rise": "2 K"})
        rig.wait("6 h")
        rig.measure("pump temperature", 38.9, "degC")

A script sees nothing else, so that it runs unchanged wherever the URI points.
"""

import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, NamedTuple

from hil.client import Client
from hil.clock import Clock, RemoteClock, WallClock
from hil.errors import BenchError, LocalError
from hil.exchange import Exchange
from hil.laboratory import ControlApi, Laboratory, NoLaboratory, RemoteLaboratory
from hil.port import Codec, JsonCodec, Link, LinkPort, StreamCodec
from hil.target import MqttTarget, SerialTarget, SimTarget, TcpTarget, parse
from protocol.messages import Actuate, Identity
from protocol.quantity import QuantityError, parse_int
from protocol.vocabulary import Capability, Sounder

SILENCE: Final = Actuate(sounder=Sounder.OFF, patient_signal=False)


class Measurement(NamedTuple):
    """One number for the record. `instant_ns` is the rig's clock."""

    name: str
    value: float
    unit: str
    instant_ns: int


@dataclass
class Rig:
    """Use it in a `with` block: it leaves the device quiet, and gives every port back."""

    dut: Client
    clock: Clock
    laboratory: Laboratory
    identity: Identity
    evidence: list[Measurement] = field(default_factory=list)
    _held: ExitStack = field(default_factory=ExitStack)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the device offers beyond the core."""
        return frozenset(self.identity.capabilities)

    def wait(self, duration: str) -> None:
        """Let a duration such as "6 h" pass; notices are kept meanwhile. LocalError for no such."""
        until_ns = self.clock.now_ns() + duration_ns(duration)
        while self.clock.wait(until_ns, self.dut.exchange) < until_ns:
            self.dut.exchange.collect()

    def measure(self, name: str, value: float, unit: str) -> None:
        """Put a number on record, at the present instant."""
        self.evidence.append(Measurement(name, value, unit, self.clock.now_ns()))

    def make_safe(self) -> None:
        """End what this bench started on the device; BenchError when the device cannot be told."""
        if self.dut.telemetry:
            self.dut.subscribe_telemetry(0)
        if self.dut.samples:
            self.dut.subscribe_samples(enabled=False)
        if self.dut.actuated:
            self.dut.actuate(SILENCE)
        self.dut.close_session()

    def __enter__(self) -> "Rig":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        try:
            self.make_safe()
        except BenchError:
            if error is None:
                raise
        finally:
            self._held.close()


def duration_ns(text: str) -> int:
    """A duration such as "14 d"; LocalError when the text is none, or not positive."""
    try:
        value_ns = parse_int(text, "duration")
    except QuantityError as error:
        raise LocalError(str(error)) from None
    if value_ns <= 0:
        raise LocalError(f"{text!r} is no time to wait")
    return value_ns


def open_rig(uri: str) -> Rig:
    """The rig a URI names; LocalError for a bad URI, RigError when something is not there."""
    target = parse(uri)
    if isinstance(target, SimTarget):
        return _open_emulated(target)
    link, codec = _open_link(target)
    with ExitStack() as held:
        arrived = threading.Event()
        port = LinkPort(link, codec, arrived)
        held.callback(port.close)
        dut = Client(Exchange(port))
        identity = dut.identify()
        clock: Clock = WallClock(arrived)
        laboratory: Laboratory = NoLaboratory()
        if target.control is not None:
            api = ControlApi(target.control)
            held.callback(api.close)
            api.now_ns()  # a rig without its clock is none
            clock, laboratory = RemoteClock(api), RemoteLaboratory(api, identity.device_id)
        return Rig(dut, clock, laboratory, identity, _held=held.pop_all())


def _open_link(target: SerialTarget | TcpTarget | MqttTarget) -> tuple[Link, Codec]:
    """Only the library that is needed is imported."""
    match target:
        case SerialTarget():
            from hil.links.serial_link import SerialLink

            return SerialLink(target.device, target.baud), StreamCodec()
        case TcpTarget():
            from hil.links.tcp_link import TcpLink

            return TcpLink(target.host, target.port), StreamCodec()
        case MqttTarget():
            from hil.links.mqtt_link import MqttLink

            link = MqttLink(target.host, target.port, target.device, tls=target.tls)
            return link, JsonCodec()


def _open_emulated(target: SimTarget) -> Rig:
    from hil.emulated import open_emulated

    port, clock, laboratory = open_emulated(target.pump, target.seed, bare=target.bare)
    dut = Client(Exchange(port))
    held = ExitStack()
    held.callback(port.close)
    return Rig(dut, clock, laboratory, dut.identify(), _held=held)
