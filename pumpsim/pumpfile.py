"""Pump files: one TOML file makes one pump, its patient, its configuration and its links."""

from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Final

from pydantic import AwareDatetime, Field, field_validator

from protocol import configfile as c
from protocol.codec import explain
from protocol.messages import (
    MAX_DISSOLVED_NG_PER_ML,
    MAX_PLAN,
    Configuration,
    ConfigurationReport,
    PlanStep,
    Refill,
)
from protocol.topics import check_name
from protocol.vocabulary import Propellant
from pumpsim.plant.ledger import Fluid
from pumpsim.plant.parameters import BODY_K, ML, PatientParameters, PumpParameters
from pumpsim.plant.properties import PROPELLANTS

NS_PER_S: Final = 1_000_000_000
DAY_NS: Final = 86_400 * NS_PER_S
BARE: Final = "bare"
PROPELLANT_WORDS: Final = {name: Propellant[name.replace("-", "_").upper()] for name in PROPELLANTS}


class PumpSection(c.Section):
    """The pump."""

    id: str = Field(description="unique on its network: 1 to 32 of A-Z a-z 0-9 . _ -")
    model: c.Name = Field(default="HAI-30", description="pump model, as the pump tells it")
    logic: str = Field(
        default="pumpsim.firmware:ReferenceLogic",
        description='control logic MODULE:CLASS, or "bare"',
    )
    propellant: str = Field(default="n-butane", description=", ".join(PROPELLANTS))
    capacity: c.VolumeNl = Field(
        default=c.text("30 mL"), description="reservoir when full", gt=0, le=100_000_000
    )
    nominal_flow: c.FlowNlPerH = Field(
        default=c.text("1.3 mL/day"),
        description="of water at 37 degC, sea level",
        gt=0,
        le=1_000_000,
    )
    thermal_time: c.DurationNs = Field(
        default=c.text("20 min"), description="time constant of warming up", gt=0
    )
    restrictor_conductance_factor: float = Field(
        default=1.0, description="how fast the restrictor really is against its label", gt=0, le=100
    )
    propellant_pressure_factor: float = Field(
        default=1.0, description="of the propellant's vapour pressure, as it really is", gt=0, le=2
    )
    bellows_rate: c.StiffnessPaPerM3 = Field(
        default=c.text("100 Pa/mL"),
        description="reservoir pressure gained with volume",
        ge=0,
        le=1_000_000_000,
    )

    @field_validator("id")
    @classmethod
    def _id(cls, value: str) -> str:
        return check_name(value)

    @field_validator("propellant")
    @classmethod
    def _propellant(cls, value: str) -> str:
        if value not in PROPELLANTS:
            message = f"is no propellant that drives a pump; {c.suggest(value, list(PROPELLANTS))}"
            raise ValueError(message)
        return value


class FillSection(c.Section):
    """What is in the reservoir when the run begins, as filled and as declared."""

    drug: c.Name = Field(default="FUDR", description="name of the drug")
    concentration: c.ConcentrationNgPerMl = Field(
        default=c.text("6.46 mg/mL"),
        description="of the drug in the fill",
        ge=0,
        le=MAX_DISSOLVED_NG_PER_ML,
    )
    viscosity_ratio: float = Field(default=1.014, description="against water", ge=0.5, le=100)
    volume: c.VolumeNl = Field(default=c.text("28 mL"), description="in the reservoir", gt=0)
    batch: c.Name = Field(default="A1", description="of the fill")
    stability: c.DurationNs | None = Field(
        default=None,
        description="how long it is good, where that is less than alarms.drug_stability",
        gt=0,
    )

    @property
    def stability_s(self) -> int | None:
        """As it is declared."""
        return None if self.stability is None else self.stability // NS_PER_S


class PatientSection(c.Section):
    """The patient and the place."""

    body_temperature: c.TemperatureMk = Field(
        default=c.text("37 degC"), description="daily mean", ge=303_150, le=316_150
    )
    circadian_amplitude: c.DifferenceMk = Field(
        default=c.text("0.35 K"), description="half the daily swing", ge=0, le=2_000
    )
    arterial_pressure: c.PressurePa = Field(
        default=c.text("93 mmHg"), description="mean, above ambient", gt=0, le=40_000
    )
    altitude: c.AltitudeM = Field(default=c.text("0 m"), description="of home", ge=-400, le=4_000)


class AlarmSection(c.Section):
    """Limits the control logic is configured with."""

    tolerance_percent: int = Field(
        default=15, description="allowed deviation of the flow", ge=5, le=30
    )
    low_volume: c.VolumeNl = Field(default=c.text("3 mL"), description="low reservoir", gt=0)
    empty_volume: c.VolumeNl = Field(default=c.text("1 mL"), description="empty reservoir", gt=0)
    refill_interval: c.DurationNs = Field(
        default=c.text("14 d"), description="to refill due", ge=DAY_NS, le=90 * DAY_NS
    )
    refill_grace: c.DurationNs = Field(default=c.text("2 d"), description="due to overdue")
    refill_min_interval: c.DurationNs = Field(
        default=c.text("7 d"), description="sooner needs a reason"
    )
    drug_stability: c.DurationNs = Field(default=c.text("30 d"), description="age limit of a fill")
    dose_limit_percent: int = Field(
        default=125, description="of the prescription, in any window", ge=100, le=200
    )


class PlanSection(c.Section):
    """One step of the course plan; the steps repeat for ever."""

    drug: c.Name = Field(description="as refills declare it")
    duration: c.DurationNs = Field(description="until the next step", ge=NS_PER_S)


