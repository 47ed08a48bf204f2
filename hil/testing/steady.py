"""A pump that a person can reckon: one restrictor, no drift, no noise but the last digit.

It is written from the facts (docs/domain.md), in floats, and shares nothing with any firmware. The
readings dither by a step of their sensor, since a real channel never repeats itself for long.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from protocol import messages as m
from protocol.control import Readings
from protocol.vocabulary import Propellant

ANTOINE: Final = {
    Propellant.UNKNOWN: (6.0591, 999.3151, 247.0728),
    Propellant.N_BUTANE: (6.0591, 999.3151, 247.0728),
    Propellant.ISOBUTANE: (6.0638, 977.0392, 252.6533),
    Propellant.R_11: (6.0176, 1046.2405, 237.0784),
    Propellant.R_114: (6.0434, 987.5060, 241.0182),
    Propellant.R_123: (6.0434, 1034.8379, 228.4739),
    Propellant.PERFLUOROBUTANE: (6.0731, 955.2184, 236.9807),
}
"""log10 of kPa: A - B / (t + C), t in degrees Celsius; what is not known is n-butane."""
KELVIN_MK: Final = 273_150
BODY_MK: Final = 310_150
FLUIDITY_PER_K: Final = 0.0195
"""Water flows so much more easily with each kelvin, at 37 degrees Celsius."""
SEA_LEVEL_PA: Final = 101_300
ARTERY_PA: Final = 12_400
BATTERY_MV: Final = 2_900
LEVEL_ERROR_NL: Final = 247_500
"""What the fill level may be off while its sensor keeps its declared error."""
LEVEL_OFF_NL: Final = 225_000
"""Of that, what noise and the last digit of a reading leave for a bias."""
START_S: Final = 1_767_225_600
MINUTES_PER_H: Final = 60
STEPS: Final = (-2, 1, -1, 2, 0)
"""Of a sensor, in turn: their mean is nothing."""

CONFIGURATION: Final = m.Configuration(
    model="desk",
    capacity_nl=30_000_000,
    calibration_flow_nl_per_h=54_000,
    calibration_pressure_pa=234_000,
    calibration_temperature_mk=BODY_MK,
    nominal_flow_nl_per_h=54_000,
    tolerance_permille=150,
    low_volume_nl=3_000_000,
    empty_volume_nl=1_000_000,
    catheter_volume_nl=170_000,
    refill_interval_s=14 * 86_400,
    refill_grace_s=2 * 86_400,
    refill_min_interval_s=7 * 86_400,
    drug_stability_s=30 * 86_400,
    propellant=Propellant.N_BUTANE,
    bellows_rate_pa_per_ml=0,
    catheter_compliance_nl_per_kpa=1_000,
    dose_limit_permille=1_250,
    plan=(),
)
REFILL: Final = m.Refill(
    withdrawn_nl=0,
    filled_nl=28_000_000,
    drug="FUDR",
    concentration_ng_per_ml=5_000_000,
    viscosity_permille=1_000,
    batch="A1",
)
USUAL: Final = Readings(
    sequence=0,
    reservoir_pressure_pa=347_775,
    catheter_pressure_pa=113_700,
    catheter_pulse_pa=2_700,
    pocket_pressure_pa=SEA_LEVEL_PA,
    temperature_mk=BODY_MK,
    fill_level_nl=28_000_000,
    battery_mv=BATTERY_MV,
    rtc_s=START_S,
    rtc_valid=True,
)
"""What the sensors of such a pump say, just filled."""


def propellant_pa(temperature_mk: float, propellant: Propellant) -> float:
    """Vapour pressure, absolute."""
    a, b, c = ANTOINE[propellant]
    celsius = (temperature_mk - KELVIN_MK) / 1e3
    return float(10 ** (a - b / (celsius + c)) * 1e3)


@dataclass
class SteadyPump:
    """What is true now; change a field and it is true from then on.

    `restrictor` is how much faster it is than calibrated; `leak_nl_per_h` leaves beside it.
    """

    level_nl: float = 28_000_000.0
    temperature_mk: float = BODY_MK
    pocket_pa: float = SEA_LEVEL_PA
    artery_pa: float = ARTERY_PA  # at the catheter's tip, above the pocket
    restrictor: float = 1.0
    leak_nl_per_h: float = 0.0
    viscosity: float = 1.0
    battery_mv: int = BATTERY_MV
    rtc_off_s: int = 0
    rtc_valid: bool = True
    bias: Mapping[str, int] = field(default_factory=dict)  # of channels, in their units
    reads: Mapping[str, int | None] = field(default_factory=dict)  # whatever is true
    calibration: m.Configuration = CONFIGURATION

    def reservoir_pa(self) -> float:
        """Absolute: the propellant's, and the bellows', which are at rest half full."""
        made = self.calibration
        stretched_ml = (self.level_nl - made.capacity_nl / 2) / 1e6
        vapour_pa = propellant_pa(self.temperature_mk, made.propellant)
        return vapour_pa + made.bellows_rate_pa_per_ml * stretched_ml

    def catheter_pa(self) -> float:
        """Absolute."""
        return self.pocket_pa + self.artery_pa

    def explained_nl_per_h(self) -> float:
        """What the pressures tell of the flow, by Poiseuille; the restrictor as calibrated."""
        made = self.calibration
        drop = (self.reservoir_pa() - self.catheter_pa()) / made.calibration_pressure_pa
        warmth = (self.temperature_mk - made.calibration_temperature_mk) / 1e3
        fluidity = (1.0 + FLUIDITY_PER_K * warmth) / self.viscosity
        return made.calibration_flow_nl_per_h * drop * fluidity

    def flow_nl_per_h(self) -> float:
        """What leaves at the tip, in truth."""
        return self.explained_nl_per_h() * self.restrictor

    def pass_minute(self, minutes: int = 1) -> float:
        """A minute of flow, or more; the volume that left at the tip, in nl."""
        volume_nl = minutes * self.flow_nl_per_h() / MINUTES_PER_H
        self.level_nl -= volume_nl + minutes * self.leak_nl_per_h / MINUTES_PER_H
        return volume_nl

    def readings(self, sequence: int, now_s: float) -> Readings:
        """What the sensors say, in their own steps."""
        n = sequence
        values: dict[str, int | None] = {
            "reservoir_pressure_pa": _step(self.reservoir_pa(), 25, n),
            "catheter_pressure_pa": _step(self.catheter_pa(), 25, 3 * n + 1),
            "catheter_pulse_pa": _step(2_700, 25, 2 * n),
            "pocket_pressure_pa": _step(self.pocket_pa, 25, 3 * n + 1),
            "temperature_mk": _step(self.temperature_mk, 10, 4 * n),
            "fill_level_nl": _step(self.level_nl, 5_000, 2 * n + 3),
            "battery_mv": _step(self.battery_mv, 1, n + 2),
            "rtc_s": START_S + int(now_s) + self.rtc_off_s,
        }
        for channel, off in self.bias.items():
            values[channel] = (values[channel] or 0) + off
        values |= self.reads
        return Readings(sequence=sequence, rtc_valid=self.rtc_valid, **values)


def _step(value: float, step: int, turn: int) -> int:
    return round(value / step) * step + step * STEPS[turn % len(STEPS)]
