"""What a bench holds around the pump: a bath's temperature, the outlet's and the ambient pressure.

A held quantity follows a course of straight lines from where it was to its aim, and stays there
until another course takes its place or it is released.
"""

import itertools
from collections.abc import Sequence
from typing import Any, Final

TEMPERATURE: Final = "temperature"
OUTLET: Final = "outlet"
AMBIENT: Final = "ambient"
BOUNDS: Final = {
    TEMPERATURE: (283.15, 323.15),
    OUTLET: (-20_000.0, 300_000.0),
    AMBIENT: (30_000.0, 700_000.0),
}
"""Of the aim: K around the pump; Pa above ambient at the catheter's tip; Pa absolute around both.

The temperatures are those the pump's own sensor reaches.
"""
MAX_SHAPE: Final = 100
HALVINGS: Final = 10
"""An exponential approach ends after so many half-lives: 0.1 % of the way is left, and gone."""
LN_2: Final = 0.6931471805599453
"""Half-lives in a time constant are the reciprocal of it."""

Shape = Sequence[tuple[int, float]]
"""Corners of a way: (ns from now, share of the way covered), both rising, the last share 1."""


def ramp(duration_ns: int) -> Shape:
    """In one straight line."""
    return ((duration_ns, 1.0),)


def approach(time_constant_ns: int) -> Shape:
    """As a first-order lag: straight lines from half-life to half-life."""
    half_life_ns = max(round(time_constant_ns * LN_2), 1)
    shares = [1.0 - 1.0 / (1 << halving) for halving in range(1, HALVINGS)]
    return tuple(zip(itertools.count(half_life_ns, half_life_ns), [*shares, 1.0], strict=False))


def check_aim(name: str, aim: float) -> None:
    """ValueError with a sentence when a bench cannot hold that."""
    if name not in BOUNDS:
        message = f"{name!r} is none of {', '.join(BOUNDS)}"
        raise ValueError(message)
    lowest, highest = BOUNDS[name]
    if not lowest <= aim <= highest:
        message = f"a bench holds the {name} at {lowest:g} to {highest:g}, not at {aim:g}"
        raise ValueError(message)


class Held:
    """The course of each quantity that is held, its past left out."""

    def __init__(self) -> None:
        """Nothing is."""
        self.points: dict[str, list[tuple[int, float]]] = {}

    def hold(self, name: str, now_ns: int, present: float, aim: float, shape: Shape) -> None:
        """From the present value to the aim; ValueError for a shape that is none."""
        after_ns, shares = [0, *(at for at, _ in shape)], [0.0, *(share for _, share in shape)]
        rising = all(sooner < later for sooner, later in itertools.pairwise(after_ns))
        level = all(less <= more for less, more in itertools.pairwise(shares))
        if not (rising and level and shares[-1] == 1.0 and len(shape) <= MAX_SHAPE):
            message = f"a way has 1 to {MAX_SHAPE} corners, later and later, the last at 1"
            raise ValueError(message)
        span = aim - present
        points = [(now_ns + at, present + share * span) for at, share in shape]
        self.points[name] = [(now_ns, present), *points[:-1], (points[-1][0], aim)]

    def release(self, name: str) -> None:
        """No more."""
        self.points.pop(name, None)

    def at(self, name: str, now_ns: int) -> float | None:
        """The value at an instant; None when it is not held."""
        points = self.points.get(name)
        if points is None:
            return None
        for (from_ns, before), (to_ns, after) in itertools.pairwise(points):
            if now_ns < to_ns:
                return before + (after - before) * ((now_ns - from_ns) / (to_ns - from_ns))
        return points[-1][1]

    def aims(self) -> dict[str, float]:
        """Where each course ends."""
        return {name: points[-1][1] for name, points in self.points.items()}

    def corners_ns(self) -> list[int]:
        """Every instant at which a line ends."""
        return [at_ns for points in self.points.values() for at_ns, _ in points]

    def snapshot(self) -> dict[str, Any]:
        """The courses as plain data."""
        return {name: list(points) for name, points in self.points.items()}

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave."""
        self.points = {
            name: [(at_ns, value) for at_ns, value in points] for name, points in data.items()
        }
