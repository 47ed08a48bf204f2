"""Sessions: the checks in their order, the right to write, and commands that act once."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from protocol import messages as m
from protocol.messages import MAX_SAFE, Command, CommandHeader, Packet, Reply
from protocol.outcomes import MAX_OUTCOMES, digest
from protocol.session import (
    IDLE_LIMIT_MS,
    MAX_SESSIONS,
    VALIDITY_LIMIT_MS,
    ClientSession,
    Session,
    Sessions,
)
from protocol.session import opened as session_opened
from protocol.vocabulary import AlarmId, Capability, OutcomeState, Refusal, Role, Sounder

BOOT = 3
NOW_MS = 1_000
ON = m.Actuate(sounder=Sounder.HIGH, patient_signal=True)
OFF = m.Actuate(sounder=Sounder.OFF, patient_signal=False)


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(boot_id=BOOT)


def opened(sessions: Sessions, uptime_ms: int = NOW_MS) -> Session:
    session = sessions.open(Role.CLINICIAN, "bench", uptime_ms)
    assert isinstance(session, Session)
    return session


def command(
    session: Session, sequence: int, command_id: int, body: Command = ON, **changes: int
) -> Packet:
    header = CommandHeader(
        request_id=1,
        boot_id=BOOT,
        session_id=session.session_id,
        sequence=sequence,
        command_id=command_id,
        valid_until_uptime_ms=NOW_MS + 10_000,
    )
    return Packet(header.model_copy(update=changes), body)


def execute(sessions: Sessions, packet: Packet, reply: Reply | None = None) -> None:
    assert isinstance(sessions.check(packet, NOW_MS), Session)
    sessions.record(sessions.begin(packet, Role.CLINICIAN), reply or m.Done())


def refusal(sessions: Sessions, packet: Packet, uptime_ms: int = NOW_MS) -> Refusal:
    reply = sessions.check(packet, uptime_ms)
    assert isinstance(reply, m.Refused)
    return reply.reason


def test_a_fresh_command_is_admitted(sessions: Sessions) -> None:
    session = opened(sessions)
    assert sessions.check(command(session, 1, 77), NOW_MS) is session
    assert session.sequence == 1


# Each case breaks every rule from its own on: the first one in the order must answer (COM-06).
BROKEN: list[tuple[Refusal, dict[str, int]]] = [
    (Refusal.BUSY, {}),
    (Refusal.VALIDITY_TOO_LONG, {"valid_until_uptime_ms": NOW_MS + VALIDITY_LIMIT_MS + 1}),
    (Refusal.EXPIRED, {"valid_until_uptime_ms": NOW_MS - 1}),
    (Refusal.COMMAND_ID_REUSED, {"command_id": 5}),
    (Refusal.STALE_SEQUENCE, {"sequence": 2}),
    (Refusal.NO_SESSION, {"session_id": 4_711}),
    (Refusal.STALE_BOOT, {"boot_id": BOOT - 1}),
]


@pytest.mark.parametrize("count", range(1, len(BROKEN) + 1), ids=lambda n: BROKEN[n - 1][0].name)
def test_the_checks_come_in_their_order(sessions: Sessions, count: int) -> None:
    other = opened(sessions)
    execute(sessions, command(other, 1, 5, OFF))
    sessions.close(other.session_id)
    session = opened(sessions)
    execute(sessions, command(session, 2, 6))
    sessions.close(session.session_id)
    session, writer = opened(sessions), opened(sessions)
    session.sequence = 2
    execute(sessions, command(writer, 1, 7))
    changes = {"sequence": 3, "command_id": 8}
    for _, change in BROKEN[:count]:
        changes |= change
    sequence, command_id = changes.pop("sequence"), changes.pop("command_id")
    packet = command(session, sequence, command_id, ON, **changes)
    assert refusal(sessions, packet) is BROKEN[count - 1][0]
    assert sessions.outcome(8).state is OutcomeState.UNKNOWN


@pytest.mark.parametrize(
    ("until_ms", "expected"),
    [
        (NOW_MS - 1, Refusal.EXPIRED),
        (NOW_MS, None),
        (NOW_MS + VALIDITY_LIMIT_MS, None),
        (NOW_MS + VALIDITY_LIMIT_MS + 1, Refusal.VALIDITY_TOO_LONG),
        (MAX_SAFE, Refusal.VALIDITY_TOO_LONG),
    ],
)
def test_validity_has_both_its_limits(
    sessions: Sessions, until_ms: int, expected: Refusal | None
) -> None:
    session = opened(sessions)
    found = sessions.check(command(session, 1, 1, valid_until_uptime_ms=until_ms), NOW_MS)
    assert found is session if expected is None else found == m.Refused(reason=expected)


@pytest.mark.parametrize(
    "reply",
    [
        m.Done(reference=9),
        m.Done(),
        m.Refused(reason=Refusal.REFILL_OPEN, detail="since yesterday"),
        m.SelfTestReport(passed=False, failed=("memory",)),
    ],
)
def test_a_repetition_gets_the_reply_of_then(sessions: Sessions, reply: Reply) -> None:
    session = opened(sessions)
    packet = command(session, 1, 77)
    execute(sessions, packet, reply)
    assert sessions.check(packet, NOW_MS) == reply
    late = packet.header.model_copy(update={"valid_until_uptime_ms": 0})
    assert sessions.check(Packet(late, packet.body), NOW_MS) == reply


def test_a_repetition_may_come_late(sessions: Sessions) -> None:
    """Its first reply was lost while the next command went through: it was carried out."""
    session = opened(sessions)
    first = command(session, 1, 77)
    execute(sessions, first, m.Done(reference=9))
    execute(sessions, command(session, 2, 78))
    assert sessions.check(first, NOW_MS) == m.Done(reference=9)
    assert session.sequence == 2


def test_a_repetition_in_a_new_session_does_not_act_again(sessions: Sessions) -> None:
    execute(sessions, command(opened(sessions), 1, 77), m.Done(reference=9))
    assert sessions.check(command(opened(sessions), 1, 77), NOW_MS) == m.Done(reference=9)


def test_outcomes_outlive_a_reboot_and_sessions_do_not(sessions: Sessions) -> None:
    session = opened(sessions)
    execute(sessions, command(session, 1, 77), m.Done(reference=9))
    sessions.reboot(BOOT + 1)
    assert refusal(sessions, command(session, 2, 78)) is Refusal.STALE_BOOT
    assert refusal(sessions, command(session, 2, 78, boot_id=BOOT + 1)) is Refusal.NO_SESSION
    session = opened(sessions)
    again = command(session, 1, 77, boot_id=BOOT + 1)
    assert sessions.check(again, NOW_MS) == m.Done(reference=9)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ON, OFF),
        (m.BeginRefill(), m.AbortRefill()),
        (
            m.AcknowledgeAlarm(alarm=AlarmId.REFILL_DUE, occurrence=1),
            m.AcknowledgeAlarm(alarm=AlarmId.REFILL_DUE, occurrence=2),
        ),
    ],
)
def test_another_content_is_another_command(
    sessions: Sessions, first: Command, second: Command
) -> None:
    """COM-04: an id stands for one content, whoever comes with another."""
    assert digest(first) != digest(second)
    session = opened(sessions)
    execute(sessions, command(session, 1, 77, first))
    found = refusal(sessions, command(session, 2, 77, second))
    assert found is Refusal.COMMAND_ID_REUSED


def test_a_refused_check_leaves_no_trace(sessions: Sessions) -> None:
    session = opened(sessions)
    refusal(sessions, command(session, 1, 77, valid_until_uptime_ms=0))
    assert sessions.check(command(session, 1, 77), NOW_MS) is session


def test_the_oldest_outcome_is_forgotten_first(sessions: Sessions) -> None:
    """COM-04: what was executed lately is remembered."""
    session = opened(sessions)
    for number in range(1, MAX_OUTCOMES + 2):
        execute(sessions, command(session, number, number))
    assert sessions.outcome(1).state is OutcomeState.UNKNOWN
    assert sessions.outcome(2).state is OutcomeState.DONE
    assert refusal(sessions, command(session, 1, 1)) is Refusal.STALE_SEQUENCE


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (m.Done(reference=9), m.CommandOutcome(state=OutcomeState.DONE, reference=9)),
        (
            m.SelfTestReport(passed=True, failed=()),
            m.CommandOutcome(state=OutcomeState.DONE),
        ),
        (
            m.Refused(reason=Refusal.ROLE, detail="x"),
            m.CommandOutcome(state=OutcomeState.REFUSED, reason=Refusal.ROLE),
        ),
    ],
)
def test_an_outcome_can_be_asked_for(
    sessions: Sessions, reply: Reply, expected: m.CommandOutcome
) -> None:
    """COM-09."""
    execute(sessions, command(opened(sessions), 1, 77), reply)
    assert sessions.outcome(77) == expected
    assert sessions.outcome(78) == m.CommandOutcome(state=OutcomeState.UNKNOWN)


@pytest.mark.parametrize(
    ("reply", "settled"),
    [
        (m.Done(reference=9), True),
        (m.SelfTestReport(passed=True, failed=()), True),
        (m.Refused(reason=Refusal.INTERRUPTED), True),
        (m.Refused(reason=Refusal.FIRMWARE_FAULT), False),
    ],
)
def test_a_command_is_pending_until_somebody_knows_what_became_of_it(
    sessions: Sessions, reply: Reply, *, settled: bool
) -> None:
    """COM-09: the next life tells of one whose handling failed, and of no other."""
    session = opened(sessions)
    packet = command(session, 1, 77)
    assert sessions.check(packet, NOW_MS) is session
    begun = sessions.begin(packet, session.role)
    assert sessions.pending == begun
    sessions.record(begun, reply)
    assert sessions.pending == (None if settled else begun)


def test_the_right_to_write_goes_on_when_its_holder_ends(sessions: Sessions) -> None:
    first, second = opened(sessions), opened(sessions)
    execute(sessions, command(first, 1, 1))
    assert refusal(sessions, command(second, 1, 2)) is Refusal.BUSY
    assert sessions.close(first.session_id) is first
    assert sessions.check(command(second, 1, 2), NOW_MS) is second
    assert sessions.close(first.session_id) is None


def test_the_end_of_another_session_moves_no_right(sessions: Sessions) -> None:
    first, second, third = opened(sessions), opened(sessions), opened(sessions)
    execute(sessions, command(first, 1, 1))
    sessions.close(second.session_id)
    assert refusal(sessions, command(third, 1, 2)) is Refusal.BUSY


def test_who_may_not_write_may_leave(sessions: Sessions) -> None:
    """COM-06: and takes the right to write from nobody by it."""
    first, second, third = opened(sessions), opened(sessions), opened(sessions)
    execute(sessions, command(first, 1, 1))
    assert sessions.check(command(second, 1, 2, m.Close()), NOW_MS) is second
    sessions.close(second.session_id)
    assert refusal(sessions, command(third, 1, 3)) is Refusal.BUSY
    assert sessions.check(command(first, 2, 4), NOW_MS) is first


def test_a_session_without_traffic_ends(sessions: Sessions) -> None:
    """COM-03, to the millisecond; every kind of traffic counts."""
    assert sessions.next_deadline_ms() is None
    asking, commanding, silent = opened(sessions), opened(sessions), opened(sessions)
    later_ms = NOW_MS + 5_000
    sessions.touch(asking.session_id, later_ms)
    sessions.touch(None, later_ms)
    sessions.touch(4_711, later_ms)
    assert sessions.check(command(commanding, 1, 1), later_ms) is commanding
    due_ms = NOW_MS + IDLE_LIMIT_MS
    assert sessions.next_deadline_ms() == due_ms
    assert sessions.expire(due_ms - 1) == []
    assert sessions.expire(due_ms) == [silent]
    assert sessions.next_deadline_ms() == due_ms + 5_000
    assert sessions.expire(due_ms + 5_000) == [asking, commanding]
    assert refusal(sessions, command(commanding, 2, 2)) is Refusal.NO_SESSION


def test_there_is_room_for_so_many_sessions(sessions: Sessions) -> None:
    known = [opened(sessions) for _ in range(MAX_SESSIONS)]
    assert len({session.session_id for session in known}) == MAX_SESSIONS
    assert sessions.open(Role.PATIENT, "late", NOW_MS) is Refusal.TOO_MANY_SESSIONS
    sessions.close(known[0].session_id)
    assert opened(sessions).session_id not in {session.session_id for session in known}


def test_who_opened_a_session_is_told_the_limits_that_hold(sessions: Sessions) -> None:
    session = opened(sessions)
    reply = session_opened(session, timeline_id=7, capabilities=(Capability.RAW_READINGS,))
    assert (reply.session_id, reply.timeline_id) == (session.session_id, 7)
    assert (reply.idle_limit_ms, reply.validity_limit_ms) == (IDLE_LIMIT_MS, VALIDITY_LIMIT_MS)
    assert reply.capabilities == (Capability.RAW_READINGS,)


def test_whose_a_session_is(sessions: Sessions) -> None:
    session = opened(sessions)
    assert sessions.role_of(session.session_id) is Role.CLINICIAN
    assert sessions.role_of(session.session_id + 1) is None


def test_what_a_command_was_answered_is_remembered(sessions: Sessions) -> None:
    execute(sessions, command(opened(sessions), 1, 77), m.Done(reference=9))
    assert sessions.reply_to(77) == m.Done(reference=9)
    assert sessions.reply_to(78) is None


def test_a_snapshot_keeps_a_command_that_nobody_knows_the_outcome_of(sessions: Sessions) -> None:
    """COM-09."""
    begun = sessions.begin(command(opened(sessions), 1, 77), Role.CLINICIAN)
    restored = Sessions()
    restored.restore(json.loads(json.dumps(sessions.snapshot())), timeline_id=2)
    assert restored.pending == begun


def test_a_snapshot_keeps_outcomes_and_ends_sessions(sessions: Sessions) -> None:
    session = opened(sessions)
    execute(sessions, command(session, 1, 77), m.SelfTestReport(passed=False, failed=("rtc",)))
    execute(sessions, command(session, 2, 78), m.Refused(reason=Refusal.ROLE, detail="x"))
    data = json.loads(json.dumps(sessions.snapshot()))
    restored = Sessions()
    (ended,) = restored.restore(data, timeline_id=2)
    assert ended.session_id == session.session_id
    assert restored.snapshot() == {**sessions.snapshot(), "open": []}
    assert refusal(restored, command(session, 3, 79)) is Refusal.NO_SESSION
    again = command(opened(restored), 1, 77)
    assert restored.check(again, NOW_MS) == m.SelfTestReport(passed=False, failed=("rtc",))


def test_a_session_of_an_abandoned_timeline_fits_nobody(sessions: Sessions) -> None:
    data = sessions.snapshot()
    abandoned = opened(sessions)
    sessions.restore(data, timeline_id=2)
    assert opened(sessions).session_id != abandoned.session_id
    assert refusal(sessions, command(abandoned, 1, 1)) is Refusal.NO_SESSION


@given(timeline_id=st.integers(0, 2**32 - 1))
def test_session_ids_fit_the_wire(timeline_id: int) -> None:
    sessions = Sessions(timeline_id=timeline_id)
    assert 0 < opened(sessions).session_id <= MAX_SAFE


class AtMostOnce(RuleBasedStateMachine):
    """COM-04, whatever is sent, lost and repeated: a command id acts once, with one content."""

    @initialize()
    def start(self) -> None:
        self.sessions = Sessions(boot_id=1)
        self.uptime_ms = 0
        self.open: list[Session] = []
        self.acted: dict[int, Command] = {}

    @rule()
    def connect(self) -> None:
        session = self.sessions.open(Role.PATIENT, "x", self.uptime_ms)
        if isinstance(session, Session):
            self.open.append(session)

    @rule(which=st.integers(0, 1), number=st.integers(0, 2), body=st.sampled_from([ON, OFF]))
    def send(self, which: int, number: int, body: Command) -> None:
        """As clients do: the next sequence of the session."""
        self._send(which, None, number, body)

    @rule(which=st.integers(0, 1), sequence=st.integers(0, 3), number=st.integers(0, 2))
    def repeat(self, which: int, sequence: int, number: int) -> None:
        """With any sequence, what was carried out under that number, or else anything."""
        self._send(which, sequence, number, self.acted.get(number, ON))

    def _send(self, which: int, sequence: int | None, number: int, body: Command) -> None:
        if not self.open:
            self.connect()
        session = self._latest(which)
        last = session.sequence
        sequence = last + 1 if sequence is None else sequence
        packet = command(session, sequence, number, body, boot_id=self.sessions.boot_id)
        found = self.sessions.check(packet, NOW_MS)
        if isinstance(found, Session):
            assert sequence > last
            assert number not in self.acted
            self.acted[number] = body
            begun = self.sessions.begin(packet, found.role)
            self.sessions.record(begun, m.Done(reference=number))
        elif isinstance(found, m.Done):
            assert self.acted[number] == body
            assert found.reference == number

    @rule(ms=st.sampled_from([1, IDLE_LIMIT_MS]))
    def wait(self, ms: int) -> None:
        self.uptime_ms += ms
        self.sessions.expire(self.uptime_ms)

    @rule(which=st.integers(0, 1))
    def close(self, which: int) -> None:
        """Its client does not know, and may go on with it."""
        if self.open:
            self.sessions.close(self._latest(which).session_id)

    @rule()
    def reboot(self) -> None:
        """All sessions end, and a boot id is one for one life."""
        self.sessions.reboot(self.sessions.boot_id + 1)
        self.open.clear()

    def _latest(self, which: int) -> Session:
        return self.open[-1 - which % len(self.open)]

    @invariant()
    def outcomes_are_known(self) -> None:
        for number in range(3):
            expected = OutcomeState.DONE if number in self.acted else OutcomeState.UNKNOWN
            assert self.sessions.outcome(number).state is expected


TestAtMostOnce = AtMostOnce.TestCase
TestAtMostOnce.settings = settings(max_examples=40)


# ---- the client's side


def reply_header(boot_id: int = BOOT, uptime_ms: int = NOW_MS) -> m.ReplyHeader:
    return m.ReplyHeader(request_id=1, boot_id=boot_id, config_id=1, uptime_ms=uptime_ms)


def notice(boot_id: int, uptime_ms: int) -> Packet:
    header = m.NoticeHeader(boot_id=boot_id, config_id=1, uptime_ms=uptime_ms, sequence=1)
    return Packet(header, m.Presence(online=True, device_id="p", timeline_id=1))


def opened_reply(session_id: int) -> m.Opened:
    return m.Opened(
        session_id=session_id,
        timeline_id=1,
        schema_hash=1,
        capabilities=(),
        idle_limit_ms=IDLE_LIMIT_MS,
        validity_limit_ms=VALIDITY_LIMIT_MS,
        max_payload_bytes=1_000,
    )


@pytest.fixture
def client() -> ClientSession:
    client = ClientSession()
    client.learn(Packet(reply_header(), opened_reply(9)))
    return client


def test_no_command_without_a_session() -> None:
    with pytest.raises(ValueError, match="no session is open"):
        ClientSession().command(ON, 1, 1_000)


def test_a_client_numbers_what_it_sends(client: ClientSession) -> None:
    ask = client.ask(m.GetStatus())
    assert ask.header == m.AskHeader(request_id=1, session_id=9)
    first, second = client.command(ON, 77, 500), client.command(OFF, 78, 500)
    assert first.header == CommandHeader(
        request_id=2,
        boot_id=BOOT,
        session_id=9,
        sequence=1,
        command_id=77,
        valid_until_uptime_ms=NOW_MS + 500,
    )
    assert isinstance(second.header, CommandHeader)
    assert (second.header.request_id, second.header.sequence) == (3, 2)


def test_a_new_session_counts_anew(client: ClientSession) -> None:
    client.command(ON, 77, 500)
    client.learn(Packet(reply_header(), opened_reply(10)))
    header = client.command(OFF, 78, 500).header
    assert isinstance(header, CommandHeader)
    assert (header.session_id, header.sequence) == (10, 1)


def test_both_sides_understand_each_other(sessions: Sessions, client: ClientSession) -> None:
    session = opened(sessions)
    client.learn(Packet(reply_header(), opened_reply(session.session_id)))
    assert sessions.check(client.command(ON, 77, 500), NOW_MS) is session


@pytest.mark.parametrize("reason", [Refusal.NO_SESSION, Refusal.STALE_BOOT])
def test_a_lost_session_is_noticed(client: ClientSession, reason: Refusal) -> None:
    client.learn(Packet(reply_header(), m.Refused(reason=reason)))
    assert client.session_id is None


def test_another_refusal_loses_no_session(client: ClientSession) -> None:
    client.learn(Packet(reply_header(), m.Refused(reason=Refusal.BUSY)))
    assert client.session_id == 9


def test_a_reboot_is_noticed_in_any_reply_or_notice(client: ClientSession) -> None:
    """COM-08."""
    client.learn(notice(BOOT + 1, 5))
    assert (client.session_id, client.boot_id, client.uptime_ms) == (None, BOOT + 1, 5)
    client.learn(Packet(reply_header(boot_id=BOOT + 1), opened_reply(10)))
    client.learn(Packet(reply_header(boot_id=BOOT + 2, uptime_ms=1), m.Done()))
    assert (client.session_id, client.boot_id, client.uptime_ms) == (None, BOOT + 2, 1)


@pytest.mark.parametrize("stale", [notice(BOOT - 1, 10**9), notice(BOOT, NOW_MS - 1)])
def test_a_retained_notice_teaches_nothing(client: ClientSession, stale: Packet) -> None:
    client.learn(stale)
    assert (client.session_id, client.boot_id, client.uptime_ms) == (9, BOOT, NOW_MS)


def test_a_later_notice_tells_the_uptime(client: ClientSession) -> None:
    client.learn(notice(BOOT, NOW_MS + 1))
    assert (client.session_id, client.uptime_ms) == (9, NOW_MS + 1)


def test_requests_teach_nothing(client: ClientSession) -> None:
    client.learn(client.command(ON, 77, 500))
    assert (client.session_id, client.boot_id, client.uptime_ms) == (9, BOOT, NOW_MS)
