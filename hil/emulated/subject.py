"""Pumps that run the bench's own control logic: for rigs, faults and lives without any."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hil.emulated.bench import EmulatedClock, EmulatedLaboratory, EmulatedPort
from hil.emulated.cut import Parts, parts
from hil.emulated.mould import Mould
from hil.errors import LocalError
from protocol.control import ControlLogic
from pumpsim import snapshot
from pumpsim.catalogue import CATALOGUE
from pumpsim.device import Device
from pumpsim.performance.living import Life, live
from pumpsim.performance.trial import Run, Trial, Verdict
from pumpsim.performance.truth import DAY_NS
from pumpsim.pumpfile import PumpFile, demo
from pumpsim.tap import Tap

__all__ = ["Life", "Pumps", "Told", "Verdict", "promised"]

KEPT: Final = 4
"""Pumps at an age, of which each fault gets a copy."""


def promised() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Every fault whose detection is promised: what it is, and any of which words tell it."""
    return {
        fault.name: (fault.sentence, tuple(word.name.lower() for word in fault.expects))
        for fault in CATALOGUE.values()
        if not fault.not_promised
    }


@dataclass(frozen=True)
class Told:
    """What the catalogue says of a fault, and what one run showed."""

    trial: Trial
    bound_s: int
    expects: tuple[str, ...]
    steps: tuple[tuple[int, dict[str, Any]], ...]
    visit: dict[str, Any] | None
    began_ns: int
    """When the first step is due."""


class Pumps:
    """The demo pump with that logic, as many as are wanted."""

    def __init__(self, name: str, factory: Callable[[], ControlLogic]) -> None:
        """`name` is how the factory is found, MODULE:CLASS."""
        file = demo()
        self.file = file.model_copy(update={"pump": file.pump.model_copy(update={"logic": name})})
        self._factory = factory
        self._aged: dict[tuple[int, int], Mould] = {}

    def make(self, pump: PumpFile, seed: int, tap: Tap | None = None) -> Device:
        """A device, not implanted yet."""
        device = Device(pump, seed, tap)
        device.logic = self._factory
        return device

    def open(self, seed: int) -> tuple[EmulatedPort, EmulatedClock, EmulatedLaboratory]:
        """A pump just implanted, behind the bench's seams."""
        device = self._at_age(seed, 0)
        port = EmulatedPort(device)
        return port, EmulatedClock(device, port), EmulatedLaboratory(device, port)

    def cut_line(self, seed: int) -> Parts:
        """The same on a line that can be cut."""
        device = self.make(self.file, seed)
        device.implant()
        return parts(device)

    def reopen(
        self, state: Mapping[str, Any]
    ) -> tuple[EmulatedPort, EmulatedClock, EmulatedLaboratory]:
        """The pump that a rig's `save` described; LocalError when it cannot be."""
        try:
            device = snapshot.restore(self.file, state["device"])
        except ValueError as error:
            raise LocalError(str(error)) from None
        port = EmulatedPort(device)
        return port, EmulatedClock(device, port), EmulatedLaboratory(device, port, state["bench"])

    def device(self, seed: int, day: int, tap: Tap) -> Device:
        """The pump of that seed, so many days after it was implanted and filled."""
        device = self._at_age(seed, day)
        device.watch(tap)
        return device

    def try_fault(self, name: str, seed: int) -> Told:
        """One run of a fault of the catalogue, at its stated severity."""
        fault = CATALOGUE[name]
        run = Run(self, fault, seed, beyond=False)
        began_ns = run.device.now_ns
        trial = run.play()
        stated = fault.stated()
        return Told(
            trial,
            fault.bound_s,
            tuple(word.name.lower() for word in fault.expects),
            tuple((step.after_s, dict(step.stimulus)) for step in fault.steps_at(stated)),
            fault.visit_at(stated),
            began_ns,
        )

    def live(self, seed: int, days: float) -> Life:
        """A life without faults, every alarm in it judged on the truth."""
        life = live(self.file, seed, days, make=self.make)
        assert life is not None  # nothing stops it
        return life

    def _at_age(self, seed: int, day: int) -> Device:
        """A copy of one that is made once."""
        key = (seed, day)
        if key not in self._aged:
            while len(self._aged) >= KEPT:
                del self._aged[next(iter(self._aged))]
            device = self.make(self.file, seed)
            device.implant()
            device.advance(day * DAY_NS)
            self._aged[key] = Mould(device)
        return self._aged[key].copy()
