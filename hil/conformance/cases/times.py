"""Time: the device's own count, its real-time clock, and what comes at a period."""

from itertools import pairwise
from typing import Final

from hil.conformance import check
from hil.conformance.case import LOGIC, Needs, case
from hil.conformance.deeds import deed, executed, logged
from hil.conformance.errors import NotOfferedError
from hil.conformance.probe import Probe, Seat
from protocol import messages as m
from protocol.vocabulary import AlarmId, Capability, EventKind, Refusal, Role

SAMPLED: Final = Needs((Capability.RAW_READINGS,), lasts="4 min")
SET: Final = Needs(LOGIC.capabilities, lasts="2 min")
PERIOD_MS: Final = 1_000
DAY_S: Final = 86_400
TICKS_PER_S: Final = 32_768
CLOSE_MS: Final = 1_500
"""What a reply may be late on a slow link."""


def _uptime_ms(probe: Probe) -> int:
    probe.settle()
    return probe.uptime_ms


def _clock(probe: Probe) -> int:
    """The real-time clock as the status tells it, put right again when the case is over."""
    rtc_s = probe.status().rtc_s
    if rtc_s is None:
        raise NotOfferedError("the device tells no real-time clock yet")
    began_ms = _uptime_ms(probe)

    def put_right() -> None:
        probe.close_all()
        passed_s = (_uptime_ms(probe) - began_ms) // 1_000
        probe.open().do(m.SetClock(rtc_s=rtc_s + passed_s))
        probe.close_all()

    probe.later(put_right)
    return rtc_s


def _set(seat: Seat, rtc_s: int) -> None:
    check.done(seat.do(m.SetClock(rtc_s=rtc_s)))


@case("CLK-01", "TIM-01", "The uptime counts device time.", Needs(lasts="3 s"))
def the_uptime_counts(probe: Probe) -> None:
    before_ms, began_ns = _uptime_ms(probe), probe.rig.clock.now_ns()
    probe.wait("3 s")
    passed_ms = (probe.rig.clock.now_ns() - began_ns) // 1_000_000
    counted_ms = _uptime_ms(probe) - before_ms
    words = f"about {passed_ms} ms more (an emulated pump at another speed: add ?control=URL)"
    check.that(abs(counted_ms - passed_ms) <= CLOSE_MS, words, f"{counted_ms} ms")


