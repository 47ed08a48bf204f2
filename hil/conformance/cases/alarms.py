"""Alarms: raised, told, acknowledged, paused, ended; one occurrence at a time.

Two of them can be provoked on any pump, without touching it: a configuration whose low and empty
limits lie above the level.
"""

from typing import Final

from hil.conformance import check
from hil.conformance.case import LOGIC, Needs, case
from hil.conformance.deeds import logged, occurrence, sound_reservoir_alarms, write
from hil.conformance.errors import NoEffectError
from hil.conformance.probe import Probe, Seat
from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, Priority, Refusal, Role, Sounder

LOW, EMPTY = AlarmId.LOW_RESERVOIR, AlarmId.EMPTY_RESERVOIR
CHANNEL: Final = "catheter_pulse_pa"
SAMPLES: Final = Needs(LOGIC.capabilities, lasts="5 min")
PAUSES: Final = Needs(LOGIC.capabilities, lasts="8 min")
BROKEN: Final = Needs(LOGIC.capabilities, laboratory=True, lasts="20 min")
PAUSE_MS: Final = 120_000


def _sounding(probe: Probe, *, both: bool = True) -> tuple[Seat, m.AlarmOccurrence]:
    """A session that writes, and the low alarm it has brought about."""
    seat = probe.open()
    sound_reservoir_alarms(probe, seat, both=both)
    return seat, occurrence(probe, LOW)


def _pause(seat: Seat, one: m.AlarmOccurrence, duration_ms: int = PAUSE_MS) -> m.Reply:
    body = m.PauseAudio(alarm=one.alarm, occurrence=one.occurrence, duration_ms=duration_ms)
    return seat.do(body)


def _acknowledge(seat: Seat, one: m.AlarmOccurrence) -> m.Reply:
    return seat.do(m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence))


def _end(probe: Probe, seat: Seat, old: m.Configuration) -> None:
    """The limits are what they were: the conditions end with the next sample."""
    write(probe, seat, old)
    probe.wait("2 min")


@case(
    "ALR-01", "ALM-01", "A condition that holds is in the list: present, not acknowledged.", SAMPLES
)
def an_alarm_is_listed(probe: Probe) -> None:
    _, low = _sounding(probe)
    check.that(low.present and not low.acknowledged, "present, not acknowledged", low)
    check.same(low.priority, Priority.MEDIUM, "priority of low_reservoir")
    empty = occurrence(probe, EMPTY)
    check.same(empty.priority, Priority.HIGH, "priority of empty_reservoir")


@case(
    "ALR-02",
    "ALM-14",
    "A live link hears of an alarm, with the number it has in the list.",
    SAMPLES,
)
def an_alarm_is_told(probe: Probe) -> None:
    _, low = _sounding(probe)
    probe.await_notice(
        lambda p: isinstance(p.body, m.AlarmChanged) and p.body.alarm.occurrence == low.occurrence,
        f"alarm_changed of occurrence {low.occurrence}",
    )


@case(
    "ALR-03", "ALM-02", "The highest priority told is that of the worst condition present.", SAMPLES
)
def the_highest_priority_is_told(probe: Probe) -> None:
    _sounding(probe)
    present = [one.priority for one in probe.alarms() if one.present]
    check.same(probe.status().highest_priority, max(present), "highest priority")


@case("ALR-04", "ALM-02", "The status counts what the list holds.", SAMPLES)
def the_status_counts_the_list(probe: Probe) -> None:
    seat, low = _sounding(probe)
    check.done(_acknowledge(seat, low))
    alarms, status = probe.alarms(), probe.status()
    check.same(status.alarms_present, sum(a.present for a in alarms), "alarms present")
    unknown = sum(not one.acknowledged for one in alarms)
    check.same(status.alarms_unacknowledged, unknown, "alarms not acknowledged")


@case("ALR-05", "RES-02", "Empty comes with low: both are logged.", SAMPLES)
def empty_does_not_come_without_low(probe: Probe) -> None:
    since = probe.log_end()
    _sounding(probe)
    raised = {entry.subject for entry in logged(probe, since, EventKind.ALARM_RAISED)}
    check.that({LOW, EMPTY} <= raised, "low_reservoir and empty_reservoir raised", raised)


