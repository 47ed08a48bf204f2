"""A data acquisition unit in SCPI, in the manner of a Keysight 34970A: volts, and one relay.

MEAS:VOLT? (@101)    MEAS:VOLT? (@101:103,106)    ROUT:CLOS (@201)    ROUT:OPEN (@201)

CONF:VOLT (@101) checks the channels; there is nothing to set that MEAS? would not set itself.
"""

import re
from collections.abc import Sequence
from typing import Final, Protocol

from pumpsim.instruments.daq import RELAY, TRANSDUCERS
from pumpsim.instruments.line import Ailment, Fault
from pumpsim.instruments.scpi import OVERFLOW, Command, Parameters, Scpi, ScpiError

IDENTITY: Final = "pumpsim,data acquisition,1,1.00"
CHANNELS: Final = re.compile(r"\(@(\d{3}(?::\d{3})?(?:,\d{3}(?::\d{3})?)*)\)")
MILLI: Final = 1_000.0


class Source(Protocol):
    """The unit behind the command set."""

    @property
    def closed(self) -> bool:
        """Whether its relay is."""

    def volts(self, now_ns: int, channels: Sequence[int]) -> list[float]:
        """What channels read, in one scan."""

    def switch(self, *, closed: bool) -> None:
        """The relay."""


class ScpiDaq:
    """One line to one unit."""

    def __init__(self, source: Source, ailment: Ailment) -> None:
        """`ailment` belongs to the unit."""
        self._source = source
        self._ailment = ailment
        commands = (
            Command("CONFigure[:SCALar]:VOLTage[:DC]", self._configure),
            Command("MEASure[:SCALar]:VOLTage[:DC]", tell=self._measure, asks=1),
            Command("ROUTe:CLOSe", self._close, self._tell_closed, asks=1),
            Command("ROUTe:OPEN", self._open, self._tell_open, asks=1),
        )
        self.interpreter = Scpi(IDENTITY, commands, lambda _: source.switch(closed=False))
        """What its line speaks."""

    def _configure(self, _now_ns: int, parameters: Parameters) -> None:
        _check_channels(parameters)

    def _measure(self, now_ns: int, parameters: Parameters) -> str:
        channels = _check_channels(parameters)
        return ",".join(map(self._shown, self._source.volts(now_ns, channels)))

    def _shown(self, volts: float) -> str:
        match self._ailment.fault:
            case Fault.OVERLOAD:
                return OVERFLOW
            case Fault.WRONG_UNIT:
                return f"{volts * MILLI:+.8E}"
            case _:
                return f"{volts:+.8E}"

    def _close(self, _now_ns: int, parameters: Parameters) -> None:
        _check_relay(parameters)
        self._source.switch(closed=True)

    def _open(self, _now_ns: int, parameters: Parameters) -> None:
        _check_relay(parameters)
        self._source.switch(closed=False)

    def _tell_closed(self, _now_ns: int, parameters: Parameters) -> str:
        _check_relay(parameters)
        return str(int(self._source.closed))

    def _tell_open(self, _now_ns: int, parameters: Parameters) -> str:
        _check_relay(parameters)
        return str(int(not self._source.closed))


def _channels(parameters: Parameters) -> list[int]:
    """Of a list such as (@101,103:105); its ranges have known channels at both ends."""
    if not parameters:
        raise ScpiError(-109)
    match = CHANNELS.fullmatch(parameters[0].replace(" ", ""))
    if match is None:
        raise ScpiError(-224)
    channels: list[int] = []
    for part in match[1].split(","):
        first, _, last = part.partition(":")
        channels += range(int(first), int(last or first) + 1)
    if not channels:
        raise ScpiError(-224)
    return channels


def _check_channels(parameters: Parameters) -> list[int]:
    channels = _channels(parameters)
    if any(channel not in TRANSDUCERS for channel in channels):
        raise ScpiError(-222)
    return channels


def _check_relay(parameters: Parameters) -> None:
    if _channels(parameters) != [RELAY]:
        raise ScpiError(-222)
