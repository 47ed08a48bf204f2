"""Things in words, and where two of them differ that ought to be the same: field by field."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

MOST: Final = 4
"""Fields that are shown; one that is wrong often takes all others with it."""
NOTHING: Final = "nothing"


def difference(expected: object, seen: object) -> tuple[str, str]:
    """The first fields that differ, as they are in the one and in the other."""
    one, other = leaves(expected), leaves(seen)
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    if not names:  # in what is no field
        return str(expected), str(seen)
    more = f", and {len(names) - MOST} more" if len(names) > MOST else ""
    return _told(names[:MOST], one) + more, _told(names[:MOST], other)


def words(value: object) -> str:
    """A value as a person says it: every field that there is, by its name."""
    if isinstance(value, set | frozenset):
        return ", ".join(sorted(words(one) for one in value)) or NOTHING
    if _parts(value) is None:
        return _words(value)
    if isinstance(value, list | tuple) and not hasattr(value, "_asdict"):
        return "; ".join(words(one) for one in value) or NOTHING
    found = [f"{name} {leaf}" for name, leaf in leaves(value).items() if leaf != NOTHING]
    told = [", ".join(found)] if found else []
    if isinstance(value, BaseModel):
        told.insert(0, type(value).__name__)
    return ": ".join(told) or NOTHING


def leaves(value: object, name: str = "") -> dict[str, str]:
    """Every field in words, by its path: status.flow_nl_per_h.low."""
    parts = _parts(value)
    if parts is None:
        return {name: _words(value)}
    found: dict[str, str] = {}
    for key, part in parts.items():
        found |= leaves(part, f"{name}.{key}" if name else str(key))
    return found


def _parts(value: object) -> Mapping[Any, object] | None:
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return value
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        named: Mapping[str, object] = value._asdict()
        return named
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return dict(enumerate(value, 1))
    return None


def _words(value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, bytes):
        return value.hex(" ") or NOTHING
    return value.name.lower() if isinstance(value, Enum) else str(value)


def _told(names: Sequence[str], fields: Mapping[str, str]) -> str:
    told = (f"{name} {fields.get(name, NOTHING)}".strip() for name in names)
    return ", ".join(told)
