"""How late things happen by the wall clock: counts in bins, so that memory is bounded."""

from collections import Counter
from typing import Final

LATE_LIMIT_NS: Final = 200_000_000
"""A person is told when something happens later than that, and again each time it doubles."""
KEPT_BITS: Final = 4
"""Of a lateness, so many leading bits count: a bin is at most an eighth wide."""


class Lateness:
    """Since it was made or cleared. Nothing is ever early."""

    def __init__(self) -> None:
        """Nothing happened yet."""
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.last_ns = 0
        self.max_ns = 0
        self._bins: Counter[int] = Counter()
        self._told_ns = LATE_LIMIT_NS

    def note(self, late_ns: int) -> None:
        """Something happened so late."""
        self.last_ns = late_ns
        self.max_ns = max(self.max_ns, late_ns)
        shift = max(late_ns.bit_length() - KEPT_BITS, 0)
        self._bins[(((late_ns >> shift) + 1) << shift) - 1] += 1

    def quantile_ns(self, permille: int) -> int:
        """So many of a thousand were at most this late; rounded up, by an eighth at most."""
        missing = -(-self._bins.total() * permille // 1_000)
        for upper_ns in sorted(self._bins):
            missing -= self._bins[upper_ns]
            if missing <= 0:
                return min(upper_ns, self.max_ns)
        return 0

    def news(self) -> bool:
        """Whether a person should hear of it now: above the limit, then at each doubling."""
        if self.last_ns <= self._told_ns:
            return False
        self._told_ns = 2 * self.last_ns
        return True
