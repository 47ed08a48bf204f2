"""TOML files for people: read, checked against a declaration, with errors that name the line.

Quantities are text in the grammar of `protocol.quantity`; a field's type says which dimension.
"""

import contextlib
import difflib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)

from protocol import messages
from protocol.quantity import SIGNED, UNITS, QuantityError, parse_int, render

MAX_FILE_BYTES: Final = 1_000_000
MAX_SHOWN: Final = 60
MAX_REMEMBERED: Final = 4_096
"""Texts of quantities: lives, and the defaults of each stimulus in them, repeat the same few."""
QUOTE: Final = "'"
HEADING: Final = re.compile(r"\s*(\[\[?)\s*([^\]#]+?)\s*\]")
KEY: Final = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*="""
)
BOUNDS: Final = {
    "greater_than": "above",
    "greater_than_equal": "at least",
    "less_than": "below",
    "less_than_equal": "at most",
}

Steps = Sequence[str | int]


class ConfigError(Exception):
    """A file that cannot be used; the message names file, line, key and what was expected."""


class Section(BaseModel):
    """A table of a file: frozen, unknown keys refused. Defaults are text, as a file has them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)


@dataclass(frozen=True, slots=True)
class Quantity:
    """Marks a field whose text is a quantity: what turns it into whole base units, and back."""

    dimension: str

    def read(self, value: Any) -> int:
        """Base units of a text; QuantityError otherwise."""
        if not isinstance(value, str):
            unit = next(iter(UNITS[self.dimension]))
            message = f'write the {self.dimension} as text with its unit, such as "1.5 {unit}"'
            raise QuantityError(message)
        return _number(value, self)

    def write(self, value: int | str) -> str:
        """The shortest text that reads as that value; a default is text already."""
        return value if isinstance(value, str) else min(self.texts(value), key=len)

    def texts(self, value: int) -> list[str]:
        """Everything that reads as that value, in one unit or another."""
        texts = []
        for unit in UNITS[self.dimension]:
            with contextlib.suppress(ValueError):  # no short decimal form in this unit
                texts.append(render(Fraction(value), self.dimension, unit))
        return texts


@lru_cache(MAX_REMEMBERED)
def _number(value: str, quantity: Quantity) -> int:
    number = parse_int(value, quantity.dimension)
    if not quantity.texts(number):
        message = f"{value!r} is too large, or too exact, to be written in any unit"
        raise QuantityError(message)
    return number


def text(quantity: str) -> Any:
    """A default written as a file would have it; it is read like one."""
    return quantity


def quantity_of(dimension: str) -> tuple[Any, ...]:
    """What annotates a field of that dimension: how it is read, written, described to editors."""
    quantity, units = Quantity(dimension), list(UNITS[dimension])
    sign = "-?" if dimension in SIGNED else ""
    pattern = f"^{sign}(0|[1-9][0-9]*)(\\.[0-9]+)? ({'|'.join(units)})$"
    schema = {"type": "string", "pattern": pattern, "title": f"{dimension} in {', '.join(units)}"}
    return (
        BeforeValidator(quantity.read),
        PlainSerializer(quantity.write, when_used="json-unless-none"),
        WithJsonSchema(schema),
        quantity,
    )


Name = messages.Name
VolumeNl = Annotated[int, *quantity_of("volume")]
FlowNlPerH = Annotated[int, *quantity_of("flow")]
DurationNs = Annotated[int, *quantity_of("duration")]
TemperatureMk = Annotated[int, *quantity_of("temperature")]
DifferenceMk = Annotated[int, *quantity_of("temperature difference")]
PressurePa = Annotated[int, *quantity_of("pressure")]
ConcentrationNgPerMl = Annotated[int, *quantity_of("concentration")]
StiffnessPaPerM3 = Annotated[int, *quantity_of("stiffness")]
AltitudeM = Annotated[int, *quantity_of("length")]
VoltageMv = Annotated[int, *quantity_of("voltage")]
CurrentNa = Annotated[int, *quantity_of("current")]
MassUg = Annotated[int, *quantity_of("mass")]
MassUgPerH = Annotated[int, *quantity_of("mass per time")]
PressurePaPerMin = Annotated[int, *quantity_of("pressure per time")]

M = TypeVar("M", bound=BaseModel)


def load(path: Path, declaration: type[M]) -> M:
    """Read and check a file; ConfigError when it cannot be used."""
    return check(path, read(path), declaration)


def check(path: Path, content: str, declaration: type[M]) -> M:
    """Check the content of a file; `path` is for the messages."""
    try:
        tables = tomllib.loads(content)
    except RecursionError:
        message = f"{path}: is nested too deep"
        raise ConfigError(message) from None
    except ValueError as error:  # of TOML, or of a number with thousands of digits
        message = f"{path}: is not TOML: {error}"
        raise ConfigError(message) from None
    try:
        return declaration.model_validate(tables)
    except ValidationError as error:
        errors = error.errors(include_url=False)  # a misspelt key is why another one is missing
        first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
        steps, reason = explain(first, tables, declaration)
        raise complain(path, content, steps, reason) from None


def explain(first: Any, content: Any, declaration: Any) -> tuple[list[str | int], str]:
    """Where a validation error lies in the content, and what is wrong there with a way out."""
    steps, found = _in_file(first["loc"], content)
    if first["type"].startswith("union_tag"):
        steps.append(first["ctx"]["discriminator"].strip(QUOTE))
    return steps, _reason(first, steps, found, declaration)


def complain(path: Path, content: str, steps: Steps, reason: str) -> ConfigError:
    """The error for a place in a file: a key of it, or the table that lacks the key."""
    name = ".".join(str(step) for step in steps if isinstance(step, str))
    place = f"{path}:{line_of(content, steps)}"
    return ConfigError(f"{place}: {printable(name)}: {printable(reason)}")


