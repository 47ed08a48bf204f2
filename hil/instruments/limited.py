"""Instruments that are never set beyond the limits of their rig."""

from typing import Final

from hil.errors import LocalError
from hil.instruments.kinds import PowerSupply, PressureController, Reading, TemperatureBath

Range = tuple[float, float]


WORDS: Final = {
    "bath": ("a bath", "degC"),
    "pressure": ("an outlet pressure", "kPa"),
    "supply": ("a supply", "V"),
}
"""What is set by an instrument of a kind, and its unit."""


def check(kind: str, value: float, bounds: Range) -> None:
    """LocalError outside the limits, with both of them."""
    what, unit = WORDS[kind]
    lowest, highest = bounds
    if not lowest <= value <= highest:
        raise LocalError(
            f"{what} of {value:g} {unit} is outside this rig's limits, {lowest:g} to {highest:g} "
            f"{unit}: see [limits] in its rig file"
        )


class LimitedBath:
    """A `TemperatureBath`."""

    def __init__(self, bath: TemperatureBath, bounds_degc: Range) -> None:
        """Within bounds."""
        self._bath = bath
        self._bounds_degc = bounds_degc

    def set_temperature(self, temperature_degc: float) -> None:
        """LocalError outside the limits."""
        check("bath", temperature_degc, self._bounds_degc)
        self._bath.set_temperature(temperature_degc)

    def temperature(self) -> Reading:
        """Of the bath now."""
        return self._bath.temperature()

    def stop(self) -> None:
        """Off."""
        self._bath.stop()


class LimitedPressure:
    """A `PressureController`."""

    def __init__(self, controller: PressureController, bounds_kpa: Range) -> None:
        """Within bounds."""
        self._controller = controller
        self._bounds_kpa = bounds_kpa

    def set_pressure(self, pressure_kpa: float) -> None:
        """LocalError outside the limits."""
        check("pressure", pressure_kpa, self._bounds_kpa)
        self._controller.set_pressure(pressure_kpa)

    def pressure(self) -> Reading:
        """At the tip now."""
        return self._controller.pressure()

    def vent(self) -> None:
        """Let go."""
        self._controller.vent()


class LimitedSupply:
    """A `PowerSupply`."""

    def __init__(self, supply: PowerSupply, bounds_v: Range) -> None:
        """Within bounds."""
        self._supply = supply
        self._bounds_v = bounds_v

    def set_voltage(self, voltage_v: float) -> None:
        """LocalError outside the limits."""
        check("supply", voltage_v, self._bounds_v)
        self._supply.set_voltage(voltage_v)

    def switch(self, *, on: bool) -> None:
        """Output on or off."""
        self._supply.switch(on=on)

    def voltage(self) -> Reading:
        """At the output now."""
        return self._supply.voltage()

    def current(self) -> Reading:
        """At the output now."""
        return self._supply.current()

    def doubt(self) -> str:
        """About its unit."""
        return self._supply.doubt()
