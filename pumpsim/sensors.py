"""What the electronics see of the plant: truth with bias, noise, steps and a range.

A reading is truth + drifting bias + bounded noise, cut into steps and held to the range. A sensor
without a fault never leaves its declared error (`Channel.error`): noise is bounded at three times
its rms, the bias by the drift its age allows. Faults act on what the element sees, or on what it
says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final, NamedTuple

from protocol.control import Readings
from pumpsim.plant.physics import PlantState
from pumpsim.streams import BLOCK, BOUND, Stream

HOUR_NS: Final = 3_600 * 1_000_000_000
HOURS_PER_DAY: Final = 24
HOURS_PER_YEAR: Final = 8_766
DAY_NS: Final = HOURS_PER_DAY * HOUR_NS
DEFAULT_CAPACITY_NL: Final = 30_000_000
MAX_GAIN: Final = 10.0
MAX_BIAS: Final = 1_000_000_000


class Channel(NamedTuple):
    """A sensor's data sheet, in the unit of its reading.

    `lowest` and `highest` are multiples of `step`. The bias is 0 when new, moves by at most
    `drift_per_hour` and stays within `drift_limit` (at once, if its drift is 0).
    """

    name: str
    lowest: int
    highest: int
    step: int
    noise_rms: float
    drift_per_hour: float
    drift_limit: float

    def error(self, age_ns: int) -> float:
        """The largest error of a healthy sensor of this age, inside its range."""
        drift = min(self.drift_per_hour * (age_ns / HOUR_NS), self.drift_limit)
        return drift + BOUND * self.noise_rms + 0.5 * self.step


PRESSURE_DRIFT: Final = 500 / HOURS_PER_YEAR
PULSE_HIGHEST_PA: Final = 100_000
FILL_STEP_NL: Final = 5_000


def default_fit(capacity_nl: int = DEFAULT_CAPACITY_NL) -> tuple[Channel, ...]:
    """The sensors of domain facts, section 1; the fill level's range is 110 % of the capacity.

    The limits of the drift are what calibration leaves between two refills or over years (A).
    """
    full_nl = capacity_nl * 11 // 10 // FILL_STEP_NL * FILL_STEP_NL
    return (
        Channel("reservoir_pressure_pa", 0, 700_000, 25, 50.0, PRESSURE_DRIFT, 1_000.0),
        Channel("catheter_pressure_pa", 0, 700_000, 25, 100.0, PRESSURE_DRIFT, 1_000.0),
        Channel("catheter_pulse_pa", 0, PULSE_HIGHEST_PA, 25, 100.0, 0.0, 0.0),
        Channel("pocket_pressure_pa", 50_000, 300_000, 25, 100.0, PRESSURE_DRIFT, 1_000.0),
        Channel("temperature_mk", 283_150, 323_150, 10, 20.0, 50 / HOURS_PER_YEAR, 100.0),
        Channel("fill_level_nl", 0, full_nl, FILL_STEP_NL, 15_000.0, 20_000 / 24, 200_000.0),
        Channel("battery_mv", 0, 4_000, 1, 2.0, 0.0, 0.0),
    )


NAMES: Final = tuple(channel.name for channel in default_fit())


@dataclass(frozen=True, slots=True)
class Battery:
    """A cell whose voltage fades evenly (A)."""

    new_mv: float = 2_900.0
    fade_mv_per_year: float = 40.0

    def voltage_mv(self, now_ns: int) -> float:
        """Terminal voltage, 0 at the least."""
        return max(self.new_mv - self.fade_mv_per_year / HOURS_PER_YEAR / HOUR_NS * now_ns, 0.0)


@dataclass(slots=True)
class SensorFault:
    """What is wrong with one channel; the neutral values say: nothing.

    A rail is a bias beyond the range. `spike` is added to every `spike_every`-th sample.
    """

    bias: int = 0
    drift_per_day: float = 0.0
    gain: float = 1.0
    stuck_at: int | None = None
    missing: bool = False
    stale: bool = False
    spike: int = 0
    spike_every: int = 10
    held: int | None = None  # what a stale channel repeats, once it has been read
    since_ns: int | None = None  # when a drifting channel was read first


class Converter(StrEnum):
    """What has become of the analogue-to-digital converter behind the sensors."""

    SOUND = "sound"
    FROZEN = "frozen"  # delivers its last sample again and again
    SILENT = "silent"  # delivers nothing


class Drift:
    """A bounded bias: nodes far enough apart that the way between them keeps the drift's bound."""

    def __init__(self, channel: Channel, seed: int) -> None:
        """The walk follows from the seed and the channel's name."""
        self._third = channel.drift_limit / BOUND
        rate = channel.drift_per_hour
        self._span_hours = max(int(2.0 * channel.drift_limit / rate) + 1, 1) if rate else 1
        self._stream = Stream(seed, f"{channel.name} drift")

    def at(self, hour: int) -> float:
        """The bias in this hour; 0 in the first."""
        number, place = divmod(hour, self._span_hours)
        before = self._stream.noise(number) if number else 0.0
        after = self._stream.noise(number + 1)
        return self._third * (before + (after - before) * (place / self._span_hours))


