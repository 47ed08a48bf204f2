"""The instruments a bench script may ask for. A script never sees which make it got.

Every method may raise InstrumentError (`hil.instruments.errors`): which instrument, what it said or
did not say, and what to do about it. No method waits longer than its make's named limit.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple, Protocol

from hil.instruments.errors import InstrumentError


class Reading(NamedTuple):
    """One value as an instrument gave it.

    `uncertainty` is expanded (k = 2, about 95 %), in the same unit, as the rig file or the model
    states it. `instant_ns` is the rig's clock when the value was asked for.
    """

    value: float
    unit: str
    instant_ns: int
    uncertainty: float
    stable: bool = True


class Balance(Protocol):
    """Weighs what the catheter has delivered."""

    def weigh(self) -> Reading:
        """The weight now, in mg, stable or not."""

    def weigh_stable(self) -> Reading:
        """The next stable weight, in mg; InstrumentError when none comes within the limit."""

    def zero(self) -> None:
        """Count from what lies on the pan now."""


class TemperatureBath(Protocol):
    """Keeps the pump at a temperature."""

    def set_temperature(self, temperature_degc: float) -> None:
        """Head for a set point and start circulating; LocalError outside the rig's limits."""

    def temperature(self) -> Reading:
        """Of the bath now, in degC."""

    def stop(self) -> None:
        """Circulation and heating off."""


class PressureController(Protocol):
    """Sets the pressure that the catheter delivers against, above ambient."""

    def set_pressure(self, pressure_kpa: float) -> None:
        """Head for a set point and regulate; LocalError outside the rig's limits."""

    def pressure(self) -> Reading:
        """At the catheter's tip now, in kPa above ambient."""

    def vent(self) -> None:
        """Let go: the outlet is at ambient pressure."""


class Syringe(Protocol):
    """Moves liquid by needle: a person, a syringe pump, the emulator."""

    def withdraw(self) -> Reading:
        """Draw all that comes from the reservoir; the volume in mL."""

    def fill(self, volume_ml: float, drug: str, concentration_mg_per_ml: float) -> Reading:
        """Fill the reservoir; the volume in mL, as read off the barrel."""

    def inject_bolus(
        self, volume_ml: float, duration_s: float, drug: str, concentration_mg_per_ml: float
    ) -> Reading:
        """Inject through the bolus path; the volume in mL, as read off the barrel."""


class PowerSupply(Protocol):
    """Feeds the pump's electronics in place of its battery."""

    def set_voltage(self, voltage_v: float) -> None:
        """The output's voltage; LocalError outside the rig's limits."""

    def switch(self, *, on: bool) -> None:
        """Output on or off."""

    def voltage(self) -> Reading:
        """Measured at the output, in V."""

    def current(self) -> Reading:
        """Measured at the output, in A."""

    def doubt(self) -> str:
        """Why its readings may not be volts, or do not show that they are; empty if they do."""


class Sensors(Protocol):
    """Quantities of a pump on the bench that are measured at once, by channel of `Readings`."""

    @property
    def channels(self) -> Collection[str]:
        """Their names."""

    def read(self) -> Mapping[str, Reading | InstrumentError]:
        """All of them now, in units of `protocol.quantity`; a reason in place of no value."""


class Relay(Protocol):
    """A contact: a buzzer, a lamp."""

    def switch(self, *, on: bool) -> None:
        """Closed or open."""

    def is_on(self) -> bool:
        """Whether it is closed."""


READS: Final[dict[str, Callable[[Any], Reading]]] = {
    "balance": lambda one: one.weigh(),
    "bath": lambda one: one.temperature(),
    "pressure": lambda one: one.pressure(),
    "supply": lambda one: one.voltage(),
}
"""What an instrument of a kind shows, at once; nothing is set or moved."""
