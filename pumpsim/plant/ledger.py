"""Where every femtolitre is: integer accounts, moved only by transfers, so that they balance."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from math import sqrt
from typing import Any, Final

FL_PER_NL: Final = 1_000_000
FL_PER_ML: Final = 10**12
FL_PER_M3: Final = 1e18
"""As a float it is exact, and so is any account below 9 litres; integers divide far slower."""
GAS_PA: Final = 101_325.0
GAS_K: Final = 310.15

Masses = dict[str, int]
"""Of each drug, in fL x ng/mL: exact, as volumes and concentrations are."""


@dataclass(frozen=True, slots=True)
class Fluid:
    """What can flow: drugs with their concentrations in ng/mL, and a viscosity against water."""

    drugs: tuple[tuple[str, int], ...] = ()
    viscosity_ratio: float = 1.0


WATER: Final = Fluid()
BLOOD: Final = Fluid((), 4.0)
MAX_PLUGS: Final = 1_000
"""Above that the newest two mix: a flow that changes its direction for ever stays bounded."""


def mix(fluid: Fluid, volume_fl: int, other: Fluid, other_fl: int) -> Fluid:
    """The fluid that two volumes make together; concentrations to the nearest ng/mL.

    Viscosities mix as the geometric mean of their arithmetic and harmonic means by volume: near
    the logarithmic rule, in exact operations. Against the glycerol table it is within 30 %.
    """
    if fluid == other or not other_fl:
        return fluid
    if not volume_fl:
        return other
    total_fl = volume_fl + other_fl
    masses = {drug: concentration * volume_fl for drug, concentration in fluid.drugs}
    for drug, concentration in other.drugs:
        masses[drug] = masses.get(drug, 0) + concentration * other_fl
    half_fl = total_fl // 2  # to the nearest
    drugs = tuple((drug, (masses[drug] + half_fl) // total_fl) for drug in sorted(masses))
    thick = fluid.viscosity_ratio * volume_fl + other.viscosity_ratio * other_fl
    thin = volume_fl / fluid.viscosity_ratio + other_fl / other.viscosity_ratio
    return Fluid(drugs, sqrt(thick / thin))


@dataclass(slots=True)
class Plug:
    """A stretch of one fluid in the catheter."""

    fluid: Fluid
    volume_fl: int


@dataclass(slots=True)
class Ledger:
    """All liquid there ever was. `balance_fl()` is 0, always.

    The catheter is a row of plugs, tip first: what enters pushes older liquid towards the artery,
    so that a drug arrives hours after it left the reservoir.
    """

    reservoir_fl: int = 0
    catheter_fl: int = 0
    filled_fl: int = 0
    withdrawn_fl: int = 0
    injected_fl: int = 0
    delivered_fl: int = 0  # reached the artery, whatever it was
    leaked_fl: int = 0  # from a catheter that ends in the tissue
    pocket_fl: int = 0
    refluxed_fl: int = 0
    gas_filled_fl: int = 0  # gas is counted at `GAS_PA` and `GAS_K`, and never leaves by itself
    gas_withdrawn_fl: int = 0
    booked_fl: int = 0  # of `delivered_fl`: what `doses` holds; the rest is the tip's fluid
    fluid: Fluid = WATER  # in the reservoir
    plugs: deque[Plug] = field(default_factory=deque)
    doses: Masses = field(default_factory=dict)  # in the artery
    lost: Masses = field(default_factory=dict)  # in the tissue: needle, septum, torn catheter

    @property
    def gas_fl(self) -> int:
        """Gas in the reservoir."""
        return self.gas_filled_fl - self.gas_withdrawn_fl

    @property
    def gas_j_per_k(self) -> float:
        """Pressure x volume / temperature of that gas."""
        return self.gas_fl / FL_PER_M3 * (GAS_PA / GAS_K)

    def balance_fl(self) -> int:
        """What came in less what went out and what is there."""
        came = self.filled_fl + self.injected_fl + self.refluxed_fl
        went = self.withdrawn_fl + self.leaked_fl + self.pocket_fl + self.delivered_fl
        return came - went - self.reservoir_fl - sum(plug.volume_fl for plug in self.plugs)

    def accounts(self) -> dict[str, int]:
        """Every account by name, in femtolitres, and the balance of the liquids."""
        accounts = {name: getattr(self, name) for name in VOLUMES if name != "booked_fl"}
        return {**accounts, "gas_fl": self.gas_fl, "balance_fl": self.balance_fl()}

    def fill(self, volume_fl: int, fluid: Fluid) -> None:
        """A syringe fills the reservoir; what was left mixes in."""
        self.filled_fl += volume_fl
        self._into_reservoir(volume_fl, fluid)

    def fill_gas(self, volume_fl: int) -> None:
        """A syringe brings air into the reservoir."""
        self.gas_filled_fl += volume_fl

    def fill_pocket(self, volume_fl: int, fluid: Fluid) -> None:
        """A misplaced needle fills the tissue."""
        self.filled_fl += volume_fl
        self.pocket_fl += volume_fl
        _add(self.lost, fluid, volume_fl)

    def withdraw(self, volume_fl: int) -> None:
        """A syringe empties the reservoir."""
        self.reservoir_fl -= volume_fl
        self.withdrawn_fl += volume_fl

    def withdraw_gas(self) -> None:
        """The syringe goes on until the air is out too."""
        self.gas_withdrawn_fl = self.gas_filled_fl

    def leak(self, volume_fl: int) -> None:
        """Liquid leaves the reservoir through the septum, into the pocket."""
        self.reservoir_fl -= volume_fl
        self.pocket_fl += volume_fl
        _add(self.lost, self.fluid, volume_fl)

    def inject(self, volume_fl: int, fluid: Fluid) -> None:
        """Liquid enters the catheter through the bolus path."""
        self.injected_fl += volume_fl
        self._into_catheter(volume_fl, fluid)

    def infuse(self, volume_fl: int) -> None:
        """The pump moves liquid from the reservoir into the catheter."""
        self.reservoir_fl -= volume_fl
        if self.plugs and self.plugs[-1].fluid is self.fluid:  # nearly always
            self.plugs[-1].volume_fl += volume_fl
            self.catheter_fl += volume_fl
        else:
            self._into_catheter(volume_fl, self.fluid)

    def suck(self, volume_fl: int) -> None:
        """The catheter's newest content returns into the reservoir (reflux)."""
        self.catheter_fl -= volume_fl
        self._book()  # the tip's plug may be about to vanish
        for part_fl, fluid in self._take(-1, volume_fl):
            self._into_reservoir(part_fl, fluid)

    def deliver(self, volume_fl: int) -> None:
        """Liquid leaves the catheter at its tip, into the artery."""
        self.catheter_fl -= volume_fl
        self.delivered_fl += volume_fl
        tip = self.plugs[0]
        if tip.volume_fl > volume_fl:  # nearly always: the tip's fluid stays the same
            tip.volume_fl -= volume_fl
            return
        self.delivered_fl -= volume_fl
        self._book()
        for part_fl, fluid in self._take(0, volume_fl):
            self.delivered_fl += part_fl
            self._book(fluid)

    def spill(self, volume_fl: int) -> None:
        """Liquid leaves a catheter that ends in the tissue."""
        self._book()
        self.catheter_fl -= volume_fl
        for part_fl, fluid in self._take(0, volume_fl):
            self.leaked_fl += part_fl
            _add(self.lost, fluid, part_fl)

    def aspirate(self, volume_fl: int) -> None:
        """Blood enters the catheter at its tip."""
        self._book()
        self.refluxed_fl += volume_fl
        self.catheter_fl += volume_fl
        if self.plugs and self.plugs[0].fluid == BLOOD:
            self.plugs[0].volume_fl += volume_fl
        else:
            self.plugs.appendleft(Plug(BLOOD, volume_fl))

    def doses_ng(self) -> dict[str, int]:
        """Mass of each drug that reached the artery."""
        doses = dict(self.doses)
        _add(doses, self.plugs[0].fluid, self.delivered_fl - self.booked_fl)
        return _in_ng(doses)

    def at_tip_ng(self, volume_fl: int) -> dict[str, int]:
        """Mass of each drug in so much of the catheter, from its tip on; in no volume, none."""
        masses: Masses = {}
        for plug in self.plugs:
            if volume_fl <= 0:
                break
            _add(masses, plug.fluid, min(plug.volume_fl, volume_fl))
            volume_fl -= plug.volume_fl
        return _in_ng(masses)

    def lost_ng(self) -> dict[str, int]:
        """Mass of each drug that went into the tissue instead."""
        return _in_ng(self.lost)

    def snapshot(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            **{name: getattr(self, name) for name in VOLUMES},
            "fluid": plain(self.fluid),
            "plugs": [[plain(plug.fluid), plug.volume_fl] for plug in self.plugs],
            "doses": dict(self.doses),
            "lost": dict(self.lost),
        }

    def _book(self, fluid: Fluid | None = None) -> None:
        """Turn what was delivered since the last booking into doses; it was the tip's fluid."""
        if self.delivered_fl > self.booked_fl:
            _add(self.doses, fluid or self.plugs[0].fluid, self.delivered_fl - self.booked_fl)
            self.booked_fl = self.delivered_fl

    def _take(self, end: int, volume_fl: int) -> Iterable[tuple[int, Fluid]]:
        """Plug after plug from one end of the catheter, until a volume is reached."""
        while volume_fl > 0:
            plug = self.plugs[end]
            part_fl = min(plug.volume_fl, volume_fl)
            plug.volume_fl -= part_fl
            if not plug.volume_fl:
                del self.plugs[end]
            volume_fl -= part_fl
            yield part_fl, plug.fluid

    def _into_reservoir(self, volume_fl: int, fluid: Fluid) -> None:
        self.fluid = mix(self.fluid, self.reservoir_fl, fluid, volume_fl)
        self.reservoir_fl += volume_fl

    def _into_catheter(self, volume_fl: int, fluid: Fluid) -> None:
        self.catheter_fl += volume_fl
        plugs = self.plugs
        if plugs and plugs[-1].fluid == fluid:
            plugs[-1].fluid = fluid  # the same object: `infuse` looks for that
            plugs[-1].volume_fl += volume_fl
        elif volume_fl:
            if len(plugs) >= MAX_PLUGS:
                newest = plugs.pop()
                fluid = mix(newest.fluid, newest.volume_fl, fluid, volume_fl)
                volume_fl += newest.volume_fl
            plugs.append(Plug(fluid, volume_fl))


