"""The pressure controller at the catheter's tip; its pressures are above ambient."""

from typing import Any, Final

from pumpsim.device import Device
from pumpsim.instruments.acting import act
from pumpsim.instruments.element import Element
from pumpsim.instruments.outlook import Outlook
from pumpsim.instruments.parameters import PressureSection

PA_PER_KPA: Final = 1e3
NS_PER_MIN: Final = 60_000_000_000


class Controller:
    """It holds the outlet's pressure from the first time it regulates or vents."""

    def __init__(self, device: Device, section: PressureSection, seed: int) -> None:
        """Measuring only, set to ambient; at the catheter's tip is what was there."""
        self.section = section
        self.target_kpa = 0.0
        self.regulating = False
        self.vented = False
        self._device = device
        self._outlook = Outlook(device)
        s = section
        self._element = Element(
            seed, "pressure controller", rms=s.noise, digit=s.resolution, offset=s.offset
        )

    @property
    def limits_kpa(self) -> tuple[float, float]:
        """The lowest and the highest set point."""
        return self.section.lowest / PA_PER_KPA, self.section.highest / PA_PER_KPA

    def set_point(self, now_ns: int, kpa: float) -> None:
        """Head for a pressure, once it regulates; ValueError outside the limits."""
        lowest, highest = self.limits_kpa
        if not lowest <= kpa <= highest:
            message = f"the controller goes from {lowest:g} to {highest:g} kPa, not to {kpa:g} kPa"
            raise ValueError(message)
        self.target_kpa = kpa
        if self.regulating:
            self._head(now_ns)

    def regulate(self, now_ns: int, *, on: bool) -> None:
        """Head for the set point; or only measure: the pressure stays where it is."""
        if on and not self.regulating:
            self._head(now_ns)
        elif self.regulating and not on:
            self._hold(now_ns, round(self._truth_pa(now_ns)), 1)
        self.regulating = on
        self.vented = self.vented and not on

    def vent(self, now_ns: int) -> None:
        """Let go: the outlet is at ambient pressure."""
        self._hold(now_ns, 0, self.section.vent_time)
        self.regulating, self.vented = False, True

    def pressure_kpa(self, now_ns: int) -> float:
        """As its own sensor reads it."""
        return self._element.read(self._truth_pa(now_ns), now_ns) / PA_PER_KPA

    def save(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "target_kpa": self.target_kpa,
            "regulating": self.regulating,
            "vented": self.vented,
        }

    def load(self, data: dict[str, Any]) -> None:
        """Take up what `save` gave."""
        self.target_kpa = data["target_kpa"]
        self.regulating = data["regulating"]
        self.vented = data["vented"]

    def _truth_pa(self, now_ns: int) -> float:
        state = self._outlook.at(now_ns).state
        return state.outlet_pressure_pa - state.pocket_pressure_pa

    def _head(self, now_ns: int) -> None:
        """At its rate to the set point."""
        aim_pa = round(self.target_kpa * PA_PER_KPA)
        way_pa = abs(aim_pa - self._truth_pa(now_ns))
        self._hold(now_ns, aim_pa, max(round(way_pa / self.section.rate * NS_PER_MIN), 1))

    def _hold(self, now_ns: int, aim_pa: int, ramp_ns: int) -> None:
        act(self._device, now_ns, "outlet_pressure", pressure=aim_pa, ramp=ramp_ns)
