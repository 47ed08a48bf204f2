"""The pump model of a pump file, as a function that can be fitted to measured flows.

Flows in nL/h, as on the link; the three parameters that a bench can tell have the names, units and
bounds that a pump file gives them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple

from hil.errors import LocalError
from hil.flow_point import Surroundings
from protocol.configfile import ConfigError, Quantity, read
from pumpsim.plant.parameters import (
    BODY_K,
    MEAN_ARTERIAL_PA,
    ML,
    STANDARD_AMBIENT_PA,
    PumpParameters,
)
from pumpsim.plant.steady import OperatingPoint, SteadyFlow
from pumpsim.pumpfile import PumpFile, load
from pumpsim.rewrite import rewritten

NL_PER_H: Final = 3_600e12
"""Of a flow of 1 m3/s."""
DIGITS: Final = 6
"""Significant ones that a fitted value is written with."""


class Parameter(NamedTuple):
    """One key of a pump file's [pump] table."""

    key: str
    unit: str
    lowest: float
    highest: float
    typical: float
    meaning: str


RESTRICTOR: Final = Parameter(
    "restrictor_conductance_factor", "1", 1e-3, 100.0, 1.0, "conductance of the restrictor"
)
PROPELLANT: Final = Parameter(
    "propellant_pressure_factor", "1", 1e-2, 2.0, 1.0, "pressure of the propellant"
)
BELLOWS: Final = Parameter(
    "bellows_rate", "Pa/mL", 0.0, 1_000.0, 100.0, "reservoir pressure gained with volume"
)
PARAMETERS: Final = (RESTRICTOR, PROPELLANT, BELLOWS)


@dataclass(frozen=True)
class PumpModel:
    """A pump file, and the flow law with its values."""

    path: Path
    text: str
    file: PumpFile
    _pump: PumpParameters

    @classmethod
    def load(cls, path: Path) -> "PumpModel":
        """LocalError when it is no pump file."""
        try:
            text, file = read(path), load(path)
        except ConfigError as error:
            raise LocalError(str(error)) from None
        return cls(path, text, file, file.plant_parameters())

    @property
    def id(self) -> str:
        """The device id."""
        return self.file.id

    @property
    def capacity_nl(self) -> int:
        """Of the reservoir."""
        return self.file.pump.capacity

    @property
    def viscosity_permille(self) -> int:
        """Of the fill in the file, against water."""
        return round(self.file.fill.viscosity_ratio * 1_000)

    @property
    def present(self) -> dict[str, float]:
        """The parameters' values in the file."""
        pump = self.file.pump
        return {
            RESTRICTOR.key: pump.restrictor_conductance_factor,
            PROPELLANT.key: pump.propellant_pressure_factor,
            BELLOWS.key: pump.bellows_rate * ML,
        }

    @property
    def nominal(self) -> Surroundings:
        """Where the label's flow holds: water, 37 degC, sea level, mean artery, half full."""
        return Surroundings(
            BODY_K * 1e3, MEAN_ARTERIAL_PA, STANDARD_AMBIENT_PA, 0.5 * self.capacity_nl, 1_000.0
        )

    def flows_nl_per_h(
        self, values: Mapping[str, float], points: Sequence[Surroundings]
    ) -> list[float]:
        """The flow at each point, at rest, with these values of all parameters."""
        pump = replace(self._pump, bellows_rate_pa_per_m3=values[BELLOWS.key] / ML)
        conditions = {one.key: values[one.key] for one in (RESTRICTOR, PROPELLANT)}
        law = SteadyFlow(pump, conditions)
        return [law.m3_per_s(_si(point)) * NL_PER_H for point in points]

    def fitted(self, values: Mapping[str, float]) -> str:
        """The pump file with these values in it and all else as it was; LocalError if it cannot."""
        try:
            texts = {key: _toml(key, value) for key, value in values.items()}
            return rewritten(self.path, self.text, "pump", texts)
        except ConfigError as error:
            raise LocalError(str(error)) from None


def _si(point: Surroundings) -> OperatingPoint:
    return OperatingPoint(
        point.temperature_mk / 1e3,
        point.outlet_pressure_pa,
        point.ambient_pressure_pa,
        point.volume_nl * 1e-12,
        point.viscosity_permille / 1e3,
    )


def _toml(key: str, value: float) -> str:
    rounded = float(f"{value:.{DIGITS}g}")
    if key == BELLOWS.key:
        return f'"{Quantity("stiffness").write(round(rounded / ML))}"'
    return repr(rounded)
