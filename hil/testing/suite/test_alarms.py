"""The book of alarms: who acknowledges and pauses what, what is heard, and what comes back."""

from typing import Any, Final

import pytest
from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from hil.testing.desk import Desk
from hil.testing.oracle import Sound
from hil.testing.prove import Prove, suite_settings
from hil.testing.subject import Subject
from protocol import messages as m
from protocol.control import TICKS_PER_S
from protocol.vocabulary import AlarmId, Priority, Refusal, Role, Sounder

SWITCHES: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "pulse sensor": ({"reads": {"catheter_pulse_pa": None}}, {"reads": {}}),
    "battery": ({"battery_mv": 2_500}, {"battery_mv": 2_900}),
    "battery's end": ({"battery_mv": 2_300}, {"battery_mv": 2_900}),
    "clock": ({"rtc_off_s": 5_000}, {"rtc_off_s": 0}),
    "catheter": ({"artery_pa": 44e3}, {"artery_pa": 12_400.0}),
    "artery": ({"artery_pa": 232e3}, {"artery_pa": 12_400.0}),
    "two sensors": (
        {"reads": {"catheter_pulse_pa": None, "pocket_pressure_pa": None}},
        {"reads": {}},
    ),
    "needle": ({"level_nl": 5e5}, {"level_nl": 28e6}),
}
SOME_SWITCHES: Final = st.lists(st.sampled_from(sorted(SWITCHES)), min_size=1, max_size=4)
"""In the same minute: what one sample tells of together must not be lost (ALM-11)."""
SESSIONS: Final = (1, 2)


class Listener:
    """A desk, and what somebody beside it keeps of its alarms: both must agree on the sound."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        desk.beyond("its summary does not tell what is heard or paused")
        self.sound = Sound()
        self.read = 0

    @property
    def now_s(self) -> float:
        return self.desk.passed_s

    def hear(self) -> None:
        """Take over what was told since."""
        for one in self.desk.told[self.read :]:
            self.sound.tell(self.now_s, one)
        self.read = len(self.desk.told)

    def run_s(self, seconds: float) -> None:
        """Let less than a minute pass, from change to change."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            due = min(self.sound.next_change_s(self.now_s), end_s)
            until = max(round(due * TICKS_PER_S) - self.desk.earlier, self.desk.ticks + 1)
            deadline = self.desk.guard.deadline  # the logic may do something sooner
            self.desk.run_to(until if deadline is None else min(until, max(deadline, 0)))
            self.sound.advance(self.now_s)
            self.hear()
            self.check()

    def minute(self) -> None:
        """A minute, a sample at its end."""
        self.run_s(60)
        self.desk.pump.pass_minute()
        self.desk.minutes += 1
        self.desk.sample()
        self.hear()
        self.check()

    def acknowledge_all(self) -> None:
        """Each alarm that is listed."""
        for one in self.desk.alarms():
            body = m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence)
            self.desk.must_do(body, "ALM-04")
            self.sound.acknowledge(self.now_s, one.occurrence)
        self.hear()

    def silence(self, minutes: int) -> None:
        """Minutes without a sample."""
        with self.desk.silent(minutes):
            for _ in range(minutes):
                self.run_s(60)

    def reset(self) -> None:
        """Supply lost for a moment."""
        self.desk.power_cycle()
        self.read = 0
        self.sound.reset(self.now_s)
        self.hear()
        self.check()

    def check(self, silent: str = "ALM-05", loud: str = "ALM-06") -> None:
        """What is heard; what is silent violates the one requirement, what is loud the other."""
        expected = self.sound.sounder(self.now_s)
        heard = self.desk.sounder
        why = ", ".join(
            f"{one.alarm.name.lower()} {one.priority.name}"
            f"{' acknowledged' if one.acknowledged else ''}"
            f"{' paused' if one.paused_until_s is not None else ''}"
            for one in self.sound.open.values()
        )
        requirement = silent if heard < expected else loud
        acknowledged = [one for one in self.sound.open.values() if one.acknowledged]
        requirement = "ALM-07" if acknowledged else requirement
        seen = f"{heard.name.lower()} ({why or 'no alarm is open'})"
        self.desk.that(heard is expected, requirement, f"a sounder: {expected.name.lower()}", seen)

    def check_list(self, pauses: str = "ALM-05") -> None:
        """The list against what was told; `pauses` is the requirement that says which hold."""
        listed = {one.occurrence: one for one in self.desk.alarms()}
        mine = self.sound.open
        untold, lost = sorted(listed.keys() - mine), sorted(mine.keys() - listed)
        self.desk.that(not untold, "ALM-13", "every occurrence that is listed told", untold)
        self.desk.that(not lost, "ALM-08", f"occurrences {lost} in the list", sorted(listed))
        for number, one in listed.items():
            known = mine[number]
            paused = known.paused_until_s is not None and known.paused_until_s > self.now_s
            was = (known.present, known.acknowledged, known.priority)
            now = (one.present, one.acknowledged, one.priority)
            name = one.alarm.name.lower()
            self.desk.that(
                was == now, "ALM-04", f"{name}: present, acknowledged, priority {was}", now
            )
            words = f"{name} {'' if paused else 'not '}paused"
            self.desk.that(paused == one.audio_paused, pauses, words, one.audio_paused)
            counted = one.soundings in (None, known.soundings)
            words = f"{name} heard anew {known.soundings} times"
            self.desk.that(counted, "ALM-06", words, one.soundings)
        status = self.desk.status()
        highest = max((one.priority for one in mine.values() if one.present), default=None)
        self.desk.that(
            status.highest_priority == highest, "ALM-02", str(highest), status.highest_priority
        )
        present = sum(one.present for one in mine.values())
        self.desk.that(
            status.alarms_present == present, "ALM-02", f"{present} present", status.alarms_present
        )
        fresh, told = (
            sum(not one.acknowledged for one in mine.values()),
            status.alarms_unacknowledged,
        )
        self.desk.that(told == fresh, "ALM-08", f"{fresh} to be acknowledged", told)

    def check_kept(self) -> None:
        """If supply went now, the next life would know of each."""
        listed = {one.occurrence: one for one in self.desk.next_life().alarms()}
        for one in self.desk.alarms():
            if one.alarm is AlarmId.RESETS:
                continue  # that boot may be one too many
            name, again = one.alarm.name.lower(), listed.get(one.occurrence)
            words = f"{name}, occurrence {one.occurrence}, in memory when it is told"
            self.desk.that(again is not None, "ALM-10", words, "not there")
            assert again is not None
            words = f"{name} as it was: acknowledged {one.acknowledged}, {one.priority.name}"
            same = (again.acknowledged, again.priority) == (one.acknowledged, one.priority)
            self.desk.that(same, "ALM-09", words, again)


