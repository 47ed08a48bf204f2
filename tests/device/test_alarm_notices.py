"""Alarms on their way out of a whole pump: at once, in order, and nothing lost unnoticed."""

from functools import cache
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, ResetCause, Sounder
from pumpsim.device import SAMPLE_NS, Device
from tests.device.test_device import Programmer, make, stimulus

SECOND_NS = 10**9


def alarm_notices(programmer: Programmer) -> list[tuple[m.NoticeHeader, m.AlarmOccurrence]]:
    """What the link brought of alarms, as it came."""
    programmer.collect()
    found = []
    for packet in programmer.notices:
        if isinstance(packet.body, m.AlarmChanged):
            assert isinstance(packet.header, m.NoticeHeader)
            found.append((packet.header, packet.body.alarm))
    return found


def acknowledging(alarm: m.AlarmOccurrence) -> m.AcknowledgeAlarm:
    return m.AcknowledgeAlarm(alarm=alarm.alarm, occurrence=alarm.occurrence)


def standing(programmer: Programmer) -> tuple[m.AlarmOccurrence, ...]:
    reply = programmer.ask(m.ListAlarms(after_occurrence=0))
    assert isinstance(reply, m.AlarmList)
    return reply.alarms


def heard(device: Device) -> Sounder:
    return device.actuation.sounder


def test_the_sounder_and_a_live_session_have_it_with_the_sample() -> None:
    """ALM-14: though nobody asks, and though telemetry is held back."""
    device = make()
    programmer = Programmer(device)
    programmer.open()
    device.hold("wire")
    device.stimulate(17 * SECOND_NS, stimulus("withdraw", volume="25.5 mL"))
    device.advance(2 * SAMPLE_NS - 1)  # the first sample of a jump awaits its confirmation
    assert alarm_notices(programmer) == []
    assert heard(device) is Sounder.OFF
    device.advance(2 * SAMPLE_NS)
    header, alarm = alarm_notices(programmer)[0]
    assert heard(device) >= Sounder.MEDIUM
    assert device.actuation.patient_signal
    assert (alarm.alarm, alarm.present) == (AlarmId.LOW_RESERVOIR, True)
    assert alarm.raised_uptime_ms is not None
    assert header.uptime_ms - alarm.raised_uptime_ms <= 1_000
    assert header.uptime_ms == device.uptime_ms()


def test_a_pump_reminds_in_the_middle_of_a_sampling_period_and_is_quiet_again() -> None:
    """ALM-07: on device time, between samples."""
    device = make()
    programmer = Programmer(device)
    programmer.open()
    device.stimulate(0, stimulus("withdraw", volume="27.3 mL"))
    start_s = 5 * 60 + 30
    device.advance(start_s * SECOND_NS)
    for alarm in standing(programmer):
        assert programmer.command(acknowledging(alarm)) == m.Done()
    sounds = {}
    for second in range(2 * 60 + 10):
        device.advance((start_s + second) * SECOND_NS + SECOND_NS // 2)
        if heard(device) is not Sounder.OFF:
            sounds[second] = heard(device)
    bursts = [*range(60, 65), *range(120, 125)]
    assert sounds == dict.fromkeys(bursts, Sounder.HIGH)
    reminded = (EventKind.ALARM_REMINDED, AlarmId.EMPTY_RESERVOIR)
    assert programmer.events().count(reminded) == 2


@cache
def busy_day() -> tuple[tuple[m.NoticeHeader, m.AlarmOccurrence], ...]:
    """Alarms that come, are paused, acknowledged, go, outlive a reset and come again."""
    device = make()
    programmer = Programmer(device)
    for round_ in range(6):
        programmer.open()
        device.stimulate(device.now_ns, stimulus("withdraw", volume="27 mL"))
        device.advance(device.now_ns + 2 * SAMPLE_NS)
        for alarm in standing(programmer):
            pause = m.PauseAudio(alarm=alarm.alarm, occurrence=alarm.occurrence, duration_ms=60_000)
            assert programmer.command(pause) == m.Done()
            if round_ % 2:
                assert programmer.command(acknowledging(alarm)) == m.Done()
        device.advance(device.now_ns + 2 * SAMPLE_NS)
        device.reset(device.now_ns, ResetCause.BROWN_OUT)
        device.stimulate(
            device.now_ns, stimulus("fill", volume="27 mL", drug="FUDR", concentration="5 mg/mL")
        )
        device.advance(device.now_ns + 2 * SAMPLE_NS)
    return tuple(alarm_notices(programmer))


def test_alarms_are_told_in_their_order_under_names_of_their_own() -> None:
    """ALM-13: an occurrence is one alarm for ever, across resets."""
    notices = busy_day()
    assert len(notices) > 20
    numbers = [header.sequence for header, _ in notices]
    assert numbers == list(range(1, len(notices) + 1))
    names: dict[int, AlarmId] = {}
    for _, alarm in notices:
        assert names.setdefault(alarm.occurrence, alarm.alarm) is alarm.alarm
    assert list(names) == list(range(1, len(names) + 1))


@given(st.data())
def test_a_receiver_finds_the_order_and_every_gap(data: st.DataObject) -> None:
    """ALM-13: over a channel that loses, repeats and reorders, gap <=> detected."""
    sent = busy_day()
    arrived = data.draw(st.lists(st.sampled_from(sent), min_size=2))
    lost = {header.sequence for header, _ in sent} - {header.sequence for header, _ in arrived}
    first, last = (f(header.sequence for header, _ in arrived) for f in (min, max))
    ordered = sorted({header.sequence: alarm for header, alarm in arrived}.items())
    missing = {
        number for (one, _), (other, _) in pairwise(ordered) for number in range(one + 1, other)
    }
    assert missing == {number for number in lost if first < number < last}
    as_sent = {header.sequence: alarm for header, alarm in sent}
    assert [alarm for _, alarm in ordered] == [as_sent[number] for number, _ in ordered]
