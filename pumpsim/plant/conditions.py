"""What can be wrong with the hydraulics, or worn: one closed table."""

from typing import Final, NamedTuple


class ConditionLimit(NamedTuple):
    """What a plant condition is without a fault, and how far it can be set."""

    default: float
    lowest: float
    highest: float


CONDITIONS: Final = {
    "restrictor_conductance_factor": ConditionLimit(1.0, 0.0, 100.0),
    "catheter_extra_resistance_ratio": ConditionLimit(0.0, 0.0, 1e6),
    "catheter_disconnected": ConditionLimit(0.0, 0.0, 1.0),
    "septum_leak_ml_per_day": ConditionLimit(0.0, 0.0, 1_000.0),
    "propellant_pressure_factor": ConditionLimit(1.0, 0.0, 2.0),
    "propellant_charge_factor": ConditionLimit(1.0, 0.0, 1.0),
}
"""Faults and wear of the hydraulics that a laboratory can set (domain facts, section 4).

- restrictor_conductance_factor: 1.3 is a fast restrictor, 0.7 a clogged one, 0 a flow stop.
- catheter_extra_resistance_ratio: a clot at the tip, in units of the restrictor's resistance;
  0.25 is a partial occlusion, 1e6 a complete one.
- catheter_disconnected: from 0.5 up the catheter ends in the tissue.
- septum_leak_ml_per_day: at the nominal pressure; it follows the pressure across the septum.
- propellant_pressure_factor: of the vapour pressure, as after a loss of the right mixture.
- propellant_charge_factor: of the propellant's mass; the pressure falls once no liquid is left.
"""


def check_condition(name: str, value: float) -> None:
    """ValueError with a sentence when a condition cannot be set so."""
    limit = CONDITIONS.get(name)
    if limit is None:
        message = f"{name!r} is none of {', '.join(CONDITIONS)}"
        raise ValueError(message)
    if not limit.lowest <= value <= limit.highest:
        message = f"{name} must lie in {limit.lowest:g} to {limit.highest:g}, not {value}"
        raise ValueError(message)
