"""What the catheter's pressure tells: clot, disconnect, reverse flow, injection, release.

Everything is judged by the gauge pressure, catheter minus pocket: altitude and depth move both.
In a healthy patient it is the arterial pressure, 10 to 15 kPa with posture (docs/domain.md).
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from protocol.control import Interval, Readings
from pumpsim.firmware.persistence import AGE_MAX, Persistence
from pumpsim.firmware.ticks import MINUTE

P_OCC_PA: Final = 30_000
T_OCC: Final = 10 * MINUTE
"""A complete occlusion climbs there within 20 minutes (OCC-01)."""
P_PARTIAL_PA: Final = 20_000
"""Above any artery's mean with posture and the sensors' drift, 18 kPa. A quarter more resistance
at the tip raises the pressure by 47 kPa (OCC-02)."""
T_PARTIAL: Final = 60 * MINUTE
P_DISC_PA: Final = 4_000
T_DISC: Final = 60 * MINUTE
P_IMPOSSIBLE_PA: Final = -5_000
"""Below the pocket's pressure no catheter can be, wherever it ends: a sensor is wrong (OCC-06)."""
T_IMPOSSIBLE: Final = 10 * MINUTE
REVERSE_SAMPLES: Final = 2
SURGE_PA: Final = 8_000
"""A rise from one sample to the next that neither a clot nor posture brings about."""
SURGE_SAMPLES: Final = 2
REFILL_SURGE_SAMPLES: Final = 1
"""While a refill is under way: a hand can press all of it through the bolus path in a minute, and
then one sample sees it. There a spike of the sensor is called an injection, too (RES-12)."""
FLUSH_SAMPLES: Final = 4
"""A declared flush is over in three minutes; what goes on longer is a refill (RES-12)."""
MAX_SURGE: Final = 60
"""Nobody injects for an hour: from then on it is an occlusion, or a sensor."""
MAX_SKIPPED: Final = 2
FILL_NOT_RISEN_NL: Final = 150_000
RELEASE_PA: Final = 10_000
SHIFT: Final = 3
"""The mean follows with a time constant of 2**3 samples."""
SCALE: Final = 4
"""The mean carries this many binary digits behind the point."""
PA_PER_KPA: Final = 1_000


class Surge(NamedTuple):
    """What is told as an injection: so many samples, by what was declared, and how high.

    Behind a clot the pressure climbs by `climb_pa` in a minute, and not above the reservoir's.
    """

    samples: int = SURGE_SAMPLES
    climb_pa: int = 0


USUAL: Final = Surge()