class AlarmMachine(RuleBasedStateMachine):
    """Conditions come and go, people acknowledge and pause, and time passes."""

    subject: Subject

    @initialize()
    def begin(self) -> None:
        self.listener = Listener(self.subject.desk())
        self.switch(["pulse sensor", "clock"], on=True, minutes=6)

    @property
    def desk(self) -> Desk:
        return self.listener.desk

    def one(self, pick: int) -> m.AlarmOccurrence | None:
        """One of those listed."""
        listed = self.desk.alarms()
        return listed[pick % len(listed)] if listed else None

    @rule(names=SOME_SWITCHES, on=st.booleans(), minutes=st.integers(1, 12))
    def switch(self, names: list[str], on: bool, minutes: int) -> None:  # noqa: FBT001
        truth: dict[str, Any] = {}
        for name in names:
            truth |= SWITCHES[name][not on]
        self.desk.let(**truth)
        for _ in range(minutes):
            self.listener.minute()

    @rule(minutes=st.sampled_from([1, 2, 10, 31]))
    def wait(self, minutes: int) -> None:
        for _ in range(minutes):
            self.listener.minute()

    @rule(seconds=st.sampled_from([1, 4, 5, 6, 29, 30]))
    def wait_seconds(self, seconds: int) -> None:
        left_s = 59 - self.listener.now_s % 60
        if seconds <= left_s:
            self.listener.run_s(seconds)

    @rule(pick=st.integers(0, 5), role=st.sampled_from(Role))
    def acknowledge(self, pick: int, role: Role) -> None:
        one = self.one(pick)
        if one is None:
            return
        body = m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.occurrence)
        reply = self.desk.do(body, role)
        self.listener.hear()
        if one.latching and role is Role.PATIENT:
            self.desk.that(isinstance(reply, m.Refused), "ALM-08", "refused to a patient", reply)
        else:
            self.desk.that(isinstance(reply, m.Done), "ALM-04", "acknowledged", reply)
            self.listener.sound.acknowledge(self.listener.now_s, one.occurrence)
        self.listener.check()

    @rule(
        pick=st.integers(0, 5),
        seconds=st.sampled_from([5, 60, 599, 600]),
        session=st.sampled_from(SESSIONS),
    )
    def pause(self, pick: int, seconds: int, session: int) -> None:
        one = self.one(pick)
        if one is not None:
            self.silence_one(one, seconds, session)

    @rule(session=st.sampled_from(SESSIONS))
    def pause_all(self, session: int) -> None:
        for one in self.desk.alarms():
            self.silence_one(one, 600, session)

    def silence_one(self, one: m.AlarmOccurrence, seconds: int, session: int) -> None:
        body = m.PauseAudio(alarm=one.alarm, occurrence=one.occurrence, duration_ms=seconds * 1_000)
        reply = self.desk.do(body, session_id=session)
        self.listener.hear()
        self.desk.that(isinstance(reply, m.Done), "ALM-05", "paused", reply)
        self.listener.sound.pause(self.listener.now_s, one.occurrence, seconds, session)
        self.listener.check()

    @rule(session=st.sampled_from(SESSIONS))
    def close(self, session: int) -> None:
        self.desk.do(m.Close(), session_id=session)
        self.listener.hear()
        self.listener.sound.end_session(session)
        self.listener.check(silent="ALM-12", loud="ALM-12")
        self.listener.check_list("ALM-12")

    @rule(minutes=st.integers(1, 6))
    def silence(self, minutes: int) -> None:
        self.listener.silence(minutes)
        self.listener.check_kept()

    @rule()
    def reset(self) -> None:
        self.listener.reset()

    @rule()
    def look(self) -> None:
        self.listener.check_kept()

    @invariant()
    def agrees(self) -> None:
        self.listener.check_list()


