"""What files and the control API may say: a line for each field, with its kind, bounds and default.

Messages are pinned apart, by the declarations that their schema hash covers.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hil.rigfile import RigFile
from protocol.configfile import Quantity
from pumpsim.benchfile import BenchFile
from pumpsim.chaos.settings import ChaosFile
from pumpsim.daemon.control_api import build
from pumpsim.daemon.host import Host
from pumpsim.plant.conditions import CONDITIONS
from pumpsim.pumpfile import PumpFile
from pumpsim.scenario.file import ScenarioFile
from tests.fuzz.pump import awaiting

FILES: Final = (PumpFile, ScenarioFile, BenchFile, ChaosFile, RigFile)
RULES: Final = ("gt", "ge", "lt", "le", "min_length", "max_length", "pattern", "allow_inf_nan")


def bounds() -> list[str]:
    """All lines, sorted."""
    routes = dict(_routes())
    models: dict[str, type[BaseModel]] = {}
    for kind in (*FILES, *routes.values()):
        _collect(kind, models)
    return sorted(
        [
            *(f"{what}: {_kind(kind)}" for what, kind in routes.items()),
            *(
                _line(name, *field)
                for name, m in models.items()
                for field in m.model_fields.items()
            ),
            *(f"condition {name}: ge {c.lowest} le {c.highest}" for name, c in CONDITIONS.items()),
        ]
    )


def _routes() -> Iterator[tuple[str, Any]]:
    """What each route of the control API takes and gives."""
    device, _ = awaiting()
    api: Any = build(Host([device], speed=1.0), list)
    for route in api._app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            what = f"{'/'.join(sorted(route.methods or ()))} {route.path}"
            yield f"{what} gives", route.response_model
            if route.body_field is not None:
                yield f"{what} takes", route.body_field.field_info.annotation


def _collect(kind: Any, found: dict[str, type[BaseModel]]) -> None:
    """All models that a kind is made of, by name."""
    for part in get_args(kind):
        _collect(part, found)
    if isinstance(kind, type) and issubclass(kind, BaseModel) and _kind(kind) not in found:
        found[_kind(kind)] = kind
        for field in kind.model_fields.values():
            _collect(field.annotation, found)


def _line(model: str, name: str, field: FieldInfo) -> str:
    default = "" if field.is_required() else f" default {_kind(field.default)}"
    return f"{model} {name}: {_kind(field.annotation)}{_rules(field.metadata)}{default}"


def _kind(kind: Any) -> str:
    """A kind, or a value, in a few words."""
    parts = [_kind(part) for part in get_args(kind)]
    if get_origin(kind) is Annotated:
        return parts[0] + _rules(kind.__metadata__)
    if get_origin(kind) is Literal:
        return " | ".join(map(repr, get_args(kind)))
    if get_origin(kind) in (tuple, list, dict):
        return f"{get_origin(kind).__name__}({', '.join(parts)})"
    if parts:
        return " | ".join(parts)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " | ".join(repr(member.value) for member in kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return f"{kind.__module__}.{kind.__qualname__}"
    return "default" if isinstance(kind, BaseModel) else getattr(kind, "__name__", repr(kind))


def _rules(metadata: Any) -> str:
    """What else holds, the dimension of a quantity first."""
    rules = [rule.dimension for rule in metadata if isinstance(rule, Quantity)]
    for rule in metadata:
        own = rule.metadata if isinstance(rule, FieldInfo) else [rule]
        for part in own:
            values = ((name, getattr(part, name, None)) for name in RULES)
            rules += [f"{name} {value!r}" for name, value in values if value is not None]
    return "".join(f" {rule}" for rule in rules)
