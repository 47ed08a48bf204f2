"""One request as a person writes it, in JSON, and the reply to it."""

from json import JSONDecodeError
from typing import Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hil.errors import LocalError
from hil.exchange import Exchange, told
from hil.rig import Rig
from protocol import messages as m
from protocol.codec import body_from_json, explain
from protocol.configfile import suggest
from protocol.plain import BY_NAME, TYPE_NAMES, to_plain
from protocol.vocabulary import Role

SEEN_TO: Final = (m.Open, m.Close)
"""A session is opened for a command, and closed again."""
REQUESTS: Final = {
    name: body
    for name, body in BY_NAME.items()
    if issubclass(body, m.Ask | m.Command) and body not in SEEN_TO
}


class Answer(NamedTuple):
    """The reply, as it stands on the MQTT topics; of its header, what a new configuration needs."""

    plain: dict[str, object]
    refused: str = ""
    """Why, in words; empty when it was not."""


def request(text: str) -> m.Ask | m.Command:
    """The request in a JSON text: its `type` and its fields; LocalError for anything else."""
    try:
        return body_from_json(text, REQUESTS)
    except KeyError as unknown:
        name = unknown.args[0]
        own = name in {TYPE_NAMES[body] for body in SEEN_TO}
        way = "a session is opened and closed as needed" if own else suggest(name, [*REQUESTS])
        raise LocalError(f"{name!r} is no request to send; {way}") from None
    except JSONDecodeError as error:
        message = f'not a request: no JSON ({error}); it looks like {{"type": "get_status"}}'
        raise LocalError(message) from None
    except ValidationError as error:
        raise LocalError(f"not a request: {'; '.join(map(_mistake, error.errors()))}") from None
    except ValueError as error:
        raise LocalError(f"not a request: {explain(error)}") from None


def _mistake(found: ErrorDetails) -> str:
    where = ".".join(map(str, found["loc"]))
    return f"{where} is missing" if found["type"] == "missing" else f"{where}: {found['msg']}"


def send(rig: Rig, body: m.Ask | m.Command, role: Role) -> Answer:
    """What the device answers, in a session of that role; what belongs to the session ends."""
    exchange = Exchange(rig.dut.exchange.port, role)
    if isinstance(body, m.Ask):
        reply = exchange.ask(body)
    else:
        reply = exchange.command(body)
        exchange.close_session()
    kind, config_id = TYPE_NAMES[type(reply)], exchange.config_id
    plain: dict[str, object] = {"type": kind, "config_id": config_id, **to_plain(reply)}
    return Answer(plain, told(reply) if isinstance(reply, m.Refused) else "")
