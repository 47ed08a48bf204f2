"""The tables that a rig file may have; `hil.rigfile` puts them together."""

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from hil.instruments.line import ANSWER_S
from hil.instruments.port import FRAMES
from protocol import configfile as c
from protocol.quantity import UNITS, QuantityError, parse

LABORATORY: Final = "laboratory"
PORTLESS: Final = (LABORATORY, "operator")
NAMELESS: Final = (*PORTLESS, "julabo")
"""Drivers of what cannot tell its serial number."""
MAX_TIMEOUT_NS: Final = 120_000_000_000
MAX_CHANNEL: Final = 9_999


def _volts(value: Any) -> float:
    """Of a text; whole millivolts would be too coarse for a calibration."""
    if not isinstance(value, str):
        raise QuantityError('write the voltage as text with its unit, such as "1.5 V"')
    return float(parse(value, "voltage") / UNITS["voltage"]["V"])


def _two(value: Any) -> Any:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError('write two values, such as ["1 V", "5 V"]')
    return tuple(value)


def _ascending(points: tuple[float, float]) -> tuple[float, float]:
    if not points[0] < points[1]:
        raise ValueError("the lower output stands first")
    return points


def _apart(points: tuple[int, int]) -> tuple[int, int]:
    if points[0] == points[1]:
        raise ValueError("two outputs mean two different values")
    return points


TWO: Final = BeforeValidator(_two)
APART: Final = AfterValidator(_apart)
Volts = Annotated[float, BeforeValidator(_volts)]
Outputs = Annotated[tuple[Volts, Volts], TWO, AfterValidator(_ascending)]
Pressures = Annotated[tuple[c.PressurePa, c.PressurePa], TWO, APART]
Temperatures = Annotated[tuple[c.TemperatureMk, c.TemperatureMk], TWO, APART]
Volumes = Annotated[tuple[c.VolumeNl, c.VolumeNl], TWO, APART]
Voltages = Annotated[tuple[c.VoltageMv, c.VoltageMv], TWO, APART]


class PluggedSection(c.Section):
    """What everything has that is plugged in."""

    driver: str
    port: str = Field(default="", description="serial:///PORT?baud=N, tcp://HOST:PORT, visa:NAME")
    frame: str = Field(default="", description=f"of a serial line: {', '.join(FRAMES)}")
    timeout: c.DurationNs = Field(
        default=c.text(f"{ANSWER_S:g} s"), description="for an answer", gt=0, le=MAX_TIMEOUT_NS
    )
    serial_number: str | None = Field(default=None, description="as the instrument itself says it")


class InstrumentSection(PluggedSection):
    """What every instrument has."""

    calibrated: date | None = Field(default=None, description="when")
    calibration_due: date | None = Field(default=None, description="when next")


class BalanceSection(InstrumentSection):
    """The balance under the catheter's beaker."""

    driver: Literal["mt-sics", "laboratory"]
    uncertainty: c.MassUg = Field(default=c.text("1 mg"), description="of a weight", gt=0)
    range: c.MassUg = Field(default=c.text("200 g"), description="as calibrated", gt=0)


class BathSection(InstrumentSection):
    """The circulator that the pump lies in."""

    driver: Literal["julabo", "laboratory"]
    uncertainty: c.DifferenceMk = Field(default=c.text("0.1 K"), description="of its bath", gt=0)


class PressureSection(InstrumentSection):
    """The pressure controller at the catheter's tip."""

    driver: Literal["scpi", "laboratory"]
    uncertainty: c.PressurePa = Field(default=c.text("0.1 kPa"), description="of a value", gt=0)


class SyringeSection(InstrumentSection):
    """Who fills and empties the pump."""

    driver: Literal["operator", "laboratory"]
    barrel: c.VolumeNl = Field(default=c.text("60 mL"), description="of the syringe", gt=0)
    uncertainty: c.VolumeNl = Field(default=c.text("0.2 mL"), description="as read off", gt=0)


class SupplySection(InstrumentSection):
    """The supply in place of the pump's battery."""

    driver: Literal["scpi", "laboratory"]
    uncertainty: c.VoltageMv = Field(default=c.text("5 mV"), description="of a voltage", gt=0)
    current_uncertainty: c.CurrentNa = Field(
        default=c.text("10 uA"), description="of a current", gt=0
    )


class SensorSection(InstrumentSection):
    """A transducer on a channel of a unit that measures volts: two points of a straight line."""

    driver: Literal["scpi"]
    channel: int = Field(description="of the unit, such as 101", ge=0, le=MAX_CHANNEL)
    output: Outputs = Field(description="of the transducer, at two points, the lower one first")


class PressureSensorSection(SensorSection):
    """Of a pressure."""

    range: Pressures = Field(description="at these outputs")
    uncertainty: c.PressurePa = Field(description="of a value", gt=0)


class TemperatureSensorSection(SensorSection):
    """Of a temperature."""

    range: Temperatures = Field(description="at these outputs")
    uncertainty: c.DifferenceMk = Field(description="of a value", gt=0)


class LevelSensorSection(SensorSection):
    """Of a volume."""

    range: Volumes = Field(description="at these outputs")
    uncertainty: c.VolumeNl = Field(description="of a value", gt=0)


class VoltageSensorSection(SensorSection):
    """Of a voltage, perhaps through a divider."""

    range: Voltages = Field(description="at these outputs")
    uncertainty: c.VoltageMv = Field(description="of a value", gt=0)


class SensorsSection(c.Section):
    """What a board measures; pressures are absolute. Without the first three no flow is known."""

    reservoir_pressure: PressureSensorSection
    catheter_pressure: PressureSensorSection
    temperature: TemperatureSensorSection
    catheter_pulse: PressureSensorSection | None = None
    pocket_pressure: PressureSensorSection | None = None
    fill_level: LevelSensorSection | None = None
    battery: VoltageSensorSection | None = None

    def by_table(self) -> "dict[str, SensorSection | RelaySection]":
        """Those that it names, by the names of their tables."""
        found = {f"sensors.{name}": getattr(self, name) for name in SensorsSection.model_fields}
        return {name: section for name, section in found.items() if section is not None}


class RelaySection(PluggedSection):
    """The contact that a board's sounder closes."""

    driver: Literal["scpi"]
    channel: int = Field(description="of the unit, such as 201", ge=0, le=MAX_CHANNEL)


class LimitsSection(c.Section):
    """Beyond these nothing on this rig is ever set."""

    temperature_lowest: c.TemperatureMk = Field(default=c.text("15 degC"), description="bath")
    temperature_highest: c.TemperatureMk = Field(default=c.text("45 degC"), description="bath")
    pressure_lowest: c.PressurePa = Field(
        default=c.text("-20 kPa"), description="outlet, above ambient"
    )
    pressure_highest: c.PressurePa = Field(
        default=c.text("100 kPa"), description="outlet, above ambient"
    )
    voltage_highest: c.VoltageMv = Field(default=c.text("3.6 V"), description="supply", gt=0)
