"""The flow law with all that does not change between two stimuli worked out beforehand.

Poiseuille: a resistance is its geometry times the viscosity, so a conductance is a constant times
the fluidity of what flows (domain facts, section 2).
"""

from collections.abc import Mapping
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
        "_loss_kg_per_ns",
        "_pressure_factor",
        "_propellant",
        "_scarce",
        "_shell_m3",
        "_stop_begins_m3",
        "_stop_stiffness",
        "_vapour",
        "ageing_per_ns",
        "compliance_m3_per_pa",
        "disconnected",
        "inlet_m3",
        "leak_m3_per_s_pa",
        "outlet_m3",
        "pulse_share",
    )

    def __init__(self, pump: PumpParameters, conditions: Mapping[str, float]) -> None:
        """`inlet_m3`, `outlet_m3`: conductance over fluidity, before and behind the sensor."""
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
        self._loss_kg_per_ns = pump.charge_loss_kg_per_year / YEAR_NS
        self._shell_m3 = pump.shell_gas_m3 + pump.capacity_m3
        most_kg = vapour_density_kg_per_m3(pump.propellant, HOTTEST_K) * self._shell_m3
        self._scarce = self._loss_kg_per_ns > 0.0 or self._charge_kg < most_kg

    def reservoir_pa(self, volume_m3: float, pump_k: float, now_ns: int) -> float:
        """Absolute pressure of the drug: the propellant's, the bellows' and its end stops'."""
        x = (pump_k - 303.15) / 30.0
        c0, c1, c2, c3, c4, c5 = self._vapour
        vapour_pa = ((((c5 * x + c4) * x + c3) * x + c2) * x + c1) * x + c0
        if self._scarce:
            left_kg = max(self._charge_kg - self._loss_kg_per_ns * now_ns, 0.0)
            density_kg_per_m3 = left_kg / (self._shell_m3 - volume_m3)
            vapour_pa *= undersaturation(self._propellant, pump_k, density_kg_per_m3)
        pressure_pa = vapour_pa * self._pressure_factor
        pressure_pa += self._bellows + self._bellows_rate * volume_m3
        if volume_m3 < self._stop_begins_m3:
            pressure_pa -= self._stop_stiffness * (self._stop_begins_m3 - volume_m3)
        elif volume_m3 > self._capacity_m3:
            pressure_pa += self._stop_stiffness * (volume_m3 - self._capacity_m3)
        return pressure_pa if pressure_pa > 0.0 else 0.0
