"""A copy of a pump is another pump, which is the same until something else happens to it."""

import threading
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from hil.emulated.mould import Mould
from hil.emulated.subject import Pumps
from hil.testing.subject import REFERENCE
from pumpsim import snapshot
from pumpsim.device import Device
from pumpsim.firmware import ReferenceLogic
from pumpsim.stimuli import ADAPTER

HOUR_NS = 3_600 * 10**9


class Locked(ReferenceLogic):
    """Holds what cannot be pickled, and can be copied all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Locked":
        one = Locked.__new__(Locked)
        memo[id(self)] = one
        vars(one).update(deepcopy({**vars(self), "lock": None}, memo))
        one.lock = threading.Lock()
        return one


def device_of(factory: Callable[[], ReferenceLogic]) -> Device:
    pumps = Pumps(REFERENCE, factory)
    device = pumps.make(pumps.file, 1)
    device.implant()
    device.advance(HOUR_NS)
    return device


@pytest.mark.parametrize("factory", [ReferenceLogic, Locked])
def test_copies_live_apart_and_alike(factory: Callable[[], ReferenceLogic]) -> None:
    device = device_of(factory)
    mould, before = Mould(device), snapshot.take(device)
    ill, well, other = mould.copy(), mould.copy(), mould.copy()
    ill.stimulate(HOUR_NS, ADAPTER.validate_python({"kind": "withdraw", "volume": "5 mL"}))
    for one in (ill, well, other):
        one.advance(3 * HOUR_NS)
    assert snapshot.take(device) == before
    assert snapshot.take(well) == snapshot.take(other) != snapshot.take(ill)
    device.advance(3 * HOUR_NS)
    assert snapshot.take(device) == snapshot.take(well)