@case(
    "ALR-06", "ALM-04", "Acknowledging is for one occurrence, and leaves the others alone.", SAMPLES
)
def one_occurrence_is_acknowledged(probe: Probe) -> None:
    seat, low = _sounding(probe)
    check.done(_acknowledge(seat, low))
    check.same(occurrence(probe, LOW).acknowledged, expected=True, what="low acknowledged")
    check.same(occurrence(probe, EMPTY).acknowledged, expected=False, what="empty acknowledged")


@case(
    "ALR-07", "ALM-04", "Acknowledging what is not there is refused, and changes nothing.", SAMPLES
)
def a_wrong_occurrence_is_refused(probe: Probe) -> None:
    seat, low = _sounding(probe)
    for number in (low.occurrence + 100, max(low.occurrence - 1, 0)):
        body = m.AcknowledgeAlarm(alarm=LOW, occurrence=number)
        check.refused(seat.do(body), Refusal.UNKNOWN_OCCURRENCE)
    check.same(occurrence(probe, LOW).acknowledged, expected=False, what="low acknowledged")


@case("ALR-08", "ALM-04", "An alarm that has no open occurrence cannot be acknowledged.", LOGIC)
def an_alarm_that_is_not_there_is_refused(probe: Probe) -> None:
    seat, open_ones = probe.open(), {one.alarm for one in probe.alarms()}
    absent = next(alarm for alarm in AlarmId if alarm not in open_ones)
    body = m.AcknowledgeAlarm(alarm=absent, occurrence=1)
    check.refused(seat.do(body), Refusal.UNKNOWN_ALARM)


@case("ALR-09", "ALM-07", "Acknowledging twice is acknowledging once.", SAMPLES)
def acknowledging_twice_changes_nothing(probe: Probe) -> None:
    seat, low = _sounding(probe)
    check.done(_acknowledge(seat, low))
    since, digest = probe.log_end(), probe.status().alarm_digest
    check.done(_acknowledge(seat, low))
    check.same(probe.status().alarm_digest, digest, "alarm digest")
    again = logged(probe, since, EventKind.ALARM_ACKNOWLEDGED)
    check.same(again, [], "acknowledgements logged for the second one")


@case("ALR-10", "ALM-05", "A pause is visible, and belongs to one alarm.", SAMPLES)
def a_pause_is_for_one_alarm(probe: Probe) -> None:
    seat, low = _sounding(probe)
    check.done(_pause(seat, low))
    check.same(occurrence(probe, LOW).audio_paused, expected=True, what="low paused")
    check.same(occurrence(probe, EMPTY).audio_paused, expected=False, what="empty paused")


@case("ALR-11", "ALM-05", "A pause longer than 10 min is refused; one of 10 min is not.", SAMPLES)
def a_pause_has_its_limit(probe: Probe) -> None:
    seat, low = _sounding(probe)
    too_long = _pause(seat, low, m.MAX_AUDIO_PAUSE_MS + 1)
    check.refused(too_long, Refusal.PAUSE_TOO_LONG)
    check.same(occurrence(probe, LOW).audio_paused, expected=False, what="low paused")
    check.done(_pause(seat, low, m.MAX_AUDIO_PAUSE_MS))


@case("ALR-12", "ALM-06", "A pause ends by itself: the same occurrence is heard again.", PAUSES)
def a_pause_ends(probe: Probe) -> None:
    seat, low = _sounding(probe)
    since = probe.log_end()
    check.done(_pause(seat, low))
    probe.wait("3 min")
    after = occurrence(probe, LOW)
    check.same(after.audio_paused, expected=False, what="low paused")
    check.same(after.occurrence, low.occurrence, "occurrence")
    resumed = {entry.subject for entry in logged(probe, since, EventKind.AUDIO_RESUMED)}
    check.that(LOW in resumed, "audio_resumed in the log", resumed)


@case("ALR-13", "ALM-12", "A pause ends with the session it belongs to.", SAMPLES)
def a_pause_ends_with_its_session(probe: Probe) -> None:
    seat, low = _sounding(probe)
    check.done(_pause(seat, low))
    check.done(seat.close())
    check.same(occurrence(probe, LOW).audio_paused, expected=False, what="low paused")


