"""Pumps that break the protocol, each in one way: what the kit must find.

A mutant is a function that spoils a device of its own, by replacing one of its parts or by passing
its traffic through a twisted port.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hil.client import Client
from hil.conformance.catalogue import chosen
from hil.conformance.runner import Kit
from hil.emulated.bench import EmulatedClock, EmulatedLaboratory, EmulatedPort
from hil.exchange import Exchange
from hil.port import Item, Wire
from hil.record import CaseResult, Record
from hil.rig import Rig, duration_ns
from protocol import messages as m
from pumpsim.device import Device
from pumpsim.pumpfile import demo

if TYPE_CHECKING:
    from hil.clock import Clock

Twist = Callable[[Item], list[Item]]
Spoil = Callable[[Device], None]


def straight(item: Item) -> list[Item]:
    return [item]


class TwistedPort:
    """An emulated port whose packets pass through two functions, and its bytes through a third."""

    wire = Wire.FRAMES

    def __init__(
        self,
        port: EmulatedPort,
        back: Twist = straight,
        out: Twist = straight,
        raw: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self.name = "the twisted pump"
        self._port = port
        self._back = back
        self._out = out
        self._raw = raw
        self._inbox: deque[Item] = deque()

    def send(self, packet: m.Packet) -> None:
        for item in self._out(packet):
            assert isinstance(item, m.Packet)
            self._port.send(item)

    def send_raw(self, data: bytes) -> None:
        self._port.send_raw(self._raw(data))

    def receive(self, timeout_s: float) -> Item | None:
        while (item := self._port.receive(timeout_s)) is not None:
            self._inbox += self._back(item)
        return self._inbox.popleft() if self._inbox else None

    def ready(self) -> bool:
        return bool(self._inbox) or self._port.ready()

    def close(self) -> None:
        self._port.close()


@dataclass(frozen=True)
class Rigging:
    """How a rig for one device is put together."""

    spoil: Spoil = lambda _device: None
    back: Twist = straight
    out: Twist = straight
    raw: Callable[[bytes], bytes] = bytes
    ports: Callable[[EmulatedPort], None] = lambda _port: None

    def open(self) -> Rig:
        device = Device(demo(), 1)
        device.implant()
        self.spoil(device)
        inner = EmulatedPort(device)
        self.ports(inner)
        port = TwistedPort(inner, self.back, self.out, self.raw)
        clock: Clock = EmulatedClock(device, inner)
        dut = Client(Exchange(port))
        return Rig(dut, clock, EmulatedLaboratory(device, inner), dut.identify())


def replies(change: Callable[[m.Packet], m.Packet | None]) -> Twist:
    """Each packet that comes back is another one, or none."""

    def twist(item: Item) -> list[Item]:
        if not isinstance(item, m.Packet):
            return [item]
        changed = change(item)
        return [] if changed is None else [changed]

    return twist


def body_of(kind: type[m.Body], **fields: Any) -> Twist:
    """Bodies of a kind have other fields."""
    return replies(
        lambda p: p._replace(body=p.body.model_copy(update=fields)) if type(p.body) is kind else p
    )


def status_of(change: Callable[[m.StatusPart], dict[str, Any]]) -> Twist:
    """Statuses tell something else."""

    def twist(packet: m.Packet) -> m.Packet:
        if not isinstance(packet.body, m.Status):
            return packet
        part = packet.body.status
        return packet._replace(body=m.Status(status=part.model_copy(update=change(part))))

    return replies(twist)


def run(rigging: Rigging, case_id: str | None = None) -> list[CaseResult]:
    """The kit against it."""
    record = Record("conformance", "mutant", "a mutant")
    Kit(rigging.open, duration_ns("10 s")).run(chosen(None, case_id), record)
    return record.cases


def spoiled(**parts: Any) -> Rigging:
    """A device whose parts have other methods: `sessions__check=…` is `device.sessions.check`."""

    def spoil(device: Device) -> None:
        for path, make in parts.items():
            owner: Any = device
            *steps, name = path.split("__")
            for step in steps:
                owner = getattr(owner, step)
            setattr(owner, name, make(device, getattr(owner, name)))

    return replace(Rigging(), spoil=spoil)
