"""What was asked for, by whom, and what came of it, is in the log, in that order (LOG-01)."""

from collections import Counter
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, Refusal, ResetCause, Role
from pumpsim import pumpfile
from pumpsim.device import SAMPLE_NS
from tests.device.test_device import HOUR_NS, Programmer, make, reason, stimulus
from tests.device.test_eventlog import entries_of

DEMO: Final = pumpfile.demo().report()
assert DEMO.configuration is not None
BODIES: Final[tuple[tuple[m.Command, EventKind | None], ...]] = (
    (m.BeginRefill(), EventKind.REFILL_BEGUN),
    (m.AbortRefill(), EventKind.REFILL_ABORTED),
    (
        m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0),
        EventKind.BOLUS_ACCESS_BEGUN,
    ),
    (m.EndBolusAccess(injected_nl=1_000), EventKind.BOLUS_ACCESS_ENDED),
    (m.RunSelfTest(), EventKind.SELF_TEST),
    (m.SetClock(rtc_s=1_800_000_000), EventKind.CLOCK_SET),
    (m.SetClock(rtc_s=0), None),
    (
        m.WriteConfiguration(base_config_id=1, configuration=DEMO.configuration),
        EventKind.CONFIGURATION_WRITTEN,
    ),
    (m.AcknowledgeAlarm(alarm=AlarmId.OCCLUSION, occurrence=1), None),
)
"""Commands, and what the log tells beside them when they are carried out."""
STALE: Final = {
    Refusal.EXPIRED: {"valid_until_uptime_ms": 0},
    Refusal.VALIDITY_TOO_LONG: {"valid_until_uptime_ms": m.MAX_SAFE},
    Refusal.STALE_SEQUENCE: {"sequence": 0},
    Refusal.STALE_BOOT: {"boot_id": 99},
}
"""Headers of a session that stands, and why they are refused."""

Row = tuple[EventKind, int | None, Role | None]


class Ward:
    """Two programmers at one pump, and the model of what its log must tell."""

    def __init__(self) -> None:
        self.device = make()
        self.device.advance(SAMPLE_NS)
        self.programmers = [Programmer(self.device, name) for name in ("one", "two")]
        self.roles: dict[str, Role] = {}
        self.number = 0
        self.rows: list[Row] = []
        self.refused: Counter[tuple[*Row, int | None]] = Counter()

    def open(self, programmer: Programmer, role: Role) -> bool:
        reply = programmer.ask(m.Open(role=role, client="test"))
        if isinstance(reply, m.Refused):
            self.refused[EventKind.SESSION_REFUSED, reply.reason, role, None] += 1
            return False
        self.roles[programmer.link] = role
        self.rows.append((EventKind.SESSION_OPENED, role, role))
        return True

    def command(self, which: int, role: Role, what: int, header: dict[str, Any]) -> None:
        programmer, (body, effect) = self.programmers[which], BODIES[what]
        if programmer.session.session_id is None and not self.open(programmer, role):
            return
        role = self.roles[programmer.link]
        self.number += 1
        packet = programmer.session.command(body, self.number, 60_000)
        packet = packet._replace(header=packet.header.model_copy(update=header))
        reply = programmer.send(packet)
        if isinstance(reply, m.Refused):
            known = None if reply.reason is Refusal.NO_SESSION else role
            self.refused[EventKind.COMMAND_REFUSED, reply.reason, known, body.code] += 1
            return
        if effect is not None:
            self.rows.append((effect, None, role))
        self.rows.append((EventKind.COMMAND_DONE, body.code, role))

    def reset(self) -> None:
        self.device.reset(self.device.now_ns, ResetCause.WATCHDOG)
        self.rows.append((EventKind.BOOT, ResetCause.WATCHDOG, None))
        for programmer in self.programmers:
            programmer.session.session_id = None
            programmer.ask(m.GetStatus())

    def told(self) -> tuple[list[Row], Counter[tuple[*Row, int | None]]]:
        """What the log says: in order, and how often where repeats are counted."""
        self.device.advance(self.device.now_ns + 2 * HOUR_NS)  # by then they are
        rows: list[Row] = []
        refused: Counter[tuple[*Row, int | None]] = Counter()
        for entry in entries_of(self.device.log):
            row = (entry.kind, entry.subject, entry.role)
            if entry.kind in {EventKind.COMMAND_REFUSED, EventKind.SESSION_REFUSED}:
                refused[*row, entry.command] += 1 if entry.repeats is None else entry.repeats
            else:
                rows.append(row)
        return rows, refused


def is_subsequence(expected: list[Row], rows: list[Row]) -> bool:
    """Each one after the one before it; a subject of None may be anything."""
    rest = iter(rows)
    return all(
        any(row == (kind, row[1] if subject is None else subject, role) for row in rest)
        for kind, subject, role in expected
    )


HEADERS: Final = st.sampled_from([{}, {}, {}, {"session_id": 4_711}, *STALE.values()])
COMMANDS: Final = st.tuples(
    st.integers(0, 1), st.sampled_from([*Role]), st.integers(0, len(BODIES) - 1), HEADERS
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(COMMANDS | st.none(), max_size=30))
def test_what_was_done_and_refused_is_told_with_its_role(
    course: list[tuple[int, Role, int, dict[str, Any]] | None],
) -> None:
    """LOG-01: two programmers, any commands, sound and stale headers, and resets in between."""
    ward = Ward()
    for command in course:
        if command is None:
            ward.reset()
        else:
            ward.command(*command)
    rows, refused = ward.told()
    assert is_subsequence(ward.rows, rows)
    assert refused == ward.refused


@pytest.mark.parametrize("why", [*STALE, Refusal.BUSY])
def test_a_refusal_names_the_role_of_a_session_that_stands(why: Refusal) -> None:
    """LOG-01: refused before it was carried out, and known all the same."""
    ward = Ward()
    one, two = ward.programmers
    ward.open(one, Role.CLINICIAN)
    ward.open(two, Role.SERVICE)
    assert two.command(m.BeginRefill()) == m.Done()
    programmer, role = (one, Role.CLINICIAN) if why is Refusal.BUSY else (two, Role.SERVICE)
    packet = programmer.session.command(m.RunSelfTest(), 4_711, 60_000)
    header = packet.header.model_copy(update=STALE.get(why, {}))
    assert reason(programmer.send(packet._replace(header=header))) is why
    last = entries_of(ward.device.log)[-1]
    assert (last.kind, last.subject, last.value, last.role) == (
        EventKind.COMMAND_REFUSED,
        why,
        4_711,
        role,
    )


def test_an_alarm_is_told_from_its_raising_to_its_acknowledgement() -> None:
    """LOG-01: who acknowledged it, too."""
    ward = Ward()
    one, _ = ward.programmers
    ward.device.stimulate(ward.device.now_ns, stimulus("withdraw", volume="25.5 mL"))
    ward.device.advance(ward.device.now_ns + 3 * SAMPLE_NS)
    ward.open(one, Role.CLINICIAN)
    page = one.ask(m.ListAlarms(after_occurrence=0))
    assert isinstance(page, m.AlarmList)
    assert page.alarms
    for alarm in page.alarms:
        one.command(m.AcknowledgeAlarm(alarm=alarm.alarm, occurrence=alarm.occurrence))
    rows, _ = ward.told()
    for alarm in page.alarms:
        raised: Row = (EventKind.ALARM_RAISED, alarm.alarm, None)
        seen: Row = (EventKind.ALARM_ACKNOWLEDGED, alarm.alarm, Role.CLINICIAN)
        assert is_subsequence([raised, seen], rows)
