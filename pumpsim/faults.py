"""Faults of a pump: hydraulics, sensors, clocks, memory and logic, each declared once.

Each tells its number when it is asked for; `effects` tells when it took effect.
"""

from typing import Literal, Protocol, runtime_checkable

from pydantic import Field, field_validator, model_validator

from protocol import configfile as c
from protocol.memory import RamMemory
from protocol.vocabulary import ResetCause
from pumpsim.effects import Effects
from pumpsim.firmware.store import Store
from pumpsim.misbehaviour import How
from pumpsim.nvm import MortalMemory
from pumpsim.oscillator import MAX_PPM, NS_PER_S, ClockHow, Oscillator
from pumpsim.plant.conditions import CONDITIONS
from pumpsim.plant.plant import Plant
from pumpsim.sensors import NAMES, Converter, SensorFault, Sensors


class Target(Protocol):
    """What a stimulus can touch: the device, as the laboratory has it on the table."""

    plant: Plant
    sensors: Sensors
    oscillator: Oscillator
    memory: RamMemory
    chip: MortalMemory
    effects: Effects
    converter: Converter

    def misbehave(self, how: How) -> None:
        """Let the control logic go wrong at its next call."""

    def reset(self, now_ns: int, cause: ResetCause) -> None:
        """Start the electronics anew."""

    def power_off(self, now_ns: int) -> None:
        """Take the electronics' supply away."""

    def power_on(self, now_ns: int) -> None:
        """Give it back."""


@runtime_checkable
class Mendable(Protocol):
    """A fault that lasts."""

    def mended(self) -> "Mendable | None":
        """What mends it; None for what is a moment, and cannot be undone."""

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Let it act."""


class PlantCondition(c.Section):
    """A fault or wear of the hydraulics, from now on."""

    kind: Literal["plant_condition"]
    name: str = Field(description=", ".join(CONDITIONS))
    value: float = Field(description="absolute; the default mends it", allow_inf_nan=False)

    @model_validator(mode="after")
    def _within(self) -> "PlantCondition":
        limit = CONDITIONS.get(self.name)
        if limit is None:
            message = f"{self.name!r} is no plant condition; {c.suggest(self.name, [*CONDITIONS])}"
            raise ValueError(message)
        if not limit.lowest <= self.value <= limit.highest:
            message = f"{self.name} must lie in {limit.lowest:g} to {limit.highest:g}"
            raise ValueError(message)
        return self

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Set it now."""
        target.plant.set_condition(now_ns, self.name, self.value)
        return target.effects.at_once(now_ns)

    def mended(self) -> "PlantCondition":
        """As it is without wear."""
        return PlantCondition(kind=self.kind, name=self.name, value=CONDITIONS[self.name].default)


class SensorCondition(c.Section):
    """A fault of one sensor from now on; without any it is mended."""

    kind: Literal["sensor_fault"]
    channel: str = Field(description=", ".join(NAMES))
    bias: int = Field(default=0, description="added, in the reading's unit")
    drift_per_day: float = Field(
        default=0.0, description="added more and more, in the reading's unit", allow_inf_nan=False
    )
    gain: float = Field(default=1.0, description="factor on the truth", ge=0, le=10)
    stuck_at: int | None = Field(default=None, description="always reads this")
    missing: bool = Field(default=False, description="reads nothing")
    stale: bool = Field(default=False, description="repeats its next reading for ever")
    spike: int = Field(default=0, description="added to some readings, in their unit")
    spike_every: int = Field(default=10, description="which readings: every so many-th", ge=1)

    @field_validator("channel")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in NAMES:
            message = f"{value!r} is no sensor; {c.suggest(value, NAMES)}"
            raise ValueError(message)
        return value

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Break or mend it; takes effect with the next sample."""
        del now_ns
        fault = SensorFault(**self.model_dump(exclude={"kind", "channel"}))
        neutral = SensorFault(spike_every=self.spike_every)
        if fault == neutral:
            target.sensors.set_fault(self.channel, None)
            return target.effects.mended(self.channel)
        target.sensors.set_fault(self.channel, fault)
        return target.effects.later(self.channel)

    def mended(self) -> "SensorCondition":
        """Sound."""
        return SensorCondition(kind=self.kind, channel=self.channel)


class OscillatorFault(c.Section):
    """The crystal that counts the device's time runs off, or stands still."""

    kind: Literal["oscillator_fault"]
    error_ppm: float = Field(default=0.0, description="absolute", ge=-MAX_PPM, le=MAX_PPM)
    stopped: bool = Field(default=False, description="stands still; sensors are still read")

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Change its rate now."""
        oscillator = target.oscillator
        oscillator.error_ppm, oscillator.stopped = self.error_ppm, self.stopped
        oscillator.update(now_ns, target.plant.state.pump_temperature_k)
        return target.effects.at_once(now_ns)

    def mended(self) -> "OscillatorFault":
        """Without an error."""
        return OscillatorFault(kind=self.kind)


class ClockFault(c.Section):
    """The real-time clock jumps, stands, tells garbage, or loses its good name."""

    kind: Literal["clock_fault"]
    forward: c.DurationNs = Field(default=c.text("0 s"), description="it jumps ahead")
    back: c.DurationNs = Field(default=c.text("0 s"), description="it jumps back")
    how: ClockHow = Field(
        default="running",
        description="from now on; garbage is an arbitrary second at each reading",
    )
    valid: bool = Field(default=False, description="whether it still calls itself valid")

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Change it now."""
        oscillator = target.oscillator
        jump_s = (self.forward - self.back) // NS_PER_S
        oscillator.break_rtc(now_ns, self.how, jump_s)
        oscillator.rtc_valid = self.valid
        return target.effects.at_once(now_ns)

    def mended(self) -> "ClockFault | None":
        """It runs, from where it was; a jump is a moment, which a programmer alone sets right."""
        if self.forward or self.back:
            return None
        return ClockFault(kind=self.kind, valid=True)


