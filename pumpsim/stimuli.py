"""What the laboratory and the patient's life do to a pump: each declared once.

The control API takes them as request bodies, scenarios as events, traces keep them as records.
"""

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, TypeAdapter, ValidationInfo, field_validator

from protocol import configfile as c
from pumpsim.catalogue import CATALOGUE, no_fault
from pumpsim.catalogue.entry import Fault
from pumpsim.faults import (
    BatteryFault,
    ClockFault,
    ConverterFault,
    FirmwareFault,
    MemoryFault,
    Mendable,
    OscillatorFault,
    PlantCondition,
    PowerCycle,
    SensorCondition,
    Target,
)
from pumpsim.plant.ledger import Fluid
from pumpsim.surroundings import (
    Bath,
    Chamber,
    OutletPressure,
    PowerOff,
    PowerOn,
    Release,
    SupplyVoltage,
)

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
COUGH_RAMP: Final = SECOND // 5


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


class Cough(c.Section):
    """A fit of coughing: the pressure rises in the trunk, hence around the pump and in its artery.

    A cough reaches about 10 kPa in the abdomen, some 30 when it is violent.
    """

    kind: Literal["cough"]
    pressure: c.PressurePa = Field(
        default=c.text("10 kPa"), description="above the usual", gt=0, le=40_000
    )
    duration: c.DurationNs = Field(
        default=c.text("10 s"), description="of the fit", gt=0, le=10 * MINUTE
    )

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Begin now."""
        fit = _hill(now_ns, COUGH_RAMP, self.duration, float(self.pressure))
        target.plant.dive(now_ns, fit)
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


class NamedFault(c.Section):
    """A fault of the catalogue, from now on, or its end: `pumpsim alarms --list` names them."""

    kind: Literal["fault"]
    name: str = Field(description="of the catalogue")
    severity: float | None = Field(
        default=None, description="by default the stated one", allow_inf_nan=False
    )
    end: bool = Field(default=False, description="mend what it broke")

    @field_validator("name")
    @classmethod
    def _known(cls, value: str) -> str:
        fault = CATALOGUE.get(value)
        if fault is None:
            raise ValueError(no_fault(value))
        if not _is_one_act(fault):
            message = f"{value} is no single act; its parts are {fault.parts()}"
            raise ValueError(message)
        return value

    @field_validator("severity")
    @classmethod
    def _within(cls, value: float | None, info: ValidationInfo) -> float | None:
        fault = CATALOGUE.get(info.data.get("name", ""))
        if value is None or fault is None:
            return value
        if fault.severity is None:
            message = f"{fault.name} has no degrees: leave severity out"
            raise ValueError(message)
        if why := fault.severity.why_not(value):
            message = f"that of {fault.name} {why}"
            raise ValueError(message)
        return value

    @field_validator("end")
    @classmethod
    def _mends(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001
        fault = CATALOGUE.get(info.data.get("name", ""))
        if not value or fault is None:
            return value
        if not clearance(fault):
            message = f"{fault.name} is over by itself, or cannot be undone: it has no end"
            raise ValueError(message)
        if info.data.get("severity") is not None:
            raise ValueError("an end has no degrees: leave severity out")
        return value

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Let its stimuli act now, or what mends them."""
        fault = CATALOGUE[self.name]
        severity = fault.stated() if self.severity is None else self.severity
        result: dict[str, int] = {}
        for stimulus in clearance(fault) if self.end else _acts(fault, severity):
            result |= stimulus.act(target, now_ns)
        return result


def clearance(fault: Fault) -> list[Mendable]:
    """What mends all that it broke; nothing where a part is a moment, or over by itself."""
    if not _is_one_act(fault):
        return []
    mended = [act.mended() for act in _acts(fault, fault.stated()) if isinstance(act, Mendable)]
    found = [one for one in mended if one is not None]
    return found if len(found) == len(fault.steps) else []


def _is_one_act(fault: Fault) -> bool:
    """Whether a single stimulus can be it: no visit, and nothing that takes time."""
    return bool(fault.steps) and not any(step.after_s for step in fault.steps)


def _acts(fault: Fault, severity: float) -> list[Any]:
    return [ADAPTER.validate_python(stimulus) for _, stimulus in fault.steps_at(severity)]


Stimulus = Annotated[
    Fever
    | WarmBath
    | Altitude
    | Dive
    | Cough
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
    | PowerCycle
    | NamedFault
    | Bath
    | OutletPressure
    | Chamber
    | SupplyVoltage
    | PowerOff
    | PowerOn
    | Release,
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
