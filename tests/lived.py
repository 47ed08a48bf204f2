"""Pumps that have lived a while: each life is lived once, and every test gets a copy of its own."""

from copy import deepcopy
from functools import cache

from pumpsim.device import Device
from pumpsim.pumpfile import demo

DAY_NS = 86_400 * 10**9


@cache
def _lived(days: int, seed: int) -> Device:
    device = Device(demo(), seed)
    device.implant()
    device.advance(days * DAY_NS)
    return device


def lived(days: int, seed: int = 1) -> Device:
    """The demo pump, so many days after its implantation."""
    return deepcopy(_lived(days, seed))
