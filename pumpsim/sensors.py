"""What the electronics see of the plant: truth with bias, noise, steps and a range.

A reading is (truth + drifting bias + bounded noise), cut into steps and held to the range. A
sensor without a fault never leaves its declared error: noise is bounded at three times its rms,
the bias by the drift its age allows. Faults act on what the element sees, or on what it says.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

from protocol.control import Readings
from pumpsim.plant.plant import PlantState
from pumpsim.streams import Stream

DAYS_PER_YEAR: Final = 365.25
DAY_NS: Final = 86_400 * 1_000_000_000


class Channel(NamedTuple):
    """A sensor's data sheet, in the unit of its reading."""

    name: str
    lowest: int
    highest: int
    step: int
    noise_rms: float
    drift_per_day: float
    drift_limit: float


CHANNELS: Final = (
    Channel("reservoir_pressure_pa", 0, 700_000, 25, 50.0, 500 / DAYS_PER_YEAR, 1_000.0),
    Channel("catheter_pressure_pa", 0, 700_000, 25, 100.0, 500 / DAYS_PER_YEAR, 1_000.0),
    Channel("catheter_pulse_pa", 0, 100_000, 25, 100.0, 0.0, 0.0),
    Channel("pocket_pressure_pa", 50_000, 300_000, 25, 100.0, 500 / DAYS_PER_YEAR, 1_000.0),
    Channel("temperature_mk", 283_150, 323_150, 10, 20.0, 50 / DAYS_PER_YEAR, 100.0),
    Channel("fill_level_nl", 0, 33_000_000, 5_000, 15_000.0, 20_000.0, 200_000.0),
    Channel("battery_mv", 0, 4_000, 1, 2.0, 0.0, 0.0),
)
"""The default fit (domain facts, section 1). Limits of the drift are calibration intervals (A)."""

NAMES: Final = tuple(channel.name for channel in CHANNELS)


@dataclass(slots=True)
class SensorFault:
    """What is wrong with one channel. None and the neutral values say: nothing."""

    bias: int = 0
    gain: float = 1.0
    stuck_at: int | None = None
    missing: bool = False
    stale: bool = False
    held: int | None = field(default=None)  # the last reading, for a stale channel


class Sensor:
    """One channel."""

    def __init__(self, channel: Channel, seed: int) -> None:
        """Its noise and its bias follow from seed and name."""
        self.channel = channel
        self.fault: SensorFault | None = None
        self._noise = Stream(seed, f"{channel.name} noise")
        self._drift = Stream(seed, f"{channel.name} drift")
        self._day = -1
        self._bias = self._slope = 0.0

    def read(self, index: int, truth: float, now_ns: int) -> int | None:
        """The reading of sample `index`."""
        channel = self.channel
        if channel.drift_per_day:
            day, rest_ns = divmod(now_ns, DAY_NS)
            if day != self._day:
                self._turn(day)
            truth += self._bias + self._slope * rest_ns
        value = truth + channel.noise_rms * self._noise.noise(index)
        if self.fault is not None:
            return self._faulty(self.fault, truth, value)
        return self._say(value)

    def _say(self, value: float) -> int:
        channel = self.channel
        step = channel.step
        reading = int(value / step + 0.5) * step if value > 0.0 else 0
        if reading < channel.lowest:
            return channel.lowest
        return reading if reading < channel.highest else channel.highest

    def _faulty(self, fault: SensorFault, truth: float, value: float) -> int | None:
        if fault.missing:
            return None
        if fault.stuck_at is not None:
            return fault.stuck_at
        reading = self._say(truth * fault.gain + fault.bias + (value - truth))
        if fault.stale:
            fault.held = reading if fault.held is None else fault.held
            return fault.held
        return reading

    def _turn(self, day: int) -> None:
        """A bounded walk: each day a node within what the drift allows, a line to the next."""
        self._bias = self._node(day)
        self._slope = (self._node(day + 1) - self._bias) / DAY_NS
        self._day = day

    def _node(self, day: int) -> float:
        """The bias at the start of a day: slow enough that two days differ by the drift at most."""
        channel = self.channel
        span = max(int(2.0 * channel.drift_limit / channel.drift_per_day), 1)
        number, place = divmod(day, span)
        before = self._drift.noise(number) if number else 0.0
        after = self._drift.noise(number + 1)
        return channel.drift_limit / 3.0 * (before + (after - before) * (place / span))


class Sensors:
    """All channels of one device."""

    def __init__(
        self, seed: int, battery_mv: float = 2_900.0, fade_mv_per_year: float = 40.0
    ) -> None:
        """`battery_mv` is the cell's voltage when new; it fades evenly."""
        self._sensors = tuple(Sensor(channel, seed) for channel in CHANNELS)
        self._battery_mv = battery_mv
        self._fade_mv_per_ns = fade_mv_per_year / DAYS_PER_YEAR / DAY_NS

    def sample(self, index: int, state: PlantState, now_ns: int, rtc: tuple[int, bool]) -> Readings:
        """Sample number `index` (0, 1, 2 …) of every channel; `rtc` is (unix seconds, valid)."""
        reservoir, catheter, pulse, pocket, temperature, fill, battery = self._sensors
        return Readings(
            index,
            reservoir.read(index, state.reservoir_pressure_pa, now_ns),
            catheter.read(index, state.catheter_pressure_pa, now_ns),
            pulse.read(index, state.catheter_pulse_pa, now_ns),
            pocket.read(index, state.pocket_pressure_pa, now_ns),
            temperature.read(index, state.pump_temperature_k * 1e3, now_ns),
            fill.read(index, state.reservoir_volume_m3 * 1e12, now_ns),
            battery.read(index, self._battery_mv - self._fade_mv_per_ns * now_ns, now_ns),
            rtc[0],
            rtc[1],
        )

    def set_fault(self, name: str, fault: SensorFault | None) -> None:
        """Break a channel, or mend it with None; ValueError for an unknown one."""
        if name not in NAMES:
            message = f"{name!r} is none of the sensors {', '.join(NAMES)}"
            raise ValueError(message)
        self._sensors[NAMES.index(name)].fault = fault

    def snapshot(self) -> dict[str, Any]:
        """The faults; all else follows from the seed."""
        return {s.channel.name: asdict(s.fault) for s in self._sensors if s.fault is not None}

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave."""
        for sensor in self._sensors:
            plain = data.get(sensor.channel.name)
            sensor.fault = None if plain is None else SensorFault(**plain)
