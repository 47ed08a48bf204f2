"""The supply that feeds the pump's electronics in place of its battery."""

from typing import Any, Final

from protocol.vocabulary import Sounder
from pumpsim.device import Device
from pumpsim.instruments.acting import act
from pumpsim.instruments.element import Element
from pumpsim.instruments.parameters import SupplySection

MV_PER_V: Final = 1e3
NA_PER_A: Final = 1e9
START_V: Final = 2.9
"""As a new battery."""


class Supply:
    """Its leads are soldered in when its output is first switched on: from then on it feeds all."""

    def __init__(self, device: Device, section: SupplySection, seed: int) -> None:
        """Off, and not connected: the pump lives on its battery."""
        self.section = section
        self.target_v = START_V
        self.on = False
        self._device = device
        s = section
        self._volts = Element(seed, "supply voltage", rms=s.noise, digit=s.resolution)
        self._amperes = Element(
            seed, "supply current", rms=s.current_noise, digit=s.current_resolution
        )

    @property
    def limits_v(self) -> tuple[float, float]:
        """The lowest and the highest voltage that can be set."""
        return 0.0, self.section.highest / MV_PER_V

    def set_voltage(self, now_ns: int, v: float) -> None:
        """Of the output, once it is on; ValueError outside the limits."""
        lowest, highest = self.limits_v
        if not lowest <= v <= highest:
            message = f"the supply goes from {lowest:g} to {highest:g} V, not to {v:g} V"
            raise ValueError(message)
        self.target_v = v
        if self.on:
            self._feed(now_ns)

    def switch(self, now_ns: int, *, on: bool) -> None:
        """On or off. Off before it ever was on changes nothing: the battery goes on feeding."""
        if on:
            self._feed(now_ns)
        elif self.on:
            act(self._device, now_ns, "power_off")
        self.on = on

    def voltage_v(self, now_ns: int) -> float:
        """Measured at the output."""
        truth_v = self.target_v if self.on else 0.0
        return self._volts.read(truth_v * MV_PER_V, now_ns) / MV_PER_V

    def current_a(self, now_ns: int) -> float:
        """Measured at the output."""
        return self._amperes.read(self._drawn_na(), now_ns) / NA_PER_A

    def save(self) -> dict[str, Any]:
        """Plain data."""
        return {"target_v": self.target_v, "on": self.on}

    def load(self, data: dict[str, Any]) -> None:
        """Take up what `save` gave."""
        self.target_v = data["target_v"]
        self.on = data["on"]

    def _feed(self, now_ns: int) -> None:
        """The electronics run from the brown-out voltage up."""
        voltage_mv = round(self.target_v * MV_PER_V)
        act(self._device, now_ns, "supply_voltage", voltage=voltage_mv)
        runs = voltage_mv >= self.section.brown_out
        act(self._device, now_ns, "power_on" if runs else "power_off")

    def _drawn_na(self) -> int:
        s = self.section
        if not self.on or not self._device.powered:
            return 0
        sounds = self._device.actuation.sounder is not Sounder.OFF
        return s.idle + (s.sounding if sounds else 0)