@case(
    "ALR-14",
    "ALM-12",
    "A pause ends when its session has been without traffic for 10 min.",
    Needs(LOGIC.capabilities, lasts="16 min"),
)
def a_pause_ends_with_an_idle_session(probe: Probe) -> None:
    seat, low = _sounding(probe)
    probe.wait("5 min")
    check.done(_pause(seat, low, m.MAX_AUDIO_PAUSE_MS))
    probe.wait("11 min")
    check.same(occurrence(probe, LOW).audio_paused, expected=False, what="low paused")


@case("ALR-15", "ALM-05", "A pause does not silence a condition that comes later.", PAUSES)
def a_pause_silences_nothing_new(probe: Probe) -> None:
    seat, low = _sounding(probe, both=False)
    check.done(_pause(seat, low, m.MAX_AUDIO_PAUSE_MS))
    _, now = probe.configured()
    write(probe, seat, now.model_copy(update={"empty_volume_nl": now.low_volume_nl - 1}))
    probe.wait("2 min")
    check.same(occurrence(probe, EMPTY).audio_paused, expected=False, what="empty paused")


@case("ALR-16", "ALM-08", "A condition that does not latch leaves the list when it ends.", PAUSES)
def what_does_not_latch_leaves(probe: Probe) -> None:
    seat = probe.open()
    old = sound_reservoir_alarms(probe, seat)
    low, since = occurrence(probe, LOW), probe.log_end()
    check.same(low.latching, expected=False, what="low_reservoir latches")
    _end(probe, seat, old)
    left = {one.alarm for one in probe.alarms()}
    check.that(not {LOW, EMPTY} & left, "neither low nor empty in the list", left)
    ended = {entry.value for entry in logged(probe, since, EventKind.ALARM_ENDED)}
    check.that(low.occurrence in ended, f"the end of occurrence {low.occurrence} logged", ended)


@case(
    "ALR-17",
    "ALM-13",
    "A condition that comes back is a new occurrence, with a higher number.",
    Needs(LOGIC.capabilities, lasts="10 min"),
)
def a_new_occurrence_has_a_new_number(probe: Probe) -> None:
    seat = probe.open()
    old = sound_reservoir_alarms(probe, seat)
    first = occurrence(probe, LOW)
    _end(probe, seat, old)
    sound_reservoir_alarms(probe, seat)
    second = occurrence(probe, LOW)
    what = f"an occurrence above {first.occurrence}"
    check.that(second.occurrence > first.occurrence, what, second)
    check.same(second.acknowledged, expected=False, what="acknowledged")


@case("ALR-18", "COM-08", "The digest changes with every change of the list.", SAMPLES)
def the_digest_changes(probe: Probe) -> None:
    seat, digests = probe.open(), [probe.status().alarm_digest]
    sound_reservoir_alarms(probe, seat)
    low = occurrence(probe, LOW)
    digests.append(probe.status().alarm_digest)
    for act in (_pause, _acknowledge):
        check.done(act(seat, low))
        digests.append(probe.status().alarm_digest)
    check.same(len(set(digests)), 4, "different digests among 4")


@case("ALR-19", "ALM-13", "The list is read on from any occurrence.", SAMPLES)
def the_list_is_read_by_pages(probe: Probe) -> None:
    _sounding(probe)
    numbers = [one.occurrence for one in probe.alarms()]
    check.same(numbers, sorted(numbers), "occurrences, oldest first")
    reply = probe.ask(m.ListAlarms(after_occurrence=numbers[0]))
    page = check.of_kind(reply, m.AlarmList)
    check.same([one.occurrence for one in page.alarms], numbers[1:], "occurrences behind the first")


