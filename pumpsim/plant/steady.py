"""The flow law at rest: what a pump delivers once nothing changes any more.

The same `Hydraulics` that a step of the plant uses, without a catheter that fills or empties: what
leaves the reservoir arrives. It is what bench data, taken at rest, can be laid beside.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pumpsim.plant.conditions import CONDITIONS
from pumpsim.plant.hydraulics import Hydraulics
from pumpsim.plant.parameters import PumpParameters
from pumpsim.plant.properties import water_viscosity_pa_s


class OperatingPoint(NamedTuple):
    """All that the flow of one pump depends on; the outlet's pressure is above ambient."""

    temperature_k: float
    outlet_pa: float
    ambient_pa: float
    volume_m3: float
    viscosity_ratio: float


class SteadyFlow:
    """One new pump, in one set of conditions; those left out are as in a sound pump."""

    def __init__(self, pump: PumpParameters, conditions: Mapping[str, float]) -> None:
        """ValueError for what cannot be a pump comes from its parameters."""
        sound = {name: limit.default for name, limit in CONDITIONS.items()}
        self._hydraulics = Hydraulics(pump, {**sound, **conditions}, gas_j_per_k=0.0)

    def m3_per_s(self, point: OperatingPoint) -> float:
        """Restrictor and catheter in a row, between the drug's pressure and the outlet's."""
        hydraulics = self._hydraulics
        reservoir_pa = hydraulics.reservoir_pa(point.volume_m3, point.temperature_k, 0)
        drive_pa = reservoir_pa - point.ambient_pa - point.outlet_pa
        resistance_per_m3 = 1.0 / hydraulics.inlet_m3 + 1.0 / hydraulics.outlet_m3
        viscosity_pa_s = water_viscosity_pa_s(point.temperature_k) * point.viscosity_ratio
        return drive_pa / (resistance_per_m3 * viscosity_pa_s)
