"""The emulated pump: plant, sensors, clock, control logic and sessions behind one pure machine.

`receive` and `advance` take the plant's instant; `messages_to_send` gives what is to leave, and
`next_deadline` the instant at which something happens next. Events happen at their exact instants,
whatever steps the caller takes. The control logic sees ticks and readings, never the instant.
"""

from dataclasses import fields
from typing import Any, Final

from protocol import messages as m
from protocol.codec import Malformed
from protocol.control import (
    TICKS_PER_S,
    Actuation,
    Beliefs,
    Event,
    Outcome,
    PowerLostError,
    Readings,
    Request,
)
from protocol.guard import FirmwareFaultError, Guard, made, restart_cause
from protocol.memory import RamMemory
from protocol.provision import provision
from protocol.session import Sessions
from protocol.vocabulary import EventKind, Refusal, ResetCause, Role, Sounder
from pumpsim import reception
from pumpsim.effects import Effects
from pumpsim.eventlog import EventLog, When
from pumpsim.logic import resolve
from pumpsim.misbehaviour import How, Misbehaving
from pumpsim.nvm import MortalMemory
from pumpsim.oscillator import Oscillator
from pumpsim.outgoing import FAR_NS, Link, Outgoing, Stamp
from pumpsim.plant.physics import PlantState
from pumpsim.plant.plant import Plant
from pumpsim.pumpfile import PumpFile
from pumpsim.sensors import Converter, Sensors, default_fit
from pumpsim.tap import Tap

SAMPLE_NS: Final = 60_000_000_000
"""T_s: the sampling period."""
HOUR_NS: Final = 60 * SAMPLE_NS
"""Between two looks of a tap at truth and belief."""
MARGIN_NS: Final = 1_000_000_000
"""More than any crystal loses or gains from sample to sample."""
NEAR_TICKS: Final = (SAMPLE_NS + MARGIN_NS) // 1_000_000_000 * TICKS_PER_S
"""A deadline of the logic farther off lies behind the next sample, and is looked at then."""
STATE: Final = fields(PlantState)
SUPPLY_LOST: Final = (ResetCause.POWER_ON, ResetCause.BROWN_OUT)
"""Resets in which memory loses its supply, too."""


