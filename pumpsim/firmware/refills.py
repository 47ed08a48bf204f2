"""Refills: the window in which liquid is exchanged, and when the next one is due.

The due date is the earliest of the refill interval, the drug's stability, the end of the plan's
step and the predicted low reservoir; until the next refill it only ever moves earlier (RES-03,
RES-04).
"""

from dataclasses import dataclass, field
from typing import Any, Final

from protocol.control import Interval
from protocol.messages import MAX_DISSOLVED_NG_PER_ML, CommitRefill, Configuration, Refill
from protocol.vocabulary import Priority, RefillReason, Refusal
from pumpsim.firmware.exchange import HOLD, Found
from pumpsim.firmware.plan import Course
from pumpsim.firmware.ticks import HOUR, MINUTE, earlier_life, from_s, of_this_life, to_s

T_REFILL: Final = 30 * MINUTE
T_INJECTED: Final = 4 * HOUR
"""A fill that is declared within so long after an aborted window may have gone where that one saw
it go (RES-12)."""
T_SETTLE: Final = 4 * HOUR
MAX_LEAD: Final = from_s(14 * 86_400)
DATE_STEP: Final = HOUR
"""A date that moved earlier by so much is written down, so that no reset puts it off (RES-04)."""
NOTHING: Final = Found(0, 0)


def most_drug_ng_per_ml(reason: RefillReason | None) -> int:
    """What a fill can hold, or may: a pump that is to be explanted runs on, and not with drug."""
    return 0 if reason is RefillReason.EXPLANT else MAX_DISSOLVED_NG_PER_ML