def test_what_is_heard_and_what_is_listed(subject: Subject, prove: Prove) -> None:
    """Whatever comes, goes, is acknowledged or paused: the sound is that of the loudest of it."""
    machine = type("AlarmMachine", (AlarmMachine,), {"subject": subject})
    settings = suite_settings(max(1, round(30 * prove.effort)), steps=25)
    seed(prove.seed)(machine)
    run_state_machine_as_test(machine, settings=settings)


@pytest.mark.parametrize(
    ("name", "minutes"), [("battery's end", 2_600), ("pulse sensor", 95), ("clock", 125)]
)
def test_what_is_acknowledged_comes_back(subject: Subject, name: str, minutes: int) -> None:
    """Each minute ten times, then ever more rarely; every half hour; every hour: 5 s each.

    However long it lasts: the tick counter wraps after 36 h, and a byte counts 255 reminders.
    """
    listener = Listener(subject.desk())
    listener.minute()
    listener.desk.let(**SWITCHES[name][0])
    for _ in range(25):
        listener.minute()
    listener.acknowledge_all()
    for _ in range(minutes):
        listener.minute()


@pytest.mark.parametrize("seconds", [7, 61, 600])
def test_a_pause_lasts_as_long_as_it_was_given(subject: Subject, seconds: int) -> None:
    """Silent until then, and heard again from that instant on."""
    listener = Listener(subject.desk())
    listener.minute()
    listener.desk.let(**SWITCHES["pulse sensor"][0])
    for _ in range(6):
        listener.minute()
    for one in listener.desk.alarms():
        number, length_ms = one.occurrence, seconds * 1_000
        pause = m.PauseAudio(alarm=one.alarm, occurrence=number, duration_ms=length_ms)
        listener.desk.must_do(pause, "ALM-05")
        listener.sound.pause(listener.now_s, number, seconds, 1)
    listener.hear()
    for _ in range(12):
        listener.minute()


@pytest.mark.parametrize("over", [False, True])
def test_a_pause_ends_with_its_session(subject: Subject, over: bool) -> None:  # noqa: FBT001
    """Whether the condition still stands, or is over and to be acknowledged."""
    listener = Listener(subject.desk())
    one = raised(listener.desk)
    if over:
        listener.desk.let(**SWITCHES["pulse sensor"][1])
        listener.desk.wait(12)
    listener.hear()
    for session in SESSIONS:
        pause = m.PauseAudio(alarm=one.alarm, occurrence=one.occurrence, duration_ms=600_000)
        listener.desk.do(pause, session_id=session)
        listener.sound.pause(listener.now_s, one.occurrence, 600, session)
        listener.hear()
        listener.check()
        listener.desk.do(m.Close(), session_id=session)
        listener.sound.end_session(session)
        listener.hear()
        listener.check(silent="ALM-12", loud="ALM-12")
        listener.check_list("ALM-12")


@pytest.mark.parametrize("how", ["acknowledged", "paused"])
def test_what_rises_is_heard_again(subject: Subject, how: str) -> None:
    """A refill that is near is acknowledged or paused; when it is due, it is heard."""
    desk = subject.desk(refill_interval_s=86_400)
    desk.wait(1_435)
    one = desk.occurrence(AlarmId.REFILL_DUE)
    desk.that(one is not None and one.priority is Priority.LOW, "RES-04", "refill_due LOW", one)
    assert one is not None
    alarm, number = one.alarm, one.occurrence
    if how == "paused":
        pause = m.PauseAudio(alarm=alarm, occurrence=number, duration_ms=600_000)
        desk.must_do(pause, "ALM-05")
    else:
        desk.must_do(m.AcknowledgeAlarm(alarm=alarm, occurrence=number), "ALM-04")
    desk.that(desk.sounder is Sounder.OFF, "ALM-05", "silence", desk.sounder.name)
    desk.wait(6)
    desk.that(desk.sounder is Sounder.MEDIUM, "ALM-05", "a sounder: medium", desk.sounder.name)
    risen = desk.occurrence(AlarmId.REFILL_DUE)
    fresh = risen is not None and not risen.acknowledged and risen.occurrence == one.occurrence
    desk.that(fresh, "ALM-18", "the same occurrence, to be acknowledged again", risen)


