"""Reservoir pressure against temperature: a two-phase propellant ties one to the other.

What stands between them is a wrong sensor or a propellant that is going (SEN-03, SEN-05). The
limit is far below what would falsify the flow by half its tolerance.
"""

from dataclasses import dataclass, field
from typing import Final

from protocol.control import Readings
from protocol.messages import Configuration
from protocol.vocabulary import Propellant
from pumpsim.firmware.persistence import Persistence
from pumpsim.firmware.ticks import HOUR
from pumpsim.firmware.vapour import reservoir_pressure_pa

LIMIT_PA: Final = 5_000
"""The sensors' errors add up to 3.3 kPa: 1.2 of the pressure, 0.17 K at up to 12 kPa/K."""
T_CONFLICT: Final = HOUR


@dataclass(slots=True)
class CrossCheck:
    """The reservoir's pressure is too low, or too high, for the temperature."""

    low: Persistence = field(default_factory=Persistence)
    high: Persistence = field(default_factory=Persistence)
    doubtful: bool = False  # they contradict each other now, alarm or not

    def feed(self, now: int, readings: Readings, configuration: Configuration) -> None:
        """Take a sample. Where nothing can be said, what stood goes on standing."""
        pressure_pa, temperature_mk = readings.reservoir_pressure_pa, readings.temperature_mk
        volume_nl = readings.fill_level_nl
        if pressure_pa is None or temperature_mk is None:
            return
        if configuration.propellant is Propellant.UNKNOWN:
            return
        if volume_nl is not None and not (
            configuration.low_volume_nl < volume_nl <= configuration.capacity_nl
        ):
            return  # at its end stops the bellows bear some of the pressure
        excess_pa = pressure_pa - reservoir_pressure_pa(configuration, temperature_mk, volume_nl)
        self.low.feed(now, T_CONFLICT, holds=excess_pa < -LIMIT_PA)
        self.high.feed(now, T_CONFLICT, holds=excess_pa > LIMIT_PA)
        self.doubtful = not -LIMIT_PA <= excess_pa <= LIMIT_PA
