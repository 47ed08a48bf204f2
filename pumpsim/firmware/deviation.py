"""Too much or too little flow, as an integral: a flow that dances round its limit cannot hide.

Time outside the tolerance counts up, time inside counts down at half the rate, so that half the
time outside still raises the alarm (FLW-02, FLW-04, FLW-05).
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from protocol.control import Interval
from protocol.messages import Configuration
from pumpsim.firmware.ticks import HOUR

T_OVER: Final = HOUR
FREE_FLOW_FACTOR: Final = 3
FREE_FLOW_SAMPLES: Final = 2
STOPPED_DIVISOR: Final = 10
"""A flow below a tenth of nominal is none at all."""


class Limits(NamedTuple):
    """Flows in nl/h beyond which something is wrong."""

    over: int
    under: int
    free: int
    stopped: int


def limits_of(configuration: Configuration) -> Limits:
    """The limits that a configuration sets."""
    nominal = configuration.nominal_flow_nl_per_h
    margin = nominal * configuration.tolerance_permille // 1_000
    return Limits(
        nominal + margin, nominal - margin, FREE_FLOW_FACTOR * nominal, nominal // STOPPED_DIVISOR
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

    def feed(self, elapsed: int, flow_nl_per_h: int, limits: Limits) -> None:
        """Take the flow of one sample that stood for `elapsed` ticks."""
        if limits.under <= flow_nl_per_h <= limits.over and not (self.over or self.under):
            self.free = self.stopped = 0  # the usual: nothing counts, nothing stands
            self.over_infusion = self.under_infusion = False
            return
        self.over = _integrate(self.over, elapsed, outside=flow_nl_per_h > limits.over)
        self.under = _integrate(self.under, elapsed, outside=flow_nl_per_h < limits.under)
        self.free = self.free + 1 if flow_nl_per_h >= limits.free else 0
        self.stopped = self.stopped + 1 if flow_nl_per_h < limits.stopped else 0
        self.over_infusion = self.free >= FREE_FLOW_SAMPLES or _state(
            self.over, standing=self.over_infusion
        )
        self.under_infusion = self.stopped >= FREE_FLOW_SAMPLES or _state(
            self.under, standing=self.under_infusion
        )


def _state(total: int, *, standing: bool) -> bool:
    return total > 0 if standing else total >= T_OVER


def fill_deviates(flow: Interval, limits: Limits) -> tuple[bool, bool]:
    """(over, under) by the slope of the fill level; its whole interval must lie outside."""
    return flow.low > limits.over, flow.high < limits.under
