"""What is left of an approach, in exact operations."""

from typing import Final

from pumpsim.plant.held import LN_2

FAR: Final = 60
"""After so many half-lives nothing is left."""


def left(elapsed_ns: float, time_constant_ns: int) -> float:
    """The share that is left of a first-order approach: straight from half-life to half-life."""
    half_lives = elapsed_ns / (time_constant_ns * LN_2)
    if half_lives >= FAR:
        return 0.0
    whole = int(half_lives)
    return (1.0 - 0.5 * (half_lives - whole)) / (1 << whole)
