"""What a bench puts in the place of a pump's patient and battery, each declared once.

What is held stays until something else of its kind takes its place, or until it is released.
"""

from typing import Final, Literal

from pydantic import Field

from protocol import configfile as c
from pumpsim.faults import Target
from pumpsim.plant import held

HELD: Final = {"bath": held.TEMPERATURE, "outlet_pressure": held.OUTLET, "chamber": held.AMBIENT}
"""The plant's word for what a stimulus holds."""


class Bath(c.Section):
    """The pump lies in a bath, whose temperature is the one around it until it is released."""

    kind: Literal["bath"]
    temperature: c.TemperatureMk = Field(
        description="of the bath in the end", ge=283_150, le=323_150
    )
    time_constant: c.DurationNs = Field(
        default=c.text("10 min"), description="of its approach", gt=0, le=86_400_000_000_000
    )

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Head for it from the present temperature."""
        way = held.approach(self.time_constant)
        target.plant.hold(now_ns, held.TEMPERATURE, self.temperature / 1e3, way)
        return {}


class OutletPressure(c.Section):
    """A pressure controller at the catheter's tip, in place of the artery."""

    kind: Literal["outlet_pressure"]
    pressure: c.PressurePa = Field(description="above ambient", ge=-20_000, le=300_000)
    ramp: c.DurationNs = Field(
        default=c.text("10 s"), description="to get there", gt=0, le=86_400_000_000_000
    )

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Head for it from the present pressure."""
        target.plant.hold(now_ns, held.OUTLET, float(self.pressure), held.ramp(self.ramp))
        return {}


class Chamber(c.Section):
    """An altitude or pressure chamber around the pump and the catheter's tip."""

    kind: Literal["chamber"]
    pressure: c.PressurePa = Field(description="absolute", ge=30_000, le=700_000)
    ramp: c.DurationNs = Field(
        default=c.text("10 min"), description="to get there", gt=0, le=86_400_000_000_000
    )

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Head for it from the present pressure."""
        target.plant.hold(now_ns, held.AMBIENT, float(self.pressure), held.ramp(self.ramp))
        return {}


class SupplyVoltage(c.Section):
    """A supply of this voltage feeds the pump in place of its battery."""

    kind: Literal["supply_voltage"]
    voltage: c.VoltageMv = Field(description="at the battery's terminals", ge=0, le=4_000)

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Connect it; the sensor tells with the next sample."""
        del now_ns
        target.sensors.feed(self.voltage)
        return {}


class PowerOff(c.Section):
    """The electronics lose their supply, clock and memory excepted, until `power_on`."""

    kind: Literal["power_off"]

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Switch off now; what is off stays off."""
        target.power_off(now_ns)
        return {}


class PowerOn(c.Section):
    """Electronics that had lost their supply get it back, and boot."""

    kind: Literal["power_on"]

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Switch on now; what is on goes on."""
        target.power_on(now_ns)
        return {}


class Release(c.Section):
    """What a bench holds is the patient's again, or the battery's, from now on."""

    kind: Literal["release"]
    what: Literal["bath", "outlet_pressure", "chamber", "supply_voltage"] = Field(
        description="the stimulus that holds it"
    )

    def act(self, target: Target, now_ns: int) -> dict[str, int]:
        """Let go now; nothing happens when it was not held."""
        if self.what == "supply_voltage":
            target.sensors.feed(None)
        else:
            target.plant.release(now_ns, HELD[self.what])
        return {}
