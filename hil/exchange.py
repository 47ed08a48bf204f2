"""Requests and their replies on a port, and the notices that come in between.

A reply that is lost is asked for again; a command that is repeated keeps its id, so that the device
executes it once. Sessions open by themselves, and again when they have ended. Time-outs are wall
time; validity is device time.
"""

import secrets
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from hil.clock import Countdown
from hil.errors import LinkError, PeerError, UncertainError
from hil.port import Item, Port
from protocol import messages as m
from protocol.codec import Malformed
from protocol.plain import type_name
from protocol.schema import schema_hash
from protocol.session import ClientSession
from protocol.vocabulary import OutcomeState, Refusal, Role

REPLY_S: Final = 2.0
"""Wall time a reply may take, before the request is repeated."""
ATTEMPTS: Final = 3
VALIDITY_MS: Final = 60_000
"""Device time a command may be on its way; the device's uptime is asked for just before."""
MAX_FIRST_ID: Final = 2**31
"""Request ids start anywhere: a reply to an earlier bench, left in a buffer, matches none."""
MAX_NOTICES: Final = 10_000
"""Notices kept until they are taken; the oldest go first."""

R = TypeVar("R", bound=m.Reply)


def draw_command_id() -> int:
    """A number nobody else draws."""
    return secrets.randbelow(m.MAX_SAFE)


