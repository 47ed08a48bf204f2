"""The suite: each module a section, each test a requirement. `pytest --logic MODULE:CLASS` runs it.

The order is that of the reports: what breaks the contract comes first.
"""

from pathlib import Path
from typing import Final

SECTIONS: Final = (
    "contract",
    "time",
    "detection",
    "calm",
    "circumstances",
    "reservoir",
    "dates",
    "refill",
    "dose",
    "alarms",
    "reset",
    "twins",
    "interplay",
    "unseen",
    "gaps",
    "explant",
    "delivery",
    "machine",
    "conformance",
    "life",
    "faults",
)


def files() -> list[str]:
    """The modules, in their order."""
    here = Path(__file__).parent
    return [str(here / f"test_{name}.py") for name in SECTIONS]


def files_of_a_device() -> list[str]:
    """What needs no logic of its own on a desk: the conformance kit, and the state machine."""
    here = Path(__file__).parent
    kit = here.parents[1] / "conformance" / "test_device.py"
    return [str(kit), f"{here / 'test_machine.py'}::test_any_life_on_the_rig"]
