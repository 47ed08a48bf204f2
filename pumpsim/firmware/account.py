"""What was delivered: volume and dose, with the catheter's content between reservoir and artery.

Liquid moves through the catheter as plugs: what leaves the reservoir pushes older liquid out at the
tip, and only there it becomes dose (RES-11, RES-12). Volume keeps its remainder, and dose counts in
femtograms, where 1 nl of 1 ng/ml is exactly one: nothing is lost to rounding (DOS-01), and 64 bits
hold nine kilograms (DOS-10). Nothing but the passing of liquid ever changes a total (DOS-03).

Behind an occlusion the catheter widens and holds liquid back. What it holds is neither delivered
nor dose until it leaves at the tip, drop by drop or all at once (OCC-03, OCC-04): at any time
delivered + held + what is left in the reservoir is what was filled.

Every total has bounds. The flow that is counted may be off, either way, by as much as its interval
is wide (FLW-01); time that nobody counted, and what two channels disagree on, may never have left
(RST-03, SEN-05). What that makes of a dose is reckoned in `dose_doubt`.

Every total is reckoned a second time, with the opposite sign and all in one sum: a total that was
changed by anything else leaves the account out of balance (NVM-04). That sum alone may be longer
than 64 bits; nothing but its being zero matters, and modulo 2**64 it is zero all the same.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Final

from protocol.control import Between
from pumpsim.firmware.amounts import ROUNDING_NL, dissolved_fg, pumped
from pumpsim.firmware.dose_doubt import MAX_DOUBT_FG, UNKNOWN_DRUG, DoseDoubt, Liquid, Volumes
from pumpsim.firmware.ticks import HOUR

FG_PER_NG: Final = 1_000_000
MAX_PLUGS: Final = 16
MAX_DRUGS: Final = 32
"""Another one is refused, before it is in the pump."""
MAX_DOSE_FG: Final = 2**63 - 1
"""A dose stops here and never wraps (DOS-07)."""


@dataclass(slots=True)
class Account:
    """Totals of the service life, and since the refill."""

    total_nl: int = 0
    since_refill_nl: int = 0
    remainder: int = 0  # of total_nl, in nl/h x ticks
    uncertain_nl: int = 0  # of total_nl: counted, since nobody could tell that it did not leave
    spread_nl: int = 0  # so much more, or less, may have left than was counted
    spread_rest: int = 0  # beyond whole nanolitres, in nl/h x ticks
    drug: str = UNKNOWN_DRUG
    concentration_ng_per_ml: int = 0
    held_nl: int = 0  # by a catheter that an occlusion has widened
    early_nl: int = 0  # counted as dose, and still in the catheter
    stretch_nl: int = 0  # so much more than its own volume the catheter may hold in an artery
    catheter_nl: int = 0  # its own volume
    whole: bool = True  # of the service life; else totals were lost, and begin anew (NVM-03)
    whole_since: bool = True  # likewise since the refill
    plugs: list[list[Any]] = field(default_factory=lambda: [[0, UNKNOWN_DRUG, 0]])  # tip first
    dose_since_refill_fg: int = 0
    doses_fg: dict[str, int] = field(default_factory=dict)
    doubt: DoseDoubt = field(default_factory=DoseDoubt)  # of those doses
    doubted_before: list[int] = field(default_factory=lambda: [0, 0])
    """Of what is uncertain, and of the spread: no doubt of what left since the refill."""
    balance: int = 0  # what all totals and the remainder, added to it, make zero

    def prime(self, catheter_nl: int) -> None:
        """A catheter holds liquid of unknown content. A plug is [nl, drug, ng/ml]."""
        self._settle()
        for volume_nl, drug, concentration in self.plugs:  # it may be the same one still
            held_fg = dissolved_fg(volume_nl, concentration, MAX_DOUBT_FG)
            self.doubt.add(drug, 0, held_fg)
        self.widen_by(self.held_nl)
        self.catheter_nl = catheter_nl
        self.plugs = [[catheter_nl, UNKNOWN_DRUG, 0]]
        self.held_nl = self.early_nl = 0
        self._hold()

    def deliver(self, elapsed: int, flow_nl_per_h: int, stored_nl: int | None = None) -> None:
        """The pump ran for `elapsed` ticks. Reverse flow takes no dose back.

        `stored_nl` is what the catheter can hold now beyond its own volume, from its pressure and
        compliance; what it cannot hold leaves it. Totals stand still meanwhile, and never fall.
        Where nobody knows (None), it holds what it held (OCC-04).
        """
        before = self.remainder
        if stored_nl is None:
            stored_nl = self.held_nl
        if flow_nl_per_h > 0:
            volume_nl, self.remainder = pumped(flow_nl_per_h, elapsed, before)
        elif self.held_nl:
            volume_nl = 0  # what is held may still leave
        else:
            return
        out_nl = volume_nl
        if stored_nl or self.held_nl:
            out_nl = max(self.held_nl + volume_nl - stored_nl, 0)
            self.held_nl += volume_nl - out_nl
        self.total_nl += out_nl
        self.since_refill_nl += out_nl
        self.balance -= 2 * out_nl + self.remainder - before
        drug, concentration = self.drug, self.concentration_ng_per_ml
        plug = self.plugs[0]
        if len(self.plugs) == 1 and plug[1] == drug and plug[2] == concentration:
            plug[0] += volume_nl - out_nl
            self._leave(out_nl, drug, concentration)  # flushed through: what enters leaves
        else:
            self._enter(volume_nl, drug, concentration)
            self._drain(out_nl)

    def deliver_between(self, least_nl: int, most_nl: int) -> None:
        """So much surely left while nobody counted, and more may have: that counts (RST-03)."""
        self.uncertain_by(most_nl - least_nl)
        self.deliver(HOUR, most_nl)

    def uncertain_by(self, volume_nl: int) -> None:
        """So much was counted, and may not have left, or not into the artery."""
        self.uncertain_nl += volume_nl
        self.balance -= volume_nl

    def disagree(self, elapsed: int, flow_nl_per_h: int) -> None:
        """By so much two channels disagree: the higher one was counted (SEN-05)."""
        volume_nl, rest = pumped(flow_nl_per_h, elapsed)
        self.uncertain_by(volume_nl + (rest > 0))

    def turn_back(self, volume_nl: int) -> None:
        """So much surely flowed backwards: it comes out again before any drug does.

        Whatever of it got as far as the reservoir is no drug there, either: it counts twice.
        """
        self.uncertain_by(2 * volume_nl)

    def widen(self, elapsed: int, error_nl_per_h: int) -> None:
        """So far off, either way, may the flow be that was counted."""
        volume_nl, self.spread_rest = pumped(error_nl_per_h, elapsed, self.spread_rest)
        self.spread_nl += volume_nl
        self.balance -= volume_nl

    def widen_by(self, volume_nl: int) -> None:
        """So much more, or less, may have left than was counted."""
        self.spread_nl += volume_nl
        self.balance -= volume_nl

    def push(self, volume_nl: int, drug: str, concentration_ng_per_ml: int) -> None:
        """Liquid is injected into the catheter; as much leaves it at the tip and becomes dose."""
        self._settle()
        now = (self.drug, self.concentration_ng_per_ml)
        self._stretch(now, (drug, concentration_ng_per_ml))
        self._enter(volume_nl, drug, concentration_ng_per_ml)
        self._drain(volume_nl)
        self._hold()

    def inject(self, volume_nl: int, drug: str, concentration_ng_per_ml: int) -> None:
        """Liquid that nobody announced: so much for sure, and who knows how much (RES-12)."""
        self.doubt.injected()
        self.push(volume_nl, drug, concentration_ng_per_ml)

    def _enter(self, volume_nl: int, drug: str, concentration_ng_per_ml: int) -> None:
        """Behind what is in the catheter. Of too many plugs the first counts as dose early."""
        last = self.plugs[-1]
        if last[1] == drug and last[2] == concentration_ng_per_ml:
            last[0] += volume_nl
        elif volume_nl:
            self.plugs.append([volume_nl, drug, concentration_ng_per_ml])
            self._hold()
        if len(self.plugs) > MAX_PLUGS:
            self._settle()
            first = self.plugs.pop(0)
            self._leave(*first)
            self.early_nl += first[0]
            self.doubt.add(first[1], dissolved_fg(first[0], first[2], MAX_DOUBT_FG), 0)
            self._hold()

    def _drain(self, volume_nl: int) -> None:
        """As much leaves at the tip."""
        plugs = self.plugs
        counted_nl = min(self.early_nl, volume_nl)
        self.early_nl -= counted_nl
        volume_nl -= counted_nl
        while volume_nl > 0:
            first = plugs[0]
            out_nl = volume_nl if volume_nl < first[0] else first[0]
            self._leave(out_nl, first[1], first[2])
            first[0] -= out_nl
            volume_nl -= out_nl
            if not first[0] and len(plugs) > 1:
                self._settle()
                del plugs[0]
                self._hold()

    def refilled(self, drug: str, concentration_ng_per_ml: int, left_permille: int = 0) -> None:
        """From now on the reservoir gives this; the old drug still fills the catheter.

        As much as `left_permille` of it may be what there was before.
        """
        self._settle()
        before, now = (self.drug, self.concentration_ng_per_ml), (drug, concentration_ng_per_ml)
        held_nl = sum(plug[0] for plug in self.plugs) + self.stretch_nl
        self.doubt.refilled(before, now, left_permille, held_nl)
        self._stretch(before, now)
        doubts = self.uncertain_nl, self.spread_nl  # what is held may not be there, and leaves yet
        self.doubted_before = [max(doubt_nl - self.held_nl, 0) for doubt_nl in doubts]
        self.whole_since = True
        self.drug = drug
        self.concentration_ng_per_ml = concentration_ng_per_ml
        self._hold()
        self.balance += self.since_refill_nl
        self.balance += self.dose_since_refill_fg
        self.since_refill_nl = 0
        self.dose_since_refill_fg = 0

    def counts(self, drug: str, declared: str = UNKNOWN_DRUG) -> bool:
        """Whether there is a place for the dose of a drug, beside all that are in the pump.

        And beside one that was declared, and is to come.
        """
        known = {self.drug, declared, *self.doses_fg, *(plug[1] for plug in self.plugs)} - {
            UNKNOWN_DRUG
        }
        return drug in known or len(known) < MAX_DRUGS

    def at_tip(self) -> Liquid:
        """What leaves the catheter next."""
        _, drug, concentration = self.plugs[0]
        return drug, concentration

    def save(self) -> dict[str, Any]:
        """Every field, for whoever writes it down at once."""
        content = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**content, "doubt": self.doubt.save()}

    @classmethod
    def read(cls, row: dict[str, Any]) -> "Account":
        """Take what `save` gave from a record."""
        account = cls(**{**row, "doubt": DoseDoubt.read(row["doubt"])})
        account._hold()
        return account

    def as_requested(self) -> tuple[str | int, ...]:
        """What nothing but requests and lost numbers change, to be sealed with these (NVM-04)."""
        told = (self.drug, self.concentration_ng_per_ml, self.catheter_nl, self.stretch_nl)
        return (*told, self.whole, self.whole_since, *self.doubted_before)

    def balanced(self) -> bool:
        """Whether every total is what liquid has made it, and the catheter is full (NVM-04)."""
        content_nl = sum([plug[0] for plug in self.plugs])
        if content_nl + self.early_nl != self.catheter_nl + self.held_nl:
            return False
        if self.doubt.liquids != self._liquids():
            return False
        volumes = (self.total_nl, self.since_refill_nl, self.remainder)
        counted = (*volumes, self.dose_since_refill_fg, *self.doses_fg.values())
        doubted = (self.uncertain_nl, self.spread_nl)
        return not sum((*counted, *doubted), self.balance) and self.doubt.sound()

    def dose_ng(self) -> int | None:
        """Of the drug in the reservoir over the service life; None while it is unknown."""
        return self.doses_fg.get(self.drug, 0) // FG_PER_NG if self.drug else None

    def dose_since_refill_ng(self) -> int | None:
        """Of the drug in the reservoir since it was filled; None while it is unknown."""
        return self.dose_since_refill_fg // FG_PER_NG if self.drug else None

    def total_between_nl(self) -> Between | None:
        """What was delivered over the service life; None when that was lost."""
        if not self.whole:
            return None
        spread_nl = self.spread_nl + self.stretch_nl + ROUNDING_NL
        low_nl = self.total_nl - self.uncertain_nl - spread_nl
        return (low_nl if low_nl > 0 else 0, self.total_nl + spread_nl)

    def since_refill_between_nl(self) -> Between | None:
        """And since the refill; None when what came since then was lost."""
        if not self.whole_since:
            return None
        uncertain_nl, spread_nl = self.doubted_before
        spread_nl = self.spread_nl - spread_nl + self.stretch_nl + ROUNDING_NL
        low_nl = self.since_refill_nl - (self.uncertain_nl - uncertain_nl) - spread_nl
        return max(low_nl, 0), self.since_refill_nl + spread_nl

    def dose_between_ng(self) -> Between | None:
        """Of the drug in the reservoir over the service life; None while that is unknown."""
        if not self.drug or not self.whole or not self.doubt.all_declared:
            return None
        less_fg, more_fg = self.doubt.of_fg(self.drug, self._volumes())
        return _between_ng(self.doses_fg.get(self.drug, 0), less_fg, more_fg)

    def dose_since_refill_between_ng(self) -> Between:
        """And since the refill, where the total is bounded, too."""
        less_fg, more_fg = self.doubt.of_fg(self.drug, self._volumes())
        before_less_fg, before_more_fg = self.doubt.at_refill
        less_fg, more_fg = less_fg - before_less_fg, more_fg - before_more_fg
        return _between_ng(self.dose_since_refill_fg, less_fg, more_fg)

    def _stretch(self, before: Liquid, now: Liquid) -> None:
        """Another liquid comes; the catheter may hold that much more of the one or the other."""
        if now != before:
            for drug, ng_per_ml in (before, now):
                stretch_fg = dissolved_fg(self.stretch_nl, ng_per_ml, MAX_DOUBT_FG)
                self.doubt.add(drug, stretch_fg, stretch_fg)

    def _volumes(self) -> Volumes:
        """What came out of the reservoir, held or not, and what of it is in doubt."""
        return self.total_nl + self.held_nl, self.uncertain_nl, self.spread_nl

    def _settle(self) -> None:
        """What is in the pump is about to change: `_hold` comes after."""
        self.doubt.settle(self._volumes())

    def _hold(self) -> None:
        """What is in the pump has changed."""
        self.doubt.hold(self._liquids(), (self.drug, self.concentration_ng_per_ml))

    def _liquids(self) -> list[Liquid]:
        return [(drug, ng_per_ml) for _, drug, ng_per_ml in self.plugs]

    def _leave(self, volume_nl: int, drug: str, concentration_ng_per_ml: int) -> None:
        if not drug:
            return
        dose_fg = self.doses_fg.get(drug, 0)
        gained_fg = dissolved_fg(volume_nl, concentration_ng_per_ml, MAX_DOSE_FG - dose_fg)
        self.doses_fg[drug] = dose_fg + gained_fg
        self.balance -= gained_fg
        if drug == self.drug:
            self.dose_since_refill_fg += gained_fg
            self.balance -= gained_fg


def _between_ng(dose_fg: int, less_fg: int, more_fg: int) -> Between:
    """A dose by what is in doubt of it, in whole nanograms."""
    low_fg, above_fg = dose_fg - less_fg, MAX_DOSE_FG - dose_fg
    high_fg = dose_fg + (more_fg if more_fg < above_fg else above_fg)
    return (low_fg // FG_PER_NG if low_fg > 0 else 0, high_fg // FG_PER_NG + 1)
