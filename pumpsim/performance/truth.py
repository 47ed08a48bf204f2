"""The truth of the last hours, and whether an alarm's condition held in it.

An alarm is false when its condition, evaluated on the truth over that alarm's own window, did not
hold (OCC-07). What nobody has a predicate for is false: nothing passes by being unknown.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from protocol.messages import Configuration
from protocol.vocabulary import AlarmId

SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
HOUR_NS: Final = 60 * MINUTE_NS
DAY_NS: Final = 24 * HOUR_NS
KEPT_MINUTES: Final = 24 * 60
KEPT_DOSES: Final = 30 * 24 * 60
CATHETER_NS: Final = 6 * HOUR_NS
"""A slow pump needs no longer to empty the catheter."""
SLOPE_NS: Final = 6 * HOUR_NS + 30 * MINUTE_NS
"""The longest window of a flow alarm, and what its ten-minute means and its bound add."""
HOT_MK: Final = 313_150
THIN_PA: Final = 75_000
PRESSED_PA: Final = 140_000
LEVEL_ERROR_NL: Final = 247_500
"""What the fill level may be off while its sensor keeps its declared error."""
BATTERY_LOW_MV: Final = 2_600
BATTERY_END_MV: Final = 2_450
CLOCK_NS: Final = 10 * MINUTE_NS
"""What the oscillator may be off in weeks."""


class Minute(NamedTuple):
    """The plant at one sample."""

    at_ns: int
    flow_nl_per_h: float
    temperature_mk: float
    pocket_pa: float
    volume_nl: float


class Dose(NamedTuple):
    """What had been delivered by then, and the rate that was prescribed."""

    at_ns: int
    dose_ng: int
    unstretched_ng: int
    """The same of a catheter that held its configured volume, and no artery stretched."""
    rate_ng_per_h: float


class Truth:
    """A running record: every minute of a day, every minute's dose of a cycle."""

    def __init__(self, configuration: Configuration) -> None:
        """What the limits are taken from."""
        self.configuration = configuration
        self.minutes: deque[Minute] = deque(maxlen=KEPT_MINUTES)
        self.doses: deque[Dose] = deque(maxlen=KEPT_DOSES)
        self.filled_ns = 0
        self.prescribed_ng_per_h = 0.0
        self.battery_mv = 0.0

    @property
    def now_ns(self) -> int:
        """The last minute's instant."""
        return self.minutes[-1].at_ns

    def within(self, span_ns: int) -> list[Minute]:
        """The minutes of so long a time, up to now."""
        from_ns = self.now_ns - span_ns
        return [minute for minute in self.minutes if minute.at_ns >= from_ns]

    def held(self, alarm: AlarmId) -> bool:
        """Whether the condition behind an alarm that sounds now was true."""
        predicate = PREDICATES.get(alarm)
        return predicate is not None and bool(self.minutes) and predicate(self)


def _hourly_flows(truth: Truth) -> Iterable[float]:
    """The mean flow of every hour that ends within the slope's window."""
    minutes = truth.within(SLOPE_NS)
    total = 0.0
    for index, minute in enumerate(minutes):
        total += minute.flow_nl_per_h
        if index >= 60:
            total -= minutes[index - 60].flow_nl_per_h
        if index >= 59:
            yield total / 60


def _over_infusion(truth: Truth) -> bool:
    c = truth.configuration
    limit = c.nominal_flow_nl_per_h * (1_000 + c.tolerance_permille) / 1_000
    return any(flow > limit for flow in _hourly_flows(truth))


def _under_infusion(truth: Truth) -> bool:
    c = truth.configuration
    limit = c.nominal_flow_nl_per_h * (1_000 - c.tolerance_permille) / 1_000
    return any(flow < limit for flow in _hourly_flows(truth))


def _flow_stop(truth: Truth) -> bool:
    limit = truth.configuration.nominal_flow_nl_per_h / 10
    return any(flow < limit for flow in _hourly_flows(truth))


def _reverse_flow(truth: Truth) -> bool:
    return any(minute.flow_nl_per_h < 0 for minute in truth.within(3 * MINUTE_NS))


def _unbroken(minutes: Iterable[Minute], samples: int, test: Callable[[Minute], bool]) -> bool:
    """Whether a test was true for so many samples in a row."""
    run = 0
    for minute in minutes:
        run = run + 1 if test(minute) else 0
        if run >= samples:
            return True
    return False


def _temperature_high(truth: Truth) -> bool:
    minutes = truth.within(75 * MINUTE_NS)
    return _unbroken(minutes, 60, lambda minute: minute.temperature_mk > HOT_MK)


def _ambient_pressure(truth: Truth) -> bool:
    minutes = truth.within(15 * MINUTE_NS)
    return _unbroken(minutes, 10, lambda m: not THIN_PA <= m.pocket_pa <= PRESSED_PA)


