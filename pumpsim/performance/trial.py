"""One run of one fault: when it took effect, when it was detected, what it cost until then."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from pydantic import TypeAdapter

from protocol.vocabulary import EventKind
from pumpsim import stimuli
from pumpsim.catalogue.entry import Fault
from pumpsim.device import Device
from pumpsim.performance.effects import Before
from pumpsim.performance.watch import FL_PER_NL, Tally, Watch
from pumpsim.pumpfile import FillSection
from pumpsim.scenario.programmer import DeviceBedside
from pumpsim.scenario.visits import AnyVisit, Clinic
from pumpsim.streams import Stream
from pumpsim.tap import Tap

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS
VISIT: Final[TypeAdapter[Any]] = TypeAdapter(AnyVisit)
LATE_FACTOR: Final = 2
"""A run goes on for that many bounds, so that a late detection can be told from none."""
NL_PER_ML: Final = 1_000_000


class Verdict(StrEnum):
    """What one run showed."""

    DETECTED = "detected"
    LATE = "late"
    MISSED = "missed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Trial:
    """One run, in whole units.

    Errors count from the effect to the detection, or to the end; in a visit from its first act,
    since its hands do harm before anything is declared. The dose error is in per cent of the dose
    prescribed for a day: seconds and days until detection are told on one scale.
    """

    fault: str
    seed: int
    severity: float
    beyond: bool
    verdict: Verdict
    why: str = ""
    detected_by: str = ""
    onset_ns: int = 0
    delay_ns: int | None = None
    volume_error_nl: int = 0
    dose_error_percent: float = 0.0
    belief_error_nl: int = 0
    told_nl: int | None = None
    """The volume that an event named; `released_nl` is what really left the catheter at once."""
    released_nl: int | None = None


class Pumps(Protocol):
    """Where a run's pump comes from."""

    def device(self, seed: int, day: int, tap: Tap) -> Device:
        """The pump of that seed, so many days after it was implanted and filled."""


