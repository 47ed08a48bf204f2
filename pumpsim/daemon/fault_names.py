"""What the faults that were set over the control API are called; the device only counts them."""

from typing import Any
from weakref import WeakKeyDictionary

from pumpsim.device import Device
from pumpsim.scenario.faultbook import called


class FaultNames:
    """What the faults of some devices are called; one put back from a snapshot is another device.

    Numbers of a past that was left say nothing of the one that was put back.
    """

    def __init__(self) -> None:
        """None yet."""
        self._names: WeakKeyDictionary[Device, dict[str, str]] = WeakKeyDictionary()

    def learn(self, device: Device, before: int, stimulus: Any) -> None:
        """That stimulus set all faults after so many."""
        numbers = range(before + 1, device.effects.count + 1)
        named = dict.fromkeys(map(str, numbers), called(stimulus))
        self._names.setdefault(device, {}).update(named)

    def of(self, device: Device) -> dict[str, str]:
        """By number, of those that the device still tells of."""
        known, told = self._names.get(device, {}), device.effects.report()
        return {number: name for number, name in known.items() if number in told}
