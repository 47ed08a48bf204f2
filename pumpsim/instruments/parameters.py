"""What the emulated instruments of a bench are: resolution, noise, speed, limits.

The defaults are of common laboratory instruments (A). Noise is bounded at three times its rms.
"""

from pydantic import Field, model_validator

from protocol import configfile as c
from pumpsim.streams import BOUND


class BalanceSection(c.Section):
    """The balance under the catheter's beaker."""

    drop: c.VolumeNl = Field(
        default=c.text("0 uL"),
        description="mean volume of a drop, such as 12 uL; 0 uL: the tip is submerged",
        ge=0,
        le=100_000,
    )
    drop_jitter: float = Field(
        default=0.02, description="rms of where drops end, as a share of the mean", ge=0, le=0.15
    )
    settling: c.DurationNs = Field(
        default=c.text("500 ms"), description="time constant", gt=0, le=60_000_000_000
    )
    resolution: c.MassUg = Field(default=c.text("0.1 mg"), description="one digit", gt=0)
    noise: c.MassUg = Field(default=c.text("0.05 mg"), description="rms", ge=0)
    capacity: c.MassUg = Field(default=c.text("220 g"), description="on the pan", gt=0)
    beaker: c.MassUg = Field(default=c.text("50 g"), description="on the pan, empty", ge=0)
    evaporation: c.MassUgPerH = Field(
        default=c.text("0.1 mg/h"), description="from the covered beaker", ge=0
    )
    room_temperature: c.TemperatureMk = Field(
        default=c.text("22 degC"), description="of the liquid weighed", ge=283_150, le=313_150
    )

    @property
    def largest_drop_nl(self) -> float:
        """What can hang at the tip: two ends lie no further apart."""
        return self.drop * (1.0 + 2.0 * BOUND * self.drop_jitter)


class BathSection(c.Section):
    """The bath that the pump lies in."""

    time_constant: c.DurationNs = Field(
        default=c.text("10 min"), description="of heating and cooling", gt=0
    )
    idle_time_constant: c.DurationNs = Field(
        default=c.text("3 h"), description="towards the room, once it is stopped", gt=0
    )
    lowest: c.TemperatureMk = Field(
        default=c.text("15 degC"), description="set point", ge=283_150, le=323_150
    )
    highest: c.TemperatureMk = Field(
        default=c.text("45 degC"), description="set point", ge=283_150, le=323_150
    )
    room_temperature: c.TemperatureMk = Field(
        default=c.text("22 degC"), description="where it ends when it is stopped", ge=283_150
    )
    resolution: c.DifferenceMk = Field(default=c.text("10 mK"), description="one digit", gt=0)
    noise: c.DifferenceMk = Field(default=c.text("5 mK"), description="rms", ge=0)
    offset: c.DifferenceMk = Field(
        default=c.text("30 mK"), description="the sensor's, at most, either way", ge=0
    )

    @model_validator(mode="after")
    def _rising(self) -> "BathSection":
        if self.lowest >= self.highest:
            raise ValueError("lowest must be below highest")
        return self

    @property
    def uncertainty_k(self) -> float:
        """Offset, noise and half a digit."""
        return (self.offset + BOUND * self.noise + 0.5 * self.resolution) / 1e3


class PressureSection(c.Section):
    """The pressure controller at the catheter's tip."""

    rate: c.PressurePaPerMin = Field(
        default=c.text("1 kPa/s"), description="of a change", gt=0, le=60_000_000
    )
    vent_time: c.DurationNs = Field(default=c.text("5 s"), description="to let go", gt=0)
    lowest: c.PressurePa = Field(default=c.text("-10 kPa"), description="set point", ge=-20_000)
    highest: c.PressurePa = Field(default=c.text("100 kPa"), description="set point", le=300_000)
    resolution: c.PressurePa = Field(default=c.text("1 Pa"), description="one digit", gt=0)
    noise: c.PressurePa = Field(default=c.text("5 Pa"), description="rms", ge=0)
    offset: c.PressurePa = Field(
        default=c.text("20 Pa"), description="the sensor's, at most, either way", ge=0
    )

    @model_validator(mode="after")
    def _rising(self) -> "PressureSection":
        if self.lowest >= self.highest:
            raise ValueError("lowest must be below highest")
        return self

    @property
    def uncertainty_kpa(self) -> float:
        """Offset, noise and half a digit."""
        return (self.offset + BOUND * self.noise + 0.5 * self.resolution) / 1e3


class SupplySection(c.Section):
    """The supply in place of the pump's battery."""

    highest: c.VoltageMv = Field(
        default=c.text("3.6 V"), description="that can be set", gt=0, le=4_000
    )
    brown_out: c.VoltageMv = Field(
        default=c.text("1.8 V"), description="below it the electronics do not run", ge=0
    )
    resolution: c.VoltageMv = Field(default=c.text("1 mV"), description="one digit", gt=0)
    noise: c.VoltageMv = Field(default=c.text("1 mV"), description="rms", ge=0)
    current_resolution: c.CurrentNa = Field(default=c.text("0.1 uA"), description="one digit", gt=0)
    current_noise: c.CurrentNa = Field(default=c.text("0.2 uA"), description="rms", ge=0)
    idle: c.CurrentNa = Field(default=c.text("20 uA"), description="what the pump draws", ge=0)
    sounding: c.CurrentNa = Field(
        default=c.text("2 mA"), description="on top while it sounds", ge=0
    )

    @property
    def uncertainty_v(self) -> float:
        """Noise and half a digit."""
        return (BOUND * self.noise + 0.5 * self.resolution) / 1e3

    @property
    def uncertainty_a(self) -> float:
        """Likewise."""
        return (BOUND * self.current_noise + 0.5 * self.current_resolution) / 1e9


class SyringeSection(c.Section):
    """The syringe that empties and fills the pump."""

    graduation: c.VolumeNl = Field(
        default=c.text("0.1 mL"), description="of the barrel: read to the nearest mark", gt=0
    )

    @property
    def uncertainty_ml(self) -> float:
        """Half a mark."""
        return 0.5 * self.graduation / 1e6


class BenchSection(c.Section):
    """The instruments of one emulated bench."""

    balance: BalanceSection = BalanceSection()
    bath: BathSection = BathSection()
    pressure: PressureSection = PressureSection()
    supply: SupplySection = SupplySection()
    syringe: SyringeSection = SyringeSection()
