"""Control logic on the bench host, in charge of a bare device.

The device samples and plays sounds; the logic decides here. Each sample is used once, in order.
A deadline of the logic is carried out before the sample that lies behind it; when it comes first,
the device is asked for its ticks, and that reply is also the barrier behind all earlier samples. So
the decisions equal those the same logic makes inside a device; outputs follow within a sampling
period.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from hil.errors import LocalError
from hil.exchange import told
from hil.hosted import FaultNote, HostedLogic
from hil.rig import Rig
from protocol import messages as m
from protocol.control import TICKS_PER_S, Actuation, Beliefs, ControlLogic, Readings
from protocol.vocabulary import Capability, ResetCause, Sounder

PERIOD_NS: Final = 60_000_000_000
"""T_s, the sampling period, and the longest wait at once: in remote virtual time nothing that was
decided waits longer for its output."""
SILENCE_NS: Final = 3 * PERIOD_NS
"""Without a sample for so long, the subscription is made again."""
MARGIN_NS: Final = 10_000_000
"""How much later than reckoned a deadline is looked for: the crystal may run slow."""
NS_PER_S: Final = 1_000_000_000
MAX_NOTES: Final = 10_000
"""Alarm and sounder changes, refusals and faults a summary keeps; the oldest go first."""
NEEDED: Final = frozenset({Capability.RAW_READINGS, Capability.ACTUATION})


class AlarmNote(NamedTuple):
    """An alarm was raised or changed, at the device's tick count."""

    ticks: int
    alarm: m.AlarmOccurrence


class SounderNote(NamedTuple):
    """The device took another sounder from the logic, decided at that tick count of its own."""

    ticks: int
    sounder: Sounder


@dataclass
class Summary:
    """What a run came to."""

    samples: int = 0
    missed: int = 0  # gaps in the sequence of samples
    repeated: int = 0  # samples that came again, and were not used again
    reboots: int = 0  # of the device
    outputs: int = 0  # actuations the device carried out
    shut_out: int = 0  # actuations it refused: somebody else may be in charge
    alarms: deque[AlarmNote] = field(default_factory=lambda: deque(maxlen=MAX_NOTES))
    sounder: deque[SounderNote] = field(default_factory=lambda: deque(maxlen=MAX_NOTES))
    refusals: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_NOTES))
    faults: deque[FaultNote] = field(default_factory=lambda: deque(maxlen=MAX_NOTES))
    beliefs: Beliefs | None = None


class Watch(Protocol):
    """Who looks on while it runs."""

    def alarm(self, note: AlarmNote) -> None:
        """An alarm was raised or changed."""

    def sounder(self, note: SounderNote) -> None:
        """The sounder was set to something else."""

    def fault(self, note: FaultNote) -> None:
        """The logic broke its contract; it is booted again, as in a device."""

    def progress(self, elapsed_ns: int, duration_ns: int) -> None:
        """So much of the run is done."""


