"""Sessions: who may change something, and that each command acts at most once.

The device's side keeps the sessions and the outcomes of commands; the client's side makes headers.
Both are pure: times are device uptime in milliseconds. A command is checked in one fixed order:
boot, session, sequence, command id, validity, right to write (COM-04, COM-06).
"""

from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from protocol.framing import MAX_PAYLOAD_BYTES
from protocol.messages import (
    Ask,
    AskHeader,
    Close,
    Command,
    CommandHeader,
    CommandOutcome,
    NoticeHeader,
    Opened,
    Packet,
    Refused,
    Reply,
    ReplyHeader,
)
from protocol.outcomes import Outcomes, digest
from protocol.schema import schema_hash
from protocol.vocabulary import Capability, Refusal, Role

IDLE_LIMIT_MS: Final = 600_000
"""T_comm: a session without traffic for so long, in device time, ends (COM-03)."""
VALIDITY_LIMIT_MS: Final = 86_400_000
MAX_SESSIONS: Final = 8
TIMELINE_BITS: Final = 20
COUNT_BITS: Final = 32
"""A session id is its timeline and its number in it: one given before a restore fits nobody."""

LOST: Final = (Refusal.NO_SESSION, Refusal.STALE_BOOT)
"""Refusals after which a client has to open a session again."""


@dataclass(slots=True)
class Session:
    """One client's right to send commands."""

    session_id: int
    role: Role
    client: str
    used_ms: int
    sequence: int = 0
    """Of the last command that was admitted."""


class Pending(NamedTuple):
    """A command that is being carried out."""

    command_id: int
    digest: str
    code: int
    role: Role


def opened(session: Session, timeline_id: int, capabilities: tuple[Capability, ...]) -> Opened:
    """What a device tells whoever opened it, with the limits that hold on every device."""
    return Opened(
        session_id=session.session_id,
        timeline_id=timeline_id,
        schema_hash=schema_hash(),
        capabilities=capabilities,
        idle_limit_ms=IDLE_LIMIT_MS,
        validity_limit_ms=VALIDITY_LIMIT_MS,
        max_payload_bytes=MAX_PAYLOAD_BYTES,
    )