@case("ALR-20", "ALM-13", "Notices of alarms are numbered without a gap.", SAMPLES)
def alarm_notices_have_no_gap(probe: Probe) -> None:
    seat, low = _sounding(probe)
    check.done(_acknowledge(seat, low))
    probe.await_notice(
        lambda p: isinstance(p.body, m.AlarmChanged) and p.body.alarm.acknowledged,
        "alarm_changed of the acknowledgement",
    )
    told = [p.header for p in probe.notices if isinstance(p.body, m.AlarmChanged)]
    numbers = [header.sequence for header in told if isinstance(header, m.NoticeHeader)]
    first = numbers[0]
    check.same(numbers, list(range(first, first + len(numbers))), "sequence of the notices")


@case(
    "ALR-21", "ALM-07", "A HIGH alarm that is acknowledged is called to mind each minute.", PAUSES
)
def people_are_reminded(probe: Probe) -> None:
    seat, _ = _sounding(probe)
    empty, since = occurrence(probe, EMPTY), probe.log_end()
    check.done(_acknowledge(seat, empty))
    probe.wait("3 min")
    told = [e for e in logged(probe, since, EventKind.ALARM_REMINDED) if e.subject == EMPTY]
    check.that(2 <= len(told) <= 3, "2 or 3 reminders in 3 min", f"{len(told)} reminders")


def _broken(probe: Probe) -> m.AlarmOccurrence:
    """A sensor falls silent: an alarm that latches."""
    fault = {"kind": "sensor_fault", "channel": CHANNEL}
    probe.stimulate({**fault, "missing": True}, undo=fault)
    probe.later(lambda: _settle_fault(probe, fault))
    probe.wait("5 min")
    readings = check.of_kind(probe.ask(m.ReadReadings()), m.ReadingsReport).readings
    if readings is None or readings.catheter_pulse_pa is not None:
        raise NoEffectError(f"{CHANNEL} still reads something")
    return occurrence(probe, AlarmId.SENSOR_FAULT)


def _settle_fault(probe: Probe, fault: dict[str, str]) -> None:
    probe.rig.laboratory.stimulate(fault)
    probe.wait("10 min")
    probe.close_all()
    for one in probe.alarms():
        if one.alarm is AlarmId.SENSOR_FAULT:
            _acknowledge(probe.open(), one)
            probe.close_all()


@case("ALR-22", "ALM-08", "A latching alarm stays when its condition has ended.", BROKEN)
def a_latching_alarm_stays(probe: Probe) -> None:
    raised = _broken(probe)
    check.same(raised.latching, expected=True, what="sensor_fault latches")
    probe.rig.laboratory.stimulate({"kind": "sensor_fault", "channel": CHANNEL})
    probe.wait("10 min")
    after = occurrence(probe, AlarmId.SENSOR_FAULT)
    check.same(after.occurrence, raised.occurrence, "occurrence")
    check.same(after.present, expected=False, what="present")
    check.done(_acknowledge(probe.open(), after))
    left = {one.alarm for one in probe.alarms()}
    check.that(AlarmId.SENSOR_FAULT not in left, "sensor_fault gone once acknowledged", left)


@case("ALR-23", "ALM-08", "A patient cannot acknowledge an alarm that latches.", BROKEN)
def a_patient_does_not_settle_a_latching_alarm(probe: Probe) -> None:
    raised = _broken(probe)
    check.refused(_acknowledge(probe.open(Role.PATIENT), raised), Refusal.ROLE)
    after = occurrence(probe, AlarmId.SENSOR_FAULT)
    check.same(after.acknowledged, expected=False, what="acknowledged")


@case(
    "ALR-24",
    "ALM-14",
    "The sounder plays the burst of the highest priority heard.",
    Needs(LOGIC.capabilities, laboratory=True, lasts="5 min"),
)
def the_sounder_follows(probe: Probe) -> None:
    seat, _ = _sounding(probe)
    _sounds_right(probe)
    check.done(_pause(seat, occurrence(probe, EMPTY)))
    _sounds_right(probe)


def _sounds_right(probe: Probe) -> None:
    actuation = probe.rig.laboratory.truth().get("actuation")
    if actuation is None:
        raise NoEffectError("this laboratory does not hear the sounder")
    heard = [a.priority for a in probe.alarms() if not a.acknowledged and not a.audio_paused]
    expected = Sounder(max(heard, default=0))
    check.same(Sounder(actuation["sounder"]).name, expected.name, "sounder")
