"""What the laboratory and the patient's life do to a pump: each declared once.

The control API takes them as request bodies, scenarios as events, traces keep them as records.
"""

from typing import Annotated, Any, Final, Literal, Protocol, get_args

from pydantic import Field, TypeAdapter, field_validator, model_validator

from protocol.memory import RamMemory
from protocol.vocabulary import ResetCause
from pumpsim import configfile as c
from pumpsim.effects import Effects
from pumpsim.firmware.store import Store
from pumpsim.misbehaviour import How
from pumpsim.nvm import MortalMemory
from pumpsim.oscillator import MAX_PPM, Oscillator
from pumpsim.plant.conditions import CONDITIONS
from pumpsim.plant.ledger import Fluid
from pumpsim.plant.plant import Plant
from pumpsim.sensors import NAMES, Converter, SensorFault, Sensors

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE


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


class Fever(c.Section):
    """Body temperature rises, stays and falls."""

    kind: Literal["fever"]
    rise: c.DifferenceMk = Field(
        default=c.text("2 K"), description="above the usual", gt=0, le=6_000
    )
    ramp: c.DurationNs = Field(
        default=c.text("1 h"), description="to rise, and again to fall", gt=0
    )
    duration: c.DurationNs = Field(default=c.text("24 h"), description="at its height", gt=0)

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Begin now."""
        target.plant.warm(now_ns, _hill(now_ns, self.ramp, self.duration, self.rise / 1e3))
        return {}


class WarmBath(c.Section):
    """Hot water or a heating pad warms the tissue around the pump."""

    kind: Literal["warm_bath"]
    rise: c.DifferenceMk = Field(
        default=c.text("3 K"), description="above the usual", gt=0, le=6_000
    )
    ramp: c.DurationNs = Field(
        default=c.text("10 min"), description="to warm up, and again to cool", gt=0
    )
    duration: c.DurationNs = Field(default=c.text("30 min"), description="in the warmth", gt=0)

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Step in now."""
        target.plant.warm(now_ns, _hill(now_ns, self.ramp, self.duration, self.rise / 1e3))
        return {}


class Altitude(c.Section):
    """A journey up, a stay, and down again: a flight, a week in the mountains."""

    kind: Literal["altitude"]
    height: c.AltitudeM = Field(description="above home", gt=0, le=9_000)
    ramp: c.DurationNs = Field(
        default=c.text("30 min"), description="to climb, and again to descend", gt=0
    )
    duration: c.DurationNs = Field(default=c.text("10 h"), description="up there", gt=0)

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Leave now."""
        target.plant.climb(now_ns, _hill(now_ns, self.ramp, self.duration, float(self.height)))
        return {}


class Dive(c.Section):
    """A stay under pressure: scuba diving, or a hyperbaric chamber."""

    kind: Literal["dive"]
    pressure: c.PressurePa = Field(
        description="above the air's; 10 m of water are 98 kPa", gt=0, le=600_000
    )
    ramp: c.DurationNs = Field(
        default=c.text("10 min"), description="to descend, and again to rise", gt=0
    )
    duration: c.DurationNs = Field(default=c.text("90 min"), description="down there", gt=0)

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Go down now."""
        target.plant.dive(now_ns, _hill(now_ns, self.ramp, self.duration, float(self.pressure)))
        return {}


class Withdraw(c.Section):
    """A syringe empties the reservoir, as far as a needle reaches or by a volume."""

    kind: Literal["withdraw"]
    volume: c.VolumeNl | None = Field(
        default=None, description="all that comes, when left out", ge=0
    )

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Draw now."""
        return {"withdrawn_nl": target.plant.withdraw(now_ns, self.volume)}


class Fill(c.Section):
    """A syringe fills the reservoir."""

    kind: Literal["fill"]
    volume: c.VolumeNl = Field(description="put in", gt=0)
    drug: c.Name = Field(description="name of the drug")
    concentration: c.ConcentrationNgPerMl = Field(description="of the drug", ge=0, le=10**12)
    viscosity_ratio: float = Field(default=1.014, description="against water", ge=0.5, le=100)
    temperature: c.TemperatureMk = Field(
        default=c.text("20 degC"), description="of the fill", ge=273_150, le=323_150
    )

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Fill now."""
        fluid = Fluid(((self.drug, self.concentration),), self.viscosity_ratio)
        target.plant.fill(now_ns, self.volume, fluid, self.temperature / 1e3)
        return {"filled_nl": self.volume}


class FillPocket(c.Section):
    """A needle beside the septum: the fill goes into the tissue."""

    kind: Literal["fill_pocket"]
    volume: c.VolumeNl = Field(description="put in", gt=0)
    drug: c.Name = Field(default="water", description="name of the drug")
    concentration: c.ConcentrationNgPerMl = Field(
        default=c.text("0 mg/mL"), description="of the drug", ge=0, le=10**12
    )

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Fill now."""
        target.plant.fill_pocket(now_ns, self.volume, Fluid(((self.drug, self.concentration),)))
        return {"spilled_nl": self.volume}


class FillGas(c.Section):
    """Air comes into the reservoir with a fill; nothing but a needle takes it out again."""

    kind: Literal["fill_gas"]
    volume: c.VolumeNl = Field(description="at sea level", gt=0)

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Fill now."""
        target.plant.fill_gas(now_ns, self.volume)
        return {"filled_gas_nl": self.volume}


