"""Parameters of a script: a frozen dataclass whose fields say how they are written.

    @dataclass(frozen=True)
    class Parameters:
        sample_ns: int = parameter("30 min", DURATION, "between two weighings", low="1 min")

The field is called `sample` on the command line: `sample="30 min"`. Quantities follow the strict
grammar of files; their unit stands last in the field's name. One that an instrument is set to says
so by `sets`: beyond the rig's limits it is refused before the run begins. What several scripts have
in common is a dataclass of its own, and one field of theirs, `method: Method = Method()`; on the
command line its parameters stand beside the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final, TypeVar

from hil.errors import LocalError
from protocol.quantity import QuantityError, parse

P = TypeVar("P")
ZERO_CELSIUS_MK: Final = 273_150
PA_PER_KPA: Final = 1_000
NL_PER_ML: Final = 1_000_000
NL_PER_H_PER_ML_PER_DAY: Final = 1_000_000 / 24


@dataclass(frozen=True)
class Kind:
    """How one kind of value is written, and the unit a script has it in."""

    name: str
    suffix: str
    example: str
    read: Callable[[str], Any]


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not text.isascii() or text != text.strip() or "_" in text or value - value != 0:
        message = f"{text!r} is no number such as '1.5'"
        raise QuantityError(message)
    return value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        message = f"{text!r} is no whole number such as '3'"
        raise QuantityError(message)
    return int(text)


def _word(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        message = f"{text!r} is no plain text"
        raise QuantityError(message)
    return text


def _temperature(text: str) -> float:
    return float(parse(text, "temperature") - ZERO_CELSIUS_MK) / 1e3


DURATION: Final = Kind("duration", "_ns", "14 d", lambda text: round(parse(text, "duration")))
TEMPERATURE: Final = Kind("temperature", "_degc", "37 degC", _temperature)
PRESSURE: Final = Kind(
    "pressure", "_kpa", "12.4 kPa", lambda text: float(parse(text, "pressure") / PA_PER_KPA)
)
VOLUME: Final = Kind(
    "volume", "_ml", "28 mL", lambda text: float(parse(text, "volume") / NL_PER_ML)
)
FLOW: Final = Kind(
    "flow",
    "_ml_per_day",
    "1.3 mL/day",
    lambda text: float(parse(text, "flow")) / NL_PER_H_PER_ML_PER_DAY,
)
CONCENTRATION: Final = Kind(
    "concentration",
    "_mg_per_ml",
    "6.46 mg/mL",
    lambda text: float(parse(text, "concentration")) / 1e6,
)
HEIGHT: Final = Kind("length", "_m", "1500 m", lambda text: float(parse(text, "length")))
PERCENT: Final = Kind("ratio", "_percent", "15 %", lambda text: float(parse(text, "ratio") * 100))
NUMBER: Final = Kind("number", "", "1.5", _number)
COUNT: Final = Kind("whole number", "", "3", _count)
WORD: Final = Kind("text", "", "FUDR", _word)


def parameter(  # noqa: PLR0913
    default: str,
    kind: Kind,
    what: str,
    *,
    low: str = "",
    high: str = "",
    many: bool = False,
    sets: str = "",
) -> Any:
    """A field: its default and its limits as they are written; `many` of them with commas.

    `sets` is the kind of instrument that is set to it, such as "bath".
    """
    read = _reader(kind, low, high, many=many)
    metadata = {"text": default, "kind": kind, "what": what, "read": read, "sets": sets}
    return field(default=read(default), metadata=metadata)


def filled(kind: type[P], texts: Mapping[str, str]) -> P:
    """The parameters with these texts in place of defaults; LocalError says what is wrong."""
    known = {name_of(one): one for one in _single(kind)}
    values = {}
    for name, text in texts.items():
        if name not in known:
            there = ", ".join(known) or "none"
            raise LocalError(f"{name!r} is no parameter of this script: there is {there}")
        try:
            values[known[name].name] = known[name].metadata["read"](text)
        except QuantityError as error:
            raise LocalError(f"{name}: {error}") from None
    return _made(kind, values)


def texts_of(pairs: Sequence[str]) -> dict[str, str]:
    """`name=value` of a command line; LocalError for anything else, and for a name twice."""
    texts: dict[str, str] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign or not name:
            raise LocalError(f'{pair!r} is no parameter such as duration="2 d"')
        if name in texts:
            raise LocalError(f"the parameter {name!r} is given twice")
        texts[name] = text
    return texts


def all_texts(kind: type[Any], texts: Mapping[str, str]) -> dict[str, str]:
    """Every parameter as it is written, defaults too: what a run is begun with."""
    return {name_of(one): texts.get(name_of(one), one.metadata["text"]) for one in _single(kind)}


def set_points(parameters: Any) -> Iterator[tuple[str, str, float]]:
    """Each with the parameter's name and the kind of instrument that is set to it."""
    for one in fields(parameters):
        if is_dataclass(one.default):
            yield from set_points(getattr(parameters, one.name))
        elif one.metadata["sets"]:
            value = getattr(parameters, one.name)
            for each in value if isinstance(value, tuple) else (value,):
                yield name_of(one), one.metadata["sets"], each


def described(kind: type[Any]) -> list[str]:
    """One line per parameter, for `--list` and for mistakes."""
    return [
        f"{name_of(one)}={one.metadata['text']!r}  {one.metadata['what']}" for one in _single(kind)
    ]


def name_of(one: Any) -> str:
    """Of a field, on the command line: without its unit."""
    return str(one.name).removesuffix(one.metadata["kind"].suffix).replace("_", "-")


def _single(kind: Any) -> Iterator[Any]:
    """Its fields, and in place of one that holds a dataclass the fields of that."""
    for one in fields(kind):
        yield from _single(one.default) if is_dataclass(one.default) else (one,)


def _made(kind: type[P], values: Mapping[str, Any]) -> P:
    """Of values by the name of their field."""
    given = {}
    for one in fields(kind):  # type: ignore[arg-type]
        if is_dataclass(one.default):
            given[one.name] = _made(type(one.default), values)
        elif one.name in values:
            given[one.name] = values[one.name]
    return kind(**given)


def _reader(kind: Kind, low: str, high: str, *, many: bool) -> Callable[[str], Any]:
    lowest = kind.read(low) if low else None
    highest = kind.read(high) if high else None

    def read_one(text: str) -> Any:
        value = kind.read(text)
        if (lowest is not None and value < lowest) or (highest is not None and value > highest):
            message = f"{text!r} is outside {low or 'any'} to {high or 'any'}"
            raise QuantityError(message)
        return value

    def read_many(text: str) -> tuple[Any, ...]:
        if not text:
            return ()
        return tuple(read_one(part.strip()) for part in text.split(","))

    return read_many if many else read_one
