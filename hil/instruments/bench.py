"""The instruments of one rig, as far as it has them, and which of them somebody took in hand."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from hil.errors import RigError
from hil.instruments import limited
from hil.instruments.kinds import (
    Balance,
    PowerSupply,
    PressureController,
    Syringe,
    TemperatureBath,
)

T = TypeVar("T")
KINDS: Final = ("balance", "bath", "pressure", "syringe", "supply")
"""As a rig file names its sections."""


class Instruments:
    """Each by its kind; asking for one that is missing is a RigError.

    Whoever asks for one takes it in hand, and `Rig.make_safe` lets it go again; one that nobody
    asked for stays as a person set it.
    """

    def __init__(
        self,
        *,
        balance: Balance | None = None,
        bath: TemperatureBath | None = None,
        pressure: PressureController | None = None,
        syringe: Syringe | None = None,
        supply: PowerSupply | None = None,
        bounds: Mapping[str, limited.Range] | None = None,
    ) -> None:
        """What there is, and the lowest and highest set point of those that the rig limits."""
        self._balance = balance
        self._bath = bath
        self._pressure = pressure
        self._syringe = syringe
        self._supply = supply
        self._bounds = bounds or {}
        self._in_hand: set[str] = set()

    @property
    def balance(self) -> Balance:
        """Or RigError."""
        return self._taken(self._balance, "balance")

    @property
    def bath(self) -> TemperatureBath:
        """Or RigError."""
        return self._taken(self._bath, "bath")

    @property
    def pressure(self) -> PressureController:
        """Or RigError."""
        return self._taken(self._pressure, "pressure")

    @property
    def syringe(self) -> Syringe:
        """Or RigError."""
        return self._taken(self._syringe, "syringe")

    @property
    def supply(self) -> PowerSupply:
        """Or RigError."""
        return self._taken(self._supply, "supply")

    def kinds(self) -> frozenset[str]:
        """Of those that are there, as the rig file names its sections."""
        there = (kind for kind in KINDS if getattr(self, f"_{kind}") is not None)
        return frozenset(there)

    def need(self, kind: str) -> None:
        """RigError when there is none; it is not taken in hand."""
        if kind not in self.kinds():
            raise _missing(kind)

    def check_set_point(self, kind: str, value: float) -> None:
        """LocalError beyond the rig's limits; nothing is set or taken in hand."""
        if kind in self._bounds and kind in self.kinds():
            limited.check(kind, value, self._bounds[kind])

    def in_hand(self) -> frozenset[str]:
        """The kinds that somebody asked for, and nobody let go."""
        return frozenset(self._in_hand)

    def take(self, kinds: Iterable[str]) -> None:
        """Those of them that are there are in hand, whoever set them."""
        self._in_hand |= self.kinds() & frozenset(kinds)

    def let_go(self, kind: str) -> None:
        """It is as it was found, or safe."""
        self._in_hand.discard(kind)

    def _taken(self, instrument: T | None, kind: str) -> T:
        if instrument is None:
            raise _missing(kind)
        self._in_hand.add(kind)
        return instrument


def _missing(kind: str) -> RigError:
    return RigError(f"this rig has no {kind}: give its rig file a [{kind}] section")
