"""TOML files for people: read, checked against a declaration, with errors that name the line.

Quantities are text in the grammar of `protocol.quantity`; a field's type says which dimension.
"""

import difflib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema

from protocol.quantity import UNITS, QuantityError, parse_int

MAX_FILE_BYTES: Final = 1_000_000


class ConfigError(Exception):
    """A file that cannot be used; the message names file, line, key and what was expected."""


class Section(BaseModel):
    """A table of a file: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _reader(dimension: str) -> Callable[[Any], int]:
    example = f'"1.5 {next(iter(UNITS[dimension]))}"'

    def read(value: Any) -> int:
        if not isinstance(value, str):
            message = f"write the {dimension} as text with its unit, such as {example}"
            raise QuantityError(message)
        return parse_int(value, dimension)

    return read


def _schema(dimension: str) -> WithJsonSchema:
    units = ", ".join(UNITS[dimension])
    return WithJsonSchema(
        {"type": "string", "description": f"a {dimension}: number, blank, {units}"}
    )


VolumeNl = Annotated[int, BeforeValidator(_reader("volume")), _schema("volume")]
FlowNlPerH = Annotated[int, BeforeValidator(_reader("flow")), _schema("flow")]
DurationNs = Annotated[int, BeforeValidator(_reader("duration")), _schema("duration")]
TemperatureMk = Annotated[int, BeforeValidator(_reader("temperature")), _schema("temperature")]
DifferenceMk = Annotated[
    int,
    BeforeValidator(_reader("temperature difference")),
    _schema("temperature difference"),
]
PressurePa = Annotated[int, BeforeValidator(_reader("pressure")), _schema("pressure")]
ConcentrationNgPerMl = Annotated[
    int, BeforeValidator(_reader("concentration")), _schema("concentration")
]
AltitudeM = Annotated[int, BeforeValidator(_reader("length")), _schema("length")]

M = TypeVar("M", bound=BaseModel)


def load(path: Path, declaration: type[M]) -> M:
    """Read and check a file; ConfigError when it cannot be used."""
    return check(path, _text(path), declaration)


def check(path: Path, text: str, declaration: type[M]) -> M:
    """Check a text; `path` is for the messages."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{path}: {error}"
        raise ConfigError(message) from None
    try:
        return declaration.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(_explain(path, text, declaration, first)) from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            message = f"{path}: larger than {MAX_FILE_BYTES} bytes"
            raise ConfigError(message)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(message) from None
    except UnicodeDecodeError:
        message = f"{path}: is not UTF-8 text"
        raise ConfigError(message) from None


def _explain(path: Path, text: str, declaration: type[BaseModel], first: Any) -> str:
    where = [step for step in first["loc"] if not _is_tag(step, text)]
    name = ".".join(str(step) for step in where)
    reason = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        known = _known(declaration, where[:-1])
        close = difflib.get_close_matches(str(where[-1]), known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}"
        reason = f"unknown key; {hint}" if known else "unknown key"
    elif first["type"] == "missing":
        reason = "is missing"
    elif "found" not in reason and not isinstance(first["input"], dict | list):
        reason = f"{reason}; found {first['input']!r}"
    return f"{path}:{line_of(text, where)}: {name}: {reason}"


def _is_tag(step: Any, text: str) -> bool:
    """Pydantic names the chosen kind of a tagged union as a step of its own."""
    return isinstance(step, str) and f'"{step}"' in text and f"{step} =" not in text


def _known(declaration: type[BaseModel], steps: list[Any]) -> list[str]:
    part: Any = declaration
    for step in steps:
        field = getattr(part, "model_fields", {}).get(step)
        part = None if field is None else field.annotation
    return list(getattr(part, "model_fields", {}))


def line_of(text: str, steps: list[Any]) -> int:
    """The line of a key, of the table it is missing from, or 1: tables, then keys inside them.

    Knows tables, arrays of tables and plain keys: how these files are written.
    """
    names = [str(s) for s in steps if isinstance(s, str)]
    index = next((s for s in steps if isinstance(s, int)), 0)
    table, seen, best = "", -1, 1
    for number, line in enumerate(text.splitlines(), 1):
        heading = re.match(r"\s*\[\[?\s*([A-Za-z0-9_.-]+)\s*\]\]?", line)
        if heading:
            table = heading[1]
            seen += names[:1] == [table]
            best = number if names[:1] == [table] and seen <= index else best
        inside = names[:1] == [table] and (seen == index or "[[" not in text)
        key = re.match(r"\s*([A-Za-z0-9_-]+)\s*=", line)
        if key and inside and names[1:2] == [key[1]]:
            return number
        if key and not table and names[:1] == [key[1]]:
            return number
    return best
