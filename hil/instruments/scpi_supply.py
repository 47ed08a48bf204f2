"""A bench power supply that speaks SCPI: its first output.

VOLT 3.6, OUTP ON           voltage, output
MEAS:VOLT?, MEAS:CURR?      what is there
"""

from typing import Final

from hil.clock import Clock
from hil.instruments.kinds import Reading
from hil.instruments.line import Line
from hil.instruments.scpi import Scpi

SET_POINT_V: Final = 0.002
FAR_ABOVE_V: Final = 1.0
"""So far above the rig's limit, a reading has another unit, or the output has to go off anyway."""


class ScpiSupply:
    """Volts and amperes."""

    def __init__(
        self,
        line: Line,
        clock: Clock,
        uncertainty: tuple[float, float],
        highest_v: float | None = None,
    ) -> None:
        """Open the line; `uncertainty` of voltage (V) and current (A), `highest_v`: the limit."""
        self._line = line
        self._scpi = Scpi(line)
        self._clock = clock
        self._uncertainty_v, self._uncertainty_a = uncertainty
        self._highest_v = highest_v
        line.open(self._scpi.identify)

    def set_voltage(self, voltage_v: float) -> None:
        """Of the output, on or off."""
        self._scpi.act(f"VOLT {voltage_v:.4f}")
        found = self._scpi.number("VOLT?")
        if abs(found - voltage_v) > SET_POINT_V:
            raise self._line.error(f"did not take {voltage_v:.4f} V, it keeps {found:g}")

    def switch(self, *, on: bool) -> None:
        """Output on or off."""
        word, other = ("on", "off") if on else ("off", "on")
        self._scpi.act(f"OUTP {word.upper()}")
        if self._scpi.truth("OUTP?") != on:
            raise self._line.error(
                f"was switched {word} and says its output is {other}: has a protection tripped?"
            )

    def voltage(self) -> Reading:
        """At the output now."""
        now_ns = self._clock.now_ns()
        value = self._scpi.number("MEAS:VOLT?")
        if self._highest_v is not None and value > self._highest_v + FAR_ABOVE_V:
            raise self._line.error(
                f"tells {value:g} V, far above this rig's limit of {self._highest_v:g} V: does it "
                "tell millivolts?"
            )
        return Reading(value, "V", now_ns, self._uncertainty_v)

    def current(self) -> Reading:
        """At the output now."""
        now_ns = self._clock.now_ns()
        return Reading(self._scpi.number("MEAS:CURR?"), "A", now_ns, self._uncertainty_a)

    def doubt(self) -> str:
        """No answer has a unit, and 0 V are 0 mV: what it is set to tells more, if not all."""
        set_v = self._scpi.number("VOLT?")
        if self._highest_v is not None and set_v > self._highest_v + FAR_ABOVE_V:
            return (
                f"its set point is {set_v:g} V, far above this rig's limit of {self._highest_v:g} "
                "V: does it count in millivolts, or was it left so? look at its screen"
            )
        if self._scpi.truth("OUTP?"):
            return ""
        return (
            "its output is off, so that nobody can tell whether it measures in volts or in "
            "millivolts: look at its screen, or ask again once it is on"
        )
