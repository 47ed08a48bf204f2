"""The battery's voltage under load, in stages: none is skipped, and none flickers."""

from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pumpsim.firmware.persistence import LOOK_MAX, Persistence
from pumpsim.firmware.ticks import MINUTE

LOW_MV: Final = 2_600
END_MV: Final = 2_450
"""Assumed stages of a cell that starts at 2,900 mV and fades by 40 mV a year."""
ERROR_MV: Final = 7
"""Noise bound and half a step."""
T_BATTERY: Final = 10 * MINUTE


@dataclass(slots=True)
class Battery:
    """Two stages; the second one implies the first."""

    low: Persistence = field(default_factory=partial(Persistence, LOOK_MAX))
    end: Persistence = field(default_factory=partial(Persistence, LOOK_MAX))

    def feed(self, now: int, battery_mv: int | None) -> None:
        """Take a sample; without a reading the stages stay as they are."""
        if battery_mv is None:
            return
        for stage, limit_mv in ((self.low, LOW_MV), (self.end, END_MV)):
            error_mv = -ERROR_MV if stage.stands else ERROR_MV
            stage.feed(now, T_BATTERY, holds=battery_mv < limit_mv - error_mv)

    def save(self) -> list[bool]:
        """The stages that stand."""
        return [self.low.stands, self.end.stands]

    def load(self, row: list[bool]) -> None:
        """Take up what `save` gave, beside what stands by now (ALM-09)."""
        low, end = row
        self.low.stands |= low
        self.end.stands |= end
