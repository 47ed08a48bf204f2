"""What counts support: exact bounds, not impressions."""

import math
from collections.abc import Sequence
from typing import Final

CONFIDENCE: Final = 0.95
HALVINGS: Final = 60


def at_least(detected: int, runs: int, confidence: float = CONFIDENCE) -> float:
    """The lower bound of a proportion, one-sided and exact (Clopper and Pearson, 1934).

    A true proportion below it would show so many detections, or more, in less than 5 % of all
    series. For `detected` = `runs` it is 0.05 ** (1 / runs).
    """
    if not 0 <= detected <= runs:
        message = f"{detected} of {runs} is no count"
        raise ValueError(message)
    if detected == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if _tail(detected, runs, middle) < 1.0 - confidence:
            low = middle
        else:
            high = middle
    return low


def rate_at_most(years: float, confidence: float = CONFIDENCE) -> float:
    """The upper bound of a yearly rate of which none was seen in so many years: about 3 / years."""
    return -math.log(1.0 - confidence) / years


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least that share of all values do not exceed (nearest rank)."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def _tail(detected: int, runs: int, proportion: float) -> float:
    """The chance of at least so many detections."""
    missing = 1.0 - proportion
    terms = (
        math.comb(runs, k) * proportion**k * missing ** (runs - k)
        for k in range(detected, runs + 1)
    )
    return math.fsum(terms)
