"""A bench power supply in SCPI, in the manner of a Keysight E36300: one output, (@1).

A channel list may follow each parameter: `VOLT 3.6, (@1)`, `MEAS:VOLT? (@1)`.
"""

from typing import Final, Protocol

from pumpsim.instruments.line import Ailment, Fault
from pumpsim.instruments.scpi import OVERFLOW, Command, Parameters, Scpi, ScpiError, boolean, number

IDENTITY: Final = "pumpsim,power supply,1,1.00"
CHANNEL: Final = "(@1)"
MILLI: Final = 1_000.0
HIGHEST_A: Final = 1.0
"""The limit of the current: a pump draws milliamperes."""


class Source(Protocol):
    """The supply behind the command set."""

    @property
    def target_v(self) -> float:
        """The voltage it is set to."""

    @property
    def limits_v(self) -> tuple[float, float]:
        """The lowest and the highest voltage that can be set."""

    @property
    def on(self) -> bool:
        """Whether its output is."""

    def set_voltage(self, now_ns: int, v: float) -> None:
        """Set it."""

    def switch(self, now_ns: int, *, on: bool) -> None:
        """Output on or off."""

    def voltage_v(self, now_ns: int) -> float:
        """Measured."""

    def current_a(self, now_ns: int) -> float:
        """Measured."""


class Limit:
    """What all lines to one supply share: the limit of its current, kept and never reached."""

    def __init__(self) -> None:
        """It is at its highest."""
        self.current_a = HIGHEST_A


class ScpiSupply:
    """One line to one supply."""

    def __init__(self, source: Source, limit: Limit, ailment: Ailment) -> None:
        """`limit` and `ailment` belong to the supply."""
        self._source = source
        self._limit = limit
        self._ailment = ailment
        level = "[:LEVel][:IMMediate][:AMPLitude]"
        commands = (
            Command(f"[SOURce#:]VOLTage{level}", self._set_voltage, self._tell_voltage, (1, 2), 1),
            Command(f"[SOURce#:]CURRent{level}", self._set_limit, self._tell_limit, (1, 2), 1),
            Command("OUTPut#[:STATe]", self._switch, self._tell_output, (1, 2), 1),
            Command("MEASure[:SCALar]:VOLTage[:DC]", tell=self._measure_voltage, asks=1),
            Command("MEASure[:SCALar]:CURRent[:DC]", tell=self._measure_current, asks=1),
        )
        self.interpreter = Scpi(IDENTITY, commands, self._reset)
        """What its line speaks."""

    def _set_voltage(self, now_ns: int, parameters: Parameters) -> None:
        _check_channel(parameters[1:])
        self._source.set_voltage(now_ns, number(parameters[0], *self._source.limits_v))

    def _tell_voltage(self, _now_ns: int, parameters: Parameters) -> str:
        _check_channel(parameters)
        return _written(self._source.target_v)

    def _set_limit(self, _now_ns: int, parameters: Parameters) -> None:
        _check_channel(parameters[1:])
        self._limit.current_a = number(parameters[0], 0.0, HIGHEST_A)

    def _tell_limit(self, _now_ns: int, parameters: Parameters) -> str:
        _check_channel(parameters)
        return _written(self._limit.current_a)

    def _switch(self, now_ns: int, parameters: Parameters) -> None:
        _check_channel(parameters[1:])
        self._source.switch(now_ns, on=boolean(parameters[0]))

    def _tell_output(self, _now_ns: int, parameters: Parameters) -> str:
        _check_channel(parameters)
        return str(int(self._source.on))

    def _measure_voltage(self, now_ns: int, parameters: Parameters) -> str:
        _check_channel(parameters)
        return self._measured(self._source.voltage_v(now_ns))

    def _measure_current(self, now_ns: int, parameters: Parameters) -> str:
        _check_channel(parameters)
        return self._measured(self._source.current_a(now_ns))

    def _measured(self, value: float) -> str:
        match self._ailment.fault:
            case Fault.OVERLOAD:
                return OVERFLOW
            case Fault.WRONG_UNIT:
                return _written(value * MILLI)
            case _:
                return _written(value)

    def _reset(self, now_ns: int) -> None:
        self._source.switch(now_ns, on=False)
        self._source.set_voltage(now_ns, 0.0)
        self._limit.current_a = HIGHEST_A


def _check_channel(parameters: Parameters) -> None:
    if parameters and parameters[0].replace(" ", "") != CHANNEL:
        raise ScpiError(-222)


def _written(value: float) -> str:
    return f"{value:+.8E}"
