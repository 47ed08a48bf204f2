"""A pressure controller that speaks SCPI in the manner of a Druck PACE.

:UNIT:PRES KPA                    the unit
:SOUR:PRES 20, :OUTP ON           set point, regulate; both are asked for again
:SENS:PRES?, :UNIT:PRES?          the pressure, and the unit that it is in
:SOUR:PRES:LEV:IMM:AMPL:VENT 1    let go; asked, 0 tells that it does not vent
"""

from typing import Final

from hil.clock import Clock
from hil.instruments.kinds import Reading
from hil.instruments.line import Line
from hil.instruments.scpi import Scpi

UNIT: Final = "KPA"
VENT: Final = ":SOUR:PRES:LEV:IMM:AMPL:VENT"
SET_POINT_KPA: Final = 0.001
ABSOLUTE: Final = "a"
"""How the name of a range ends whose sensor measures absolute pressure, such as "2.00bara"."""


class ScpiPressure:
    """Gauge pressures in kPa."""

    def __init__(self, line: Line, clock: Clock, uncertainty_kpa: float) -> None:
        """Open the line; InstrumentError when nobody answers, or the wrong one."""
        self._line = line
        self._scpi = Scpi(line)
        self._clock = clock
        self._uncertainty_kpa = uncertainty_kpa
        line.open(self._scpi.identify, self._prepare)

    def set_pressure(self, pressure_kpa: float) -> None:
        """Head for it, and regulate."""
        self._check_unit()
        self._scpi.act(f":SOUR:PRES {pressure_kpa:.4f}")
        found = self._scpi.number(":SOUR:PRES?")
        if abs(found - pressure_kpa) > SET_POINT_KPA:
            raise self._line.error(f"did not take {pressure_kpa:.4f} kPa, it keeps {found:g}")
        self._scpi.act(":OUTP ON")
        if not self._scpi.truth(":OUTP?"):
            raise self._line.error("was told to regulate and does not: is its supply steady?")

    def pressure(self) -> Reading:
        """At the outlet now.

        The unit is asked for after the value: one that was changed before it is noticed. Two
        questions, since not every unit answers two in one line.
        """
        now_ns = self._clock.now_ns()
        value_kpa = self._scpi.number(":SENS:PRES?")
        self._check_unit()
        return Reading(value_kpa, "kPa", now_ns, self._uncertainty_kpa)

    def vent(self) -> None:
        """Let go."""
        self._scpi.act(f"{VENT} 1")
        if self._scpi.ask(f"{VENT}?") == "0":
            raise self._line.error("was told to vent and does not: open the outlet by hand")

    def _prepare(self) -> None:
        self._scpi.act(f":UNIT:PRES {UNIT}")
        self._check_unit()
        span = self._scpi.ask(":SENS:PRES:RANG?").strip('"')
        if span.lower().endswith(f"bar{ABSOLUTE}"):
            raise self._line.error(
                f"its range {span!r} measures absolute pressure: choose a gauge range"
            )

    def _check_unit(self) -> None:
        unit = self._scpi.ask(":UNIT:PRES?")
        if unit.upper() != UNIT:
            raise self._line.error(
                f"tells pressures in {unit}, not in kPa: set its unit to kPa on its screen"
            )
