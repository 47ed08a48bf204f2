"""One window of a dose limit: the least excess of each of its bins, and how much more it allows.

What the sums are, and why their least is kept, stands in `dose_limit`. Bins are whole multiples of
five minutes, so that none of the four windows keeps more than 28 of them; the window reaches back
by up to one bin more than it is long, which can only tell too early.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from protocol.messages import Configuration
from pumpsim.firmware.amounts import dissolved_fg
from pumpsim.firmware.ticks import MINUTE, to_s

BIN: Final = 5 * MINUTE
BIN_S: Final = to_s(BIN)
HOUR_S: Final = 3_600
PERMILLE_HOUR: Final = 1_000 * HOUR_S
MAX_FG: Final = 2**61
"""Sums stop here and never wrap (DOS-07)."""
MAX_LIMIT_FG: Final = 2**60
"""So much excess, a kilogram, is over every limit; sums beyond it start again from 0."""
FINEST_NL: Final = 2
"""Dose and prescription are whole nanolitres; no limit can be finer than that."""


@dataclass(slots=True)
class Window:
    """The least excess of each bin of one window, and its limit."""

    limit_fg: int = 0
    width: int = 1  # of a bin, in bins of the first window
    bins: int = 12
    count: int = 0  # of those that the running bin has
    running_fg: int = 0  # the least of the running bin
    floor_fg: int = 0  # the least of all others
    least_fg: list[int] = field(default_factory=list)  # theirs, oldest first
    until_s: list[int] = field(default_factory=list)  # the drug's time at the tip by their ends

    def complete(self, count: int, least_fg: int, now_fg: int, now_s: int) -> int:
        """`count` bins of five minutes are over, the least sum in them given; what is allowed."""
        self.running_fg = least_fg if least_fg < self.running_fg else self.running_fg
        self.count += count
        if self.count >= self.width:
            self._roll(now_fg, now_s)
        floor_fg, running_fg = self.floor_fg, self.running_fg
        return (floor_fg if floor_fg < running_fg else running_fg) + self.limit_fg

    def _roll(self, now_fg: int, now_s: int) -> None:
        """Bins are full; the first has the least that was seen, those without samples stand."""
        full, self.count = divmod(self.count, self.width)
        full = min(full, self.bins)
        self.least_fg += [self.running_fg, *[now_fg] * (full - 1)]
        self.until_s += [now_s] * full
        del self.least_fg[: -self.bins]
        del self.until_s[: -self.bins]
        self.floor_fg = min(self.least_fg)
        self.running_fg = now_fg

    def fit(self, span_s: int, most: int, now_s: int) -> None:
        """At most so many bins for a span; what other bins held is in each of them."""
        width = -(-span_s // (most * BIN_S))
        bins = -(-span_s // (width * BIN_S))
        if (width, bins) != (self.width, self.bins):
            self.width, self.bins, self.count = width, bins, 0
            self.running_fg = self.floor_fg = min(self.running_fg, self.floor_fg)
            self.least_fg, self.until_s = [self.floor_fg] * bins, [now_s] * bins

    def turn(self, configuration: Configuration, thinner: int, now_s: int) -> None:
        """Another prescription holds, by so many ng/mL; what came before had its own."""

        def allowed(since_s: int) -> int:
            passed_s = min(max(now_s - since_s, 0), self.width * self.bins * BIN_S)
            return dissolved_volume_fg(allowed_volume(configuration, passed_s), abs(thinner))

        if thinner > 0:
            moves_fg = [allowed(until_s + 1) for until_s in self.until_s]
        else:
            oldest_s = self.until_s[0] if self.until_s else now_s
            begins_s = [max(oldest_s - BIN_S * self.width, 0), *self.until_s]
            *moves_fg, running_fg = [-allowed(since_s - 1) for since_s in begins_s]
            self.running_fg = bounded(self.running_fg + running_fg)
        self.least_fg = [
            bounded(least + move) for least, move in zip(self.least_fg, moves_fg, strict=True)
        ]
        self.floor_fg = min(self.least_fg, default=self.running_fg)

    def save(self) -> list[Any]:
        """Plain data; the limit follows from the prescription."""
        return [self.width, self.bins, self.count, self.running_fg, self.least_fg, self.until_s]

    @classmethod
    def load(cls, row: list[Any]) -> "Window":
        """What `save` gave."""
        width, bins, count, running_fg, least_fg, until_s = row
        floor_fg = min(least_fg, default=running_fg)
        return cls(0, width, bins, count, running_fg, floor_fg, least_fg, until_s)

    def rebase(self, by_fg: int) -> None:
        """Count from another zero."""
        self.running_fg = bounded(self.running_fg - by_fg)
        self.floor_fg = bounded(self.floor_fg - by_fg)
        self.least_fg = [bounded(least - by_fg) for least in self.least_fg]


def allowed_volume(configuration: Configuration, prescribed_s: int) -> tuple[int, int]:
    """Beyond the prescription, in so long: nl, and parts of one by `PERMILLE_HOUR`."""
    beyond_permille = configuration.dose_limit_permille - 1_000
    whole, rest = divmod(configuration.nominal_flow_nl_per_h * prescribed_s, PERMILLE_HOUR)
    volume_nl, parts = divmod(rest * beyond_permille, PERMILLE_HOUR)
    return volume_nl + whole * beyond_permille, parts


def allowed_fg(volume: tuple[int, int], concentration: int) -> int:
    """The limit that such a volume is; none is finer than `FINEST_NL`."""
    return max(dissolved_volume_fg(volume, concentration), FINEST_NL * concentration)


def dissolved_volume_fg(volume: tuple[int, int], concentration: int) -> int:
    """In such a volume; piece by piece, up to a kilogram (DOS-10)."""
    volume_nl, parts = volume
    whole_fg = dissolved_fg(volume_nl, concentration, MAX_LIMIT_FG)
    return min(whole_fg + parts * concentration // PERMILLE_HOUR, MAX_LIMIT_FG)


def bounded(total_fg: int) -> int:
    """Saturation: nearer to 0 than `MAX_FG`, it is what it was."""
    if -MAX_FG <= total_fg <= MAX_FG:
        return total_fg
    return MAX_FG if total_fg > 0 else -MAX_FG
