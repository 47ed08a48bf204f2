"""What the fill level says about liquid that a needle moved, declared or not.

Outside a refill window the level falls by what the pump infuses and no faster, and never rises. A
larger move that the next sample confirms, or a rise that adds up, is a needle nobody announced
(TAMPERING); a single sample out of line is the sensor's own affair. A slow withdrawal is the same
data as a leak, and told as too much flow.

After a refill the first level there is must be what was left before, less what was taken out, plus
what was put in (RES-06, RES-07). An exchange of like for like that never took place leaves the
level where it was, and cannot be seen.

What was found is over at once; its alarm latches, and the condition is held for `HOLD` only.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from protocol.messages import Configuration, Refill
from pumpsim.firmware.amounts import pumped
from pumpsim.firmware.fill import VOLUME_ERROR_NL
from pumpsim.firmware.ticks import HOUR, MINUTE

STEP_NL: Final = 250_000
"""A move between two readings that neither noise (95 ul) nor infusion (3 ul) makes."""
T_SLOW: Final = 4 * HOUR
"""Within so long a rise of `STEP_NL` adds up: more than a bubble that a fever's end cools, a dive,
or the level's drift."""
ABORTED_NL: Final = 500_000
"""What a needle may cost that was put in and taken out again: a trial draw, its own volume."""
INFUSION_FACTOR: Final = 3
"""So many times the nominal flow may have left between two readings; more is free flow."""
HOLD: Final = 5 * MINUTE
MAX_AGE: Final = HOUR
"""A level so old still tells the residual: the infusion of an hour is within its error."""
MAX_WAIT: Final = 4 * HOUR
"""A refill that no level has confirmed by then is compared no more."""
DISCREPANCY_PERCENT: Final = 20
"""Parameter dV_discrepancy: withdrawn against predicted."""
LEFT_BEHIND_NL: Final = 600_000
"""No needle reaches it. Withdrawn and predicted may differ by that, and by the level's error."""
FILL_PERCENT: Final = 10
"""Level against declaration after a refill, in parts of the fill."""
FILL_NL: Final = 500_000
"""And at least so much: two levels, each known to 0.25 ml."""
EMPTIED_NL: Final = 1_250_000
"""A reservoir that was emptied holds no more: that, the error of two levels, and the syringe's."""
OVERFILL_HYSTERESIS_NL: Final = 100_000


def most_infused_nl(elapsed: int, configuration: Configuration) -> int:
    """What may have left in so many ticks without free flow."""
    return pumped(INFUSION_FACTOR * configuration.nominal_flow_nl_per_h, elapsed)[0]


class Found(NamedTuple):
    """What was in the reservoir when hands came: what a level told, off by no more, or bounds."""

    least_nl: int
    most_nl: int
    error_nl: int = 0  # of the level that told it

    @property
    def level_nl(self) -> int | None:
        """That level; None where there are bounds alone."""
        return self.least_nl if self.error_nl else None


