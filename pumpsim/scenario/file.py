"""Scenarios: a pump, a length, and what happens to it when, in a file that reads like a care plan.

Everything is checked before anything runs: names, quantities, order, what a reservoir can hold.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from protocol import configfile as c
from pumpsim import pumpfile
from pumpsim.scenario import visits
from pumpsim.scenario.visits import Explant, Refill, Visit
from pumpsim.stimuli import SECOND, Stimulus, kinds

DAY: Final = 86_400 * SECOND
MAX_LENGTH: Final = 36_525 * DAY
MAX_OCCURRENCES: Final = 100_000
DEMO: Final = "demo"

Action = Annotated[Stimulus | visits.AnyVisit, Field(discriminator="kind")]
TIMING: Final = ("at", "time", "every", "count", "until", "note")


class ScenarioSection(c.Section):
    """The run."""

    name: str = Field(description="of the run", min_length=1, max_length=64)
    pump: str = Field(
        default=DEMO, description='a pump file, seen from this file; "demo" is the packaged one'
    )
    seed: int = Field(default=1, description="of everything random", ge=0, le=2**63 - 1)
    length: c.DurationNs = Field(description="of the run", gt=0, le=MAX_LENGTH)


class Event(c.Section):
    """Something that happens, once or again and again. Its own keys stand beside these."""

    at: c.DurationNs = Field(description="from the start: the first time", ge=0)
    time: dt.time | None = Field(default=None, description="of that day, such as 09:30:00")
    every: c.DurationNs | None = Field(default=None, description="again after each", gt=0)
    count: int | None = Field(default=None, description="how often in all", ge=1)
    until: c.DurationNs | None = Field(default=None, description="not after this", ge=0)
    note: str = Field(default="", description="for the reader", max_length=200)
    action: Action

    @model_validator(mode="before")
    @classmethod
    def _part(cls, flat: Any) -> Any:
        """Timing here, the action's own keys there; `do` names the action."""
        if not isinstance(flat, dict):
            return flat
        if "do" not in flat:
            raise ValueError(f"do, which says what happens, is missing; {c.suggest('', KINDS)}")
        do = flat["do"]
        if do not in KINDS:
            raise ValueError(f"do = {do!r} is nothing that can happen; {c.suggest(str(do), KINDS)}")
        timing = {key: flat[key] for key in TIMING if key in flat}
        action = {key: value for key, value in flat.items() if key not in (*TIMING, "do")}
        return {**timing, "action": {**action, "kind": do}}

    @model_validator(mode="after")
    def _timing(self) -> "Event":
        if self.time is not None and self.at % DAY:
            raise ValueError("a time of day needs whole days in `at`")
        if self.every is None and (self.count is not None or self.until is not None):
            raise ValueError("count and until say how often `every` repeats, which is missing")
        if self.every is not None and self.every <= self.span_ns:
            raise ValueError(f"lasts {self.span_ns // SECOND} s: `every` must be longer")
        return self

    @property
    def first_ns(self) -> int:
        """When it happens first."""
        if self.time is None:
            return self.at
        clock = self.time
        seconds = clock.hour * 3_600 + clock.minute * 60 + clock.second
        return self.at + seconds * SECOND + clock.microsecond * 1_000

    @property
    def span_ns(self) -> int:
        """How long clinicians are busy with it."""
        return self.action.SPAN_NS if isinstance(self.action, Visit) else 0

    def instants(self, length_ns: int) -> Iterator[int]:
        """When it happens, until the end of the run or as long as it says."""
        last_ns = length_ns - self.span_ns if self.until is None else self.until
        at_ns, left = self.first_ns, self.count
        while at_ns <= last_ns and left != 0:
            yield at_ns
            if self.every is None:
                return
            at_ns += self.every
            left = None if left is None else left - 1


class ScenarioFile(c.Section):
    """A scenario file."""

    scenario: ScenarioSection
    fill: dict[str, pumpfile.FillSection] = Field(
        default={}, description="syringes that refills take, each a table [fill.NAME]"
    )
    event: Annotated[tuple[Event, ...], Field(strict=False)] = Field(
        default=(), description="what happens, each a table [[event]]"
    )
    tolerance: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default={},
        description="what two targets may differ by, signal by signal, in its unit: for hil diff",
    )


