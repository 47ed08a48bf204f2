"""Commands act once or not at all: lost replies, repetitions, replays, and what comes too late."""

from typing import Final

from hil.conformance import check, power
from hil.conformance.case import LOGIC, Needs, case
from hil.conformance.deeds import command_id, deed, executed, id_of, logged, times_done
from hil.conformance.probe import Probe, Seat
from hil.port import Wire
from protocol import messages as m
from protocol.codec import to_json
from protocol.session import VALIDITY_LIMIT_MS
from protocol.vocabulary import Capability, EventKind, OutcomeState, Refusal

DEDUPE: Final = 256
"""T_dedupe asks for so many commands remembered, at least."""
MINUTE_MS: Final = 60_000
SHORT_MS: Final = 1_000


def _outcome(probe: Probe, number: int) -> m.CommandOutcome:
    return check.of_kind(probe.ask(m.QueryOutcome(command_id=number)), m.CommandOutcome)


def _is_open(probe: Probe, *, expected: bool) -> None:
    check.same(probe.status().refill_open, expected, "refill window open")


@case(
    "DLV-01", "COM-04", "A frame that is sent again is not carried out again, and gets its reply."
)
def a_repetition_gets_the_reply_of_then(probe: Probe) -> None:
    since, packet = probe.log_end(), probe.open().packet(deed(probe))
    first = executed(probe.reply(packet))
    for _ in range(3):
        check.same(probe.reply(packet), first, "reply to the repetition")
    check.same(times_done(probe, since, command_id(packet)), 1, "times it was carried out")


@case("DLV-02", "COM-04", "A refill window is opened once, however often the frame comes.", LOGIC)
def a_window_opens_once(probe: Probe) -> None:
    since, packet = probe.log_end(), probe.open().packet(m.BeginRefill())
    for _ in range(3):
        check.done(probe.reply(packet))
    check.same(len(logged(probe, since, EventKind.REFILL_BEGUN)), 1, "refill windows begun")


@case("DLV-03", "COM-04", "A repetition may come late, after other commands of its session.", LOGIC)
def a_late_repetition_is_exempt_from_the_sequence(probe: Probe) -> None:
    seat = probe.open()
    packet = seat.packet(m.BeginRefill())
    check.done(probe.reply(packet))
    check.done(seat.do(m.AbortRefill()))
    check.done(probe.reply(packet))
    _is_open(probe, expected=False)


@case("DLV-04", "COM-04", "The same id and body in a new session are a repetition.", LOGIC)
def a_repetition_crosses_sessions(probe: Probe) -> None:
    since, seat = probe.log_end(), probe.open()
    packet = seat.packet(m.BeginRefill())
    check.done(probe.reply(packet))
    check.done(seat.do(m.AbortRefill()))
    check.done(seat.close())
    check.done(probe.open().do(m.BeginRefill(), command_id=command_id(packet)))
    _is_open(probe, expected=False)
    check.same(times_done(probe, since, command_id(packet)), 1, "times it was carried out")


@case("DLV-05", "COM-04", "A repetition is answered beside another session that is writing.")
def a_repetition_is_not_busy(probe: Probe) -> None:
    first, second = probe.open(), probe.open()
    packet = first.packet(deed(probe))
    reply = executed(probe.reply(packet))
    again = second.do(deed(probe), command_id=command_id(packet))
    check.same(again, reply, "reply to the repetition in another session")


@case("DLV-06", "COM-04", "The id of a command with another body gets command_id_reused.", LOGIC)
def an_id_is_not_used_twice(probe: Probe) -> None:
    seat = probe.open()
    packet = seat.packet(m.BeginRefill())
    check.done(probe.reply(packet))
    other = seat.do(m.AbortRefill(), command_id=command_id(packet))
    check.refused(other, Refusal.COMMAND_ID_REUSED)
    _is_open(probe, expected=True)


@case("DLV-07", "COM-04", "A re-used id is told before the validity is looked at.", LOGIC)
def a_reused_id_comes_before_validity(probe: Probe) -> None:
    seat = probe.open()
    packet = seat.packet(m.BeginRefill())
    check.done(probe.reply(packet))
    number = command_id(packet)
    other = seat.do(m.AbortRefill(), command_id=number, valid_until_uptime_ms=0)
    check.refused(other, Refusal.COMMAND_ID_REUSED)