class ClockSection(c.Section):
    """The device's own time."""

    error_ppm: Annotated[float, Field(ge=-1_000, le=1_000)] = Field(
        default=5.0, description="of the oscillator"
    )
    start: AwareDatetime = Field(
        default=datetime(2026, 1, 1, tzinfo=UTC), description="the calendar when the run begins"
    )


class LinkSection(c.Section):
    """Links of this pump when several are served; the command line's win for a single one."""

    serial: str = Field(default="pty", description="pty[:LINK], PORT[?baud=N] or none")
    tcp: str = Field(default="127.0.0.1:0", description="HOST:PORT or none; port 0 is any free one")
    mqtt: bool = Field(default=True, description="whether it is on the broker")
    telemetry_period: c.DurationNs = Field(
        default=c.text("1 min"), description="on MQTT, device time", ge=10_000_000
    )


class PumpFile(c.Section):
    """A pump file. Everything but the id has a default."""

    pump: PumpSection
    fill: FillSection = FillSection()
    patient: PatientSection = PatientSection()
    alarms: AlarmSection = AlarmSection()
    plan: tuple[PlanSection, ...] = Field(default=(), max_length=MAX_PLAN, strict=False)
    clock: ClockSection = ClockSection()
    link: LinkSection = LinkSection()

    @property
    def id(self) -> str:
        """The device id."""
        return self.pump.id

    def plant_parameters(self) -> PumpParameters:
        """The hydraulics; ValueError when they cannot be a pump."""
        return PumpParameters(
            propellant=self.pump.propellant,
            nominal_flow_m3_per_s=self.pump.nominal_flow * 1e-12 / 3_600,
            capacity_m3=self.pump.capacity * 1e-12,
            bellows_rate_pa_per_m3=float(self.pump.bellows_rate),
            thermal_time_s=self.pump.thermal_time / NS_PER_S,
        )

    def plant_conditions(self) -> dict[str, float]:
        """How far the pump really is from its label, as conditions of the plant from the start."""
        pump = self.pump
        return {
            "restrictor_conductance_factor": pump.restrictor_conductance_factor,
            "propellant_pressure_factor": pump.propellant_pressure_factor,
        }

    def patient_parameters(self) -> PatientParameters:
        """The patient."""
        patient = self.patient
        return PatientParameters(
            body_temperature_k=patient.body_temperature / 1e3,
            circadian_amplitude_k=patient.circadian_amplitude / 1e3,
            arterial_pressure_pa=float(patient.arterial_pressure),
            altitude_m=float(patient.altitude),
        )

    def fluid(self) -> Fluid:
        """The initial fill."""
        fill = self.fill
        return Fluid(((fill.drug, fill.concentration),), fill.viscosity_ratio)

    def report(self) -> ConfigurationReport:
        """What the factory and the implanting clinic tell the control logic."""
        pump, fill, alarms, plant = self.pump, self.fill, self.alarms, self.plant_parameters()
        configuration = Configuration(
            model=pump.model,
            capacity_nl=pump.capacity,
            calibration_flow_nl_per_h=pump.nominal_flow,
            calibration_pressure_pa=round(plant.nominal_driving_pa),
            calibration_temperature_mk=round(BODY_K * 1e3),
            nominal_flow_nl_per_h=pump.nominal_flow,
            tolerance_permille=10 * alarms.tolerance_percent,
            low_volume_nl=alarms.low_volume,
            empty_volume_nl=alarms.empty_volume,
            catheter_volume_nl=round(plant.catheter_volume_m3 / ML * 1e6),
            refill_interval_s=alarms.refill_interval // NS_PER_S,
            refill_grace_s=alarms.refill_grace // NS_PER_S,
            refill_min_interval_s=alarms.refill_min_interval // NS_PER_S,
            drug_stability_s=alarms.drug_stability // NS_PER_S,
            propellant=PROPELLANT_WORDS[pump.propellant],
            bellows_rate_pa_per_ml=round(plant.bellows_rate_pa_per_m3 * ML),
            catheter_compliance_nl_per_kpa=round(plant.catheter_compliance_m3_per_pa * 1e15),
            dose_limit_permille=10 * alarms.dose_limit_percent,
            plan=tuple(
                PlanStep(drug=step.drug, duration_s=step.duration // NS_PER_S) for step in self.plan
            ),
        )
        refill = Refill(
            withdrawn_nl=0,
            filled_nl=fill.volume,
            drug=fill.drug,
            concentration_ng_per_ml=fill.concentration,
            viscosity_permille=round(fill.viscosity_ratio * 1_000),
            batch=fill.batch,
            stability_s=fill.stability_s,
        )
        return ConfigurationReport(
            configuration=configuration, last_refill=refill, last_refill_id=1
        )


def load(path: Path) -> PumpFile:
    """Read a pump file; ConfigError names what is wrong, physics included."""
    text = c.read(path)
    pump = c.check(path, text, PumpFile)
    try:
        pump.plant_parameters()
        pump.report()
    except ValueError as error:
        reason = f"this cannot be a pump: {explain(error)}"
        raise c.complain(path, text, ("pump",), reason) from None
    if pump.fill.volume > pump.pump.capacity:
        raise c.complain(path, text, ("fill", "volume"), "is above pump.capacity")
    alarms = pump.alarms
    if not alarms.empty_volume < alarms.low_volume < pump.pump.capacity:
        reason = "empty_volume, low_volume and pump.capacity must rise in this order"
        raise c.complain(path, text, ("alarms", "low_volume"), reason)
    return pump


def demo() -> PumpFile:
    """The pump that comes with the package."""
    with as_file(files("pumpsim") / "demo.toml") as path:
        return load(path)
