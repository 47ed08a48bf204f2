"""A first-order lag in exact operations."""


def relax(spans: float, old: float, old_aim: float, aim: float) -> tuple[float, float]:
    """End and mean of a value that follows an aim; the aim moves in a straight line.

    `spans` is the step over the time constant, from 0 to anything. In place of exp(-spans) stands
    1 / (1 + spans + spans^2 / 2): the same to second order, 0 far out, made of exact operations.
    """
    left = 1.0 / (1.0 + spans + 0.5 * spans * spans)
    mean_left = (1.0 + 0.5 * spans) * left  # (1 - left) / spans
    behind = 0.5 * (1.0 + spans) * left  # (1 - mean_left) / spans
    moved, off = aim - old_aim, old - old_aim
    end = aim + off * left - moved * mean_left
    return end, old_aim + 0.5 * moved + off * mean_left - moved * behind