def _low_reservoir(truth: Truth) -> bool:
    """RES-01 takes the pessimistic edge: the level's error counts twice, as read and as feared."""
    limit_nl = truth.configuration.low_volume_nl + 2 * LEVEL_ERROR_NL
    return truth.minutes[-1].volume_nl <= limit_nl


def _empty_reservoir(truth: Truth) -> bool:
    limit_nl = truth.configuration.empty_volume_nl + 2 * LEVEL_ERROR_NL
    return truth.minutes[-1].volume_nl <= limit_nl


def _due_in_ns(truth: Truth) -> float:
    """By interval, drug and the volume that is left, whichever is soonest."""
    c = truth.configuration
    interval_s = min(c.refill_interval_s, c.drug_stability_s)
    by_date_ns = truth.filled_ns + interval_s * SECOND_NS - truth.now_ns
    fastest = max(minute.flow_nl_per_h for minute in truth.minutes)
    left_nl = max(truth.minutes[-1].volume_nl - c.low_volume_nl - 2 * LEVEL_ERROR_NL, 0.0)
    return min(by_date_ns, left_nl / max(fastest, 1.0) * HOUR_NS) - CLOCK_NS


def _refill_due(truth: Truth) -> bool:
    lead_s = min(14 * 86_400, truth.configuration.refill_interval_s // 4)
    return _due_in_ns(truth) <= lead_s * SECOND_NS


def _refill_overdue(truth: Truth) -> bool:
    return _due_in_ns(truth) <= -truth.configuration.refill_grace_s * SECOND_NS


def _overfill(truth: Truth) -> bool:
    return truth.minutes[-1].volume_nl > truth.configuration.capacity_nl


def _dose_limit(truth: Truth) -> bool:
    return any(_will_exceed(truth, window_ns, bin_ns) for window_ns, bin_ns in DOSE_WINDOWS_NS)


DOSE_WINDOWS_NS: Final = (
    (HOUR_NS, 5 * MINUTE_NS),
    (DAY_NS, HOUR_NS),
    (7 * DAY_NS, 6 * HOUR_NS),
    (28 * DAY_NS, DAY_NS),
)
"""Each with the bin of the alarm's own window: it reaches back by so much more."""
FLOW_ERROR: Final = 0.025
"""What the flow that the pump reckons with may be off while its sensors keep their declared error;
it is about half the width of the interval that the pump itself tells."""


def _will_exceed(truth: Truth, window_ns: int, bin_ns: int) -> bool:
    """DOS-02: the dose so far in a window, and the prescribed rate until it ends.

    Prescribed is the nominal flow of what the reservoir really holds, so a dose is too high because
    too much flows, never because a fill was thinner than declared.

    What is in the catheter at a change of drug is still of the old prescription, hence the longer
    look for the highest rate. No sensor sees where in a stretched catheter a drug begins: one that
    would be at the tip of the configured catheter counts as if it were (decision 0012).
    """
    last, rate_ng_per_h = truth.doses[-1], truth.prescribed_ng_per_h
    since_ns = last.at_ns - window_ns - bin_ns
    rates = (d.rate_ng_per_h for d in truth.doses if d.at_ns >= since_ns - CATHETER_NS)
    highest = max(rate_ng_per_h, *rates)
    limit_ng = truth.configuration.dose_limit_permille / 1_000 * highest * window_ns / HOUR_NS
    return any(
        max(last.dose_ng - dose.dose_ng, last.unstretched_ng - dose.unstretched_ng)
        * (1 + FLOW_ERROR)
        + rate_ng_per_h * (dose.at_ns + window_ns - last.at_ns) / HOUR_NS
        > limit_ng
        for dose in truth.doses
        if dose.at_ns >= since_ns
    )


PREDICATES: Final[dict[AlarmId, Callable[[Truth], bool]]] = {
    AlarmId.LOW_RESERVOIR: _low_reservoir,
    AlarmId.EMPTY_RESERVOIR: _empty_reservoir,
    AlarmId.REFILL_DUE: _refill_due,
    AlarmId.REFILL_OVERDUE: _refill_overdue,
    AlarmId.OVER_INFUSION: _over_infusion,
    AlarmId.UNDER_INFUSION: _under_infusion,
    AlarmId.FLOW_STOP: _flow_stop,
    AlarmId.REVERSE_FLOW: _reverse_flow,
    AlarmId.OVERFILL: _overfill,
    AlarmId.DOSE_LIMIT: _dose_limit,
    AlarmId.TEMPERATURE_HIGH: _temperature_high,
    AlarmId.AMBIENT_PRESSURE: _ambient_pressure,
    AlarmId.BATTERY_LOW: lambda truth: truth.battery_mv < BATTERY_LOW_MV,
    AlarmId.BATTERY_END: lambda truth: truth.battery_mv < BATTERY_END_MV,
}
"""All other alarms tell of a fault or a mishap, and ordinary life has none."""