def most_left_nl(most_before_nl: int, refill: Refill) -> int:
    """How much may be left of what was there before a refill: no needle reaches all of it.

    A syringe is read to half a per cent.
    """
    return max(most_before_nl - refill.withdrawn_nl * 995 // 1_000, LEFT_BEHIND_NL)


@dataclass(slots=True)
class Needle:
    """The last level that can be relied on, and what was found; instants are ticks of this boot."""

    level_nl: int | None = None
    at: int | None = None  # when it was read; None: before this boot
    limit_nl: int = STEP_NL  # a larger difference from it is a move
    first: bool = False  # it stands alone, and no other reading has confirmed it
    suspected: bool = False  # the last reading had moved
    lowest_nl: int | None = None  # of late, that two readings in a row did not exceed
    lowest_at: int = 0
    expected_nl: int | None = None  # after a refill, until a level has been laid beside it
    compare_until: int = 0
    missing_nl: int = 0  # of what was expected, by the last level
    before_nl: int = 0  # that refill
    filled_nl: int = 0
    lacking_nl: int = 0  # of a fill, as two levels tell: until it was taken note of
    spare_nl: int = 0  # so much more may be right, where no level told what was there before
    denied: bool = False  # what is there is not what was declared: until it was taken note of
    borne_out: bool | None = False
    """Whether levels agree with what was declared of the last refill; None while none has told."""
    tampering_until: int = 0
    pocket_fill_until: int = 0
    discrepancy_until: int = 0
    overfilled: bool = False

    def watch(self, now: int, level_nl: int, configuration: Configuration) -> None:
        """Take the level of a sample outside a refill window."""
        before_nl = self.level_nl
        if self.expected_nl is not None:
            self._note_missing(now, level_nl, self.expected_nl, configuration)
        if before_nl is None:
            self._begin(now, level_nl)
        elif self._stays(now, level_nl, before_nl):
            self.level_nl, self.at = level_nl, now
            waits = self.first or self.expected_nl is not None  # a reset forgets the first one
            if waits or self.suspected or self.limit_nl != STEP_NL:
                self._confirmed(now)
        elif self.first or self._infused(now, before_nl - level_nl, configuration):
            self._begin(now, level_nl)
        elif self.suspected:
            self.tampering_until = now + HOLD
            self.borne_out, self.denied = False, True
            self._begin(now, level_nl)
        else:
            self.suspected = True
            return
        if level_nl > configuration.capacity_nl or self.overfilled:
            self._fills(level_nl, configuration.capacity_nl)

    def _begin(self, now: int, level_nl: int) -> None:
        """A level that nothing before it explains; one reading alone may be out of line."""
        self.level_nl, self.at, self.first = level_nl, now, True
        self.limit_nl, self.suspected, self.lowest_nl = STEP_NL, False, None
        if self.expected_nl is not None and now <= self.compare_until:
            self._compare(now, level_nl)

    def _stays(self, now: int, level_nl: int, before_nl: int) -> bool:
        """Whether noise and infusion make it: since the reading before, and since the lowest."""
        if not -self.limit_nl < level_nl - before_nl < self.limit_nl:
            return False
        higher_nl = level_nl if level_nl > before_nl else before_nl
        lowest_nl = self.lowest_nl
        if lowest_nl is None or higher_nl <= lowest_nl or now - self.lowest_at > T_SLOW:
            self.lowest_nl, self.lowest_at = higher_nl, now
            return True
        return level_nl - lowest_nl < STEP_NL

    def _confirmed(self, now: int) -> None:
        if self.expected_nl is not None and now <= self.compare_until:
            missing = self.missing_nl > self._tolerance_nl()
            self.lacking_nl = self.missing_nl if missing else 0
            self.borne_out = self.borne_out is not False
        self.first = self.suspected = False
        self.limit_nl = STEP_NL
        self.expected_nl = None

    def _infused(self, now: int, fall_nl: int, configuration: Configuration) -> bool:
        """Whether the pump may have done it: no level came for long, or nobody counted time."""
        if fall_nl < 0:
            return False
        if self.at is None:
            return True
        return fall_nl < self.limit_nl + most_infused_nl(now - self.at, configuration)

    def residual_nl(self, now: int) -> int | None:
        """What is in the reservoir when a refill begins; None when no level tells."""
        return self.level_nl if self.at is not None and now - self.at <= MAX_AGE else None

    def aborted(self) -> None:
        """A refill window ended undeclared: the level must still be what it was before it."""
        self.limit_nl = ABORTED_NL
        self.lowest_nl = None
        self.first = self.suspected = False

    def committed(self, now: int, found: Found | None, refill: Refill) -> None:
        """A refill was declared; what was there before it is unknown at implantation.

        Where no level told it, nothing is ever borne out.
        """
        self.level_nl = self.expected_nl = None
        self.borne_out = False
        if found is None:
            return
        least_nl, most_nl, error_nl = found
        taken_nl = refill.withdrawn_nl
        near_nl = min(max(taken_nl, least_nl), most_nl)
        more_nl = taken_nl - near_nl
        off_nl = max(more_nl, -more_nl - LEFT_BEHIND_NL) - error_nl
        if off_nl > 0 and 100 * abs(more_nl) > DISCREPANCY_PERCENT * near_nl:
            self.discrepancy_until = now + HOLD
        elif error_nl:
            self.borne_out = None
        self.expected_nl = max(least_nl - taken_nl, 0) + refill.filled_nl
        self.spare_nl = max(most_nl - taken_nl, 0) + refill.filled_nl - self.expected_nl
        self.compare_until = now + MAX_WAIT
        self.before_nl = least_nl
        self.filled_nl = refill.filled_nl

    def _note_missing(
        self, now: int, level_nl: int, expected_nl: int, configuration: Configuration
    ) -> None:
        """Less than was declared, beyond what a pump in order has infused since; or (-) more."""
        missing_nl = expected_nl - level_nl
        since = now - self.compare_until + MAX_WAIT
        infused_nl = pumped(configuration.nominal_flow_nl_per_h, since)[0]
        self.missing_nl = missing_nl - min(max(missing_nl, 0), infused_nl)

    def _compare(self, now: int, level_nl: int) -> None:
        """RES-07: the declared fill against the level."""
        missing_nl = self.missing_nl
        if max(missing_nl, -missing_nl - self.spare_nl) <= self._tolerance_nl():
            return
        self.borne_out, self.denied = False, True
        unmoved = abs(level_nl - self.before_nl) <= STEP_NL
        if missing_nl > 0 and (unmoved or 2 * missing_nl > self.filled_nl):
            self.pocket_fill_until = now + HOLD
        else:
            self.discrepancy_until = now + HOLD

    def _tolerance_nl(self) -> int:
        return max(FILL_PERCENT * self.filled_nl // 100, FILL_NL)

    def _fills(self, level_nl: int, capacity_nl: int) -> None:
        """RES-08: the level, less its error, is above capacity; noise does not end it."""
        slack_nl = OVERFILL_HYSTERESIS_NL if self.overfilled else 0
        self.overfilled = level_nl - VOLUME_ERROR_NL > capacity_nl - slack_nl

    def findings(self) -> tuple[int, int, int]:
        """Until when each is held that was found: needle, pocket, discrepancy."""
        return self.tampering_until, self.pocket_fill_until, self.discrepancy_until

    def save(self, now: int) -> dict[str, Any]:
        """What outlives a reset; what was found stands in the alarm book."""
        return {
            "level_nl": self.level_nl,
            "limit_nl": self.limit_nl,
            "expected_nl": self.expected_nl,
            "compare_in": self.compare_until - now,
            "before_nl": self.before_nl,
            "filled_nl": self.filled_nl,
            "spare_nl": self.spare_nl,
            "overfilled": self.overfilled,
            "borne_out": self.borne_out,
        }

    def load(self, now: int, state: dict[str, Any]) -> None:
        """Take up what `save` gave: time passed uncounted, and only a rise tells of a needle."""
        self.level_nl = state["level_nl"]
        self.limit_nl = state["limit_nl"]
        self.expected_nl = state["expected_nl"]
        self.compare_until = now + state["compare_in"]
        self.before_nl = state["before_nl"]
        self.filled_nl, self.spare_nl = state["filled_nl"], state["spare_nl"]
        self.overfilled, self.borne_out = state["overfilled"], state["borne_out"]
