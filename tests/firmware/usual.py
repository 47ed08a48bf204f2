"""A configured pump, its refill and a sample at its calibration point: shared by tests."""

from protocol import messages as m
from protocol.control import Readings
from protocol.vocabulary import Propellant

CONFIGURATION = m.Configuration(
    model="test",
    capacity_nl=30_000_000,
    calibration_flow_nl_per_h=54_000,
    calibration_pressure_pa=234_000,
    calibration_temperature_mk=310_150,
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
    bellows_rate_pa_per_ml=100,
    catheter_compliance_nl_per_kpa=1_000,
    dose_limit_permille=1_250,
    plan=(),
)
REFILL = m.Refill(
    withdrawn_nl=0,
    filled_nl=28_000_000,
    drug="FUDR",
    concentration_ng_per_ml=5_000_000,
    viscosity_permille=1_000,
    batch="A1",
)


USUAL = Readings(
    sequence=0,
    reservoir_pressure_pa=347_700,
    catheter_pressure_pa=113_700,
    catheter_pulse_pa=2_700,
    pocket_pressure_pa=101_300,
    temperature_mk=310_150,
    fill_level_nl=28_000_000,
    battery_mv=2_900,
    rtc_s=1_767_225_600,
    rtc_valid=True,
)
"""A sample at the calibration point."""
