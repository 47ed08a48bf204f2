"""A violation as a scenario file, so that `pumpsim run` lets the same life happen again."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

MAX_NAME: Final = 60
HOUR_S: Final = 3_600


@dataclass(frozen=True)
class Scenario:
    """What happened to a pump: `events` are (instant in seconds, action), `fills` the syringes."""

    logic: str
    seed: int
    length_s: float
    events: tuple[tuple[float, Mapping[str, Any]], ...]
    notes: tuple[str, ...] = ()
    fills: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pump: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Tables of the pump file."""
    lacks: tuple[str, ...] = ()
    """What led to the violation and is not acted out, or not shown, a clause each."""

    @property
    def differs(self) -> str:
        """The same in a sentence; empty when it is all there."""
        return "; ".join(("the same requests and waits", *self.lacks)) if self.lacks else ""


def write(scenario: Scenario, folder: Path, name: str) -> Path:
    """Scenario and pump file, side by side; the scenario's path."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:MAX_NAME]
    folder.mkdir(parents=True, exist_ok=True)
    pump, path = folder / f"{stem}.pump.toml", folder / f"{stem}.toml"
    tables = {"pump": {"id": "demo", "logic": scenario.logic}, **scenario.pump}
    lines = [line for name, rows in tables.items() for line in (f"[{name}]", *_table(rows), "")]
    pump.write_text("\n".join(lines), encoding="utf-8")
    path.write_text(_content(scenario, stem, pump.name), encoding="utf-8")
    return path


def _content(scenario: Scenario, name: str, pump: str) -> str:
    lines = [f"# {note}" for note in scenario.notes]
    lines += [f"# differs: {scenario.differs}"] if scenario.differs else []
    head = {"name": name, "pump": pump, "seed": scenario.seed, "length": _time(scenario.length_s)}
    lines += ["[scenario]", *_table(head)]
    for fill, fields in scenario.fills.items():
        lines += ["", f"[fill.{fill}]", *_table(fields)]
    for at_s, action in scenario.events:
        rest = {key: value for key, value in action.items() if key != "kind" and value is not None}
        lines += ["", "[[event]]", *_table({"at": _time(at_s), "do": action["kind"], **rest})]
    return "\n".join(lines) + "\n"


def _table(fields: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in fields.items()]


def _time(seconds: float) -> str:
    """Exact to the millisecond."""
    return f"{round(seconds * 1e3)} ms" if seconds % 1 else f"{round(seconds)} s"
