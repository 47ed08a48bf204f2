"""What is compared. A signal's name ends in its unit."""

from collections.abc import Mapping
from typing import Any, Final

from protocol import messages as m
from protocol.configfile import suggest

NL_PER_H: Final = 3_600e12
"""Of a flow of 1 m3/s."""
NL_PER_M3: Final = 1e12
FL_PER_NL: Final = 1e6
ALL: Final = "all"
"""Stands for every signal where a tolerance is set."""
ALARMS: Final = "alarms_s"
"""How far the instants may lie apart at which an alarm is raised, or ends."""
SOUNDER: Final = "sounder_level"
WITHDRAWN: Final = "act_withdrawn_nl"

READINGS: Final = (
    "reading_reservoir_pressure_pa",
    "reading_catheter_pressure_pa",
    "reading_catheter_pulse_pa",
    "reading_pocket_pressure_pa",
    "reading_temperature_mk",
    "reading_fill_level_nl",
    "reading_battery_mv",
    "reading_rtc_s",
)
BELIEFS: Final = (
    "belief_flow_nl_per_h",
    "belief_residual_volume_nl",
    "belief_delivered_total_nl",
    "belief_dose_total_ng",
    "belief_refill_due_in_s",
)
TRUTHS: Final = (
    "truth_flow_nl_per_h",
    "truth_reservoir_volume_nl",
    "truth_delivered_nl",
    "truth_temperature_mk",
    "truth_reservoir_pressure_pa",
    "truth_outlet_pressure_pa",
)
NAMES: Final = (*READINGS, *BELIEFS, *TRUTHS, ALARMS, SOUNDER, WITHDRAWN)
UNITS: Final = {
    "pa": "Pa",
    "mk": "mK",
    "nl": "nL",
    "h": "nL/h",
    "mv": "mV",
    "s": "s",
    "ng": "ng",
    "level": "level",
}

Values = dict[str, float | None]


def unit(signal: str) -> str:
    """That its name ends in."""
    return UNITS[signal.rpartition("_")[2]]


def why_not(signal: str) -> str | None:
    """Why there can be no tolerance for it, with the way out; None when there can."""
    known = [*NAMES, ALL]
    if signal in known:
        return None
    return f"no such signal; {suggest(signal, known)}"


def of_readings(readings: m.ReadingsPart) -> Values:
    """A sample's, as the converter gave it."""
    return {name: getattr(readings, name.partition("_")[2]) for name in READINGS}


def of_status(status: m.StatusPart) -> Values:
    """What the pump believes; of an estimate, the most plausible value."""
    values: Values = {}
    for name in BELIEFS:
        value = getattr(status, name.partition("_")[2])
        values[name] = value.estimate if isinstance(value, m.Estimate) else value
    return values


def of_truth(truth: Mapping[str, Any]) -> Values:
    """What the laboratory knows."""
    state, ledger = truth["state"], truth["ledger"]
    return {
        "truth_flow_nl_per_h": state["flow_m3_per_s"] * NL_PER_H,
        "truth_reservoir_volume_nl": state["reservoir_volume_m3"] * NL_PER_M3,
        "truth_delivered_nl": ledger["delivered_fl"] / FL_PER_NL,
        "truth_temperature_mk": state["pump_temperature_k"] * 1e3,
        "truth_reservoir_pressure_pa": state["reservoir_pressure_pa"],
        "truth_outlet_pressure_pa": state["outlet_pressure_pa"],
        SOUNDER: float(truth["actuation"]["sounder"]),
    }