class Sessions:
    """The device's side. Sessions end with a boot; outcomes outlive it."""

    def __init__(self, boot_id: int = 0, timeline_id: int = 1) -> None:
        """No session, nothing remembered."""
        self.boot_id = boot_id
        self._timeline_id = timeline_id
        self._count = 0
        self._sessions: dict[int, Session] = {}
        self._writer: int | None = None
        self._outcomes = Outcomes()
        self.pending: Pending | None = None
        """The command whose outcome is not known yet: noted before it is carried out (COM-09)."""

    def reboot(self, boot_id: int) -> None:
        """A new life: every session is gone."""
        self.boot_id = boot_id
        self._sessions.clear()
        self._writer = None

    def open(self, role: Role, client: str, uptime_ms: int) -> Session | Refusal:
        """A new session, or TOO_MANY_SESSIONS."""
        if len(self._sessions) >= MAX_SESSIONS:
            return Refusal.TOO_MANY_SESSIONS
        self._count += 1
        timeline = self._timeline_id % (1 << TIMELINE_BITS)
        session = Session((timeline << COUNT_BITS) + self._count, role, client, uptime_ms)
        self._sessions[session.session_id] = session
        return session

    def role_of(self, session_id: int) -> Role | None:
        """Whose session that is; None when there is none such."""
        session = self._sessions.get(session_id)
        return None if session is None else session.role

    def touch(self, session_id: int | None, uptime_ms: int) -> None:
        """There was traffic of that session, if there is one."""
        session = None if session_id is None else self._sessions.get(session_id)
        if session is not None:
            session.used_ms = uptime_ms

    def check(self, packet: Packet, uptime_ms: int) -> Session | Reply:
        """The session that may execute this command now, or the reply it gets instead.

        A repetition of a command that was executed gets the reply of then. It is the one command
        that may come with an old sequence: its first reply was lost, and others went on meanwhile.
        """
        header, body = packet
        assert isinstance(header, CommandHeader)
        session = self._sessions.get(header.session_id)
        if header.boot_id != self.boot_id:
            return Refused(reason=Refusal.STALE_BOOT)
        if session is None:
            return Refused(reason=Refusal.NO_SESSION)
        known = self._outcomes.get(header.command_id)
        repeated = known is not None and known.digest == digest(body)
        if header.sequence <= session.sequence and not repeated:
            return Refused(reason=Refusal.STALE_SEQUENCE)
        session.used_ms = uptime_ms
        if known is not None:
            return known.reply if repeated else Refused(reason=Refusal.COMMAND_ID_REUSED)
        return self._admit(session, header, uptime_ms, leaves=isinstance(body, Close))

    def _admit(
        self, session: Session, header: CommandHeader, uptime_ms: int, *, leaves: bool
    ) -> Session | Reply:
        if header.valid_until_uptime_ms < uptime_ms:
            return Refused(reason=Refusal.EXPIRED)
        if header.valid_until_uptime_ms - uptime_ms > VALIDITY_LIMIT_MS:
            return Refused(reason=Refusal.VALIDITY_TOO_LONG)
        if not leaves:  # which whoever may not write may do all the same
            if self._writer not in (None, session.session_id):
                return Refused(reason=Refusal.BUSY)
            self._writer = session.session_id
        session.sequence = header.sequence
        return session

    def begin(self, packet: Packet, role: Role) -> Pending:
        """A command that was admitted is about to be carried out."""
        header, body = packet
        assert isinstance(header, CommandHeader)
        self.pending = Pending(header.command_id, digest(body), body.code, role)
        return self.pending

    def record(self, pending: Pending, reply: Reply) -> None:
        """Remember what a command that was begun led to, a refusal by the logic included.

        One whose handling failed stays pending: the logic's next life may tell what became of it.
        """
        self._outcomes.record(pending.command_id, pending.digest, reply)
        unknown = isinstance(reply, Refused) and reply.reason is Refusal.FIRMWARE_FAULT
        self.pending = pending if unknown else None

    def reply_to(self, command_id: int) -> Reply | None:
        """What a command that is remembered was answered."""
        known = self._outcomes.get(command_id)
        return None if known is None else known.reply

    def outcome(self, command_id: int) -> CommandOutcome:
        """What became of a command (COM-09)."""
        return self._outcomes.report(command_id)

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
        if not self._sessions:
            return None
        return min(s.used_ms for s in self._sessions.values()) + IDLE_LIMIT_MS

    def snapshot(self) -> dict[str, Any]:
        """What outlives the links, the outcomes, and the sessions that end with them."""
        return {
            "boot_id": self.boot_id,
            "count": self._count,
            "open": [asdict(session) for session in self._sessions.values()],
            "outcomes": self._outcomes.snapshot(),
            "pending": self.pending,
        }

    def restore(self, data: dict[str, Any], timeline_id: int) -> list[Session]:
        """Take up what `snapshot` gave, on a new timeline; the sessions that end with the old."""
        self.reboot(data["boot_id"])
        self._timeline_id = timeline_id
        self._count = data["count"]
        self._outcomes.restore(data["outcomes"])
        pending = data["pending"]
        if pending is not None:
            command_id, short, code, role = pending
            pending = Pending(command_id, short, code, Role(role))
        self.pending = pending
        return [Session(**{**session, "role": Role(session["role"])}) for session in data["open"]]


class ClientSession:
    """The client's side: it numbers requests, and knows what the device last said of itself.

    `session_id` is None when there is none to use: never opened, ended, or the device rebooted.
    """

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
        """A request that changes something; ValueError before the session is open.

        To repeat one whose reply was lost, send the packet again as it is. In a new session give
        its body and its `command_id` anew: it is still executed at most once.
        """
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
        """Take note of a reply or notice: boot, uptime, and whether the session still stands."""
        header, body = packet
        if not isinstance(header, ReplyHeader | NoticeHeader):
            return
        if isinstance(header, NoticeHeader) and self._outdated(header):
            return
        if header.boot_id != self.boot_id:
            self.session_id = None
        self.boot_id, self.uptime_ms = header.boot_id, header.uptime_ms
        if isinstance(body, Opened):
            self.session_id, self._sequence = body.session_id, 0
        elif isinstance(body, Refused) and body.reason in LOST:
            self.session_id = None

    def _outdated(self, header: NoticeHeader) -> bool:
        """A notice may be a retained or a late one; a reply never is."""
        return (header.boot_id, header.uptime_ms) < (self.boot_id, self.uptime_ms)

    def _next(self) -> int:
        self._request_id += 1
        return self._request_id
