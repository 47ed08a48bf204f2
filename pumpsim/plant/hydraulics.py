"""The flow law with all that does not change between two stimuli worked out beforehand.

Poiseuille: a resistance is its geometry times the viscosity, so a conductance is a constant times
the fluidity of what flows (domain facts, section 2).
"""

from collections.abc import Mapping
from math import sqrt  # the one function of math that IEEE 754 rounds alike everywhere
from typing import Final

from pumpsim.plant import property_data
from pumpsim.plant.parameters import ML, STANDARD_AMBIENT_PA, PumpParameters
from pumpsim.plant.properties import HOTTEST_K, undersaturation, vapour_density_kg_per_m3

DAY_S: Final = 86_400.0
YEAR_NS: Final = 31_557_600 * 1_000_000_000
DISCONNECTED: Final = 0.5
"""From here up the condition `catheter_disconnected` says yes."""
PULSE_LOSS: Final = 10.0
"""A clot of the restrictor's resistance keeps that much of the pulse from the sensor (A)."""


class Hydraulics:
    """One pump in one set of conditions; nothing here changes."""

    __slots__ = (
        "_bellows",
        "_bellows_rate",
        "_capacity_m3",
        "_charge_kg",
        "_densest_kg_per_m3",
        "_loss_kg_per_ns",
        "_pressure_factor",
        "_propellant",
        "_shell_m3",
        "_stop_begins_m3",
        "_stop_stiffness",
        "_vapour",
        "ageing_per_ns",
        "compliance_m3_per_pa",
        "disconnected",
        "gas_j_per_k",
        "inlet_m3",
        "leak_m3_per_s_pa",
        "outlet_m3",
        "pulse_share",
    )

    def __init__(
        self, pump: PumpParameters, conditions: Mapping[str, float], gas_j_per_k: float
    ) -> None:
        """`inlet_m3` and `outlet_m3` are conductance over fluidity, before and behind the sensor.

        `gas_j_per_k` is pressure x volume / temperature of the gas in the reservoir.
        """
        self.gas_j_per_k = gas_j_per_k
        restrictor = pump.restrictor_per_viscosity_per_m3
        clot = conditions["catheter_extra_resistance_ratio"]
        self.inlet_m3 = conditions["restrictor_conductance_factor"] / restrictor
        self.outlet_m3 = 1.0 / (pump.catheter_per_viscosity_per_m3 + clot * restrictor)
        self.ageing_per_ns = pump.restrictor_ageing_per_year / YEAR_NS
        self.compliance_m3_per_pa = pump.catheter_compliance_m3_per_pa
        self.disconnected = conditions["catheter_disconnected"] >= DISCONNECTED
        self.pulse_share = 0.0 if self.disconnected else 1.0 / (1.0 + PULSE_LOSS * clot)
        leak_m3_per_s = conditions["septum_leak_ml_per_day"] * ML / DAY_S
        nominal_pa = pump.nominal_reservoir_pa - STANDARD_AMBIENT_PA
        self.leak_m3_per_s_pa = leak_m3_per_s / nominal_pa
        self._capacity_m3 = pump.capacity_m3
        self._bellows_rate = pump.bellows_rate_pa_per_m3
        self._bellows = -0.5 * pump.bellows_rate_pa_per_m3 * pump.capacity_m3
        self._stop_begins_m3 = pump.stop_begins_m3
        self._stop_stiffness = pump.stop_stiffness_pa_per_m3
        self._propellant = pump.propellant
        self._pressure_factor = conditions["propellant_pressure_factor"]
        self._vapour = property_data.VAPOUR_PRESSURE_PA[pump.propellant]
        self._charge_kg = pump.charge_kg * conditions["propellant_charge_factor"]
        self._loss_kg_per_ns = pump.charge_kg * pump.charge_loss_per_year / YEAR_NS
        self._shell_m3 = pump.shell_gas_m3 + pump.capacity_m3
        self._densest_kg_per_m3 = vapour_density_kg_per_m3(pump.propellant, HOTTEST_K)

    def reservoir_pa(self, liquid_m3: float, pump_k: float, now_ns: int) -> float:
        """Absolute pressure of the drug: the propellant's, the bellows' and its end stops'."""
        x = (pump_k - 303.15) / 30.0
        c0, c1, c2, c3, c4, c5 = self._vapour
        vapour_pa = ((((c5 * x + c4) * x + c3) * x + c2) * x + c1) * x + c0
        left_kg = self._charge_kg - self._loss_kg_per_ns * now_ns
        density_kg_per_m3 = left_kg / (self._shell_m3 - liquid_m3)
        if density_kg_per_m3 < self._densest_kg_per_m3:  # there may be no liquid propellant
            density_kg_per_m3 = max(density_kg_per_m3, 0.0)
            vapour_pa *= undersaturation(self._propellant, pump_k, density_kg_per_m3)
        pressure_pa = vapour_pa * self._pressure_factor
        pressure_pa += self._bellows + self._bellows_rate * liquid_m3
        if self.gas_j_per_k:
            return self._with_gas(pressure_pa, liquid_m3, self.gas_j_per_k * pump_k)
        if liquid_m3 < self._stop_begins_m3:
            pressure_pa -= self._stop_stiffness * (self._stop_begins_m3 - liquid_m3)
        elif liquid_m3 > self._capacity_m3:
            pressure_pa += self._stop_stiffness * (liquid_m3 - self._capacity_m3)
        return pressure_pa if pressure_pa > 0.0 else 0.0

    def _with_gas(self, pressure_pa: float, liquid_m3: float, gas_j: float) -> float:
        """The pressure p at which gas of p x volume = `gas_j` and the bellows come to terms.

        The bellows' pressure rises with the volume by `rate`: a quadratic equation in p, whose
        `rate` is another one at the end stops.
        """
        rate = self._bellows_rate
        free_pa = _positive_root(pressure_pa, rate * gas_j)
        volume_m3 = liquid_m3 + gas_j / free_pa
        if self._stop_begins_m3 <= volume_m3 <= self._capacity_m3:
            return free_pa
        stop_m3 = self._stop_begins_m3 if volume_m3 < self._stop_begins_m3 else self._capacity_m3
        pressure_pa += self._stop_stiffness * (liquid_m3 - stop_m3)
        return _positive_root(pressure_pa, (rate + self._stop_stiffness) * gas_j)


def _positive_root(linear: float, constant: float) -> float:
    """The positive x with x * x = linear * x + constant."""
    return 0.5 * (linear + sqrt(linear * linear + 4.0 * constant))
