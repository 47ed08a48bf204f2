"""The plant as it will have been at an instant between two of its steps.

The plant moves on its own grid, and an instrument that asks in between may move nothing (decision
0001). So the step under way is taken on a copy, up to the instant asked for, and the copy is all
that moves: readings are smooth, and the run is the same with or without anybody looking.
"""

from pumpsim.device import Device
from pumpsim.plant.plant import Plant


class Outlook:
    """Looks ahead of one device's plant; the copy is kept from one look to the next."""

    def __init__(self, device: Device) -> None:
        """Nothing is copied yet: few benches ever ask."""
        self._device = device
        self._copy: Plant | None = None

    def at(self, now_ns: int) -> Plant:
        """The plant at an instant, to be read and not to be touched."""
        plant = self._device.plant
        if now_ns <= plant.now_ns:
            return plant
        if self._copy is None:
            pump = self._device.pump
            self._copy = Plant(
                pump.plant_parameters(), pump.patient_parameters(), self._device.seed
            )
        self._copy.restore(plant.snapshot())
        self._copy.split(now_ns)
        return self._copy
