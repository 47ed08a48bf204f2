"""Control logic that misbehaves, each class in one way: the suite must name it."""

import random
import time

from protocol.control import Outcome, Readings, Request
from protocol.messages import GetStatus
from pumpsim.firmware import ReferenceLogic


class Raises(ReferenceLogic):
    """Divides by a pressure that a broken sensor does not read."""

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        self.ratio = 101_300 / (readings.pocket_pressure_pa or 0)
        return super().sample(ticks, readings)


class Hangs(ReferenceLogic):
    """Waits for a level that changes."""

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        while readings.fill_level_nl:
            pass
        return super().sample(ticks, readings)


class Nonsense(ReferenceLogic):
    """Answers with what is no answer."""

    def handle(self, ticks: int, request: Request) -> Outcome:
        if isinstance(request.body, GetStatus):
            return Outcome(None)
        return super().handle(ticks, request)


class Random(ReferenceLogic):
    """Dithers."""

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        level_nl = readings.fill_level_nl
        if level_nl is not None:
            noise = random.SystemRandom().randint(-5_000, 5_000)
            readings = readings._replace(fill_level_nl=level_nl + noise)
        return super().sample(ticks, readings)


class Clockwork(ReferenceLogic):
    """Looks at a clock that is not the pump's."""

    def next_deadline(self) -> int | None:
        return (self._state.origin + self._state.now + 1 + time.time_ns() % 1_000) % 2**32


class Grows(ReferenceLogic):
    """Keeps everything, for later."""

    def __init__(self) -> None:
        super().__init__()
        self._history: list[Readings] = []

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        self._history.append(readings)
        return super().sample(ticks, readings)
