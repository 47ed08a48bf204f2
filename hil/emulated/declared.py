"""What the demonstration pump, its sensors and its patient declare, as plain numbers."""

from dataclasses import dataclass
from typing import Final

from pumpsim.pumpfile import demo
from pumpsim.sensors import default_fit

CHANNELS: Final = {channel.name: channel for channel in default_fit()}
NL_PER_M3: Final = 1e12


@dataclass(frozen=True)
class Declared:
    """Bounds, not spreads: nothing that is sound ever leaves them."""

    flow_nl_per_h: float
    driving_pa: float
    bellows_pa_per_nl: float
    concentration_ng_per_nl: float
    refill_interval_s: float
    artery_pa: float
    posture_pa: float
    weather_pa: float


def declared() -> Declared:
    """Of the demonstration pump, in the patient of its file."""
    file = demo()
    pump, patient = file.plant_parameters(), file.patient_parameters()
    return Declared(
        flow_nl_per_h=pump.nominal_flow_m3_per_s * 3_600 * NL_PER_M3,
        driving_pa=pump.nominal_driving_pa,
        bellows_pa_per_nl=pump.bellows_rate_pa_per_m3 / NL_PER_M3,
        concentration_ng_per_nl=file.fill.concentration / 1e6,  # of ng/mL
        refill_interval_s=file.alarms.refill_interval / 1e9,
        artery_pa=patient.arterial_variation_pa,
        posture_pa=patient.posture_pa,
        weather_pa=patient.weather_pa,
    )


def sensor_step(name: str) -> float:
    """The resolution of a sensor, in the unit that ends its name."""
    return float(CHANNELS[name].step)


def sensor_error(name: str, age_ns: int) -> float:
    """The largest error of a healthy one of that age: drift, noise, half a step."""
    return CHANNELS[name].error(age_ns)
