"""What happened while the device was without supply: the flow went on (RST-03).

A clock that can be trusted tells how long it was. The fill level bounds what may have left since
the last sample that was saved, whatever the clock says: where both can be true, the clock's time at
the flow of before is counted, within those bounds; where no flow a pump lives with makes them
agree, the clock is found wrong (TIM-05). Without a clock the most that may have left is counted,
and the account says that it may not be so.

Without a clock the time is bounded as well, and each date takes the side that cannot harm: what is
to come, a refill that is due, comes as early as the level allows; what has to have passed, since
the last refill or in a dose window, has passed by no more than it proves (RES-04, RES-10, DOS-02).
"""

from typing import Final, NamedTuple

from protocol.messages import Configuration
from pumpsim.firmware.amounts import pumped
from pumpsim.firmware.fill import VOLUME_ERROR_NL
from pumpsim.firmware.flow import FLOW_PERCENT
from pumpsim.firmware.state import Before, State
from pumpsim.firmware.ticks import HOUR, from_s

SLOWEST: Final = 4
"""A pump slower than nominal by this factor has next to no flow, and its level tells no time."""

KEPT_MAX: Final = HOUR
"""A record is no older when supply goes. What has flowed since may have been seen: it counts as it
flowed by that, so that no reset ends a dose limit (DOS-02)."""


class Left(NamedTuple):
    """What left the reservoir, and is in no account yet, in nl."""

    least: int
    most: int
    sure: bool = True  # by two levels; else it is no more than what there was


def bridge(state: State, before: Before, level_nl: int | None) -> None:
    """Account for it with the first sample; it stays open while that can tell nothing yet."""
    configuration, clock = state.configuration, state.clock
    timed = before.rtc_s is not None and not clock.wrong
    if configuration is None:  # nothing is counted, but resets have their time (RST-04)
        downtime = _downtime(state, before) if timed else 0
        if downtime is not None:
            state.resets.shift(downtime, before.boots)
            state.before = None
        return
    if state.refills.window_since is not None:
        level_nl = None  # it is in flux
    left = _left(state, before, level_nl, configuration)
    if timed:
        downtime = _downtime(state, before)
        if downtime is None:
            return
        dry = level_nl is not None and level_nl - VOLUME_ERROR_NL <= configuration.empty_volume_nl
        flows = _flows(state, configuration)
        if _agree(flows, before.missed + downtime, left, open_end=dry or not left.sure):
            _by_clock(state, before, downtime, left, configuration)
            return
        clock.wrong = True
    if level_nl is not None:
        _by_fill(state, before, left, level_nl, configuration)
    else:
        state.residual.doubt()


def _downtime(state: State, before: Before) -> int | None:
    """By the clock, in ticks; None while no reading of it tells."""
    rtc_s = state.clock.time_s(state.now)
    if rtc_s is None or before.rtc_s is None:
        return None
    return max(from_s(rtc_s - before.rtc_s) - before.counted - state.now, 0)


def end(state: State, residual_nl: int) -> None:
    """A refill is declared: what is still open ends with what the syringe found.

    There was no less; a syringe that did not empty the reservoir tells nothing of what had left.
    """
    before, configuration = state.before, state.configuration
    if before is not None and configuration is not None:
        left = _left(state, before, residual_nl, configuration)._replace(least=0)
        _by_fill(state, before, left, residual_nl, configuration)


def _left(state: State, before: Before, level_nl: int | None, configuration: Configuration) -> Left:
    counted_nl = state.account.total_nl - before.total_nl
    least_nl, most_nl = 0, configuration.capacity_nl - counted_nl
    if before.volume is not None:
        least_nl, most_nl = before.volume.low - counted_nl, before.volume.high - counted_nl
    if level_nl is not None:
        seen_nl = most_nl - max(level_nl - VOLUME_ERROR_NL, 0)
        if seen_nl >= 0:
            return Left(max(least_nl - level_nl - VOLUME_ERROR_NL, 0), seen_nl)
        state.first_level = None  # liquid was put in, and nobody knows what had left by then
    return Left(0, max(most_nl, 0), sure=False)


def _flows(state: State, configuration: Configuration) -> tuple[int, int]:
    """The slowest and the fastest that may have been, of a pump without a fault."""
    flows = (max(state.assumed_flow_nl_per_h(), 0), configuration.nominal_flow_nl_per_h)
    return min(flows) * (100 - FLOW_PERCENT) // 100, max(flows) * (100 + FLOW_PERCENT) // 100


def _agree(flows: tuple[int, int], elapsed: int, left: Left, *, open_end: bool) -> bool:
    """Whether a flow there may have been tells the level of the clock's time; it may run dry."""
    slow, fast = flows
    enough = pumped(fast, elapsed)[0] >= left.least
    return enough and (open_end or pumped(slow, elapsed)[0] <= left.most)


def _by_clock(
    state: State, before: Before, downtime: int, left: Left, configuration: Configuration
) -> None:
    """Ticks have counted what passed since boot; a fever may have come and gone (RST-03)."""
    elapsed, kept, flow_nl_per_h = before.missed + downtime, 0, state.assumed_flow_nl_per_h()
    volume_nl, _ = pumped(max(flow_nl_per_h, 0), elapsed)
    slow, fast = _flows(state, configuration)
    counted_nl = max(min(volume_nl, left.most), left.least)
    above_nl = min(pumped(fast, elapsed)[0], left.most) - counted_nl
    below_nl = counted_nl - max(pumped(slow, elapsed)[0], left.least)
    error_nl = max(above_nl, below_nl, 0)
    state.account.widen_by(error_nl)
    state.residual.error_nl += error_nl
    if volume_nl > left.most:
        state.account.deliver_between(left.least, left.most)
    elif volume_nl < left.least:
        state.account.deliver_between(left.least, left.least)
    else:
        kept = min(elapsed, KEPT_MAX)
        prescribed_nl_per_h = configuration.nominal_flow_nl_per_h
        state.dose_limit.flow_on(kept, flow_nl_per_h, prescribed_nl_per_h, state.account)
        state.account.deliver(elapsed - kept, flow_nl_per_h)
    state.dose_limit.skip(elapsed - kept, state.account)
    state.shift(downtime, downtime)
    state.resets.shift(downtime, before.boots)
    state.before = None


def _by_fill(
    state: State, before: Before, left: Left, level_nl: int, configuration: Configuration
) -> None:
    """All resets since the reservoir was opened share one doubt: two levels, and their errors.

    Resets may have come as close as told.
    """
    account, most_nl = state.account, left.most
    if state.first_level is not None:
        volume, total_nl = state.first_level
        since_nl = volume.high - max(level_nl - VOLUME_ERROR_NL, 0) - (account.total_nl - total_nl)
        most_nl = min(most_nl, max(since_nl, 0))
    least_nl = min(left.least, most_nl)
    account.deliver_between(least_nl, most_nl)
    slow, fast = _flows(state, configuration)
    slowest = max(slow, configuration.nominal_flow_nl_per_h // SLOWEST, 1)
    shortest, longest = least_nl * HOUR // max(fast, 1), most_nl * HOUR // slowest
    state.dose_limit.skip(max(shortest, before.missed), account)
    state.shift(max(shortest - before.missed, 0), max(longest - before.missed, 0))
    state.before = None