class Sensors:
    """All channels of one device.

    Everything but the faults is a function of seed, sample number and instant; what is kept
    between samples is only worked out beforehand, an hour or a block of noise at a time.
    """

    def __init__(
        self, seed: int, fit: Sequence[Channel] | None = None, battery: Battery | None = None
    ) -> None:
        """`fit` has one channel for each of `NAMES`, in their order."""
        self.fit = tuple(default_fit() if fit is None else fit)
        if tuple(channel.name for channel in self.fit) != NAMES:
            message = f"a fit has the channels {', '.join(NAMES)}, in this order"
            raise ValueError(message)
        self.battery = Battery() if battery is None else battery
        self.faults: dict[str, SensorFault] = {}
        self.differing: set[str] = set()  # broken channels that read wrong in the latest sample
        self._battery_drop_mv = 0
        self.supply_mv: int | None = None  # what feeds the pump in place of its battery
        self._drifts = tuple(Drift(channel, seed) for channel in self.fit)
        self._noises = tuple(Stream(seed, f"{channel.name} noise") for channel in self.fit)
        self._hour = self._block = -1
        self._steps = tuple(channel.step for channel in self.fit)
        self._factors = tuple(1.0 / channel.step for channel in self.fit)
        self._offsets: tuple[float, ...] = ()  # bias in steps, and the half that rounds
        self._lowest = tuple(channel.lowest for channel in self.fit)
        self._highest = tuple(channel.highest for channel in self.fit)
        self._battery_mv = 0.0
        self._rows: list[tuple[float, ...]] = []

    def sample(self, index: int, state: PlantState, now_ns: int, rtc: tuple[int, bool]) -> Readings:
        """Sample number `index` (0, 1, 2 …) of every channel; `rtc` is (unix seconds, valid)."""
        block, place = divmod(index, BLOCK)
        if block != self._block:
            self._draw(block)
        if now_ns // HOUR_NS != self._hour:
            self._age(now_ns // HOUR_NS)
        truths = (
            state.reservoir_pressure_pa,
            state.catheter_pressure_pa,
            state.catheter_pulse_pa,
            state.pocket_pressure_pa,
            state.pump_temperature_k * 1e3,
            state.reservoir_volume_m3 * 1e12,
            self._battery_mv,
        )
        row = self._rows[place]
        readings = self._read(truths, row)
        if self.faults:
            broken = self._broken(readings, index, now_ns, truths, row)
            return Readings._make((index, *broken, *rtc))
        return Readings._make((index, *readings, *rtc))

    def set_fault(self, name: str, fault: SensorFault | None) -> None:
        """Break a channel, or mend it with None; ValueError for what cannot be."""
        if name not in NAMES:
            message = f"{name!r} is none of the sensors {', '.join(NAMES)}"
            raise ValueError(message)
        if fault is None:
            self.faults.pop(name, None)
            return
        channel = self.fit[NAMES.index(name)]
        at = fault.stuck_at
        if at is not None and not channel.lowest <= at <= channel.highest:
            message = f"{name} can be stuck at {channel.lowest} to {channel.highest}, not at {at}"
            raise ValueError(message)
        if not 0.0 <= fault.gain <= MAX_GAIN or fault.spike_every < 1:
            message = f"{name}: gain lies in 0 to {MAX_GAIN:g}, spike_every is 1 or more"
            raise ValueError(message)
        if max(abs(fault.bias), abs(fault.drift_per_day), abs(fault.spike)) > MAX_BIAS:
            message = f"{name}: bias, drift and spike lie in -{MAX_BIAS} to {MAX_BIAS}"
            raise ValueError(message)
        self.faults[name] = fault

    def drop_battery(self, drop_mv: int) -> None:
        """From the next sample on the battery gives so much less than its age explains."""
        self._battery_drop_mv = drop_mv
        self._hour = -1  # its voltage is worked out anew

    def feed(self, supply_mv: int | None) -> None:
        """From the next sample on a supply of this voltage feeds the pump; None: its battery."""
        self.supply_mv = supply_mv
        self._hour = -1

    def faults_set(self) -> dict[str, dict[str, Any]]:
        """Those of each channel that has some, as plain data."""
        names = [field.name for field in fields(SensorFault)]
        return {
            channel: {name: getattr(fault, name) for name in names}
            for channel, fault in self.faults.items()
        }

    def snapshot(self) -> dict[str, Any]:
        """The faults and the supply; all else follows from the seed."""
        return {
            "faults": self.faults_set(),
            "battery_drop_mv": self._battery_drop_mv,
            "supply_mv": self.supply_mv,
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave."""
        self.faults = {name: SensorFault(**fault) for name, fault in data["faults"].items()}
        self.drop_battery(data["battery_drop_mv"])
        self.feed(data["supply_mv"])

    def _draw(self, block: int) -> None:
        """The noise of a block of samples, in steps."""
        columns = [
            stream.block(block, channel.noise_rms / channel.step)
            for channel, stream in zip(self.fit, self._noises, strict=True)
        ]
        self._rows = list(zip(*columns, strict=True))
        self._block = block

    def _age(self, hour: int) -> None:
        """Bias and battery of an hour; the half rounds to the nearest step."""
        self._offsets = tuple(
            drift.at(hour) / step + 0.5
            for step, drift in zip(self._steps, self._drifts, strict=True)
        )
        battery_mv = max(self.battery.voltage_mv(hour * HOUR_NS) - self._battery_drop_mv, 0.0)
        self._battery_mv = battery_mv if self.supply_mv is None else float(self.supply_mv)
        self._hour = hour

    def _read(self, truths: Sequence[float], noises: Sequence[float]) -> tuple[int, ...]:
        """What sound channels read. Written out: a loop takes twice as long, in every sample."""
        t0, t1, t2, t3, t4, t5, t6 = truths
        n0, n1, n2, n3, n4, n5, n6 = noises
        f0, f1, f2, f3, f4, f5, f6 = self._factors
        o0, o1, o2, o3, o4, o5, o6 = self._offsets
        s0, s1, s2, s3, s4, s5, s6 = self._steps
        readings = (
            int(t0 * f0 + o0 + n0) * s0,
            int(t1 * f1 + o1 + n1) * s1,
            int(t2 * f2 + o2 + n2) * s2,
            int(t3 * f3 + o3 + n3) * s3,
            int(t4 * f4 + o4 + n4) * s4,
            int(t5 * f5 + o5 + n5) * s5,
            int(t6 * f6 + o6 + n6) * s6,
        )
        if _within(readings, self._lowest, self._highest):
            return readings
        limits = zip(readings, self._lowest, self._highest, strict=True)
        return tuple(min(max(reading, low), high) for reading, low, high in limits)

    def _broken(
        self,
        readings: Sequence[int],
        index: int,
        now_ns: int,
        truths: Sequence[float],
        noises: Sequence[float],
    ) -> list[int | None]:
        """What is read once broken channels have had their way."""
        self.differing.clear()
        told: list[int | None] = [*readings]
        for name, fault in self.faults.items():
            place = NAMES.index(name)
            spike = fault.spike if index % fault.spike_every == 0 else 0
            seen = truths[place] * fault.gain + fault.bias + _drifted(fault, now_ns) + spike
            steps = int(seen * self._factors[place] + self._offsets[place] + noises[place])
            reading = max(steps * self._steps[place], self._lowest[place])
            said = _say(fault, min(reading, self._highest[place]))
            if said != readings[place]:
                self.differing.add(name)
            told[place] = said
        return told


def _within(readings: tuple[int, ...], lowest: tuple[int, ...], highest: tuple[int, ...]) -> bool:
    """Whether no channel is beyond its range: true of nearly every sample."""
    r0, r1, r2, r3, r4, r5, r6 = readings
    l0, l1, l2, l3, l4, l5, l6 = lowest
    h0, h1, h2, h3, h4, h5, h6 = highest
    return (
        l0 <= r0 <= h0
        and l1 <= r1 <= h1
        and l2 <= r2 <= h2
        and l3 <= r3 <= h3
        and l4 <= r4 <= h4
        and l5 <= r5 <= h5
        and l6 <= r6 <= h6
    )


def _drifted(fault: SensorFault, now_ns: int) -> float:
    """How far a channel has drifted since it was read first."""
    if not fault.drift_per_day:
        return 0.0
    if fault.since_ns is None:
        fault.since_ns = now_ns
    return fault.drift_per_day * (now_ns - fault.since_ns) / DAY_NS


def _say(fault: SensorFault, reading: int) -> int | None:
    if fault.missing:
        return None
    if fault.stuck_at is not None:
        return fault.stuck_at
    if fault.stale:
        fault.held = reading if fault.held is None else fault.held
        return fault.held
    return reading
