"""Truth, readings and belief for pictures: least, mean and greatest of each bucket of samples.

A spike of one sample survives in its bucket's extremes, however long the run is. Buckets are
reduced a block at a time by built-in functions, which keeps the cost per sample small.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from protocol.control import Beliefs, Interval, Readings
from pumpsim.device import SAMPLE_NS, Device

BUCKETS: Final = 1_500
"""About one per pixel of a picture."""
TRUTHS: Final = (
    "reservoir_volume_m3",
    "flow_m3_per_s",
    "pump_temperature_k",
    "body_temperature_k",
    "reservoir_pressure_pa",
    "catheter_pressure_pa",
    "pocket_pressure_pa",
)
READINGS: Final = (
    "temperature_mk",
    "reservoir_pressure_pa",
    "catheter_pressure_pa",
    "pocket_pressure_pa",
)
BELIEFS: Final = ("flow_nl_per_h", "residual_volume_nl")


class Band(NamedTuple):
    """One quantity over one bucket."""

    least: float
    mean: float
    greatest: float


class Recorder:
    """Buckets of one run; `take` is called with each sample."""

    def __init__(self, device: Device, length_ns: int) -> None:
        """Choose buckets so that the whole run has about `BUCKETS` of them."""
        samples = length_ns // SAMPLE_NS + 1
        self._size = max(-(-samples // BUCKETS), 1)
        self._device = device
        self._state = attrgetter(*TRUTHS)
        self._truths: list[tuple[float, ...]] = []
        self._readings: list[Readings] = []
        self._beliefs: list[Beliefs] = []
        self.middles_ns: list[int] = []
        self.truth: dict[str, list[Band]] = {name: [] for name in TRUTHS}
        self.reading: dict[str, list[Band | None]] = {name: [] for name in READINGS}
        self.belief: dict[str, list[Band | None]] = {name: [] for name in BELIEFS}

    def take(self, now_ns: int) -> None:
        """A sample was taken; beliefs are those of the sample before."""
        device = self._device
        self._truths.append(self._state(device.plant.state))
        if device.readings is not None:
            self._readings.append(device.readings)
        if device.beliefs is not None:
            self._beliefs.append(device.beliefs)
        if len(self._truths) >= self._size:
            self._close(now_ns)

    def _close(self, now_ns: int) -> None:
        self.middles_ns.append(now_ns - (len(self._truths) - 1) * SAMPLE_NS // 2)
        columns = zip(*self._truths, strict=True)
        for name, column in zip(TRUTHS, columns, strict=True):
            self.truth[name].append(_spread(column))
        for name in READINGS:
            read = [value for r in self._readings if (value := getattr(r, name)) is not None]
            self.reading[name].append(_spread(read) if read else None)
        for name in BELIEFS:
            self.belief[name].append(_band([getattr(b, name) for b in self._beliefs]))
        self._truths.clear()
        self._readings.clear()
        self._beliefs.clear()


def _spread(values: Sequence[float]) -> Band:
    return Band(min(values), sum(values) / len(values), max(values))


def _band(intervals: list[Interval | None]) -> Band | None:
    """From the lowest bound to the highest, with the mean of the estimates; None if unknown."""
    known = [interval for interval in intervals if interval is not None]
    if not known:
        return None
    lows, estimates, highs, _ = zip(*known, strict=True)
    return Band(min(lows), sum(estimates) / len(estimates), max(highs))
