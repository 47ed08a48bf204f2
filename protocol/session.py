"""Sessions: who may change something, and that each command acts at most once.

The device's side keeps the sessions and the outcomes of commands; the client's side makes headers.
Both are pure: times are device uptime in milliseconds. A command is checked in one fixed order:
boot, session, sequence, command id, validity, right to write (COM-04, COM-06).
"""

from dataclasses import asdict, dataclass
from typing import Any, Final
from zlib import crc32

from protocol.messages import (
    Ask,
    AskHeader,
    Body,
    Command,
    CommandHeader,
    CommandOutcome,
    Done,
    Opened,
    Packet,
    Refused,
    Reply,
    ReplyHeader,
    SelfTestReport,
)
from protocol.plain import to_map
from protocol.vocabulary import OutcomeState, Refusal, Role

IDLE_LIMIT_MS: Final = 600_000
"""T_comm: a session without traffic for so long, in device time, ends (COM-03)."""
VALIDITY_LIMIT_MS: Final = 86_400_000
MAX_SESSIONS: Final = 8
MAX_OUTCOMES: Final = 1_024
"""T_dedupe asks for 256 and 90 days; a thousand commands are more than 90 days of use."""


@dataclass(slots=True)
class Session:
    """One client's right to send commands."""

    session_id: int
    role: Role
    client: str
    used_ms: int
    sequence: int = 0
    last_command_id: int | None = None


@dataclass(slots=True)
class Remembered:
    """What became of a command."""

    digest: int
    reason: int | None
    reference: int | None
    failed: tuple[str, ...] | None = None  # of a self-test

    def reply(self) -> Reply:
        """The reply it got, made again."""
        if self.reason is not None:
            return Refused(reason=Refusal(self.reason))
        if self.failed is not None:
            return SelfTestReport(passed=not self.failed, failed=self.failed)
        return Done(reference=self.reference)


