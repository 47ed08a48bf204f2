"""Which causes the symptoms allow: some look alike, and the pump says so.

Each cause can bring about certain symptoms and no others. While symptoms stand, the causes that
could have brought about all of them are reported; if no single one could, all that explain some.
No cause is excluded because a symptom is missing: it may be too weak, or not have shown yet. So
one true cause is always among those told; of two at a time either may be missing.
"""

from collections.abc import Iterable, Set
from enum import IntEnum, auto
from typing import Final

from protocol.vocabulary import Cause


class Symptom(IntEnum):
    """What detectors see, by direction."""

    FLOW_HIGH = auto()  # pressures, or the slope of the fill level
    FLOW_LOW = auto()
    UNEXPLAINED_LOSS = auto()  # the level falls faster than the pressures explain
    UNEXPLAINED_REST = auto()
    CATHETER_HIGH = auto()
    CATHETER_LOW = auto()
    CATHETER_BELOW_POCKET = auto()
    CATHETER_SURGE = auto()
    REVERSED = auto()
    PRESSURE_LOW = auto()  # of the reservoir, for the temperature
    PRESSURE_HIGH = auto()
    LEVEL_MOVED = auto()  # with no refill declared
    LEVEL_MISSING = auto()  # a refill declared, no rise
    VOLUMES_DIFFER = auto()
    OVERFULL = auto()
    HOT = auto()
    THIN_AIR = auto()
    DENSE_AIR = auto()
    BATTERY_FADES = auto()
    NO_SAMPLES = auto()
    RESERVOIR_CHANNEL = auto()  # its readings are silent, at a rail, frozen or spiking
    CATHETER_CHANNEL = auto()
    PULSE_CHANNEL = auto()
    POCKET_CHANNEL = auto()
    TEMPERATURE_CHANNEL = auto()
    FILL_CHANNEL = auto()
    BATTERY_CHANNEL = auto()