class Controller:
    """One run of a logic on a rig. `summary` is up to date at any time, after Ctrl-C too."""

    def __init__(self, rig: Rig, make: Callable[[], ControlLogic], watch: Watch) -> None:
        """LocalError when the device decides for itself."""
        if not rig.capabilities >= NEEDED:
            raise LocalError(
                f"{rig.identity.device_id!r} runs {rig.identity.firmware!r} of its own; "
                'control from the bench needs a bare device: logic = "bare" in the pump file, '
                "or sim:?bare=1"
            )
        self.summary = Summary()
        self._dut = rig.dut
        self._clock = rig.clock
        self._watch = watch
        self._logic = HostedLogic(make)
        self._boot_id = 0
        self._sequence = -1  # of the last sample that was used
        self._outputs: m.Actuate | None = None  # as last sent
        self._looked = False  # for a deadline, since the last sample
        self._ticks = self._ticks_at_ns = self._heard_ns = 0

    def run(self, duration_ns: int) -> Summary:
        """Control for so long."""
        begin_ns = now_ns = self._clock.now_ns()
        end_ns = begin_ns + duration_ns
        self._begin(now_ns)
        while now_ns < end_ns:
            until_ns = min(end_ns, now_ns + PERIOD_NS, self._due_ns() or end_ns)
            now_ns = self._clock.wait(until_ns, self._dut.exchange)
            self._take_notices(now_ns)
            due_ns = self._due_ns()
            if due_ns is not None and due_ns <= now_ns:
                self._run_deadlines(now_ns)
            if now_ns - self._heard_ns > SILENCE_NS:
                self._subscribe(now_ns)
            self._watch.progress(now_ns - begin_ns, duration_ns)
        return self.summary

    # ---- the beginning

    def _begin(self, now_ns: int) -> None:
        report = self._dut.read_configuration()
        if isinstance(report, m.Refused):
            raise LocalError(f"the device tells no configuration: {told(report)}")
        self._subscribe(now_ns)
        latest = self._read(now_ns)
        self._boot_id = self._dut.exchange.boot_id
        first = latest.readings
        self._logic.boot(latest.now_ticks if first is None else latest.ticks, ResetCause.POWER_ON)
        self.summary.refusals += [
            f"provisioning: {told(refused)}" for refused in self._logic.provision(report)
        ]
        if first is not None:
            self._use(latest.ticks, first)
        self._carry_out()

    def _subscribe(self, now_ns: int) -> None:
        done = self._dut.subscribe_samples(enabled=True)
        if isinstance(done, m.Refused):
            raise LocalError(f"the device gives no samples: {told(done)}")
        self._heard_ns = now_ns

    def _read(self, now_ns: int) -> m.ReadingsReport:
        latest = self._dut.read_readings()
        if isinstance(latest, m.Refused):
            raise LocalError(f"the device gives no readings: {told(latest)}")
        self._ticks, self._ticks_at_ns = latest.now_ticks, now_ns
        return latest

    # ---- samples and deadlines

    def _take_notices(self, now_ns: int) -> None:
        while (packet := self._dut.exchange.next_notice()) is not None:
            header, body = packet
            if isinstance(body, m.Booted):
                self._reboot(header, body.cause)
            elif isinstance(body, m.Sampled):
                self._heard_ns = now_ns
                self._sampled(header, body)
                self._ticks, self._ticks_at_ns = body.ticks, now_ns
                self._looked = False
            self._carry_out()

    def _sampled(self, header: m.Header, body: m.Sampled) -> None:
        sequence = body.readings.sequence
        if sequence <= self._sequence:
            self.summary.repeated += 1
            return
        self._reboot(header, ResetCause.UNKNOWN)  # if the notice of it was lost
        if self._sequence >= 0:
            self.summary.missed += sequence - self._sequence - 1
        self._use(body.ticks, body.readings)

    def _use(self, ticks: int, readings: m.ReadingsPart) -> None:
        self._sequence = readings.sequence
        self.summary.samples += 1
        self._logic.sample(ticks, Readings(**readings.__dict__))
        self.summary.beliefs = self._logic.beliefs

    def _reboot(self, header: m.Header, cause: ResetCause) -> None:
        """The device's ticks began anew, and so does the logic, from its memory."""
        assert isinstance(header, m.NoticeHeader)
        if header.boot_id != self._boot_id:
            self._boot_id = header.boot_id
            self.summary.reboots += 1
            self._outputs = None
            self._looked = True
            self._logic.boot(0, cause)

    def _due_ns(self) -> int | None:
        """When the logic's deadline comes, reckoned from the last ticks that were told."""
        deadline = self._logic.next_deadline()
        if deadline is None or self._looked:
            return None
        missing_ns = (deadline - self._ticks) * NS_PER_S // TICKS_PER_S
        return self._ticks_at_ns + max(missing_ns, 0) + MARGIN_NS

    def _run_deadlines(self, now_ns: int) -> None:
        """A deadline that is not due after all, since the crystal runs slow, waits for a sample."""
        due = self._logic.next_deadline()
        now_ticks = self._read(now_ns).now_ticks
        self._take_notices(now_ns)
        self._logic.advance(now_ticks)
        self._looked = self._logic.next_deadline() == due
        self._carry_out()

    # ---- decisions

    def _carry_out(self) -> None:
        for fault in self._logic.take_faults():
            self.summary.faults.append(fault)
            self._watch.fault(fault)
        for decision in self._logic.take_decisions():
            if decision.outcome.actuation is not None:
                self._actuate(decision.ticks, decision.outcome.actuation)
            for alarm in decision.outcome.alarms:
                note = AlarmNote(decision.ticks, alarm)
                self.summary.alarms.append(note)
                self._watch.alarm(note)

    def _actuate(self, ticks: int, wanted: Actuation) -> None:
        body = m.Actuate(
            sounder=wanted.sounder,
            patient_signal=wanted.patient_signal,
            valve_open=wanted.valve_open,
        )
        if body != self._outputs:
            self._outputs = body
            reply = self._dut.actuate(body)
            self._note_reply("actuate", reply)
            if isinstance(reply, m.Done):
                self._note_sounder(SounderNote(ticks, body.sounder))
        if wanted.set_rtc_s is not None:
            self._note_reply("set_clock", self._dut.set_clock(wanted.set_rtc_s))

    def _note_sounder(self, note: SounderNote) -> None:
        notes = self.summary.sounder
        if note.sounder is not (notes[-1].sounder if notes else Sounder.OFF):
            notes.append(note)
            self._watch.sounder(note)

    def _note_reply(self, what: str, reply: m.Done | m.Refused) -> None:
        if isinstance(reply, m.Refused):
            self.summary.shut_out += 1
            self.summary.refusals.append(f"{what}: {told(reply)}")
        else:
            self.summary.outputs += 1
