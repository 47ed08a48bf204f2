"""A bare device made of instruments: pressure, temperature and level sensors, and a relay.

Control logic can be tried on a real hydraulic pump before any board or firmware exists. To the
bench this is a device like any other, without logic of its own: it samples every minute, tells its
readings, and takes actuation; the relay is on while the sounder sounds. Nothing here waits: samples
are taken while somebody waits on its clock.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from hil.clock import Clock, Waitable, unix_s
from hil.errors import LocalError
from hil.instruments.errors import InstrumentError
from hil.instruments.kinds import Reading, Relay, Sensors
from hil.port import Item
from protocol import messages as m
from protocol.control import TICKS_PER_S, Readings
from protocol.quantity import UNITS, ZERO_CELSIUS_MK
from protocol.schema import schema_hash
from protocol.session import Sessions, opened
from protocol.vocabulary import Capability, Refusal, ResetCause, Sounder

SAMPLE_NS: Final = 60_000_000_000
"""T_s, the sampling period."""
MAX_SILENT: Final = 5
"""Samples in a row that a sensor may miss; then the rig is broken.

The reference logic has raised its own alarm by then (SEN-01).
"""
NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
DIMENSIONS: Final = {
    "pa": "pressure",
    "mk": "temperature",
    "nl": "volume",
    "mv": "voltage",
}
"""Of a channel, by the unit that its name ends in."""
CHANNELS: Final = tuple(name for name in Readings._fields if name.rsplit("_", 1)[-1] in DIMENSIONS)
TABLES: Final = {channel: f"sensors.{channel.rpartition('_')[0]}" for channel in CHANNELS}
"""Of a rig file, by channel."""
NEEDED: Final = ("reservoir_pressure_pa", "catheter_pressure_pa", "temperature_mk")
"""Without these no logic can tell a flow; the others may be missing."""
AMPLITUDES: Final = ("catheter_pulse_pa",)
"""Never below zero: what noise takes there, within the reading's uncertainty, is zero."""
CAPABILITIES: Final = {
    "fill_level_nl": Capability.FILL_LEVEL,
    "catheter_pressure_pa": Capability.CATHETER_PRESSURE,
}


