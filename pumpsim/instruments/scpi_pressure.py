"""A pressure controller in SCPI, in the manner of a Druck PACE (SCPI manual K0472).

Its replies repeat the header that was asked for: `:SENS:PRES?` gives `:SENS:PRES 20.001`.
"""

from typing import Final, Protocol

from pumpsim.instruments.line import Ailment, Fault
from pumpsim.instruments.scpi import OVERFLOW, Command, Parameters, Scpi, ScpiError, boolean, number

IDENTITY: Final = "pumpsim,pressure controller,1,1.00"
UNITS_KPA: Final = {
    "ATM": 101.325,
    "BAR": 100.0,
    "HPA": 0.1,
    "KPA": 1.0,
    "MBAR": 0.1,
    "MMHG": 0.133322387415,
    "MPA": 1_000.0,
    "PA": 0.001,
    "PSI": 6.894757293168,
    "TORR": 101.325 / 760,
}
POWER_UP_UNIT: Final = "MBAR"
WRONG_UNIT: Final = "PSI"
LEVEL: Final = "SOURce#[:PRESsure][:LEVel][:IMMediate][:AMPLitude]"
VENTED_KPA: Final = 0.05
"""Nearer to ambient than that, a vent is complete."""
VENT_IDLE, VENT_BUSY, VENT_DONE = "0", "1", "2"


class PressureSource(Protocol):
    """The controller behind the command set; gauge pressures at the catheter's tip."""

    @property
    def target_kpa(self) -> float:
        """The set point."""

    @property
    def limits_kpa(self) -> tuple[float, float]:
        """The lowest and the highest set point."""

    @property
    def regulating(self) -> bool:
        """Whether it heads for the set point."""

    @property
    def vented(self) -> bool:
        """Whether the outlet was let go, and nothing else came since."""

    def set_point(self, now_ns: int, kpa: float) -> None:
        """Head for a pressure, once it regulates."""

    def regulate(self, now_ns: int, *, on: bool) -> None:
        """Head for the set point, or only measure."""

    def vent(self, now_ns: int) -> None:
        """Let go."""

    def pressure_kpa(self, now_ns: int) -> float:
        """Now."""


class Front:
    """What all lines to one controller share: its unit."""

    def __init__(self) -> None:
        """As after switching on."""
        self.unit = POWER_UP_UNIT


class ScpiPressure:
    """One line to one controller."""

    def __init__(self, source: PressureSource, front: Front, ailment: Ailment) -> None:
        """`front` and `ailment` belong to the controller."""
        self._source = source
        self._front = front
        self._ailment = ailment
        commands = (
            Command(LEVEL, self._set_point, self._tell_set_point),
            Command(f"{LEVEL}:VENT", self._vent, self._tell_vent),
            Command("SENSe#[:PRESsure]", tell=self._tell_pressure),
            Command("SENSe#[:PRESsure]:RANGe", tell=self._tell_range),
            Command("OUTPut#[:STATe]", self._regulate, self._tell_output),
            Command("UNIT#[:PRESsure]", self._set_unit, self._tell_unit),
        )
        self.interpreter = Scpi(IDENTITY, commands, self._reset, headed=True)
        """What its line speaks."""

    def _set_point(self, now_ns: int, parameters: Parameters) -> None:
        lowest_kpa, highest_kpa = self._source.limits_kpa
        kpa = self._kpa()
        value = number(parameters[0], lowest_kpa / kpa, highest_kpa / kpa)
        self._source.set_point(now_ns, min(max(value * kpa, lowest_kpa), highest_kpa))

    def _tell_set_point(self, _now_ns: int, _parameters: Parameters) -> str:
        return self._written(self._source.target_kpa)

    def _vent(self, now_ns: int, parameters: Parameters) -> None:
        if boolean(parameters[0]):
            self._source.vent(now_ns)
        else:
            self._source.regulate(now_ns, on=False)

    def _tell_vent(self, now_ns: int, _parameters: Parameters) -> str:
        done = abs(self._source.pressure_kpa(now_ns)) < VENTED_KPA
        return (VENT_DONE if done else VENT_BUSY) if self._source.vented else VENT_IDLE

    def _tell_pressure(self, now_ns: int, _parameters: Parameters) -> str:
        over = self._ailment.fault is Fault.OVERLOAD
        return OVERFLOW if over else self._written(self._source.pressure_kpa(now_ns))

    def _tell_range(self, _now_ns: int, _parameters: Parameters) -> str:
        return f'"{self._source.limits_kpa[1] / 100:.2f}barg"'

    def _regulate(self, now_ns: int, parameters: Parameters) -> None:
        self._source.regulate(now_ns, on=boolean(parameters[0]))

    def _tell_output(self, _now_ns: int, _parameters: Parameters) -> str:
        return str(int(self._source.regulating))

    def _set_unit(self, _now_ns: int, parameters: Parameters) -> None:
        unit = parameters[0].upper()
        if unit not in UNITS_KPA:
            raise ScpiError(-224)
        self._front.unit = unit

    def _tell_unit(self, _now_ns: int, _parameters: Parameters) -> str:
        return self._unit()

    def _reset(self, now_ns: int) -> None:
        self._source.regulate(now_ns, on=False)

    def _unit(self) -> str:
        """The unit in force: with the fault it keeps its own, whatever was set."""
        return WRONG_UNIT if self._ailment.fault is Fault.WRONG_UNIT else self._front.unit

    def _kpa(self) -> float:
        return UNITS_KPA[self._unit()]

    def _written(self, kpa: float) -> str:
        return f"{kpa / self._kpa():.7g}"
