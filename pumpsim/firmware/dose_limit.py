"""Dose limits over an hour, a day, a week and a cycle, told before they are exceeded (DOS-02).

*Excess* is the dose that leaves the catheter's tip beyond the prescription there: the nominal flow
of the liquid that is at the tip; in the sample in which another one gets there, the nominal share
of whatever left. A bridge after a change of drug is therefore no excess; a bolus is all of it. With
a nominal dose rate n, a limit of L times the prescription and a window W:

    A window that ends u from now, 0 <= u < W, holds what came in the last s = W - u, that is
    n s + excess(s), and n u to come: it stays at or below L n W as long as
    excess(s) <= (L - 1) n W. So no window fails unless, for an s in (0, W], excess(s) is larger.

With C the sum of all excess so far, the largest excess(s) is C now less the least C in the last W.
Where a thinner fill of the drug got to the tip r ago, r < s, what came before that was prescribed
at a rate m of its own: (L - 1) (m - n) (s - r) more is allowed. All C of before are raised by it.
A denser one has its own limits as soon as it is at the tip.
That least is kept in bins: the window reaches back by up to one bin more than W (two, if the bins
do not divide a cycle), which can only alarm too early, and a pump that runs slow saves up nothing
beyond it. Time without supply has no excess by definition: nobody measured any. A declared
injection of a drug that was never filled has no prescription, and is not judged. A drug given for
longer than its plan says is prescribed wherever it is at the tip: that is OFF_PLAN's to tell.

The hot path costs a few additions and comparisons: all windows together are one threshold for C,
made anew when a bin of five minutes is complete, and moved down with every new least C.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from protocol.messages import Configuration
from pumpsim.firmware.account import Account
from pumpsim.firmware.amounts import dissolved_fg, pumped
from pumpsim.firmware.dose_doubt import UNKNOWN_DRUG, Liquid
from pumpsim.firmware.plan import DAY_S, cycle_s, given_s
from pumpsim.firmware.ticks import MINUTE

BIN: Final = 5 * MINUTE
BIN_S: Final = 300
HOUR_S: Final = 3_600
PERMILLE_HOUR: Final = 1_000 * HOUR_S
WEEK_S: Final = 7 * DAY_S
BINS: Final = (12, 24, 28, 28)
"""Of the windows of an hour, a day, a week and a cycle; the last at most: cycles differ."""
MAX_SERIES: Final = 2
"""Drugs that are watched at a time: the one in the reservoir, and the one before it."""
MAX_FG: Final = 2**61
"""Sums stop here and never wrap (DOS-07)."""
MAX_LIMIT_FG: Final = 2**60
"""So much excess, a kilogram, is over every limit; sums beyond it start again from 0."""
FINEST_NL: Final = 2
"""Dose and prescription are whole nanolitres; no limit can be finer than that."""
CLEAR_DIVISOR: Final = 10
"""The condition ends when the excess is below the limit by a tenth of the least limit."""


@dataclass(slots=True)
class Window:
    """The least excess of each bin of one window, and its limit."""

    limit_fg: int = 0
    coming_fg: int = 0  # the limit once what was filled last is at the tip
    width: int = 1  # of a bin, in bins of the first window
    bins: int = 12
    count: int = 0  # of those that the running bin has
    running_fg: int = 0  # the least of the running bin
    floor_fg: int = 0  # the least of all others
    least_fg: list[int] = field(default_factory=list)  # theirs, oldest first

    def complete(self, count: int, least_fg: int, now_fg: int) -> int:
        """`count` bins of five minutes are over, the least sum in them given; what is allowed."""
        self.running_fg = least_fg if least_fg < self.running_fg else self.running_fg
        self.count += count
        if self.count >= self.width:
            self._roll(now_fg)
        floor_fg, running_fg = self.floor_fg, self.running_fg
        return (floor_fg if floor_fg < running_fg else running_fg) + self.limit_fg

    def _roll(self, now_fg: int) -> None:
        """Bins are full; the first has the least that was seen, those without samples stand."""
        full, self.count = divmod(self.count, self.width)
        self.least_fg += [self.running_fg, *[now_fg] * (min(full, self.bins) - 1)]
        del self.least_fg[: -self.bins]
        self.floor_fg = min(self.least_fg)
        self.running_fg = now_fg

    def arrive(self) -> None:
        """What was filled last is at the tip; what had come before it was allowed by its own."""
        more_fg, self.limit_fg = self.limit_fg - self.coming_fg, self.coming_fg
        if more_fg > 0:
            each_fg = more_fg // (self.width * self.bins)  # for each bin of the first window
            ages = range(self.count, self.count + self.width * len(self.least_fg), self.width)
            self.least_fg = [
                _bounded(least_fg + each_fg * age)
                for least_fg, age in zip(self.least_fg, reversed(ages), strict=True)
            ]
            self.floor_fg = min(self.least_fg, default=self.running_fg)

    def save(self) -> list[int]:
        """Plain data; the limit follows from the prescription."""
        return [self.width, self.bins, self.count, self.running_fg, *self.least_fg]

    @classmethod
    def load(cls, row: list[int]) -> "Window":
        """What `save` gave."""
        width, bins, count, running_fg, *least_fg = row
        floor_fg = min(least_fg, default=running_fg)
        return cls(0, 0, width, bins, count, running_fg, floor_fg, least_fg)

    def rebase(self, by_fg: int) -> None:
        """Count from another zero."""
        self.running_fg = _bounded(self.running_fg - by_fg)
        self.floor_fg = _bounded(self.floor_fg - by_fg)
        self.least_fg = [_bounded(least - by_fg) for least in self.least_fg]


@dataclass(slots=True)
class Series:
    """The excess of one drug."""

    drug: str
    concentration_ng_per_ml: int  # whose limits hold
    filled_ng_per_ml: int  # last; its limits hold once it is at the tip
    seen_fg: int  # of its dose in the account
    sum_fg: int = 0
    least_fg: int = 0  # of the sum, in the running bin
    threshold_fg: int = 0  # for the sum, by all windows
    least_limit_fg: int = 0  # a new least sum lets the shortest window rise by so much
    exceeded: bool = False
    windows: list[Window] = field(default_factory=lambda: [Window() for _ in BINS])

    def limit(self, configuration: Configuration) -> None:
        """Take the limits that follow from the prescription."""
        plan, drug = configuration.plan, self.drug
        rounds = -(-DAY_S // cycle_s(plan))  # a cycle shorter than a day is judged by the day
        spans = (HOUR_S, DAY_S, WEEK_S, cycle_s(plan) * rounds)
        given = (HOUR_S, DAY_S, WEEK_S, given_s(plan, drug) * rounds)
        for window, most, span, prescribed in zip(self.windows, BINS, spans, given, strict=True):
            volume = allowed_volume(configuration, prescribed)
            window.limit_fg = allowed_fg(volume, self.concentration_ng_per_ml)
            window.coming_fg = allowed_fg(volume, self.filled_ng_per_ml)
            window.width = -(-span // (most * BIN_S))
            window.bins = -(-span // (window.width * BIN_S))
        self._limited()

    def coming(self) -> bool:
        """Whether what was filled last is not at the tip yet."""
        return self.filled_ng_per_ml != self.concentration_ng_per_ml

    def arrive(self) -> None:
        """What was filled last is at the tip."""
        for window in self.windows:
            window.arrive()
        self.concentration_ng_per_ml = self.filled_ng_per_ml
        self._limited()

    def _limited(self) -> None:
        self.least_limit_fg = min(window.limit_fg for window in self.windows)
        self.check(0)

    def add(self, excess_fg: int) -> None:
        """So much more, or less, than prescribed."""
        total = self.sum_fg = self.sum_fg + excess_fg
        if total > self.threshold_fg:
            self.exceeded = True
            self.sum_fg = _bounded(total)
            self.least_fg = min(self.least_fg, self.sum_fg)
        else:  # a new least: `feed` itself takes what lies between
            self.sum_fg = self.least_fg = _bounded(total)
            old_fg, new_fg = self.threshold_fg, self.least_fg + self.least_limit_fg
            self.threshold_fg = new_fg if new_fg < old_fg else old_fg

    def check(self, bins: int) -> None:
        """So many bins are over: what the windows allow from here on."""
        if not -MAX_LIMIT_FG <= self.sum_fg <= MAX_LIMIT_FG:
            self._rebase()
        total_fg = self.sum_fg
        self.threshold_fg = min(
            [window.complete(bins, self.least_fg, total_fg) for window in self.windows]
        )
        if bins:
            self.least_fg = total_fg
        slack_fg = self.least_limit_fg // CLEAR_DIVISOR if self.exceeded else 0
        self.exceeded = total_fg > self.threshold_fg - slack_fg

    def save(self) -> list[Any]:
        """Plain data."""
        windows = [window.save() for window in self.windows]
        sums_fg = [self.seen_fg, self.sum_fg, self.least_fg]
        filled = [self.concentration_ng_per_ml, self.filled_ng_per_ml]
        return [self.drug, *filled, *sums_fg, self.exceeded, windows]

    @classmethod
    def load(cls, row: list[Any]) -> "Series":
        """What `save` gave; `limit` is to follow."""
        *content, exceeded, windows = row
        series = cls(*content)
        series.exceeded = exceeded
        series.windows = [Window.load(window) for window in windows]
        return series

    def _rebase(self) -> None:
        by_fg = self.sum_fg
        for window in self.windows:
            window.rebase(by_fg)
        self.least_fg = _bounded(self.least_fg - by_fg)
        self.sum_fg = 0


@dataclass(slots=True)
class DoseLimit:
    """The series of the last drugs that were filled, and whether any limit will be exceeded."""

    exceeded: bool = False
    coming: bool = False  # a concentration that is not at the tip yet
    left: int = BIN  # ticks of the running bin
    remainder: int = 0  # of the prescribed volume, in nl/h x ticks
    tip: Liquid = (UNKNOWN_DRUG, 0)  # what was there with the last sample
    seen_nl: int = 0  # of the account's total, by then
    series: list[Series] = field(default_factory=list)  # the drug in the reservoir last

    def refilled(self, account: Account) -> None:
        """What is in the reservoir now is prescribed; `limit` is to follow."""
        drug, concentration = account.drug, account.concentration_ng_per_ml
        if not drug or not concentration:
            return
        series = self._of(drug)
        if series is None:
            series = Series(drug, concentration, concentration, account.doses_fg.get(drug, 0))
        else:
            self.series.remove(series)
            series.filled_ng_per_ml = concentration
        self.series.append(series)
        del self.series[:-MAX_SERIES]

    def limit(self, configuration: Configuration) -> None:
        """After a refill, a new configuration, a reset: the limits follow from what holds now."""
        for series in self.series:
            series.limit(configuration)
        self._conclude()

    def feed(self, elapsed: int, prescribed_nl_per_h: int, account: Account) -> None:
        """The account has moved on by a sample; an injection takes 0 ticks."""
        volume_nl, self.remainder = pumped(prescribed_nl_per_h, elapsed, self.remainder)
        out_nl, was = account.total_nl - self.seen_nl, self.tip
        self._see(account)
        tip_drug, concentration = self.tip
        changed = elapsed and self.tip != was
        doses_fg = account.doses_fg
        for series in self.series:
            drug = series.drug
            dose_fg = doses_fg.get(drug, 0)
            excess_fg = dose_fg - series.seen_fg
            series.seen_fg = dose_fg
            if changed:
                excess_fg = excess_fg // out_nl * (out_nl - volume_nl) if out_nl > volume_nl else 0
            elif drug == tip_drug:
                excess_fg -= dissolved_fg(volume_nl, concentration, MAX_FG)
            if not -MAX_FG <= excess_fg <= MAX_FG:
                excess_fg = _bounded(excess_fg)
            total_fg = series.sum_fg + excess_fg
            if series.least_fg <= total_fg <= series.threshold_fg:
                series.sum_fg = total_fg  # the usual
            else:
                series.add(excess_fg)
                self.exceeded = self.exceeded or series.exceeded
        if self.coming:
            self._arrive()
        self.left -= elapsed
        if self.left <= 0:
            self._complete()

    def skip(self, elapsed: int, account: Account) -> None:
        """Time without supply: it passes, and what the account assumed for it is no excess."""
        self._see(account)
        for series in self.series:
            series.seen_fg = account.doses_fg.get(series.drug, 0)
        if self.coming:
            self._arrive()
        self.left -= elapsed
        if self.left <= 0:
            self._complete()

    def _see(self, account: Account) -> None:
        self.tip, self.seen_nl = account.at_tip(), account.total_nl

    def _arrive(self) -> None:
        for series in self.series:
            if series.coming() and self.tip == (series.drug, series.filled_ng_per_ml):
                series.arrive()
        self._conclude()

    def _complete(self) -> None:
        bins = -self.left // BIN + 1
        self.left += bins * BIN
        for series in self.series:
            series.check(bins)
        self._conclude()

    def _conclude(self) -> None:
        self.coming = any(series.coming() for series in self.series)
        self.exceeded = any(series.exceeded for series in self.series)

    def _of(self, drug: str) -> Series | None:
        return next((series for series in self.series if series.drug == drug), None)

    def save(self) -> dict[str, Any]:
        """Plain data: nothing in it depends on this boot's ticks."""
        series = [series.save() for series in self.series]
        return {"left": self.left, "remainder": self.remainder, "series": series}

    def load(self, state: dict[str, Any], account: Account) -> None:
        """Take up what `save` gave, with the account of that instant; `limit` is to follow."""
        self.left, self.remainder = state["left"], state["remainder"]
        self._see(account)
        self.series = [Series.load(row) for row in state["series"]]


def allowed_volume(configuration: Configuration, prescribed_s: int) -> tuple[int, int]:
    """Beyond the prescription, in so long: nl, and parts of one by `PERMILLE_HOUR`."""
    beyond_permille = configuration.dose_limit_permille - 1_000
    whole, rest = divmod(configuration.nominal_flow_nl_per_h * prescribed_s, PERMILLE_HOUR)
    volume_nl, parts = divmod(rest * beyond_permille, PERMILLE_HOUR)
    return volume_nl + whole * beyond_permille, parts


def allowed_fg(volume: tuple[int, int], concentration: int) -> int:
    """Of such a volume; piece by piece, up to a kilogram (DOS-10)."""
    volume_nl, parts = volume
    whole_fg = dissolved_fg(volume_nl, concentration, MAX_LIMIT_FG)
    amount_fg = min(whole_fg + parts * concentration // PERMILLE_HOUR, MAX_LIMIT_FG)
    return max(amount_fg, FINEST_NL * concentration)


def _bounded(total_fg: int) -> int:
    if -MAX_FG <= total_fg <= MAX_FG:
        return total_fg
    return MAX_FG if total_fg > 0 else -MAX_FG