class Board:
    """The device's side: a `hil.port.Port` whose far end is here."""

    def __init__(
        self,
        clock: Clock,
        sensors: Sequence[Sensors],
        relay: Relay | None,
        report: m.ConfigurationReport,
        device_id: str = "board",
    ) -> None:
        """`sensors` unit by unit; LocalError for a channel that is unknown, missing or twice."""
        channels = [channel for unit in sensors for channel in unit.channels]
        _check(channels)
        self.name = f"the board {device_id!r}"
        self.silent = dict.fromkeys(channels, 0)  # samples in a row without a value
        self._clock = clock
        self._sensors = sensors
        self._relay = relay
        self._report = report
        self._id = device_id
        self._sessions = Sessions(boot_id=1)
        self._inbox: deque[Item] = deque()
        self._began_ns = self._due_ns = clock.now_ns()
        self._rtc_s = unix_s()  # at the beginning
        self._latest: m.Sampled | None = None
        self._sequence = 0
        self._subscribed = False
        self._notices = 0
        self._answers: dict[type[m.Body], Callable[[m.Body], m.Reply]] = {
            m.Identify: self._identify,
            m.Open: self._open,
            m.QueryOutcome: self._query_outcome,
            m.ReadConfiguration: lambda _: report,
            m.ReadReadings: self._read_readings,
            m.SubscribeSamples: self._subscribe,
        }

    # ---- as a port

    def send(self, packet: m.Packet) -> None:
        """The board takes it, and answers at once."""
        header, body = packet
        if isinstance(header, m.CommandHeader):
            reply = self._command(packet)
        elif isinstance(header, m.AskHeader):
            self._sessions.touch(header.session_id, self._uptime_ms())
            answer = self._answers.get(type(body), _no_logic)
            reply = answer(body)
        else:
            return
        stamp = m.ReplyHeader(
            request_id=header.request_id, boot_id=1, config_id=0, uptime_ms=self._uptime_ms()
        )
        self._inbox.append(m.Packet(stamp, reply))

    def receive(self, timeout_s: float) -> Item | None:
        """The next packet; without one nothing can come while nobody waits on the clock."""
        del timeout_s
        return self._inbox.popleft() if self._inbox else None

    def ready(self) -> bool:
        """Whether a packet is there."""
        return bool(self._inbox)

    def close(self) -> None:
        """Nothing to give back: instruments are the rig's."""

    # ---- sampling

    @property
    def due_ns(self) -> int:
        """When the next sample is to be taken."""
        return self._due_ns

    def sample(self) -> None:
        """Read every sensor now, and tell; InstrumentError when one is silent for too long."""
        now_ns = self._clock.now_ns()
        latest = self._take(now_ns)
        if self._subscribed:
            self._notices += 1
            header = m.NoticeHeader(
                boot_id=1,
                config_id=0,
                uptime_ms=(now_ns - self._began_ns) // NS_PER_MS,
                sequence=self._notices,
            )
            self._inbox.append(m.Packet(header, latest))

    def _take(self, now_ns: int) -> m.Sampled:
        self._due_ns += SAMPLE_NS * ((now_ns - self._due_ns) // SAMPLE_NS + 1)
        self._sequence += 1
        values = {
            channel: self._value(channel, shown)
            for unit in self._sensors
            for channel, shown in _read(unit).items()
        }
        readings = m.ReadingsPart(
            sequence=self._sequence,
            rtc_s=self._rtc_s + (now_ns - self._began_ns) // NS_PER_S,
            rtc_valid=True,
            **values,
        )
        self._latest = m.Sampled(ticks=self._ticks(now_ns), readings=readings)
        return self._latest

    def _value(self, channel: str, shown: Reading | InstrumentError) -> int | None:
        """In the channel's unit; what tells no value reads nothing, and not for ever."""
        try:
            value = _in_unit(channel, shown)
        except InstrumentError:
            self.silent[channel] += 1
            if self.silent[channel] >= MAX_SILENT:
                raise
            return None
        self.silent[channel] = 0
        return value

    def _ticks(self, now_ns: int) -> int:
        return (now_ns - self._began_ns) * TICKS_PER_S // NS_PER_S

    def _uptime_ms(self) -> int:
        return (self._clock.now_ns() - self._began_ns) // NS_PER_MS

    # ---- answers

    def _identify(self, _body: m.Body) -> m.Reply:
        configuration = self._report.configuration
        return m.Identity(
            device_id=self._id,
            model="instruments" if configuration is None else configuration.model,
            firmware="bare",
            protocol_version=m.PROTOCOL_VERSION,
            schema_hash=schema_hash(),
            timeline_id=1,
            capabilities=self._capabilities(),
        )

    def _capabilities(self) -> tuple[Capability, ...]:
        optional = [word for channel, word in CAPABILITIES.items() if channel in self.silent]
        return (Capability.RAW_READINGS, Capability.ACTUATION, *optional)

    def _open(self, body: m.Body) -> m.Reply:
        assert isinstance(body, m.Open)
        session = self._sessions.open(body.role, body.client, self._uptime_ms())
        if isinstance(session, Refusal):
            return m.Refused(reason=session)
        return opened(session, timeline_id=1, capabilities=self._capabilities())

    def _query_outcome(self, body: m.Body) -> m.Reply:
        assert isinstance(body, m.QueryOutcome)
        return self._sessions.outcome(body.command_id)

    def _read_readings(self, _body: m.Body) -> m.Reply:
        now_ns = self._clock.now_ns()
        latest = self._latest or self._take(now_ns)  # told by this reply, not by a notice as well
        return m.ReadingsReport(
            ticks=latest.ticks,
            now_ticks=self._ticks(now_ns),
            readings=latest.readings,
            reset_cause=ResetCause.POWER_ON,
        )

    def _subscribe(self, body: m.Body) -> m.Reply:
        assert isinstance(body, m.SubscribeSamples)
        self._subscribed = body.enabled
        return m.Done()

    def _command(self, packet: m.Packet) -> m.Reply:
        self._sessions.expire(self._uptime_ms())
        session = self._sessions.check(packet, self._uptime_ms())
        if isinstance(session, m.Reply):
            return session
        begun = self._sessions.begin(packet, session.role)
        if isinstance(packet.body, m.Close):
            self._sessions.close(session.session_id)
            reply: m.Reply = m.Done()
        else:
            reply = self._execute(packet.body)
        self._sessions.record(begun, reply)
        return reply

    def _execute(self, body: m.Body) -> m.Reply:
        if isinstance(body, m.SetClock):
            self._rtc_s = body.rtc_s - (self._clock.now_ns() - self._began_ns) // NS_PER_S
            return m.Done()
        if not isinstance(body, m.Actuate):
            return _no_logic(body)
        if body.valve_open is not None:
            return m.Refused(reason=Refusal.NO_VALVE)
        if self._relay is not None:
            self._relay.switch(on=body.sounder is not Sounder.OFF)
        return m.Done()


class BoardClock:
    """A rig's clock on which a board samples while time passes."""

    def __init__(self, clock: Clock, board: Board) -> None:
        """`clock` is that of the instruments."""
        self._clock = clock
        self._board = board

    @property
    def virtual(self) -> bool:
        """As the instruments' clock."""
        return self._clock.virtual

    def now_ns(self) -> int:
        """The instruments' instant."""
        return self._clock.now_ns()

    def wait(self, until_ns: int, *ports: Waitable) -> int:
        """From sample to sample, until the instant or an arrival."""
        now_ns = self._clock.now_ns()
        while not any(port.ready() for port in ports):
            if now_ns >= self._board.due_ns:
                self._board.sample()
            elif now_ns >= until_ns:
                break
            else:
                now_ns = self._clock.wait(min(until_ns, self._board.due_ns))
        return now_ns


def _check(channels: Collection[str]) -> None:
    unknown = set(channels) - set(CHANNELS)
    if unknown:
        raise LocalError(f"{min(unknown)!r} is no channel: there is {', '.join(CHANNELS)}")
    missing = [channel for channel in NEEDED if channel not in channels]
    if missing:
        raise LocalError(f"no control logic can do without {missing[0]}: give it a sensor")
    if len(set(channels)) < len(channels):
        raise LocalError("a channel has two sensors: leave one of them out")


def _read(unit: Sensors) -> Mapping[str, Reading | InstrumentError]:
    """What one unit shows; when it does not answer, none of its channels does."""
    try:
        return unit.read()
    except InstrumentError as error:
        return dict.fromkeys(unit.channels, error)


def _in_unit(channel: str, reading: Reading | InstrumentError) -> int:
    """A reading in the channel's unit; InstrumentError when it is none, or of another kind."""
    if isinstance(reading, InstrumentError):
        raise reading
    dimension = DIMENSIONS[channel.rsplit("_", 1)[-1]]
    factor = UNITS[dimension].get(reading.unit)
    if factor is None:
        known = ", ".join(UNITS[dimension])
        raise InstrumentError(channel, f"its sensor tells {reading.unit!r}, not one of {known}")
    value = round(reading.value * float(factor))
    if channel in AMPLITUDES and -reading.uncertainty <= reading.value < 0.0:
        return 0
    return value + ZERO_CELSIUS_MK if reading.unit == "degC" else value


def _no_logic(_body: m.Body) -> m.Reply:
    return m.Refused(reason=Refusal.UNSUPPORTED, detail="a board has no control logic and no log")
