"""Packets to CBOR and JSON, and back. Whatever comes in, nothing is raised: see `Malformed`.

CBOR is one map with integer keys in ascending order, shortest forms only. A packet is accepted only
when it encodes to the very bytes it came in, so that a message has one encoding: duplicate keys,
nulls, floats, trailing bytes and long forms all fail that one test. JSON is one flat object with a
`type`; duplicates, fractions and integers that a reader could round are refused.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

import cbor2
from pydantic import ValidationError

from protocol.messages import MAX_DETAIL, MAX_SAFE, Body, Packet, Part, header_type
from protocol.plain import (
    BY_CODE,
    BY_NAME,
    TYPE_NAMES,
    DecodeError,
    from_map,
    from_plain,
    refuse_other_keys,
    to_map,
    to_plain,
)
from protocol.vocabulary import Refusal

P = TypeVar("P", bound=Part)

MAX_JSON_BYTES: Final = 16_384
MAX_DEPTH: Final = 6
"""Nested maps and lists in a frame; the deepest message needs 4."""
MAX_DIGITS: Final = 17
"""Of 2^53 and its sign; a longer one is not even converted."""
MAX_SHOWN: Final = 32
"""Characters of what was sent that an error repeats."""
FIRST_REPLY_CODE: Final = 0x40


TINY_MAP: Final = 23
"""A CBOR map of so many pairs says so in its first byte; a larger one, up to 255, in the second."""


class Pairs(NamedTuple):
    """Key and value pairs in CBOR, without the map around them."""

    number: int
    coded: bytes


class Malformed(NamedTuple):
    """A sound frame or a JSON text that is no valid message."""

    code: int | None
    request_id: int | None
    reason: Refusal
    detail: str

    @property
    def answerable(self) -> bool:
        """Only what meant to be a request is answered, once."""
        return self.code is None or self.code < FIRST_REPLY_CODE


# ---- CBOR


def encode_payload(packet: Packet) -> bytes:
    """Header and body in one map, as canonical CBOR."""
    return join(encode_pairs(packet.header), encode_pairs(packet.body))


def encode_pairs(part: Part) -> Pairs:
    """The pairs of a part, ready to stand in a map with others."""
    content = to_map(part)
    number = len(content)
    return Pairs(number, cbor2.dumps(content)[1 if number <= TINY_MAP else 2 :])


def join(header: Pairs, body: Pairs) -> bytes:
    """One map of both: header keys come first, since they are the smaller ones."""
    number = header.number + body.number
    head = bytes((0xA0 | number,)) if number <= TINY_MAP else bytes((0xB8, number))
    return head + header.coded + body.coded


def decode_payload(code: int, payload: bytes) -> Packet | Malformed:
    """The packet that a frame of this type carries."""
    try:
        content = cbor2.loads(
            payload,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            semantic_decoders=_NO_TAGS,
            tag_hook=_refuse_tag,
        )
    except (cbor2.CBORError, ValueError, TypeError, OverflowError):
        return Malformed(code, None, Refusal.MALFORMED, "not CBOR, or CBOR that is not used here")
    if type(content) is not dict:
        return Malformed(code, None, Refusal.MALFORMED, "not a CBOR map")
    request_id = _request_id(content.get(0))
    body_type = BY_CODE.get(code)
    if body_type is None:
        return Malformed(code, request_id, Refusal.UNKNOWN_MESSAGE, f"no message has type {code}")
    try:
        packet = _from_content(body_type, content)
    except (DecodeError, ValidationError) as error:
        return Malformed(code, request_id, Refusal.MALFORMED, explain(error))
    if encode_payload(packet) != payload:
        return Malformed(code, request_id, Refusal.MALFORMED, "not the canonical encoding")
    return packet


def _from_content(body_type: type[Body], content: dict[Any, Any]) -> Packet:
    head = header_type(body_type)
    header, body = from_map(head, content), from_map(body_type, content)
    if len(header) + len(body) != len(content):
        refuse_other_keys(content, head, body_type)
    return Packet(_made(head, header), _made(body_type, body))


def _refuse_tag(_value: object, _immutable: object) -> NoReturn:
    raise DecodeError("a tag")


_NO_TAGS: Final = dict.fromkeys((*range(512), 1_004, 43_000, 55_799), _refuse_tag)
"""No tag has a meaning here; none reaches the library's decoders of dates, patterns, addresses."""


