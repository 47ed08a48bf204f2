"""Where every femtolitre is: integer accounts, moved only by transfers, so that they balance."""

from collections import deque
from dataclasses import dataclass, field, fields
from typing import Any, Final

FL_PER_NL: Final = 1_000_000
FL_PER_ML: Final = 10**12
FL_PER_M3: Final = 10**18


@dataclass(frozen=True, slots=True)
class Fluid:
    """What can flow: drugs with their concentrations in ng/mL, and a viscosity against water."""

    drugs: tuple[tuple[str, int], ...] = ()
    viscosity_ratio: float = 1.0


WATER: Final = Fluid()
BLOOD: Final = Fluid((), 4.0)


def mix(fluid: Fluid, volume_fl: int, other: Fluid, other_fl: int) -> Fluid:
    """The fluid that two volumes make together. Viscosities mix by volume, a fair approximation."""
    if fluid == other or not other_fl:
        return fluid
    if not volume_fl:
        return other
    total_fl = volume_fl + other_fl
    masses = {drug: concentration * volume_fl for drug, concentration in fluid.drugs}
    for drug, concentration in other.drugs:
        masses[drug] = masses.get(drug, 0) + concentration * other_fl
    drugs = tuple((drug, masses[drug] // total_fl) for drug in sorted(masses))
    viscosity = (fluid.viscosity_ratio * volume_fl + other.viscosity_ratio * other_fl) / total_fl
    return Fluid(drugs, viscosity)


@dataclass(slots=True)
class Ledger:
    """All liquid there ever was. `balance_fl()` is 0, always.

    The catheter is a row of plugs, tip last in, first out: what enters pushes older liquid towards
    the artery, so that a drug arrives hours after it left the reservoir.
    """

    reservoir_fl: int = 0
    catheter_fl: int = 0
    filled_fl: int = 0
    withdrawn_fl: int = 0
    injected_fl: int = 0
    leaked_fl: int = 0
    pocket_fl: int = 0
    refluxed_fl: int = 0
    fluid: Fluid = WATER  # in the reservoir
    plugs: deque[list[Any]] = field(default_factory=deque)  # [fluid, fl], tip first
    delivered: dict[Fluid, int] = field(default_factory=dict)

    @property
    def delivered_fl(self) -> int:
        """Volume that reached the artery, whatever it was."""
        return sum(self.delivered.values())

    def balance_fl(self) -> int:
        """What came in less what went out and what is there."""
        came = self.filled_fl + self.injected_fl + self.refluxed_fl
        went = self.withdrawn_fl + self.leaked_fl + self.pocket_fl + self.delivered_fl
        return came - went - self.reservoir_fl - self.catheter_fl

    def accounts(self) -> dict[str, int]:
        """Every account by name, in femtolitres, and the balance."""
        accounts = {f.name: getattr(self, f.name) for f in fields(self) if f.name.endswith("_fl")}
        return {**accounts, "delivered_fl": self.delivered_fl, "balance_fl": self.balance_fl()}

    def fill(self, volume_fl: int, fluid: Fluid) -> None:
        """A syringe fills the reservoir; what was left mixes in."""
        self.filled_fl += volume_fl
        self._into_reservoir(volume_fl, fluid)

    def fill_pocket(self, volume_fl: int) -> None:
        """A misplaced needle fills the tissue."""
        self.filled_fl += volume_fl
        self.pocket_fl += volume_fl

    def withdraw(self, volume_fl: int) -> None:
        """A syringe empties the reservoir."""
        self.reservoir_fl -= volume_fl
        self.withdrawn_fl += volume_fl

    def leak(self, volume_fl: int) -> None:
        """Liquid leaves the reservoir through the septum, into the pocket."""
        self.reservoir_fl -= volume_fl
        self.pocket_fl += volume_fl

    def inject(self, volume_fl: int, fluid: Fluid) -> None:
        """Liquid enters the catheter through the bolus path."""
        self.injected_fl += volume_fl
        self._into_catheter(volume_fl, fluid)

    def infuse(self, volume_fl: int) -> None:
        """The pump moves liquid from the reservoir into the catheter."""
        self.reservoir_fl -= volume_fl
        self._into_catheter(volume_fl, self.fluid)

    def suck(self, volume_fl: int) -> None:
        """The catheter's newest content returns into the reservoir (reflux)."""
        self.catheter_fl -= volume_fl
        while volume_fl > 0:
            fluid, there_fl = self.plugs[-1]
            part_fl = min(there_fl, volume_fl)
            self._shrink(-1, part_fl)
            self._into_reservoir(part_fl, fluid)
            volume_fl -= part_fl

    def deliver(self, volume_fl: int, *, into_artery: bool) -> None:
        """Liquid leaves the catheter at its end: the artery, or the tissue when it is torn off."""
        self.catheter_fl -= volume_fl
        while volume_fl > 0:
            fluid, there_fl = self.plugs[0]
            part_fl = min(there_fl, volume_fl)
            self._shrink(0, part_fl)
            if into_artery:
                self.delivered[fluid] = self.delivered.get(fluid, 0) + part_fl
            else:
                self.leaked_fl += part_fl
            volume_fl -= part_fl

    def aspirate(self, volume_fl: int) -> None:
        """Blood enters the catheter at its tip."""
        self.refluxed_fl += volume_fl
        self.catheter_fl += volume_fl
        if self.plugs and self.plugs[0][0] == BLOOD:
            self.plugs[0][1] += volume_fl
        else:
            self.plugs.appendleft([BLOOD, volume_fl])

    def doses_ng(self) -> dict[str, int]:
        """Mass of each drug that reached the artery."""
        doses: dict[str, int] = {}
        for fluid, volume_fl in self.delivered.items():
            for drug, concentration in fluid.drugs:
                doses[drug] = doses.get(drug, 0) + volume_fl * concentration
        return {drug: mass // FL_PER_ML for drug, mass in doses.items()}

    def _into_reservoir(self, volume_fl: int, fluid: Fluid) -> None:
        self.fluid = mix(self.fluid, self.reservoir_fl, fluid, volume_fl)
        self.reservoir_fl += volume_fl

    def _into_catheter(self, volume_fl: int, fluid: Fluid) -> None:
        self.catheter_fl += volume_fl
        plugs = self.plugs
        if plugs and plugs[-1][0] == fluid:
            plugs[-1][1] += volume_fl
        elif volume_fl:
            plugs.append([fluid, volume_fl])

    def _shrink(self, end: int, volume_fl: int) -> None:
        plug = self.plugs[end]
        plug[1] -= volume_fl
        if not plug[1]:
            del self.plugs[end]
