"""Truth beside belief at one instant: the plant as it is, and what the device makes of it.

A row is what is true, what the device believes or reads, and by how much that is off: integers in
the unit that ends the row's name, rounded to the nearest; None is what the device cannot tell. The
plant moves on a grid: its truth is of its last step, at most a minute ago, and so are the beliefs.
"""

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from protocol.control import Beliefs, Between, Interval

if TYPE_CHECKING:
    from pumpsim.device import Device

Row = dict[str, Any]
FL_PER_NL: Final = 1_000_000
NL_PER_H: Final = 3_600e12
"""Of a flow of 1 m3/s."""
NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
PRESSURES: Final = ("reservoir_pressure_pa", "catheter_pressure_pa", "pocket_pressure_pa")


def compare(device: "Device") -> dict[str, Row]:
    """Every quantity that both sides know, by name."""
    return {**_measured(device), **_counted(device), **_sensed(device), **_timed(device)}


def in_words(value: Any) -> Any:
    """Tuples of the control contract as JSON takes them: names for enumerations, objects by field.

    A type that JSON has no word for is left to fail.
    """
    if isinstance(value, IntEnum):
        return value.name.lower()
    if hasattr(value, "_asdict"):
        return {name: in_words(part) for name, part in value._asdict().items()}
    return [in_words(part) for part in value] if isinstance(value, tuple) else value


def _measured(device: "Device") -> dict[str, Row]:
    beliefs = device.beliefs
    flow = residual = None
    if beliefs is not None:
        flow, residual = beliefs.flow_nl_per_h, beliefs.residual_volume_nl
    return {
        "flow_nl_per_h": _estimated(round(device.plant.state.flow_m3_per_s * NL_PER_H), flow),
        "residual_nl": _estimated(device.plant.ledger.reservoir_fl // FL_PER_NL, residual),
    }


def _counted(device: "Device") -> dict[str, Row]:
    plant, beliefs = device.plant, device.beliefs
    given_nl = plant.given_fl // FL_PER_NL
    delivered = _bounded(given_nl, None, None)
    if beliefs is not None:
        delivered = _bounded(given_nl, beliefs.delivered_total_nl, beliefs.delivered_between_nl)
    return {"delivered_nl": delivered, "doses_ng": _doses(plant.ledger.doses_ng(), beliefs)}


def _doses(truth: dict[str, int], beliefs: Beliefs | None) -> dict[str, Row]:
    """By drug; the device tells the dose of the one in its reservoir only."""
    rows = {drug: _bounded(dose_ng, None, None) for drug, dose_ng in truth.items()}
    if beliefs is not None and beliefs.drug:
        told = beliefs.dose_total_ng, beliefs.dose_between_ng
        rows[beliefs.drug] = _bounded(truth.get(beliefs.drug, 0), *told)
    return dict(sorted(rows.items()))


def _sensed(device: "Device") -> dict[str, Row]:
    """What the sensors should read, and what they read last."""
    state, readings = device.plant.state, device.readings
    truths = {name: round(getattr(state, name)) for name in PRESSURES}
    truths["temperature_mk"] = round(state.pump_temperature_k * 1_000)
    return {name: _row(truth, getattr(readings, name, None)) for name, truth in truths.items()}


def _timed(device: "Device") -> dict[str, Row]:
    """The calendar, and the device's own count of the time since it was made."""
    now_ns, clock = device.now_ns, device.oscillator
    calendar_s = int(device.pump.clock.start.timestamp()) + now_ns // NS_PER_S
    return {
        "clock_s": {**_row(calendar_s, clock.rtc_s(now_ns)), "valid": clock.rtc_valid},
        "counted_ms": _row(now_ns // NS_PER_MS, clock.life_ms(now_ns)),
    }


def _row(truth: int, belief: int | None) -> Row:
    difference = None if belief is None else belief - truth
    return {"truth": truth, "belief": belief, "difference": difference}


def bounds(between: Between | None) -> Row:
    """What a row tells of them; None where there are none."""
    low, high = (None, None) if between is None else between
    return {"low": low, "high": high}


def _bounded(truth: int, belief: int | None, between: Between | None) -> Row:
    return {**_row(truth, belief), **bounds(between)}


def _estimated(truth: int, interval: Interval | None) -> Row:
    if interval is None:
        return {**_row(truth, None), "low": None, "high": None, "quality": None}
    bounds = {"low": interval.low, "high": interval.high, "quality": in_words(interval.quality)}
    return {**_row(truth, interval.estimate), **bounds}
