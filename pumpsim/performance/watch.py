"""What is looked at during one run: the fault's effect, the alarm, and what has flowed."""

from dataclasses import dataclass
from typing import Any, Final

from protocol.control import Outcome, Readings
from protocol.messages import Packet
from protocol.vocabulary import ResetCause
from pumpsim.catalogue.entry import Expected, Fault
from pumpsim.device import Device
from pumpsim.performance.effects import EFFECTS, Before

FL_PER_NL: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Tally:
    """What had flowed at an instant, in truth and as the pump believed."""

    now_ns: int
    out_nl: int
    dose_ng: int
    restrictor_nl: int
    believed_nl: int

    @classmethod
    def of(cls, device: Device) -> "Tally":
        """As of now. Out is what reached the artery or the tissue."""
        ledger = device.plant.ledger
        out_fl = ledger.delivered_fl + ledger.leaked_fl + ledger.pocket_fl
        held_fl = ledger.filled_fl - ledger.withdrawn_fl - ledger.reservoir_fl - ledger.pocket_fl
        beliefs = device.beliefs
        return cls(
            device.now_ns,
            out_fl // FL_PER_NL,
            sum(ledger.doses_ng().values()),
            held_fl // FL_PER_NL,
            0 if beliefs is None else beliefs.delivered_total_nl,
        )


class Watch:
    """A `Tap` that waits for the expected alarm, and for a fault to take effect."""

    def __init__(self, fault: Fault) -> None:
        """Armed: what is expected counts from now on."""
        self._fault = fault
        self._device: Device | None = None
        self._before: Before | None = None
        self.found: Expected | None = None
        self.found_at: Tally | None = None
        self.told = 0
        self.onset: Tally | None = None
        self.began: Tally | None = None
        self.held_fl = 0  # in the catheter, before the fault

    def arm(self, device: Device, before: Before) -> None:
        """The fault is about to act: what was told before does not count."""
        self._device, self._before = device, before
        self.found = self.found_at = self.onset = None
        self.began = Tally.of(device)
        self.held_fl = device.plant.ledger.catheter_fl

    def look(self) -> None:
        """Whether the fault has taken effect by now."""
        device, before = self._device, self._before
        if self.onset is not None or device is None or before is None:
            return
        if EFFECTS[self._fault.effect_name()](device, before):
            self.onset = Tally.of(device)

    def sampled(self, now_ns: int, ticks: int, readings: Readings) -> None:
        """Nothing to note."""

    def hour(self, now_ns: int) -> None:
        """Nothing to note."""

    def decided(self, now_ns: int, ticks: int, outcome: Outcome) -> None:
        """The logic said something."""
        del now_ns, ticks
        if self.found is not None or self._device is None:
            return
        told: list[tuple[Expected, int]] = [(n.alarm, 0) for n in outcome.alarms if n.present]
        told += [(event.kind, event.value) for event in outcome.events]
        for word, value in told:
            if self._fault.awaits(word):
                self.found, self.told = word, value
                self.found_at = Tally.of(self._device)
                return

    def booted(self, now_ns: int, cause: ResetCause, boot_id: int) -> None:
        """Nothing to note."""

    def received(self, now_ns: int, link: str, packet: Packet) -> None:
        """Nothing to note."""

    def sent(self, now_ns: int, link: str, packet: Packet) -> None:
        """Nothing to note."""

    def stimulated(self, now_ns: int, stimulus: Any) -> None:
        """Within a visit too, a fault takes effect when a hand moves."""
        del now_ns, stimulus
        self.look()
