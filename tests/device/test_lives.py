"""One device, many lives: what a reset leaves, at whatever moment it comes."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.control import Request
from protocol.vocabulary import AlarmId, EventKind, Refusal, ResetCause, Role, Sounder
from pumpsim import snapshot
from pumpsim.device import SAMPLE_NS, Device
from tests.device.test_device import HOUR_NS, Programmer, make, reason, status_of, stimulus

SECOND_NS = 10**9
CAUSES = ("power_on", "brown_out", "watchdog")


def nothing(_programmer: Programmer) -> None:
    """An ordinary day."""


def in_a_refill_window(programmer: Programmer) -> None:
    assert programmer.command(m.BeginRefill()) == m.Done()
    programmer.device.stimulate(programmer.device.now_ns, stimulus("withdraw", volume="5 mL"))


def in_a_bolus_access(programmer: Programmer) -> None:
    begin = m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=5)
    assert programmer.command(begin) == m.Done()


def while_an_alarm_is_paused(programmer: Programmer) -> None:
    device = programmer.device
    device.stimulate(device.now_ns, stimulus("withdraw", volume="25.5 mL"))
    device.advance(device.now_ns + 2 * SAMPLE_NS)
    alarms = programmer.ask(m.ListAlarms(after_occurrence=0))
    assert isinstance(alarms, m.AlarmList)
    for alarm in alarms.alarms:
        pause = m.PauseAudio(alarm=alarm.alarm, occurrence=alarm.occurrence, duration_ms=300_000)
        assert programmer.command(pause) == m.Done()


def in_a_ramp(programmer: Programmer) -> None:
    device = programmer.device
    fever = stimulus("fever", rise="2 K", duration="12 h")
    device.stimulate(device.now_ns, fever)


STATES = (nothing, in_a_refill_window, in_a_bolus_access, while_an_alarm_is_paused, in_a_ramp)


@settings(max_examples=40, deadline=None)
@given(
    before_ns=st.integers(0, 3 * HOUR_NS),
    state=st.sampled_from(STATES),
    after_ns=st.integers(0, 40 * SAMPLE_NS),
    cause=st.sampled_from(CAUSES),
)
def test_from_any_state_a_device_monitors_at_once(
    before_ns: int, state: Callable[[Programmer], None], after_ns: int, cause: str
) -> None:
    """RST-01: the first status is there with the boot, and is the one of before."""
    device = make()
    device.advance(before_ns)
    programmer = Programmer(device)
    programmer.open()
    state(programmer)
    device.advance(device.now_ns + after_ns)
    before = status_of(programmer.ask(m.GetStatus()))
    device.stimulate(device.now_ns, stimulus("power_cycle", cause=cause))
    after = status_of(programmer.ask(m.GetStatus()))
    for name in ("drug", "refill_open", "bolus_access_open"):
        assert getattr(after, name) == getattr(before, name)
    assert after.delivered_total_nl >= before.delivered_total_nl - 54_000 * 11 // 10
    assert device.uptime_ms() == 0
    device.advance(device.sample_ns)
    device.advance(device.sample_ns)
    first = status_of(programmer.ask(m.GetStatus()))
    assert first.flow_nl_per_h is not None
    assert first.delivered_total_nl == pytest.approx(before.delivered_total_nl, abs=3 * 1_100)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["power_cycle", "jump", "set", "wait", "pause"]),
            st.integers(0, 2 * HOUR_NS),
            st.integers(-(10**8), 10**8),
        ),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_the_log_tells_its_own_order(
    course: list[tuple[str, int, int]], shuffler: random.Random
) -> None:
    """TIM-07: by boot and uptime, whatever was reset and wherever the clock jumped."""
    device = make()
    programmer = Programmer(device)
    for what, wait_ns, jump_s in course:
        device.advance(device.now_ns + wait_ns)
        happen(programmer, what, jump_s)
    entries = entries_of(programmer)
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    assert {entry.boot_id for entry in entries} == set(range(1, device.boot_id + 1))
    assert {entry.uptime_ms for entry in entries if entry.kind is EventKind.BOOT} == {0}
    shuffled = list(entries)
    shuffler.shuffle(shuffled)
    shuffled.sort(key=lambda entry: (entry.boot_id, entry.uptime_ms, entry.sequence))
    assert shuffled == entries


def happen(programmer: Programmer, what: str, jump_s: int) -> None:
    device = programmer.device
    if what == "power_cycle":
        device.stimulate(device.now_ns, stimulus("power_cycle", cause="brown_out"))
    elif what == "jump":
        step = {"forward" if jump_s > 0 else "back": f"{abs(jump_s)} s", "valid": jump_s % 2 == 0}
        device.stimulate(device.now_ns, stimulus("clock_fault", **step))
    elif what == "set":
        programmer.open()
        programmer.command(m.SetClock(rtc_s=1_800_000_000 + jump_s))


def entries_of(programmer: Programmer) -> list[m.LogEntry]:
    entries: list[m.LogEntry] = []
    while True:
        start = entries[-1].sequence + 1 if entries else 1
        page = programmer.ask(m.ReadLog(from_sequence=start, limit=m.MAX_LIST))
        assert isinstance(page, m.LogPage)
        if not page.entries:
            return entries
        entries += page.entries


def alarms_of(programmer: Programmer) -> list[AlarmId]:
    reply = programmer.ask(m.ListAlarms(after_occurrence=0))
    assert isinstance(reply, m.AlarmList)
    return [alarm.alarm for alarm in reply.alarms]


@pytest.mark.parametrize("cause", CAUSES)
def test_resets_are_logged_with_their_cause_and_count_and_told(cause: str) -> None:
    """RST-04."""
    device = make()
    programmer = Programmer(device)
    for hour in range(1, 4):
        device.advance(hour * HOUR_NS)
        device.stimulate(device.now_ns, stimulus("power_cycle", cause=cause))
    boots = [entry for entry in entries_of(programmer) if entry.kind is EventKind.BOOT]
    code = int(ResetCause[cause.upper()])
    assert [(entry.subject, entry.value) for entry in boots] == [
        (int(ResetCause.POWER_ON), 0),
        (code, 1),
        (code, 2),
        (code, 3),
    ]
    assert AlarmId.RESETS in alarms_of(programmer)


@pytest.mark.parametrize("logic", ["Unbootable", "Hopeless"])
def test_a_device_in_a_boot_loop_still_answers(logic: str) -> None:
    """RST-04: it tells who it is, what happened to it, and what it measures; never silence."""
    device = make(f"tests.device.broken_logic:{logic}")
    programmer = Programmer(device)
    for minute in range(1, 6):
        device.advance(minute * SAMPLE_NS + 20 * SECOND_NS)
        assert reason(programmer.ask(m.GetStatus())) is Refusal.UNSUPPORTED
        assert isinstance(programmer.ask(m.Identify()), m.Identity)
        readings = programmer.ask(m.ReadReadings())
        assert isinstance(readings, m.ReadingsReport)
        assert readings.readings is not None
        assert readings.readings.sequence == minute
    kinds = [entry.kind for entry in entries_of(programmer)]
    assert kinds.count(EventKind.BOOT) == device.boot_id
    assert kinds.count(EventKind.FIRMWARE_FAULT) == 1  # its repeats are counted
    assert device.boot_id > 5


def test_logic_that_fails_with_every_sample_alarms_with_every_boot() -> None:
    """RST-04, RST-11: it never gets to judge a sample, and yet it is heard."""
    device = make("tests.device.broken_logic:Hopeless")
    device.advance(5 * SAMPLE_NS)
    assert device.actuation.sounder is Sounder.HIGH
    device.reset(device.now_ns, ResetCause.COMMANDED)
    programmer = Programmer(device)
    assert status_of(programmer.ask(m.GetStatus())).drug == "FUDR"
    assert {AlarmId.FIRMWARE_FAULT, AlarmId.RESETS} <= set(alarms_of(programmer))


def test_a_snapshot_keeps_what_is_due_across_wraps_of_the_counter() -> None:
    """TIM-01, TIM-02: in its second turn, with a refill window open."""
    device = make()
    device.advance(40 * HOUR_NS)
    device.ask_logic(Request(m.BeginRefill(), Role.CLINICIAN, 0))  # no session, whose end would ask
    copy = snapshot.restore(device.pump, snapshot.take(device))
    assert copy.guard is not None
    assert device.guard is not None
    assert copy.guard.deadline == device.guard.deadline
    copy.advance(copy.now_ns + HOUR_NS // 2 + SECOND_NS)
    ended = entries_of(Programmer(copy))[-1]
    assert ended.kind is EventKind.REFILL_WINDOW_ENDED
    assert ended.uptime_ms - device.uptime_ms() == pytest.approx(1_800_000, abs=1)


def test_the_oscillator_that_stops_is_told_by_the_clock() -> None:
    """TIM-05: samples come, ticks do not."""
    device: Device = make()
    device.advance(HOUR_NS)
    device.stimulate(device.now_ns, stimulus("oscillator_fault", stopped=True))
    device.advance(2 * HOUR_NS)
    programmer = Programmer(device)
    assert AlarmId.CLOCK_INVALID in alarms_of(programmer)
    device.stimulate(device.now_ns, stimulus("oscillator_fault"))
    programmer.open(Role.CLINICIAN)
    assert programmer.command(m.SetClock(rtc_s=1_800_000_000)) == m.Done()
    device.advance(device.now_ns + HOUR_NS)
    assert AlarmId.CLOCK_INVALID not in alarms_of(programmer)


def test_readings_are_of_this_life() -> None:
    """TIM-01, SEN-06: before its first sample a life has none, and no ticks of another."""
    programmer = Programmer(make("bare"))
    device = programmer.device
    device.advance(HOUR_NS)
    device.reset(device.now_ns, ResetCause.WATCHDOG)
    report = programmer.ask(m.ReadReadings())
    assert isinstance(report, m.ReadingsReport)
    assert (report.ticks, report.readings) == (0, None)
    device.advance(device.now_ns + 60 * 10**9)
    report = programmer.ask(m.ReadReadings())
    assert isinstance(report, m.ReadingsReport)
    assert report.readings is not None
    assert 0 < report.ticks <= report.now_ticks
