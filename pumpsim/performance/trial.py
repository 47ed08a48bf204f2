"""One run of one fault: when it took effect, when it was detected, what it cost until then."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import TypeAdapter

from protocol.control import Outcome, Readings
from protocol.messages import Packet
from protocol.vocabulary import AlarmId, EventKind, ResetCause
from pumpsim import stimuli
from pumpsim.device import Device
from pumpsim.faults.entry import Fault
from pumpsim.performance.effects import EFFECTS, Before
from pumpsim.performance.states import States
from pumpsim.pumpfile import FillSection
from pumpsim.scenario.visits import AnyVisit, Clinic
from pumpsim.streams import Stream

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS
VISIT: Final[TypeAdapter[Any]] = TypeAdapter(AnyVisit)
LATE_FACTOR: Final = 2
"""A run goes on for that many bounds, so that a late detection can be told from none."""
NL_PER_ML: Final = 1_000_000
FL_PER_NL: Final = 1_000_000


class Verdict(StrEnum):
    """What one run showed."""

    DETECTED = "detected"
    LATE = "late"
    MISSED = "missed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Trial:
    """One run, in whole units; errors count from the effect to the detection, or to the end."""

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


@dataclass(frozen=True, slots=True)
class Tally:
    """What had flowed at an instant, in truth and as the pump believed."""

    now_ns: int
    out_nl: int
    dose_ng: int
    restrictor_nl: int
    believed_nl: int

    @classmethod
    def of(cls, device: Device) -> "Tally":
        """As of now. Out is what reached the artery or the tissue."""
        ledger = device.plant.ledger
        out_fl = ledger.delivered_fl + ledger.leaked_fl + ledger.pocket_fl
        held_fl = ledger.filled_fl - ledger.withdrawn_fl - ledger.reservoir_fl - ledger.pocket_fl
        beliefs = device.beliefs
        return cls(
            device.now_ns,
            out_fl // FL_PER_NL,
            sum(ledger.doses_ng().values()),
            held_fl // FL_PER_NL,
            0 if beliefs is None else beliefs.delivered_total_nl,
        )


class Watch:
    """A `Tap` that waits for the expected alarm, and for a fault to take effect."""

    def __init__(self, fault: Fault) -> None:
        """Armed: what is expected counts from now on."""
        self._fault = fault
        self._device: Device | None = None
        self._before: Before | None = None
        self.found_ns: int | None = None
        self.found: AlarmId | EventKind | None = None
        self.onset: Tally | None = None

    def arm(self, device: Device, before: Before) -> None:
        """The fault is about to act: what was told before does not count."""
        self._device, self._before = device, before
        self.found_ns = self.found = self.onset = None

    def look(self) -> None:
        """Whether the fault has taken effect by now."""
        device, before = self._device, self._before
        if self.onset is None and device is not None and before is not None:
            if EFFECTS[self._fault.effect_name()](device, before):
                self.onset = Tally.of(device)

    def sampled(self, now_ns: int, ticks: int, readings: Readings) -> None:
        """The sensors were read; the plant stands at this instant."""
        del now_ns, ticks, readings
        if self.onset is None:
            self.look()

    def decided(self, now_ns: int, ticks: int, outcome: Outcome) -> None:
        """The logic said something."""
        del ticks
        if self.found is not None:
            return
        told = [news.alarm for news in outcome.alarms if news.present]
        told += [event.kind for event in outcome.events]
        for word in told:
            if word in self._fault.expects and type(word) in map(type, self._fault.expects):
                self.found_ns, self.found = now_ns, word
                return

    def booted(self, now_ns: int, cause: ResetCause, boot_id: int) -> None:
        """Nothing to note."""

    def received(self, now_ns: int, link: str, packet: Packet) -> None:
        """Nothing to note."""

    def sent(self, now_ns: int, link: str, packet: Packet) -> None:
        """Nothing to note."""

    def stimulated(self, now_ns: int, stimulus: Any) -> None:
        """Within a visit too, a fault takes effect when a hand moves."""
        self.look()


class Run:
    """One run, from the state it begins in to its verdict."""

    def __init__(self, states: States, fault: Fault, seed: int, *, beyond: bool) -> None:
        """At the fault's start, at an hour that the seed draws: any phase of any window."""
        self.fault, self.seed, self.beyond = fault, seed, beyond
        chance = Stream(seed, f"trial of {fault.name}" + (" beyond" if beyond else ""))
        self.severity = _severity(fault, chance.share(0) if beyond else 0.0)
        self.watch = Watch(fault)
        self.device = states.device(seed, fault.start_day, self.watch)
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
        found_ns = self.watch.found_ns
        if found_ns is not None and found_ns < onset.now_ns and fault.visit is None:
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
        present = [alarm for alarm in fault.expects if alarm in standing]
        if present and not isinstance(present[0], EventKind):
            return f"{present[0].name.lower()} stood before"
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
        fill = self.device.pump.fill
        clinic = Clinic(self.device, {"usual": FillSection(**fill.model_dump(mode="json"))})
        clinic.receive(VISIT.validate_python(visit))
        self.watch.look()
        return clinic.journal.refusals[0][1] if clinic.journal.refusals else ""

    def _advance_to_effect(self) -> None:
        device, watch = self.device, self.watch
        end_ns = device.now_ns + self.fault.patience_s * SECOND_NS
        while watch.onset is None and device.now_ns < end_ns:
            device.advance(device.sample_ns)

    def _advance_to_detection(self, end_ns: int) -> None:
        device, watch = self.device, self.watch
        while watch.found is None and device.now_ns < end_ns:
            device.advance(min(device.sample_ns, end_ns))

    def _judge(self, onset: Tally) -> Trial:
        watch, fault = self.watch, self.fault
        end = Tally.of(self.device)
        delay_ns = None if watch.found_ns is None else max(watch.found_ns - onset.now_ns, 0)
        return Trial(
            fault.name,
            self.seed,
            self.severity,
            self.beyond,
            self._verdict(delay_ns),
            detected_by="" if watch.found is None else watch.found.name.lower(),
            onset_ns=onset.now_ns,
            delay_ns=delay_ns,
            volume_error_nl=self._volume_error_nl(onset, end),
            dose_error_percent=self._dose_error_percent(onset, end),
            belief_error_nl=end.believed_nl
            - onset.believed_nl
            - (end.restrictor_nl - onset.restrictor_nl),
        )

    def _verdict(self, delay_ns: int | None) -> Verdict:
        if delay_ns is None:
            return Verdict.MISSED
        left_nl = self.device.plant.ledger.reservoir_fl // FL_PER_NL
        in_time = delay_ns <= self.fault.bound_s * SECOND_NS and left_nl >= self.fault.least_left_nl
        return Verdict.DETECTED if in_time else Verdict.LATE

    def _volume_error_nl(self, onset: Tally, end: Tally) -> int:
        prescribed_nl = self.device.pump.pump.nominal_flow * _hours(onset, end)
        return round(end.out_nl - onset.out_nl - prescribed_nl)

    def _dose_error_percent(self, onset: Tally, end: Tally) -> float:
        pump = self.device.pump
        rate_ng_per_h = pump.pump.nominal_flow * pump.fill.concentration / NL_PER_ML
        prescribed_ng = rate_ng_per_h * _hours(onset, end)
        if not prescribed_ng:
            return 0.0
        return 100.0 * (end.dose_ng - onset.dose_ng - prescribed_ng) / prescribed_ng

    def _inconclusive(self, why: str) -> Trial:
        fault, beyond = self.fault.name, self.beyond
        return Trial(fault, self.seed, self.severity, beyond, Verdict.INCONCLUSIVE, why)


def _severity(fault: Fault, share: float) -> float:
    if fault.severity is None:
        return 0.0
    return fault.severity.stated + share * (fault.severity.worst - fault.severity.stated)


def _hours(onset: Tally, end: Tally) -> float:
    return (end.now_ns - onset.now_ns) / (3_600 * SECOND_NS)