class Sessions:
    """The device's side. Sessions end with a boot; outcomes outlive it (COM-04)."""

    def __init__(self, boot_id: int = 0) -> None:
        """No session, nothing remembered."""
        self.boot_id = boot_id
        self._count = 0
        self._sessions: dict[int, Session] = {}
        self._writer: int | None = None
        self._outcomes: dict[int, Remembered] = {}

    def reboot(self, boot_id: int) -> None:
        """A new life: every session is gone."""
        self.boot_id = boot_id
        self._sessions.clear()
        self._writer = None

    def open(self, role: Role, client: str, uptime_ms: int) -> Session | Refusal:
        """A new session."""
        if len(self._sessions) >= MAX_SESSIONS:
            return Refusal.TOO_MANY_SESSIONS
        self._count += 1
        session = Session((self.boot_id << 20) + self._count, role, client, uptime_ms)
        self._sessions[session.session_id] = session
        return session

    def touch(self, session_id: int | None, uptime_ms: int) -> None:
        """There was traffic of that session."""
        session = self._sessions.get(-1 if session_id is None else session_id)
        if session is not None:
            session.used_ms = uptime_ms

    def check(self, packet: Packet, uptime_ms: int) -> Session | Reply:
        """The session that may execute this command now, or the reply it gets instead."""
        header, body = packet
        assert isinstance(header, CommandHeader)
        session = self._sessions.get(header.session_id)
        if header.boot_id != self.boot_id:
            return Refused(reason=Refusal.STALE_BOOT)
        if session is None:
            return Refused(reason=Refusal.NO_SESSION)
        repeated = header.command_id == session.last_command_id
        if header.sequence < session.sequence or (
            header.sequence == session.sequence and not repeated
        ):
            return Refused(reason=Refusal.STALE_SEQUENCE)
        session.used_ms = uptime_ms
        remembered = self._outcomes.get(header.command_id)
        if remembered is not None:
            same = remembered.digest == _digest(body)
            return remembered.reply() if same else Refused(reason=Refusal.COMMAND_ID_REUSED)
        return self._admit(session, header, uptime_ms)

    def _admit(self, session: Session, header: CommandHeader, uptime_ms: int) -> Session | Reply:
        if header.valid_until_uptime_ms < uptime_ms:
            return Refused(reason=Refusal.EXPIRED)
        if header.valid_until_uptime_ms - uptime_ms > VALIDITY_LIMIT_MS:
            return Refused(reason=Refusal.VALIDITY_TOO_LONG)
        if self._writer not in (None, session.session_id):
            return Refused(reason=Refusal.BUSY)
        self._writer = session.session_id
        session.sequence = header.sequence
        session.last_command_id = header.command_id
        return session

    def record(self, packet: Packet, reply: Reply) -> None:
        """Remember what a command that was admitted led to."""
        header = packet.header
        assert isinstance(header, CommandHeader)
        self._outcomes[header.command_id] = Remembered(
            _digest(packet.body),
            reply.reason if isinstance(reply, Refused) else None,
            reply.reference if isinstance(reply, Done) else None,
            reply.failed if isinstance(reply, SelfTestReport) else None,
        )
        if len(self._outcomes) > MAX_OUTCOMES:
            del self._outcomes[next(iter(self._outcomes))]

    def outcome(self, command_id: int) -> CommandOutcome:
        """What became of a command (COM-09)."""
        remembered = self._outcomes.get(command_id)
        if remembered is None:
            return CommandOutcome(state=OutcomeState.UNKNOWN)
        if remembered.reason is not None:
            reason = Refusal(remembered.reason)
            return CommandOutcome(state=OutcomeState.REFUSED, reason=reason)
        return CommandOutcome(state=OutcomeState.DONE, reference=remembered.reference)

    def close(self, session_id: int) -> Session | None:
        """End a session; its right to write falls to the next who asks."""
        if self._writer == session_id:
            self._writer = None
        return self._sessions.pop(session_id, None)

    def expire(self, uptime_ms: int) -> list[Session]:
        """End the sessions that were idle too long (COM-03)."""
        idle = [s for s in self._sessions.values() if uptime_ms - s.used_ms >= IDLE_LIMIT_MS]
        for session in idle:
            self.close(session.session_id)
        return idle

    def next_deadline_ms(self) -> int | None:
        """The uptime at which the next session will have been idle too long."""
        used = min((s.used_ms for s in self._sessions.values()), default=None)
        return None if used is None else used + IDLE_LIMIT_MS

    def snapshot(self) -> dict[str, Any]:
        """What outlives the links: the outcomes. Sessions end when links do."""
        outcomes = {str(i): asdict(outcome) for i, outcome in self._outcomes.items()}
        return {"boot_id": self.boot_id, "count": self._count, "outcomes": outcomes}

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave."""
        self.reboot(data["boot_id"])
        self._count = data["count"]
        self._outcomes = {}
        for command_id, row in data["outcomes"].items():
            failed = row["failed"]
            row = {**row, "failed": None if failed is None else tuple(failed)}
            self._outcomes[int(command_id)] = Remembered(**row)


def _digest(body: Body) -> int:
    return crc32(repr((body.code, to_map(body))).encode())


class ClientSession:
    """The client's side: it numbers requests, and knows what the device last said of itself."""

    def __init__(self, first_request_id: int = 1) -> None:
        """Not open yet."""
        self._request_id = first_request_id - 1
        self._sequence = 0
        self.session_id: int | None = None
        self.boot_id = 0
        self.uptime_ms = 0

    def ask(self, body: Ask) -> Packet:
        """A request that changes nothing."""
        return Packet(AskHeader(request_id=self._next(), session_id=self.session_id), body)

    def command(self, body: Command, command_id: int, validity_ms: int) -> Packet:
        """A request that changes something; ValueError before the session is open."""
        if self.session_id is None:
            raise ValueError("no session is open")
        self._sequence += 1
        header = CommandHeader(
            request_id=self._next(),
            boot_id=self.boot_id,
            session_id=self.session_id,
            sequence=self._sequence,
            command_id=command_id,
            valid_until_uptime_ms=self.uptime_ms + validity_ms,
        )
        return Packet(header, body)

    def learn(self, packet: Packet) -> None:
        """Take note of a reply: boot, uptime, and the session when it opened one or lost it."""
        header, body = packet
        if not isinstance(header, ReplyHeader):
            return
        self.boot_id, self.uptime_ms = header.boot_id, header.uptime_ms
        if isinstance(body, Opened):
            self.session_id, self._sequence = body.session_id, 0
        elif isinstance(body, Refused) and body.reason in (Refusal.NO_SESSION, Refusal.STALE_BOOT):
            self.session_id = None

    def _next(self) -> int:
        self._request_id += 1
        return self._request_id
