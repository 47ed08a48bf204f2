"""Bath and outlet as a script wants them: set, awaited, held, and set again after an interruption.

An instrument that lost its supply for a moment answers again, and holds nothing any more: what was
weighed from then on would be blamed on the pump.
"""

from typing import Any, Final, Protocol

from hil.bath_unit import doubt
from hil.bench.parameters import PRESSURE, TEMPERATURE, parameter
from hil.errors import RigError
from hil.instruments.kinds import Reading
from hil.rig import Rig

NEAR_K: Final = 0.2
NEAR_KPA: Final = 0.2
"""As near as a set point must be reached."""
STRAYED_K: Final = 0.5
STRAYED_KPA: Final = 0.5
"""So far off, it is held no more: a lid that was lifted for a moment is no failure."""
REACH_NS: Final = 6 * 3_600 * 10**9
"""Device time a bath or a controller may take to reach a set point."""
FOLLOW_NS: Final = 2 * 3_600 * 10**9
"""Device time in which any pump has come closer to its bath."""
LOOK_NS: Final = 60 * 10**9


def bath(what: str = "of the bath") -> Any:
    """The field `bath_degc`."""
    return parameter("37 degC", TEMPERATURE, what, sets="bath")


def outlet() -> Any:
    """The field `outlet_kpa`."""
    return parameter("12.4 kPa", PRESSURE, "at the outlet, above ambient", sets="pressure")


class Bench(Protocol):
    """What this needs of a run."""

    rig: Rig

    def clock_ns(self) -> int:
        """The present instant."""

    def wait_until(self, what: str, until_ns: int) -> None:
        """Let device time pass."""


class Surroundings:
    """The set points that hold."""

    def __init__(self, bench: Bench) -> None:
        """None yet: whatever the rig has is left alone."""
        self._bench = bench
        self._temperature_degc: float | None = None
        self._outlet_kpa: float | None = None
        self._settle_ns = 0

    def want(
        self, temperature_degc: float | None, outlet_kpa: float | None, settle_ns: int
    ) -> None:
        """What is to hold from the next `apply` on; None leaves a set point as it is."""
        if temperature_degc is not None:
            self._temperature_degc = temperature_degc
        if outlet_kpa is not None:
            self._outlet_kpa = outlet_kpa
        self._settle_ns = settle_ns

    def restore(self) -> None:
        """Set again what holds, if anything does."""
        if self._temperature_degc is not None or self._outlet_kpa is not None:
            self.apply()

    def apply(self) -> dict[str, Any]:
        """Set both, wait until both are there, then let the pump settle; RigError if one is not."""
        instruments, bench = self._bench.rig.instruments, self._bench
        wanted_degc, wanted_kpa = self._temperature_degc, self._outlet_kpa
        if wanted_degc is not None:
            instruments.bath.set_temperature(wanted_degc)
        if wanted_kpa is not None:
            instruments.pressure.set_pressure(wanted_kpa)
        found: dict[str, Any] = {}
        if wanted_degc is not None:
            found["bath_degc"] = self._reach("bath", wanted_degc, NEAR_K)
        if wanted_kpa is not None:
            found["outlet_kpa"] = self._reach("outlet", wanted_kpa, NEAR_KPA)
        bench.wait_until("settling", bench.clock_ns() + self._settle_ns)
        if wanted_degc is not None:
            self._check_unit()
        return found

    def strayed(self) -> str:
        """Which of bath and outlet has left its set point, and where it stands; empty if none."""
        for what, wanted, far in (
            ("bath", self._temperature_degc, STRAYED_K),
            ("outlet", self._outlet_kpa, STRAYED_KPA),
        ):
            if wanted is None:
                continue
            reading = self._read(what)
            if abs(reading.value - wanted) > far + reading.uncertainty:
                return (
                    f"the {what} has left its set point of {wanted:g} {reading.unit}, it stands at "
                    f"{reading.value:.2f} {reading.unit}"
                )
        return ""

    def _check_unit(self) -> None:
        """RigError when the pump has not followed the bath, as one in degrees Fahrenheit."""
        bench = self._bench
        end_ns = bench.clock_ns() + FOLLOW_NS
        while found := doubt(self._read("bath"), bench.rig):
            if bench.clock_ns() >= end_ns:
                raise RigError(found)
            bench.wait_until("the pump follows the bath", bench.clock_ns() + LOOK_NS)

    def _reach(self, what: str, wanted: float, near: float) -> float:
        bench = self._bench
        end_ns = bench.clock_ns() + REACH_NS
        while True:
            reading = self._read(what)
            if abs(reading.value - wanted) <= near + reading.uncertainty:
                return reading.value
            if bench.clock_ns() >= end_ns:
                hours = REACH_NS // (3_600 * 10**9)
                raise RigError(
                    f"the {what} does not reach {wanted:g} {reading.unit}: after {hours} h it "
                    f"stands at {reading.value:.3f} {reading.unit}"
                )
            bench.wait_until(f"the {what} heads for {wanted:g}", bench.clock_ns() + LOOK_NS)

    def _read(self, what: str) -> Reading:
        instruments = self._bench.rig.instruments
        return instruments.bath.temperature() if what == "bath" else instruments.pressure.pressure()
