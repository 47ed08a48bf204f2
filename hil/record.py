"""What a run on the bench came to: one record, whatever the run was, for whoever renders it.

Bench scripts, conformance, differential runs and calibration all fill a `Record`. It is plain data
(`to_plain`, `from_plain`), so that a report can be made again later, from the JSON file alone.
"""

import math
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final

SCHEMA: Final = 1


class Verdict(Enum):
    """Of a case, a measurement, a run.

    INCONCLUSIVE: the stimulus did not take effect. ERROR: the rig failed. SKIP: the rig or the
    device does not offer what this needs.
    """

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    SKIP = "skip"


WORST_FIRST: Final = (Verdict.ERROR, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)


def worst(verdicts: list[Verdict]) -> Verdict:
    """Of a run by its parts: what was skipped is no part of it; INCONCLUSIVE without any part."""
    return next((one for one in WORST_FIRST if one in verdicts), Verdict.INCONCLUSIVE)


@dataclass(frozen=True)
class Measurement:
    """One number for the record, with its limits where it has any.

    `uncertainty` is expanded, k = 2. `requirement` is an id of docs/requirements.toml.
    `instant_ns` is the rig's clock. `case` is the id of the case that judges this number: what is
    wrong counts once.
    """

    name: str
    value: float
    unit: str
    instant_ns: int = 0
    low: float | None = None
    high: float | None = None
    uncertainty: float | None = None
    requirement: str | None = None
    case: str = ""

    @property
    def verdict(self) -> Verdict:
        """FAIL outside its limits; a number that is none fails too."""
        inside = (self.low is None or self.value >= self.low) and (
            self.high is None or self.value <= self.high
        )
        return Verdict.PASS if inside and self.value == self.value else Verdict.FAIL

    @property
    def margin(self) -> float | None:
        """Distance to the nearest limit, below 0 outside; None without limits."""
        gaps = [self.value - self.low] if self.low is not None else []
        gaps += [self.high - self.value] if self.high is not None else []
        return min(gaps, default=None)

    @property
    def judged(self) -> bool:
        """Whether it is within limits or not: it has some, or is no number at all."""
        return self.margin is not None or math.isnan(self.value)

    @property
    def counts(self) -> bool:
        """Whether it has a say of its own in the run's verdict."""
        return self.judged and not self.case


@dataclass(frozen=True)
class CaseResult:
    """One case of a kit, or one step of a script."""

    id: str
    title: str
    verdict: Verdict
    section: str = ""
    requirement: str = ""  # its sentence
    expected: str = ""
    seen: str = ""
    wall_s: float = 0.0
    log: tuple[str, ...] = ()


@dataclass(frozen=True)
class Series:
    """One curve; `low` and `high` make a band around it.

    `style` is line, points or steps: of those each value holds up to the next x.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    style: str = "line"
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class Figure:
    """One plot as data; `lines` are labelled horizontal limits, such as ("+15 %", 15.0)."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    lines: tuple[tuple[str, float], ...] = ()
    x_log: bool = False
    x_ticks: tuple[tuple[float, str], ...] = ()
    caption: str = ""


@dataclass(frozen=True)
class InstrumentRow:
    """An instrument as the report names it."""

    kind: str
    make: str  # such as "MT-SICS at /dev/ttyUSB1" or "emulated, in process"
    identity: str = ""  # what it says of itself
    calibrated: str = ""  # ISO dates
    due: str = ""
    uncertainty: str = ""  # such as "0.05 mg (k = 2)"


@dataclass
class Record:
    """A whole run. `facts` are lines for its head: what, where, versions, seeds, hashes."""

    kind: str  # bench, conformance, diff, calibration
    name: str
    title: str
    verdict: Verdict = Verdict.INCONCLUSIVE
    why: str = ""
    began: str = ""  # ISO 8601, UTC
    wall_s: float = 0.0
    device_s: float = 0.0
    command: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    instruments: list[InstrumentRow] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    cases: list[CaseResult] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def judge(self) -> Verdict:
        """Set and tell the verdict that measurements and cases come to."""
        parts = [one.verdict for one in self.cases]
        parts += [one.verdict for one in self.measurements if one.counts]
        self.verdict = worst(parts)
        return self.verdict

    def to_plain(self) -> dict[str, Any]:
        """JSON's types only, with the schema's number; JSON has no NaN, so a word stands for it."""
        plain: dict[str, Any] = _words(asdict(self))
        return {"schema": SCHEMA, **plain}


def from_plain(plain: dict[str, Any]) -> Record:
    """What `to_plain` gave; ValueError for anything else."""
    from pydantic import TypeAdapter

    if plain.get("schema") != SCHEMA:
        message = f"a record of schema {SCHEMA} was due, not {plain.get('schema')!r}"
        raise ValueError(message)
    content = {name: value for name, value in plain.items() if name != "schema"}
    return TypeAdapter(Record).validate_python(content)


def _words(value: Any) -> Any:
    if isinstance(value, Verdict):
        return value.value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _words(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_words(one) for one in value]
    return value
