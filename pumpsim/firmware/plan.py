"""The course plan: which drug the next refill is to bring.

The plan moves on with refills, not with the calendar: a drug is given until a needle exchanges it,
so a late visit makes its step longer and leaves the order of the steps as it is. A refill in the
last quarter of a step, or after it, begins the next one; sooner it renews the step's own drug: a
fill that has aged, or a pump to be verified. A calendar would call for the wrong drug from the
first visit that was missed, and a mere succession of refills after the first extra one.
"""

from dataclasses import dataclass
from typing import Final

from protocol.messages import PlanStep
from pumpsim.firmware.ticks import from_s

EARLY: Final = 4
"""The last part of a step, one in so many, in which a visit already counts for the next step."""
DAY_S: Final = 86_400
DEFAULT_CYCLE_S: Final = 28 * DAY_S
"""The cycle of a pump without a plan."""

Plan = tuple[PlanStep, ...]


@dataclass(slots=True)
class Course:
    """Where in its plan the pump is."""

    step: int | None = None  # None: not begun, any drug of the plan may be the first
    since: int = 0  # the refill that began the step, in ticks of this boot

    def refilled(self, now: int, drug: str, plan: Plan) -> bool:
        """Take note of a refill; False when its drug is none the plan calls for.

        After such a one the plan goes on from the next step that gives this drug, or, if none does,
        as if the drug called for had been given.
        """
        if not plan:
            self.step = None
            return True
        present = self.step
        begins = present is None or self._over(now, plan[present])
        called = 0 if present is None else (present + begins) % len(plan)
        given = _next_with(plan, drug, called)
        if begins or given not in {None, present}:
            self.since = now
        if given is not None:
            self.step = given
        elif present is not None:
            self.step = called
        return given == called or (present is None and given is not None)

    def _over(self, now: int, step: PlanStep) -> bool:
        duration = from_s(step.duration_s)
        return now - self.since >= duration - duration // EARLY

    def replanned(self, old: Plan, plan: Plan, drug: str, at: int | None) -> None:
        """Another plan was written: the drug in the pump, filled at a tick, tells the step.

        Of several steps with it, it is where the pump was, or the next from there on. A drug that
        the old plan called for, too, has been given for as long as before.
        """
        called = None if self.step is None or not old else old[self.step].drug
        if called != drug:
            self.since = at or 0
        self.step = _next_with(plan, drug, self.step or 0)

    def ends(self, plan: Plan) -> int | None:
        """The tick at which another step is due; None without a plan, or off it."""
        return None if self.step is None else self.since + from_s(plan[self.step].duration_s)


def _next_with(plan: Plan, drug: str, start: int) -> int | None:
    """The first step from `start` on, all round, that gives this drug."""
    count = len(plan)
    steps = ((start + offset) % count for offset in range(count))
    return next((step for step in steps if plan[step].drug == drug), None)


def cycle_s(plan: Plan) -> int:
    """How long until everything comes again."""
    return sum(step.duration_s for step in plan) or DEFAULT_CYCLE_S


def given_s(plan: Plan, drug: str) -> int:
    """How long in a cycle a drug is given; a drug outside the plan is judged as if it were all."""
    return sum(step.duration_s for step in plan if step.drug == drug) or cycle_s(plan)
