"""The instruments of a bench with the command sets they speak."""

from collections.abc import Callable
from typing import Final, NamedTuple

from pumpsim.instruments.bench import Bench
from pumpsim.instruments.julabo import Julabo
from pumpsim.instruments.line import Ailment, FaultyLine, Interpreter
from pumpsim.instruments.mt_sics import MtSics, Nameplate, Pan
from pumpsim.instruments.scpi_daq import ScpiDaq
from pumpsim.instruments.scpi_pressure import Front, ScpiPressure
from pumpsim.instruments.scpi_supply import Limit, ScpiSupply

UG_PER_MG: Final = 1e3


class Speech(NamedTuple):
    """A command set: its name, and a request as `printf` takes it."""

    protocol: str
    request: str


SPEECHES: Final = {
    "balance": Speech("mt-sics", r"SI\r\n"),
    "bath": Speech("julabo", r"in_pv_00\r"),
    "pressure": Speech("scpi", r"SENS:PRES?\n"),
    "supply": Speech("scpi", r"MEAS:VOLT?\n"),
    "daq": Speech("scpi", r"MEAS:VOLT? (@101:107)\n"),
}
"""Of each instrument that has a line."""


class Desk:
    """What all lines to the instruments of one bench share: tare, unit, limit, and what ails them.

    None of it is in a snapshot: it belongs to the lines, which a restored snapshot ends.
    """

    def __init__(self, bench: Callable[[], Bench]) -> None:
        """All sound. `bench` gives the instruments as they are: a restored pump has others."""
        self._bench = bench
        self.ailments = {kind: Ailment() for kind in SPEECHES}
        self._pan, self._front, self._limit = Pan(), Front(), Limit()

    def interpreter(self, kind: str) -> Interpreter:
        """For a new line to an instrument."""
        return FaultyLine(self._speaking(kind), self.ailments[kind])

    def _speaking(self, kind: str) -> Interpreter:
        bench, ailment = self._bench(), self.ailments[kind]
        match kind:
            case "balance":
                return MtSics(bench.balance, _nameplate(bench), self._pan, ailment)
            case "bath":
                return Julabo(bench.bath, ailment)
            case "pressure":
                return ScpiPressure(bench.pressure, self._front, ailment).interpreter
            case "daq":
                return ScpiDaq(bench.daq, ailment).interpreter
            case _:
                return ScpiSupply(bench.supply, self._limit, ailment).interpreter


def _nameplate(bench: Bench) -> Nameplate:
    section = bench.section.balance
    return Nameplate(
        model=f"BAL-{section.capacity / UG_PER_MG / 1e3:g}",
        capacity_mg=section.capacity / UG_PER_MG,
        resolution_mg=section.resolution / UG_PER_MG,
    )