def raised(desk: Desk, name: str = "pulse sensor") -> m.AlarmOccurrence:
    """An alarm of MEDIUM priority that stands and latches."""
    desk.wait(10)
    desk.let(**SWITCHES[name][0])
    desk.wait(6)
    listed = desk.alarms()
    desk.that(listed, "SEN-01", "sensor_fault", "no alarm")
    return listed[-1]


def test_an_acknowledgement_is_for_one_occurrence(subject: Subject) -> None:
    """Neither another number nor another alarm is acknowledged by it."""
    desk = subject.desk()
    one = raised(desk)
    for alarm, number in ((one.alarm, one.occurrence + 1), (AlarmId.OCCLUSION, one.occurrence)):
        for body in (
            m.AcknowledgeAlarm(alarm=alarm, occurrence=number),
            m.PauseAudio(alarm=alarm, occurrence=number, duration_ms=60_000),
        ):
            reply = desk.do(body)
            desk.that(isinstance(reply, m.Refused), "ALM-04", "refused: no such occurrence", reply)
    desk.that(desk.alarms()[-1] == one, "ALM-04", f"still {one}", desk.alarms())


def test_a_pause_has_a_longest_time(subject: Subject) -> None:
    """Ten minutes, and not a second more."""
    desk = subject.desk()
    one = raised(desk)
    for seconds, fits in ((600, True), (601, False), (86_400, False)):
        body = m.PauseAudio(alarm=one.alarm, occurrence=one.occurrence, duration_ms=seconds * 1_000)
        reply = desk.do(body)
        words = "taken" if fits else f"refused: {Refusal.PAUSE_TOO_LONG.name.lower()}"
        desk.that(isinstance(reply, m.Done) == fits, "ALM-05", f"{seconds} s {words}", reply)


@pytest.mark.parametrize("name", ["artery", "battery's end"])
def test_a_pause_hides_no_new_alarm(subject: Subject, name: str) -> None:
    """Something new is heard, whatever is paused, and at its own priority."""
    desk = subject.desk()
    one = raised(desk)
    pause = m.PauseAudio(alarm=one.alarm, occurrence=one.occurrence, duration_ms=600_000)
    desk.must_do(pause, "ALM-05")
    desk.that(desk.sounder is Sounder.OFF, "ALM-05", "silence", desk.sounder.name)
    desk.let(**SWITCHES[name][0])
    for _ in range(9):
        desk.minute()
        if any(other.priority is Priority.HIGH for other in desk.alarms()):
            break
    else:
        if name == "artery":
            raise desk.violated("FLW-04", "flow_stop within 2 samples", desk.standing())
        desk.wait(20)
    desk.that(
        desk.sounder is Sounder.HIGH, "ALM-05", "a sounder that plays high", desk.sounder.name
    )


def test_a_condition_that_comes_back_is_a_new_occurrence(subject: Subject) -> None:
    """Ended and come again: another number, and nobody has acknowledged it."""
    desk = subject.desk()
    one = raised(desk)
    desk.let(**SWITCHES["pulse sensor"][1])
    desk.wait(12)
    desk.let(**SWITCHES["pulse sensor"][0])
    desk.wait(6)
    again = desk.occurrence(one.alarm)
    fresh = again is not None and again.occurrence > one.occurrence and again.present
    desk.that(fresh, "ALM-04", f"an occurrence above {one.occurrence}", again)


def test_a_storm_keeps_what_is_high(subject: Subject) -> None:
    """Everything at once: what is HIGH is listed, and heard."""
    desk = subject.desk()
    desk.wait(30)
    silent = dict.fromkeys(("catheter_pulse_pa", "temperature_mk"))
    desk.let(artery_pa=232e3, battery_mv=2_300, rtc_off_s=9_999, reads=silent, level_nl=2.4e6)
    desk.wait(40)
    high = {AlarmId.FLOW_STOP, AlarmId.BATTERY_END, AlarmId.OCCLUSION}
    desk.that(
        high <= desk.present(), "ALM-11", "flow_stop, battery_end, occlusion", desk.standing()
    )
    desk.that(
        desk.sounder is Sounder.HIGH, "ALM-03", "a sounder that plays high", desk.sounder.name
    )
    numbers = [one.occurrence for one in desk.alarms()]
    desk.that(numbers == sorted(set(numbers)), "ALM-13", "rising numbers, each once", numbers)
