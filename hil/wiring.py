"""From the sensors and the relay of a rig file to what a board is made of, port by port."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from hil.board import TABLES
from hil.clock import Clock
from hil.instruments import scpi
from hil.instruments.scpi_daq import ScpiRelay, ScpiSensors, Transducer
from hil.opening import line_to, row
from hil.record import InstrumentRow
from hil.rigfile import Unit
from hil.sections import (
    LevelSensorSection,
    PressureSensorSection,
    RelaySection,
    SensorSection,
    TemperatureSensorSection,
    VoltageSensorSection,
)
from protocol.quantity import ZERO_CELSIUS_MK

SCALES: Final[dict[type[SensorSection], tuple[float, str]]] = {
    PressureSensorSection: (1e3, "kPa"),
    TemperatureSensorSection: (1e3, "K"),
    LevelSensorSection: (1e6, "mL"),
    VoltageSensorSection: (1e3, "V"),
}
"""Base units of a section in one of its readings' unit, and that unit."""
FIELDS: Final = {table: channel for channel, table in TABLES.items()}
"""Of `Readings`, by the table of a rig file."""


@dataclass(frozen=True)
class Wired:
    """What is plugged in at one port, opened."""

    identity: str
    sensors: ScpiSensors | None = None
    relay: ScpiRelay | None = None


def open_unit(unit: Unit, clock: Clock, held: ExitStack) -> Wired:
    """On one connection; `held` gives its port back. InstrumentError as of any instrument."""
    transducers = {
        FIELDS[table]: _transducer(section)
        for table, section in unit.items()
        if isinstance(section, SensorSection)
    }
    relays = [section for section in unit.values() if isinstance(section, RelaySection)]
    first = next(iter(unit.values()))
    speech = scpi.Scpi(line_to("data acquisition unit", first, scpi, held))
    sensors = ScpiSensors(speech, clock, transducers) if transducers else None
    speech.line.open(speech.identify, sensors.prepare if sensors is not None else lambda: None)
    relay = ScpiRelay(speech, relays[0].channel) if relays else None
    return Wired(str(speech.line.identity), sensors, relay)


def rows_of(unit: Unit, identity: str) -> list[InstrumentRow]:
    """For the record, with the calibration of each sensor."""
    return [
        row(table, section, where(section), identity, SCALES[type(section)])
        for table, section in unit.items()
        if isinstance(section, SensorSection)
    ]


def where(section: SensorSection | RelaySection) -> str:
    """Where it is, for people."""
    return f"{section.driver} at {section.port}, channel {section.channel}"


def _transducer(section: Any) -> Transducer:
    """In the unit that people read."""
    factor, unit = SCALES[type(section)]
    low, high = section.range
    if unit == "K":
        low, high, unit = low - ZERO_CELSIUS_MK, high - ZERO_CELSIUS_MK, "degC"
    values = low / factor, high / factor
    return Transducer(section.channel, section.output, values, unit, section.uncertainty / factor)
