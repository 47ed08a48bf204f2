"""A person with a syringe: what goes in and comes out is exact, what is read off is not."""

from typing import Final

from pumpsim.device import Device
from pumpsim.instruments.parameters import SyringeSection
from pumpsim.stimuli import Fill, InjectBolus, Withdraw

NL_PER_ML: Final = 1e6


class Syringe:
    """Needles for the reservoir and for the bolus path."""

    def __init__(self, device: Device, section: SyringeSection) -> None:
        """At hand."""
        self.section = section
        self._device = device

    def move(self, now_ns: int, stimulus: Withdraw | Fill | InjectBolus) -> float:
        """Draw or press now; mL, as read off the barrel. ValueError when it cannot be."""
        (volume_nl,) = self._device.stimulate(now_ns, stimulus).values()
        mark_nl = self.section.graduation
        return round(volume_nl / mark_nl) * mark_nl / NL_PER_ML