class InjectBolus(c.Section):
    """An injection through the bolus path, past the reservoir, into the catheter."""

    kind: Literal["inject_bolus"]
    volume: c.VolumeNl = Field(description="put in", gt=0, le=60_000_000)
    drug: c.Name = Field(default="contrast", description="what")
    concentration: c.ConcentrationNgPerMl = Field(
        default=c.text("0 mg/mL"), description="of the drug", ge=0, le=10**12
    )
    viscosity_ratio: float = Field(default=1.0, description="against water", ge=0.5, le=100)
    duration: c.DurationNs = Field(default=c.text("1 min"), description="of the injection", gt=0)

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Begin now."""
        fluid = Fluid(((self.drug, self.concentration),), self.viscosity_ratio)
        target.plant.inject_bolus(now_ns, self.volume, fluid, self.duration)
        return {"injected_nl": self.volume}


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


class SensorCondition(c.Section):
    """A fault of one sensor from now on; without any it is mended."""

    kind: Literal["sensor_fault"]
    channel: str = Field(description=", ".join(NAMES))
    bias: int = Field(default=0, description="added, in the reading's unit")
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


class ClockFault(c.Section):
    """The real-time clock jumps, or loses its good name."""

    kind: Literal["clock_fault"]
    forward: c.DurationNs = Field(default=c.text("0 s"), description="it jumps ahead")
    back: c.DurationNs = Field(default=c.text("0 s"), description="it jumps back")
    valid: bool = Field(default=False, description="whether it still calls itself valid")

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Change it now."""
        oscillator = target.oscillator
        jump_s = (self.forward - self.back) // SECOND
        oscillator.set_rtc(now_ns, oscillator.rtc_s(now_ns) + jump_s)
        oscillator.rtc_valid = self.valid
        return target.effects.at_once(now_ns)


class BatteryFault(c.Section):
    """The battery gives less than its age explains; a drop of 0 mends it."""

    kind: Literal["battery_fault"]
    drop_mv: int = Field(description="below what it would give", ge=0, le=4_000)

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Weaken it; takes effect with the next sample."""
        del now_ns
        target.sensors.drop_battery(self.drop_mv)
        return target.effects.later("battery") if self.drop_mv else target.effects.mended("battery")


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


class MemoryFault(c.Section):
    """Memory loses its supply, fails or rots: exactly one of the three.

    Bits flip at once, in what a save of the reference logic left; the others wait for the next
    operations of whatever logic there is.
    """

    kind: Literal["memory_fault"]
    cut_in: int = Field(
        default=0, description="power goes during this operation from now", ge=0, le=1_000_000
    )
    failing: int = Field(
        default=0, description="so many operations from now on fail", ge=0, le=1_000_000
    )
    flip: int = Field(default=0, description="so many bits of a record flip", ge=0, le=1_000)
    where: Literal["newest", "older", "both"] = Field(
        default="newest", description="the record whose bits flip"
    )

    @model_validator(mode="after")
    def _one(self) -> "MemoryFault":
        if sum(count > 0 for count in (self.cut_in, self.failing, self.flip)) != 1:
            raise ValueError("say one of cut_in, failing, flip")
        return self

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Spoil it."""
        if self.flip:
            self._rot(target)
            return target.effects.at_once(now_ns)
        if self.cut_in:
            target.chip.cut_in(self.cut_in)
        else:
            target.chip.fail(self.failing)
        return target.effects.later("memory")

    def _rot(self, target: Target) -> None:
        places = Store(target.memory).places()
        chosen = {"newest": places[:1], "older": places[1:], "both": places}[self.where]
        if not chosen:
            message = f"memory cannot rot there: it holds {len(places)} sound records"
            raise ValueError(message)
        for place in chosen:
            target.chip.rot(place, self.flip)


class FirmwareFault(c.Section):
    """The control logic goes wrong at its next call, once.

    A stall is told by the supervisor, as by a watchdog: the call itself is not interrupted.
    """

    kind: Literal["firmware_fault"]
    how: How = Field(description="what it does")

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


Stimulus = Annotated[
    Fever
    | WarmBath
    | Altitude
    | Dive
    | Withdraw
    | Fill
    | FillPocket
    | FillGas
    | InjectBolus
    | PlantCondition
    | SensorCondition
    | OscillatorFault
    | ClockFault
    | BatteryFault
    | ConverterFault
    | MemoryFault
    | FirmwareFault
    | PowerCycle,
    Field(discriminator="kind"),
]
ADAPTER: TypeAdapter[Any] = TypeAdapter(Stimulus)


def kinds(union: Any) -> dict[str, Any]:
    """The members of a union of things that happen, by the word that names them."""
    members = get_args(get_args(union)[0])
    return {get_args(member.model_fields["kind"].annotation)[0]: member for member in members}


def _hill(now_ns: int, ramp_ns: int, duration_ns: int, top: float) -> list[tuple[int, float]]:
    up_ns = now_ns + ramp_ns
    return [
        (now_ns, 0.0),
        (up_ns, top),
        (up_ns + duration_ns, top),
        (up_ns + duration_ns + ramp_ns, 0.0),
    ]
