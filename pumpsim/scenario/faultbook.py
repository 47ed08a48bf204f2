"""Which faults a run set, as people call them, and when each took effect.

The device counts its faults and tells when each took effect; what they are called stands here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pumpsim.catalogue import CATALOGUE
from pumpsim.effects import Effects
from pumpsim.faults import Mendable, PlantCondition, SensorCondition
from pumpsim.stimuli import NamedFault, clearance


def subject(stimulus: Any) -> str:
    """What it is about: a name of the catalogue, or a kind with the part that it touches."""
    match stimulus:
        case NamedFault(name=name):
            return name
        case PlantCondition(kind=kind, name=part) | SensorCondition(kind=kind, channel=part):
            return f"{kind} {part}"
        case _:
            return str(stimulus.kind)


def is_end(stimulus: Any) -> bool:
    """Whether it mends, and breaks nothing."""
    if isinstance(stimulus, NamedFault):
        return stimulus.end
    return isinstance(stimulus, Mendable) and stimulus == stimulus.mended()


def lasts(stimulus: Any) -> bool:
    """Whether it stays until something mends it."""
    if isinstance(stimulus, NamedFault):
        return bool(clearance(CATALOGUE[stimulus.name]))
    return isinstance(stimulus, Mendable) and stimulus.mended() is not None


def called(stimulus: Any) -> str:
    """What a fault, or its end, is called."""
    return f"end of {subject(stimulus)}" if is_end(stimulus) else subject(stimulus)


@dataclass(slots=True)
class FaultRow:
    """One fault that was set. What has no number is none of the device's: it begins at once."""

    name: str
    set_ns: int
    numbers: tuple[int, ...]
    waiting: int  # how many of them may still take effect
    effect_ns: int | None = None  # of the last of them


class FaultBook:
    """All of a run; `struck` is to be asked before anything else is written down."""

    def __init__(self, effects: Effects) -> None:
        """None yet."""
        self.rows: list[FaultRow] = []
        self.waiting: dict[int, FaultRow] = {}
        self._effects = effects
        self._count = effects.count

    def learn(self, now_ns: int, stimulus: Any) -> None:
        """Something was done: a fault or its end, if it was counted or has a name."""
        numbers = tuple(range(self._count + 1, self._effects.count + 1))
        self._count = self._effects.count
        if numbers or isinstance(stimulus, NamedFault) or is_end(stimulus):
            row = FaultRow(called(stimulus), now_ns, numbers, len(numbers))
            row.effect_ns = None if numbers else now_ns
            self.rows.append(row)
            self.waiting |= dict.fromkeys(numbers, row)

    def struck(self) -> Iterator[tuple[int, int, str]]:
        """(instant, number, name) of each that took effect since this was asked last, in order."""
        news = []
        for number, row in list(self.waiting.items()):
            at_ns = self._effects.instants.get(number)
            if at_ns is not None:
                row.effect_ns = max(at_ns, row.effect_ns or 0)
                news.append((at_ns, number, row.name))
            elif number in self._effects.waiting.values():
                continue  # else it was mended, or another one took its place
            row.waiting -= 1
            del self.waiting[number]
        yield from sorted(news)
