"""Dose limits over an hour, a day, a week and a cycle, told before they are exceeded (DOS-02).

*Excess* is the dose that leaves the catheter's tip beyond the prescription there: the nominal flow
of the liquid that is at the tip; in the sample in which another one gets there, the nominal share
of whatever left. A bridge after a change of drug is therefore no excess; a bolus is all of it. With
a nominal dose rate n, a limit of L times the prescription and a window W:

    A window that ends u from now, 0 <= u < W, holds what came in the last s = W - u, that is
    n s + excess(s), and n u to come: it stays at or below L n W as long as
    excess(s) <= (L - 1) n W. So no window fails unless, for an s in (0, W], excess(s) is larger.

With C the sum of all excess so far, the largest excess(s) is C now less the least C in the last W.
That least is kept in bins: the window reaches back by up to one bin more than W (two, if the bins
do not divide a cycle), which can only alarm too early, and a pump that runs slow saves up nothing
beyond it. Time without supply has no excess by definition: nobody measured any. A declared
injection of a drug that was never filled has no prescription, and is not judged. A drug given for
longer than its plan says is prescribed wherever it is at the tip: that is OFF_PLAN's to tell.

The rate n is that of one fill: a thinner one's from its declaration on, a denser one's once it is
at the tip. Where another one, of a rate p, is or was at the tip, L p is allowed in place of L n:

    excess(s) <= (L - 1) (n W + the integral of p - n over the time in s with the drug at the tip)

So C takes the excess less (L - 1) (p - n), and with another n all C of before are moved by
(L - 1) (p - n) t, with t for how long the drug has been at the tip since. Of a bin only its ends
are known, and the worse one counts: where a fill is k times thinner than another one, excess of up
to a bin of the denser one is judged as of the thin one. That is too early where a pump is fast by x
of its dose, and k x > 12 (L - 1 - x), for the hour.

The hot path costs a few additions and comparisons: all windows together are one threshold for C,
made anew when a bin of five minutes is complete, and moved down with every new least C.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from protocol.messages import MAX_PLAN, Configuration
from pumpsim.firmware.account import Account
from pumpsim.firmware.amounts import dissolved_fg, pumped
from pumpsim.firmware.dose_doubt import UNKNOWN_DRUG, Liquid
from pumpsim.firmware.dose_window import (
    BIN,
    HOUR_S,
    MAX_FG,
    MAX_LIMIT_FG,
    Window,
    allowed_fg,
    allowed_volume,
    bounded,
)
from pumpsim.firmware.plan import DAY_S, cycle_s, given_s
from pumpsim.firmware.ticks import HOUR, to_s

WEEK_S: Final = 7 * DAY_S
BINS: Final = (12, 24, 28, 28)
"""Of the windows of an hour, a day, a week and a cycle; the last at most: cycles differ."""
MAX_SERIES: Final = MAX_PLAN
"""Drugs that are watched at a time: those filled last, as many as a plan can call for."""
EVENLY_MAX: Final = HOUR
"""The shortest window: what is older is at no place in it."""
OLDER_PARTS: Final = 24
"""So many, however long it was: a sample's work has an end."""
CLEAR_DIVISOR: Final = 10
"""The condition ends when the excess is below the limit by a tenth of the least limit."""