class Device:
    """One pump on any number of links. Without control logic it is bare: readings and outputs."""

    def __init__(self, pump: PumpFile, seed: int, tap: Tap | None = None) -> None:
        """The parts of a pump, not running yet: see `implant`, and `snapshot.restore`.

        Raises ConfigError when the pump file names control logic that cannot be loaded.
        """
        self.pump = pump
        self.id = pump.id
        self.seed = seed
        self.now_ns = 0
        self.plant = Plant(pump.plant_parameters(), pump.patient_parameters(), seed)
        self.sensors = Sensors(seed, default_fit(pump.pump.capacity))
        self.oscillator = Oscillator(pump.clock.error_ppm, int(pump.clock.start.timestamp()))
        self.report = pump.report()
        self.log = EventLog()
        self.effects = Effects()
        self.memory = RamMemory()
        self.chip = MortalMemory(self.memory, seed, struck=self._memory_struck)
        self.sessions = Sessions()
        self.outgoing = Outgoing()
        self.timeline_id = 1
        self.boot_id = self.resets = 0
        self.reset_cause = ResetCause.POWER_ON
        self.readings: Readings | None = None
        self.reading_ticks: int | None = None  # of this life; None: they are of a life before
        self.beliefs: Beliefs | None = None
        self.actuation = Actuation(Sounder.OFF, patient_signal=False)
        self.logic = resolve(pump.pump.logic)
        self.guard: Guard | None = None
        self.sample_ns = SAMPLE_NS
        self.converter = Converter.SOUND
        self.shaky = False  # the logic has failed since it last took a sample
        self.powered = True
        self._timer_ns = FAR_NS
        self._tap = tap

    def implant(self) -> None:
        """Fill it, configure it, and start its electronics, at instant 0."""
        for name, value in self.pump.plant_conditions().items():
            self.plant.set_condition(0, name, value)
        body_k = self.pump.patient.body_temperature / 1e3
        self.plant.fill(0, self.pump.fill.volume, self.pump.fluid(), body_k)
        self.oscillator.update(0, body_k)
        self._boot(ResetCause.POWER_ON)
        for command in provision(self.report) if self.guard else ():
            self.ask_logic(Request(command, Role.SERVICE, 0))
        self._sample(0)
        self.arm()

    def watch(self, tap: Tap) -> None:
        """From now on that tap sees what crosses a boundary."""
        self._tap = tap

    @property
    def bare(self) -> bool:
        """Whether it has no control logic of its own."""
        return self.logic is None

    @property
    def config_id(self) -> int:
        """Of the configuration its logic goes by, as the logic itself tells; 0 is none (FLW-07)."""
        return 0 if self.beliefs is None else self.beliefs.config_id

    # ---- links

    def attach(
        self, link: str, telemetry_period_ns: int = 0, *, first_ns: int = 0, events: bool = False
    ) -> None:
        """A link appears, its telemetry at `first_ns` or at once; ValueError for too many links."""
        subscriber = Link(events=events)
        first_ns = max(first_ns, self.now_ns)
        subscriber.subscribe(first_ns, 0 if self.bare else telemetry_period_ns)
        self.outgoing.attach(link, subscriber)
        self.arm()

    def detach(self, link: str) -> None:
        """A link went away, its subscriptions with it; sessions live on until they are idle."""
        self.outgoing.links.pop(link, None)
        self.arm()

    def hold(self, link: str) -> None:
        """Keep telemetry from a link that cannot take it."""
        self.outgoing.links[link].held = True

    def release(self, now_ns: int, link: str) -> None:
        """Let telemetry flow again, from its next instant on."""
        self.outgoing.links[link].release(max(now_ns, self.now_ns))
        self.arm()

    def announce(self) -> None:
        """Tell every link which life and which timeline this is."""
        body = m.Booted(timeline_id=self.timeline_id, cause=self.reset_cause, resets=self.resets)
        self.outgoing.notify(self._stamp(), body)

    def receive(self, now_ns: int, link: str, packet: m.Packet) -> None:
        """A packet came in; replies and notices are never answered."""
        self.advance(now_ns)
        header = packet.header
        if not self.powered or not isinstance(header, m.AskHeader | m.CommandHeader):
            return
        if self._tap is not None:
            self._tap.received(now_ns, link, packet)
        reply = reception.answer(self, link, packet)
        self.outgoing.reply(self._stamp(), link, header.request_id, reply)
        self.arm()

    def refuse(self, now_ns: int, link: str, malformed: Malformed) -> None:
        """Answer, and log, what meant to be a request and was none. The caller limits the rate."""
        self.advance(now_ns)
        if malformed.answerable and self.powered:
            self.record(EventKind.COMMAND_REFUSED, int(malformed.reason))  # LOG-01
            reply = m.Refused(reason=malformed.reason, detail=malformed.detail)
            self.outgoing.reply(self._stamp(), link, malformed.request_id or 0, reply)

    def messages_to_send(self) -> list[tuple[str, m.Packet]]:
        """(link, packet) in order, each given once."""
        outbox = self.outgoing.drain()
        if self._tap is not None:
            for link, packet in outbox:
                self._tap.sent(self.now_ns, link, packet)
        return outbox

    def presence(self, *, online: bool) -> m.Packet:
        """Birth or last will of this device on MQTT."""
        body = m.Presence(online=online, device_id=self.id, timeline_id=self.timeline_id)
        return m.Packet(self.outgoing.header(self._stamp(), body, counted=online), body)

    # ---- time

    def next_deadline(self) -> int:
        """The next instant at which `advance` would do something."""
        return min(self.sample_ns, self._timer_ns)

    def advance(self, now_ns: int) -> None:
        """Do everything that is due up to an instant, each thing at its own."""
        while True:
            if self._timer_ns <= self.sample_ns:
                if self._timer_ns > now_ns:
                    break
                self._run_timers(self._timer_ns)
            elif self.sample_ns > now_ns:
                break
            else:
                self._sample(self.sample_ns)
        self.now_ns = max(self.now_ns, now_ns)

    def ticks(self) -> int:
        """The oscillator's count now."""
        return self.oscillator.ticks(self.now_ns)

    def uptime_ms(self) -> int:
        """Device time since boot."""
        return self.ticks() * 1_000 // TICKS_PER_S

    def stimulate(self, now_ns: int, stimulus: Any) -> dict[str, int]:
        """The laboratory or the patient's life acts; returns what came of it, such as a volume.

        Raises ValueError, and changes nothing, when it cannot be.
        """
        self.advance(now_ns)
        result: dict[str, int] = stimulus.act(self, now_ns)
        self.arm()
        if self._tap is not None:
            self._tap.stimulated(now_ns, stimulus)
        return result

    def reset(self, now_ns: int, cause: ResetCause) -> None:
        """The electronics start anew; the hydraulics never noticed. ValueError without supply."""
        self.advance(now_ns)
        if not self.powered:
            raise ValueError("the electronics have no supply: power_on starts them")
        self._boot(cause)
        self.arm()

    def power_off(self, now_ns: int) -> None:
        """The electronics lose their supply until `power_on`; clock and hydraulics go on."""
        self.advance(now_ns)
        self.powered = False
        self.guard = self.beliefs = None
        self.sessions.reboot(self.boot_id)
        self.actuation = Actuation(Sounder.OFF, patient_signal=False)
        self.arm()

    def power_on(self, now_ns: int) -> None:
        """Supply for electronics that had none: they boot."""
        self.advance(now_ns)
        if self.powered:
            return
        self.powered = True
        self._boot(ResetCause.POWER_ON)
        self.arm()

    def truth(self) -> dict[str, Any]:
        """What the laboratory sees: the plant as it is, and every account of the ledger."""
        plant = self.plant
        return {
            "now_ns": plant.now_ns,
            "state": {field.name: getattr(plant.state, field.name) for field in STATE},
            "conditions": dict(plant.conditions),
            "held": plant.held,
            "powered": self.powered,
            "sensor_faults": self.sensors.faults_set(),
            "faults": self.effects.report(),
            "ledger": plant.ledger.accounts(),
            "doses_ng": plant.ledger.doses_ng(),
            "lost_ng": plant.ledger.lost_ng(),
            "ticks": self.ticks(),
            "actuation": self.actuation._asdict(),
        }

    # ---- sampling and timers

    def _sample(self, at_ns: int) -> None:
        """The hot path: plant, clock, sensors, logic."""
        plant, oscillator = self.plant, self.oscillator
        plant.advance(at_ns)
        self.now_ns = at_ns
        self.sample_ns = at_ns - at_ns % SAMPLE_NS + SAMPLE_NS
        oscillator.update(at_ns, plant.state.pump_temperature_k)
        if self.guard is None and self.logic is not None and self.powered:
            self._boot(ResetCause.FIRMWARE_FAULT)  # it failed twice, and gets another chance
        ticks = oscillator.ticks(at_ns)
        readings = self._convert(at_ns)
        if readings is not None:
            self._deliver(ticks, readings)
        if self.log.runs and self.powered:
            self._tell(self.log.tell_repeats(self._when()))
        if not at_ns % HOUR_NS and self._tap is not None:
            self._tap.hour(at_ns)
        deadline = None if self.guard is None else self.guard.deadline
        near = deadline is not None and deadline - ticks < NEAR_TICKS
        if near or self._timer_ns < self.sample_ns + MARGIN_NS:
            self.arm()  # the oscillator's rate has changed, and with it every instant

    def _convert(self, at_ns: int) -> Readings | None:
        """What the converter delivers at this instant; nothing without supply."""
        if not self.powered:
            return None
        if self.converter is not Converter.SOUND:
            self.effects.struck("converter", at_ns)
            return self.readings if self.converter is Converter.FROZEN else None
        rtc = (self.oscillator.rtc_s(at_ns), self.oscillator.rtc_valid)
        readings = self.sensors.sample(at_ns // SAMPLE_NS, self.plant.state, at_ns, rtc)
        if self.effects.waiting:
            for part in self.sensors.differing:
                self.effects.struck(part, at_ns)
            if self.sensors.supply_mv is None:
                self.effects.struck("battery", at_ns)
        return readings

    def _deliver(self, ticks: int, readings: Readings) -> None:
        """A sample for whoever wants it; the logic never gets one it was given before (SEN-06)."""
        if readings is not self.readings:
            self.readings, self.reading_ticks = readings, ticks
            if self._tap is not None:
                self._tap.sampled(self.now_ns, ticks, readings)
            if self.guard is not None:
                self._decide(self.guard, ticks, readings)
        if self.outgoing.links and self.outgoing.wants_samples():
            part = m.ReadingsPart(**readings._asdict())
            self.outgoing.notify(self._stamp(), m.Sampled(ticks=ticks, readings=part))

    def _decide(self, guard: Guard, ticks: int, readings: Readings) -> None:
        try:
            outcome = guard.sample(ticks, readings)
        except (FirmwareFaultError, PowerLostError) as error:
            self._fail(error)
            return
        self.shaky = False
        if outcome.beliefs is not None:
            self.beliefs = outcome.beliefs
        if outcome.events or outcome.actuation or outcome.alarms:
            self._apply(ticks, outcome)

    def _memory_struck(self) -> None:
        self.effects.struck("memory", self.now_ns)

    def arm(self) -> None:
        """Find the next instant that belongs to a timer: all of them run on device time."""
        if not self.powered:
            self._timer_ns = FAR_NS
            return
        timer_ns = self.outgoing.next_telemetry_ns()
        if self.guard is not None and self.guard.deadline is not None:
            timer_ns = min(timer_ns, self._instant_of(self.guard.deadline))
        idle_ms = self.sessions.next_deadline_ms()
        if idle_ms is not None:
            timer_ns = min(timer_ns, self._instant_of(-(-idle_ms * TICKS_PER_S // 1_000)))
        self._timer_ns = timer_ns

    def _instant_of(self, ticks: int) -> int:
        at_ns = self.oscillator.instant_of(ticks)
        if at_ns is None:
            return FAR_NS
        return at_ns if at_ns > self.now_ns else self.now_ns

    def _run_timers(self, at_ns: int) -> None:
        self.now_ns = max(self.now_ns, at_ns)
        guard, ticks = self.guard, self.ticks()
        if guard is not None and guard.deadline is not None and ticks >= guard.deadline:
            try:
                self._apply(ticks, guard.advance(ticks))
            except (FirmwareFaultError, PowerLostError) as error:
                self._fail(error)
        for session in self.sessions.expire(self.uptime_ms()):
            reception.end_session(self, session)
        for link in self.outgoing.due(self.now_ns, self.sample_ns):
            status = self.ask_logic(Request(m.GetStatus(), *reception.NOBODY))
            if isinstance(status, m.Status):
                self.outgoing.telemetry(self._stamp(), link, status.status)
        self.arm()

    # ---- the control logic

    def ask_logic(self, request: Request) -> m.Reply:
        """Let the logic answer; its failure is an answer too."""
        if self.guard is None:
            return m.Refused(reason=Refusal.UNSUPPORTED, detail="no control logic runs here")
        ticks = self.ticks()
        try:
            outcome = self.guard.handle(ticks, request)
        except (FirmwareFaultError, PowerLostError) as error:
            self._fail(error)
            return m.Refused(reason=Refusal.FIRMWARE_FAULT)
        self._apply(ticks, outcome, request.role)
        assert isinstance(outcome.reply, m.Reply)  # the guard has seen to it
        return outcome.reply

    def actuate(self, actuation: Actuation) -> None:
        """Set the outputs; a clock to be set is set once."""
        if actuation.set_rtc_s is not None:
            self.oscillator.set_rtc(self.now_ns, actuation.set_rtc_s)
        self.actuation = actuation._replace(set_rtc_s=None)

    def misbehave(self, how: How) -> None:
        """The logic goes wrong at its next call; ValueError when none is running."""
        if self.guard is None:
            raise ValueError("no control logic runs here")
        logic = self.guard.logic
        if isinstance(logic, Misbehaving):
            logic = logic.logic
        self.guard.logic = Misbehaving(logic, how, self._firmware_struck)

    def _firmware_struck(self) -> None:
        self.effects.struck("firmware", self.now_ns)

    def firmware_name(self) -> str:
        """What identifies the control logic, as its class gives it."""
        name = "bare" if self.bare else getattr(self.logic, "name", self.pump.pump.logic)
        return str(name)[: m.MAX_NAME]

    def record(
        self, kind: EventKind, subject: int = 0, value: int = 0, role: Role | None = None
    ) -> None:
        """Add an event of the device's own to the log."""
        self.note(Event(kind, subject, value), role)

    def note(self, event: Event, role: Role | None, command: int | None = None) -> None:
        """Add an event to the log, of the logic's, or that a command of this code was refused."""
        self._tell(self.log.append(self._when(), event, role, command))

    def _boot(self, cause: ResetCause) -> None:
        self.resets += self.boot_id > 0
        self.boot_id += 1
        self.reset_cause = cause
        self.beliefs = self.reading_ticks = None
        self.oscillator.boot(self.now_ns)
        self.sessions.reboot(self.boot_id)
        self.chip.restart(supply_lost=cause in SUPPLY_LOST)
        if self._tap is not None:
            self._tap.booted(self.now_ns, cause, self.boot_id)
        started = self._start(cause)
        if isinstance(started, Outcome):  # FLW-07: what is told of the boot has its configuration
            self.beliefs = started.beliefs
        self.record(EventKind.BOOT, int(cause), self.resets)
        self.announce()
        if isinstance(started, Outcome):
            reception.settle(self, started.kept)
            self._apply(0, started)
        elif started is not None:
            self._fail(started)

    def _start(self, cause: ResetCause) -> Outcome | FirmwareFaultError | PowerLostError | None:
        """Boot new logic: what it led to, or how it failed; None for a bare device."""
        self.guard = None
        if self.logic is None:
            return None
        try:
            guard = Guard(made(self.logic))
            outcome = guard.boot(self.chip, cause, 0)
        except (FirmwareFaultError, PowerLostError) as error:
            return error
        self.guard = guard
        return outcome

    def _fail(self, error: FirmwareFaultError | PowerLostError) -> None:
        """The logic broke its contract, or its supply failed; it starts anew, now or later."""
        if isinstance(error, FirmwareFaultError):
            self.record(EventKind.FIRMWARE_FAULT, int(error.fault))
        self.guard = self.beliefs = None
        cause = restart_cause(error, shaky=self.shaky)
        self.shaky = True
        if cause is not None:
            self._boot(cause)
        self.arm()

    def _apply(self, ticks: int, outcome: Outcome, role: Role | None = None) -> None:
        """Carry out what the logic wants, in the order of ALM-10: sound first, then publish."""
        if outcome.beliefs is not None:
            self.beliefs = outcome.beliefs
        if outcome.actuation is not None:
            self.actuate(outcome.actuation)
        if self._tap is not None:
            self._tap.decided(self.now_ns, ticks, outcome)
        for event in outcome.events:
            self.note(event, role)
        for alarm in outcome.alarms:
            self.outgoing.notify(self._stamp(), m.AlarmChanged(alarm=alarm))

    def _tell(self, entries: list[m.LogEntry]) -> None:
        for entry in entries:
            self.outgoing.notify(self._stamp(), m.EventLogged(entry=entry))

    def _when(self) -> When:
        now_ns, clock = self.now_ns, self.oscillator
        return When(
            clock.life_s(now_ns),
            self.boot_id,
            self.uptime_ms(),
            clock.rtc_s(now_ns),
            clock.rtc_valid,
        )

    def _stamp(self) -> Stamp:
        return Stamp(self.boot_id, self.config_id, self.uptime_ms())
