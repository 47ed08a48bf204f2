"""What the device itself answers: identity, sessions, subscriptions, the log, raw readings.

Everything else goes to the control logic. A bare device has none, and takes actuation instead.
"""

from typing import TYPE_CHECKING, Final

from protocol import messages as m
from protocol.control import Actuation, Event, Kept, Request
from protocol.schema import schema_hash
from protocol.session import Pending, Session, opened
from protocol.vocabulary import Capability, EventKind, Refusal, Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpsim.device import Device

NOBODY: Final = (Role.PATIENT, 0)
"""Who asks what needs no session."""


def answer(device: "Device", link: str, packet: m.Packet) -> m.Reply:
    """The reply to a request; what it changes is changed once it returns."""
    header, body = packet
    if isinstance(header, m.CommandHeader):
        return _command(device, packet, header)
    if isinstance(header, m.AskHeader) and header.session_id is not None:
        device.sessions.touch(header.session_id, device.uptime_ms())
    handler = ASKS.get(type(body))
    if handler is not None:
        return handler(device, link, body)
    if device.bare and isinstance(body, m.ReadConfiguration):
        return device.report
    return device.ask_logic(Request(body, *NOBODY))


def end_session(device: "Device", session: Session) -> None:
    """A session is over; the logic ends what belonged to it (ALM-12)."""
    device.record(EventKind.SESSION_ENDED, int(session.role), 0, session.role)
    if not device.bare:
        device.ask_logic(Request(m.Close(), session.role, session.session_id))


def _command(device: "Device", packet: m.Packet, header: m.CommandHeader) -> m.Reply:
    session = device.sessions.check(packet, device.uptime_ms())
    if isinstance(session, m.Reply):  # refused, or done before
        if isinstance(session, m.Refused):
            role = device.sessions.role_of(header.session_id)  # LOG-01: known, though refused
            refused = Event(EventKind.COMMAND_REFUSED, session.reason, header.command_id)
            device.note(refused, role, packet.body.code)
        return session
    pending = device.sessions.begin(packet, session.role)
    reply = _execute(device, session, packet.body, header.command_id)
    told = device.sessions.reply_to(header.command_id)
    if told is not None:  # the logic failed, and its next life knew what had become of it
        return told
    _conclude(device, pending, reply)
    return reply


def settle(device: "Device", kept: Kept | None) -> None:
    """A life begins: what became of the command that the one before was carrying out (COM-09).

    Logic that says nothing of what memory kept leaves it unknown. A session ended with its life.
    """
    pending = device.sessions.pending
    if pending is None or kept is None or pending.code == m.Close.code:
        return
    if kept.command_id != pending.command_id:
        _conclude(device, pending, m.Refused(reason=Refusal.INTERRUPTED))
        return
    for event in kept.events:
        device.note(event, pending.role)
    _conclude(device, pending, m.Done(reference=kept.reference))


def _conclude(device: "Device", pending: Pending, reply: m.Reply) -> None:
    number, role = pending.command_id, pending.role
    if isinstance(reply, m.Refused):
        refused = Event(EventKind.COMMAND_REFUSED, reply.reason, number)
        device.note(refused, role, pending.code)
    else:
        device.record(EventKind.COMMAND_DONE, pending.code, number, role)
    device.sessions.record(pending, reply)


def _execute(device: "Device", session: Session, body: m.Body, command_id: int) -> m.Reply:
    if isinstance(body, m.Close):
        device.sessions.close(session.session_id)
        end_session(device, session)
        return m.Done()
    if not device.bare:
        return device.ask_logic(Request(body, session.role, session.session_id, command_id))
    if isinstance(body, m.Actuate) and body.valve_open is not None:
        return m.Refused(reason=Refusal.NO_VALVE)
    if isinstance(body, m.Actuate):
        device.actuate(Actuation(body.sounder, body.patient_signal))
        device.record(EventKind.ACTUATED, int(body.sounder), 0, session.role)
        return m.Done()
    if isinstance(body, m.SetClock):
        device.actuate(device.actuation._replace(set_rtc_s=body.rtc_s))
        return m.Done()
    return m.Refused(reason=Refusal.UNSUPPORTED, detail="a bare device has no control logic")


def _identify(device: "Device", _link: str, _body: m.Body) -> m.Reply:
    return m.Identity(
        device_id=device.id,
        model=device.pump.pump.model,
        firmware=device.firmware_name(),
        protocol_version=m.PROTOCOL_VERSION,
        schema_hash=schema_hash(),
        timeline_id=device.timeline_id,
        capabilities=_capabilities(device),
    )


def _open(device: "Device", _link: str, body: m.Body) -> m.Reply:
    assert isinstance(body, m.Open)
    session = device.sessions.open(body.role, body.client, device.uptime_ms())
    if isinstance(session, Refusal):
        device.record(EventKind.SESSION_REFUSED, int(session), 0, body.role)
        return m.Refused(reason=session)
    device.record(EventKind.SESSION_OPENED, int(body.role), 0, body.role)
    return opened(session, device.timeline_id, _capabilities(device))


def _subscribe_telemetry(device: "Device", link: str, body: m.Body) -> m.Reply:
    assert isinstance(body, m.SubscribeTelemetry)
    if device.bare:
        return m.Refused(reason=Refusal.UNSUPPORTED, detail="a bare device has no status")
    device.outgoing.link_of(link).subscribe(device.now_ns, body.period_ms * 1_000_000)
    return m.Done()


def _subscribe_samples(device: "Device", link: str, body: m.Body) -> m.Reply:
    assert isinstance(body, m.SubscribeSamples)
    device.outgoing.link_of(link).samples = body.enabled
    return m.Done()


def _read_log(device: "Device", _link: str, body: m.Body) -> m.Reply:
    assert isinstance(body, m.ReadLog)
    return device.log.page(body.from_sequence, body.limit)


def _query_outcome(device: "Device", _link: str, body: m.Body) -> m.Reply:
    assert isinstance(body, m.QueryOutcome)
    return device.sessions.outcome(body.command_id)


def _read_readings(device: "Device", _link: str, _body: m.Body) -> m.Reply:
    """None before the first sample of this life: its ticks would be those of another (TIM-01)."""
    ticks = device.reading_ticks
    readings = None if ticks is None else device.readings
    return m.ReadingsReport(
        ticks=ticks or 0,
        now_ticks=device.ticks(),
        readings=None if readings is None else m.ReadingsPart(**readings._asdict()),
        reset_cause=device.reset_cause,
    )


def _capabilities(device: "Device") -> tuple[Capability, ...]:
    own = Capability.ACTUATION if device.bare else Capability.CONTROL_LOGIC
    return (own, Capability.RAW_READINGS, Capability.FILL_LEVEL, Capability.CATHETER_PRESSURE)


ASKS: "Final[dict[type[m.Body], Callable[[Device, str, m.Body], m.Reply]]]" = {
    m.Identify: _identify,
    m.Open: _open,
    m.SubscribeTelemetry: _subscribe_telemetry,
    m.SubscribeSamples: _subscribe_samples,
    m.ReadLog: _read_log,
    m.QueryOutcome: _query_outcome,
    m.ReadReadings: _read_readings,
}
"""What the device answers without its logic."""
