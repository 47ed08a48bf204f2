"""What an entry of the fault catalogue says: plain data, from which every way in is served.

A stimulus is written here as a scenario or the control API writes it: keys, and quantities as text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from protocol.vocabulary import AlarmId, EventKind

Stimulus = Mapping[str, Any]
Expected = AlarmId | EventKind

SAMPLE_S: Final = 60
MINUTE_S: Final = 60
HOUR_S: Final = 3_600
DAY_S: Final = 86_400
SEVERITY: Final = "SEVERITY"
"""Stands in a stimulus where the severity goes."""
MID: Final = 6
"""Days after a fill: the pump is warm, and the reservoir neither full nor low."""
BEFORE_REFILL: Final = 13
"""Days after a fill: the next visit is a day away at most."""


def samples(count: int) -> int:
    """A bound in samples, in seconds."""
    return count * SAMPLE_S


class Severity(NamedTuple):
    """How bad a fault is: at least `stated`, which must be detected, and up to `worst`.

    A stimulus takes it with its `unit`, or as a bare number, whose meaning is `of` what it is told.
    Whoever sets a fault by its name may have it milder, down to `nothing`, which is none.
    """

    stated: float
    worst: float
    unit: str = ""
    nothing: float = 0.0
    of: str = ""

    def word(self, value: float) -> float | str:
        """As a stimulus takes it: text with its unit, or a number, whole where `stated` is."""
        number = self._rounded(value)
        return f"{number} {self.unit}" if self.unit else number

    def told(self, value: float) -> str:
        """As people are told it."""
        return f"{self.word(value)} {self.of}".rstrip()

    def why_not(self, value: float) -> str | None:
        """Why a fault cannot be as bad as that, or None."""
        number, ends = self._rounded(value), sorted((self.nothing, self.worst))
        if number != self.nothing and ends[0] <= number <= ends[1]:
            return None
        none, stated = self.word(self.nothing), self.word(self.stated)
        worst = self.told(self.worst)
        return f"must lie between {none}, which is no fault, and {worst}; stated is {stated}"

    def _rounded(self, value: float) -> float:
        return round(value) if isinstance(self.stated, int) else round(value, 3)


class Step(NamedTuple):
    """One stimulus, so long after the step before it."""

    after_s: int
    stimulus: Stimulus


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what happens, what it must lead to, and within what time after it took effect.

    A fault is made of `steps`, or of a clinician's `visit`, or of neither: time alone. It has taken
    effect when the truth says so: see `effect` in `pumpsim.performance.effects`, whose name is by
    default the kind of the last step. Any one of `expects` is a detection: some faults are the same
    data. With a reason under `not_promised`, nothing is expected.
    """

    name: str
    sentence: str
    expects: tuple[Expected, ...] = ()
    bound_s: int = 0
    steps: tuple[Step, ...] = ()
    visit: Stimulus | None = None
    severity: Severity | None = None
    start_day: int = MID
    effect: str = ""
    patience_s: int = DAY_S
    """How long it may take to take effect."""
    margin_below_low_nl: int | None = None
    """With V_low less that in the reservoir, a detection comes too late."""
    not_promised: str = ""

    def awaits(self, word: Expected) -> bool:
        """Whether that is a detection. An alarm and an event may share a number."""
        return any(word is expected for expected in self.expects)

    def stated(self) -> float:
        """The severity at which it must be detected; 0 where there are no degrees."""
        return 0.0 if self.severity is None else self.severity.stated

    def steps_at(self, severity: float) -> tuple[Step, ...]:
        """The steps, with that severity in its place."""
        return tuple(Step(after_s, self._put(s, severity)) for after_s, s in self.steps)

    def visit_at(self, severity: float) -> dict[str, Any] | None:
        """The visit, with that severity in its place."""
        return None if self.visit is None else self._put(self.visit, severity)

    def parts(self) -> str:
        """What it is made of at the stated severity, in words, for whoever does it bit by bit."""
        visit, steps = self.visit_at(self.stated()), self.steps_at(self.stated())
        if visit is not None:
            steps = (Step(0, visit),)
        return ", ".join(_in_words(step) for step in steps) or "nothing, only time"

    def effect_name(self) -> str:
        """Which look at the truth tells that it has taken effect."""
        if self.effect:
            return self.effect
        return str(self.steps[-1].stimulus["kind"]) if self.steps else "refill"

    def _put(self, stimulus: Stimulus, severity: float) -> dict[str, Any]:
        word = None if self.severity is None else self.severity.word(severity)
        return {key: word if value == SEVERITY else value for key, value in stimulus.items()}


def _in_words(step: Step) -> str:
    fields = [f"{key} = {word}" for key, word in step.stimulus.items() if key != "kind"]
    after = f"{step.after_s} s later " if step.after_s else ""
    return f"{after}{step.stimulus['kind']} ({', '.join(fields)})"


def at_once(kind: str, **fields: Any) -> tuple[Step, ...]:
    """The one step of a fault that needs no other."""
    return (Step(0, {"kind": kind, **fields}),)
