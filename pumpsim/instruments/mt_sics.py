"""A balance's command set: MT-SICS, levels 0 and 1 (METTLER TOLEDO, reference manual 11780711).

A weight is ten characters wide and has its unit: `S S     100.00 g`. S, Z and T wait for a stable
weight; SIR and SR go on telling until S, SI, SIR, SR or @ comes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from pumpsim.instruments import weights
from pumpsim.instruments.line import Ailment, Fault
from pumpsim.instruments.lines import LineReader

END: Final = b"\r\n"
SYNTAX_ERROR: Final = "ES"
STABLE_LIMIT_NS: Final = 10_000_000_000
"""A weight that is not stable by then is given up: `S I`."""
LOOK_NS: Final = 100_000_000
"""How often a balance looks whether its weight is stable, or has changed."""
REPEAT_NS: Final = 200_000_000
"""Between two weights of SIR."""
CHANGE_SHARE: Final = 0.125
CHANGE_DIGITS: Final = 30
"""SR tells again from a change of 12.5 % on, and of 30 digits at least."""
WRONG_UNIT: Final = "ct"
LEVELS: Final = (
    ("@", "I0", "I1", "I2", "I3", "I4", "S", "SI", "SIR", "Z", "ZI"),
    ("D", "DW", "K", "SR", "T", "TA", "TAC", "TI"),
)
VERSIONS: Final = '"01" "2.30" "2.20" "" ""'
KEY_MODES: Final = ("1", "2", "3", "4")
WITH_PARAMETER: Final = frozenset({"D", "K", "SR", "TA"})


Obey = Callable[[int, str], str]


class Weighed(Protocol):
    """What is on the pan."""

    @property
    def mass_mg(self) -> float:
        """Since it was zeroed."""

    @property
    def stable(self) -> bool:
        """Whether it has settled."""

    @property
    def range(self) -> str:
        """`ok`, `over` or `under`."""


class Scale(Protocol):
    """The balance behind the command set."""

    @property
    def unit(self) -> str:
        """Of its display and its replies: one of `weights.UNITS_MG`."""

    def weigh(self, now_ns: int) -> Weighed:
        """The weight now."""

    def zero(self, now_ns: int) -> None:
        """Count from what lies on the pan now."""


class Nameplate(NamedTuple):
    """What a balance tells of itself."""

    model: str = "BAL-120"
    serial: str = "0000000001"
    software: str = "1.00 0.0.0"
    capacity_mg: float = 120_000.0
    resolution_mg: float = 0.1


@dataclass(slots=True)
class Pan:
    """What all lines to one balance share: its tare."""

    tare_mg: float = 0.0


@dataclass(slots=True)
class Settling:
    """A command that waits for a stable weight."""

    word: str
    until_ns: int


@dataclass(slots=True)
class Repeating:
    """SIR."""


@dataclass(slots=True)
class Watching:
    """SR: by how much the weight must change, and what was told last; None before the first."""

    preset_mg: float | None
    told_mg: float | None = None
    changing: bool = False


class MtSics:
    """One line to one balance."""

    def __init__(self, scale: Scale, plate: Nameplate, pan: Pan, ailment: Ailment) -> None:
        """Nothing is under way; `pan` and `ailment` belong to the balance."""
        self._scale = scale
        self._plate = plate
        self._pan = pan
        self._ailment = ailment
        self._lines = LineReader()
        self._job: Settling | Repeating | Watching | None = None
        self._due_ns = 0
        self._commands: dict[str, Obey] = {
            "@": self._reset,
            "I0": self._list,
            "I1": lambda *_: f"I1 A {VERSIONS}",
            "I2": lambda *_: f'I2 A "{plate.model} {self._capacity()}"',
            "I3": lambda *_: f'I3 A "{plate.software}"',
            "I4": lambda *_: f'I4 A "{plate.serial}"',
            "S": lambda now_ns, _: self._settle(now_ns, "S"),
            "SI": self._tell_now,
            "SIR": self._repeat,
            "SR": self._watch,
            "Z": lambda now_ns, _: self._settle(now_ns, "Z"),
            "ZI": lambda now_ns, _: self._at_once(now_ns, "ZI"),
            "T": lambda now_ns, _: self._settle(now_ns, "T"),
            "TI": lambda now_ns, _: self._at_once(now_ns, "TI"),
            "TA": self._tare,
            "TAC": self._clear_tare,
            "D": self._display,
            "DW": lambda *_: "DW A",
            "K": lambda _, mode: "K A" if mode in KEY_MODES else "K L",
        }

    def receive(self, now_ns: int, data: bytes) -> bytes:
        """Commands came; what is answered at once."""
        return b"".join(self._obey(now_ns, line) for line in self._lines.feed(data))

    def advance(self, now_ns: int) -> bytes:
        """Look at what is waited for, or repeated."""
        if self._job is None or now_ns < self._due_ns:
            return b""
        period_ns = REPEAT_NS if isinstance(self._job, Repeating) else LOOK_NS
        self._due_ns += (now_ns - self._due_ns) // period_ns * period_ns + period_ns
        return _said(self._work(now_ns))

    def next_deadline(self) -> int | None:
        """When to look again."""
        return None if self._job is None else self._due_ns

    # ---- commands

    def _obey(self, now_ns: int, line: bytes | None) -> bytes:
        word, _, parameter = (line or b"").decode("latin-1").partition(" ")
        command = self._commands.get(word)
        if command is None or (parameter and word not in WITH_PARAMETER):
            return _said(SYNTAX_ERROR)
        return _said(command(now_ns, parameter))

    def _reset(self, now_ns: int, _parameter: str) -> str:
        del now_ns
        self._job = None
        self._pan.tare_mg = 0.0
        return f'I4 A "{self._plate.serial}"'

    def _list(self, now_ns: int, _parameter: str) -> str:
        del now_ns
        names = [(level, name) for level, names in enumerate(LEVELS) for name in names]
        marks = ["B"] * (len(names) - 1) + ["A"]
        rows = zip(marks, names, strict=True)
        return "\r\n".join(f'I0 {mark} {level} "{name}"' for mark, (level, name) in rows)

    def _tell_now(self, now_ns: int, _parameter: str) -> str:
        if self._settling():
            return "S I"
        self._job = None
        return self._told(now_ns)

    def _repeat(self, now_ns: int, _parameter: str) -> str:
        if self._settling():
            return "S I"
        self._job, self._due_ns = Repeating(), now_ns + REPEAT_NS
        return self._told(now_ns)

    def _watch(self, now_ns: int, preset: str) -> str:
        if self._settling():
            return "S I"
        preset_mg = self._mass(preset) if preset else None
        if preset and preset_mg is None:
            return "S L"
        self._job, self._due_ns = Watching(preset_mg), now_ns + LOOK_NS
        return self._work(now_ns)

    def _settle(self, now_ns: int, word: str) -> str:
        """Begin to wait for a stable weight; one that is stable is there at once."""
        if self._settling():
            return f"{word} I"
        self._job, self._due_ns = Settling(word, now_ns + STABLE_LIMIT_NS), now_ns + LOOK_NS
        return self._work(now_ns)

    def _at_once(self, now_ns: int, word: str) -> str:
        """Zero or tare, stable or not."""
        return f"{word} I" if self._settling() else self._carry_out(now_ns, word)

    def _tare(self, _now_ns: int, preset: str) -> str:
        if self._settling():
            return "TA I"
        if preset:
            mass_mg = self._mass(preset)
            if mass_mg is None:
                return "TA L"
            self._pan.tare_mg = mass_mg
        return f"TA A {self._written(self._pan.tare_mg)}"

    def _clear_tare(self, _now_ns: int, _parameter: str) -> str:
        if self._settling():
            return "TAC I"
        self._pan.tare_mg = 0.0
        return "TAC A"

    def _display(self, _now_ns: int, text: str) -> str:
        quoted = len(text) >= 2 and text.startswith('"') and text.endswith('"')
        return "D A" if quoted else "D L"

    # ---- weights

    def _work(self, now_ns: int) -> str:
        """What the job has to say now; nothing is an empty text."""
        match self._job:
            case Settling():
                return self._look(now_ns, self._job)
            case Watching():
                return self._compare(now_ns, self._job)
            case _:
                return self._told(now_ns)

    def _look(self, now_ns: int, job: Settling) -> str:
        weight = self._weigh(now_ns)
        if weight.stable or self._beyond(weight):
            self._job = None
            return self._tell(weight) if job.word == "S" else self._carry_out(now_ns, job.word)
        if now_ns >= job.until_ns:
            self._job = None
            return f"{job.word} I"
        return ""

    def _compare(self, now_ns: int, job: Watching) -> str:
        weight = self._weigh(now_ns)
        if self._beyond(weight):
            if job.told_mg is None or not job.changing:
                job.told_mg, job.changing = job.told_mg or 0.0, True
                return self._tell(weight)
            return ""
        if job.told_mg is None or job.changing:
            if not weight.stable:
                return ""
            job.told_mg, job.changing = weight.mass_mg, False
            return self._tell(weight)
        least_mg = max(CHANGE_SHARE * abs(job.told_mg), CHANGE_DIGITS * self._plate.resolution_mg)
        if abs(weight.mass_mg - job.told_mg) < (job.preset_mg or least_mg):
            return ""
        job.told_mg, job.changing = weight.mass_mg, not weight.stable
        return self._tell(weight)

    def _carry_out(self, now_ns: int, word: str) -> str:
        """Zero or tare with what lies on the pan."""
        weight = self._weigh(now_ns)
        beyond = self._beyond(weight)
        if beyond:
            return f"{word} {beyond}"
        how = "S" if weight.stable else "D"
        if word in ("Z", "ZI"):
            self._scale.zero(now_ns)
            self._pan.tare_mg = 0.0
            return "Z A" if word == "Z" else f"ZI {how}"
        if weight.mass_mg < 0.0:
            return f"{word} -"
        self._pan.tare_mg = weight.mass_mg
        return f"{word} {how} {self._written(weight.mass_mg)}"

    def _told(self, now_ns: int) -> str:
        return self._tell(self._weigh(now_ns))

    def _tell(self, weight: Weighed) -> str:
        beyond = self._beyond(weight)
        if beyond:
            return f"S {beyond}"
        how = "S" if weight.stable else "D"
        return f"S {how} {self._written(weight.mass_mg - self._pan.tare_mg)}"

    def _beyond(self, weight: Weighed) -> str:
        """Out of range: + or -; else nothing."""
        if self._ailment.fault is Fault.OVERLOAD:
            return "+"
        return {"over": "+", "under": "-"}.get(weight.range, "")

    def _weigh(self, now_ns: int) -> Weighed:
        return self._scale.weigh(now_ns)

    def _settling(self) -> bool:
        return isinstance(self._job, Settling)

    def _mass(self, text: str) -> float | None:
        """A weight that was sent; None for one that cannot be."""
        mass_mg = weights.parsed(text, self._plate.resolution_mg)
        return mass_mg if mass_mg is not None and mass_mg <= self._plate.capacity_mg else None

    def _written(self, mass_mg: float) -> str:
        unit = WRONG_UNIT if self._ailment.fault is Fault.WRONG_UNIT else self._scale.unit
        return weights.written(mass_mg, unit, self._plate.resolution_mg)

    def _capacity(self) -> str:
        plate = self._plate
        return weights.written(plate.capacity_mg, self._scale.unit, plate.resolution_mg).strip()


def _said(line: str) -> bytes:
    return line.encode("latin-1") + END if line else b""
