"""What was done at a desk, as a scenario acts it out on an emulated pump.

A desk sets the truth; a laboratory has a bath, a pressure controller and a chamber for it. The pump
they act on has noise and inertia of its own: what is exact at the desk is near there.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from protocol import messages as m
from protocol.codec import to_json
from protocol.control import Readings
from protocol.messages import header_type

Event = tuple[float, Mapping[str, Any]]
KELVIN_K: Final = 273.15
BATTERY_MV: Final = 2_900
CHANNELS: Final = frozenset(Readings._fields) - {"sequence", "rtc_s", "rtc_valid"}
"""What a sensor fault can strike."""
BELLOWS_PA_PER_ML: Final = 100
"""Of the emulated pump; the desk's has none."""


def configured(configuration: m.Configuration) -> Mapping[str, Any]:
    """The desk's configuration, for the emulated pump."""
    own = configuration.model_copy(update={"bellows_rate_pa_per_ml": BELLOWS_PA_PER_ML})
    return requested(m.WriteConfiguration(base_config_id=1, configuration=own))


def filled(refill: m.Refill) -> Mapping[str, Any]:
    """The [fill] table of a pump file."""
    return {
        "drug": refill.drug,
        "concentration": f"{refill.concentration_ng_per_ml} ng/mL",
        "viscosity_ratio": refill.viscosity_permille / 1e3,
        "volume": f"{refill.filled_nl} nL",
        "batch": refill.batch,
    }


def requested(body: m.Body) -> Mapping[str, Any]:
    """A message as an event of a scenario."""
    fields = header_type(type(body)).model_fields
    header = header_type(type(body))(**dict.fromkeys(fields, 0))
    content = json.loads(to_json(m.Packet(header, body)))
    plain = {key: value for key, value in content.items() if key not in fields}
    return {"kind": "request", "send": json.dumps(plain)}


def acted(before: Any, truth: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The stimuli that make a `SteadyPump` as it was `before` what is true from now on."""
    for name, value in truth.items():
        yield from _ACTS[name](before, value)


def _level(before: Any, value: float) -> Iterator[Mapping[str, Any]]:
    moved_nl = round(value - before.level_nl)
    if moved_nl < 0:
        yield {"kind": "withdraw", "volume": f"{-moved_nl} nL"}
    elif moved_nl > 0:
        liquid = {"drug": "FUDR", "concentration": "5 mg/mL"}
        yield {"kind": "fill", "volume": f"{moved_nl} nL", **liquid}


def _reads(before: Any, value: Mapping[str, int | None]) -> Iterator[Mapping[str, Any]]:
    for channel in before.reads:
        if channel not in value and channel in CHANNELS:
            yield {"kind": "sensor_fault", "channel": channel}
    for channel, reading in value.items():
        if channel in CHANNELS:
            how = {"missing": True} if reading is None else {"stuck_at": reading}
            yield {"kind": "sensor_fault", "channel": channel, **how}


def _bias(before: Any, value: Mapping[str, int]) -> Iterator[Mapping[str, Any]]:
    for channel in {**before.bias, **value}:
        off = value.get(channel, 0)
        yield {"kind": "sensor_fault", "channel": channel, "bias": off}


def _clock(before: Any, value: int) -> Iterator[Mapping[str, Any]]:
    jump_s = value - before.rtc_off_s
    way = "forward" if jump_s >= 0 else "back"
    yield {"kind": "clock_fault", way: f"{abs(jump_s)} s", "valid": before.rtc_valid}


_ACTS: Final[dict[str, Any]] = {
    "level_nl": _level,
    "reads": _reads,
    "bias": _bias,
    "rtc_off_s": _clock,
    "rtc_valid": lambda _, value: [{"kind": "clock_fault", "valid": value}],
    "temperature_mk": lambda _, value: [
        {
            "kind": "bath",
            "temperature": f"{value / 1e3 - KELVIN_K:.3f} degC",
            "time_constant": "1 s",
        }
    ],
    "pocket_pa": lambda _, value: [
        {"kind": "chamber", "pressure": f"{value:.0f} Pa", "ramp": "30 s"}
    ],
    "artery_pa": lambda _, value: [
        {"kind": "outlet_pressure", "pressure": f"{value:.0f} Pa", "ramp": "30 s"}
    ],
    "restrictor": lambda _, value: [
        {"kind": "plant_condition", "name": "restrictor_conductance_factor", "value": value}
    ],
    "leak_nl_per_h": lambda _, value: [
        {"kind": "plant_condition", "name": "septum_leak_ml_per_day", "value": value * 24 / 1e6}
    ],
    "battery_mv": lambda _, value: [
        {"kind": "battery_fault", "drop_mv": max(BATTERY_MV - value, 0)}
    ],
    "viscosity": lambda *_: [],
}
