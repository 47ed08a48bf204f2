"""The kit can fail: each broken device is found by the case that is there for it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from cobs import cobs

from hil.emulated.bench import EmulatedPort
from hil.port import Item
from hil.record import Verdict
from protocol import messages as m
from protocol.control import Event
from protocol.framing import DELIMITER, crc_of
from protocol.plain import BY_CODE, to_map
from protocol.vocabulary import EventKind, OutcomeState, Priority, Refusal, Role
from pumpsim.device import Device
from tests.hil.conformance.mutants import (
    Rigging,
    Twist,
    body_of,
    replies,
    run,
    spoiled,
    status_of,
    straight,
)

MINUTE_MS = 60_000


# ---- bytes


def frames(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """The inside of each frame is another one; what is no frame passes."""

    def raw(data: bytes) -> bytes:
        pieces = [change(piece) if piece else piece for piece in data.split(DELIMITER)]
        return DELIMITER.join(pieces)

    return raw


def forgiving(coded: bytes) -> bytes:
    """Whatever the CRC says, it is right."""
    try:
        inside = cobs.decode(coded)[:-4]
    except cobs.DecodeError:
        return coded
    return bytes(cobs.encode(inside + crc_of(inside)))


def lenient(coded: bytes) -> bytes:
    """Duplicates, long forms, unknown keys: it reads what it can."""
    inside = cobs.decode(coded)
    try:
        content = cbor2.loads(inside[2:-4])
        known = to_map(BY_CODE[inside[1]].model_construct()).keys() | range(8)
    except (cbor2.CBORError, KeyError, AttributeError):
        return coded
    kept = {k: v for k, v in sorted(content.items()) if k in known} if content else content
    again = inside[:2] + cbor2.dumps(kept)
    return bytes(cobs.encode(again + crc_of(again)))


def echoing(coded: bytes) -> bytes:
    """A reply is taken for the question it answers."""
    inside = cobs.decode(coded)
    if inside[1] < 0x40:
        return coded
    again = bytes((1, m.Identify.code)) + cbor2.dumps({0: 0})
    return bytes(cobs.encode(again + crc_of(again)))


def lost_in_noise(data: bytes) -> bytes:
    return data if data.startswith(DELIMITER) else b""


def without_limit(port: EmulatedPort) -> None:
    class Endless:
        def take(self) -> bool:
            return True

    port._errors = Endless()  # type: ignore[assignment]


def forgets_request_ids(packet: m.Packet) -> m.Packet:
    body, header = packet.body, packet.header
    if not isinstance(body, m.Refused) or not isinstance(header, m.ReplyHeader):
        return packet
    return packet._replace(header=header.model_copy(update={"request_id": 0}))


def drop(*kinds: type[m.Body]) -> Twist:
    return replies(lambda packet: None if isinstance(packet.body, kinds) else packet)


def drop_refusals(reason: Refusal) -> Twist:
    refused = m.Refused(reason=reason)
    return replies(
        lambda p: None if isinstance(p.body, m.Refused) and p.body.reason == refused.reason else p
    )


# ---- sessions


def admitting(**header: Any) -> Rigging:
    """`sessions.check` sees other headers than were sent."""

    def make(device: Device, check: Any) -> Any:
        def other(packet: m.Packet, uptime_ms: int) -> Any:
            fields = {name: value(device, uptime_ms) for name, value in header.items()}
            seen = packet._replace(header=packet.header.model_copy(update=fields))
            return check(seen, uptime_ms)

        return other

    return spoiled(sessions__check=make)


def evicting(device: Device, open_: Any) -> Any:
    def other(role: Role, client: str, uptime_ms: int) -> Any:
        sessions = device.sessions._sessions
        if len(sessions) >= 8:
            del sessions[next(iter(sessions))]
        return open_(role, client, uptime_ms)

    return other


def recounting(device: Device, open_: Any) -> Any:
    def other(role: Role, client: str, uptime_ms: int) -> Any:
        device.sessions._count = len(device.sessions._sessions)
        return open_(role, client, uptime_ms)

    return other


def shared_writing(device: Device, check: Any) -> Any:
    def other(packet: m.Packet, uptime_ms: int) -> Any:
        device.sessions._writer = None
        return check(packet, uptime_ms)

    return other


def sooner(deadline: Callable[[], int | None]) -> Callable[[], int | None]:
    return lambda: None if (found := deadline()) is None else found - 5 * MINUTE_MS


def session_first(device: Device, check: Any) -> Any:
    def other(packet: m.Packet, uptime_ms: int) -> Any:
        header = packet.header
        assert isinstance(header, m.CommandHeader)
        if header.session_id not in device.sessions._sessions:
            return m.Refused(reason=Refusal.NO_SESSION)
        return check(packet, uptime_ms)

    return other


def remembering_all(device: Device, check: Any) -> Any:
    def other(packet: m.Packet, uptime_ms: int) -> Any:
        found = check(packet, uptime_ms)
        if isinstance(found, m.Refused):
            device.sessions.record(device.sessions.begin(packet, Role.SERVICE), found)
        return found

    return other


def short_memory(device: Device, record: Any) -> Any:
    def other(packet: m.Packet, reply: m.Reply) -> None:
        record(packet, reply)
        known = device.sessions._outcomes._by_id
        while len(known) > 16:
            del known[next(iter(known))]

    return other


def same_reply(device: Device, check: Any) -> Any:
    """An id that is known gets its old reply, whatever the body."""

    def other(packet: m.Packet, uptime_ms: int) -> Any:
        assert isinstance(packet.header, m.CommandHeader)
        known = device.sessions._outcomes.get(packet.header.command_id)
        return check(packet, uptime_ms) if known is None else known.reply

    return other


def fixed_header(**fields: int) -> Twist:
    return replies(lambda p: p._replace(header=p.header.model_copy(update=fields)))


def backwards(packet: m.Packet) -> m.Packet:
    header = packet.header
    assert isinstance(header, m.ReplyHeader | m.NoticeHeader)
    wrong = header.model_copy(update={"uptime_ms": 10**6 - header.request_id % 1_000})  # type: ignore[union-attr]
    return packet._replace(header=wrong)


def fast(packet: m.Packet) -> m.Packet:
    header = packet.header
    assert isinstance(header, m.ReplyHeader | m.NoticeHeader)
    return packet._replace(
        header=header.model_copy(update={"uptime_ms": header.uptime_ms * 101 // 100})
    )


# ---- control logic


def logic(change: Callable[[Device, Any, Any], m.Reply]) -> Rigging:
    """Requests reach the logic through a function of (device, ask, request)."""

    def make(device: Device, ask: Any) -> Any:
        return lambda request: change(device, ask, request)

    return spoiled(ask_logic=make)


def pretending(*kinds: type[m.Body]) -> Rigging:
    """It says done, and does nothing."""

    def change(device: Device, ask: Any, request: Any) -> m.Reply:
        if isinstance(request.body, kinds):
            return m.Done(reference=device.config_id)
        reply: m.Reply = ask(request)
        return reply

    return logic(change)


def rewriting(kind: type[m.Body], **fields: Any) -> Rigging:
    """Requests of a kind are carried out with other fields."""

    def change(device: Device, ask: Any, request: Any) -> m.Reply:
        if isinstance(request.body, kind):
            values = {n: v(device, request.body) if callable(v) else v for n, v in fields.items()}
            request = request._replace(body=request.body.model_copy(update=values))
        reply: m.Reply = ask(request)
        return reply

    return logic(change)


def everybody_is_a_clinician(_device: Device, ask: Any, request: Any) -> m.Reply:
    reply: m.Reply = ask(request._replace(role=Role.CLINICIAN))
    return reply


def acknowledging_all(device: Device, ask: Any, request: Any) -> m.Reply:
    reply: m.Reply = ask(request)
    if isinstance(request.body, m.AcknowledgeAlarm):
        assert device.guard is not None
        for one in list(device.guard.logic._state.alarms.open):  # type: ignore[attr-defined]
            body = m.AcknowledgeAlarm(alarm=one.alarm, occurrence=one.number)
            ask(request._replace(body=body))
    return reply


def justifying(device: Device, body: m.Body) -> int:
    del body
    assert device.guard is not None
    refill_id: int = device.guard.logic._state.refills.refill_id  # type: ignore[attr-defined]
    return refill_id


# ---- resets and the log


def sessions_live_on(device: Device, _reboot: Any) -> Any:
    return lambda boot_id: setattr(device.sessions, "boot_id", boot_id)


def outcomes_are_lost(device: Device, reboot: Any) -> Any:
    def other(boot_id: int) -> None:
        reboot(boot_id)
        device.sessions._outcomes._by_id.clear()

    return other


def not_logging(*kinds: EventKind) -> Rigging:
    def make(_device: Device, note: Any) -> Any:
        def other(event: Event, *rest: Any) -> None:
            if event.kind not in kinds:
                note(event, *rest)

        return other

    return spoiled(note=make)


def logging_reads(device: Device, page: Any) -> Any:
    def other(from_sequence: int, limit: int) -> m.LogPage:
        device.record(EventKind.SELF_TEST)
        found: m.LogPage = page(from_sequence, limit)
        return found

    return other


def never_counting(device: Device, append: Any) -> Any:
    def other(*arguments: Any) -> Any:
        device.log.runs.clear()
        return append(*arguments)

    return other


def entries(change: Callable[[m.LogEntry], m.LogEntry | None]) -> Twist:
    def twist(packet: m.Packet) -> m.Packet:
        if not isinstance(packet.body, m.LogPage):
            return packet
        kept = tuple(e for one in packet.body.entries if (e := change(one)) is not None)
        return packet._replace(body=packet.body.model_copy(update={"entries": kept}))

    return replies(twist)


def every_second(kind: type[m.Body]) -> Twist:
    seen = [0]

    def twist(packet: m.Packet) -> m.Packet | None:
        seen[0] += isinstance(packet.body, kind)
        return None if isinstance(packet.body, kind) and seen[0] % 2 == 0 else packet

    return replies(twist)


def telemetry_at(change: Callable[[int], int]) -> Twist:
    def twist(item: Item) -> list[Item]:
        if isinstance(item, m.Packet) and isinstance(item.body, m.SubscribeTelemetry):
            body = m.SubscribeTelemetry(period_ms=change(item.body.period_ms))
            return [item._replace(body=body)]
        return [item]

    return twist


MUTANTS: dict[str, tuple[str, Rigging]] = {
    "takes frames with any CRC": ("FRM-01", Rigging(raw=frames(forgiving))),
    "acts on frames with any CRC": ("FRM-28", Rigging(raw=frames(forgiving))),
    "loses frames behind noise": ("FRM-04", Rigging(raw=lost_in_noise)),
    "forgets the request id": ("FRM-12", Rigging(back=replies(forgets_request_ids))),
    "reads long integers": ("FRM-13", Rigging(raw=frames(lenient))),
    "reads duplicate keys": ("FRM-14", Rigging(raw=frames(lenient))),
    "acts on unknown keys": ("FRM-18", Rigging(raw=frames(lenient))),
    "is silent on what is malformed": ("FRM-19", Rigging(back=drop_refusals(Refusal.MALFORMED))),
    "answers replies": ("FRM-24", Rigging(raw=frames(echoing))),
    "answers every error": ("FRM-27", Rigging(ports=without_limit)),
    "speaks other messages": ("SES-01", Rigging(back=body_of(m.Identity, schema_hash=1))),
    "gives session ids twice": ("SES-04", spoiled(sessions__open=recounting)),
    "never closes a session": ("SES-08", spoiled(sessions__close=lambda *_: lambda _id: None)),
    "drops the oldest session": ("SES-10", spoiled(sessions__open=evicting)),
    "lets everybody write": ("SES-11", spoiled(sessions__check=shared_writing)),
    "never ends an idle session": (
        "SES-15",
        spoiled(
            sessions__expire=lambda *_: lambda _ms: [],
            sessions__next_deadline_ms=lambda *_: lambda: None,
        ),
    ),
    "ends sessions early": (
        "SES-16",
        spoiled(
            sessions__expire=lambda _, old: lambda ms: old(ms + 5 * MINUTE_MS),
            sessions__next_deadline_ms=lambda _, old: sooner(old),
        ),
    ),
    "looks at the session first": ("SES-19", spoiled(sessions__check=session_first)),
    "asks nobody's role": ("SES-23", logic(everybody_is_a_clinician)),
    "counts back": ("SES-25", Rigging(back=replies(backwards))),
    "answers twice": ("SES-26", Rigging(back=lambda item: [item, item])),
    "executes repetitions": (
        "DLV-02",
        spoiled(sessions___outcomes__get=lambda *_: lambda _id: None),
    ),
    "takes a known id for a repetition": ("DLV-06", spoiled(sessions__check=same_reply)),
    "remembers refusals by the rules": ("DLV-09", spoiled(sessions__check=remembering_all)),
    "forgets outcomes": (
        "DLV-11",
        Rigging(back=body_of(m.CommandOutcome, state=OutcomeState.UNKNOWN)),
    ),
    "takes any boot id": ("DLV-13", admitting(boot_id=lambda device, _: device.boot_id)),
    "takes any validity": (
        "DLV-18",
        admitting(valid_until_uptime_ms=lambda _, uptime_ms: uptime_ms + 1),
    ),
    "remembers sixteen commands": ("DLV-23", spoiled(sessions__record=short_memory)),
    "has no configuration id": ("CFG-01", Rigging(back=fixed_header(config_id=0))),
    "does not write what it says": ("CFG-02", pretending(m.WriteConfiguration)),
    "takes a stale base": (
        "CFG-04",
        rewriting(m.WriteConfiguration, base_config_id=lambda device, _: device.config_id),
    ),
    "hides the window": ("RFL-01", Rigging(back=status_of(lambda _: {"refill_open": False}))),
    "asks for no reason": (
        "RFL-08",
        rewriting(m.CommitRefill, reason=5, previous_refill_id=justifying),
    ),
    "declares and forgets": ("RFL-06", pretending(m.CommitRefill)),
    "commits repetitions": (
        "RFL-07",
        spoiled(sessions___outcomes__get=lambda *_: lambda _id: None),
    ),
    "tells nobody of alarms": ("ALR-02", Rigging(back=drop(m.AlarmChanged))),
    "plays alarms down": (
        "ALR-03",
        Rigging(back=status_of(lambda _: {"highest_priority": Priority.LOW})),
    ),
    "acknowledges whole types": ("ALR-06", logic(acknowledging_all)),
    "pauses for ever": (
        "ALR-11",
        rewriting(m.PauseAudio, duration_ms=lambda _, body: min(body.duration_ms, 600_000)),
    ),
    "has one digest": ("ALR-18", Rigging(back=status_of(lambda _: {"alarm_digest": 1}))),
    "loses every second notice": ("ALR-20", Rigging(back=every_second(m.AlarmChanged))),
    "runs fast": ("CLK-02", Rigging(back=replies(fast))),
    "does not set its clock": ("CLK-03", pretending(m.SetClock)),
    "tells every second telemetry": ("CLK-10", Rigging(out=telemetry_at(lambda ms: 2 * ms))),
    "never ends telemetry": ("CLK-12", Rigging(out=telemetry_at(lambda ms: ms or 1_000))),
    "keeps its boot id": ("RBT-01", Rigging(back=fixed_header(boot_id=1))),
    "keeps sessions over a reset": ("RBT-02", spoiled(sessions__reboot=sessions_live_on)),
    "loses outcomes in a reset": ("RBT-04", spoiled(sessions__reboot=outcomes_are_lost)),
    "boots in silence": ("RBT-07", Rigging(back=drop(m.Booted))),
    "skips entries": (
        "EVT-01",
        Rigging(back=entries(lambda e: None if e.sequence % 3 == 0 else e)),
    ),
    "logs that it is read": ("EVT-04", spoiled(log__page=logging_reads)),
    "does not log who it was": (
        "EVT-05",
        Rigging(back=entries(lambda e: e.model_copy(update={"role": None}))),
    ),
    "does not log refusals": ("EVT-06", not_logging(EventKind.COMMAND_REFUSED)),
    "does not log what it refused": (
        "EVT-06",
        Rigging(back=entries(lambda e: e.model_copy(update={"command": None}))),
    ),
    "is flooded": ("EVT-12", spoiled(log__append=never_counting)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_device_is_found(name: str) -> None:
    case_id, rigging = MUTANTS[name]
    (result,) = run(rigging, case_id)
    assert result.verdict is Verdict.FAIL, result
    assert result.expected
    assert result.seen
    assert result.expected != result.seen
    assert any("->" in line or "<-" in line for line in result.log)


def test_there_is_a_mutant_for_every_section() -> None:
    found = {case_id.partition("-")[0] for case_id, _ in MUTANTS.values()}
    assert found >= {"FRM", "SES", "DLV", "CFG", "RFL", "ALR", "CLK", "RBT", "EVT"}


@pytest.mark.slow
@pytest.mark.parametrize("case_id", sorted({case_id for case_id, _ in MUTANTS.values()}))
def test_a_sound_device_passes_the_same_case(case_id: str) -> None:
    """Else a mutant would show nothing."""
    (result,) = run(replace(Rigging(), back=straight), case_id)
    assert result.verdict is Verdict.PASS, result