@case("CLK-02", "TIM-01", "A day of uptime is a day within 200 ppm.", Needs(lasts="1 d"))
def the_uptime_keeps_its_pace(probe: Probe) -> None:
    before_ms = _uptime_ms(probe)
    probe.wait("1 d")
    error_ms = _uptime_ms(probe) - before_ms - DAY_S * 1_000
    check.that(abs(error_ms) <= DAY_S * 200 // 1_000, "within 17 s of a day", f"{error_ms} ms off")


@case("CLK-03", "TIM-06", "The real-time clock takes the second it is set to.", SET)
def the_clock_is_set(probe: Probe) -> None:
    seat, wanted_s = probe.open(), _clock(probe) + 10 * DAY_S
    _set(seat, wanted_s)
    probe.wait("2 min")
    seen_s = probe.status().rtc_s or 0
    check.that(0 <= seen_s - wanted_s <= 180, f"{wanted_s} s and at most 3 min", f"{seen_s} s")


@case("CLK-04", "TIM-06", "Setting the clock is logged, from old to new.", LOGIC)
def setting_the_clock_is_logged(probe: Probe) -> None:
    old_s, seat, since = _clock(probe), probe.open(), probe.log_end()
    _set(seat, old_s + DAY_S)
    entries = logged(probe, since, EventKind.CLOCK_SET)
    seen = [(entry.subject, entry.value) for entry in entries]
    check.same(seen, [(old_s, old_s + DAY_S)], "old and new second")


@case("CLK-05", "TIM-03", "Setting the clock moves no refill date.", SET)
def a_new_date_moves_no_refill(probe: Probe) -> None:
    now_s, due_s = _clock(probe), probe.status().refill_due_in_s
    if due_s is None:
        raise NotOfferedError("no refill is due")
    _set(probe.open(), now_s + 400 * DAY_S)
    probe.wait("2 min")
    seen_s = check.given(probe.status().refill_due_in_s, "a refill date")
    check.that(0 <= due_s - seen_s <= 300, f"due in {due_s} s, and minutes less", f"{seen_s} s")


@case("CLK-06", "TIM-03", "Setting the clock ends no session and stales no command.", LOGIC)
def a_new_date_ends_no_session(probe: Probe) -> None:
    now_s, seat = _clock(probe), probe.open()
    before_ms = _uptime_ms(probe)
    for days in (400, -400):
        _set(seat, max(now_s + days * DAY_S, DAY_S * 12_000))
        executed(seat.do(deed(probe)))
    counted_ms = _uptime_ms(probe) - before_ms
    check.that(0 <= counted_ms < 60_000, "an uptime that goes on as before", f"{counted_ms} ms")


@case("CLK-07", "TIM-06", "A date that cannot be is refused.", LOGIC)
def an_impossible_date_is_refused(probe: Probe) -> None:
    seat = probe.open()
    for rtc_s in (0, m.MAX_UNIX_S):
        check.refused(seat.do(m.SetClock(rtc_s=rtc_s)), Refusal.OUT_OF_RANGE)


@case("CLK-08", "TIM-06", "A patient does not set the clock.", LOGIC)
def a_patient_does_not_set_the_clock(probe: Probe) -> None:
    since = probe.log_end()
    reply = probe.open(Role.PATIENT).do(m.SetClock(rtc_s=1_800_000_000))
    check.refused(reply, Refusal.ROLE)
    check.same(logged(probe, since, EventKind.CLOCK_SET), [], "clock settings logged")


@case("CLK-09", "TIM-04", "2038-01-19 is a second like others.", SET)
def the_year_2038_comes(probe: Probe) -> None:
    _clock(probe)
    _set(probe.open(), 2**31 - 60)
    probe.wait("2 min")
    seen_s = probe.status().rtc_s or 0
    check.that(2**31 <= seen_s <= 2**31 + 120, f"a second beyond {2**31}", f"{seen_s} s")


TELEMETRY: Final = Needs(LOGIC.capabilities, lasts="8 s")


def _telemetry(probe: Probe, duration: str) -> list[m.NoticeHeader]:
    probe.notices.clear()
    check.done(probe.ask(m.SubscribeTelemetry(period_ms=PERIOD_MS)))
    probe.wait(duration)
    packets = [p for p in probe.notices if isinstance(p.body, m.Telemetry)]
    return [p.header for p in packets if isinstance(p.header, m.NoticeHeader)]


@case("CLK-10", "TIM-01", "Telemetry comes at the period asked for, by device time.", TELEMETRY)
def telemetry_keeps_its_period(probe: Probe) -> None:
    times = [header.uptime_ms for header in _telemetry(probe, "8 s")]
    check.that(len(times) >= 7, "7 or more of them in 8 s at 1 s", f"{len(times)}")
    gaps = [later - earlier for earlier, later in pairwise(times[1:])]
    near = all(abs(gap - PERIOD_MS) <= PERIOD_MS // 10 for gap in gaps)
    check.that(near, "gaps of 1000 ms", gaps)


@case(
    "CLK-11", "COM-10", "Telemetry is numbered without a gap, and says what it left out.", TELEMETRY
)
def telemetry_has_no_gap(probe: Probe) -> None:
    numbers = [header.sequence for header in _telemetry(probe, "6 s")]
    check.that(numbers, "telemetry", "none in 6 s")
    expected = list(range(numbers[0], numbers[0] + len(numbers)))
    check.same(numbers, expected, "sequence of telemetry")


@case("CLK-12", "COM-10", "A period of 0 ends telemetry.", TELEMETRY)
def telemetry_ends(probe: Probe) -> None:
    _telemetry(probe, "2 s")
    check.done(probe.ask(m.SubscribeTelemetry(period_ms=0)))
    probe.settle()
    probe.notices.clear()
    probe.wait("4 s")
    check.same(len(probe.notices_of(m.Telemetry)), 0, "telemetry after its end")


@case("CLK-13", "SEN-06", "Each sample comes once, numbered without a gap.", SAMPLED)
def samples_have_no_gap(probe: Probe) -> None:
    check.done(probe.ask(m.SubscribeSamples(enabled=True)))
    probe.notices.clear()
    probe.wait("4 min")
    numbers = [one.readings.sequence for one in probe.notices_of(m.Sampled)]
    check.that(len(numbers) >= 3, "3 or more samples in 4 min", numbers)
    check.same(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "their sequence")


@case("CLK-14", "SEN-06", "Samples end when nobody wants them any more.", SAMPLED)
def samples_end(probe: Probe) -> None:
    check.done(probe.ask(m.SubscribeSamples(enabled=True)))
    check.done(probe.ask(m.SubscribeSamples(enabled=False)))
    probe.settle()
    probe.notices.clear()
    probe.wait("3 min")
    check.same(len(probe.notices_of(m.Sampled)), 0, "samples")


@case(
    "CLK-15",
    "TIM-01",
    "The oscillator's count and the uptime tell the same time.",
    Needs((Capability.RAW_READINGS,)),
)
def ticks_and_uptime_agree(probe: Probe) -> None:
    answer = probe.answer(probe.asking(m.ReadReadings()))
    report, header = answer.body, answer.header
    if not isinstance(report, m.ReadingsReport) or not isinstance(header, m.ReplyHeader):
        raise NotOfferedError("the device reads no readings")
    ticks_ms = report.now_ticks * 1_000 // TICKS_PER_S
    check.that(
        abs(ticks_ms - header.uptime_ms) <= 1,
        f"{header.uptime_ms} ms, as the header says",
        f"{report.now_ticks} ticks: {ticks_ms} ms",
    )
    check.that(report.ticks <= report.now_ticks, "a sample of the past", f"{report.ticks} ticks")


@case(
    "CLK-16",
    "TIM-05",
    "A real-time clock that lost its good name raises clock_invalid.",
    Needs(LOGIC.capabilities, laboratory=True, lasts="2 h"),
)
def a_clock_without_a_name_is_told(probe: Probe) -> None:
    probe.later(lambda: probe.wait("3 min"))  # one that was set is believed two samples later
    _clock(probe)
    due_s = probe.status().refill_due_in_s or 0
    probe.stimulate({"kind": "clock_fault", "forward": "3 h"})
    probe.wait("61 min")
    status = probe.status()
    check.same(status.rtc_valid, expected=False, what="rtc_valid")
    present = {one.alarm for one in probe.alarms() if one.present}
    check.that(AlarmId.CLOCK_INVALID in present, "clock_invalid present", present)
    passed_s = due_s - (status.refill_due_in_s or 0)
    check.that(3_600 <= passed_s <= 3_780, "a refill date an hour nearer", f"{passed_s} s nearer")
