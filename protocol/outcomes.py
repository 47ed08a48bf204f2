"""What became of commands: remembered over resets, so that each acts at most once (COM-04)."""

from hashlib import blake2b
from typing import Any, Final, NamedTuple

import cbor2

from protocol.messages import Body, CommandOutcome, Done, Refused, Reply
from protocol.plain import BY_NAME, TYPE_NAMES, from_plain, to_map, to_plain
from protocol.vocabulary import OutcomeState

MAX_OUTCOMES: Final = 1_024
"""T_dedupe asks for 256 and 90 days; a thousand commands are more than 90 days of use."""


class Remembered(NamedTuple):
    """A command's content in short, and the reply it got."""

    digest: str
    reply: Reply


class Outcomes:
    """The latest commands by their ids; the oldest is forgotten first."""

    def __init__(self) -> None:
        """Nothing remembered."""
        self._by_id: dict[int, Remembered] = {}

    def get(self, command_id: int) -> Remembered | None:
        """What is known of a command."""
        return self._by_id.get(command_id)

    def record(self, command_id: int, short: str, reply: Reply) -> None:
        """Remember a command that was admitted, done or refused, by the digest of its content."""
        self._by_id[command_id] = Remembered(short, reply)
        if len(self._by_id) > MAX_OUTCOMES:
            del self._by_id[next(iter(self._by_id))]

    def report(self, command_id: int) -> CommandOutcome:
        """The answer to `query_outcome` (COM-09)."""
        known = self._by_id.get(command_id)
        if known is None:
            return CommandOutcome(state=OutcomeState.UNKNOWN)
        if isinstance(known.reply, Refused):
            return CommandOutcome(state=OutcomeState.REFUSED, reason=known.reply.reason)
        reference = known.reply.reference if isinstance(known.reply, Done) else None
        return CommandOutcome(state=OutcomeState.DONE, reference=reference)

    def snapshot(self) -> list[list[Any]]:
        """Rows of command id, digest, type and content of the reply, oldest first."""
        return [
            [command_id, known.digest, TYPE_NAMES[type(known.reply)], to_plain(known.reply)]
            for command_id, known in self._by_id.items()
        ]

    def restore(self, rows: list[list[Any]]) -> None:
        """Take up what `snapshot` gave."""
        self._by_id = {
            command_id: Remembered(short, _reply(name, content))
            for command_id, short, name, content in rows
        }


def digest(body: Body) -> str:
    """The same for the same content only: 64 bits over its canonical encoding."""
    return blake2b(bytes([body.code]) + cbor2.dumps(to_map(body)), digest_size=8).hexdigest()


def _reply(name: str, content: dict[str, Any]) -> Reply:
    reply = BY_NAME[name].model_validate(from_plain(BY_NAME[name], content))
    assert isinstance(reply, Reply)
    return reply
