"""Defects of flow, catheter, reservoir and refill: what is estimated, detected and reckoned."""

from pumpsim.firmware import (
    account,
    balance,
    catheter,
    conditions,
    deviation,
    environment,
    exchange,
    fill,
    flow,
    measure,
    reference,
    refills,
    requests,
    state,
)
from tests.defects.defect import defect
from tests.defects.patching import Constant, Edit

FLOW = (
    defect(
        "nothing-known-is-zero",
        "FLW-01",
        "without a pressure the flow is none at all, and that is said to be good",
        Edit(flow.FlowModel, "estimate", "return None", "return Interval(0, 0, 0, GOOD)"),
    ),
    defect(
        "error-without-noise",
        "FLW-01",
        "the interval of the flow leaves out what pressure sensors may err",
        Edit(flow.FlowModel, "estimate", "self._error // viscosity + ", ""),
    ),
    defect(
        "tolerance-both-ways",
        "FLW-02",
        "the tolerance is taken for the width of a band half as wide as it is to be",
        Edit(deviation, "limits_of", "// 1_000\n    return", "// 500\n    return"),
    ),
    defect(
        "integral-one-sample-late",
        "FLW-02",
        "the alarm waits for more than the integral",
        Edit(deviation, "_state", "total >= T_OVER", "total > T_OVER"),
    ),
    defect(
        "free-flow-above-three",
        "FLW-03",
        "three times the nominal flow is not yet free flow",
        Edit(deviation.Deviation, "feed", "flow >= limits.free", "flow > limits.free"),
    ),
    defect(
        "free-flow-adds-up",
        "FLW-03",
        "single samples of free flow add up over days",
        Edit(
            deviation.Deviation,
            "feed",
            "flow >= limits.free else 0",
            "flow >= limits.free else self.free",
        ),
    ),
    defect(
        "stop-with-the-third",
        "FLW-04",
        "a stop is told with the third sample",
        Edit(deviation.Deviation, "feed", "self.stopped >= FREE", "self.stopped > FREE"),
    ),
    defect(
        "under-infusion-of-less-than-nothing",
        "FLW-04",
        "the lower limit has lost its sign",
        Edit(deviation, "limits_of", "under=nominal - margin", "under=margin - nominal"),
    ),
    defect(
        "patience-starts-anew",
        "FLW-05",
        "one sample inside the tolerance forgets all that was outside",
        Edit(deviation, "_integrate", "max(total - elapsed // 2, 0)", "0"),
    ),
    defect(
        "balance-with-a-sign",
        "FLW-06",
        "what the pressures explain is added to what left, not taken from it",
        Edit(fill.FillLevel, "over", "fall - self._trend", "fall + self._trend"),
    ),
    defect(
        "mean-of-before-and-now",
        "FLW-01",
        "what the level finds is told as its mean of six hours, most of which were in order",
        Edit(deviation.FillDeviation, "_since", "self.stood >= LONG", "True"),
    ),
    defect(
        "small-and-late-alone",
        "FLW-01",
        "a change that is newer than the level's hour is within its mean",
        Edit(deviation.FillDeviation, "_weigh", "self.stood < SHORT", "False"),
    ),
    defect(
        "found-once-and-for-all",
        "FLW-01",
        "what changes after it was found is nothing new",
        Edit(deviation.FillDeviation, "_weigh", "was != side or any(", "was != side or all("),
    ),
    defect(
        "balance-of-rest-only",
        "FLW-06",
        "more lost than explained is no fault of the balance",
        Edit(deviation.FillDeviation, "_weigh", "loss.low > error", "loss.low > 99 * error"),
    ),
    defect(
        "window-for-ever",
        "FLW-08",
        "a refill window that nobody ends goes on for days",
        Constant(refills, "T_REFILL", 100 * refills.T_REFILL),
    ),
    defect(
        "settling-for-ever",
        "FLW-08",
        "a cold pump is taken to warm up still, a week after its refill",
        Edit(refills.Refills, "settling", "now < self.warm_by", "now > 0"),
    ),
    defect(
        "settling-masks-both",
        "FLW-08",
        "while a fill warms up, too much flow is no concern either",
        Edit(
            deviation.Deviation,
            "feed",
            "outside=flow > limits.over",
            "outside=flow > limits.over and not cold",
        ),
    ),
    defect(
        "reverse-with-the-third",
        "FLW-12",
        "flow backwards is told with the third sample",
        Constant(catheter, "REVERSE_SAMPLES", 3),
    ),
    defect(
        "reverse-forgets-the-jump",
        "FLW-12",
        "the jump that brought the flow backwards is no sample of it",
        Edit(catheter.Catheter, "_reverse", "1 + confirmed", "1"),
    ),
    defect(
        "reverse-waits-for-the-jump",
        "FLW-12",
        "a jump on from the first sample of flow backwards waits to be confirmed",
        Edit(
            catheter.Catheter,
            "_reverse",
            "self.expected and self.reversed_samples > 0",
            "0",
        ),
    ),
    defect(
        "reverse-is-forwards",
        "FLW-12",
        "flow backwards has lost its sign",
        Edit(catheter.Catheter, "_reverse", "if flow.high < 0", "if flow.high < flow.low"),
    ),
    defect(
        "heat-not-compensated",
        "ENV-01",
        "the liquid is always as thick as at 37 degrees Celsius",
        Edit(
            flow.FlowModel,
            "estimate",
            "viscosity_npa_s(temperature_mk)",
            "viscosity_npa_s(UNKNOWN_MK)",
        ),
    ),
    defect(
        "celsius-for-kelvin",
        "ENV-01",
        "the table of viscosities is entered a degree too warm",
        Constant(flow, "COLDEST_MK", 282_150),
    ),
    defect(
        "missing-temperature-is-certain",
        "ENV-03",
        "without a temperature the bounds stay as narrow as with one",
        Edit(flow.FlowModel, "estimate", "relative_ppm += UNKNOWN_PPM", "relative_ppm += 0"),
    ),
    defect(
        "compensation-without-bound",
        "ENV-03",
        "a temperature beyond the table is reckoned on with",
        Edit(flow, "viscosity_npa_s", "max(temperature_mk, COLDEST_MK)", "temperature_mk"),
    ),
    defect(
        "heat-without-error",
        "ENV-02",
        "a reading above the limit is heat, whatever the sensor's error",
        Constant(environment, "TEMPERATURE_ERROR_MK", 0),
    ),
    defect(
        "sawtooth-adds-up",
        "ENV-02",
        "heat that goes and comes counts from the first time",
        Edit(
            environment.Environment,
            "feed",
            "self.hot.feed(now, T_ENV, holds=",
            "self.hot.feed(now, T_ENV, holds=self.hot.since is not None or ",
        ),
    ),
    defect(
        "transient-again-and-again",
        "ENV-04",
        "a climb is told with every sample of it",
        Edit(environment.Environment, "_transient", " and not self.in_transient", ""),
    ),
    defect(
        "fever-by-one-channel",
        "ENV-05",
        "the sensor that corrects the flow tells of a fever alone",
        Edit(environment.Environment, "feed", " and (confirmed or self.fever)", ""),
    ),
    defect(
        "integral-without-end",
        "FLW-05",
        "after a week of too much flow the alarm stands for a fortnight",
        Edit(deviation, "_integrate", "min(total + elapsed, 2 * T_OVER)", "total + elapsed"),
    ),
    defect(
        "balance-forgets",
        "FLW-06",
        "what a balance had found until a reset is not carried on",
        Edit(balance.Balance, "load", "self.carried_nl += carried_nl", "pass"),
    ),
    defect(
        "cold-without-thermometer",
        "FLW-08",
        "a fill is taken to be cold where no temperature says so",
        Edit(
            measure,
            "_cold",
            "temperature_mk is None or temperature_mk >=",
            "temperature_mk is not None and temperature_mk >=",
        ),
    ),
)

