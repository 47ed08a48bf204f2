"""Declarations to CBOR and JSON, and back: both follow from the fields of a message.

CBOR is a map with integer keys in ascending order, shortest forms only; anything else is refused,
so that a message has one encoding. JSON is one flat object with a `type`; duplicates, fractions and
integers that a reader could round are refused.
"""

import json
import types
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import Any, Final, NamedTuple, Union, cast, get_args, get_origin
from zlib import crc32

import cbor2
from pydantic import ValidationError

from protocol.messages import (
    MAX_SAFE,
    MESSAGES,
    PROTOCOL_VERSION,
    AskHeader,
    Body,
    CommandHeader,
    Header,
    Packet,
    Part,
    header_type,
)
from protocol.vocabulary import Refusal

MAX_JSON_BYTES: Final = 16_384
MAX_DETAIL: Final = 160
FIRST_REPLY_CODE: Final = 0x40

BY_CODE: Final[dict[int, type[Body]]] = {message.code: message for message in MESSAGES}


def type_name(body: type[Body]) -> str:
    """The message's name in JSON: `GetStatus` is `get_status`."""
    letters = ("_" + c.lower() if c.isupper() else c for c in body.__name__)
    return "".join(letters).lstrip("_")


BY_NAME: Final[dict[str, type[Body]]] = {type_name(message): message for message in MESSAGES}


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


class DecodeError(ValueError):
    """The content is not what the declaration asks for."""


class Slot(NamedTuple):
    """One field: its key and name, and how its value is turned for each encoding."""

    key: int
    name: str
    to_number: Callable[[Any], Any] | None
    to_word: Callable[[Any], Any] | None
    from_number: Callable[[Any], Any] | None
    from_word: Callable[[Any], Any] | None


# ---- plans


@cache
def plan(part: type[Part]) -> tuple[Slot, ...]:
    """The fields of a part in the order of their keys."""
    slots = []
    for name, info in part.model_fields.items():
        extra = cast("dict[str, int]", info.json_schema_extra)
        slots.append(Slot(extra["key"], name, *_turns(info.annotation)))
    return tuple(sorted(slots))


