"""Defects of the link: frames, sessions, commands that act twice, logs that lose what matters."""

from protocol import framing, outcomes, session
from protocol import messages as m
from pumpsim import eventlog, outgoing, reception
from pumpsim.firmware import alarm_book, requests
from tests.defects.defect import defect
from tests.defects.patching import Edit, Entry

DEFECTS = (
    defect(
        "overlong-for-ever",
        "COM-01",
        "after a frame that was too long nothing is a frame any more",
        Edit(framing.FrameDecoder, "feed", "self._overlong = False", "pass"),
    ),
    defect(
        "noise-costs-the-next",
        "COM-01",
        "a frame that follows noise is dropped with it",
        Edit(framing.FrameDecoder, "feed", "elif coded:", "elif coded and not self.dropped.cobs:"),
    ),
    defect(
        "crc-of-one-byte",
        "COM-02",
        "a frame counts when one byte of its checksum agrees",
        Edit(
            framing.FrameDecoder,
            "_open",
            "crc_of(body) != inside[-CRC_BYTES:]",
            "crc_of(body)[-1] != inside[-1]",
        ),
    ),
    defect(
        "idle-in-seconds",
        "COM-03",
        "the idle limit is taken for seconds: a session lives a week",
        Edit(session.Sessions, "expire", ">= IDLE_LIMIT_MS", ">= 1_000 * IDLE_LIMIT_MS"),
    ),
    defect(
        "asking-is-no-traffic",
        "COM-03",
        "only commands keep a session alive",
        Edit(session.Sessions, "touch", "session.used_ms = uptime_ms", "pass"),
    ),
    defect(
        "newest-outcome-forgotten",
        "COM-04",
        "of too many outcomes the newest is forgotten: its command acts again",
        Edit(outcomes.Outcomes, "record", "next(iter(self._by_id))", "next(reversed(self._by_id))"),
    ),
    defect(
        "outcomes-lost-by-reset",
        "COM-04",
        "a reset forgets which commands were executed",
        Edit(session.Sessions, "reboot", "self._writer = None", "self._outcomes = Outcomes()"),
    ),
    defect(
        "repetition-by-number-only",
        "COM-04",
        "another command under a number that was used gets the reply of then",
        Edit(session.Sessions, "check", "known.digest == digest(body)", "known.digest"),
    ),
    defect(
        "sequence-once-more",
        "COM-06",
        "the sequence of the last command counts once more",
        Edit(session.Sessions, "check", "header.sequence <= session", "header.sequence < session"),
    ),
    defect(
        "never-expires",
        "COM-06",
        "a command that comes too late is executed",
        Edit(
            session.Sessions,
            "_admit",
            "header.valid_until_uptime_ms < uptime_ms",
            "header.valid_until_uptime_ms < 0",
        ),
    ),
    defect(
        "another-life-s-command",
        "COM-06",
        "a command from before a reset is executed",
        Edit(
            session.Sessions,
            "check",
            "header.boot_id != self.boot_id",
            "header.boot_id > self.boot_id",
        ),
        Edit(session.Sessions, "reboot", "self._sessions.clear()", "pass"),
    ),
    defect(
        "session-before-boot",
        "COM-06",
        "an unknown session is told before another life is: reasons come in another order",
        Edit(
            session.Sessions,
            "check",
            "if header.boot_id != self.boot_id",
            "if session is not None and header.boot_id != self.boot_id",
        ),
    ),
    defect(
        "digest-of-numbers",
        "COM-08",
        "the digest of the alarms does not change with an acknowledgement",
        Edit(alarm_book.AlarmBook, "digest", "o.present, o.acknowledged, ", "o.present, "),
    ),
    defect(
        "reboot-unnoticed",
        "COM-08",
        "a client that hears of another boot goes on with its session",
        Edit(
            session.ClientSession,
            "learn",
            "header.boot_id != self.boot_id",
            "header.boot_id < self.boot_id",
        ),
    ),
    defect(
        "unknown-is-done",
        "COM-09",
        "a command nobody ever sent was carried out",
        Edit(outcomes.Outcomes, "report", "state=OutcomeState.UNKNOWN", "state=OutcomeState.DONE"),
    ),
    defect(
        "interrupted-is-done",
        "COM-09",
        "a command that was cut short before anything was kept is told to be done",
        Edit(reception, "settle", "kept.command_id != pending.command_id", "kept.command_id == -1"),
    ),
    defect(
        "drops-in-silence",
        "COM-10",
        "what telemetry was given up is not counted",
        Edit(outgoing.Outgoing, "due", "link.dropped + missed", "link.dropped"),
    ),
    defect(
        "refused-unlogged",
        "LOG-01",
        "a command that is refused leaves no trace",
        Edit(reception, "_command", "isinstance(session, m.Refused)", "session is None"),
    ),
    defect(
        "role-of-nobody",
        "LOG-01",
        "what was done is logged without who did it",
        Edit(reception, "_conclude", "pending.code, number, role)", "pending.code, number)"),
    ),
    defect(
        "refused-and-never-told-what",
        "LOG-01",
        "an entry of a refusal does not say which command it was",
        Edit(reception, "_conclude", "role, pending.code)", "role)"),
    ),
    defect(
        "flood-takes-the-oldest",
        "LOG-02",
        "a class that is full takes the room of whatever is oldest",
        Edit(
            eventlog.EventLog,
            "_make_room",
            'bisect_left(self._entries, kept.popleft(), key=attrgetter("sequence"))',
            "0 * kept.popleft()",
        ),
    ),
    defect(
        "urgent-among-others",
        "LOG-02",
        "alarms of HIGH priority share their room with all others",
        Edit(eventlog, "class_of", "event.priority is Priority.HIGH", "event.priority is None"),
    ),
    defect(
        "gap-closed",
        "LOG-03",
        "what is lost leaves no gap: numbers are given again",
        Edit(
            eventlog.EventLog,
            "_write",
            "self.next_sequence += 1",
            "self.next_sequence = len(self._entries) + 2",
        ),
    ),
    defect(
        "a-question-is-not-noted",
        "COM-03",
        "a device lets nobody who only asks keep a session",
        Edit(reception, "answer", "device.sessions.touch(header", "None and (header"),
    ),
    defect(
        "dropped-told-again",
        "COM-10",
        "what telemetry was given up is told with each one from then on",
        Edit(outgoing.Outgoing, "telemetry", "link.dropped = 0", "pass"),
    ),
    defect(
        "anybody-opens-the-bolus-path",
        "SEC-01",
        "whoever carries the pump may declare an injection",
        Entry(
            requests.HANDLERS,
            m.BeginBolusAccess,
            (requests._begin_bolus, requests.EVERYBODY),
        ),
    ),
)