@dataclass(slots=True)
class Catheter:
    """Detectors of one catheter, fed with every sample."""

    gauge_pa: int | None = None  # of the last sample that had both pressures
    at: int = 0  # its tick
    level_nl: int | None = None  # of that sample
    scaled_mean: int = 0
    kept_pa: int | None = None  # the mean of a life before, where it was raised
    skipped: int = 0  # samples since then
    held: bool = False  # the last of them, to confirm a jump of the catheter's pressure
    occlusion: Persistence = field(default_factory=Persistence)
    partial: Persistence = field(default_factory=Persistence)
    disconnect: Persistence = field(default_factory=Persistence)
    impossible: Persistence = field(default_factory=Persistence)
    calm: bool = True  # the mean was usual, and no condition is under way
    reversed_samples: int = 0
    expected: bool = False  # the last sample was one of them, if this one confirms its jump
    reverse: bool = False
    """Liquid flows backwards (FLW-12): surely, in two samples; until it surely flows forwards."""
    surge_samples: int = 0
    surge_from_pa: int = 0
    surge_from_nl: int | None = None
    injection: bool = False
    released_pa: int = 0  # by how much the pressure fell when an occlusion let go with this sample

    @property
    def off(self) -> bool:
        """Whether it has come off (OCC-05): not when its pressure is impossible (OCC-06)."""
        return self.disconnect.stands and not self.impossible.stands

    def feed(
        self,
        now: int,
        readings: Readings,
        flow: Interval | None,
        *,
        surge: Surge = USUAL,
        held: bool = False,
        expected: Interval | None = None,
    ) -> None:
        """Take a sample.

        The first sample of a jump is none (see `screen`), and counts once the next one confirms it:
        `held` is one of the catheter's pressure, `expected` the flow if it is confirmed. A sample
        that is missing for any other reason does not count.
        """
        if flow is None or flow.high < 0 or self.reversed_samples or self.expected:
            self._reverse(flow, expected)
        self.released_pa = 0
        catheter_pa, pocket_pa = readings.catheter_pressure_pa, readings.pocket_pressure_pa
        if catheter_pa is None or pocket_pa is None:
            self.skipped += 1
            self.held = held
            return
        gauge_pa = catheter_pa - pocket_pa
        if self.gauge_pa is None:
            if self.kept_pa is not None:
                self._release(now, self.kept_pa - gauge_pa)
            self.scaled_mean = gauge_pa << SCALE
        elif self.skipped > MAX_SKIPPED or now - self.at > AGE_MAX:  # steps have been missed
            self._release(now, (self.scaled_mean >> SCALE) - gauge_pa)
            self.scaled_mean, self.surge_samples = gauge_pa << SCALE, 0
        else:
            step_pa = gauge_pa - self.gauge_pa
            if self._release(now, -step_pa):
                self.scaled_mean = gauge_pa << SCALE
            if step_pa >= SURGE_PA or self.surge_samples:
                self._surge(readings, gauge_pa, surge)
            self.scaled_mean += ((gauge_pa << SCALE) - self.scaled_mean) >> SHIFT
        self.gauge_pa, self.at, self.skipped, self.held = gauge_pa, now, 0, False
        self.level_nl = readings.fill_level_nl
        self._persist(now, gauge_pa, self.scaled_mean >> SCALE)

    def _release(self, now: int, fall_pa: int) -> bool:
        """Whether an occlusion let go (OCC-03)."""
        if fall_pa < RELEASE_PA or not self._raised(now):
            return False
        self.released_pa = fall_pa
        return True

    def stored_nl(self, compliance_nl_per_kpa: int) -> int | None:
        """Liquid that an occlusion holds back in the stretched catheter (OCC-03, OCC-04).

        None until a sample of this life has told.
        """
        if self.calm:
            return 0
        if self.gauge_pa is None:
            return None
        over_pa = max((self.scaled_mean >> SCALE) - P_PARTIAL_PA, 0)
        return compliance_nl_per_kpa * over_pa // PA_PER_KPA

    def save(self) -> list[Any]:
        """What stands and lasts; an injection is over at once."""
        lasting = (self.occlusion, self.partial, self.disconnect, self.impossible)
        mean_pa = self.kept_pa if self.gauge_pa is None else self.scaled_mean >> SCALE
        raised = self.occlusion.stands or self.partial.stands
        kept_pa = mean_pa if raised else None
        return [*(condition.stands for condition in lasting), self.reverse, kept_pa]

    def load(self, row: list[Any]) -> None:
        """Take up what `save` gave, beside what stands; the next sample judges it (ALM-09)."""
        lasting = (self.occlusion, self.partial, self.disconnect, self.impossible)
        *stand, reverse, self.kept_pa = row
        for condition, stands in zip(lasting, stand, strict=True):
            condition.stands |= stands
        self.reverse |= reverse
        self.reversed_samples = REVERSE_SAMPLES if self.reverse else 0
        self.calm = False

    def _persist(self, now: int, gauge_pa: int, mean_pa: int) -> None:
        """By the mean; it comes down late, so a short patience ends with the pressure itself."""
        if self.calm and P_DISC_PA <= mean_pa <= P_PARTIAL_PA:
            return
        self.calm = True
        for condition, holds, duration in (
            (self.occlusion, mean_pa > P_OCC_PA < gauge_pa, T_OCC),
            (self.partial, mean_pa > P_PARTIAL_PA, T_PARTIAL),
            (self.disconnect, mean_pa < P_DISC_PA, T_DISC),
            (self.impossible, mean_pa < P_IMPOSSIBLE_PA, T_IMPOSSIBLE),
        ):
            condition.feed(now, duration, holds=holds)
            self.calm = self.calm and not holds

    def _reverse(self, flow: Interval | None, expected: Interval | None) -> None:
        """A sample that waits counts beside one that does not: before it, or with the next."""
        confirmed, self.expected = self.expected, expected is not None and expected.high < 0
        if flow is None:
            self.reversed_samples += self.expected and self.reversed_samples > 0
        elif flow.high < 0:
            self.reversed_samples += 1 + confirmed
        elif flow.low > 0 or not self.reverse:
            self.reversed_samples = 0
        self.reverse = self.reversed_samples >= REVERSE_SAMPLES

    def _raised(self, now: int) -> bool:
        since = self.partial.since
        stands = self.occlusion.stands or self.partial.stands
        return stands or (since is not None and now - since >= T_OCC)

    def _surge(self, readings: Readings, gauge_pa: int, surge: Surge) -> None:
        """RES-12: the catheter's pressure leaps, and the reservoir's content does not."""
        if not self.surge_samples:
            self.surge_from_pa, self.surge_from_nl = self.gauge_pa or 0, self.level_nl
            if gauge_pa - self.surge_from_pa < self._clotted_pa(readings, surge):
                self.injection = False
                return
            self.surge_samples = int(self.held)
        level_nl, risen_nl = readings.fill_level_nl, 0
        if level_nl is not None and self.surge_from_nl is not None:
            risen_nl = level_nl - self.surge_from_nl
        lasts = gauge_pa - self.surge_from_pa >= SURGE_PA and self.surge_samples < MAX_SURGE
        self.surge_samples = self.surge_samples + 1 if lasts else 0
        self.injection = self.surge_samples >= surge.samples and risen_nl < FILL_NOT_RISEN_NL

    def _clotted_pa(self, readings: Readings, surge: Surge) -> int:
        """By how much a clot may have raised the pressure since the last one was read."""
        clotted_pa = surge.climb_pa * (1 + self.held)
        reservoir_pa, pocket_pa = readings.reservoir_pressure_pa, readings.pocket_pressure_pa
        if reservoir_pa is None or pocket_pa is None:
            return clotted_pa
        above_pa = reservoir_pa - pocket_pa + SURGE_PA  # where a syringe alone brings it
        return min(clotted_pa, above_pa - self.surge_from_pa)
