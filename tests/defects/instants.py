"""Defects of time: wraps of the counter, clocks that move what they must not, resets, downtime."""

from protocol import guard
from pumpsim import device
from pumpsim.firmware import (
    clock,
    conditions,
    downtime,
    reference,
    refills,
    requests,
    resets,
    state,
    ticks,
)
from tests.defects.defect import defect
from tests.defects.patching import Constant, Edit

DEFECTS = (
    defect(
        "tick-counter-taken-as-it-is",
        "TIM-01",
        "the counter's reading is taken for time since boot: after a wrap time starts again",
        Edit(ticks, "extend", "now + ((count - now) & mask)", "count & mask"),
    ),
    defect(
        "wrap-one-tick-short",
        "TIM-01",
        "the counter is taken to have one value less than it has: each wrap costs a tick",
        Edit(ticks, "extend", "& mask", "% mask"),
    ),
    defect(
        "deadline-beyond-half-a-turn",
        "TIM-02",
        "a deadline up to a whole turn of the counter ahead is set, and taken for one that is past",
        Constant(ticks, "LONGEST_AHEAD", ticks.MASK),
    ),
    defect(
        "deadline-never-past",
        "TIM-01",
        "outside, a deadline that is just past is taken for one a whole turn ahead",
        Edit(guard.Guard, "_deadline", " + COUNTS // 2) % COUNTS - COUNTS // 2", ") % COUNTS"),
    ),
    defect(
        "intervals-by-the-calendar",
        "TIM-03",
        "the time between two samples is read from the real-time clock",
        Edit(
            reference.ReferenceLogic,
            "sample",
            "elapsed = self._since_last(events)",
            "elapsed = self._since_last(events) if state.readings is None else max(\n"
            "    (readings.rtc_s or 0) - (state.readings.rtc_s or 0), 0) * (HOUR // 3_600)",
        ),
    ),
    defect(
        "clock-ends-in-2038",
        "TIM-04",
        "seconds since 1970 end with 31 bits, on 2038-01-19",
        Constant(clock, "MAX_UNIX_S", 2**31),
    ),
    defect(
        "clock-that-fell-back",
        "TIM-05",
        "a clock that jumps back is not noticed: the difference has a sign",
        Edit(clock.Clock, "judge", "off_s = abs(", "off_s = ("),
    ),
    defect(
        "clock-that-stands-still",
        "TIM-05",
        "an oscillator that stands still is not noticed",
        Edit(clock.Clock, "count", "0 if elapsed else self.standing + 1", "0"),
    ),
    defect(
        "no-tick-no-time",
        "TIM-05",
        "while the counter stands still no time passes, however many samples come",
        Edit(reference.ReferenceLogic, "_since_last", "elapsed = MINUTE", "elapsed = 0"),
    ),
    defect(
        "clock-set-to-nonsense",
        "TIM-06",
        "whatever second is asked for is set",
        Edit(requests, "_set_clock", "not plausible(rtc_s)", "rtc_s < 0"),
    ),
    defect(
        "clock-set-new-to-old",
        "TIM-06",
        "the log tells the new second where the old one belongs",
        Edit(requests, "_set_clock", "old_s or 0, rtc_s)", "rtc_s, old_s or 0)"),
    ),
    defect(
        "events-by-life-not-by-boot",
        "TIM-07",
        "events carry the device's age where the time since boot belongs",
        Edit(device.Device, "_when", "self.uptime_ms()", "clock.life_s(now_ns) * 1_000"),
    ),
    defect(
        "downtime-not-accounted",
        "RST-03",
        "what flowed while the electronics had no supply is counted as nothing",
        Edit(
            downtime,
            "_by_clock",
            "kept = min(elapsed, KEPT_MAX)",
            "kept = elapsed = 0",
        ),
    ),
    defect(
        "downtime-twice",
        "RST-03",
        "what flowed while the electronics had no supply is counted twice",
        Edit(downtime, "_by_clock", "deliver(elapsed - kept, ", "deliver(elapsed + downtime, "),
    ),
    defect(
        "excess-since-the-record",
        "DOS-02",
        "what was too much since the last record is forgotten with a reset",
        Edit(downtime, "_by_clock", "min(elapsed, KEPT_MAX)", "0"),
    ),
    defect(
        "downtime-by-a-wrong-clock",
        "RST-03",
        "a clock that was found wrong measures the downtime all the same",
        Edit(clock.Clock, "time_s", "self.wrong or ", ""),
        Edit(downtime, "bridge", " and not clock.wrong", ""),
    ),
    defect(
        "due-date-slept-through",
        "RST-03",
        "the time without supply does not bring the refill nearer",
        Edit(refills.Refills, "shift", "self.due -", "self.due + 0 *"),
    ),
    defect(
        "totals-start-anew",
        "RST-02",
        "the account is empty after a reset",
        Edit(state.State, "load_numbers", 'Account.read(data["account"])', "Account()"),
    ),
    defect(
        "one-reset-too-many",
        "RST-04",
        "the alarm comes with the fourth reset in a day",
        Constant(resets, "N_RESET", 4),
    ),
    defect(
        "resets-for-ever",
        "RST-04",
        "the day in which resets count begins with the latest",
        Edit(resets.Resets, "too_many", "self.at[0]", "self.at[-1]"),
    ),
    defect(
        "resets-not-kept",
        "RST-04",
        "a boot that is followed by another before the first save is forgotten",
        Edit(reference.ReferenceLogic, "boot", "events += self._keep()", "pass"),
    ),
    defect(
        "fault-forgotten-at-boot",
        "RST-11",
        "a life after a failure of the logic does not tell of it",
        Edit(conditions, "at_boot", "HIGH if state.resets.after_fault else None", "None"),
    ),
    defect(
        "deadline-that-stays",
        "RST-11",
        "logic whose deadline never moves on is let run",
        Edit(guard.Guard, "advance", "self.deadline <= ticks", "self.deadline < 0"),
    ),
    defect(
        "nonsense-passes",
        "RST-11",
        "events of any content pass the fence round the logic",
        Edit(guard, "_check_items", "if not is_sound(item)", "if item is None"),
    ),
    defect(
        "old-clock-measures-on",
        "TIM-06",
        "a clock that was set measures a downtime by what it read before",
        Edit(requests, "_set_clock", "state.untime()", "pass"),
    ),
    defect(
        "window-stands-still",
        "RST-03",
        "a refill window does not grow older while there is no supply",
        Edit(refills.Refills, "shift", "self.window_since -= most", "pass"),
    ),
)
