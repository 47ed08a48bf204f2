"""What a desk writes down: when it was, to the second, and as a scenario acts it out."""

import pytest

from hil.testing.desk import Desk
from hil.testing.subject import Subject
from protocol.vocabulary import ResetCause


@pytest.fixture
def desk() -> Desk:
    return Subject().desk()


def test_seconds_are_told(desk: Desk) -> None:
    desk.wait(6)
    desk.run_s(5)
    assert desk.violated("ALM-05", "silence", "a sound").when == "6 min 5 s"
    assert desk.done[1:] == ["6 min 5 s: 6 min 5 s have passed"]
    desk.let(battery_mv=2_300)
    desk.wait(1)
    desk.power_cycle()
    desk.power_cycle(2, ResetCause.POWER_ON)
    desk.miss(3)
    desk.run_s(0.5)
    assert desk.violated("ALM-05", "silence", "a sound").when == "12 min 5.5 s"
    assert desk.done[2:] == [
        "6 min 5 s: battery_mv = 2300",
        "7 min 5 s: 1 min have passed",
        "7 min 5 s: power lost for a moment, boot with brown_out",
        "7 min 5 s: power lost for 2 min, boot with power_on",
        "9 min 5 s: no samples for 3 min",
        "12 min 5.5 s: 0.5 s have passed",
    ]
    assert [(at_s, act["kind"]) for at_s, act in desk.acts[1:]] == [
        (365, "battery_fault"),
        (425, "power_cycle"),
        (425, "power_off"),
        (545, "power_on"),
        (545, "converter_fault"),
        (725, "converter_fault"),
    ]
