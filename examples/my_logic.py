"""Control logic with a mistake in it, for docs/testing.md: `pytest --logic my_logic:MyLogic`.

It is the reference logic, which somebody has made more robust: when the fill level is missing, the
last one that was there takes its place.
"""

from protocol.control import Outcome, Readings
from pumpsim.firmware import ReferenceLogic


class MyLogic(ReferenceLogic):
    name = "my logic 0.1"

    def __init__(self) -> None:
        super().__init__()
        self._level_nl: int | None = None

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        if readings.fill_level_nl is None:
            readings = readings._replace(fill_level_nl=self._level_nl)
        self._level_nl = readings.fill_level_nl
        return super().sample(ticks, readings)