VOLUMES: Final = tuple(f.name for f in fields(Ledger) if f.name.endswith("_fl"))


def restored(data: dict[str, Any]) -> Ledger:
    """The ledger that gave this snapshot."""
    plugs = deque(Plug(from_plain(fluid), volume_fl) for fluid, volume_fl in data["plugs"])
    volumes = {name: data[name] for name in VOLUMES}
    ledger = Ledger(**volumes, fluid=from_plain(data["fluid"]), plugs=plugs)
    ledger.doses, ledger.lost = dict(data["doses"]), dict(data["lost"])
    return ledger


def _add(masses: Masses, fluid: Fluid, volume_fl: int) -> None:
    if not volume_fl:
        return
    for drug, concentration in fluid.drugs:
        masses[drug] = masses.get(drug, 0) + volume_fl * concentration


def _in_ng(masses: Masses) -> dict[str, int]:
    return {drug: mass // FL_PER_ML for drug, mass in masses.items()}


def plain(fluid: Fluid) -> list[Any]:
    """A fluid as plain data."""
    return [[list(drug) for drug in fluid.drugs], fluid.viscosity_ratio]


def from_plain(data: list[Any]) -> Fluid:
    """The fluid that plain data says."""
    return Fluid(tuple((name, concentration) for name, concentration in data[0]), data[1])