@case("DLV-08", "COM-04", "A refusal by the control logic is remembered like a deed.", LOGIC)
def a_refusal_of_the_logic_is_remembered(probe: Probe) -> None:
    seat = probe.open()
    packet = seat.packet(m.AbortRefill())
    check.refused(probe.reply(packet), Refusal.NO_REFILL_OPEN)
    check.done(seat.do(m.BeginRefill()))
    check.refused(probe.reply(packet), Refusal.NO_REFILL_OPEN)
    _is_open(probe, expected=True)


@case("DLV-09", "COM-04", "A refusal by the session's rules is not remembered.")
def a_refusal_of_the_rules_is_forgotten(probe: Probe) -> None:
    seat = probe.open()
    packet = seat.packet(deed(probe), valid_until_uptime_ms=0)
    number = command_id(packet)
    check.refused(probe.reply(packet), Refusal.EXPIRED)
    check.same(_outcome(probe, number).state, OutcomeState.UNKNOWN, "outcome")
    executed(seat.do(deed(probe), command_id=number))


@case("DLV-10", "COM-09", "Of a command nobody sent the outcome is unknown.")
def a_strange_id_has_no_outcome(probe: Probe) -> None:
    unknown = m.CommandOutcome(state=OutcomeState.UNKNOWN)
    number = command_id(probe.open().packet(deed(probe)))
    check.same(_outcome(probe, number), unknown, "outcome")


@case("DLV-11", "COM-09", "When the reply is lost, the outcome says that it was done.")
def a_lost_reply_is_no_lost_command(probe: Probe) -> None:
    packet = probe.open().packet(deed(probe))
    probe.send(packet)  # whatever comes back is not looked at
    check.same(_outcome(probe, command_id(packet)).state, OutcomeState.DONE, "outcome")


@case("DLV-12", "COM-09", "The outcome of a refused command gives the reason.", LOGIC)
def an_outcome_gives_the_reason(probe: Probe) -> None:
    packet = probe.open().packet(m.AbortRefill())
    check.refused(probe.reply(packet), Refusal.NO_REFILL_OPEN)
    expected = m.CommandOutcome(state=OutcomeState.REFUSED, reason=Refusal.NO_REFILL_OPEN)
    check.same(_outcome(probe, command_id(packet)), expected, "outcome")


@case("DLV-13", "COM-06", "A command for an earlier life of the device gets stale_boot.")
def an_earlier_boot_is_stale(probe: Probe) -> None:
    _is_refused_undone(probe, Refusal.STALE_BOOT, boot_id=max(probe.open().boot_id - 1, 0))


@case("DLV-14", "COM-06", "A command for a life that has not come yet gets stale_boot.")
def a_later_boot_is_stale(probe: Probe) -> None:
    _is_refused_undone(probe, Refusal.STALE_BOOT, boot_id=2**32 - 1)


@case("DLV-15", "COM-06", "A new command whose sequence is the last one's gets stale_sequence.")
def the_same_sequence_is_stale(probe: Probe) -> None:
    seat = probe.open()
    executed(seat.do(deed(probe), sequence=5))
    for sequence in (5, 4, 0):
        _is_refused_undone(probe, Refusal.STALE_SEQUENCE, seat, sequence=sequence)


@case("DLV-16", "COM-06", "A sequence may skip numbers, up to the largest.")
def a_sequence_may_skip(probe: Probe) -> None:
    seat = probe.open()
    for sequence in (7, 1_000, 2**31, 2**32 - 2):
        executed(seat.do(deed(probe), sequence=sequence))


@case("DLV-17", "COM-06", "The largest ids are ids like others.")
def the_largest_ids_are_ids(probe: Probe) -> None:
    number = m.MAX_SAFE - probe.next_id()
    executed(probe.open().do(deed(probe), command_id=number, request_id=m.MAX_SAFE))
    check.same(_outcome(probe, number).state, OutcomeState.DONE, "outcome")


@case("DLV-18", "COM-06", "A command whose validity has passed gets expired.")
def a_command_past_its_validity_is_expired(probe: Probe) -> None:
    _is_refused_undone(probe, Refusal.EXPIRED, valid_until_uptime_ms=0)


@case(
    "DLV-19", "COM-06", "A command held up on its way expires by device time.", Needs(lasts="2 s")
)
def a_command_that_is_held_up_expires(probe: Probe) -> None:
    seat = probe.open()
    packet = seat.packet(deed(probe), valid_until_uptime_ms=probe.uptime_ms + SHORT_MS)
    probe.wait("2 s")
    check.refused(probe.reply(packet), Refusal.EXPIRED)


