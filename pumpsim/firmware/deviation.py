"""Too much or too little flow, as an integral: a flow that dances round its limit cannot hide.

Time outside the tolerance counts up, time inside counts down at half the rate, so that half the
time outside still raises the alarm (FLW-02, FLW-04, FLW-05). Free flow and a stop are told by two
samples, or by the slope of the fill level (FLW-03, FLW-04).
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from protocol.control import Interval
from protocol.messages import Configuration
from pumpsim.firmware.fill import FillLevel
from pumpsim.firmware.ticks import HOUR

T_OVER: Final = HOUR
FREE_FLOW_FACTOR: Final = 3
FREE_FLOW_SAMPLES: Final = 2
STOPPED_DIVISOR: Final = 10
"""A flow below a tenth of nominal is none at all."""
FAST_PERMILLE: Final = 1_500
"""By an hour of fill level alone, whose error is large: surely half more than nominal."""
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


def _state(total: int, *, standing: bool) -> bool:
    return total > 0 if standing else total >= T_OVER


@dataclass(slots=True)
class FillDeviation:
    """What the slopes of the fill level tell; their whole intervals must lie outside."""

    over: bool = False
    under: bool = False
    still: bool = False
    loss: bool = False  # more left than the pressures explain
    rest: bool = False  # less

    def judge(self, fill: FillLevel, flow: Interval | None, limits: Limits) -> None:
        """Take new slopes; a flow tells how far its own error goes (U_total of FLW-06)."""
        slope, recent, loss = fill.slope, fill.recent, fill.loss
        if recent is not None and recent.low > limits.fast:
            self.over = True
        elif slope is not None:  # else what stood before a reset goes on standing (ALM-09)
            self.over = slope.low > limits.over
        if slope is not None:
            self.under = slope.high < limits.under
            self.still = slope.high < limits.still
        if loss is None or flow is None:
            return
        error = (flow.high - flow.low) // 2
        self.loss = loss.low > error
        self.rest = loss.high < -error
