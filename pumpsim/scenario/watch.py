"""The one tap of a run: it passes everything to the trace and keeps what a summary tells."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from protocol.control import Beliefs, Outcome, Readings
from protocol.messages import AlarmOccurrence, Packet
from protocol.vocabulary import AlarmId, Cause, Priority, ResetCause
from pumpsim.device import Device
from pumpsim.effects import Effects
from pumpsim.scenario.faultbook import FaultBook
from pumpsim.trace import Trace

if TYPE_CHECKING:
    from pumpsim.scenario.recorder import Recorder


@dataclass(slots=True)
class AlarmRow:
    """One occurrence of an alarm and when it changed, in plant instants."""

    alarm: AlarmId
    occurrence: int
    raised_ns: int
    latching: bool
    steps: list[tuple[int, Priority]] = field(default_factory=list)  # (instant, from then on)
    ended_ns: int | None = None
    acknowledged_ns: int | None = None

    @property
    def priority(self) -> Priority:
        """The highest it had: it never falls (ALM-18)."""
        return self.steps[-1][1]

    def learn(self, now_ns: int, news: AlarmOccurrence) -> None:
        """Note what changed."""
        if not self.steps or news.priority != self.priority:
            self.steps.append((now_ns, news.priority))
        if not news.present and self.ended_ns is None:
            self.ended_ns = now_ns
        if news.acknowledged and self.acknowledged_ns is None:
            self.acknowledged_ns = now_ns


class Watch:
    """A `Tap` for a whole run. The recorder is for pictures and may be left out."""

    def __init__(self, trace: Trace) -> None:
        """Before the run: `follow` its device, and set `recorder` when there is to be one."""
        self.trace = trace
        self.recorder: Recorder | None = None
        self.alarms: dict[int, AlarmRow] = {}
        self.boots: list[tuple[int, ResetCause]] = []
        self.stimuli: list[tuple[int, Any]] = []
        self.faults = FaultBook(Effects())
        self.causes: list[tuple[int, tuple[Cause, ...]]] = []  # (instant, held possible from then)
        self._device: Device | None = None
        self._held: tuple[Cause, ...] = ()
        self._sampled_ns = 0

    def follow(self, device: Device) -> None:
        """The device that is tapped: its faults and beliefs are looked at."""
        self._device, self.faults = device, FaultBook(device.effects)

    def end(self) -> str:
        """The run is over; the hash of its trace."""
        self._look()
        return self.trace.end()

    def booted(self, now_ns: int, cause: ResetCause, boot_id: int) -> None:
        """A life of the device began."""
        self._look()
        self.trace.booted(now_ns, cause, boot_id)
        self.boots.append((now_ns, cause))

    def sampled(self, now_ns: int, ticks: int, readings: Readings) -> None:
        """The sensors were read: the hot path."""
        self._look()
        self._sampled_ns = now_ns
        self.trace.sampled(now_ns, ticks, readings)
        if self.recorder is not None:
            self.recorder.take(now_ns)

    def hour(self, now_ns: int) -> None:
        """Time to lay truth beside belief."""
        self._look()
        self.trace.hour(now_ns)

    def decided(self, now_ns: int, ticks: int, outcome: Outcome) -> None:
        """The logic said something."""
        self._learn_causes(now_ns, outcome.beliefs)
        self._look()
        self.trace.decided(now_ns, ticks, outcome)
        for news in outcome.alarms:
            row = self.alarms.get(news.occurrence)
            if row is None:
                row = AlarmRow(news.alarm, news.occurrence, now_ns, news.latching)
                self.alarms[news.occurrence] = row
            row.learn(now_ns, news)

    def received(self, now_ns: int, link: str, packet: Packet) -> None:
        """A packet came in."""
        self._look()
        self.trace.received(now_ns, link, packet)

    def sent(self, now_ns: int, link: str, packet: Packet) -> None:
        """A packet went out."""
        self._look()
        self.trace.sent(now_ns, link, packet)

    def stimulated(self, now_ns: int, stimulus: Any) -> None:
        """The laboratory or the patient's life acted."""
        self._look()
        self.trace.stimulated(now_ns, stimulus)
        self.stimuli.append((now_ns, stimulus))
        self.faults.learn(now_ns, stimulus)
        self._look()

    def _look(self) -> None:
        """What changed since, and was told by nobody: effects of faults, causes without an alarm.

        Effects stand in the trace at their place: whatever comes later is written later.
        """
        if self.faults.waiting:
            for at_ns, number, name in self.faults.struck():
                self.trace.effect(at_ns, number, name)
        if self._device is not None:
            self._learn_causes(self._sampled_ns, self._device.beliefs)

    def _learn_causes(self, at_ns: int, beliefs: Beliefs | None) -> None:
        if beliefs is not None and beliefs.causes != self._held:
            self._held = beliefs.causes
            self.causes.append((at_ns, beliefs.causes))