class BatteryFault(c.Section):
    """The battery gives less than its age explains; a drop of 0 mends it."""

    kind: Literal["battery_fault"]
    drop_mv: int = Field(description="below what it would give", ge=0, le=4_000)

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Weaken it; takes effect with the next sample."""
        del now_ns
        target.sensors.drop_battery(self.drop_mv)
        return target.effects.later("battery") if self.drop_mv else target.effects.mended("battery")

    def mended(self) -> "BatteryFault":
        """As its age explains."""
        return BatteryFault(kind=self.kind, drop_mv=0)


class ConverterFault(c.Section):
    """The converter behind the sensors hangs: its last sample comes again, or none comes."""

    kind: Literal["converter_fault"]
    how: Literal["frozen", "silent", "sound"] = Field(description='"sound" mends it')

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Stop or mend it; takes effect when the next sample is due."""
        del now_ns
        target.converter = Converter(self.how)
        if target.converter is Converter.SOUND:
            return target.effects.mended("converter")
        return target.effects.later("converter")

    def mended(self) -> "ConverterFault":
        """Sound."""
        return ConverterFault(kind=self.kind, how="sound")


class MemoryFault(c.Section):
    """Memory loses its supply, fails or rots: say one of cut_in, torn, failing, flip."""

    kind: Literal["memory_fault"]
    cut_in: int = Field(
        default=0,
        description="power goes during this operation; 1 is the next one",
        ge=0,
        le=1_000_000,
    )
    torn: bool = Field(default=False, description="power goes during the next write")
    failing: int | None = Field(
        default=None,
        description="so many operations fail, from the next one on; 0 mends it",
        ge=0,
        le=1_000_000,
    )
    flip: int = Field(default=0, description="so many bits flip at once", ge=0, le=1_000)
    where: Literal["newest", "older", "both"] = Field(
        default="newest", description="whose bits flip: a record of the reference logic"
    )

    @model_validator(mode="after")
    def _one(self) -> "MemoryFault":
        if sum((self.cut_in > 0, self.torn, self.failing is not None, self.flip > 0)) != 1:
            raise ValueError("say one of cut_in, torn, failing, flip")
        return self

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Spoil it."""
        if self.flip:
            self._rot(target)
            return target.effects.at_once(now_ns)
        if self.failing is not None:
            target.chip.fail(self.failing)
            if not self.failing:
                return target.effects.mended("memory")
        elif self.torn:
            target.chip.tear_next()
        else:
            target.chip.cut_in(self.cut_in)
        return target.effects.later("memory")

    def mended(self) -> "MemoryFault | None":
        """Failing no more; the rest is a moment, and its traces are for the logic to mend."""
        return None if self.failing is None else MemoryFault(kind=self.kind, failing=0)

    def _rot(self, target: Target) -> None:
        places = Store(target.memory).places()
        chosen = {"newest": places[:1], "older": places[1:], "both": places}[self.where]
        if not chosen:
            message = f"memory cannot rot there: it holds {len(places)} sound records"
            raise ValueError(message)
        for place in chosen:
            target.chip.rot(place, self.flip)


class FirmwareFault(c.Section):
    """The control logic goes wrong at its next call, once, and is started anew."""

    kind: Literal["firmware_fault"]
    how: How = Field(description="what it does; a stall is told as by a watchdog")

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Let it go wrong; takes effect with its next call."""
        del now_ns
        target.misbehave(self.how)
        return target.effects.later("firmware")


class PowerCycle(c.Section):
    """The electronics lose their supply and start anew; the hydraulics never notice."""

    kind: Literal["power_cycle"]
    cause: Literal["power_on", "brown_out", "watchdog"] = Field(
        default="power_on", description="what the device is told"
    )

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Restart now."""
        target.reset(now_ns, ResetCause[self.cause.upper()])
        return {}
