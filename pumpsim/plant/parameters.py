"""What a pump and a patient are made of, in SI units, with the defaults of the default pump.

Marks: S from a public source, C calculated, A assumed (docs/domain.md names them one by one).
"""

from dataclasses import dataclass
from typing import Any, Final

from pumpsim.plant.properties import (
    PROPELLANTS,
    vapour_density_kg_per_m3,
    vapour_pressure_pa,
    water_viscosity_pa_s,
)

STANDARD_AMBIENT_PA: Final = 101_325.0
MEAN_ARTERIAL_PA: Final = 12_399.0
"""93 mmHg above ambient."""
BODY_K: Final = 310.15
PI: Final = 3.141592653589793
ML: Final = 1e-6
"""One millilitre in cubic metres."""

PUMP_BOUNDS: Final = (
    ("nominal_flow_m3_per_s", 1e-13, 1e-8),
    ("capacity_m3", 1 * ML, 200 * ML),
    ("unreachable_m3", 0.0, 10 * ML),
    ("stop_begins_m3", 0.0, 10 * ML),
    ("bellows_rate_pa_per_m3", 0.0, 1e3 / ML),
    ("charge_ratio", 1.0, 10.0),
    ("shell_gas_m3", 0.01 * ML, 100 * ML),
    ("thermal_time_s", 60.0, 86_400.0),
    ("heat_capacity_j_per_k", 1.0, 10_000.0),
    ("catheter_length_m", 0.01, 2.0),
    ("catheter_bore_m", 0.1e-3, 3e-3),
    ("catheter_compliance_m3_per_pa", 1e-18, 1e-3 * ML / 100),
    ("restrictor_ageing_per_year", 0.0, 1.0),
    ("charge_loss_per_year", 0.0, 12.0),
)
"""(field, lowest, highest), both allowed. A faster thermal time would outrun the steps."""
PATIENT_BOUNDS: Final = (
    ("body_temperature_k", 303.15, 316.15),
    ("circadian_amplitude_k", 0.0, 2.0),
    ("circadian_peak_s", 0.0, 86_400.0),
    ("arterial_pressure_pa", 0.0, 40_000.0),
    ("arterial_variation_pa", 0.0, 10_000.0),
    ("pulse_amplitude_pa", 0.0, 20_000.0),
    ("posture_pa", 0.0, 10_000.0),
    ("weather_pa", 0.0, 10_000.0),
    ("altitude_m", -400.0, 4_000.0),
)
"""Likewise for the patient."""


@dataclass(frozen=True, slots=True)
class PumpParameters:
    """The hydraulic pump.

    The nominal flow fixes the restrictor: it is the flow of water at 37 degrees Celsius, at sea
    level, against a mean artery, with the reservoir half full.
    """

    propellant: str = "n-butane"
    nominal_flow_m3_per_s: float = 1.3e-6 / 86_400  # S: about 1 mL/day in HAI practice
    capacity_m3: float = 30 * ML  # S
    unreachable_m3: float = 0.6 * ML  # A: a needle leaves that behind
    stop_begins_m3: float = 0.9 * ML  # S: the rate holds until about 97 % is delivered
    stop_ends_m3: float = 0.55 * ML  # A: the bellows' end stop bears all the driving pressure
    bellows_rate_pa_per_m3: float = 100 / ML  # A
    charge_ratio: float = 2.5  # A: over what the emptied pump needs at 37 degrees Celsius
    shell_gas_m3: float = 2 * ML  # A: gas space when the reservoir is full
    thermal_time_s: float = 1_200.0  # A
    heat_capacity_j_per_k: float = 90.0  # A: titanium and propellant
    catheter_length_m: float = 0.6  # S
    catheter_bore_m: float = 0.6e-3  # S
    catheter_compliance_m3_per_pa: float = 1e-3 * ML / 1e3  # A: 10^-3 mL/kPa
    restrictor_ageing_per_year: float = 0.0  # A: relative change of its resistance
    charge_loss_per_year: float = 0.0  # A: relative to the charge when new

    def __post_init__(self) -> None:
        """Refuse what cannot be a pump; ValueError names the field."""
        if self.propellant not in PROPELLANTS:
            message = f"propellant {self.propellant!r} is none of {', '.join(PROPELLANTS)}"
            raise ValueError(message)
        _check(self, PUMP_BOUNDS)
        if not 0 < self.stop_ends_m3 < self.stop_begins_m3 < self.capacity_m3:
            message = "0 < stop_ends_m3 < stop_begins_m3 < capacity_m3 does not hold"
            raise ValueError(message)

    @property
    def nominal_driving_pa(self) -> float:
        """Pressure difference at the nominal point."""
        return self.nominal_reservoir_pa - STANDARD_AMBIENT_PA - MEAN_ARTERIAL_PA

    @property
    def nominal_reservoir_pa(self) -> float:
        """Absolute pressure in the half full reservoir at 37 degrees Celsius."""
        return vapour_pressure_pa(self.propellant, BODY_K)

    @property
    def charge_kg(self) -> float:
        """Mass of propellant when new; a multiple of the vapour that fills the emptied pump."""
        density_kg_per_m3 = vapour_density_kg_per_m3(self.propellant, BODY_K)
        return self.charge_ratio * density_kg_per_m3 * (self.shell_gas_m3 + self.capacity_m3)

    @property
    def stop_stiffness_pa_per_m3(self) -> float:
        """What the bellows' end stop takes off the pressure, per volume that is missing."""
        return self.nominal_driving_pa / (self.stop_begins_m3 - self.stop_ends_m3)

    @property
    def catheter_per_viscosity_per_m3(self) -> float:
        """Catheter resistance over viscosity: 128 L / (pi d^4) (Poiseuille)."""
        bore_m2 = self.catheter_bore_m * self.catheter_bore_m
        return 128.0 * self.catheter_length_m / (PI * (bore_m2 * bore_m2))

    @property
    def restrictor_per_viscosity_per_m3(self) -> float:
        """Restrictor and filter resistance over viscosity, from the nominal point."""
        total = self.nominal_driving_pa / self.nominal_flow_m3_per_s
        return total / water_viscosity_pa_s(BODY_K) - self.catheter_per_viscosity_per_m3

    @property
    def catheter_volume_m3(self) -> float:
        """Dead volume from restrictor to tip, without overpressure."""
        return PI / 4.0 * (self.catheter_bore_m * self.catheter_bore_m) * self.catheter_length_m


@dataclass(frozen=True, slots=True)
class PatientParameters:
    """The patient and the weather; amplitudes are bounds where a process is random."""

    body_temperature_k: float = BODY_K
    circadian_amplitude_k: float = 0.35  # A
    circadian_peak_s: float = 18 * 3600.0  # A: warmest at 18:00; a run begins at midnight
    arterial_pressure_pa: float = MEAN_ARTERIAL_PA
    arterial_variation_pa: float = 1_300.0  # A: +-10 mmHg over ten minutes and more
    pulse_amplitude_pa: float = 2_700.0  # A
    posture_pa: float = 1_500.0  # domain facts, section 4: moves the catheter +-1.5 kPa
    weather_pa: float = 2_000.0  # A
    altitude_m: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be a patient; ValueError names the field."""
        _check(self, PATIENT_BOUNDS)


def _check(parameters: Any, bounds: tuple[tuple[str, float, float], ...]) -> None:
    for name, lowest, highest in bounds:
        value = getattr(parameters, name)
        if not lowest <= value <= highest:
            message = f"{name} must lie in {lowest:g} to {highest:g}, not {value:g}"
            raise ValueError(message)
