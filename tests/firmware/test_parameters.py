"""The parameters in force (docs/requirements.toml) and the code's constants are equal."""

import tomllib
from pathlib import Path

import pytest

from protocol.control import TICKS_PER_S
from pumpsim import device, pumpfile
from pumpsim.firmware import catheter, deviation, environment, fill, persistence, refills, screen
from pumpsim.stimuli import SECOND

ROWS = tomllib.loads(Path("docs/requirements.toml").read_text(encoding="utf-8"))["parameter"]
VALUES = {row["name"]: row["value"] for row in ROWS}
UNITS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "kPa": 1_000, "mL": 10**6, "%": 10}
CONFIGURATION = pumpfile.demo().report().configuration
assert CONFIGURATION is not None
SAMPLE_S = device.SAMPLE_NS // SECOND


def value(name: str) -> float:
    number, unit = VALUES[name].split()[:2]
    return float(number) * UNITS[unit.removesuffix("/min")]


SECONDS = {
    "T_s": SAMPLE_S,
    "T_over": deviation.T_OVER / TICKS_PER_S,
    "T_over_fill": fill.LONG * fill.BUCKET / TICKS_PER_S,
    "T_free_fill": fill.SHORT * fill.BUCKET / TICKS_PER_S,
    "T_settle": refills.T_SETTLE / TICKS_PER_S,
    "T_refill": refills.T_REFILL / TICKS_PER_S,
    "T_refill_interval": CONFIGURATION.refill_interval_s,
    "T_refill_grace": CONFIGURATION.refill_grace_s,
    "T_refill_min": CONFIGURATION.refill_min_interval_s,
    "T_drug": CONFIGURATION.drug_stability_s,
    "T_occ": catheter.T_OCC / TICKS_PER_S,
    "T_disc": catheter.T_DISC / TICKS_PER_S,
    "T_env": environment.T_ENV / TICKS_PER_S,
    "T_press": environment.T_PRESS / TICKS_PER_S,
    "age_max": persistence.AGE_MAX / TICKS_PER_S,
    "P_occ": catheter.P_OCC_PA,
    "P_disc": catheter.P_DISC_PA,
    "P_low": environment.P_LOW_PA,
    "P_high": environment.P_HIGH_PA,
    "V_low": CONFIGURATION.low_volume_nl,
    "V_empty": CONFIGURATION.empty_volume_nl,
    "tol": CONFIGURATION.tolerance_permille,
    "dose_limit": CONFIGURATION.dose_limit_permille,
}


@pytest.mark.parametrize("name", SECONDS)
def test_a_constant_is_the_parameter_in_force(name: str) -> None:
    assert SECONDS[name] == value(name)


def test_parameters_without_a_unit_or_with_a_margin() -> None:
    assert int(VALUES["k_free"]) == deviation.FREE_FLOW_FACTOR
    assert int(VALUES["n_rail"]) == screen.MAX_ABSENT
    assert float(VALUES["T_hot"].split()[0]) * 1_000 + 273_150 == environment.T_HOT_MK
    noise_pa = 2 * (300 + 13)
    assert value("dPdt_max") + noise_pa == environment.DPDT_MAX_PA
    assert value("T_stuck") >= screen.MAX_SAME * SAMPLE_S
    assert value("T_partial") >= catheter.T_PARTIAL / TICKS_PER_S