CATHETER = (
    defect(
        "occlusion-in-millibars",
        "OCC-01",
        "the limit of the occlusion is ten times as high",
        Edit(catheter.Catheter, "_persist", "mean_pa > P_OCC_PA", "mean_pa > 10 * P_OCC_PA"),
    ),
    defect(
        "occlusion-adds-up",
        "OCC-01",
        "ten minutes of high pressure may have pauses between them",
        Edit(
            catheter.Catheter,
            "_persist",
            "condition.feed(now, duration, holds=holds)",
            "condition.feed(now, duration, holds=holds or (\n"
            "            condition is self.occlusion and condition.since is not None))",
        ),
    ),
    defect(
        "partial-as-patient-as-a-day",
        "OCC-02",
        "a partial occlusion is told after a day",
        Constant(catheter, "T_PARTIAL", 24 * catheter.T_PARTIAL),
    ),
    defect(
        "release-in-pascals",
        "OCC-03",
        "the stored volume is reckoned with pascals for kilopascals",
        Edit(measure, "_watch_catheter", " // PA_PER_KPA", ""),
    ),
    defect(
        "release-of-nothing",
        "OCC-03",
        "any fall of the pressure is a release, occluded or not",
        Edit(catheter.Catheter, "_release", " or not self._raised(now)", ""),
    ),
    defect(
        "held-counts-as-delivered",
        "OCC-04",
        "what an occlusion holds back is counted as delivered",
        Edit(account.Account, "deliver", "if stored_nl or self.held_nl:", "if self.held_nl:"),
    ),
    defect(
        "disconnect-by-absolute-pressure",
        "OCC-05",
        "the catheter's pressure is laid beside that of the sea, not of the pocket",
        Edit(catheter.Catheter, "feed", "catheter_pa - pocket_pa", "catheter_pa - 101_325"),
    ),
    defect(
        "disconnect-below-zero",
        "OCC-05",
        "a catheter has come off when its pressure is below that of the pocket",
        Edit(catheter.Catheter, "_persist", "mean_pa < P_DISC_PA, T_DISC", "mean_pa < 0, T_DISC"),
    ),
    defect(
        "both-at-once",
        "OCC-06",
        "a pressure that cannot be is a disconnect as well",
        Edit(catheter.Catheter, "off", " and not self.impossible.stands", ""),
    ),
    defect(
        "surge-without-a-needle",
        "RES-12",
        "an injection through the bolus path is told when the fill level rose",
        Edit(
            catheter.Catheter,
            "_surge",
            "risen_nl < FILL_NOT_RISEN_NL",
            "risen_nl > FILL_NOT_RISEN_NL",
        ),
    ),
    defect(
        "flush-without-end",
        "RES-12",
        "a declared flush may last as long as a refill",
        Constant(catheter, "FLUSH_SAMPLES", catheter.MAX_SURGE),
    ),
    defect(
        "refill-past-the-reservoir-uncounted",
        "RES-12",
        "a fill that the level lacks is no dose, though it was seen to go through the bolus path",
        Edit(measure, "_watch_catheter", "state.refills.injected = True", "pass"),
    ),
    defect(
        "bolus-is-no-dose",
        "RES-12",
        "what is injected stays in the catheter for ever",
        Edit(account.Account, "push", "self._drain(volume_nl)", "pass"),
    ),
    defect(
        "occlusion-by-its-mean",
        "OCC-01",
        "a pressure that has come down counts until its mean has, too",
        Edit(catheter.Catheter, "_persist", "P_OCC_PA < gauge_pa", "P_OCC_PA"),
    ),
)