@dataclass(slots=True)
class Series:
    """The excess of one drug."""

    drug: str
    limited_ng_per_ml: int  # the fill whose limits hold
    filled_ng_per_ml: int  # the last one
    densest_ng_per_ml: int  # of those that may be in the catheter
    seen_fg: int  # of its dose in the account
    sum_fg: int = 0
    least_fg: int = 0  # of the sum, in the running bin
    at_tip: int = 0  # ticks
    threshold_fg: int = 0  # for the sum, by all windows
    least_limit_fg: int = 0  # a new least sum lets the shortest window rise by so much
    exceeded: bool = False
    windows: list[Window] = field(default_factory=lambda: [Window() for _ in BINS])

    def fill(self, concentration_ng_per_ml: int) -> None:
        """Another one is in the reservoir; `limit` is to follow."""
        self.filled_ng_per_ml = concentration_ng_per_ml
        self.densest_ng_per_ml = max(self.densest_ng_per_ml, concentration_ng_per_ml)

    def on_its_way(self) -> bool:
        """Whether what was filled last was not at the tip yet."""
        return self.filled_ng_per_ml != self.limited_ng_per_ml or (
            self.filled_ng_per_ml != self.densest_ng_per_ml
        )

    def arrive(self, configuration: Configuration, behind_ng_per_ml: int) -> None:
        """What was filled last is at the tip, and the densest liquid behind it is so dense."""
        self.densest_ng_per_ml = min(self.densest_ng_per_ml, behind_ng_per_ml)
        if self.filled_ng_per_ml != self.limited_ng_per_ml:
            self._turn(configuration)
            self.limit(configuration)

    def limit(self, configuration: Configuration) -> None:
        """Take the limits that follow from the prescription."""
        if self.filled_ng_per_ml < self.limited_ng_per_ml:
            self._turn(configuration)
        plan, drug = configuration.plan, self.drug
        rounds = -(-DAY_S // cycle_s(plan))  # a cycle shorter than a day is judged by the day
        spans = (HOUR_S, DAY_S, WEEK_S, cycle_s(plan) * rounds)
        given = (HOUR_S, DAY_S, WEEK_S, given_s(plan, drug) * rounds)
        for window, most, span, prescribed in zip(self.windows, BINS, spans, given, strict=True):
            window.limit_fg = allowed_fg(
                allowed_volume(configuration, prescribed), self.limited_ng_per_ml
            )
            window.fit(span, most, to_s(self.at_tip))
        self.least_limit_fg = min(window.limit_fg for window in self.windows)
        self.check(0)

    def _turn(self, configuration: Configuration) -> None:
        """The limits of what was filled last hold from here on."""
        thinner = self.limited_ng_per_ml - self.filled_ng_per_ml
        now_s = to_s(self.at_tip)
        for window in self.windows:
            window.complete(0, self.least_fg, self.sum_fg, now_s)
            window.turn(configuration, thinner, now_s)
        self.least_fg = self.sum_fg
        self.limited_ng_per_ml = self.filled_ng_per_ml

    def allowed_more_fg(self, beyond_nl: int, concentration_ng_per_ml: int) -> int:
        """With such liquid at the tip, of which so much was allowed beyond the prescription."""
        known = min(concentration_ng_per_ml, self.densest_ng_per_ml)
        limited_fg = dissolved_fg(beyond_nl, self.limited_ng_per_ml, MAX_FG)
        return dissolved_fg(beyond_nl, known, MAX_FG) - limited_fg

    def add(self, excess_fg: int) -> None:
        """So much more, or less, than prescribed."""
        total = self.sum_fg = self.sum_fg + excess_fg
        if total > self.threshold_fg:
            self.exceeded = True
            self.sum_fg = bounded(total)
            self.least_fg = min(self.least_fg, self.sum_fg)
        else:  # a new least: `feed` itself takes what lies between
            self.sum_fg = self.least_fg = bounded(total)
            old_fg, new_fg = self.threshold_fg, self.least_fg + self.least_limit_fg
            self.threshold_fg = new_fg if new_fg < old_fg else old_fg

    def check(self, bins: int) -> None:
        """So many bins are over: what the windows allow from here on."""
        if not -MAX_LIMIT_FG <= self.sum_fg <= MAX_LIMIT_FG:
            self._rebase()
        total_fg = self.sum_fg
        self.threshold_fg = min(
            [
                window.complete(bins, self.least_fg, total_fg, to_s(self.at_tip))
                for window in self.windows
            ]
        )
        if bins:
            self.least_fg = total_fg
        slack_fg = self.least_limit_fg // CLEAR_DIVISOR if self.exceeded else 0
        self.exceeded = total_fg > self.threshold_fg - slack_fg

    def save(self) -> list[Any]:
        """Plain data."""
        windows = [window.save() for window in self.windows]
        fills = [self.limited_ng_per_ml, self.filled_ng_per_ml, self.densest_ng_per_ml]
        counts = [self.seen_fg, self.sum_fg, self.least_fg, self.at_tip]
        return [self.drug, *fills, *counts, self.exceeded, windows]

    @classmethod
    def load(cls, row: list[Any]) -> "Series":
        """What `save` gave; `limit` is to follow."""
        drug, limited, filled, densest, seen_fg, sum_fg, least_fg, at_tip, exceeded, windows = row
        series = cls(drug, limited, filled, densest, seen_fg, sum_fg, least_fg, at_tip)
        series.exceeded = exceeded
        series.windows = [Window.load(window) for window in windows]
        return series

    def _rebase(self) -> None:
        by_fg = self.sum_fg
        for window in self.windows:
            window.rebase(by_fg)
        self.least_fg = bounded(self.least_fg - by_fg)
        self.sum_fg = 0


@dataclass(slots=True)
class DoseLimit:
    """The series of the last drugs that were filled, and whether any limit will be exceeded."""

    exceeded: bool = False
    on_its_way: bool = False  # a fill that was not at the tip yet
    configuration: Configuration | None = None  # that the limits are of
    left: int = BIN  # ticks of the running bin
    remainder: int = 0  # of the prescribed volume, in nl/h x ticks
    allowed_rest: int = 0  # of what is allowed beyond it, in thousandths of a nanolitre
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
            fills = concentration, concentration, concentration
            series = Series(drug, *fills, account.doses_fg.get(drug, 0))
        else:
            self.series.remove(series)
            series.fill(concentration)
        self.series.append(series)
        del self.series[:-MAX_SERIES]

    def limit(self, configuration: Configuration) -> None:
        """After a refill, a new configuration, a reset: the limits follow from what holds now."""
        self.configuration = configuration
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
            if excess_fg > MAX_FG:
                excess_fg = bounded(excess_fg)
            series.seen_fg = dose_fg
            if changed:
                excess_fg = excess_fg // out_nl * (out_nl - volume_nl) if out_nl > volume_nl else 0
            elif drug == tip_drug:
                series.at_tip += elapsed
                excess_fg -= self._prescribed_fg(series, volume_nl, concentration)
            total_fg = series.sum_fg + excess_fg
            if series.least_fg <= total_fg <= series.threshold_fg:
                series.sum_fg = total_fg  # the usual
            else:
                series.add(excess_fg)
                self.exceeded = self.exceeded or series.exceeded
        if self.on_its_way:
            self._arrive(account)
        self.left -= elapsed
        if self.left <= 0:
            self._complete()

    def flow_on(
        self, elapsed: int, flow_nl_per_h: int, prescribed_nl_per_h: int, account: Account
    ) -> None:
        """Nobody looked for so long, and it is counted as a flow that was even.

        Of the last hour each bin gets its own; what came before comes in a few parts.
        """
        older = max((elapsed - EVENLY_MAX) // OLDER_PARTS, BIN)
        while elapsed:
            part = min(older if elapsed > EVENLY_MAX else BIN, elapsed)
            account.deliver(part, flow_nl_per_h)
            self.feed(part, prescribed_nl_per_h, account)
            elapsed -= part

    def skip(self, elapsed: int, account: Account) -> None:
        """Time without supply: it passes, and what the account assumed for it is no excess."""
        self._see(account)
        for series in self.series:
            series.seen_fg = account.doses_fg.get(series.drug, 0)
        if self.on_its_way:
            self._arrive(account)
        self.left -= elapsed
        if self.left <= 0:
            self._complete()

    def count(self) -> int:
        """Drugs beyond a limit of theirs."""
        return sum(series.exceeded for series in self.series)

    def _see(self, account: Account) -> None:
        self.tip, self.seen_nl = account.at_tip(), account.total_nl

    def _arrive(self, account: Account) -> None:
        for series in self.series:
            here = self.tip == (series.drug, series.filled_ng_per_ml)
            if here and series.on_its_way() and self.configuration is not None:
                drug = series.drug
                behind = max(plug[2] for plug in account.plugs if plug[1] == drug)
                series.arrive(self.configuration, behind)
                self._conclude()

    def _prescribed_fg(self, series: Series, volume_nl: int, concentration: int) -> int:
        """In so much of the liquid at the tip, and what is allowed more, or less, because of it."""
        prescribed_fg = dissolved_fg(volume_nl, concentration, MAX_FG)
        if concentration == series.limited_ng_per_ml or self.configuration is None:
            return prescribed_fg  # the usual
        beyond = volume_nl * (self.configuration.dose_limit_permille - 1_000) + self.allowed_rest
        beyond_nl, self.allowed_rest = divmod(beyond, 1_000)
        return prescribed_fg + series.allowed_more_fg(beyond_nl, concentration)

    def _complete(self) -> None:
        bins = -self.left // BIN + 1
        self.left += bins * BIN
        for series in self.series:
            series.check(bins)
        self._conclude()

    def _conclude(self) -> None:
        self.on_its_way = any(series.on_its_way() for series in self.series)
        self.exceeded = any(series.exceeded for series in self.series)

    def _of(self, drug: str) -> Series | None:
        return next((series for series in self.series if series.drug == drug), None)

    def save(self) -> dict[str, Any]:
        """Plain data: nothing in it depends on this boot's ticks."""
        rests = [self.left, self.remainder, self.allowed_rest]
        return {"rests": rests, "series": [series.save() for series in self.series]}

    def load(self, state: dict[str, Any], account: Account) -> None:
        """Take up what `save` gave, with the account of that instant; `limit` is to follow."""
        self.left, self.remainder, self.allowed_rest = state["rests"]
        self._see(account)
        self.series = [Series.load(row) for row in state["series"]]
