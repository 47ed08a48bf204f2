"""Flow from pressures and temperature, in integers, as a microcontroller would reckon it.

The restrictor is known by one calibration point: so much water an hour at that pressure difference
and that temperature. Elsewhere the flow follows the pressure difference and the inverse viscosity
(Poiseuille), which compensates temperature and ambient pressure (ENV-01). The bounds hold the truth
while every sensor keeps its declared error (FLW-01). All of it at once would be one long product
over another; divided in between, with the rest kept, the same flow fits 64 bits (DOS-10). What the
table does not reach is clamped, and a missing temperature is 37 degrees Celsius with wide bounds,
never an older reading (ENV-03).
"""

from functools import lru_cache
from typing import Final

from protocol.control import Interval, Readings
from protocol.messages import Configuration
from protocol.vocabulary import Quality

COLDEST_MK: Final = 283_150
HOTTEST_MK: Final = 323_150
VISCOSITY_NPA_S: Final = (
    1_305_902, 1_269_152, 1_234_035, 1_200_455, 1_168_321, 1_137_548, 1_108_059, 1_079_781,
    1_052_647, 1_026_596, 1_001_567, 977_508, 954_367, 932_098, 910_655, 889_997,
    870_085, 850_884, 832_358, 814_475, 797_206, 780_522, 764_396, 748_803,
    733_719, 719_121, 704_990, 691_303, 678_044, 665_193, 652_733, 640_650,
    628_927, 617_549, 606_505, 595_779, 585_360, 575_236, 565_396, 555_830,
    546_527,
)  # fmt: skip
"""Water at 10, 11 … 50 degrees Celsius (IAPWS 2008, supplementary release for liquid water)."""

PRESSURE_ERROR_PA: Final = (150 + 13) + (300 + 13)
"""Noise bound and half a step of the reservoir and the catheter sensor together."""
PRESSURE_DRIFT_PA: Final = 2_000
"""What two sensors may drift apart between calibrations: 0.5 kPa a year each, over two years."""
TEMPERATURE_ERROR_PPM: Final = 4_900
"""Viscosity moves 19,500 ppm/K in a body and 29,000 at 10 degrees Celsius; noise, resolution and
two years' drift are 0.165 K."""
RESTRICTOR_ERROR_PPM: Final = 10_000
"""Calibration and ageing of the restrictor."""
RELATIVE_ERROR_PPM: Final = TEMPERATURE_ERROR_PPM + RESTRICTOR_ERROR_PPM + 100
"""And what one makes of the other."""
FLOW_PERCENT: Final = 30
"""Fever, altitude and calibration move the flow by no more than this (docs/domain.md)."""
UNKNOWN_MK: Final = 310_150
UNKNOWN_PPM: Final = 100_000
"""Without a temperature the pump is taken to be at 37 degrees Celsius, give or take 5 K."""
HIGHEST_PA: Final = 700_000
"""The range of the pressure sensors."""
MILLION: Final = 1_000_000
GOOD, DEGRADED = Quality.GOOD, Quality.DEGRADED
WIDEST_PPM: Final = 50_000
"""Largest error an estimate of good quality may have (parameter e_flow)."""


@lru_cache(maxsize=(HOTTEST_MK - COLDEST_MK) // 10 + 1)  # the steps of the sensor
def viscosity_npa_s(temperature_mk: int) -> int:
    """Viscosity of water, clamped to the table's 10 to 50 degrees Celsius."""
    clamped = min(max(temperature_mk, COLDEST_MK), HOTTEST_MK - 1)
    index, rest_mk = divmod(clamped - COLDEST_MK, 1_000)
    above = VISCOSITY_NPA_S[index]
    return above + (VISCOSITY_NPA_S[index + 1] - above) * rest_mk // 1_000


def fastest_flow(configuration: Configuration) -> int:
    """The flow in nl/h at the largest pressure: totals must hold it for a service life (DOS-10)."""
    calibration_pa = configuration.calibration_pressure_pa
    return configuration.calibration_flow_nl_per_h * HIGHEST_PA // calibration_pa


class FlowModel:
    """The restrictor of one configuration, filled with a liquid of one viscosity."""

    def __init__(self, configuration: Configuration, viscosity_permille: int) -> None:
        """Gather the factors that stay the same from sample to sample."""
        self._calibration_npa_s = viscosity_npa_s(configuration.calibration_temperature_mk)
        self._numerator = configuration.calibration_flow_nl_per_h * 1_000
        self._divisor = configuration.calibration_pressure_pa * viscosity_permille
        self._error = self._by_viscosity(PRESSURE_ERROR_PA + PRESSURE_DRIFT_PA)

    def factors(self) -> tuple[int, ...]:
        """What it reckons with, to be sealed (NVM-04)."""
        return self._calibration_npa_s, self._numerator, self._divisor, self._error

    def _by_viscosity(self, pressure_pa: int) -> int:
        """Flow times viscosity at that pressure, which is the same at every temperature."""
        quotient, rest = divmod(self._numerator * pressure_pa, self._divisor)
        calibration_npa_s = self._calibration_npa_s
        return quotient * calibration_npa_s + rest * calibration_npa_s // self._divisor

    def estimate(self, readings: Readings) -> Interval | None:
        """Flow in nl/h, or None without the pressures. A missing temperature widens the bounds."""
        reservoir_pa = readings.reservoir_pressure_pa
        catheter_pa = readings.catheter_pressure_pa
        temperature_mk = readings.temperature_mk
        if reservoir_pa is None or catheter_pa is None:
            return None
        relative_ppm = RELATIVE_ERROR_PPM
        if temperature_mk is None:
            temperature_mk = UNKNOWN_MK
            relative_ppm += UNKNOWN_PPM
        viscosity = viscosity_npa_s(temperature_mk)
        estimate = self._by_viscosity(reservoir_pa - catheter_pa) // viscosity
        size = estimate if estimate >= 0 else -estimate
        error = self._error // viscosity + 1  # of the pressures; the rest is relative to both
        error += (size + error) * relative_ppm // MILLION + 1
        quality = GOOD if error * MILLION <= size * WIDEST_PPM else DEGRADED
        return tuple.__new__(Interval, (estimate - error, estimate, estimate + error, quality))