# ---- JSON


def to_json(packet: Packet) -> str:
    """One flat object: type, header, body; what is unknown is null."""
    content = {"type": TYPE_NAMES[type(packet.body)]}
    content.update(to_plain(packet.header))
    content.update(to_plain(packet.body))
    return _dumps(content)


def from_json(text: str | bytes) -> Packet | Malformed:
    """The packet in a JSON text or its UTF-8; a text that is none comes back as `Malformed`."""
    try:
        content = _object(text)
    except ValueError as error:
        return Malformed(None, None, Refusal.MALFORMED, explain(error))
    request_id = _request_id(content.get("request_id"))
    name = content.pop("type", None)
    body_type = BY_NAME.get(name) if isinstance(name, str) else None
    if body_type is None:
        shown = name[:MAX_SHOWN] if isinstance(name, str) else "without a name"
        return Malformed(None, request_id, Refusal.UNKNOWN_MESSAGE, f"no message is {shown!r}")
    try:
        return _from_object(body_type, content)
    except (DecodeError, ValidationError) as error:
        return Malformed(body_type.code, request_id, Refusal.MALFORMED, explain(error))


def body_from_json(text: str, known: Mapping[str, type[P]]) -> P:
    """A body alone, `type` and fields; KeyError for a type not `known`, ValueError for the rest."""
    content = _object(text)
    if "type" not in content:
        raise DecodeError("type is missing")
    body_type = known[str(content.pop("type"))[:MAX_SHOWN]]
    return _made(body_type, from_plain(body_type, content))


def _object(text: str | bytes) -> dict[str, Any]:
    if len(text) > MAX_JSON_BYTES:
        message = f"longer than {MAX_JSON_BYTES} bytes"
        raise DecodeError(message)
    try:
        content = _loads(text if isinstance(text, str) else text.decode())
    except RecursionError:
        raise DecodeError("nested too deep") from None
    if not isinstance(content, dict):
        raise DecodeError("not an object")
    return content


def _from_object(body_type: type[Body], content: dict[str, Any]) -> Packet:
    head = header_type(body_type)
    header = {name: content.pop(name) for name in head.model_fields if name in content}
    body = from_plain(body_type, content)
    return Packet(_made(head, from_plain(head, header)), _made(body_type, body))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise DecodeError("a name stands twice in one object")
    return content


def _no_fraction(text: str) -> NoReturn:
    message = f"{text[:MAX_SHOWN]} is not an integer"
    raise DecodeError(message)


def _safe_integer(text: str) -> int:
    if len(text) > MAX_DIGITS or abs(int(text)) > MAX_SAFE:
        message = f"{text[:MAX_SHOWN]} is beyond 2^53"
        raise DecodeError(message)
    return int(text)


_dumps: Final = json.JSONEncoder(separators=(",", ":")).encode
_loads: Final = json.JSONDecoder(
    object_pairs_hook=_without_duplicates,
    parse_float=_no_fraction,
    parse_constant=_no_fraction,
    parse_int=_safe_integer,
).decode


# ---- both


def _made(part: type[P], fields: dict[str, Any]) -> P:
    """As `model_validate`, which takes as long again to look at options that nobody gave."""
    made: P = part.__pydantic_validator__.validate_python(fields)
    return made


def _request_id(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_SAFE else None


def explain(error: ValueError) -> str:
    """One line for a person, short enough for a reply."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        return f"{where}: {first['msg']}"[:MAX_DETAIL]
    return str(error)[:MAX_DETAIL]