class Run:
    """One run, from the state it begins in to its verdict."""

    def __init__(self, pumps: Pumps, fault: Fault, seed: int, *, beyond: bool) -> None:
        """At the fault's start, at an hour that the seed draws: any phase of any window."""
        self.fault, self.seed, self.beyond = fault, seed, beyond
        chance = Stream(seed, f"trial of {fault.name}" + (" beyond" if beyond else ""))
        self.severity = _severity(fault, chance.share(0) if beyond else 0.0)
        self.watch = Watch(fault)
        self.device = pumps.device(seed, fault.start_day, self.watch)
        self.device.advance(self.device.now_ns + int(chance.share(1) * DAY_NS))

    def play(self) -> Trial:
        """Let it happen, and see."""
        try:
            why = self._act()
        except ValueError as error:
            return self._inconclusive(str(error))
        if why:
            return self._inconclusive(why)
        self._advance_to_effect()
        onset, fault = self.watch.onset, self.fault
        if onset is None:
            return self._inconclusive("did not take effect")
        self._advance_to_detection(onset.now_ns + LATE_FACTOR * fault.bound_s * SECOND_NS)
        found = self.watch.found_at
        if found is not None and found.now_ns < onset.now_ns and fault.visit is None:
            return self._inconclusive("the alarm sounded before the fault took effect")
        return self._judge(onset)

    def _act(self) -> str:
        """Let the fault happen; why it tries nothing, or an empty text."""
        fault, device = self.fault, self.device
        steps, visit = fault.steps_at(self.severity), fault.visit_at(self.severity)
        for after_s, stimulus in steps[:-1]:
            self._stimulate(after_s, stimulus)
        if steps:
            device.advance(device.now_ns + steps[-1].after_s * SECOND_NS)
        standing = () if device.beliefs is None else device.beliefs.alarms
        for alarm in standing:
            if fault.awaits(alarm):
                return f"{alarm.name.lower()} stood before"
        self.watch.arm(device, Before.of(device))
        if steps:
            self._stimulate(0, steps[-1].stimulus)
        if visit is not None:
            return self._receive(visit)
        return ""

    def _stimulate(self, after_s: int, stimulus: Any) -> None:
        at_ns = self.device.now_ns + after_s * SECOND_NS
        self.device.stimulate(at_ns, stimuli.ADAPTER.validate_python(stimulus))

    def _receive(self, visit: Any) -> str:
        pump = self.device.pump
        usual = FillSection(**pump.fill.model_dump(mode="json"))
        clinic = Clinic(DeviceBedside(self.device), pump, {"usual": usual})
        clinic.receive(VISIT.validate_python(visit))
        return clinic.journal.refusals[0][1] if clinic.journal.refusals else ""

    def _advance_to_effect(self) -> None:
        device, watch = self.device, self.watch
        end_ns = device.now_ns + self.fault.patience_s * SECOND_NS
        watch.look()
        while watch.onset is None and device.now_ns < end_ns:
            device.advance(device.sample_ns)
            watch.look()

    def _advance_to_detection(self, end_ns: int) -> None:
        device, watch = self.device, self.watch
        while watch.found is None and device.now_ns < end_ns:
            device.advance(min(device.sample_ns, end_ns))

    def _judge(self, onset: Tally) -> Trial:
        watch, fault = self.watch, self.fault
        end = watch.found_at or Tally.of(self.device)
        since = watch.began if fault.visit is not None and watch.began is not None else onset
        released = watch.found is EventKind.OCCLUSION_RELEASED
        released_fl = watch.held_fl - self.device.plant.ledger.catheter_fl
        found = watch.found_at
        delay_ns = None if found is None else max(found.now_ns - onset.now_ns, 0)
        return Trial(
            fault.name,
            self.seed,
            self.severity,
            self.beyond,
            self._verdict(delay_ns),
            detected_by="" if watch.found is None else watch.found.name.lower(),
            onset_ns=onset.now_ns,
            delay_ns=delay_ns,
            volume_error_nl=self._volume_error_nl(since, end),
            dose_error_percent=self._dose_error_percent(since, end),
            belief_error_nl=end.believed_nl
            - since.believed_nl
            - (end.restrictor_nl - since.restrictor_nl),
            told_nl=watch.told if released else None,
            released_nl=released_fl // FL_PER_NL if released else None,
        )

    def _verdict(self, delay_ns: int | None) -> Verdict:
        if delay_ns is None:
            return Verdict.MISSED
        in_time = delay_ns <= self.fault.bound_s * SECOND_NS and self._enough_is_left()
        return Verdict.DETECTED if in_time else Verdict.LATE

    def _enough_is_left(self) -> bool:
        """Whether somebody who hears it now finds what the alarm promises."""
        margin_nl, pump = self.fault.margin_below_low_nl, self.device.pump
        if margin_nl is None:
            return True
        left_nl = self.device.plant.ledger.reservoir_fl // FL_PER_NL
        return left_nl >= pump.alarms.low_volume - margin_nl

    def _volume_error_nl(self, since: Tally, end: Tally) -> int:
        prescribed_nl = self.device.pump.pump.nominal_flow * _hours(since, end)
        return round(end.out_nl - since.out_nl - prescribed_nl)

    def _dose_error_percent(self, since: Tally, end: Tally) -> float:
        pump = self.device.pump
        rate_ng_per_h = pump.pump.nominal_flow * pump.fill.concentration / NL_PER_ML
        error_ng = end.dose_ng - since.dose_ng - rate_ng_per_h * _hours(since, end)
        return 100.0 * error_ng / (24 * rate_ng_per_h) if rate_ng_per_h else 0.0

    def _inconclusive(self, why: str) -> Trial:
        fault, beyond = self.fault.name, self.beyond
        return Trial(fault, self.seed, self.severity, beyond, Verdict.INCONCLUSIVE, why)


def _severity(fault: Fault, share: float) -> float:
    if fault.severity is None:
        return 0.0
    return fault.severity.stated + share * (fault.severity.worst - fault.severity.stated)


def _hours(since: Tally, end: Tally) -> float:
    return (end.now_ns - since.now_ns) / (3_600 * SECOND_NS)
