"""The circulator whose bath the pump lies in."""

from typing import Any, Final

from protocol.quantity import ZERO_CELSIUS_MK
from pumpsim.device import Device
from pumpsim.instruments.acting import act
from pumpsim.instruments.element import Element
from pumpsim.instruments.outlook import Outlook
from pumpsim.instruments.parameters import BathSection

MK_PER_K: Final = 1e3
START_DEGC: Final = 37.0


class Bath:
    """It holds the temperature around the pump from the first time it runs."""

    def __init__(self, device: Device, section: BathSection, seed: int) -> None:
        """Stopped, set to body temperature; around the pump is what was there."""
        self.section = section
        self.target_degc = START_DEGC
        self.circulating = False
        self._device = device
        self._outlook = Outlook(device)
        s = section
        self._element = Element(seed, "bath", rms=s.noise, digit=s.resolution, offset=s.offset)

    @property
    def limits_degc(self) -> tuple[float, float]:
        """The lowest and the highest set point."""
        return _degc(self.section.lowest), _degc(self.section.highest)

    def set_point(self, now_ns: int, degc: float) -> None:
        """Head for a temperature, once it runs; ValueError outside the limits."""
        lowest, highest = self.limits_degc
        if not lowest <= degc <= highest:
            message = f"the bath goes from {lowest:g} to {highest:g} degC, not to {degc:g} degC"
            raise ValueError(message)
        self.target_degc = degc
        if self.circulating:
            self._head(now_ns, degc, self.section.time_constant)

    def running(self, now_ns: int, *, on: bool) -> None:
        """Start, or stop: what was warm or cold then goes towards the room, slowly."""
        if on and not self.circulating:
            self._head(now_ns, self.target_degc, self.section.time_constant)
        elif self.circulating and not on:
            room_degc = _degc(self.section.room_temperature)
            self._head(now_ns, room_degc, self.section.idle_time_constant)
        self.circulating = on

    def temperature_degc(self, now_ns: int) -> float:
        """As its own sensor reads it."""
        truth_mk = self._outlook.at(now_ns).state.body_temperature_k * MK_PER_K
        return _degc(self._element.read(truth_mk, now_ns))

    def save(self) -> dict[str, Any]:
        """Plain data."""
        return {"target_degc": self.target_degc, "circulating": self.circulating}

    def load(self, data: dict[str, Any]) -> None:
        """Take up what `save` gave."""
        self.target_degc = data["target_degc"]
        self.circulating = data["circulating"]

    def _head(self, now_ns: int, degc: float, time_constant_ns: int) -> None:
        aim_mk = round(degc * MK_PER_K) + ZERO_CELSIUS_MK
        act(self._device, now_ns, "bath", temperature=aim_mk, time_constant=time_constant_ns)


def _degc(temperature_mk: int) -> float:
    return (temperature_mk - ZERO_CELSIUS_MK) / MK_PER_K
