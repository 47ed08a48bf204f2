"""What the suite is run on: control logic by its name, on a desk, in a pump, among faults."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from hil.emulated.subject import Pumps
from hil.errors import LocalError
from hil.logic import first_made, load_here
from hil.rig import Rig, emulated_rig
from hil.testing.desk import Desk
from hil.testing.steady import CONFIGURATION, REFILL
from hil.testing.watched import watched
from protocol import messages as m

if TYPE_CHECKING:
    from protocol.control import ControlLogic

REFERENCE: Final = "pumpsim.firmware:ReferenceLogic"


class Subject:
    """Control logic that is looked at: every call has an end."""

    def __init__(self, name: str = REFERENCE) -> None:
        """MODULE:CLASS, from here; LocalError when there is none, or none to be made and copied."""
        self.name = name
        self.factory: Callable[[], ControlLogic] = watched(load_here(name))
        _try_copy(name, self.factory)
        self.pumps = Pumps(name, self.factory)

    def bare_desk(self, preset: int = 0, **configured: Any) -> Desk:
        """The logic on a table, not booted yet."""
        configuration = CONFIGURATION.model_copy(update=configured)
        return Desk(self.factory, configuration, preset)

    def desk(self, refill: m.Refill | None = REFILL, **configured: Any) -> Desk:
        """The logic on a table, configured and filled."""
        return self.bare_desk(**configured).implant(refill)

    def rig(self, seed: int = 1) -> Rig:
        """An emulated pump that runs it."""
        return emulated_rig(self.pumps.open(seed), self.reopened)

    def reopened(self, state: Mapping[str, Any]) -> Rig:
        """The emulated pump that `Rig.save` described; LocalError when the logic cannot be."""
        return emulated_rig(self.pumps.reopen(state), self.reopened)


def _try_copy(name: str, factory: Callable[[], "ControlLogic"]) -> None:
    """One copy, at the start: hundreds of tests would fail on copies of a pump that has lived."""
    logic = first_made(name, factory)
    try:
        deepcopy(logic)
    except Exception as error:  # noqa: BLE001 -- whatever somebody's logic raises
        sentence = (
            f"{name} cannot be copied, and tests start from copies of a pump: "
            f"copy.deepcopy of it raises {type(error).__name__}: {error}"
        )
        if isinstance(error, RecursionError):
            sentence += "; a __getattr__ that passes names on has to refuse those that begin with _"
        raise LocalError(sentence) from None
