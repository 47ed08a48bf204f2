"""By how much two pumps may differ that are alike in everything but chance, and why.

Another seed is another artery, other weather, other noise. Each allowance is a sum of bounds that
the model declares: what two patients may make of a signal, the error of two sensors of that age,
one step of the resolution. They are those of the demonstration pump; they hold until the reservoir
comes to its end, where the flow falls steeply.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from hil.differential import signals
from hil.emulated.declared import Declared, declared, sensor_error, sensor_step
from hil.report.words import significant

NS_PER_H: Final = 3_600e9
HOTTEST_K: Final = 4.0
"""As far above body temperature as a scenario is taken to go."""
THINNING_PER_K: Final = 0.0195
"""Of water at 37 degC (domain facts, section 2): so much more flow for the same pressure."""
RTC_STEP_S: Final = 1.0
OSCILLATOR: Final = 20e-6
"""Declared error of the oscillator that the calendar runs on (domain facts, section 1)."""
ALARM_S: Final = 3_600.0
"""Chosen, not derived: how much later a limit is crossed depends on how slowly it is neared."""


class Allowance(NamedTuple):
    """What one signal may differ by, in the unit that ends its name, and what that adds up from."""

    value: float
    why: str


Part = tuple[float, str]


def tolerances(
    changes: Iterable[tuple[str, float]], length_ns: int, age_ns: int
) -> dict[str, Allowance]:
    """Of every signal for a run of that length, at whose end the pumps are of that age.

    `changes` set some anew, in order: the last one wins.
    """
    found = _defaults(length_ns / NS_PER_H, age_ns)
    for signal, value in changes:
        names = found if signal == signals.ALL else [signal]
        found |= dict.fromkeys(names, Allowance(value, "as asked for"))
    return found


def _defaults(length_h: float, age_ns: int) -> dict[str, Allowance]:
    pump = declared()
    lives = _of_two_lives(pump, length_h)
    sums = {
        **_readings(lives, length_h, age_ns),
        **_truths(lives),
        **_beliefs(pump, lives, length_h, age_ns),
    }
    found = {name: _sum(parts) for name, parts in sums.items()}
    found[signals.ALARMS] = Allowance(
        ALARM_S, "chosen: a limit is crossed a little sooner or later"
    )
    found[signals.SOUNDER] = Allowance(0.0, "a step is no chance")
    return {name: found[name] for name in signals.NAMES}


class _Lives(NamedTuple):
    """What chance in two patients comes to."""

    weather_pa: float
    outlet_pa: float
    flow_nl_per_h: float
    volume_nl: float
    reservoir_pa: float


def _of_two_lives(pump: Declared, length_h: float) -> _Lives:
    weather_pa = 2 * pump.weather_pa
    outlet_pa = weather_pa + 2 * (pump.artery_pa + pump.posture_pa)
    flow_nl_per_h = _flow(pump, outlet_pa)
    volume_nl = flow_nl_per_h * length_h
    return _Lives(
        weather_pa, outlet_pa, flow_nl_per_h, volume_nl, pump.bellows_pa_per_nl * volume_nl
    )


def _flow(pump: Declared, pressure_pa: float) -> float:
    """What a difference of pressure makes of the flow, where the liquid is thinnest."""
    thinnest = 1.0 + THINNING_PER_K * HOTTEST_K
    return thinnest * pump.flow_nl_per_h * pressure_pa / pump.driving_pa


def _readings(lives: _Lives, length_h: float, age_ns: int) -> dict[str, list[Part]]:
    chance: dict[str, list[Part]] = {
        "reservoir_pressure_pa": [(lives.reservoir_pa, "bellows at other volumes")],
        "catheter_pressure_pa": [(lives.outlet_pa, "two arteries, postures and weathers")],
        "catheter_pulse_pa": [],
        "pocket_pressure_pa": [(lives.weather_pa, "two weathers")],
        "temperature_mk": [],
        "fill_level_nl": [(lives.volume_nl, "what two arteries let through meanwhile")],
        "battery_mv": [],
    }
    found = {
        f"reading_{name}": [*parts, (2 * sensor_error(name, age_ns), "two sensors' error")]
        for name, parts in chance.items()
    }
    clock_s = 2 * OSCILLATOR * length_h * 3_600
    found["reading_rtc_s"] = [(clock_s, "two oscillators"), (RTC_STEP_S, "one step")]
    return found


def _truths(lives: _Lives) -> dict[str, list[Part]]:
    step = {name: (sensor_step(name), "one step of the sensor's") for name in _STEPS}
    volume = [(lives.volume_nl, "what two arteries let through meanwhile"), step["fill_level_nl"]]
    return {
        "truth_flow_nl_per_h": [(lives.flow_nl_per_h, "two arteries, postures and weathers")],
        "truth_reservoir_volume_nl": volume,
        "truth_delivered_nl": volume,
        "truth_temperature_mk": [step["temperature_mk"]],
        "truth_reservoir_pressure_pa": [
            (lives.reservoir_pa, "bellows at other volumes"),
            step["reservoir_pressure_pa"],
        ],
        "truth_outlet_pressure_pa": [
            (lives.outlet_pa, "two arteries, postures and weathers"),
            step["catheter_pressure_pa"],
        ],
        signals.WITHDRAWN: volume,
    }


def _beliefs(pump: Declared, lives: _Lives, length_h: float, age_ns: int) -> dict[str, list[Part]]:
    """The pump reckons with what its sensors tell: the error of both sides' comes on top."""
    pressure_pa = 2 * sum(sensor_error(name, age_ns) for name in _DRIVING)
    warmth_k = 2 * sensor_error("temperature_mk", age_ns) / 1e3
    sensed_nl_per_h = _flow(pump, pressure_pa) + THINNING_PER_K * warmth_k * pump.flow_nl_per_h
    flow: list[Part] = [
        (lives.flow_nl_per_h, "two arteries, postures and weathers"),
        (sensed_nl_per_h, "two sets of sensors"),
    ]
    reckoned: list[Part] = [
        (lives.volume_nl, "what two arteries let through meanwhile"),
        (sensed_nl_per_h * length_h, "two sets of sensors meanwhile"),
    ]
    level: Part = (2 * sensor_error("fill_level_nl", age_ns), "two fill levels' error")
    volume_nl, share = _sum([*reckoned, level]).value, _sum(flow).value / pump.flow_nl_per_h
    return {
        "belief_flow_nl_per_h": flow,
        "belief_residual_volume_nl": [*reckoned, level],
        "belief_delivered_total_nl": reckoned,
        "belief_dose_total_ng": [(nl * pump.concentration_ng_per_nl, why) for nl, why in reckoned],
        "belief_refill_due_in_s": [
            (volume_nl / pump.flow_nl_per_h * 3_600, "other volume"),
            (share * pump.refill_interval_s, "other flow until then"),
        ],
    }


_DRIVING: Final = ("reservoir_pressure_pa", "catheter_pressure_pa")
_STEPS: Final = (
    "fill_level_nl",
    "temperature_mk",
    "reservoir_pressure_pa",
    "catheter_pressure_pa",
)


def _sum(parts: list[Part]) -> Allowance:
    shown = [(value, why) for value, why in parts if value]
    return Allowance(
        sum(value for value, _ in parts),
        " + ".join(f"{significant(value, 4)} {why}" for value, why in shown),
    )
