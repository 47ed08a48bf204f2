"""Too much or too little flow, as an integral: a flow that dances round its limit cannot hide.

Time outside the tolerance counts up, time inside counts down at half the rate, so that half the
time outside still raises the alarm (FLW-02, FLW-04, FLW-05). Free flow and a stop are told by two
samples, or by the slope of the fill level (FLW-03, FLW-04).
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from protocol.control import Interval
from protocol.messages import MAX_FLOW_NL_PER_H as MOST
from protocol.messages import Configuration
from protocol.vocabulary import Quality
from pumpsim.firmware.balance import Balance
from pumpsim.firmware.fill import BUCKET, FEWEST, LONG, SHORT, FillLevel
from pumpsim.firmware.interval import interval_of
from pumpsim.firmware.ticks import HOUR

T_OVER: Final = HOUR
FREE_FLOW_FACTOR: Final = 3
FREE_FLOW_SAMPLES: Final = 2
STOPPED_DIVISOR: Final = 10
"""A flow below a tenth of nominal is none at all."""
FAST_PERMILLE: Final = 1_500
"""By an hour of fill level alone, whose error is large: surely half more than nominal."""
FULL: Final = 2
"""Buckets in a row: the first may have begun while the pressures explained nothing."""
CHANGE_BUCKETS: Final = (SHORT, 2 * SHORT, 3 * SHORT, 4 * SHORT)
"""Of windows in which a change shows that came after the level was found to disagree."""
STILL_DIVISOR: Final = 4
"""By the fill level: surely less than a quarter of nominal."""


class Limits(NamedTuple):
    """Flows in nl/h beyond which something is wrong."""

    over: int
    under: int
    free: int
    stopped: int
    fast: int
    still: int


def limits_of(configuration: Configuration) -> Limits:
    """The limits that a configuration sets."""
    nominal = configuration.nominal_flow_nl_per_h
    margin = nominal * configuration.tolerance_permille // 1_000
    return Limits(
        over=nominal + margin,
        under=nominal - margin,
        free=FREE_FLOW_FACTOR * nominal,
        stopped=nominal // STOPPED_DIVISOR,
        fast=nominal * FAST_PERMILLE // 1_000,
        still=nominal // STILL_DIVISOR,
    )


def _integrate(total: int, elapsed: int, *, outside: bool) -> int:
    if outside:
        return min(total + elapsed, 2 * T_OVER)
    return max(total - elapsed // 2, 0)


@dataclass(slots=True)
class Deviation:
    """Two integrators and two counters, fed by the flow that the pressures explain."""

    over: int = 0
    under: int = 0
    free: int = 0
    stopped: int = 0
    over_infusion: bool = False
    under_infusion: bool = False
    stop: bool = False

    def feed(self, stretch: tuple[int, int], flow: int, limits: Limits, *, cold: bool) -> None:
        """Take a flow in nl/h that stood for a stretch of (samples, ticks).

        `cold` masks too little flow, and nothing else, while a fill warms up (FLW-08).
        """
        samples, elapsed = stretch
        if limits.under <= flow <= limits.over and not (self.over or self.under):
            self.free = self.stopped = 0  # the usual: nothing counts, nothing stands
            self.over_infusion = self.under_infusion = self.stop = False
            return
        low = flow < limits.under and not cold
        self.over = _integrate(self.over, elapsed, outside=flow > limits.over)
        self.under = _integrate(self.under, elapsed, outside=low)
        self.free = self.free + samples if flow >= limits.free else 0
        self.stopped = self.stopped + samples if flow < limits.stopped else 0
        self.stop = self.stopped >= FREE_FLOW_SAMPLES
        self.over_infusion = self.free >= FREE_FLOW_SAMPLES or _state(
            self.over, standing=self.over_infusion
        )
        self.under_infusion = _state(self.under, standing=self.under_infusion)

    def save(self) -> list[int]:
        """What stands, and how far it has to run down; what did not stand yet starts anew."""
        over = self.over if self.over_infusion else 0
        under = self.under if self.under_infusion else 0
        free = self.free if self.free >= FREE_FLOW_SAMPLES else 0
        return [over, under, self.stopped if self.stop else 0, free]

    def load(self, row: list[int]) -> None:
        """Take up what `save` gave, beside what stands by now (ALM-09)."""
        own = self.over, self.under, self.stopped, self.free
        self.over, self.under, self.stopped, self.free = map(max, own, row)
        over, under, stop, _ = (number > 0 for number in row)
        self.over_infusion |= over
        self.under_infusion |= under
        self.stop |= stop


def _most_nl(flow: Interval | None, buckets: int) -> int:
    """That it comes to, either way, in so many buckets."""
    return 0 if flow is None else max(flow.high, -flow.low) * buckets * BUCKET // HOUR


def _apart(one: Interval | None, other: Interval | None) -> bool:
    """Whether no flow lies in both."""
    return (
        one is not None
        and other is not None
        and max(one.low, other.low) > min(one.high, other.high)
    )


def _joined(one: Interval, other: Interval | None) -> Interval:
    """Where no flow lies in both: what lies in either, and between."""
    if other is None or not _apart(one, other):
        return one
    return one._replace(low=min(one.low, other.low), high=max(one.high, other.high))


def _state(total: int, *, standing: bool) -> bool:
    return total > 0 if standing else total >= T_OVER


@dataclass(slots=True)
class FillDeviation:
    """What the slopes of the fill level tell; their whole intervals must lie outside.

    What was concluded stands until a new slope tells otherwise: over a reset, a gap, and a refill
    window in which nothing was declared (ALM-09).
    """

    free: bool = False  # by the last hour
    over: bool = False
    under: bool = False
    still: bool = False
    loss: bool = False  # more left than the pressures explain
    rest: bool = False  # less
    window: int = 0  # by the window of 6 h alone: 1 more, -1 less
    balance: Balance = field(default_factory=Balance)  # since the refill
    beyond: Interval | None = None  # while either stands: what left beyond `explained`, in nl/h
    explained: int = 0  # the mean flow of the pressures then
    stood: int = 0  # buckets for which it has been what it is, `LONG` at most

    @property
    def disagrees(self) -> bool:
        """Whether the level contradicts the pressures, either way."""
        return self.loss or self.rest

    @property
    def is_new(self) -> bool:
        """Whether they have disagreed for less than a whole window, or on something else."""
        return self.disagrees and self.stood < LONG

    def judge(self, fill: FillLevel, flow: Interval | None, limits: Limits) -> None:
        """Take new slopes; a flow tells how far its own error goes (U_total of FLW-06)."""
        slope, recent = fill.slope, fill.recent
        if recent is not None:  # noise ends it no more than it begins it
            self.free = (recent.estimate if self.free else recent.low) > limits.fast
        if self.free:
            self.over = True
        elif slope is not None:  # else what stood before a reset goes on standing (ALM-09)
            self.over = slope.low > limits.over
        if slope is not None:
            self.under = slope.high < limits.under
            self.still = slope.high < limits.still
        if flow is not None:
            self._weigh(fill, (flow.high - flow.low) // 2)

    def _weigh(self, fill: FillLevel, error: int) -> None:
        """FLW-06: over 6 h, and since the refill; the pressures may be off by `error` nl/h."""
        loss = fill.loss
        if fill.explained < FULL:
            self.balance.pause()
        else:
            self.balance.add(fill.middles[-1], fill.levels_nl[-1] + fill.pumped_nl[-1], error)
        if loss is not None:
            self.window = (loss.low > error) - (loss.high < -error)
        was, side = self.loss - self.rest, self.window or self.balance.side
        self.loss, self.rest = side > 0, side < 0
        if not side:
            self.beyond, self.stood = None, 0
            return
        anew = was != side or any(_apart(fill.over(n)[1], self.beyond) for n in CHANGE_BUCKETS)
        self.stood = 1 if anew else min(self.stood + 1, LONG)
        slope, loss = fill.over(self._since(fill))
        if slope is None or loss is None:
            return
        self.explained = slope.estimate - loss.estimate
        if self.stood < SHORT:  # it may be newer than the window, and large
            for n in range(FEWEST, SHORT):
                loss = _joined(loss, fill.over(n)[1])
        self.beyond = loss

    def _since(self, fill: FillLevel) -> int:
        """The buckets that tell what is so now: those since it was found, an hour of them at least.

        A longer window has a smaller error, and means what is so now with what was.
        """
        if self.stood >= LONG:
            return LONG
        return max(SHORT, min(self.stood, fill.explained))

    def missed_nl(self, fill: FillLevel) -> int:
        """How far off, at most, was what was counted until it was found.

        The first buckets of a stretch are in no balance: as much as of late may have left in them.
        """
        unseen_nl = _most_nl(fill.recent, FULL + 1)
        return unseen_nl + max(_most_nl(fill.loss or self.beyond, LONG), self.balance.most_nl())

    def correct(self, flow: Interval, *, watched: bool) -> Interval:
        """What the pressures say now, and what the level said beyond it: it holds both (SEN-05).

        A leak adds the same to any flow, a restrictor as large a part of it: bounds hold either.
        The level's best guess counts while it is `watched`, and not without it (SEN-06).
        """
        low, estimate, high, _ = flow
        if self.beyond is None:
            return flow._replace(quality=Quality.DEGRADED)
        ends = [0, self.beyond.low, self.beyond.high]
        if self.explained > 0:
            grown = min(estimate, FREE_FLOW_FACTOR * self.explained)
            ends += [end * grown // self.explained for end in ends]
        low, high = max(low + min(ends), -MOST), min(high + max(ends), MOST)
        guess = estimate + self.beyond.estimate if watched else estimate
        return Interval(low, max(low, min(guess, high)), high, Quality.DEGRADED)

    def save(self) -> list[Any]:
        """All of it, directions included."""
        flags = [self.free, self.over, self.under, self.still, self.loss, self.rest]
        found = [self.beyond, self.explained, self.stood]
        return [*flags, self.window, self.balance.save(), *found]

    def load(self, row: list[Any]) -> None:
        """Take up what `save` gave, beside what stands by now."""
        free, over, under, still, loss, rest, window, balance, beyond, explained, stood = row
        self.free |= free
        self.over |= over
        self.under |= under
        self.still |= still
        self.loss |= loss
        self.rest |= rest
        self.window = self.window or window
        self.balance.load(balance)
        if self.beyond is None:
            self.beyond, self.explained = interval_of(beyond), explained
            self.stood = stood if stood == LONG else 0  # no mean of before is left
