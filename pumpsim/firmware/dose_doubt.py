"""How far off a counted dose may be, either way, drug by drug (DOS-01).

The volume that is in doubt is in doubt at the concentration of each drug that is in the pump, and
what a syringe leaves behind in the reservoir thins the next fill and goes with it. While nothing in
the pump changes, doubt grows with volume alone, at the same rates: it is reckoned when somebody
asks for it, and settled before each change.

Nothing here moves but with such a change: a seal proves it (NVM-04).
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from zlib import crc32

from protocol.messages import MAX_VOLUME_NL
from pumpsim.firmware.amounts import ROUNDING_NL

UNKNOWN_DRUG: Final = ""
"""Liquid nobody declared; it has volume, but no dose can be told from it (DOS-09)."""
MAX_DOUBT_FG: Final = 2**61
"""What is in doubt of a dose stops here and never wraps (DOS-07): two kilograms."""
TRACE_NG_PER_ML: Final = 1
"""So much of a drug, or less, in a reservoir may as well leave at once."""


Liquid = tuple[str, int]
"""A drug, and how much of it, in ng/mL."""
Volumes = tuple[int, int, int]
"""In nl, over the service life: what left the reservoir, what of it is uncertain, its spread."""


class Rates(NamedTuple):
    """What doubts a drug's dose, in ng/mL, that is, in fg for each nl."""

    doubtful: int  # of volume in doubt: its densest liquid in the pump
    less: int  # of all volume: its least in the reservoir is so far below what was declared
    more: int


NONE: Final = Rates(0, 0, 0)


