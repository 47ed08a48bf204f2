"""Two runs signal by signal: how many values, the largest difference, where they part first."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, NamedTuple

from hil.differential.side import AlarmNote, Sample
from hil.differential.signals import ALARMS

MAX_POINTS: Final = 4_096
"""Kept of a signal for its picture. Beyond, of two neighbours the one that differs more stays."""
NS_PER_S: Final = 1e9


class Pair(NamedTuple):
    """One signal on both sides at one instant."""

    at_ns: int
    a: float
    b: float

    @property
    def difference(self) -> float:
        """How far apart, without sign."""
        return abs(self.a - self.b)


@dataclass
class SignalComparison:
    """One signal over the whole run."""

    signal: str
    tolerance: float
    compared: int = 0
    largest: Pair | None = None
    first_part: Pair | None = None  # the first beyond the tolerance
    one_sided: int = 0  # known on one side only
    first_one_sided_ns: int | None = None
    course: list[Pair] = field(default_factory=list)
    _stride: int = 1

    def add(self, at_ns: int, a: float | None, b: float | None) -> None:
        """Lay two values side by side."""
        if a is None or b is None:
            if a is not b:
                self.one_sided += 1
                if self.first_one_sided_ns is None:
                    self.first_one_sided_ns = at_ns
            return
        pair = Pair(at_ns, float(a), float(b))
        if self.largest is None or pair.difference > self.largest.difference:
            self.largest = pair
        if self.first_part is None and pair.difference > self.tolerance:
            self.first_part = pair
        self._keep(pair)
        self.compared += 1

    @property
    def parts(self) -> bool:
        """Whether the two sides differ by more than they may."""
        return self.first_part is not None or self.one_sided > 0

    @property
    def parted_ns(self) -> int | None:
        """When they did so first."""
        known = [self.first_one_sided_ns, self.first_part.at_ns if self.first_part else None]
        return min((one for one in known if one is not None), default=None)

    @property
    def share(self) -> float:
        """The largest difference in units of the tolerance; what has none differs infinitely."""
        if self.largest is None or not self.largest.difference:
            return 0.0
        return self.largest.difference / self.tolerance if self.tolerance else float("inf")

    def _keep(self, pair: Pair) -> None:
        if self.compared % self._stride:
            if pair.difference > self.course[-1].difference:
                self.course[-1] = pair
            return
        self.course.append(pair)
        if len(self.course) > MAX_POINTS:
            halves = zip_longest(self.course[::2], self.course[1::2])
            self.course = [
                one if other is None or one.difference >= other.difference else other
                for one, other in halves
            ]
            self._stride *= 2


class AlarmPair(NamedTuple):
    """The n-th time an alarm began, or ended, on either side."""

    words: str
    a_ns: int | None
    b_ns: int | None
    tolerance_s: float

    @property
    def parts(self) -> bool:
        """Whether one side lacks it, or they lie too far apart."""
        if self.a_ns is None or self.b_ns is None:
            return True
        return abs(self.a_ns - self.b_ns) / NS_PER_S > self.tolerance_s

    @property
    def at_ns(self) -> int:
        """When it came first."""
        return min(one for one in (self.a_ns, self.b_ns) if one is not None)


class Comparison:
    """All signals of two sides."""

    def __init__(self, tolerances: dict[str, float]) -> None:
        """Nothing compared yet."""
        self.signals = {
            name: SignalComparison(name, one) for name, one in tolerances.items() if name != ALARMS
        }
        self.unpaired = 0  # samples of one side that the other side lacks
        self.first_unpaired_ns: int | None = None

    def add(self, a: Sequence[Sample], b: Sequence[Sample]) -> None:
        """What both sides saw in one slice, matched by number."""
        others = {sample.number: sample for sample in b}
        for sample in a:
            other = others.pop(sample.number, None)
            if other is None:
                self._note_unpaired(sample)
                continue
            for name in sample.values.keys() & other.values.keys():
                self.signals[name].add(sample.at_ns, sample.values[name], other.values[name])
        for sample in others.values():
            self._note_unpaired(sample)

    def _note_unpaired(self, sample: Sample) -> None:
        self.unpaired += 1
        if self.first_unpaired_ns is None:
            self.first_unpaired_ns = sample.at_ns


def paired(a: Sequence[AlarmNote], b: Sequence[AlarmNote], tolerance_s: float) -> list[AlarmPair]:
    """The alarms of both sides, the n-th of a kind beside the n-th, in order of time."""
    times: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for index, notes in enumerate((a, b)):
        for note in notes:
            times[note.words][index].append(note.at_ns)
    pairs = [
        AlarmPair(words, one, other, tolerance_s)
        for words, (ones, others) in times.items()
        for one, other in zip_longest(ones, others)
    ]
    return sorted(pairs, key=lambda pair: (pair.at_ns, pair.words))