@dataclass(slots=True)
class Refills:
    """The last refill and the one that is due; instants are ticks of this boot, or before it."""

    refill: Refill | None = None
    refill_id: int = 0
    at: int | None = None
    due: int | None = None
    late: int | None = None  # from when on it is overdue
    warm_by: int = 0  # since the last refill, at latest
    moved: int = 0  # so much earlier, since that was written down
    lead: int = 0  # so long before it the reminder begins
    window_since: int | None = None
    suspended: int = 0  # of T_REFILL, by windows of late, when the last one began or closed
    closed_at: int = 0
    found: Found = NOTHING  # when the window opened: in it, the level is in flux
    emptied: bool = True  # before the last fill (RES-13)
    injected: bool = False  # in that window, liquid went past the reservoir (RES-12)
    course: Course = field(default_factory=Course)
    off_plan_until: int = 0

    def begin(self, now: int, found: Found) -> Refusal | None:
        """Open the window, with so much in the reservoir."""
        if self.window_since is not None:
            return Refusal.REFILL_OPEN
        since_closed = now - self.closed_at
        self.suspended = max(self.suspended - since_closed, 0)
        self.window_since = of_this_life(now)
        self.injected = self.injected and since_closed < T_INJECTED
        self.found = found
        return None

    def suspends(self, now: int) -> bool:
        """Whether liquid may be in exchange, and neither level nor pressures are evidence (FLW-08).

        A window that begins anew is no new one: they all share T_REFILL, which comes back by and by
        while none is open. What is longer stays open, and the pressures count again.
        """
        since = self.window_since
        return since is not None and self.suspended + now - since < T_REFILL

    def close(self, now: int) -> None:
        """The window ends, one way or another."""
        if self.window_since is not None:
            self.suspended = min(self.suspended + now - self.window_since, T_REFILL)
        self.window_since, self.closed_at = None, now

    def abort(self, now: int) -> Refusal | None:
        """Close the window: nothing was put in."""
        if self.window_since is None:
            return Refusal.NO_REFILL_OPEN
        self.close(now)
        return None

    def why_not(
        self, now: int, request: CommitRefill, configuration: Configuration
    ) -> Refusal | None:
        """Why this refill cannot be committed, or None."""
        if self.window_since is None:
            return Refusal.NO_REFILL_OPEN
        concentration = request.refill.concentration_ng_per_ml
        if concentration > most_drug_ng_per_ml(request.reason):
            return Refusal.OUT_OF_RANGE
        left_nl = max(self.found.least_nl - request.refill.withdrawn_nl, 0)
        if left_nl + request.refill.filled_nl > configuration.capacity_nl:
            return Refusal.OVER_CAPACITY
        early = self.at is not None and now - self.at < from_s(configuration.refill_min_interval_s)
        justified = request.reason is not None and request.previous_refill_id == self.refill_id
        return Refusal.REFILL_TOO_EARLY if early and not justified else None

    def commit(self, now: int, request: CommitRefill, configuration: Configuration) -> None:
        """The refill was made: a new interval begins; the plan ends with an explant."""
        refill = self.refill = request.refill
        self.refill_id += 1
        self.at, self.warm_by = now, now + T_SETTLE
        if request.reason is RefillReason.EXPLANT:
            self.course = Course()
        elif not self.course.refilled(now, refill.drug, configuration.plan):
            self.off_plan_until = now + HOLD
        self.due = self.late = None
        self.reschedule(now, configuration)
        self.close(now)

    def reschedule(self, now: int, configuration: Configuration) -> None:
        """Date the next refill by interval, plan and drug; never later than it is (RES-03)."""
        if self.at is None or self.refill is None:
            return
        interval = from_s(configuration.refill_interval_s)
        step_ends = self.course.ends(configuration.plan)
        if step_ends is not None:  # another drug is due then
            interval = min(interval, step_ends - self.at)
        stability_s = configuration.drug_stability_s
        if self.refill.stability_s is not None:
            stability_s = min(stability_s, self.refill.stability_s)
        due = self.at + min(interval, from_s(stability_s))
        if self.due is None or due < self.due:
            lead = min(MAX_LEAD, interval // 4)
            if self.due is not None and self.due_priority(now):  # what is told goes on (RES-04)
                lead = max(lead, self.lead - (self.due - due))
            self.due, self.lead = due, lead
        late = self.due + from_s(configuration.refill_grace_s)
        if not self.overdue(now):  # which no longer grace takes back (RES-04)
            self.late = late

    def predict(
        self, now: int, volume: Interval, flow_nl_per_h: int, configuration: Configuration
    ) -> None:
        """Move the due date earlier when at this flow the reservoir will be low before it."""
        if self.due is None or flow_nl_per_h <= 0:
            return
        spare_nl = max(volume.low - configuration.low_volume_nl, 0)
        low = now + spare_nl * HOUR // flow_nl_per_h
        if low < self.due:
            self.moved += self.due - low
            self.due = low
            late = low + from_s(configuration.refill_grace_s)
            self.late = late if self.late is None else min(self.late, late)

    def due_in_s(self, now: int) -> int | None:
        """Negative once past."""
        return None if self.due is None else to_s(self.due - now)

    def due_priority(self, now: int) -> Priority | None:
        """LOW ahead of the due date, MEDIUM from it on."""
        if self.due is None:
            return None
        if now >= self.due:
            return Priority.MEDIUM
        return Priority.LOW if now >= self.due - self.lead else None

    def overdue(self, now: int) -> bool:
        """Past the due date by the whole grace."""
        return self.late is not None and now >= self.late

    def dates_after(self, now: int) -> list[int]:
        """When `due_priority` or `overdue` will next tell more than now (RES-04)."""
        if self.due is None or self.late is None:
            return []
        return [date for date in (self.due - self.lead, self.due, self.late) if date > now]

    def settling(self, now: int) -> bool:
        """So soon after a refill that the pump may still be cold."""
        return now < self.warm_by

    def save(self, now: int) -> dict[str, Any]:
        """Plain data; instants as distances from `now`, since ticks restart at boot."""
        return {
            "refill": None if self.refill is None else self.refill.model_dump(),
            "refill_id": self.refill_id,
            "at": None if self.at is None else self.at - now,
            "due": None if self.due is None else self.due - now,
            "late": None if self.late is None else self.late - now,
            "lead": self.lead,
            "warm_in": self.warm_by - now,
            "window_since": None if self.window_since is None else self.window_since - now,
            "suspended": self.suspended,
            "closed_at": self.closed_at - now,
            "found": self.found,
            "emptied": self.emptied,
            "injected": self.injected,
            "step": self.course.step,
            "step_since": self.course.since - now,
        }

    def load(self, now: int, state: dict[str, Any]) -> None:
        """Take up what `save` gave, `now` being the same moment on the new count."""
        self.refill = None if state["refill"] is None else Refill(**state["refill"])
        self.refill_id = state["refill_id"]
        self.at = None if state["at"] is None else now + state["at"]
        self.due = None if state["due"] is None else now + state["due"]
        self.late = None if state["late"] is None else now + state["late"]
        self.lead, self.warm_by = state["lead"], now + state["warm_in"]
        window = state["window_since"]
        self.window_since = None if window is None else now + window
        self.suspended, self.closed_at = state["suspended"], now + state["closed_at"]
        self.found = Found(*state["found"])
        self.emptied, self.injected = state["emptied"], state["injected"]
        self.course = Course(state["step"], now + state["step_since"])

    def shift(self, least: int, most: int) -> None:
        """Time passed that the ticks did not count, so much at least and at most (RST-03).

        What is to come may come by the most; what has to have passed has done so by the least.
        """
        self.at = None if self.at is None else self.at - least
        self.course.since -= least
        self.due = None if self.due is None else self.due - most
        self.late = None if self.late is None else self.late - most
        self.warm_by -= most
        if earlier_life(self.closed_at):
            self.closed_at -= least
        if self.window_since is not None and earlier_life(self.window_since):
            self.window_since -= most
