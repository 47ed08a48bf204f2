"""A line that is cut, or a supply, at any point of a request's way to an emulated pump."""

from collections import deque
from enum import Enum
from typing import Final, NamedTuple

from hil.emulated.bench import EmulatedClock, EmulatedLaboratory, EmulatedPort
from hil.emulated.mould import Mould
from protocol.control import Outcome, PowerLostError, Request
from protocol.guard import Guard
from protocol.messages import Body, Packet
from protocol.vocabulary import ResetCause
from pumpsim.device import Device


class Where(Enum):
    """What is cut, and where the request is then. Its reply never arrives."""

    LINK_BEFORE = "the link, before it arrives"
    LINK_AFTER = "the link, before the reply arrives"
    POWER_BEFORE = "the supply, before it arrives"
    POWER_IN_MEMORY = "the supply, at memory operation"
    POWER_STORED = "the supply, once all of it is stored"
    POWER_AFTER = "the supply, before the reply arrives"


BEFORE: Final = (Where.LINK_BEFORE, Where.POWER_BEFORE)
LINK: Final = (Where.LINK_BEFORE, Where.LINK_AFTER)


class Cut(NamedTuple):
    """One cut; operations are counted from 1, in the handling of the request."""

    where: Where
    operation: int = 0

    def __str__(self) -> str:
        """For a person."""
        return f"{self.where.value} {self.operation}" if self.operation else self.where.value


class CutPort(EmulatedPort):
    """A port whose next requests are cut, one after the other; `None` lets one pass.

    With a `target`, they are those from the first with that body on.
    """

    def __init__(self, device: Device, target: Body | None = None) -> None:
        """Sound until there are `cuts`."""
        super().__init__(device)
        self.target = target
        self.cuts: deque[Cut | None] = deque()
        self.sent: list[Packet] = []
        self.operations = 0
        """Of memory, that the last request took."""

    def send(self, packet: Packet) -> None:
        """As it is cut."""
        self.sent.append(packet)
        if packet.body == self.target:
            self.target = None
        cut = self.cuts.popleft() if self.cuts and self.target is None else None
        before = self._device.chip.operations
        if cut is None:
            super().send(packet)
        else:
            self._send_cut(packet, cut)
        self.operations = self._device.chip.operations - before

    def restart(self) -> None:
        """The supply goes, and is back."""
        self._device.reset(self._device.now_ns, ResetCause.BROWN_OUT)
        self.deliver()

    def staged(self) -> "Staged":
        """The pump behind it as it stands, of which copies are taken."""
        return Staged(self._device)

    def _send_cut(self, packet: Packet, cut: Cut) -> None:
        boot_id = self._device.boot_id
        if cut.where not in BEFORE:
            self._handle(packet, cut)
        if cut.where not in LINK and self._device.boot_id == boot_id:
            self.restart()  # it did not boot by itself, as it does when its logic lost the supply
        self.deliver()
        self._inbox.clear()

    def _handle(self, packet: Packet, cut: Cut) -> None:
        device, guard = self._device, self._device.guard
        if cut.where is Where.POWER_IN_MEMORY:
            device.chip.cut_in(cut.operation)
        doomed = None
        if cut.where is Where.POWER_STORED and guard is not None:
            doomed = device.guard = Doomed(guard.logic)
        super().send(packet)
        device.chip.spare()  # it may have touched memory less often
        if doomed is not None and device.guard is doomed:  # no request for the logic
            device.guard = guard


class Doomed(Guard):
    """Logic whose supply goes when it has handled a request, and nobody has heard of it yet."""

    def handle(self, ticks: int, request: Request) -> Outcome:
        """All of it is done, and lost but for what memory holds."""
        super().handle(ticks, request)
        raise PowerLostError


Parts = tuple[CutPort, EmulatedClock, EmulatedLaboratory]


class Staged:
    """A pump as a request finds it: each trial gets a copy of its own."""

    def __init__(self, device: Device) -> None:
        """It is not to run on."""
        self._mould = Mould(device)

    def parts(self) -> Parts:
        """Another one like it."""
        return parts(self._mould.copy())


def parts(device: Device) -> Parts:
    """A pump behind the bench's seams, on a line that can be cut."""
    port = CutPort(device)
    return port, EmulatedClock(device, port), EmulatedLaboratory(device, port)
