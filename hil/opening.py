"""From the sections of a rig file to instruments: only the drivers that are named are imported."""

from contextlib import ExitStack
from typing import Any, Final

from hil.clock import NS_PER_S, Clock
from hil.errors import LocalError
from hil.instruments.bench import Instruments
from hil.instruments.laboratory import instruments as of_laboratory
from hil.instruments.limited import LimitedBath, LimitedPressure, LimitedSupply, Range
from hil.instruments.line import Line
from hil.instruments.port import parse_port
from hil.laboratory import Laboratory, NoLaboratory
from hil.record import InstrumentRow
from hil.rigfile import RigFile
from hil.sections import (
    LABORATORY,
    BalanceSection,
    BathSection,
    InstrumentSection,
    LimitsSection,
    PluggedSection,
    PressureSection,
    SupplySection,
    SyringeSection,
)
from protocol.quantity import ZERO_CELSIUS_MK

UNITS: Final = {
    "balance": (1e3, "mg"),
    "bath": (1e3, "K"),
    "pressure": (1e3, "kPa"),
    "syringe": (1e6, "mL"),
    "supply": (1e3, "V"),
}
"""Base units of a section's uncertainty in one of the readings' unit, and that unit."""
LIMITED: Final[dict[str, Any]] = {
    "bath": LimitedBath,
    "pressure": LimitedPressure,
    "supply": LimitedSupply,
}
"""Kinds that set something are held to the rig's limits."""


def open_one(
    kind: str, rig: RigFile, clock: Clock, laboratory: Laboratory, held: ExitStack
) -> tuple[Any, InstrumentRow]:
    """An instrument that the file names, and its row for the record; `held` gives its port back.

    InstrumentError when it does not answer, or is not the one that the file means; LocalError when
    the rig has no laboratory to take it from.
    """
    section: InstrumentSection = getattr(rig, kind)
    if section.driver == LABORATORY:
        if isinstance(laboratory, NoLaboratory):
            raise LocalError(f"[{kind}]: there is no laboratory: append ?control=URL to dut")
        found = getattr(of_laboratory(laboratory, clock), kind)
        return found, row(kind, section, "emulated", "", UNITS[kind])
    found, identity = _driver(section, clock, rig.limits, held)
    make = section.driver if not section.port else f"{section.driver} at {section.port}"
    return found, row(kind, section, make, identity, UNITS[kind])


def open_all(
    rig: RigFile, clock: Clock, laboratory: Laboratory, held: ExitStack
) -> tuple[Instruments, list[InstrumentRow]]:
    """All of a rig file, each within its limits; `held` gives their ports back."""
    bounds = _bounds(rig.limits)
    found: dict[str, Any] = {}
    rows: list[InstrumentRow] = []
    for kind, _ in rig.instruments():
        instrument, its_row = open_one(kind, rig, clock, laboratory, held)
        found[kind] = LIMITED[kind](instrument, bounds[kind]) if kind in LIMITED else instrument
        rows.append(its_row)
    return Instruments(**found, bounds=bounds), rows


def _bounds(limits: LimitsSection) -> dict[str, Range]:
    """The lowest and the highest set point of what is set, in the unit of its readings."""
    return {
        "bath": (_degc(limits.temperature_lowest), _degc(limits.temperature_highest)),
        "pressure": (limits.pressure_lowest / 1e3, limits.pressure_highest / 1e3),
        "supply": (0.0, limits.voltage_highest / 1e3),
    }


def _driver(
    section: InstrumentSection, clock: Clock, limits: LimitsSection, held: ExitStack
) -> tuple[Any, str]:
    """The driver that speaks to it, and who it says it is."""
    if isinstance(section, SyringeSection):
        from hil.instruments.operator import OperatorSyringe

        syringe = OperatorSyringe(clock, section.uncertainty / 1e6, section.barrel / 1e6)
        return syringe, "a person at the terminal"
    driver: Any
    match section:
        case BalanceSection():
            from hil.instruments import mt_sics

            line = line_to("balance", section, mt_sics, held)
            mg, range_mg = section.uncertainty / 1e3, section.range / 1e3
            driver = mt_sics.MtSicsBalance(line, clock, mg, range_mg)
        case BathSection():
            from hil.instruments import julabo

            line = line_to("bath", section, julabo, held)
            kelvin, highest_degc = section.uncertainty / 1e3, _degc(limits.temperature_highest)
            driver = julabo.JulaboBath(line, clock, kelvin, highest_degc)
        case PressureSection():
            from hil.instruments import scpi, scpi_pressure

            line = line_to("pressure controller", section, scpi, held)
            driver = scpi_pressure.ScpiPressure(line, clock, section.uncertainty / 1e3)
        case SupplySection():
            from hil.instruments import scpi, scpi_supply

            line = line_to("supply", section, scpi, held)
            errors = section.uncertainty / 1e3, section.current_uncertainty / 1e9
            driver = scpi_supply.ScpiSupply(line, clock, errors, limits.voltage_highest / 1e3)
        case _:
            raise AssertionError(section)
    return driver, str(line.identity)


def line_to(name: str, section: PluggedSection, manner: Any, held: ExitStack) -> Line:
    """With the instrument's usual settings, unless the file says otherwise; not open yet."""
    port = parse_port(section.port, manner.BAUD, section.frame or manner.FRAME)
    line = Line(name, port, manner.ENDS, section.serial_number, section.timeout / NS_PER_S)
    held.callback(line.close)
    return line


def row(
    kind: str, section: Any, make: str, identity: str, scale: tuple[float, str]
) -> InstrumentRow:
    """For the record; `scale`: base units of the section's uncertainty in a unit, and that unit."""
    factor, unit = scale
    return InstrumentRow(
        kind,
        make,
        identity,
        "" if section.calibrated is None else section.calibrated.isoformat(),
        "" if section.calibration_due is None else section.calibration_due.isoformat(),
        f"{section.uncertainty / factor:g} {unit} (k = 2)",
    )


def _degc(temperature_mk: int) -> float:
    return (temperature_mk - ZERO_CELSIUS_MK) / 1e3
