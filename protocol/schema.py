"""What the declarations say, as plain facts: for the schema hash, the documents and the tests."""

import types
from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import cache
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin
from zlib import crc32

from pydantic.fields import FieldInfo

from protocol.messages import (
    MESSAGES,
    PROTOCOL_VERSION,
    Ask,
    AskHeader,
    Body,
    Command,
    CommandHeader,
    Notice,
    NoticeHeader,
    Part,
    Reply,
    ReplyHeader,
)
from protocol.plain import TYPE_NAMES, key_of

HEADERS: Final[tuple[type[Part], ...]] = (AskHeader, CommandHeader, ReplyHeader, NoticeHeader)


class Shape(NamedTuple):
    """What values a field takes. Bounds are of the integer, of a text's or a list's length."""

    kind: type  # int, bool, str, tuple, an enumeration or a part
    low: int | None = None
    high: int | None = None
    pattern: str | None = None
    item: "Shape | None" = None  # of a list
    optional: bool = False

    def __str__(self) -> str:
        """One phrase, as the documents and the hash have it."""
        bounds = "" if self.low is None else f" {self.low}..{self.high}"
        pattern = f" {self.pattern}" if self.pattern else ""
        item = f" of {self.item}" if self.item else ""
        unknown = " or unknown" if self.optional else ""
        return f"{KINDS.get(self.kind, self.kind.__name__)}{bounds}{pattern}{item}{unknown}"


KINDS: Final = {int: "integer", bool: "boolean", str: "text", tuple: "list"}


class Declared(NamedTuple):
    """One field of a part."""

    key: int
    name: str
    shape: Shape
    description: str


UNITS: Final = {
    "_nl_per_h": "nL/h",
    "_ng_per_ml": "ng/mL",
    "_nl": "nL",
    "_ng": "ng",
    "_pa": "Pa",
    "_mk": "mK",
    "_mv": "mV",
    "_ms": "ms",
    "_s": "s",
    "_permille": "‰",
    "_bytes": "byte",
    "ticks": "1/32768 s",
}
"""Which unit stands last in a name; the longer endings first."""


def unit_of(field: Declared) -> str:
    """The unit that a field's name ends with, or nothing."""
    return next((unit for end, unit in UNITS.items() if field.name.endswith(end)), "")


@cache
def fields(part: type[Part]) -> tuple[Declared, ...]:
    """The fields of a part in the order of their keys."""
    found = (
        Declared(
            key_of(part, name), name, _shape(info.annotation, info.metadata), info.description or ""
        )
        for name, info in part.model_fields.items()
    )
    return tuple(sorted(found))


def _shape(annotation: Any, metadata: list[Any]) -> Shape:
    origin = get_origin(annotation)
    if origin is Annotated:
        kind, *more = get_args(annotation)
        own = [rule for info in more if isinstance(info, FieldInfo) for rule in info.metadata]
        return _shape(kind, own + metadata)
    if origin in (Union, types.UnionType):
        present = next(a for a in get_args(annotation) if a is not type(None))
        return _shape(present, metadata)._replace(optional=True)
    rules = _rules(metadata)
    if origin is tuple:
        item = _shape(get_args(annotation)[0], [])
        return Shape(tuple, 0, rules["max_length"], item=item)
    if annotation is int:
        return Shape(int, rules["ge"], rules["le"])
    if annotation is str:
        return Shape(str, rules.get("min_length", 0), rules["max_length"], rules.get("pattern"))
    return Shape(annotation)


def _rules(metadata: Iterable[Any]) -> dict[str, Any]:
    """The tightest bounds of all rules."""
    rules: dict[str, Any] = {}
    for rule in metadata:
        for name, value in _bounds(rule):
            tighter = max if name == "ge" else min
            rules[name] = tighter(value, rules.get(name, value))
    return rules


def _bounds(rule: Any) -> Iterator[tuple[str, Any]]:
    """What a rule says; an exclusive bound is turned into an inclusive one."""
    for name in ("ge", "le", "min_length", "max_length", "pattern"):
        if getattr(rule, name, None) is not None:
            yield name, getattr(rule, name)
    if getattr(rule, "gt", None) is not None:
        yield "ge", rule.gt + 1


# ---- everything


def parts() -> list[type[Part]]:
    """The parts that bodies are made of, each before those that hold it."""
    found: dict[type[Part], None] = {}
    for message in MESSAGES:
        _collect(message, found)
    return [part for part in found if not issubclass(part, Body)]


def words() -> list[type[IntEnum]]:
    """The enumerations, in the order in which the messages use them."""
    kinds = (
        (field.shape.item or field.shape).kind
        for part in (*MESSAGES, *parts())
        for field in fields(part)
    )
    return [kind for kind in dict.fromkeys(kinds) if issubclass(kind, IntEnum)]


def _collect(part: type[Part], found: dict[type[Part], None]) -> None:
    for field in fields(part):
        kind = (field.shape.item or field.shape).kind
        if issubclass(kind, Part):
            _collect(kind, found)
    found[part] = None


def declarations() -> list[str]:
    """Everything that makes the wire what it is, a line each: what the schema hash covers."""
    lines = [f"protocol {PROTOCOL_VERSION}"]
    for enum in words():
        lines += [f"{enum.__name__} {member.value} {member.name.lower()}" for member in enum]
    for part in (*HEADERS, *parts()):
        lines += [_line(part.__name__, field) for field in fields(part)]
    for message in MESSAGES:
        name = TYPE_NAMES[message]
        lines.append(f"{kind_of(message).__name__} {message.code:#04x} {name}")
        lines += [_line(name, field) for field in fields(message)]
    return lines


def kind_of(message: type[Body]) -> type[Body]:
    """`Ask`, `Command`, `Reply` or `Notice`."""
    return next(kind for kind in (Ask, Command, Reply, Notice) if issubclass(message, kind))


def _line(owner: str, field: Declared) -> str:
    return f"{owner} {field.key} {field.name} {field.shape}"


@cache
def schema_hash() -> int:
    """CRC-32 over the declarations: two ends that differ in it do not share a language (DOS-04)."""
    return crc32("\n".join(declarations()).encode())
