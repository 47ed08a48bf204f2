"""What surrounds the pump: heat, altitude, depth. Beyond the envelope estimates are extrapolated.

Only what is certain counts: a reading has to lie beyond the limit by the sensor's whole declared
error, so that the truth does too, in every sample of the time it has to last (ENV-02, OCC-07).
"""

from dataclasses import dataclass, field
from typing import Final

from protocol.control import Readings
from pumpsim.firmware.persistence import MAX_GAP, Persistence
from pumpsim.firmware.ticks import HOUR, MINUTE

T_HOT_MK: Final = 313_150
T_ENV: Final = HOUR
TEMPERATURE_ERROR_MK: Final = 60 + 5 + 100
"""Noise bound, half a step, drift."""
P_LOW_PA: Final = 75_000
P_HIGH_PA: Final = 140_000
T_PRESS: Final = 10 * MINUTE
POCKET_ERROR_PA: Final = 300 + 13 + 1_000
DPDT_MAX_PA: Final = 5_000 + 2 * (300 + 13)
"""Parameter dPdt_max, and the noise of two samples a minute apart."""


@dataclass(slots=True)
class Environment:
    """Three envelopes with persistence, and the pocket's last pressure."""

    hot: Persistence = field(default_factory=Persistence)
    thin: Persistence = field(default_factory=Persistence)
    dense: Persistence = field(default_factory=Persistence)
    pocket_pa: int | None = None
    pocket_at: int = 0
    fever: bool = False  # hot stands, and the reservoir's pressure has confirmed it since it does
    outside: bool = False  # beyond a limit now, alarm or not: the flow law is extrapolated
    in_transient: bool = False
    transient_pa: int = 0  # change since the last sample, when a transient began with this one

    def feed(self, now: int, readings: Readings, *, confirmed: bool) -> None:
        """Take a sample; `confirmed` says that the reservoir's pressure supports the temperature.

        A fever is told by two channels: the temperature sensor alone, which also corrects the
        flow, could not do both (ENV-05). Denied, it is a conflict, and never silence: a propellant
        that is going denies a true one. Confirmed once, it lasts as long as the temperature says.
        A missing channel leaves its conditions as they are.
        """
        temperature_mk, pocket_pa = readings.temperature_mk, readings.pocket_pressure_pa
        self.transient_pa = 0
        if pocket_pa is not None:
            elapsed = now - self.pocket_at
            before_pa = pocket_pa if elapsed > MAX_GAP else self.pocket_pa
            step_pa = pocket_pa - (before_pa or pocket_pa)
            self.pocket_pa, self.pocket_at = pocket_pa, now
            if self.in_transient or not -DPDT_MAX_PA <= step_pa <= DPDT_MAX_PA:
                samples = (elapsed + MINUTE // 2) // MINUTE  # some may have been missing
                self._transient(step_pa // max(samples, 1))
            if self.outside or not P_LOW_PA < pocket_pa < P_HIGH_PA:
                thin_pa, dense_pa = P_LOW_PA - pocket_pa, pocket_pa - P_HIGH_PA
                self.thin.feed(now, T_PRESS, holds=_beyond(self.thin, thin_pa))
                self.dense.feed(now, T_PRESS, holds=_beyond(self.dense, dense_pa))
                self.outside = True
        if temperature_mk is not None and (self.outside or temperature_mk > T_HOT_MK):
            error_mk = -TEMPERATURE_ERROR_MK if self.hot.stands else TEMPERATURE_ERROR_MK
            self.hot.feed(now, T_ENV, holds=temperature_mk > T_HOT_MK + error_mk)
            self.fever = self.hot.stands and (confirmed or self.fever)
            self.outside = True
        if self.outside:
            conditions = (self.hot, self.thin, self.dense)
            self.outside = any(each.stands or each.since is not None for each in conditions)

    @property
    def denied(self) -> bool:
        """Whether it has been too hot for `T_ENV`, by the temperature alone."""
        return self.hot.stands and not self.fever

    def save(self) -> list[bool]:
        """What stands."""
        return [self.hot.stands, self.thin.stands, self.dense.stands, self.fever]

    def load(self, row: list[bool]) -> None:
        """Take up what `save` gave, beside what stands; the next sample judges it (ALM-09)."""
        hot, thin, dense, fever = row
        self.hot.stands |= hot
        self.thin.stands |= thin
        self.dense.stands |= dense
        self.fever |= fever
        self.outside = True

    def _transient(self, step_pa: int) -> None:
        """ENV-04: told once, when it begins. Nothing is masked: no estimate depends on it."""
        fast = not -DPDT_MAX_PA <= step_pa <= DPDT_MAX_PA
        if fast and not self.in_transient:
            self.transient_pa = step_pa
        self.in_transient = fast


def _beyond(condition: Persistence, excess_pa: int) -> bool:
    """Beyond a limit by the sensor's error; once it stands, until surely back (hysteresis)."""
    return excess_pa > (-POCKET_ERROR_PA if condition.stands else POCKET_ERROR_PA)
