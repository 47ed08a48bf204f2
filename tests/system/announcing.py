"""Control logic that says aloud when it is in charge."""

from protocol.control import Outcome, Readings
from pumpsim.firmware import ReferenceLogic

IN_CHARGE = "in charge"


class Announcing(ReferenceLogic):
    """Prints a line at its first sample; of the bench's output a test can wait for."""

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        if self._state.readings is None:
            print(IN_CHARGE, flush=True)  # noqa: T201
        return super().sample(ticks, readings)
