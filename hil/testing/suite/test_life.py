"""Ordinary life: days in which nothing is wrong, and every alarm is judged on the truth."""

from typing import Final

import pytest

from hil.testing.scenario import Scenario
from hil.testing.subject import Subject
from hil.testing.violation import ViolatedError

DAYS: Final = 16
"""A refill and the first days after it are in them."""


@pytest.mark.parametrize("seed", [3, 8])
def test_no_false_alarm_in_ordinary_life(subject: Subject, seed: int) -> None:
    """Posture, baths, fever, flights and an honest refill: what sounds is true."""
    life = subject.pumps.live(seed, DAYS)
    where = f"an ordinary life of {DAYS} days, seed {seed}"
    if life.false:
        seen = ", ".join(f"{name} ({count} times)" for name, count in life.false.items())
        violated = ViolatedError("OCC-07", "no alarm whose condition did not hold", seen, where)
        violated.scenario = Scenario(subject.name, seed, DAYS * 86_400, ())
        raise violated
    if life.refused:
        raise ViolatedError("RES-05", "an honest refill that is taken", life.refused[0], where)
    if life.outside:
        seen = ", ".join(f"{name} at {hours} hours" for name, hours in life.outside.items())
        raise ViolatedError("FLW-01", "bounds that hold the truth at every hour", seen, where)
