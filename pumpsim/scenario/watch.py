"""The one tap of a run: it passes everything to the trace and keeps what a summary tells."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from protocol.control import Outcome, Readings
from protocol.messages import AlarmOccurrence, Packet
from protocol.vocabulary import AlarmId, Cause, Priority, ResetCause
from pumpsim.trace import Trace

if TYPE_CHECKING:
    from pumpsim.scenario.recorder import Recorder


@dataclass(slots=True)
class AlarmRow:
    """One occurrence of an alarm and when it changed, in plant instants."""

    alarm: AlarmId
    occurrence: int
    raised_ns: int
    causes: tuple[Cause, ...] = ()  # all that the symptoms allowed when it was raised
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
        """Set `recorder` before the run, when there is to be one."""
        self.trace = trace
        self.recorder: Recorder | None = None
        self.alarms: dict[int, AlarmRow] = {}
        self.boots: list[tuple[int, ResetCause]] = []
        self.stimuli: list[tuple[int, Any]] = []

    def booted(self, now_ns: int, cause: ResetCause, boot_id: int) -> None:
        """A life of the device began."""
        self.trace.booted(now_ns, cause, boot_id)
        self.boots.append((now_ns, cause))

    def sampled(self, now_ns: int, ticks: int, readings: Readings) -> None:
        """The sensors were read: the hot path."""
        self.trace.sampled(now_ns, ticks, readings)
        if self.recorder is not None:
            self.recorder.take(now_ns)

    def hour(self, now_ns: int) -> None:
        """Time to lay truth beside belief."""
        self.trace.hour(now_ns)

    def decided(self, now_ns: int, ticks: int, outcome: Outcome) -> None:
        """The logic said something."""
        self.trace.decided(now_ns, ticks, outcome)
        for news in outcome.alarms:
            row = self.alarms.get(news.occurrence)
            if row is None:
                causes = () if outcome.beliefs is None else outcome.beliefs.causes
                row = AlarmRow(news.alarm, news.occurrence, now_ns, causes)
                self.alarms[news.occurrence] = row
            row.learn(now_ns, news)

    def received(self, now_ns: int, link: str, packet: Packet) -> None:
        """A packet came in."""
        self.trace.received(now_ns, link, packet)

    def sent(self, now_ns: int, link: str, packet: Packet) -> None:
        """A packet went out."""
        self.trace.sent(now_ns, link, packet)

    def stimulated(self, now_ns: int, stimulus: Any) -> None:
        """The laboratory or the patient's life acted."""
        self.trace.stimulated(now_ns, stimulus)
        self.stimuli.append((now_ns, stimulus))