class Exchange:
    """One conversation with one device, in one role."""

    def __init__(
        self,
        port: Port,
        role: Role = Role.CLINICIAN,
        client: str = "hil",
        reply_s: float = REPLY_S,
        draw: Callable[[], int] = draw_command_id,
    ) -> None:
        """Nothing is sent yet. `reply_s` is wall time, `draw` makes command ids."""
        self.port = port
        self.lost_notices = 0
        self.malformed = 0
        self._open = m.Open(role=role, client=client)
        self._reply_s = reply_s
        self._draw = draw
        self._session = ClientSession(first_request_id=secrets.randbelow(MAX_FIRST_ID))
        self._notices: deque[m.Packet] = deque()
        self._echoes = 0
        self._config_id = 0

    @property
    def boot_id(self) -> int:
        """The device's life, as its last reply told."""
        return self._session.boot_id

    @property
    def uptime_ms(self) -> int:
        """Of the device in that life, as its last message told."""
        return self._session.uptime_ms

    @property
    def config_id(self) -> int:
        """The configuration in force, as its last reply told; 0 is none."""
        return self._config_id

    def ask(self, body: m.Ask) -> m.Reply:
        """The reply to a request that changes nothing; LinkError when none comes."""
        return self._exchange(self._session.ask(body))

    def command(self, body: m.Command, command_id: int | None = None) -> m.Reply:
        """The reply to a request that changes something: executed once, however often it is sent.

        A session that has ended is opened again. LinkError when the command could not be sent,
        UncertainError when it was and neither its reply nor its outcome came: with the
        `command_id` that this one names it can be tried again.
        """
        command_id = self._draw() if command_id is None else command_id
        reply = self._attempt(body, command_id)
        if _is_refused(reply, Refusal.NO_SESSION):
            reply = self._attempt(body, command_id)
        return reply

    def close_session(self) -> None:
        """End the session, if one is open; the next command opens another.

        Unlike `command` it opens none: a session that is gone when a lost reply is asked for again
        has ended, and closing another by the same command id would leave that one open (COM-09).
        """
        if self._session.session_id is not None:
            self.settle()
        if self._session.session_id is None:  # never opened, or ended by a reboot
            return
        reply = self._carry(m.Close(), self._draw())
        if isinstance(reply, m.Done):
            self._session.session_id = None

    def next_notice(self) -> m.Packet | None:
        """The oldest notice that was not taken yet, without waiting for one."""
        self.collect()
        return self._notices.popleft() if self._notices else None

    def collect(self) -> None:
        """Take everything off the port that has come in."""
        while (item := self.port.receive(0)) is not None:
            self._take(item, None)

    def ready(self) -> bool:
        """Whether anything waits on the port."""
        return self.port.ready()

    def settle(self) -> None:
        """A barrier: what the device sent before has arrived, as its reply does."""
        must_be(self.ask(m.Identify()), m.Identity)

    def _attempt(self, body: m.Command, command_id: int) -> m.Reply:
        refused = self._refresh()
        return self._carry(body, command_id) if refused is None else refused

    def _carry(self, body: m.Command, command_id: int) -> m.Reply:
        """The reply to a command in the session that is open."""
        packet = self._session.command(body, command_id, VALIDITY_MS)
        try:
            return self._exchange_or_ask(packet, command_id)
        except LinkError as error:
            raise UncertainError(str(error), command_id) from None

    def _exchange_or_ask(self, packet: m.Packet, command_id: int) -> m.Reply:
        try:
            reply = self._exchange(packet)
        except LinkError:
            done = self._outcome(command_id)
            if done is None:
                raise
            return done
        if _is_refused(reply, Refusal.STALE_BOOT):  # rebooted meanwhile: perhaps once it had acted
            return self._outcome(command_id) or reply
        return reply

    def _refresh(self) -> m.Refused | None:
        """See to it that a session is open and the device's uptime known."""
        if self._session.session_id is not None:
            self.settle()
        if self._session.session_id is not None:  # still: the device has not rebooted
            return None
        opened = one_of(self.ask(self._open), m.Opened)
        if isinstance(opened, m.Refused):
            return opened
        if opened.schema_hash != schema_hash():
            raise PeerError(
                f"the device speaks another version of the protocol: its messages hash to "
                f"{opened.schema_hash:08x}, the bench's to {schema_hash():08x}"
            )
        return None

    def _outcome(self, command_id: int) -> m.Reply | None:
        """The reply was lost: what the device says became of the command (COM-09)."""
        outcome = must_be(self.ask(m.QueryOutcome(command_id=command_id)), m.CommandOutcome)
        if outcome.state is OutcomeState.DONE:
            return m.Done(reference=outcome.reference)
        if outcome.state is OutcomeState.REFUSED and outcome.reason is not None:
            return m.Refused(reason=outcome.reason)
        return None

    def _exchange(self, packet: m.Packet) -> m.Reply:
        header = packet.header
        assert isinstance(header, m.AskHeader | m.CommandHeader)
        self._echoes = 0
        for _ in range(ATTEMPTS):
            self.port.send(packet)
            reply = self._await(header.request_id)
            if reply is not None:
                return reply
        message = (
            f"{self.port.name} gave no reply to {type_name(type(packet.body))}: "
            f"asked {ATTEMPTS} times, {self._reply_s:g} s each"
        )
        if self._echoes:
            message += "; the line echoes what it is sent: is a device connected to it?"
        raise LinkError(message)

    def _await(self, request_id: int) -> m.Reply | None:
        countdown = Countdown(self._reply_s)
        while (item := self.port.receive(countdown.remaining_s())) is not None:
            reply = self._take(item, request_id)
            if reply is not None:
                return reply
            if not countdown.remaining_s():
                break
        return None

    def _take(self, item: Item, request_id: int | None) -> m.Reply | None:
        """Sort what came in: the reply that is waited for, a notice, or nothing of use."""
        if isinstance(item, Malformed):
            self._note_malformed(item, request_id)
            return None
        header, body = item
        if isinstance(header, m.NoticeHeader):
            self._session.learn(item)
            if len(self._notices) >= MAX_NOTICES:
                self._notices.popleft()
                self.lost_notices += 1
            self._notices.append(item)
        elif not isinstance(header, m.ReplyHeader):
            self._echoes += 1
        elif header.request_id == request_id and isinstance(body, m.Reply):
            self._session.learn(item)
            self._config_id = header.config_id
            return body
        return None

    def _note_malformed(self, item: Malformed, request_id: int | None) -> None:
        self.malformed += 1
        if request_id is not None and item.request_id == request_id:
            raise PeerError(f"{self.port.name} answered with no valid message: {item.detail}")


def told(refused: m.Refused) -> str:
    """A refusal in words: what the device says of it, or what its reason means."""
    words = refused.detail or refused.reason.meaning
    reason = refused.reason.name.lower()
    return f"{reason} ({words})"


def _is_refused(reply: m.Reply, reason: Refusal) -> bool:
    return isinstance(reply, m.Refused) and reply.reason is reason


def one_of(reply: m.Reply, kind: type[R]) -> R | m.Refused:
    """The reply, when it is of that kind or a refusal; PeerError otherwise."""
    if isinstance(reply, kind | m.Refused):
        return reply
    raise PeerError(f"a reply of type {type_name(kind)} was due, {type_name(type(reply))} came")


def must_be(reply: m.Reply, kind: type[R]) -> R:
    """The reply, when it is of that kind; PeerError otherwise, a refusal included."""
    expected = one_of(reply, kind)
    if isinstance(expected, m.Refused):
        raise PeerError(f"the device refused what every device does: {told(expected)}")
    return expected
