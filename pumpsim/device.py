"""The emulated pump: plant, sensors, clock, control logic and session behind one pure machine.

`receive` and `advance` take the plant's instant; `messages_to_send` gives what is to leave, and
`next_deadline` the instant at which something happens next. Events happen at their exact instants,
whatever steps the caller takes. The control logic sees ticks and readings, never the instant.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from protocol import messages as m
from protocol.codec import Malformed, schema_hash
from protocol.control import (
    TICKS_PER_S,
    Actuation,
    Beliefs,
    ControlLogic,
    Event,
    Outcome,
    PowerLostError,
    Readings,
    Request,
    Restorable,
)
from protocol.framing import MAX_PAYLOAD_BYTES
from protocol.guard import FirmwareFaultError, Guard
from protocol.memory import RamMemory
from protocol.provision import provision
from protocol.session import IDLE_LIMIT_MS, VALIDITY_LIMIT_MS, Session, Sessions
from protocol.vocabulary import Capability, EventKind, Refusal, ResetCause, Role, Sounder
from pumpsim.eventlog import EventLog
from pumpsim.logic import resolve
from pumpsim.oscillator import Oscillator
from pumpsim.plant.plant import Plant
from pumpsim.pumpfile import PumpFile
from pumpsim.sensors import Sensors
from pumpsim.tap import Tap

SAMPLE_NS: Final = 60_000_000_000
"""T_s: the sampling period."""
FAR_NS: Final = 2**63 - 1
MAX_LINKS: Final = 256
SNAPSHOT_SCHEMA: Final = 1


@dataclass(slots=True)
class Link:
    """What a link asked for."""

    events: bool = False
    samples: bool = False
    period_ns: int = 0
    telemetry_ns: int = FAR_NS
    telemetry_sequence: int = 0


class Device:
    """One pump on any number of links. Without control logic it is bare: readings and outputs."""

    def __init__(self, pump: PumpFile, seed: int, tap: Tap | None = None) -> None:
        """A pump just implanted, filled and configured at instant 0; ConfigError for its logic."""
        self._assemble(pump, seed, tap)
        factor = pump.pump.restrictor_conductance_factor
        self.plant.set_condition(0, "restrictor_conductance_factor", factor)
        body_k = pump.patient.body_temperature / 1e3
        self.plant.fill(0, pump.fill.volume, pump.fluid(), body_k)
        self.oscillator.update(0, body_k)
        self._boot(ResetCause.POWER_ON)
        for command in provision(self._report) if self._guard else ():
            self._ask_logic(Request(command, Role.SERVICE, 0))
        self._sample(0)
        self._arm()

    def _assemble(self, pump: PumpFile, seed: int, tap: Tap | None) -> None:
        self.pump = pump
        self.seed = seed
        self.id = pump.id
        self.now_ns = 0
        self.plant = Plant(pump.plant_parameters(), pump.patient_parameters(), seed)
        self.sensors = Sensors(seed)
        start_s = int(pump.clock.start.timestamp())
        self.oscillator = Oscillator(pump.clock.error_ppm, start_s)
        self.log = EventLog()
        self.memory = RamMemory()
        self.timeline_id = 1
        self.boot_id = self.resets = self.config_id = 0
        self.readings: Readings | None = None
        self.reading_ticks = 0
        self.beliefs: Beliefs | None = None
        self.actuation = Actuation(Sounder.OFF, patient_signal=False)
        self.reset_cause = ResetCause.POWER_ON
        self._report = pump.report()
        self._logic: Callable[[], ControlLogic] | None = resolve(pump.pump.logic)
        self._guard: Guard | None = None
        self._tap = tap
        self._sessions = Sessions()
        self._links: dict[str, Link] = {}
        self._outbox: list[tuple[str, m.Packet]] = []
        self._notice_counts: dict[int, int] = {}
        self._sample_ns = SAMPLE_NS
        self._timer_ns = FAR_NS

    @property
    def bare(self) -> bool:
        """Whether it has no control logic of its own."""
        return self._logic is None

    # ---- links

    def attach(self, link: str, telemetry_period_ns: int = 0, *, events: bool = False) -> None:
        """A link appears; ValueError when there are too many."""
        if len(self._links) >= MAX_LINKS:
            message = f"more than {MAX_LINKS} links to one device"
            raise ValueError(message)
        self._links[link] = Link(events=events)
        self._subscribe(self._links[link], telemetry_period_ns, self.now_ns)

    def detach(self, link: str) -> None:
        """A link went away, and its subscriptions with it; sessions live on until they are idle."""
        self._links.pop(link, None)
        self._arm()

    def receive(self, now_ns: int, link: str, packet: m.Packet) -> None:
        """A packet came in; replies and notices are never answered."""
        self.advance(now_ns)
        if not isinstance(packet.body, m.Ask | m.Command):
            return
        if self._tap is not None:
            self._tap.received(now_ns, link, packet)
        if isinstance(packet.body, m.Command):
            reply = self._command(packet)
        else:
            header = packet.header
            if isinstance(header, m.AskHeader):
                self._sessions.touch(header.session_id, self.uptime_ms())
            reply = self._ask(link, packet.body)
        self._reply(link, packet.header.request_id, reply)  # type: ignore[union-attr]
        self._arm()

    def refuse(self, now_ns: int, link: str, malformed: Malformed) -> None:
        """Answer something that meant to be a request and was none. The caller limits the rate."""
        self.advance(now_ns)
        if malformed.answerable:
            reply = m.Refused(reason=malformed.reason, detail=malformed.detail)
            self._reply(link, malformed.request_id or 0, reply)

    def messages_to_send(self) -> list[tuple[str, m.Packet]]:
        """(link, packet) in order, each given once."""
        if not self._outbox:
            return []
        outbox, self._outbox = self._outbox, []
        if self._tap is not None:
            for link, packet in outbox:
                self._tap.sent(self.now_ns, link, packet)
        return outbox

    def presence(self, *, online: bool) -> m.Packet:
        """Birth or last will of this device on MQTT."""
        body = m.Presence(online=online, device_id=self.id, timeline_id=self.timeline_id)
        return m.Packet(self._notice_header(body), body)

    # ---- time

    def next_deadline(self) -> int:
        """The next instant at which `advance` would do something."""
        return min(self._sample_ns, self._timer_ns)

    def advance(self, now_ns: int) -> None:
        """Do everything that is due up to an instant, each thing at its own."""
        while True:
            if self._timer_ns <= self._sample_ns:
                if self._timer_ns > now_ns:
                    break
                self._run_timers(self._timer_ns)
            elif self._sample_ns > now_ns:
                break
            else:
                self._sample(self._sample_ns)
        self.now_ns = max(self.now_ns, now_ns)

    def ticks(self) -> int:
        """The oscillator's count now."""
        return self.oscillator.ticks(self.now_ns)

    def uptime_ms(self) -> int:
        """Device time since boot."""
        return self.ticks() * 1_000 // TICKS_PER_S

    def stimulate(self, now_ns: int, stimulus: Any) -> dict[str, int]:
        """The laboratory or the patient's life acts; ValueError, and nothing changed, when it

        cannot. What it led to comes back, such as the volume a syringe drew.
        """
        self.advance(now_ns)
        result: dict[str, int] = stimulus.act(self.plant, self.sensors, now_ns)
        if self._tap is not None:
            self._tap.stimulated(now_ns, stimulus)
        return result

    def reset(self, now_ns: int, cause: ResetCause) -> None:
        """The electronics start anew; the hydraulics never noticed."""
        self.advance(now_ns)
        self._boot(cause)
        self._arm()

    # ---- what the laboratory sees

    def truth(self) -> dict[str, Any]:
        """The plant as it is, with every account of the ledger in femtolitres."""
        ledger = self.plant.ledger
        accounts = {
            name: getattr(ledger, name)
            for name in (
                "filled_fl",
                "withdrawn_fl",
                "injected_fl",
                "reservoir_fl",
                "catheter_fl",
                "delivered_fl",
                "leaked_fl",
                "pocket_fl",
                "refluxed_fl",
            )
        }
        return {
            "now_ns": self.plant.now_ns,
            "state": asdict(self.plant.state),
            "conditions": dict(self.plant.conditions),
            "sensor_faults": self.sensors.snapshot(),
            "ledger": {**accounts, "balance_fl": ledger.balance_fl()},
            "doses_ng": ledger.doses_ng(),
            "ticks": self.ticks(),
            "actuation": self.actuation._asdict(),
        }

    def snapshot(self) -> dict[str, Any]:
        """Everything but the links, as plain data; ValueError when the logic cannot be saved."""
        guard = self._guard
        if guard is not None and not isinstance(guard.logic, Restorable):
            message = f"control logic {self.pump.pump.logic} cannot be saved"
            raise ValueError(message)
        return {
            "schema": SNAPSHOT_SCHEMA,
            "device": self.id,
            "seed": self.seed,
            "now_ns": self.now_ns,
            "sample_ns": self._sample_ns,
            "timeline_id": self.timeline_id,
            "boot_id": self.boot_id,
            "resets": self.resets,
            "config_id": self.config_id,
            "reset_cause": int(self.reset_cause),
            "plant": self.plant.snapshot(),
            "sensors": self.sensors.snapshot(),
            "oscillator": self.oscillator.snapshot(),
            "sessions": self._sessions.snapshot(),
            "log": self.log.snapshot(),
            "memory": self.memory.read(0, self.memory.size).rstrip(b"\xff").hex(),
            "readings": self.readings,
            "reading_ticks": self.reading_ticks,
            "actuation": self.actuation,
            "logic": guard.logic.save()
            if guard is not None and isinstance(guard.logic, Restorable)
            else None,
        }

    @classmethod
    def restore(cls, pump: PumpFile, data: dict[str, Any], tap: Tap | None = None) -> Self:
        """The device a snapshot was taken of, on a new timeline and without links.

        ValueError when the snapshot is of another schema or another device.
        """
        if data["schema"] != SNAPSHOT_SCHEMA or data["device"] != pump.id:
            message = f"the snapshot is of {data['device']!r}, schema {data['schema']}"
            raise ValueError(message)
        device = cls.__new__(cls)
        device._assemble(pump, data["seed"], tap)
        device._take_up(data)
        return device

    def _take_up(self, data: dict[str, Any]) -> None:
        self.now_ns, self._sample_ns = data["now_ns"], data["sample_ns"]
        self.timeline_id = data["timeline_id"] + 1
        self.boot_id, self.resets = data["boot_id"], data["resets"]
        self.config_id = data["config_id"]
        self.reset_cause = ResetCause(data["reset_cause"])
        self.plant.restore(data["plant"])
        self.sensors.restore(data["sensors"])
        self.oscillator = Oscillator(**data["oscillator"])
        self._sessions.restore(data["sessions"])
        self.log.restore(data["log"])
        self.memory = RamMemory(content=bytes.fromhex(data["memory"]))
        readings = data["readings"]
        self.readings = None if readings is None else Readings(*readings)
        self.reading_ticks = data["reading_ticks"]
        sounder, *others = data["actuation"]
        self.actuation = Actuation(Sounder(sounder), *others)
        if self._logic is not None:
            logic = self._logic()
            if not isinstance(logic, Restorable):
                message = f"control logic {self.pump.pump.logic} cannot be restored"
                raise ValueError(message)
            logic.load(self.memory, data["logic"])
            self._guard = Guard(logic)
            self._guard.deadline = logic.next_deadline()
        self._arm()

    # ---- sampling and timers

    def _sample(self, at_ns: int) -> None:
        """The hot path: plant, clock, sensors, logic."""
        plant = self.plant
        plant.advance(at_ns)
        self.now_ns = at_ns
        self._sample_ns = at_ns - at_ns % SAMPLE_NS + SAMPLE_NS
        state, oscillator = plant.state, self.oscillator
        oscillator.update(at_ns, state.pump_temperature_k)
        ticks = oscillator.ticks(at_ns)
        rtc = (oscillator.rtc_s(at_ns), oscillator.rtc_valid)
        readings = self.sensors.sample(at_ns // SAMPLE_NS, state, at_ns, rtc)
        self.readings, self.reading_ticks = readings, ticks
        if self._tap is not None:
            self._tap.sampled(at_ns, ticks, readings)
        guard = self._guard
        if guard is not None:
            try:
                outcome = guard.sample(ticks, readings)
            except (FirmwareFaultError, PowerLostError) as error:
                self._fail(error)
            else:
                self.beliefs = outcome.beliefs
                if outcome.events or outcome.actuation or outcome.alarms:
                    self._apply(ticks, outcome)
        if self._links or self._timer_ns != FAR_NS or (guard is not None and guard.deadline):
            self._after_sample(ticks, readings)

    def _after_sample(self, ticks: int, readings: Readings) -> None:
        body = None
        for name, link in self._links.items():
            if link.samples:
                body = body or m.Sampled(ticks=ticks, readings=m.ReadingsPart(**readings._asdict()))
                self._outbox.append((name, m.Packet(self._notice_header(body), body)))
        self._arm()

    def _arm(self) -> None:
        """Find the next instant that belongs to a timer: all of them run on device time."""
        due = [link.telemetry_ns for link in self._links.values()]
        guard = self._guard
        if guard is not None and guard.deadline is not None:
            due.append(self._instant_of(guard.deadline))
        idle_ms = self._sessions.next_deadline_ms()
        if idle_ms is not None:
            due.append(self._instant_of(-(-idle_ms * TICKS_PER_S // 1_000)))
        self._timer_ns = min(due, default=FAR_NS)

    def _instant_of(self, ticks: int) -> int:
        at_ns = self.oscillator.instant_of(ticks)
        return FAR_NS if at_ns is None else max(at_ns, self.now_ns)

    def _run_timers(self, at_ns: int) -> None:
        self.now_ns = max(self.now_ns, at_ns)
        guard, ticks = self._guard, self.ticks()
        if guard is not None and guard.deadline is not None and ticks >= guard.deadline:
            try:
                self._apply(ticks, guard.advance(ticks))
            except (FirmwareFaultError, PowerLostError) as error:
                self._fail(error)
        for session in self._sessions.expire(self.uptime_ms()):
            self._session_ended(session)
        for name, link in self._links.items():
            if link.telemetry_ns <= self.now_ns:
                link.telemetry_ns = self.now_ns + link.period_ns
                self._telemetry(name, link)
        self._arm()

    # ---- the control logic

    def _boot(self, cause: ResetCause) -> None:
        first = self.boot_id == 0
        self.boot_id += 1
        self.resets += not first
        self.reset_cause = cause
        self.beliefs = None
        self.oscillator.boot(self.now_ns)
        self._sessions.reboot(self.boot_id)
        if self._tap is not None:
            self._tap.booted(self.now_ns, cause, self.boot_id)
        self._record(EventKind.BOOT, int(cause), self.resets)
        self._notify(m.Booted(timeline_id=self.timeline_id, cause=cause, resets=self.resets))
        if self._logic is not None:
            self._guard = Guard(self._logic())
            try:
                self._apply(0, self._guard.boot(self.memory, cause, 0))
            except (FirmwareFaultError, PowerLostError) as error:
                self._guard = None  # tried again with the next reset; until then it is mute
                self._note_fault(error)

    def _fail(self, error: FirmwareFaultError | PowerLostError) -> None:
        """RST-11: the logic broke its contract, or its supply failed; it starts anew."""
        self._note_fault(error)
        lost = isinstance(error, PowerLostError)
        self._boot(ResetCause.BROWN_OUT if lost else ResetCause.FIRMWARE_FAULT)
        self._arm()

    def _note_fault(self, error: FirmwareFaultError | PowerLostError) -> None:
        if isinstance(error, FirmwareFaultError):
            self._record(EventKind.FIRMWARE_FAULT, int(error.fault))

    def _ask_logic(self, request: Request) -> m.Reply:
        guard = self._guard
        if guard is None:
            return m.Refused(reason=Refusal.UNSUPPORTED, detail="no control logic runs here")
        ticks = self.ticks()
        try:
            outcome = guard.handle(ticks, request)
        except (FirmwareFaultError, PowerLostError) as error:
            self._fail(error)
            return m.Refused(reason=Refusal.FIRMWARE_FAULT, detail=str(error)[:160] or None)
        self._apply(ticks, outcome, request.role)
        reply = outcome.reply
        return reply if isinstance(reply, m.Reply) else m.Refused(reason=Refusal.UNSUPPORTED)

    def _apply(self, ticks: int, outcome: Outcome, role: Role | None = None) -> None:
        """Carry out what the logic wants, in the order of ALM-10: sound first, then publish."""
        if outcome.beliefs is not None:
            self.beliefs = outcome.beliefs
        if outcome.actuation is not None:
            self._actuate(outcome.actuation)
        if self._tap is not None:
            self._tap.decided(self.now_ns, ticks, outcome)
        for event in outcome.events:
            self._log_event(event, role)
        for alarm in outcome.alarms:
            self._notify(m.AlarmChanged(alarm=alarm))

    def _actuate(self, actuation: Actuation) -> None:
        if actuation.set_rtc_s is not None:
            self.oscillator.set_rtc(self.now_ns, actuation.set_rtc_s)
        self.actuation = actuation._replace(set_rtc_s=None)

    # ---- requests

    def _ask(self, link: str, body: m.Body) -> m.Reply:
        match body:
            case m.Identify():
                return self._identity()
            case m.Open():
                return self._open(body)
            case m.SubscribeTelemetry():
                return self._subscribe_telemetry(link, body)
            case m.SubscribeSamples():
                if link in self._links:
                    self._links[link].samples = body.enabled
                return m.Done()
            case m.ReadLog():
                return self.log.page(body.from_sequence, body.limit)
            case m.QueryOutcome():
                return self._sessions.outcome(body.command_id)
            case m.ReadReadings():
                return self._readings_report()
            case m.ReadConfiguration() if self.bare:
                return self._report
            case _:
                return self._ask_logic(Request(body, Role.PATIENT, 0))

    def _command(self, packet: m.Packet) -> m.Reply:
        checked = self._sessions.check(packet, self.uptime_ms())
        if isinstance(checked, m.Reply):
            if isinstance(checked, m.Refused):
                self._record(EventKind.COMMAND_REFUSED, int(checked.reason))
            return checked
        reply = self._execute(checked, packet.body)
        header = packet.header
        command_id = header.command_id if isinstance(header, m.CommandHeader) else 0
        if isinstance(reply, m.Refused):
            self._record(EventKind.COMMAND_REFUSED, int(reply.reason), command_id, checked.role)
        else:
            self._record(EventKind.COMMAND_DONE, packet.body.code, command_id, checked.role)
        self._sessions.record(packet, reply)
        return reply

    def _execute(self, session: Session, body: m.Body) -> m.Reply:
        match body:
            case m.Close():
                self._sessions.close(session.session_id)
                self._session_ended(session)
                return m.Done()
            case m.Actuate() if self.bare:
                if body.valve_open is not None:
                    return m.Refused(reason=Refusal.NO_VALVE)
                self.actuation = Actuation(body.sounder, body.patient_signal)
                self._record(EventKind.ACTUATED, int(body.sounder), 0, session.role)
                return m.Done()
            case m.SetClock() if self.bare:
                self.oscillator.set_rtc(self.now_ns, body.rtc_s)
                return m.Done()
            case _:
                return self._ask_logic(Request(body, session.role, session.session_id))

    def _open(self, body: m.Open) -> m.Reply:
        session = self._sessions.open(body.role, body.client, self.uptime_ms())
        if isinstance(session, Refusal):
            self._record(EventKind.SESSION_REFUSED, int(session), 0, body.role)
            return m.Refused(reason=session)
        self._record(EventKind.SESSION_OPENED, int(body.role), 0, body.role)
        return m.Opened(
            session_id=session.session_id,
            timeline_id=self.timeline_id,
            schema_hash=schema_hash(),
            capabilities=self._capabilities(),
            idle_limit_ms=IDLE_LIMIT_MS,
            validity_limit_ms=VALIDITY_LIMIT_MS,
            max_payload_bytes=MAX_PAYLOAD_BYTES,
        )

    def _session_ended(self, session: Session) -> None:
        self._record(EventKind.SESSION_ENDED, int(session.role), 0, session.role)
        if self._guard is not None:
            self._ask_logic(Request(m.Close(), session.role, session.session_id))

    def _identity(self) -> m.Identity:
        firmware = "bare" if self.bare else getattr(self._logic, "name", self.pump.pump.logic)
        return m.Identity(
            device_id=self.id,
            model=self.pump.pump.model,
            firmware=str(firmware)[: m.MAX_NAME],
            protocol_version=m.PROTOCOL_VERSION,
            schema_hash=schema_hash(),
            timeline_id=self.timeline_id,
            capabilities=self._capabilities(),
        )

    def _capabilities(self) -> tuple[Capability, ...]:
        own = Capability.ACTUATION if self.bare else Capability.CONTROL_LOGIC
        sensors = (Capability.FILL_LEVEL, Capability.CATHETER_PRESSURE)
        return (own, Capability.RAW_READINGS, *sensors)

    def _readings_report(self) -> m.ReadingsReport:
        readings = self.readings
        return m.ReadingsReport(
            ticks=self.reading_ticks,
            now_ticks=self.ticks(),
            readings=None if readings is None else m.ReadingsPart(**readings._asdict()),
            reset_cause=self.reset_cause,
        )

    def _subscribe_telemetry(self, link: str, body: m.SubscribeTelemetry) -> m.Reply:
        if self.bare:
            return m.Refused(reason=Refusal.UNSUPPORTED, detail="a bare device has no status")
        if link in self._links:
            self._subscribe(self._links[link], body.period_ms * 1_000_000, self.now_ns)
        return m.Done()

    def _subscribe(self, link: Link, period_ns: int, now_ns: int) -> None:
        link.period_ns = period_ns
        link.telemetry_ns = now_ns if period_ns and not self.bare else FAR_NS
        self._arm()

    # ---- what goes out

    def _telemetry(self, name: str, link: Link) -> None:
        status = self._ask_logic(Request(m.GetStatus(), Role.PATIENT, 0))
        if isinstance(status, m.Status):
            link.telemetry_sequence += 1
            body = m.Telemetry(dropped=0, status=status.status)
            header = self._header(link.telemetry_sequence)
            self._outbox.append((name, m.Packet(header, body)))

    def _reply(self, link: str, request_id: int, body: m.Reply) -> None:
        header = m.ReplyHeader(
            request_id=request_id,
            boot_id=self.boot_id,
            config_id=self.config_id,
            uptime_ms=self.uptime_ms(),
        )
        self._outbox.append((link, m.Packet(header, body)))

    def _notify(self, body: m.Notice) -> None:
        """To every link, or for events to those that want them."""
        header = self._notice_header(body)
        for name, link in self._links.items():
            if link.events or not isinstance(body, m.EventLogged):
                self._outbox.append((name, m.Packet(header, body)))

    def _notice_header(self, body: m.Notice) -> m.NoticeHeader:
        count = self._notice_counts.get(body.code, 0) + 1
        self._notice_counts[body.code] = count
        return self._header(count)

    def _header(self, sequence: int) -> m.NoticeHeader:
        return m.NoticeHeader(
            boot_id=self.boot_id,
            config_id=self.config_id,
            uptime_ms=self.uptime_ms(),
            sequence=sequence,
        )

    def _record(
        self, kind: EventKind, subject: int = 0, value: int = 0, role: Role | None = None
    ) -> None:
        self._log_event(Event(kind, subject, value), role)

    def _log_event(self, event: Event, role: Role | None) -> None:
        if event.kind is EventKind.CONFIGURATION_WRITTEN:
            self.config_id = event.value
        entry = self.log.append(
            boot_id=self.boot_id,
            uptime_ms=self.uptime_ms(),
            rtc_s=self.oscillator.rtc_s(self.now_ns),
            rtc_valid=self.oscillator.rtc_valid,
            kind=event.kind,
            subject=int(event.subject),
            value=event.value,
            role=role,
        )
        self._notify(m.EventLogged(entry=entry))
