"""Pumps at the interesting state, each made once per seed and restored for every run."""

from functools import lru_cache
from typing import Any, Final

from pumpsim import snapshot
from pumpsim.device import Device
from pumpsim.performance.truth import DAY_NS
from pumpsim.pumpfile import PumpFile
from pumpsim.tap import Tap

KEPT: Final = 8
"""Snapshots in memory: all faults of a seed are run one after the other."""


class States:
    """The states of one pump file."""

    def __init__(self, pump: PumpFile) -> None:
        """None made yet."""
        self.pump = pump
        self._snapshot = lru_cache(KEPT)(self._make)

    def device(self, seed: int, day: int, tap: Tap) -> Device:
        """The pump of that seed, so many days after it was implanted and filled."""
        return snapshot.restore(self.pump, self._snapshot(seed, day), tap)

    def _make(self, seed: int, day: int) -> dict[str, Any]:
        device = Device(self.pump, seed)
        device.implant()
        device.advance(day * DAY_NS)
        return snapshot.take(device)