@dataclass(slots=True)
class DoseDoubt:
    """Of every drug that ever was in the pump."""

    less_fg: dict[str, int] = field(default_factory=dict)  # than its dose, up to `settled`
    more_fg: dict[str, int] = field(default_factory=dict)
    settled: Volumes = (0, 0, 0)
    at_refill: tuple[int, int] = (0, 0)  # what was in doubt of the present drug at the last refill
    mixed: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Least and most of each drug in the reservoir, ng/mL, with what was there before the fill."""
    densest: dict[str, int] = field(default_factory=dict)  # ng/mL, of each drug that ever came in
    all_declared: bool = True  # all that came into the catheter; else no dose is bounded (RES-12)
    rates: dict[str, Rates] = field(default_factory=dict)  # since `settled`; see `hold`
    liquids: list[Liquid] = field(default_factory=lambda: [(UNKNOWN_DRUG, 0)])  # in the catheter
    seal: int = field(init=False)

    def __post_init__(self) -> None:
        """It is sound as it stands."""
        self._seal(sound=True)

    @classmethod
    def read(cls, row: dict[str, Any]) -> "DoseDoubt":
        """Take what `save` gave from a record, which knows lists alone; `hold` comes next."""
        return cls(
            row["less_fg"],
            row["more_fg"],
            (row["settled"][0], row["settled"][1], row["settled"][2]),
            (row["at_refill"][0], row["at_refill"][1]),
            {drug: (least, most) for drug, (least, most) in row["mixed"].items()},
            row["densest"],
            row["all_declared"],
        )

    def save(self) -> dict[str, Any]:
        """For whoever writes it down at once."""
        return {
            "less_fg": self.less_fg,
            "more_fg": self.more_fg,
            "settled": self.settled,
            "at_refill": self.at_refill,
            "mixed": self.mixed,
            "densest": self.densest,
            "all_declared": self.all_declared,
        }

    def sound(self) -> bool:
        """Whether everything is as it was made (NVM-04)."""
        return self.seal == self._sealed()

    def settle(self, volumes: Volumes) -> None:
        """What is in the pump is about to change: up to here, doubt is about what it was."""
        sound = self.sound()
        for drug in self.rates:
            self._add(drug, *self._pending_fg(drug, volumes))
        self.settled = volumes
        self._seal(sound=sound)

    def hold(self, liquids: list[Liquid], told: Liquid) -> None:
        """From now on these are in the catheter, and what was `told` in the reservoir."""
        sound = self.sound()
        self.liquids = liquids
        self.rates = {}
        for drug, ng_per_ml in (told, *((drug, 0) for drug in self.mixed), *liquids):
            own = told[1] if drug == told[0] else 0
            least, most = self.mixed.get(drug, (own, own))
            densest = max(most, ng_per_ml, self.rates.get(drug, NONE).doubtful)
            if drug != UNKNOWN_DRUG:
                self.rates[drug] = Rates(densest, own - least, most - own)
                self.densest[drug] = max(self.densest.get(drug, 0), densest)
        self._seal(sound=sound)

    def add(self, drug: str, less_fg: int, more_fg: int) -> None:
        """By so much more may its dose be off."""
        sound = self.sound()
        self._add(drug, less_fg, more_fg)
        self._seal(sound=sound)

    def injected(self) -> None:
        """Something nobody declared came into the catheter (RES-12)."""
        sound = self.sound()
        self.all_declared = False
        self._seal(sound=sound)

    def refilled(self, before: Liquid, now: Liquid, left_permille: int, held_nl: int) -> None:
        """What is in the reservoir was exchanged, after a `settle`; both as declared.

        As much as `left_permille` of it may be what there was before. What was in doubt is no doubt
        of the new fill, but for what the `held_nl` in the catheter may show of it, or take back.
        """
        sound = self.sound()
        held_fg = held_nl * self.densest.get(now[0], 0)
        less_fg, more_fg = self.less_fg.get(now[0], 0), self.more_fg.get(now[0], 0)
        open_fg = min(less_fg + more_fg, held_fg)
        self.at_refill = less_fg - open_fg, more_fg - open_fg
        there = {now[0]: (0, 0), before[0]: (before[1], before[1]), **self.mixed}
        there.pop(UNKNOWN_DRUG, None)
        self.mixed = {}
        for drug, (least, most) in there.items():
            own = now[1] if drug == now[0] else 0
            thinned = own - _share(left_permille, own - least)
            enriched = own + _share(left_permille, most - own)
            if own or enriched > TRACE_NG_PER_ML:
                self.mixed[drug] = (thinned, enriched)
            elif enriched:
                self._add(drug, 0, enriched * MAX_VOLUME_NL)
        self._seal(sound=sound)

    def of_fg(self, drug: str, volumes: Volumes) -> tuple[int, int]:
        """By how much less, and more, its dose over the service life may be."""
        less_fg, more_fg = self._pending_fg(drug, volumes)
        return self.less_fg.get(drug, 0) + less_fg, self.more_fg.get(drug, 0) + more_fg

    def _add(self, drug: str, less_fg: int, more_fg: int) -> None:
        if drug == UNKNOWN_DRUG:
            return
        self.less_fg[drug] = min(self.less_fg.get(drug, 0) + less_fg, MAX_DOUBT_FG)
        self.more_fg[drug] = min(self.more_fg.get(drug, 0) + more_fg, MAX_DOUBT_FG)

    def _pending_fg(self, drug: str, volumes: Volumes) -> tuple[int, int]:
        """By how much beyond what is settled."""
        doubtful, less, more = self.rates.get(drug, NONE)
        settled_nl, settled_uncertain_nl, settled_spread_nl = self.settled
        total_nl, uncertain_nl, spread_nl = volumes
        total_nl -= settled_nl
        spread_nl += ROUNDING_NL - settled_spread_nl
        doubtful_nl = spread_nl + uncertain_nl - settled_uncertain_nl
        if doubtful and total_nl + doubtful_nl > MAX_DOUBT_FG // doubtful:
            return MAX_DOUBT_FG, MAX_DOUBT_FG
        return doubtful_nl * doubtful + total_nl * less, spread_nl * doubtful + total_nl * more

    def _seal(self, *, sound: bool) -> None:
        """A change hides nothing: what was not sound before it is not sound after it."""
        self.seal = self._sealed() if sound else ~self._sealed()

    def _sealed(self) -> int:
        settled = (self.less_fg, self.more_fg, self.settled, self.at_refill, self.all_declared)
        held = (self.mixed, self.rates, self.densest, self.liquids)
        return crc32(repr((settled, held)).encode())


def _share(permille: int, difference: int) -> int:
    """Of a difference in concentration, rounded up; none below zero."""
    return (permille * max(difference, 0) + 999) // 1_000
