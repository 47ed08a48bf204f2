"""What happened while the device was without supply: the flow went on (RST-03).

A clock that can be trusted tells how long it was. Without one, the fill level bounds what may have
left since the last sample that was saved; all of it is then counted, and the account says that it
may not be so.
"""

from pumpsim.firmware.fill import VOLUME_ERROR_NL
from pumpsim.firmware.state import Before, State
from pumpsim.firmware.ticks import HOUR, from_s


def bridge(state: State, before: Before, now: int) -> None:
    """Account for it with the first sample; it stays open while that can tell nothing yet."""
    clock = state.clock
    if state.configuration is None:
        state.before = None
    elif before.rtc_s is not None and not clock.wrong:
        rtc_s = clock.time_s(now)
        if rtc_s is not None:
            _by_clock(state, rtc_s - before.rtc_s, now)
    elif state.readings is not None and state.readings.fill_level_nl is not None:
        full_nl = state.configuration.capacity_nl if before.volume is None else before.volume.high
        left_nl = max(state.readings.fill_level_nl - VOLUME_ERROR_NL, 0)
        _by_fill(state, max(full_nl - left_nl, 0))


def _by_clock(state: State, since_sample_s: int, now: int) -> None:
    """Ticks have counted what passed since boot."""
    downtime = max(from_s(since_sample_s) - now, 0)
    state.account.deliver(downtime, state.assumed_flow_nl_per_h())
    state.dose_limit.skip(downtime, state.account)
    state.refills.shift(downtime)
    state.resets.shift(downtime)
    state.before = None


def _by_fill(state: State, widest_nl: int) -> None:
    """The refill is due as early as that volume allows; resets may have come as close as told."""
    flow_nl_per_h = state.assumed_flow_nl_per_h()
    state.account.deliver_at_most(widest_nl)
    longest = widest_nl * HOUR // flow_nl_per_h if flow_nl_per_h > 0 else 0
    state.dose_limit.skip(longest, state.account)
    state.refills.shift(longest)
    state.before = None
