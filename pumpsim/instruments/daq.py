"""A data acquisition unit on a pump without electronics: transducers in volts, and one relay.

What a bench has before there is a board: pressure, temperature and level transducers with 0 to 10 V
outputs, the battery on a channel of its own, and a contact that a buzzer hangs on.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pumpsim.device import Device
from pumpsim.instruments.element import Element
from pumpsim.instruments.outlook import Outlook
from pumpsim.plant.plant import Plant
from pumpsim.streams import BOUND

UV_PER_V: Final = 1e6
FULL_V: Final = 10.0
NOISE_UV: Final = 200
"""Rms, of a transducer and its channel together (A)."""
RIPPLE_UV: Final = 2_000
"""Rms, of a battery under its load, as the pump's own converter sees it too (A)."""
DIGIT_UV: Final = 10
RELAY: Final = 201
ZERO_CELSIUS_K: Final = 273.15


class Transducer(NamedTuple):
    """What one channel measures: zero and full scale, in `unit`, at 0 and 10 V."""

    quantity: str
    full: float
    unit: str
    noise_uv: int = NOISE_UV


TRANSDUCERS: Final = {
    101: Transducer("reservoir_pressure", 700.0, "kPa"),
    102: Transducer("catheter_pressure", 700.0, "kPa"),
    103: Transducer("catheter_pulse", 100.0, "kPa"),
    104: Transducer("pocket_pressure", 700.0, "kPa"),
    105: Transducer("pump_temperature", 100.0, "degC"),
    106: Transducer("fill_level", 100.0, "mL"),
    107: Transducer("battery", 10.0, "V", RIPPLE_UV),
}
"""By channel number. Pressures are absolute, the pulse is an amplitude."""


class Daq:
    """The unit; its relay is open at first."""

    def __init__(self, device: Device, seed: int) -> None:
        """On the transducers of that pump."""
        self.closed = False
        self._device = device
        self._outlook = Outlook(device)
        self._elements = {
            channel: Element(seed, f"daq {channel}", rms=transducer.noise_uv, digit=DIGIT_UV)
            for channel, transducer in TRANSDUCERS.items()
        }

    def volts(self, now_ns: int, channels: Sequence[int]) -> list[float]:
        """What channels of `TRANSDUCERS` read in one scan; they saturate at either end."""
        plant = self._outlook.at(now_ns)
        return [self._reads(channel, plant, now_ns) for channel in channels]

    @staticmethod
    def uncertainty(channel: int) -> float:
        """Of a value, in its transducer's unit: noise, which is bounded, and half a digit."""
        transducer = TRANSDUCERS[channel]
        share = (BOUND * transducer.noise_uv + 0.5 * DIGIT_UV) / UV_PER_V / FULL_V
        return transducer.full * share

    def switch(self, *, closed: bool) -> None:
        """The relay."""
        self.closed = closed

    def save(self) -> dict[str, Any]:
        """Plain data."""
        return {"closed": self.closed}

    def load(self, data: dict[str, Any]) -> None:
        """Take up what `save` gave."""
        self.closed = data["closed"]

    def _reads(self, channel: int, plant: Plant, now_ns: int) -> float:
        transducer = TRANSDUCERS[channel]
        truth = self._truth(transducer.quantity, plant, now_ns)
        share = min(max(truth / transducer.full, 0.0), 1.0)
        return self._elements[channel].read(share * FULL_V * UV_PER_V, now_ns) / UV_PER_V

    def _truth(self, quantity: str, plant: Plant, now_ns: int) -> float:
        state = plant.state
        match quantity:
            case "pump_temperature":
                return state.pump_temperature_k - ZERO_CELSIUS_K
            case "fill_level":
                return state.reservoir_volume_m3 * 1e6
            case "battery":
                return self._device.sensors.battery.voltage_mv(now_ns) / 1e3
            case _:
                pressure_pa: float = getattr(state, f"{quantity}_pa")
                return pressure_pa / 1e3
