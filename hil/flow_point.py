"""A measured flow and what it was measured in: what a bench gives, and a pump model is fitted to.

Flows in nL/h, as on the link. Uncertainties are expanded, k = 2.
"""

from typing import NamedTuple


class Surroundings(NamedTuple):
    """What a flow was measured in; the outlet's pressure is above ambient, the ambient absolute."""

    temperature_mk: float
    outlet_pressure_pa: float
    ambient_pressure_pa: float
    volume_nl: float
    viscosity_permille: float


class FlowPoint(NamedTuple):
    """One measured flow.

    `uncertainty_nl_per_h` is of this flow by itself, None where nobody knows;
    `shared_nl_per_h` of all of them together: one density, one thermometer.
    """

    flow_nl_per_h: float
    surroundings: Surroundings
    uncertainty_nl_per_h: float | None = None
    shared_nl_per_h: float = 0.0
    place: str = ""  # file and line, for whoever complains