def _turns(annotation: Any) -> tuple[Callable[[Any], Any] | None, ...]:
    """(to number, to word, from number, from word) for values of a type; None leaves them."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        present = [a for a in get_args(annotation) if a is not type(None)]
        return _turns(present[0])
    if origin is tuple:
        return tuple(_each(turn) for turn in _turns(get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, Part):
        part = annotation
        return (
            to_map,
            to_plain,
            lambda value: _from_map(part, value),
            lambda value: _from_plain(part, value),
        )
    if isinstance(annotation, type) and issubclass(annotation, IntEnum):
        return int, _word, _member(annotation), _named(annotation)
    return None, None, None, None


def _each(turn: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    def all_of(values: Any) -> Any:
        if not isinstance(values, list | tuple):
            raise DecodeError("not a list")
        turned = values if turn is None else [turn(value) for value in values]
        return tuple(turned)

    return all_of


def _word(member: IntEnum) -> str:
    return member.name.lower()


def _member(enum: type[IntEnum]) -> Callable[[Any], IntEnum]:
    members = {int(member): member for member in enum}

    def find(value: Any) -> IntEnum:
        if type(value) is not int or value not in members:
            message = f"{value!r} is no {enum.__name__}"
            raise DecodeError(message)
        return members[value]

    return find


def _named(enum: type[IntEnum]) -> Callable[[Any], IntEnum]:
    members = {_word(member): member for member in enum}

    def find(value: Any) -> IntEnum:
        if not isinstance(value, str) or value not in members:
            message = f"{value!r} is no {enum.__name__}: {', '.join(members)}"
            raise DecodeError(message)
        return members[value]

    return find


# ---- CBOR


def to_map(part: Part) -> dict[int, Any]:
    """A part as a map of keys; what is None is left out."""
    values = part.__dict__
    out = {}
    for key, name, turn, _, _, _ in plan(type(part)):
        value = values[name]
        if value is not None:
            out[key] = value if turn is None else turn(value)
    return out


def _from_map(part: type[Part], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        message = f"{part.__name__} is not a map"
        raise DecodeError(message)
    fields = {}
    known = 0
    for key, name, _, _, turn, _ in plan(part):
        if key in value:
            known += 1
            fields[name] = value[key] if turn is None else turn(value[key])
    if known != len(value):
        unknown = set(value) - {slot.key for slot in plan(part)}
        message = f"{part.__name__} has no key {unknown}"
        raise DecodeError(message)
    return fields


def encode_payload(packet: Packet) -> bytes:
    """Header and body in one map, as canonical CBOR."""
    return cbor2.dumps({**to_map(packet.header), **to_map(packet.body)})


def decode_payload(code: int, payload: bytes) -> Packet | Malformed:
    """The packet that a frame of this type carries."""
    body_type = BY_CODE.get(code)
    try:
        content = cbor2.loads(payload)
        if not isinstance(content, dict) or not _canonical(content, payload):
            return Malformed(code, None, Refusal.MALFORMED, "not one canonical CBOR map")
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError):
        return Malformed(code, None, Refusal.MALFORMED, "not CBOR")
    request_id = _request_id(content.get(0))
    if body_type is None:
        return Malformed(code, request_id, Refusal.UNKNOWN_MESSAGE, f"no message has type {code}")
    head = header_type(body_type)
    try:
        return Packet(
            _header(head, _from_map(head, {k: v for k, v in content.items() if k < 8})),
            body_type.model_validate(
                _from_map(body_type, {k: v for k, v in content.items() if k >= 8})
            ),
        )
    except (DecodeError, ValidationError, TypeError) as error:
        return Malformed(code, request_id, Refusal.MALFORMED, explain(error))


def _canonical(content: dict[Any, Any], payload: bytes) -> bool:
    return _ascending(content) and cbor2.dumps(content) == payload


def _ascending(value: Any) -> bool:
    if isinstance(value, dict):
        return list(value) == sorted(value) and all(map(_ascending, value.values()))
    return not isinstance(value, list) or all(map(_ascending, value))


# ---- JSON


def to_plain(part: Part) -> dict[str, Any]:
    """A part as names and words; what is unknown is null."""
    values = part.__dict__
    out = {}
    for _, name, _, turn, _, _ in plan(type(part)):
        value = values[name]
        out[name] = value if turn is None or value is None else turn(value)
    return out


def _from_plain(part: type[Part], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        message = f"{part.__name__} is not an object"
        raise DecodeError(message)
    turns = {slot.name: slot.from_word for slot in plan(part)}
    fields = {}
    for name, plain in value.items():
        if name not in turns:
            message = f"{part.__name__} has no field {name!r}"
            raise DecodeError(message)
        turn = turns[name]
        fields[name] = plain if turn is None or plain is None else turn(plain)
    return fields


def to_json(packet: Packet) -> str:
    """One flat object: type, header, body."""
    content = {
        "type": type_name(type(packet.body)),
        **to_plain(packet.header),
        **to_plain(packet.body),
    }
    return json.dumps(content, separators=(",", ":"))


def from_json(text: str | bytes) -> Packet | Malformed:
    """The packet in a JSON text; a text that is none comes back as `Malformed`."""
    if len(text) > MAX_JSON_BYTES:
        detail = f"longer than {MAX_JSON_BYTES} bytes"
        return Malformed(None, None, Refusal.MALFORMED, detail)
    try:
        content = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_float=_no_fraction,
            parse_constant=_no_fraction,
            parse_int=_safe_integer,
        )
    except (ValueError, RecursionError) as error:
        return Malformed(None, None, Refusal.MALFORMED, explain(error))
    if not isinstance(content, dict):
        return Malformed(None, None, Refusal.MALFORMED, "not an object")
    name = content.pop("type", None)
    request_id = _request_id(content.get("request_id"))
    body_type = BY_NAME.get(name) if isinstance(name, str) else None
    if body_type is None:
        return Malformed(None, request_id, Refusal.UNKNOWN_MESSAGE, f"no message is {name!r}"[:160])
    head = header_type(body_type)
    try:
        names = head.model_fields.keys()
        header = {k: content.pop(k) for k in names if k in content}
        return Packet(
            _header(head, _from_plain(head, header)),
            body_type.model_validate(_from_plain(body_type, content)),
        )
    except (DecodeError, ValidationError) as error:
        return Malformed(body_type.code, request_id, Refusal.MALFORMED, explain(error))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise DecodeError("a name stands twice in one object")
    return content


def _no_fraction(text: str) -> None:
    message = f"{text[:20]} is not an integer"
    raise DecodeError(message)


def _safe_integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > MAX_SAFE:
        message = f"{text[:20]} is beyond 2^53"
        raise DecodeError(message)
    return int(text)


# ---- both


def _header(head: type[Part], fields: dict[str, Any]) -> Header:
    return cast("Header", head.model_validate(fields))


def _request_id(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= MAX_SAFE else None


def explain(error: Exception) -> str:
    """One line for a person, short enough for a reply."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        return f"{where}: {first['msg']}"[:MAX_DETAIL]
    return str(error)[:MAX_DETAIL]


def declarations() -> dict[str, Any]:
    """Everything that makes the wire what it is, as plain data: what the schema hash covers."""
    parts: tuple[type[Part], ...] = (*MESSAGES, AskHeader, CommandHeader)
    schemas = {part.__name__: part.model_json_schema() for part in parts}
    codes = {message.__name__: message.code for message in MESSAGES}
    return {"version": PROTOCOL_VERSION, "codes": codes, "schemas": schemas}


@cache
def schema_hash() -> int:
    """CRC-32 over the declarations: two ends that differ in it do not share a language (DOS-04)."""
    return crc32(json.dumps(declarations(), sort_keys=True).encode())