S = Symptom
FLOW_EITHER: Final = {S.FLOW_HIGH, S.FLOW_LOW}
NOTHING: Final = frozenset[Symptom]()
EMPTIED: Final = {S.FLOW_LOW, S.PRESSURE_LOW, S.REVERSED}
EMPTYING: Final = {
    Cause.RESTRICTOR_FAST, Cause.SEPTUM_LEAK, Cause.NEEDLE, Cause.POCKET, Cause.BOLUS_PATH,
}  # fmt: skip
"""What may leave the reservoir empty, and then shows that, too."""
HELD_UP: Final = {S.FLOW_LOW, S.REVERSED}
"""What an injection does to a pump of low pressure; none that does is too weak to be seen."""
UNEXPLAINED: Final = {S.UNEXPLAINED_LOSS, S.UNEXPLAINED_REST}
CATHETER_ANY: Final = {S.CATHETER_HIGH, S.CATHETER_LOW, S.CATHETER_BELOW_POCKET, S.CATHETER_SURGE}
SIGNATURES: Final = {
    Cause.RESTRICTOR_FAST: {S.FLOW_HIGH, S.UNEXPLAINED_LOSS, S.VOLUMES_DIFFER},
    Cause.RESTRICTOR_SLOW: {S.FLOW_LOW, S.UNEXPLAINED_REST, S.VOLUMES_DIFFER},
    Cause.SEPTUM_LEAK: {S.FLOW_HIGH, S.UNEXPLAINED_LOSS, S.VOLUMES_DIFFER},
    Cause.CATHETER_OCCLUDED: {
        S.CATHETER_HIGH, S.FLOW_LOW, S.REVERSED, S.VOLUMES_DIFFER,
    },
    Cause.CATHETER_OFF: {S.CATHETER_LOW, S.FLOW_HIGH, S.VOLUMES_DIFFER},
    Cause.PROPELLANT_LOSS: {S.PRESSURE_LOW, S.FLOW_LOW, S.REVERSED, S.VOLUMES_DIFFER},
    Cause.RESERVOIR_PRESSURE_SENSOR: {
        S.RESERVOIR_CHANNEL, S.PRESSURE_LOW, S.PRESSURE_HIGH, S.REVERSED, *FLOW_EITHER,
        *UNEXPLAINED,
    },
    Cause.CATHETER_PRESSURE_SENSOR: {
        S.CATHETER_CHANNEL, S.REVERSED, *CATHETER_ANY, *FLOW_EITHER, *UNEXPLAINED,
    },
    Cause.POCKET_PRESSURE_SENSOR: {S.POCKET_CHANNEL, S.THIN_AIR, S.DENSE_AIR, *CATHETER_ANY},
    Cause.TEMPERATURE_SENSOR: {
        S.TEMPERATURE_CHANNEL, S.PRESSURE_LOW, S.PRESSURE_HIGH, S.HOT, *FLOW_EITHER, *UNEXPLAINED,
    },
    Cause.FILL_LEVEL_SENSOR: {
        S.FILL_CHANNEL, S.LEVEL_MOVED, S.LEVEL_MISSING, S.VOLUMES_DIFFER, S.OVERFULL,
        S.PRESSURE_LOW, S.PRESSURE_HIGH, *FLOW_EITHER, *UNEXPLAINED,
    },
    Cause.PULSE_SENSOR: {S.PULSE_CHANNEL},
    Cause.BATTERY_SENSOR: {S.BATTERY_CHANNEL, S.BATTERY_FADES},
    Cause.NEEDLE: {
        S.LEVEL_MOVED, S.VOLUMES_DIFFER, S.LEVEL_MISSING, S.OVERFULL, S.PRESSURE_HIGH,
        *FLOW_EITHER, *UNEXPLAINED,
    },
    Cause.POCKET: {S.LEVEL_MISSING, S.VOLUMES_DIFFER},
    Cause.BOLUS_PATH: {S.CATHETER_SURGE, S.CATHETER_HIGH, S.LEVEL_MISSING, S.VOLUMES_DIFFER},
    Cause.HEAT: {S.HOT, S.FLOW_HIGH},
    Cause.ALTITUDE: {S.THIN_AIR, S.FLOW_HIGH, S.POCKET_CHANNEL},
    Cause.DEPTH: {S.DENSE_AIR, S.FLOW_LOW, S.REVERSED, S.LEVEL_MOVED, S.POCKET_CHANNEL},
    Cause.RESERVOIR_EMPTY: EMPTIED,
    Cause.GAS: {S.LEVEL_MOVED, S.VOLUMES_DIFFER, S.OVERFULL, S.PRESSURE_HIGH, *UNEXPLAINED},
    Cause.BATTERY: {S.BATTERY_FADES},
    Cause.CONVERTER: {S.NO_SAMPLES},
}  # fmt: skip
"""What each cause can show. Two with the same set are the same data to telemetry."""


def shown_by(cause: Cause, seen: Set[Symptom] = NOTHING, *, low: bool) -> Set[Symptom]:
    """All that a cause can show beside what is seen.

    What an empty reservoir does, only when it may be `low`; what a surge does, only with one.
    """
    if cause is Cause.RESERVOIR_EMPTY and not low:
        return NOTHING
    shows = SIGNATURES[cause]
    if cause in EMPTYING and low:
        shows = shows | EMPTIED
    if cause is Cause.BOLUS_PATH and S.CATHETER_SURGE in seen:
        shows = shows | HELD_UP
    return shows


def causes_of(symptoms: Iterable[Symptom], *, low: bool) -> tuple[Cause, ...]:
    """All causes that the symptoms allow, in the order of `SIGNATURES`.

    An empty reservoir is a cause, or follows from one, only when its volume may be `low`.
    """
    seen = frozenset(symptoms)
    if not seen:
        return ()
    rows = [(cause, shown_by(cause, seen, low=low)) for cause in SIGNATURES]
    alone = tuple(cause for cause, shows in rows if seen <= shows)
    return alone or tuple(cause for cause, shows in rows if seen & shows)
