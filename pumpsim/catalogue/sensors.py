"""Faults of every sensor: wrong, drifting, at its rail, silent, spiking, frozen."""

from typing import Any, Final, NamedTuple

from protocol.vocabulary import AlarmId
from pumpsim.catalogue.entry import (
    DAY_S,
    HOUR_S,
    SEVERITY,
    Expected,
    Fault,
    Severity,
    Step,
    at_once,
    samples,
)

CONFLICT: Final = AlarmId.SENSOR_CONFLICT
RAIL: Final = 1_000_000_000
"""Far outside every range."""
UNITS: Final = {"pa": "Pa", "mk": "mK", "nl": "nL", "mv": "mV"}
"""How the name of a reading ends, and what that means."""
SOON_S: Final = samples(5)


class Channel(NamedTuple):
    """A channel, and a spike of it that nothing in a body explains."""

    reading: str
    spike: int

    @property
    def name(self) -> str:
        """Without its unit."""
        return self.reading.rpartition("_")[0]


CHANNELS: Final = (
    Channel("reservoir_pressure_pa", 60_000),
    Channel("catheter_pressure_pa", 60_000),
    Channel("catheter_pulse_pa", 40_000),
    Channel("pocket_pressure_pa", 60_000),
    Channel("temperature_mk", 4_000),
    Channel("fill_level_nl", 3_000_000),
    Channel("battery_mv", 500),
)


def _unit(reading: str) -> str:
    return UNITS[reading.rpartition("_")[2]]


def _broken(channel: str, **fault: Any) -> tuple[Step, ...]:
    return at_once("sensor_fault", channel=channel, **fault)


class Side(NamedTuple):
    """What a channel that reads too high, or too low, is told as, and what is the same data."""

    expects: tuple[Expected, ...]
    same_as: str = ""


ASKEW: Final = Side((CONFLICT,))
"""No body and no pump reads so."""
GOING: Final = Side((AlarmId.PROPELLANT_LOW,), ": the same data as a propellant that is going")


def _biases(name: str, channel: str, bias: int, high: Side, low: Side) -> tuple[Fault, ...]:
    return tuple(
        Fault(
            f"{name}_bias_{word}",
            f"The {name.replace('_', ' ')} sensor reads too {word}{side.same_as}.",
            side.expects,
            DAY_S,
            _broken(channel, bias=SEVERITY),
            severity=Severity(sign * bias, 2 * sign * bias, of=_unit(channel)),
        )
        for word, sign, side in (("high", 1, high), ("low", -1, low))
    )


WRONG: Final = (
    Fault(
        "fill_sensor_gain",
        "The fill-level sensor tells too little by a factor.",
        (AlarmId.BALANCE_FAULT,),
        DAY_S,
        _broken("fill_level_nl", gain=SEVERITY),
        severity=Severity(0.8, 0.5, nothing=1.0, of="times the truth"),
    ),
    Fault(
        "fill_sensor_stuck",
        "The fill-level sensor stands still at a plausible value: a flow stop, but for the noise.",
        (AlarmId.SENSOR_FAULT,),
        6 * HOUR_S,
        _broken("fill_level_nl", stale=True),
    ),
    *_biases("reservoir_pressure", "reservoir_pressure_pa", 50_000, ASKEW, ASKEW),
    *_biases(
        "temperature",
        "temperature_mk",
        3_000,
        Side((CONFLICT, *GOING.expects), GOING.same_as),
        ASKEW,
    ),
    *_biases(
        "catheter_pressure",
        "catheter_pressure_pa",
        50_000,
        Side((AlarmId.OCCLUSION,), ": the same data as an occlusion"),
        ASKEW,
    ),
    *_biases(
        "pocket_pressure",
        "pocket_pressure_pa",
        50_000,
        ASKEW,
        Side(
            (AlarmId.AMBIENT_PRESSURE, AlarmId.SENSOR_FAULT),  # the channel's lower rail is 50 kPa
            ": the same data as a great height with an occlusion",
        ),
    ),
)


