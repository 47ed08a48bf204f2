"""Defects of dose and of units: rounding that drifts, sums that wrap, drugs that nobody named."""

import re
from fractions import Fraction

from protocol import quantity
from pumpsim.firmware import account, amounts, dose_doubt, dose_limit, dose_window, requests
from tests.defects.defect import defect
from tests.defects.patching import Constant, Edit, Entry

DEFECTS = (
    defect(
        "bounds-half-as-wide",
        "DOS-01",
        "half of what the flow may be off widens the bounds of what was delivered",
        Edit(account.Account, "widen", "+= volume_nl", "+= volume_nl // 2"),
    ),
    defect(
        "left-behind-and-forgotten",
        "DOS-01",
        "a fill holds its own drug alone, whatever the needle left in the reservoir",
        Edit(
            dose_doubt.DoseDoubt,
            "refilled",
            "self.mixed[drug] = (thinned, enriched)",
            "pass",
        ),
    ),
    defect(
        "limit-of-the-densest-fill",
        "DOS-02",
        "a drug that is filled thinner than before keeps the limit of the denser fill",
        Edit(
            dose_limit.Series,
            "_turn",
            "self.limited_ng_per_ml = self.filled_ng_per_ml",
            "self.limited_ng_per_ml = max(self.filled_ng_per_ml, self.limited_ng_per_ml)",
        ),
    ),
    defect(
        "once-prescribed-now-too-much",
        "DOS-02",
        "what was prescribed before a thinner fill is held against the limits of that one",
        Edit(dose_window.Window, "turn", "allowed(until_s + 1)", "0"),
    ),
    defect(
        "flushed-out-and-not-counted",
        "DOS-02",
        "what saline pushes out of the catheter counts once drug is at the tip again",
        Edit(
            dose_limit.DoseLimit,
            "feed",
            "drug = series.drug",
            "drug = series.drug\n        if drug != tip_drug:\n            continue",
        ),
    ),
    defect(
        "credit-for-what-was-denser",
        "DOS-02",
        "in the sample in which thinner liquid gets to the tip, the denser one is prescribed",
        Edit(
            dose_limit.DoseLimit,
            "feed",
            "if out_nl > volume_nl else 0",
            "if out_nl > volume_nl else -volume_nl * was[1]",
        ),
    ),
    defect(
        "thinner-is-excess",
        "DOS-02",
        "the last of a drug is held against what is prescribed of the thinner one behind it",
        Edit(dose_limit.DoseLimit, "feed", "elapsed and self.tip != was", "False"),
    ),
    defect(
        "refill-ends-the-injection",
        "RES-12",
        "a refill that is declared ends a bolus access, and what went in is no dose",
        Edit(
            requests,
            "_commit_refill",
            "    state.reopen()",
            "    state.bolus = None; state.reopen()",
        ),
    ),
    defect(
        "rounding-drifts",
        "DOS-01",
        "each sample's volume is rounded down, and the rest is lost",
        Edit(
            account.Account,
            "deliver",
            "pumped(flow_nl_per_h, elapsed, before)",
            "pumped(flow_nl_per_h, elapsed)[0], before",
        ),
    ),
    defect(
        "reverse-flow-counts",
        "DOS-01",
        "flow backwards takes dose back",
        Edit(account.Account, "deliver", "if flow_nl_per_h > 0", "if flow_nl_per_h"),
    ),
    defect(
        "plug-that-gets-lost",
        "DOS-01",
        "of too many liquids in the catheter the first one is forgotten",
        Edit(account.Account, "_enter", "self._leave(*first)", "pass"),
    ),
    defect(
        "window-one-bin-short",
        "DOS-02",
        "each window of a dose limit looks back a bin less than it has",
        Edit(
            dose_window.Window,
            "_roll",
            "del self.least_fg[: -self.bins]",
            "del self.least_fg[: 1 - self.bins]",
        ),
    ),
    defect(
        "bolus-within-the-prescription",
        "DOS-02",
        "an injection is no dose beyond the prescription",
        Edit(
            requests,
            "_end_bolus",
            "state.dose_limit.feed(0, 0, state.account)",
            "state.dose_limit.skip(0, state.account)",
        ),
    ),
    defect(
        "limits-of-the-old-configuration",
        "DOS-02",
        "a new configuration leaves the dose limits as they are",
        Edit(requests, "_write_configuration", "state.dose_limit.limit(new)", "pass"),
    ),
    defect(
        "delivered-cleared-by-configuration",
        "DOS-03",
        "a new configuration begins to count anew what was delivered since the refill",
        Edit(
            requests,
            "_write_configuration",
            "state.configuration = new",
            "state.configuration = new\n"
            "    state.account.balance += state.account.since_refill_nl\n"
            "    state.account.since_refill_nl = 0",
        ),
    ),
    defect(
        "delivered-cleared-by-acknowledging",
        "DOS-03",
        "who acknowledges an alarm begins to count anew what was delivered since the refill",
        Edit(
            requests,
            "_acknowledge",
            "return state.alarms.acknowledge",
            "state.account.balance += state.account.since_refill_nl\n"
            "    state.account.since_refill_nl = 0\n"
            "    return state.alarms.acknowledge",
        ),
    ),
    defect(
        "micrograms-for-milligrams",
        "DOS-04",
        "a microgram in a millilitre is as much as a milligram",
        Entry(quantity.UNITS["concentration"], "ug/mL", Fraction(10**6)),
    ),
    defect(
        "hours-for-days",
        "DOS-04",
        "a flow per day is taken for one per hour",
        Entry(quantity.UNITS["flow"], "mL/day", Fraction(10**6)),
    ),
    defect(
        "rounded-towards-zero",
        "DOS-04",
        "what is asked for in whole units is cut off, not rounded",
        Edit(quantity, "parse_int", "round(", "int("),
    ),
    defect(
        "leading-zeros-read",
        "DOS-05",
        "013 mL is 13 mL",
        Constant(
            quantity,
            "GRAMMAR",
            re.compile(r"(-?)([0-9]+)(\.[0-9]+)? ([A-Za-z%/]+)", re.ASCII),
        ),
    ),
    defect(
        "point-without-digit",
        "DOS-05",
        ".5 mL is half a millilitre",
        Constant(
            quantity,
            "GRAMMAR",
            re.compile(r"(-?)(0|[1-9][0-9]*|)(\.[0-9]+)? ([A-Za-z%/]+)", re.ASCII),
        ),
    ),
    defect(
        "minus-means-nothing",
        "DOS-05",
        "a minus is read where nothing can be below zero",
        Edit(quantity, "parse", "if sign and dimension not in SIGNED", "if sign and not dimension"),
    ),
    defect(
        "dose-wraps",
        "DOS-07",
        "a dose that is more than can be counted starts again from nothing",
        Edit(
            amounts,
            "dissolved_fg",
            "return most_fg",
            "return volume_nl * concentration_ng_per_ml % most_fg if most_fg else 0",
        ),
    ),
    defect(
        "excess-wraps",
        "DOS-07",
        "an excess beyond its largest value starts again from the lowest",
        Edit(
            dose_window,
            "bounded",
            "-> int:",
            "-> int:\n    return (total_fg + MAX_FG) % (2 * MAX_FG) - MAX_FG",
        ),
    ),
    defect(
        "drug-by-default",
        "DOS-09",
        "a pump nobody filled is filled with water, and tells its dose",
        Edit(account.Account, "dose_ng", "if self.drug else None", "if self.drug else 0"),
    ),
    defect(
        "another-drug-for-one-too-many",
        "DOS-09",
        "a drug that no place is left for is in the pump before that is known",
        Edit(account.Account, "counts", "len(known) < MAX_DRUGS", "len(known) <= MAX_DRUGS"),
    ),
    defect(
        "one-long-product",
        "DOS-10",
        "flow times ticks is reckoned in one product, longer than 64 bits",
        Edit(
            amounts,
            "pumped",
            "hours, rest = divmod(elapsed, HOUR)",
            "hours, rest = 0, elapsed",
        ),
    ),
    defect(
        "life-told-as-fill",
        "DOS-01",
        "the status tells the dose of the fill as that of the service life",
        Edit(requests, "status_part", "account.dose_ng()", "account.dose_since_refill_ng()"),
    ),
)
