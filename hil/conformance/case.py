"""A case as data, and what it needs of a rig."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Final

from hil.port import RawPort, Wire
from hil.rig import duration_ns
from protocol.vocabulary import Capability

if TYPE_CHECKING:
    from hil.conformance.probe import Probe
    from hil.rig import Rig

DEFAULT_PATIENCE: Final = "10 s"
"""Longest a case waits by the clock on the wall; longer ones want virtual time."""


@dataclass(frozen=True)
class Needs:
    """What a rig and its device must offer. `lasts` is device time the case waits in all."""

    capabilities: tuple[Capability, ...] = ()
    laboratory: bool = False
    power: bool = False
    wire: Wire | None = None
    instruments: tuple[str, ...] = ()
    lasts: str | None = None

    def missing(self, rig: "Rig", patience_ns: int) -> str | None:
        """The first thing that is not there, in words."""
        for capability in self.capabilities:
            if capability not in rig.capabilities:
                return f"needs the capability {capability.name.lower()}"
        for kind in self.instruments:
            if kind not in rig.instruments.kinds():
                return f"needs a {kind} on the rig"
        if self.laboratory and not rig.has_laboratory:
            return "needs a laboratory: ?control=URL for an emulated pump"
        if self.power and not rig.has_laboratory and "supply" not in rig.instruments.kinds():
            return "needs power that can be cycled: a laboratory, or a supply on the rig"
        return self._missing_on_link(rig) or self._missing_time(rig, patience_ns)

    def _missing_on_link(self, rig: "Rig") -> str | None:
        if self.wire is None:
            return None
        port = rig.dut.exchange.port
        if not isinstance(port, RawPort):
            return "needs a link that takes raw bytes"
        return None if port.wire is self.wire else f"needs a link that carries {self.wire.value}"

    def _missing_time(self, rig: "Rig", patience_ns: int) -> str | None:
        if self.lasts is None or rig.clock.virtual or duration_ns(self.lasts) <= patience_ns:
            return None
        return f"needs virtual time, or --patience: it waits {self.lasts}"


NOTHING: Final = Needs()
LOGIC: Final = Needs((Capability.CONTROL_LOGIC,))

Run = Callable[["Probe"], None]


@dataclass(frozen=True)
class Case:
    """One thing a device shall do. `statement` says what, `requirement` is the id it follows."""

    id: str
    requirement: str
    statement: str
    needs: Needs
    run: Run

    @property
    def title(self) -> str:
        """A few words: the function's name."""
        name: str = getattr(self.run, "__name__", self.id)
        return name.replace("_", " ")

    @property
    def required(self) -> str:
        """The sentence with the id it follows from."""
        return f"{self.statement} ({self.requirement})"


@dataclass(frozen=True)
class Section:
    """Cases about one thing, in order."""

    name: str
    about: str
    cases: tuple[Case, ...]


def case(
    id_: str, requirement: str, statement: str, needs: Needs = NOTHING
) -> Callable[[Run], Case]:
    """The function below is how it is tried."""
    return lambda run: Case(id_, requirement, statement, needs, run)


def section(name: str, about: str, *modules: ModuleType) -> Section:
    """The cases of its modules, as they stand there."""
    found = [one for module in modules for one in vars(module).values() if isinstance(one, Case)]
    return Section(name, about, tuple(found))
