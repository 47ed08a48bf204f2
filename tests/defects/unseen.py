"""Defects of what nobody saw: what is missing, silent or not counted yet, and what came before."""

from pumpsim.firmware import (
    catheter,
    conditions,
    dose_limit,
    downtime,
    environment,
    exchange,
    measure,
    plan,
    reference,
    refills,
    requests,
    screen,
    state,
)
from tests.defects.defect import defect
from tests.defects.patching import Edit

Logic = reference.ReferenceLogic

DEFECTS = (
    defect(
        "rest-of-what-is-allowed-lost",
        "DOS-02",
        "of what is allowed of a slow flow each sample loses a part of a nanolitre",
        Edit(dose_limit.DoseLimit, "_prescribed_fg", " + self.allowed_rest", ""),
    ),
    defect(
        "own-by-its-number",
        "ALM-09",
        "a record is this life's own by a number that lives after a loss share",
        Edit(Logic, "_mend", "self._store.saved and ", ""),
    ),
    defect(
        "one-reset-too-many-again",
        "RST-04",
        "resets that go on are no news to whoever acknowledged the first three",
        Edit(Logic, "boot", "state.alarms.again(0, AlarmId.RESETS)", "pass"),
    ),
    defect(
        "resets-without-time",
        "RST-04",
        "without a configuration no time passes between resets",
        Edit(downtime, "bridge", "state.resets.shift(downtime, before.boots)", "pass"),
    ),
    defect(
        "flush-as-old-as-the-downtime",
        "FLW-08",
        "an access that begins after a boot grows older by the time without supply before it",
        Edit(state.State, "shift", "earlier_life(self.bolus_since)", "True"),
    ),
    defect(
        "second-window-knows-nothing",
        "FLW-01",
        "where pressures count in a window, what the level has told of the flow does not",
        Edit(measure, "_hands_at_work", "state.by_fill.loss or state.by_fill.rest", "False"),
    ),
    defect(
        "reminder-taken-back",
        "RES-04",
        "a shorter interval that is written ends the reminder of a refill",
        Edit(refills.Refills, "reschedule", "self.due_priority(now)", "False"),
    ),
    defect(
        "nothing-after-a-loss",
        "RES-13",
        "a pump that lost its memory counts as one that was never filled",
        Edit(requests, "_commit_refill", "first and state.account.whole", "first"),
    ),
    defect(
        "battery-by-configuration-only",
        "NVM-03",
        "a pump without a configuration does not look at its battery",
        Edit(Logic, "sample", "state.battery.feed(now, trusted.battery_mv)", "pass"),
    ),
    defect(
        "nothing-taken-is-no-discrepancy",
        "RES-06",
        "where no level tells, less withdrawn than must be there is no discrepancy",
        Edit(exchange.Needle, "committed", "off_nl > 0", "off_nl > 0 and error_nl"),
    ),
    defect(
        "step-of-a-lost-plan",
        "NVM-03",
        "a plan that is written where the old one was lost keeps the old one's beginning",
        Edit(plan.Course, "replanned", "if called != drug:", "if called not in {None, drug}:"),
    ),
    defect(
        "last-words-of-a-channel",
        "SEN-07",
        "a jump before a channel went silent is evidence of flow for ever",
        Edit(screen.Screen, "jumps", "jumped is not None", "pending is not None"),
    ),
    defect(
        "long-past-is-to-come",
        "FLW-08",
        "a deadline half a turn of the counter past reads as one to come, and holds up every other",
        Edit(Logic, "next_deadline", "due = max(due, state.now)", "pass"),
    ),
    defect(
        "gap-as-a-minute",
        "OCC-07",
        "a catheter that rose while no sample came is told as a surge",
        Edit(catheter.Catheter, "feed", " or now - self.at > AGE_MAX", ""),
    ),
    defect(
        "loose-contact",
        "SEN-01",
        "a channel that comes and goes is sound as long as no three samples in a row lack it",
        Edit(screen.Screen, "_judge", " or track.lacking >= MAX_LACKING", ""),
    ),
    defect(
        "sensors-by-configuration-only",
        "SEN-07",
        "a pump without a configuration does not look at its sensors",
        Edit(conditions, "_unconfigured", "*map(told.get, of_pump)", "*map({}.get, of_pump)"),
    ),
    defect(
        "cold-through-a-downtime",
        "FLW-08",
        "a fill warms up no further while the device is without supply",
        Edit(refills.Refills, "shift", "self.warm_by -= most", "pass"),
    ),
    defect(
        "infused-is-missing",
        "RES-07",
        "what a pump infuses until a level tells is missing of its fill",
        Edit(exchange.Needle, "_note_missing", "infused_nl)", "0)"),
    ),
    defect(
        "released-without-supply",
        "OCC-03",
        "a clot that lets go while the device is without supply is not told",
        Edit(catheter.Catheter, "feed", "self._release(now, self.kept_pa - gauge_pa)", "pass"),
    ),
    defect(
        "held-comes-back",
        "RES-01",
        "what an occlusion held is in the reservoir again once a catheter is written",
        Edit(requests, "_write_configuration", "state.residual.out_nl -= ", "_ = "),
    ),
    defect(
        "step-read-late",
        "TIM-06",
        "a clock that was set tells the downtime before a record that is read later",
        Edit(state.State, "load_numbers", "self.untime()", "pass"),
    ),
    defect(
        "done-and-not-kept",
        "FLW-07",
        "a configuration that memory does not keep is in force until the next reset",
        Edit(Logic, "_configure", "if self._owed < COPIES:", "if True:"),
    ),
    defect(
        "undone-in-silence",
        "NVM-07",
        "memory that failed to keep a configuration is sound again once that was undone",
        Edit(Logic, "_configure", "self._state.memory_failed = True", "pass"),
    ),
    defect(
        "proven-before-it-is-read",
        "ALM-09",
        "numbers are put right from a record that is read late, and its alarms are never looked at",
        Edit(Logic, "_prove", "self._mend() and self._proven()", "False"),
    ),
    defect(
        "second-needle-in-silence",
        "ALM-04",
        "a needle minutes after one that was silenced is no news",
        Edit(measure, "_tell_again", "state.alarms.again(state.now, alarm)", "pass"),
    ),
    defect(
        "second-injection-in-silence",
        "ALM-04",
        "an injection beyond a limit is no news to whoever knew of the one before",
        Edit(requests, "_end_bolus", "state.alarms.again(now, AlarmId.DOSE_LIMIT)", "pass"),
    ),
    defect(
        "overdue-taken-back",
        "RES-04",
        "a longer grace that is written ends an overdue refill",
        Edit(refills.Refills, "reschedule", "not self.overdue(now)", "True"),
    ),
    defect(
        "due-with-the-fill-before",
        "RES-05",
        "what was due before a refill, and acknowledged, is still that after it",
        Edit(requests, "_tell_anew", "state.alarms.update(now, dated, None)", "pass"),
    ),
    defect(
        "unmonitored-long-ago",
        "OCC-07",
        "a sample without evidence is told in a window days later",
        Edit(conditions, "evaluate", "state.unmonitored = False", "pass"),
    ),
    defect(
        "plan-begun-anew",
        "DOS-09",
        "a plan that is written goes on in the first step with the drug",
        Edit(plan.Course, "replanned", "self.step or 0", "0"),
    ),
    defect(
        "flow-of-the-life-before",
        "FLW-01",
        "the flow before a time without supply is told as that of now",
        Edit(state.State, "load_durable", "self.last_flow = ", "self.flow = "),
    ),
    defect(
        "blood-as-drug",
        "DOS-01",
        "what flowed back into the catheter counts as drug when it comes out",
        Edit(measure, "_reckon", "flow.high < 0", "False"),
    ),
    defect(
        "empty-as-declared",
        "RES-13",
        "a pump counts as empty that was declared to be",
        Edit(state.State, "may_infuse_drug", "self.fill.volume()", "self.left()"),
    ),
    defect(
        "gap-as-a-minutes-change",
        "ENV-04",
        "what changed while samples were missing is told as the change of a minute",
        Edit(environment.Environment, "feed", " // max(samples, 1)", ""),
    ),
    defect(
        "clot-as-a-syringe",
        "OCC-07",
        "a stiff catheter that a clot fills within minutes is told as an injection",
        Edit(catheter.Catheter, "_surge", "max(SURGE_PA, clot_pa)", "SURGE_PA"),
    ),
)