KINDS: Final = [*kinds(Stimulus), *kinds(visits.AnyVisit)]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One thing that happens once."""

    at_ns: int
    event: int  # its place in the file
    action: Any


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario that was checked, ready to run."""

    path: Path
    text: str
    name: str
    seed: int
    length_ns: int
    pump: pumpfile.PumpFile
    fills: dict[str, pumpfile.FillSection]
    occurrences: tuple[Occurrence, ...]
    tolerances: dict[str, float]

    def complain(self, event: int, reason: str) -> c.ConfigError:
        """The error for an event, with its line."""
        return c.complain(self.path, self.text, ("event", event), reason)

    def complain_of_tolerance(self, signal: str, reason: str) -> c.ConfigError:
        """The error for a key of [tolerance], with its line."""
        return c.complain(self.path, self.text, ("tolerance", signal), reason)


def load(path: Path) -> Scenario:
    """Read and check a scenario with all it needs; ConfigError when it cannot run."""
    text = c.read(path)
    file = c.check(path, text, ScenarioFile)
    head = file.scenario
    pump = pumpfile.demo() if head.pump == DEMO else pumpfile.load(path.parent / head.pump)
    scenario = Scenario(
        path,
        text,
        head.name,
        head.seed,
        head.length,
        pump,
        file.fill,
        _schedule(path, text, file),
        file.tolerance,
    )
    for index, event in enumerate(file.event):
        reason = _why_not(event, scenario)
        if reason is not None:
            raise scenario.complain(index, reason)
    _check_order(scenario, file.event)
    return scenario


def _schedule(path: Path, text: str, file: ScenarioFile) -> tuple[Occurrence, ...]:
    rows: list[Occurrence] = []
    for index, event in enumerate(file.event):
        for at_ns in event.instants(file.scenario.length):
            rows.append(Occurrence(at_ns, index, event.action))
            if len(rows) > MAX_OCCURRENCES:
                reason = f"happens too often: a run holds {MAX_OCCURRENCES} events"
                raise c.complain(path, text, ("event", index, "every"), reason)
    return tuple(sorted(rows, key=lambda row: (row.at_ns, row.event)))


def _why_not(event: Event, scenario: Scenario) -> str | None:
    """Why this event cannot happen as it stands, or None."""
    action, length_ns = event.action, scenario.length_ns
    times = 1 if event.count is None else event.count
    last_ns = event.first_ns + (times - 1) * (event.every or 0)
    if max(last_ns + event.span_ns, event.until or 0) > length_ns:
        return f"goes on after the end of the run, {when(length_ns)}"
    if isinstance(action, Visit) and scenario.pump.pump.logic == pumpfile.BARE:
        return f"{action.kind} needs a pump with control logic; {scenario.pump.id} is bare"
    if isinstance(action, Explant) and event.first_ns != length_ns:
        return f"explant ends the run: set at to its length, {when(length_ns)}"
    return _refill_problem(action, scenario) if isinstance(action, Refill) else None


def _refill_problem(action: Refill, scenario: Scenario) -> str | None:
    fill = scenario.fills.get(action.fill)
    if fill is None:
        return f"fill = {action.fill!r} has no [fill.{action.fill}]; {_hint(action, scenario)}"
    plant = scenario.pump.plant_parameters()
    room_nl = round((plant.capacity_m3 - plant.unreachable_m3) * 1e12)
    volume_nl = action.volume or fill.volume
    if action.into == "reservoir" and volume_nl > room_nl:
        return f"{volume_nl / 1e6:g} mL do not fit: emptied, the pump holds {room_nl / 1e6:g} mL"
    return None


def _hint(action: Refill, scenario: Scenario) -> str:
    return c.suggest(action.fill, list(scenario.fills)) if scenario.fills else "there is no fill"


def _check_order(scenario: Scenario, events: tuple[Event, ...]) -> None:
    """While clinicians are busy with one thing, nothing else begins."""
    for one, other in pairwise(scenario.occurrences):
        if other.at_ns < one.at_ns + events[one.event].span_ns:
            busy = f"{one.action.kind} of {when(one.at_ns)}"
            reason = f"begins at {when(other.at_ns)} while {busy} goes on"
            raise scenario.complain(other.event, reason)


def when(at_ns: int) -> str:
    """An instant of a run for people: day and time, counted from 0."""
    days, rest_ns = divmod(at_ns, DAY)
    minutes, rest_ns = divmod(rest_ns, 60 * SECOND)
    seconds = f":{rest_ns // SECOND:02d}" if rest_ns >= SECOND else ""
    return f"day {days} {minutes // 60:02d}:{minutes % 60:02d}{seconds}"
