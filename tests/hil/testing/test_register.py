"""What a desk sees in any alarm that is told."""

from typing import Any

import pytest

from hil.testing.register import Register
from protocol.messages import AlarmOccurrence
from protocol.vocabulary import AlarmId, Priority

BOOT_MS = 60_000


def told(number: int, **changed: Any) -> AlarmOccurrence:
    """A battery that fades, as it must be told."""
    fields: dict[str, Any] = {
        "alarm": AlarmId.BATTERY_LOW,
        "occurrence": number,
        "priority": Priority.LOW,
        "present": True,
        "acknowledged": False,
        "audio_paused": False,
        "latching": False,
    }
    return AlarmOccurrence(**fields | changed)


@pytest.mark.parametrize(
    ("changed", "requirement"),
    [
        ({"priority": Priority.MEDIUM}, "RST-07"),
        ({"latching": True}, "ALM-08"),
        ({"raised_uptime_ms": BOOT_MS - 1_001}, "ALM-14"),
        ({"occurrence": 6}, "ALM-13"),
    ],
)
def test_what_is_wrong_is_named(changed: dict[str, Any], requirement: str) -> None:
    """ALM-01, ALM-08, ALM-13, ALM-14."""
    register = Register()
    assert register.wrong([told(7, raised_uptime_ms=BOOT_MS)], BOOT_MS) is None
    wrong = register.wrong([told(8, **changed)], BOOT_MS)
    assert wrong is not None
    assert wrong.requirement == requirement


def test_what_is_open_is_told_again_and_what_is_closed_is_not() -> None:
    """ALM-09, ALM-13: after a reset, too."""
    register = Register()
    assert register.wrong([told(7), told(7, raised_uptime_ms=0)], BOOT_MS) is None
    assert register.wrong([told(7, present=False)], BOOT_MS) is None
    wrong = register.wrong([told(7)], BOOT_MS)
    assert wrong is not None
    assert wrong.requirement == "ALM-13"


def test_a_refill_that_is_due_rises() -> None:
    """RES-04."""
    due = {"alarm": AlarmId.REFILL_DUE, "priority": Priority.MEDIUM}
    assert Register().wrong([told(1, **due)], BOOT_MS) is None
