"""What the control API tells of the truth and of belief, declared for its OpenAPI document.

The rows are made in `pumpsim.comparison`, the truth in `pumpsim.device`; the unit ends each name.
"""

from pydantic import BaseModel, Field

from pumpsim.plant.physics import PlantState
from pumpsim.sensors import SensorFault


class Outputs(BaseModel):
    """What the logic has set."""

    sounder: int = Field(description="0 off, else the priority that sounds")
    patient_signal: bool
    valve_open: bool | None = Field(description="null: there is no valve")
    set_rtc_s: int | None = Field(description="a clock is set at once: null")


class Truth(BaseModel):
    """The plant at its last step, and what the laboratory has done to the pump."""

    now_ns: int = Field(description="of that step, plant time since implant, ns")
    state: PlantState
    conditions: dict[str, float] = Field(description="faults and wear of the hydraulics, by name")
    held: dict[str, float] = Field(description="surroundings that a bench holds")
    powered: bool = Field(description="whether the electronics have a supply")
    sensor_faults: dict[str, SensorFault] = Field(description="by channel")
    faults: dict[str, int | None] = Field(
        description="when each fault took effect, by the number that its stimulus was answered"
        " with, plant time in ns; null: not so far"
    )
    fault_names: dict[str, str] = Field(
        description="their names, or kinds, by number; those set before a snapshot was put back"
        " have none"
    )
    ledger: dict[str, int] = Field(description="where every femtolitre is")
    doses_ng: dict[str, int] = Field(description="by drug, what reached the artery")
    lost_ng: dict[str, int] = Field(description="by drug, what went elsewhere")
    ticks: int = Field(description="of the device's oscillator since boot")
    actuation: Outputs


class Row(BaseModel):
    """What is so, what the device makes of it (null: it cannot tell), belief less truth."""

    truth: int
    belief: int | None
    difference: int | None


class BoundedRow(Row):
    """A belief with bounds."""

    low: int | None = Field(description="not below, as believed")
    high: int | None = Field(description="not above, as believed")


class EstimateRow(BoundedRow):
    """And how far it can be trusted."""

    quality: str | None = Field(description="good, degraded or unknown")


class ClockRow(Row):
    """A clock."""

    valid: bool = Field(description="whether the clock calls itself valid")


class Comparison(BaseModel):
    """Truth beside belief at one instant; the truth is of the plant's last step."""

    at_ns: int = Field(description="plant time since implant, ns")
    flow_nl_per_h: EstimateRow = Field(description="from the reservoir into the catheter, nL/h")
    residual_nl: EstimateRow = Field(description="liquid in the reservoir, nL")
    delivered_nl: BoundedRow = Field(
        description="what the pump made arrive in the artery, boluses left out, nL"
    )
    doses_ng: dict[str, BoundedRow] = Field(
        description="by drug, ng; the device tells that of the drug in its reservoir"
    )
    reservoir_pressure_pa: Row = Field(description="absolute, Pa; belief: latest raw reading")
    catheter_pressure_pa: Row = Field(description="absolute, Pa; belief: latest raw reading")
    pocket_pressure_pa: Row = Field(description="absolute, Pa; belief: latest raw reading")
    temperature_mk: Row = Field(description="of the pump, mK; belief: latest raw reading")
    clock_s: ClockRow = Field(description="calendar against real-time clock, unix seconds")
    counted_ms: Row = Field(description="since implant, ms; belief: by the device's oscillator")
