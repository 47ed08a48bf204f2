"""Reservoir pressure against temperature: a two-phase propellant ties one to the other.

What stands between them is a wrong sensor, a propellant that is going, or a reservoir so full that
the bellows press on it (SEN-03, SEN-05, RES-08).
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from protocol.control import Readings
from protocol.messages import Configuration
from protocol.vocabulary import Propellant
from pumpsim.firmware.persistence import LOOK_MAX, Persistence
from pumpsim.firmware.ticks import HOUR
from pumpsim.firmware.vapour import reservoir_pressure_pa

ERRORS_PA: Final = 3_300
"""What the sensors' errors add up to: 1.2 kPa of the pressure, 0.17 K at up to 12 kPa/K."""
LIMIT_PA: Final = 5_000
T_CONFLICT: Final = HOUR


def limit_of(configuration: Configuration) -> int:
    """What falsifies the flow by half its tolerance (SEN-03), or less where much drives it.

    Where little does, as R-11, it is no less than what sound sensors may be off.
    """
    half_tolerance = configuration.calibration_pressure_pa * configuration.tolerance_permille
    return max(ERRORS_PA, min(LIMIT_PA, half_tolerance // 2_000))


@dataclass(slots=True)
class CrossCheck:
    """The reservoir's pressure is too low, or too high, for the temperature."""

    low: Persistence = field(default_factory=partial(Persistence, LOOK_MAX))
    high: Persistence = field(default_factory=partial(Persistence, LOOK_MAX))
    side: int = 0  # they contradict each other now, alarm or not: 1 too high, -1 too low

    @property
    def doubtful(self) -> bool:
        """Whether they contradict each other now, either way."""
        return self.side != 0

    def feed(self, now: int, readings: Readings, configuration: Configuration) -> None:
        """Take a sample. Where nothing can be said, what stood goes on standing.

        Of a propellant that nobody knows nothing was ever said.
        """
        pressure_pa, temperature_mk = readings.reservoir_pressure_pa, readings.temperature_mk
        volume_nl = readings.fill_level_nl
        if configuration.propellant is Propellant.UNKNOWN:
            self._judge(now, 0)
            return
        if pressure_pa is None or temperature_mk is None:
            return
        if volume_nl is not None and volume_nl <= configuration.low_volume_nl:
            return  # at that end stop the bellows bear some of the pressure; at the other, none
        excess_pa = pressure_pa - reservoir_pressure_pa(configuration, temperature_mk, volume_nl)
        limit_pa = limit_of(configuration)
        self._judge(now, (excess_pa > limit_pa) - (excess_pa < -limit_pa))

    def _judge(self, now: int, side: int) -> None:
        self.side = side
        self.low.feed(now, T_CONFLICT, holds=side < 0)
        self.high.feed(now, T_CONFLICT, holds=side > 0)

    def save(self) -> list[Any]:
        """What stands, and what they said last: doubt outlives a reset (ALM-09)."""
        return [self.low.stands, self.high.stands, self.side]

    def load(self, row: list[Any]) -> None:
        """Take up what `save` gave, beside what stands by now."""
        low, high, side = row
        self.low.stands |= low
        self.high.stands |= high
        self.side = self.side or side
