"""Parts as plain data and back: maps of numbers for CBOR, objects of words for JSON.

How each field is turned follows from its declaration and is worked out once per class. What comes
back is checked here only as far as its shape goes; the declaration itself checks the values.
"""

import types
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import Any, Final, NamedTuple, NoReturn, Union, cast, get_args, get_origin

from protocol.messages import MESSAGES, Body, Part

Turn = Callable[[Any], Any] | None
"""Turns one value; None leaves it as it is."""


class DecodeError(ValueError):
    """The content is not what the declaration asks for."""


class Turns(NamedTuple):
    """How values of one type cross the wire, each way, in both encodings."""

    to_number: Turn = None
    to_word: Turn = None
    from_number: Turn = None
    from_word: Turn = None


class Slot(NamedTuple):
    """One field: its key and name, and how its value is turned."""

    key: int
    name: str
    turns: Turns


class Plan(NamedTuple):
    """What each direction walks through, in the order of the keys; names for JSON's objects."""

    to_numbers: tuple[tuple[int, str, Turn], ...]
    to_words: tuple[tuple[str, Turn], ...]
    from_numbers: tuple[tuple[int, str, Turn], ...]
    from_words: dict[str, Turn]


def type_name(body: type[Body]) -> str:
    """The message's name in JSON: `GetStatus` is `get_status`."""
    letters = ("_" + c.lower() if c.isupper() else c for c in body.__name__)
    return "".join(letters).lstrip("_")


TYPE_NAMES: Final[dict[type[Body], str]] = {message: type_name(message) for message in MESSAGES}
BY_NAME: Final[dict[str, type[Body]]] = {name: message for message, name in TYPE_NAMES.items()}
BY_CODE: Final[dict[int, type[Body]]] = {message.code: message for message in MESSAGES}


def key_of(part: type[Part], name: str) -> int:
    """The number a field has in CBOR."""
    extra = cast("dict[str, int]", part.model_fields[name].json_schema_extra)
    return extra["key"]


@cache
def plan(part: type[Part]) -> Plan:
    """How the fields of a part are turned."""
    slots = sorted(
        Slot(key_of(part, name), name, _turns(info.annotation))
        for name, info in part.model_fields.items()
    )
    return Plan(
        tuple((s.key, s.name, s.turns.to_number) for s in slots),
        tuple((s.name, s.turns.to_word) for s in slots),
        tuple((s.key, s.name, s.turns.from_number) for s in slots),
        {s.name: s.turns.from_word for s in slots},
    )


# ---- parts


def to_map(part: Part) -> dict[int, Any]:
    """A part as a map of keys, ascending; what is None is left out."""
    values = part.__dict__
    out = {}
    for key, name, turn in plan(type(part)).to_numbers:
        value = values[name]
        if value is not None:
            out[key] = value if turn is None else turn(value)
    return out


def from_map(part: type[Part], content: dict[Any, Any]) -> dict[str, Any]:
    """The fields of a part that a map holds, by name; its other keys are left to the caller."""
    fields = {}
    for key, name, turn in plan(part).from_numbers:
        if key in content:
            value = content[key]
            fields[name] = value if turn is None else turn(value)
    return fields


def to_plain(part: Part) -> dict[str, Any]:
    """A part as names and words; what is unknown is None."""
    values = part.__dict__
    out = {}
    for name, turn in plan(type(part)).to_words:
        value = values[name]
        out[name] = value if turn is None or value is None else turn(value)
    return out


def from_plain(part: type[Part], content: Any) -> dict[str, Any]:
    """The fields of a part that an object holds; DecodeError for a name it does not have."""
    if not isinstance(content, dict):
        message = f"{part.__name__} is not an object"
        raise DecodeError(message)
    turns = plan(part).from_words
    fields = {}
    for name, value in content.items():
        if name not in turns:
            message = f"{part.__name__} has no field {name!r}"
            raise DecodeError(message)
        turn = turns[name]
        fields[name] = value if turn is None or value is None else turn(value)
    return fields


def refuse_other_keys(content: dict[Any, Any], *parts: type[Part]) -> NoReturn:
    """DecodeError that names the first key that none of the parts has; there is one."""
    known = {key for part in parts for key, _, _ in plan(part).from_numbers}
    unknown = next(key for key in content if key not in known)
    message = f"{parts[-1].__name__} has no key {_shown(unknown)}"
    raise DecodeError(message)


# ---- turns


def _turns(annotation: Any) -> Turns:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        present = next(a for a in get_args(annotation) if a is not type(None))
        return _turns(present)
    if origin is tuple:
        return Turns(*map(_each, _turns(get_args(annotation)[0])))
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return Turns(to_map, to_plain, _nested(annotation), _object(annotation))
    if isinstance(annotation, type) and issubclass(annotation, IntEnum):
        words = {member: member.name.lower() for member in annotation}
        return Turns(int, words.__getitem__, _member(annotation), _named(annotation))
    return Turns()


def _each(turn: Turn) -> Turn:
    def all_of(values: Any) -> Any:
        if not isinstance(values, list | tuple):
            raise DecodeError("not a list")
        return tuple(values) if turn is None else tuple([turn(value) for value in values])

    return all_of


def _nested(part: type[Part]) -> Turn:
    def find(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            message = f"{part.__name__} is not a map"
            raise DecodeError(message)
        fields = from_map(part, value)
        if len(fields) != len(value):
            refuse_other_keys(value, part)
        return fields

    return find


def _object(part: type[Part]) -> Turn:
    return lambda value: from_plain(part, value)


def _member(enum: type[IntEnum]) -> Turn:
    members = {int(member): member for member in enum}

    def find(value: Any) -> IntEnum:
        if type(value) is not int or value not in members:
            message = f"{_shown(value)} is no {enum.__name__}"
            raise DecodeError(message)
        return members[value]

    return find


def _named(enum: type[IntEnum]) -> Turn:
    members = {member.name.lower(): member for member in enum}

    def find(value: Any) -> IntEnum:
        if not isinstance(value, str) or value not in members:
            message = f"{_shown(value)} is no {enum.__name__}: {', '.join(members)}"
            raise DecodeError(message)
        return members[value]

    return find


def _shown(value: Any) -> str:
    """A value in an error: never something nested, which may lie too deep to be printed."""
    return repr(value) if isinstance(value, str | int) else type(value).__name__