def printable(text: str) -> str:
    """On one line, whatever a file has in a quoted key: what cannot be printed is escaped."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def read(path: Path) -> str:
    """The text of a file; ConfigError when it has none."""
    name = printable(str(path))
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_FILE_BYTES + 1)  # it may have no end: /dev/zero
    except OSError as error:
        message = f"{name}: cannot be read: {error.strerror}"
        raise ConfigError(message) from None
    except UnicodeDecodeError:
        message = f"{name}: is not UTF-8 text"
        raise ConfigError(message) from None
    except ValueError as error:  # a name with a zero byte in it
        message = f"{name}: cannot be read: {error}"
        raise ConfigError(message) from None
    if len(text.encode()) > MAX_FILE_BYTES:
        message = f"{name}: is larger than {MAX_FILE_BYTES} bytes"
        raise ConfigError(message)
    return text


def line_of(content: str, steps: Steps) -> int:
    """The line, from 1, of a key; of its table when the key is missing; 1 when that is too.

    Knows tables, arrays of tables, plain, quoted and dotted keys that stand on a line of their own.
    """
    lines = _lines(content)
    for end in range(len(steps), 0, -1):
        if tuple(steps[:end]) in lines:
            return lines[tuple(steps[:end])]
    return 1


def _lines(content: str) -> dict[tuple[str | int, ...], int]:
    lines: dict[tuple[str | int, ...], int] = {}
    counts: dict[str, int] = {}
    table: tuple[str | int, ...] = ()
    for number, line in enumerate(content.splitlines(), 1):
        if heading := HEADING.match(line):
            table = _path(heading[2])
            if heading[1] == "[[":
                index = counts[heading[2]] = counts.get(heading[2], -1) + 1
                table = (*table, index)
            lines[table] = number
        elif key := KEY.match(line):
            lines.setdefault((*table, *_path(key[1])), number)
    return lines


def _path(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _in_file(location: Steps, content: Any) -> tuple[list[str | int], Any]:
    """The steps that stand in the file, and what they lead to.

    Pydantic adds steps of its own: the kind that a union chose, groups that the file leaves out.
    """
    steps: list[str | int] = []
    for position, step in enumerate(location):
        inside = isinstance(content, dict) and step in content
        inside = inside or (isinstance(content, list) and isinstance(step, int))
        if inside:
            content = content[step]
        elif position + 1 < len(location):
            continue
        steps.append(step)
    return steps, content


def _reason(first: Any, steps: Steps, found: Any, declaration: Any) -> str:
    if first["type"] == "extra_forbidden":
        return f"unknown key; {suggest(str(steps[-1]), _known(declaration, first['loc'][:-1]))}"
    if first["type"] in ("missing", "union_tag_not_found"):
        is_table = _model(_at(declaration, first["loc"])) is not None
        table = ".".join(step for step in steps if isinstance(step, str))
        return f"is missing: a table [{table}]" if is_table else "is missing"
    if first["type"] == "union_tag_invalid":
        tag, tags = first["ctx"]["tag"], first["ctx"]["expected_tags"]
        return f"{tag!r} is unknown; {suggest(tag, [t.strip(QUOTE) for t in tags.split(', ')])}"
    if first["type"] in BOUNDS:
        reason = (
            f"must be {BOUNDS[first['type']]} {_bound(next(iter(first['ctx'].values())), found)}"
        )
    elif first["type"] in ("model_type", "dict_type"):
        reason = "must be a table"
    else:
        reason = str(first["msg"]).removeprefix("Value error, ")
    if isinstance(found, dict | list) or repr(found) in reason:
        return reason
    return f"{reason}; found {repr(found)[:MAX_SHOWN]}"


def _bound(bound: Any, found: Any) -> str:
    """A limit of a declaration, in the unit that the file uses, if it can be said shortly in it."""
    unit = found.rpartition(" ")[2] if isinstance(found, str) else ""
    for dimension, units in UNITS.items():
        if unit in units:
            try:
                return render(Fraction(bound), dimension, unit)
            except ValueError:
                return Quantity(dimension).write(bound)
    return str(bound)


def suggest(name: str, known: Sequence[str]) -> str:
    """The way out for a name that is none of the known ones."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}"


def _known(declaration: Any, location: Steps) -> list[str]:
    """The keys of the table at a location."""
    fields = getattr(_model(_at(declaration, location)), "model_fields", {})
    return [name for name in fields if name != "kind"]


def _at(declaration: Any, location: Steps) -> Any:
    """The declaration of what stands at a location."""
    part = declaration
    for step in location:
        part = _inside(part, step)
    return part


def _inside(annotation: Any, step: str | int) -> Any:
    """The declaration one step further in: a field, an item, a value, a kind of a union."""
    model = _model(annotation)
    if model is not None:
        field = model.model_fields.get(str(step))
        return None if field is None else field.annotation
    arguments = [a for a in get_args(annotation) if a is not type(None)]
    for argument in arguments:
        kind = getattr(_model(argument), "model_fields", {}).get("kind")
        if kind is not None and step in get_args(kind.annotation):
            return argument
    if get_origin(annotation) is dict:
        return arguments[1]
    first = arguments[0] if arguments else None
    is_item = isinstance(step, int)
    return first if is_item or first is None else _inside(first, step)


def _model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    arguments = [a for a in get_args(annotation) if a is not type(None)]
    optional = get_origin(annotation) is UnionType and len(arguments) == 1
    return _model(arguments[0]) if optional or get_origin(annotation) is Annotated else None
