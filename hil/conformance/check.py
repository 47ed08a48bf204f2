"""Expectations of a case, each a `FailedError` with both sides in words when it does not hold."""

from typing import TypeVar

from hil.conformance.errors import FailedError
from hil.exchange import told
from protocol import messages as m
from protocol.codec import to_json
from protocol.plain import to_plain, type_name
from protocol.vocabulary import Refusal

R = TypeVar("R", bound=m.Reply)
T = TypeVar("T")

MAX_SHOWN = 300


def shown(what: object) -> str:
    """For a person, in the words of the link."""
    if isinstance(what, m.Refused):
        return f"refused, {told(what)}"
    if isinstance(what, m.Packet):
        text = to_json(what)
    elif isinstance(what, m.Body):
        text = f"{type_name(type(what))} {to_plain(what)}"
    elif isinstance(what, m.Part):
        text = str(to_plain(what))
    else:
        text = str(what)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + " …"


def that(holds: object, expected: str, seen: object) -> None:
    """It holds."""
    if not holds:
        raise FailedError(expected, shown(seen))


def same(seen: object, expected: object, what: str) -> None:
    """Both are equal."""
    that(seen == expected, f"{what}: {shown(expected)}", seen)


def refused(reply: m.Reply, *reasons: Refusal) -> None:
    """The request was refused, for that reason or one of those."""
    words = " or ".join(reason.name.lower() for reason in reasons)
    that(isinstance(reply, m.Refused) and reply.reason in reasons, f"refused, {words}", reply)


def of_kind(reply: object, kind: type[R]) -> R:
    """The reply, which is of that kind."""
    if not isinstance(reply, kind):
        raise FailedError(f"{type_name(kind)}", shown(reply))
    return reply


def done(reply: m.Reply) -> m.Done:
    """The command was carried out."""
    return of_kind(reply, m.Done)


def given(value: T | None, what: str) -> T:
    """It is there."""
    if value is None:
        raise FailedError(what, "nothing")
    return value