@case("DLV-20", "COM-06", "A validity further ahead than 24 h gets validity_too_long.")
def a_validity_has_its_limit(probe: Probe) -> None:
    seat = probe.open()
    beyond = probe.uptime_ms + VALIDITY_LIMIT_MS + 10 * MINUTE_MS
    _is_refused_undone(probe, Refusal.VALIDITY_TOO_LONG, seat, valid_until_uptime_ms=beyond)
    within = probe.uptime_ms + VALIDITY_LIMIT_MS - MINUTE_MS
    executed(seat.do(deed(probe), valid_until_uptime_ms=within))


@case("DLV-21", "COM-06", "What is refused by the rules changes nothing.", LOGIC)
def refused_commands_change_nothing(probe: Probe) -> None:
    seat, config_id = probe.open(), probe.config_id
    for header in ({"boot_id": 2**32 - 1}, {"session_id": 1}, {"valid_until_uptime_ms": 0}):
        seat.do(m.BeginRefill(), **header)
    _is_open(probe, expected=False)
    check.same(probe.config_id, config_id, "configuration id")


@case("DLV-22", "COM-06", "A whole session that is played again does nothing.", LOGIC)
def a_replayed_session_does_nothing(probe: Probe) -> None:
    seat = probe.open()
    played = [seat.packet(body) for body in (m.BeginRefill(), m.AbortRefill(), m.Close())]
    for packet in played:
        check.done(probe.reply(packet))
    since = probe.log_end()
    for packet in played:
        check.refused(probe.reply(packet), Refusal.NO_SESSION)
    _is_open(probe, expected=False)
    check.same(logged(probe, since, EventKind.COMMAND_DONE), [], "commands done by the replay")


@case("DLV-23", "COM-04", "The outcomes of the last 256 commands are remembered, at least.")
def outcomes_are_remembered(probe: Probe) -> None:
    seat = probe.open()
    packets = [seat.packet(deed(probe)) for _ in range(DEDUPE)]
    for packet in packets:
        executed(probe.reply(packet))
    for packet in (packets[0], packets[DEDUPE // 2], packets[-1]):
        check.same(_outcome(probe, command_id(packet)).state, OutcomeState.DONE, "outcome")


@case("DLV-24", "COM-04", "Commands sent without waiting for replies act in their order.", LOGIC)
def commands_in_a_row_act_in_order(probe: Probe) -> None:
    seat = probe.open()
    bodies = [m.BeginRefill(), m.AbortRefill()] * 5
    packets = [seat.packet(body) for body in bodies]
    probe.settle()
    probe.strays.clear()
    for packet in packets:
        probe.send(packet)
    probe.settle()
    seen = [item.body for item in probe.strays if isinstance(item, m.Packet)]
    check.same(seen, [m.Done()] * len(bodies), "replies to begin and abort in turns")
    _is_open(probe, expected=False)


@case(
    "DLV-25",
    "COM-04",
    "A deed of a bare device is done once as well.",
    Needs((Capability.ACTUATION,)),
)
def a_bare_device_acts_once(probe: Probe) -> None:
    since, packet = probe.log_end(), probe.open().packet(deed(probe))
    for _ in range(3):
        check.done(probe.reply(packet))
    check.same(len(logged(probe, since, EventKind.ACTUATED)), 1, "times it actuated")


@case(
    "DLV-26",
    "COM-07",
    "A request that the broker has kept is not carried out by a device that joins anew.",
    Needs(power=True, wire=Wire.JSON),
)
def a_retained_request_does_nothing(probe: Probe) -> None:
    packet = probe.asking(m.Identify())  # the one request that no session and no rule refuses
    power.find_retained(probe, to_json(packet).encode())
    answers = [
        item
        for item in probe.strays
        if isinstance(item, m.Packet)
        and isinstance(item.header, m.ReplyHeader)
        and item.header.request_id == id_of(packet)
    ]
    check.that(not answers, "no reply to what the broker kept", answers and answers[0])


def _is_refused_undone(
    probe: Probe, reason: Refusal, seat: Seat | None = None, **header: int
) -> None:
    """A deed with that header is refused, and was not done."""
    packet = (seat or probe.open()).packet(deed(probe), **header)
    check.refused(probe.reply(packet), reason)
    state = _outcome(probe, command_id(packet)).state
    check.same(state, OutcomeState.UNKNOWN, f"outcome of the command refused with {reason.name}")