REFILL = (
    defect(
        "low-by-the-best-guess",
        "RES-01",
        "the reservoir is low when its likely volume is, not when it may be",
        Edit(conditions, "_reservoir", "state.volume.low", "state.volume.estimate"),
    ),
    defect(
        "empty-without-low",
        "RES-02",
        "an empty reservoir is not low any more",
        Edit(conditions, "evaluate", "MEDIUM if low else", "MEDIUM if low and not empty else"),
    ),
    defect(
        "empty-date-by-the-slowest",
        "RES-03",
        "the empty date is that of the lesser of two plausible flows",
        Edit(state.State, "fastest_flow_nl_per_h", "max(fastest", "min(fastest"),
    ),
    defect(
        "due-date-put-off",
        "RES-03",
        "a new configuration may put the due date off",
        Edit(refills.Refills, "reschedule", "self.due is None or due < self.due", "due"),
    ),
    defect(
        "stability-ignored",
        "RES-03",
        "the drug's stability dates no refill",
        Edit(
            refills.Refills,
            "reschedule",
            "min(interval, from_s(stability_s))",
            "interval",
        ),
    ),
    defect(
        "due-by-the-latest-guess",
        "RES-04",
        "a prediction may move the due date to later",
        Edit(refills.Refills, "predict", "if low < self.due:", "if True:"),
    ),
    defect(
        "date-kept-by-the-hour",
        "RES-04",
        "a date that moved is written down with the hour only, and a reset puts it off",
        Edit(reference.ReferenceLogic, "sample", " or state.refills.moved >= DATE_STEP", ""),
    ),
    defect(
        "grace-in-minutes",
        "RES-04",
        "the grace after the due date is sixty times as long",
        Edit(
            refills.Refills,
            "reschedule",
            "from_s(configuration.refill_grace_s)",
            "60 * from_s(configuration.refill_grace_s)",
        ),
    ),
    defect(
        "refilled-twice",
        "RES-05",
        "a refill needs no window: sent again, it is made again",
        Edit(
            refills.Refills,
            "why_not",
            "self.window_since is None",
            "self.window_since is None and self.refill is None",
        ),
    ),
    defect(
        "discrepancy-of-the-withdrawn",
        "RES-06",
        "the discrepancy is judged in parts of what was withdrawn",
        Edit(
            exchange.Needle,
            "committed",
            "DISCREPANCY_PERCENT * near_nl",
            "DISCREPANCY_PERCENT * taken_nl",
        ),
    ),
    defect(
        "discrepancy-one-way",
        "RES-06",
        "less withdrawn than predicted is no discrepancy",
        Edit(
            exchange.Needle,
            "committed",
            "max(more_nl, -more_nl - LEFT_BEHIND_NL)",
            "more_nl",
        ),
    ),
    defect(
        "pocket-fill-by-more",
        "RES-07",
        "a level above what was declared is a pocket fill, one below it is none",
        Edit(exchange.Needle, "_compare", "if missing_nl > 0", "if missing_nl < 0"),
    ),
    defect(
        "needle-announced-by-any-sample",
        "RES-07",
        "one reading out of line is tampering",
        Edit(exchange.Needle, "watch", "elif self.suspected:", "elif not self.suspected:"),
    ),
    defect(
        "capacity-of-the-syringe",
        "RES-08",
        "a fill must fit an empty reservoir, whatever is left in it",
        Edit(refills.Refills, "why_not", "left_nl + request", "request"),
    ),
    defect(
        "room-unless-a-level-denies-it",
        "RES-08",
        "where no level tells, the reservoir counts as empty",
        Edit(
            requests,
            "_found_now",
            "max(left.low - infused_nl, 0), left.high",
            "0, left.high",
        ),
    ),
    defect(
        "any-refill-justifies",
        "RES-10",
        "a reason alone lets a refill come early: nobody looks which refill it follows",
        Edit(refills.Refills, "why_not", " and request.previous_refill_id == self.refill_id", ""),
    ),
    defect(
        "early-on-the-second",
        "RES-10",
        "a refill is early still when the least interval is over",
        Edit(refills.Refills, "why_not", "now - self.at < from_s", "now - self.at <= from_s"),
    ),
    defect(
        "no-bridge",
        "RES-11",
        "after a refill the catheter holds the new drug at once",
        Edit(
            account.Account,
            "refilled",
            "self.drug = drug",
            "self.drug = drug\n"
            "    held_nl = sum(plug[0] for plug in self.plugs)\n"
            "    self.plugs = [[held_nl, drug, concentration_ng_per_ml]]",
        ),
    ),
    defect(
        "bridge-of-the-old-catheter",
        "RES-11",
        "a new dead volume leaves the catheter as it was",
        Edit(
            requests,
            "_write_configuration",
            "state.account.prime(new.catheter_volume_nl)",
            "pass",
        ),
    ),
    defect(
        "low-beyond-full",
        "RES-02",
        "a reservoir may be configured to be low from the first",
        Edit(
            requests,
            "_write_configuration",
            "new.low_volume_nl < new.capacity_nl",
            "new.low_volume_nl",
        ),
    ),
    defect(
        "same-catheter-unknown",
        "RES-11",
        "any configuration makes the catheter's content unknown",
        Edit(
            requests,
            "_write_configuration",
            "old is None or old.catheter_volume_nl != new.catheter_volume_nl",
            "True",
        ),
    ),
)

DEFECTS = FLOW + CATHETER + REFILL
