"""The documents of the wire, written out of its declarations: docs/protocol.md, docs/asyncapi.json.

`python -m protocol.document --write` writes both, `--check` fails when one of them is stale.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final

from protocol import prose
from protocol.asyncapi import asyncapi_document
from protocol.messages import (
    MESSAGES,
    Ask,
    Body,
    Command,
    Part,
    answer_type,
    header_type,
)
from protocol.plain import TYPE_NAMES
from protocol.schema import HEADERS, Declared, Shape, fields, kind_of, parts, unit_of, words
from protocol.vocabulary import Word

DOCS: Final = Path(__file__).parents[1] / "docs"


def protocol_document() -> str:
    """The whole page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield prose.page()
    yield from _overview()
    yield from ("", "## Headers", "")
    for header in HEADERS:
        yield from _part(header)
    yield from ("## Messages", "")
    for message in MESSAGES:
        yield from _message(message)
    yield from ("## Parts", "", "Nested maps; in JSON, nested objects.", "")
    for part in parts():
        yield from _part(part)
    yield from ("## Words", "", "Numbers in CBOR, these names in JSON. None is ever re-used.", "")
    for enum in words():
        yield from _words(enum)


def _overview() -> Iterator[str]:
    yield from ("## Overview", "", "| Type | Name | Kind | Answered by |", "|---|---|---|---|")
    for message in MESSAGES:
        name, kind = TYPE_NAMES[message], kind_of(message).__name__.lower()
        asked = issubclass(message, Ask | Command)
        answer = _link(TYPE_NAMES[answer_type(message)]) if asked else ""
        yield f"| `{message.code:#04x}` | {_link(name)} | {kind} | {answer} |"
    yield ""
    yield "Every request may be answered by [`refused`](#refused) instead."


def _message(message: type[Body]) -> Iterator[str]:
    header = header_type(message).__name__
    kind = kind_of(message).__name__
    yield from (f"### {TYPE_NAMES[message]}", "")
    yield f"`{message.code:#04x}`, {kind} (with {_link(header)}). {_said(message)}"
    yield ""
    yield from _table(message)


def _part(part: type[Part]) -> Iterator[str]:
    yield from (f"### {part.__name__}", "", _said(part), "")
    yield from _table(part)


def _table(part: type[Part]) -> Iterator[str]:
    if not fields(part):
        return
    yield "| Key | Field | Type | Unit | Meaning |"
    yield "|---|---|---|---|---|"
    for field in fields(part):
        yield _row(field)
    yield ""


def _row(field: Declared) -> str:
    absent = ", may be absent" if field.shape.optional else ""
    kind = _kind(field.shape) + absent
    return f"| {field.key} | `{field.name}` | {kind} | {unit_of(field)} | {field.description} |"


def _kind(shape: Shape) -> str:
    if shape.kind is int:
        return f"integer {shape.low} … {shape.high}"
    if shape.kind is bool:
        return "boolean"
    if shape.kind is str:
        ascii_only = " of printable ASCII" if shape.pattern else ""
        return f"text, {shape.low} … {shape.high} characters{ascii_only}"
    if shape.item is not None:
        return f"list of at most {shape.high}: {_kind(shape.item)}"
    return _link(shape.kind.__name__)


def _words(enum: type[IntEnum]) -> Iterator[str]:
    yield from (f"### {enum.__name__}", "", _said(enum), "")
    yield from ("| Number | Name | Meaning |", "|---|---|---|")
    for member in enum:
        meaning = member.meaning if isinstance(member, Word) else ""
        yield f"| {member.value} | `{member.name.lower()}` | {meaning} |"
    yield ""


def _said(thing: type) -> str:
    """What its docstring says, on one line."""
    return " ".join((thing.__doc__ or "").split())


def _link(name: str) -> str:
    return f"[`{name}`](#{name.lower()})"


# ---- the command


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the documents or check them; the exit status is 1 when one is stale."""
    parser = argparse.ArgumentParser(prog="python -m protocol.document")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write the documents")
    what.add_argument("--check", action="store_true", help="fail when one is stale")
    parser.add_argument("--into", type=Path, default=DOCS, help="the folder they stand in")
    options = parser.parse_args(arguments)
    documents = {
        options.into / "protocol.md": protocol_document(),
        options.into / "asyncapi.json": asyncapi_document(),
    }
    stale = [path for path, text in documents.items() if _read(path) != text]
    if options.check:
        for path in stale:
            sys.stderr.write(f"{path} is stale: run python -m protocol.document --write\n")
        return 1 if stale else 0
    for path in stale:
        path.write_bytes(documents[path].encode())
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
