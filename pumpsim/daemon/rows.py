"""What the control API tells of truth beside belief, declared for its OpenAPI document.

The rows are made in `pumpsim.comparison`; the unit ends each name.
"""

from pydantic import BaseModel, Field


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