def _drifts(
    channel: str, stated: int, worst: int, bound_s: int, up: Side, down: Side
) -> tuple[Fault, ...]:
    """Drifts of so much a day. A milder one has longer before it is off by as much."""
    name = channel.rpartition("_")[0]
    return tuple(
        Fault(
            f"drift_{word}_{name}",
            f"The {name.replace('_', ' ')} sensor drifts {word}{side.same_as}.",
            side.expects,
            bound_s,
            _broken(channel, drift_per_day=SEVERITY),
            severity=Severity(sign * stated, sign * worst, of=f"{_unit(channel)} a day"),
        )
        for word, sign, side in (("up", 1, up), ("down", -1, down))
    )


LOOSE: Final = Side((AlarmId.CATHETER_DISCONNECT,), ": the same data as a catheter that came off")
CLOTTED: Final = Side((AlarmId.PARTIAL_OCCLUSION,), ": the same data as a clot")
UNBALANCED: Final = Side((AlarmId.BALANCE_FAULT,))

DRIFTING: Final = (
    # SEN-03: at 1 % of the pressure a day, the worst, it is off by 17.5 kPa in five days; so much
    # tells a flow that is wrong by half its tolerance
    *_drifts("reservoir_pressure_pa", 2_000, 3_500, 5 * DAY_S, ASKEW, GOING),
    *_drifts("catheter_pressure_pa", 2_000, 3_500, 5 * DAY_S, CLOTTED, LOOSE),
    # 1 % of its range a day: 2 K by then, which tell a flow that is wrong by 4 %
    *_drifts("temperature_mk", 200, 400, 5 * DAY_S, GOING, ASKEW),
    # a day of the worst is V_low_margin
    *_drifts("fill_level_nl", 200_000, 300_000, DAY_S, UNBALANCED, UNBALANCED),
    Fault(
        "drift_slow_fill_level",
        "The fill level sensor drifts up, by a quarter of the tolerance of the flow.",
        steps=_broken("fill_level_nl", drift_per_day=50_000),
        not_promised="no balance since the refill tells so little from the flow's error (FLW-06)",
    ),
)
"""A pocket sensor that drifts is the same data as a catheter sensor that drifts the other way."""

UNMONITORED: Final = Fault(
    "no_flow_evidence",
    "Reservoir pressure and fill level are silent together: nothing tells of the flow.",
    (AlarmId.UNMONITORED,),
    samples(1),
    (*_broken("fill_level_nl", missing=True), *_broken("reservoir_pressure_pa", missing=True)),
)

RAILS: Final = tuple(
    Fault(
        f"rail_{side}_{channel.name}",
        f"The {channel.name.replace('_', ' ')} channel is at its {side} rail.",
        (AlarmId.SENSOR_FAULT,),
        SOON_S,
        _broken(channel.reading, bias=sign * RAIL),
    )
    for channel in CHANNELS
    for side, sign in (("high", 1), ("low", -1))
    if (channel.name, side) != ("catheter_pulse", "low")  # no pulse is a clot's or a loose end's
)

SILENT: Final = tuple(
    Fault(
        f"missing_{channel.name}",
        f"The {channel.name.replace('_', ' ')} channel reads nothing.",
        (AlarmId.SENSOR_FAULT,),
        SOON_S,
        _broken(channel.reading, missing=True),
    )
    for channel in CHANNELS
)

SPIKING: Final = tuple(
    Fault(
        f"spike_{channel.name}",
        f"Every second reading of the {channel.name.replace('_', ' ')} channel is a spike.",
        (AlarmId.SENSOR_FAULT,),
        SOON_S,
        _broken(channel.reading, spike=SEVERITY, spike_every=2),
        severity=Severity(channel.spike, 2 * channel.spike, of=_unit(channel.reading)),
    )
    for channel in CHANNELS
)

STUCK: Final = tuple(
    Fault(
        f"stuck_{channel.name}",
        f"The {channel.name.replace('_', ' ')} channel repeats one reading for ever.",
        (AlarmId.SENSOR_FAULT,),
        6 * HOUR_S,
        _broken(channel.reading, stale=True),
    )
    for channel in CHANNELS
    if channel.name != "fill_level"  # see fill_sensor_stuck
)

SENSORS: Final = (*WRONG, *DRIFTING, UNMONITORED, *RAILS, *SILENT, *SPIKING, *STUCK)
