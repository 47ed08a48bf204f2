"""The chaos on the links of one device, as it can be set, read and cleared while they run."""

from dataclasses import asdict
from typing import Any

from pumpsim.chaos.line import Counts
from pumpsim.chaos.settings import DIRECTIONS, TRANSPORTS, ChaosFile, Direction, Transport, check


class ChaosDesk:
    """Settings for all links of a device, and what was done to them since they were set."""

    def __init__(self, settings: ChaosFile | None = None) -> None:
        """With or without chaos."""
        self.settings: ChaosFile | None = None
        self._counts = _zeroes()
        if settings is not None:
            self.set(settings)

    def set(self, settings: ChaosFile) -> None:
        """Begin anew with these, on every line from its next frame on.

        ValueError if they cannot be. Numbers of frames and counts begin anew, too.
        """
        self.settings = check(settings)
        self._counts = _zeroes()

    def clear(self) -> None:
        """No chaos any more; what was counted can still be read."""
        self.settings = None

    def counts(self, transport: Transport, direction: Direction) -> Counts:
        """What was done there, over all links of that transport."""
        return self._counts[transport, direction]

    def report(self) -> dict[str, Any]:
        """What is set, null without chaos, and what was done, by transport and direction."""
        settings = self.settings
        return {
            "settings": None if settings is None else settings.model_dump(mode="json"),
            "counts": {
                transport: {way: asdict(self._counts[transport, way]) for way in DIRECTIONS}
                for transport in TRANSPORTS
            },
        }


def _zeroes() -> dict[tuple[Transport, Direction], Counts]:
    return {(transport, way): Counts() for transport in TRANSPORTS for way in DIRECTIONS}
