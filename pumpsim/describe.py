"""What files and links can say: a page for people, then a JSON Schema for editors."""

import json
from collections.abc import Iterator
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from protocol import configfile as c
from protocol.quantity import UNITS
from pumpsim.benchfile import BenchFile, LineSection, LinesSection
from pumpsim.chaos.settings import IMPOSSIBLE, ChaosFile
from pumpsim.instruments.parameters import BenchSection
from pumpsim.plant.conditions import CONDITIONS
from pumpsim.pumpfile import FillSection, PumpFile
from pumpsim.scenario.file import TIMING, Event, ScenarioFile, ScenarioSection
from pumpsim.scenario.visits import AnyVisit
from pumpsim.sensors import default_fit
from pumpsim.stimuli import Stimulus, kinds

TOPICS: Final = ("bench", "chaos", "protocol", "pump", "scenario")
WORDS: Final = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "datetime": "date and time with offset, such as 2026-01-01T00:00:00Z",
    "time": "time of day, such as 09:30:00",
}
BOUNDS: Final = (("gt", "above"), ("ge", "at least"), ("lt", "below"), ("le", "at most"))


def describe(topic: str) -> str:
    """The page of a topic; ConfigError for an unknown one."""
    if topic == "pump":
        return _page(_pump_lines(), PumpFile.model_json_schema())
    if topic == "bench":
        return _page(_bench_lines(), BenchFile.model_json_schema())
    if topic == "chaos":
        return _page(_chaos_lines(), ChaosFile.model_json_schema())
    if topic == "scenario":
        return _page(_scenario_lines(), scenario_schema())
    if topic == "protocol":
        from protocol.document import protocol_document  # only this topic needs the documents

        return protocol_document()
    message = f"{topic!r} is no topic; {c.suggest(topic, TOPICS)}"
    raise c.ConfigError(message)


def scenario_schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file, in which the keys of an action stand in its event."""
    schema = ScenarioFile.model_json_schema()
    definitions = schema["$defs"]
    flat = definitions["Event"]["properties"]
    timing = {name: flat[name] for name in TIMING}
    events = []
    for do, action in _actions().items():
        own = action.model_json_schema()
        keys = {name: part for name, part in own["properties"].items() if name != "kind"}
        required = [name for name in own.get("required", []) if name != "kind"]
        events.append(
            {
                "title": do,
                "description": own["description"],
                "type": "object",
                "properties": {**timing, "do": {"const": do}, **keys},
                "required": ["at", "do", *required],
                "additionalProperties": False,
            }
        )
    schema["$defs"] = {n: definitions[n] for n in ("ScenarioSection", "FillSection")}
    schema["properties"]["event"]["items"] = {"oneOf": events}
    return schema


# ---- pages


def _page(lines: Iterator[str], schema: dict[str, Any]) -> str:
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return "\n".join([*lines, "JSON Schema:", "", json.dumps(dialect, indent=2)])


def _pump_lines() -> Iterator[str]:
    yield "A pump file is TOML. A quantity is text: number, one blank, unit."
    yield ""
    for name, field in PumpFile.model_fields.items():
        if get_origin(field.annotation) is tuple:  # a list of sections: [[name]]
            yield from _table(f"[[{name}]]", get_args(field.annotation)[0])
        else:
            yield from _table(f"[{name}]", field.annotation)


def _bench_lines() -> Iterator[str]:
    yield "A bench file is TOML. A quantity is text: number, one blank, unit."
    yield ""
    for name, field in BenchSection.model_fields.items():
        yield from _table(f"[{name}]", field.annotation)
    yield from _table("[line.NAME]", LineSection)
    yield f"NAME is {', '.join(LinesSection.model_fields)}."
    yield ""


def _chaos_lines() -> Iterator[str]:
    yield "A chaos file is TOML. A quantity is text: number, one blank, unit."
    yield ""
    for name, field in ChaosFile.model_fields.items():
        yield from _table(f"[{name}]", field.annotation)
    for transport, (effects, reason) in IMPOSSIBLE.items():
        if effects:
            yield f"Not on {transport}: {', '.join(effects)}. {reason[0].upper()}{reason[1:]}."
    yield ""


def _scenario_lines() -> Iterator[str]:
    yield "A scenario file is TOML. A quantity is text: number, one blank, unit."
    yield ""
    yield from _table("[scenario]", ScenarioSection)
    yield from _table("[fill.NAME]", FillSection)
    yield f"[tolerance]  {ScenarioFile.model_fields['tolerance'].description}"
    yield ""
    yield "[[event]]  What happens, once or again and again; its own keys stand beside these."
    for name in TIMING:
        yield from _entry(name, Event.model_fields[name])
    yield ""
    for do, action in _actions().items():
        yield from _table(f'do = "{do}"', action)
    yield "Plant conditions:"
    for name, limit in CONDITIONS.items():
        yield f"  {name:34}{limit.lowest:g} to {limit.highest:g}; default {limit.default:g}"
    yield ""
    yield "Sensors:"
    for channel in default_fit():
        yield f"  {channel.name:34}{channel.lowest} to {channel.highest}"
    yield ""


def _table(heading: str, section: Any) -> Iterator[str]:
    yield f"{heading}  {section.__doc__}"
    for name, field in section.model_fields.items():
        if name != "kind":
            yield from _entry(name, field)
    yield ""


def _entry(name: str, field: FieldInfo) -> Iterator[str]:
    default = "required" if field.is_required() else f"default {_toml(field.default)}"
    bounds = "".join(f", {text}" for text in _bounds(field))
    yield f"  {name:30}{_kind(field.annotation, _quantity(field))}{bounds}; {default}"
    yield f"  {'':30}{field.description}"


def _kind(annotation: Any, quantity: c.Quantity | None) -> str:
    if quantity is not None:
        return f"{quantity.dimension} in {', '.join(UNITS[quantity.dimension])}"
    if get_origin(annotation) is Literal:
        return " or ".join(f'"{word}"' for word in get_args(annotation))
    options = [option for option in get_args(annotation) if option is not type(None)]
    if options:
        return _kind(options[0], None)
    name = getattr(annotation, "__name__", str(annotation))
    return WORDS.get(name, name)


def _bounds(field: FieldInfo) -> Iterator[str]:
    quantity = _quantity(field)
    for rule in field.metadata:
        for attribute, word in BOUNDS:
            bound = getattr(rule, attribute, None)
            if bound is not None:
                yield f"{word} {bound if quantity is None else quantity.write(bound)}"


def _quantity(field: FieldInfo) -> c.Quantity | None:
    """What marks the field, also where it may be left out."""
    options = [rule for part in get_args(field.annotation) for rule in get_args(part)]
    found = (rule for rule in [*field.metadata, *options] if isinstance(rule, c.Quantity))
    return next(found, None)


def _toml(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return json.dumps(value)
    return json.dumps(value) if isinstance(value, str | bool | int | float) else str(value)


def _actions() -> dict[str, type[BaseModel]]:
    return {**kinds(Stimulus), **kinds(AnyVisit)}
