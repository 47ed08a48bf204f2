"""Who may speak, in what order it is checked, and how a session ends."""

from typing import Final

from hil.conformance import check
from hil.conformance.case import LOGIC, Needs, case
from hil.conformance.deeds import command_id, deed, executed, id_of
from hil.conformance.errors import NotOfferedError
from hil.conformance.probe import Probe
from protocol import messages as m
from protocol.schema import schema_hash
from protocol.session import IDLE_LIMIT_MS, MAX_SESSIONS, VALIDITY_LIMIT_MS
from protocol.vocabulary import Capability, Refusal, Role, Sounder

NOBODYS: Final = 1
"""A session id no device gives: the upper half of one is the timeline's number."""
ACTUATION: Final = Needs((Capability.ACTUATION,))


@case("SES-01", "COM-08", "identify tells the protocol's version and the hash of its messages.")
def identity_names_the_protocol(probe: Probe) -> None:
    identity = check.of_kind(probe.ask(m.Identify()), m.Identity)
    check.same(identity.protocol_version, m.PROTOCOL_VERSION, "protocol version")
    check.same(f"{identity.schema_hash:08x}", f"{schema_hash():08x}", "schema hash")


@case("SES-02", "COM-08", "A device either decides for itself or takes actuation from the link.")
def it_decides_or_is_bare(probe: Probe) -> None:
    identity = check.of_kind(probe.ask(m.Identify()), m.Identity)
    kinds = {Capability.CONTROL_LOGIC, Capability.ACTUATION} & set(identity.capabilities)
    check.same(len(kinds), 1, "number of control_logic and actuation it declares")


@case("SES-03", "COM-03", "opened tells the limits of the session, and they are the protocol's.")
def opened_tells_its_limits(probe: Probe) -> None:
    opened = probe.open().opened
    check.same(opened.idle_limit_ms, IDLE_LIMIT_MS, "idle limit in ms")
    check.same(opened.validity_limit_ms, VALIDITY_LIMIT_MS, "validity limit in ms")
    check.same(f"{opened.schema_hash:08x}", f"{schema_hash():08x}", "schema hash")
    check.same(set(opened.capabilities), set(probe.rig.capabilities), "capabilities")


@case("SES-04", "COM-06", "No session id is given twice, not even of a session that has ended.")
def session_ids_are_never_reused(probe: Probe) -> None:
    seats = [probe.open() for _ in range(3)]
    seats[0].close()
    seats.append(probe.open())
    check.same(len({seat.id for seat in seats}), 4, "different ids among 4 sessions")


@case("SES-05", "COM-03", "Asks need no session.")
def asks_need_no_session(probe: Probe) -> None:
    for body in (m.Identify(), m.ReadLog(from_sequence=0, limit=1), m.QueryOutcome(command_id=1)):
        reply = probe.ask(body)
        check.that(not isinstance(reply, m.Refused), f"an answer to {type(body).__name__}", reply)


@case("SES-06", "COM-03", "An ask that carries a session nobody has is answered all the same.")
def asks_do_not_stumble_over_a_session(probe: Probe) -> None:
    check.of_kind(probe.ask(m.Identify(), session_id=NOBODYS), m.Identity)


@case("SES-07", "COM-06", "A command of a session that was never opened gets no_session.")
def an_unknown_session_may_do_nothing(probe: Probe) -> None:
    check.refused(probe.open().do(deed(probe), session_id=NOBODYS), Refusal.NO_SESSION)


@case("SES-08", "COM-06", "A command of a session that was closed gets no_session.")
def a_closed_session_may_do_nothing(probe: Probe) -> None:
    seat = probe.open()
    check.done(seat.close())
    check.refused(seat.do(deed(probe)), Refusal.NO_SESSION)


@case("SES-09", "COM-09", "What became of a close can be asked for, though its session is gone.")
def the_outcome_of_a_close_is_known(probe: Probe) -> None:
    packet = probe.open().packet(m.Close())
    check.done(probe.reply(packet))
    check.refused(probe.reply(packet), Refusal.NO_SESSION)
    outcome = probe.ask(m.QueryOutcome(command_id=command_id(packet)))
    check.same(check.of_kind(outcome, m.CommandOutcome).state.name, "DONE", "outcome of the close")


@case(
    "SES-10", "COM-06", "Beyond 8 sessions open gets too_many_sessions; one that ends makes room."
)
def there_are_at_most_eight_sessions(probe: Probe) -> None:
    seats = [probe.open() for _ in range(MAX_SESSIONS)]
    ninth = probe.ask(m.Open(role=Role.CLINICIAN, client="ninth"))
    check.refused(ninth, Refusal.TOO_MANY_SESSIONS)
    check.done(seats[0].close())
    probe.open()


@case("SES-11", "COM-06", "While one session holds the right to write, another one gets busy.")
def a_second_writer_is_busy(probe: Probe) -> None:
    first, second = probe.open(), probe.open()
    executed(first.do(deed(probe)))
    check.refused(second.do(deed(probe)), Refusal.BUSY)
    executed(first.do(deed(probe)))


@case("SES-12", "COM-06", "The right to write falls to the next who asks once its session ends.")
def the_right_to_write_is_handed_on(probe: Probe) -> None:
    first, second = probe.open(), probe.open()
    executed(first.do(deed(probe)))
    check.done(first.close())
    executed(second.do(deed(probe)))


@case("SES-13", "COM-06", "A session that only asks does not take the right to write.")
def asking_takes_no_right(probe: Probe) -> None:
    reader, writer = probe.open(), probe.open()
    reader.ask(m.Identify())
    executed(writer.do(deed(probe)))


@case(
    "SES-14", "COM-06", "A command that is refused by the rules does not take the right to write."
)
def refused_commands_take_no_right(probe: Probe) -> None:
    first, second = probe.open(), probe.open()
    check.refused(first.do(deed(probe), valid_until_uptime_ms=0), Refusal.EXPIRED)
    executed(second.do(deed(probe)))


IDLES: Final = Needs(lasts="11 min")


@case("SES-15", "COM-03", "A session without traffic for 10 min of device time ends.", IDLES)
def an_idle_session_ends(probe: Probe) -> None:
    seat = probe.open()
    probe.wait("11 min")
    check.refused(seat.do(deed(probe)), Refusal.NO_SESSION)


@case(
    "SES-16", "COM-03", "A session does not end before its 10 min are over.", Needs(lasts="9 min")
)
def an_idle_session_lives_nine_minutes(probe: Probe) -> None:
    seat = probe.open()
    probe.wait("9 min")
    executed(seat.do(deed(probe)))


@case("SES-17", "COM-03", "An ask that carries its session keeps it alive.", Needs(lasts="18 min"))
def an_ask_keeps_its_session_alive(probe: Probe) -> None:
    seat = probe.open()
    for _ in range(3):
        probe.wait("6 min")
        seat.ask(m.Identify())
    executed(seat.do(deed(probe)))


@case("SES-18", "COM-03", "A session that ends by itself gives the right to write back.", IDLES)
def an_idle_writer_loses_its_right(probe: Probe) -> None:
    executed(probe.open().do(deed(probe)))
    probe.wait("11 min")
    executed(probe.open().do(deed(probe)))


@case("SES-19", "COM-06", "The boot id is checked before the session.")
def boot_comes_before_session(probe: Probe) -> None:
    seat = probe.open()
    stale = seat.do(deed(probe), boot_id=seat.boot_id + 1, session_id=NOBODYS)
    check.refused(stale, Refusal.STALE_BOOT)


@case("SES-20", "COM-06", "The session is checked before the sequence.")
def session_comes_before_sequence(probe: Probe) -> None:
    seat = probe.open()
    executed(seat.do(deed(probe)))
    check.refused(seat.do(deed(probe), session_id=NOBODYS, sequence=0), Refusal.NO_SESSION)


@case("SES-21", "COM-06", "The sequence is checked before the validity.")
def sequence_comes_before_validity(probe: Probe) -> None:
    seat = probe.open()
    executed(seat.do(deed(probe)))
    late = seat.do(deed(probe), sequence=1, valid_until_uptime_ms=0)
    check.refused(late, Refusal.STALE_SEQUENCE)


@case("SES-22", "COM-06", "The validity is checked before the right to write.")
def validity_comes_before_the_right_to_write(probe: Probe) -> None:
    first, second = probe.open(), probe.open()
    executed(first.do(deed(probe)))
    check.refused(second.do(deed(probe), valid_until_uptime_ms=0), Refusal.EXPIRED)


@case(
    "SES-23", "SEC-01", "A patient may look, and may not refill, configure or set the clock.", LOGIC
)
def a_patient_may_look_only(probe: Probe) -> None:
    seat = probe.open(Role.PATIENT)
    check.of_kind(seat.ask(m.GetStatus()), m.Status)
    check.of_kind(seat.ask(m.ListAlarms(after_occurrence=0)), m.AlarmList)
    for body in (m.BeginRefill(), m.SetClock(rtc_s=1_800_000_000), m.RunSelfTest()):
        check.refused(seat.do(body), Refusal.ROLE)
    check.same(probe.status().refill_open, expected=False, what="refill window open")


@case("SES-24", "COM-08", "A reply echoes its request id, whatever number that is.")
def request_ids_are_echoed(probe: Probe) -> None:
    for request_id in (0, 1, 255, 2**32, m.MAX_SAFE):
        probe.settle()
        probe.send(m.Packet(m.AskHeader(request_id=request_id), m.Identify()))
        reply = probe.await_reply(request_id, 2.0)
        check.that(reply, f"a reply with request id {request_id}", "none")


@case("SES-25", "COM-08", "Every reply carries the boot id, and an uptime that never goes back.")
def replies_carry_boot_and_uptime(probe: Probe) -> None:
    headers = [probe.answer(probe.asking(m.Identify())).header for _ in range(50)]
    seen = [(h.boot_id, h.uptime_ms) for h in headers if isinstance(h, m.ReplyHeader)]
    check.same(seen, sorted(seen), "boot id and uptime, in order")
    check.same(len({boot_id for boot_id, _ in seen}), 1, "number of boot ids without a boot")


@case("SES-26", "COM-01", "Each request gets exactly one reply, in the order they were sent.")
def one_reply_each_and_in_order(probe: Probe) -> None:
    packets = [probe.asking(m.ReadLog(from_sequence=0, limit=1)) for _ in range(20)]
    probe.settle()
    probe.strays.clear()
    for packet in packets:
        probe.send(packet)
    probe.settle()
    seen = [id_of(item) for item in probe.strays if isinstance(item, m.Packet)]
    check.same(seen, [id_of(packet) for packet in packets], "request ids answered")


@case("SES-27", "COM-12", "A device with control logic takes no actuation from the link.", LOGIC)
def logic_takes_no_actuation(probe: Probe) -> None:
    if Capability.ACTUATION in probe.rig.capabilities:
        raise NotOfferedError("the device declares actuation")
    body = m.Actuate(sounder=Sounder.HIGH, patient_signal=True)
    check.refused(probe.open().do(body), Refusal.UNSUPPORTED)


@case("SES-28", "COM-12", "A bare device has no valve unless it declares one.", ACTUATION)
def there_is_no_undeclared_valve(probe: Probe) -> None:
    if Capability.LOCKOUT_VALVE in probe.rig.capabilities:
        raise NotOfferedError("the device declares a lockout valve")
    body = m.Actuate(sounder=Sounder.OFF, patient_signal=False, valve_open=True)
    check.refused(probe.open().do(body), Refusal.NO_VALVE)


@case("SES-29", "COM-12", "A bare device refuses what only control logic can do.", ACTUATION)
def a_bare_device_does_not_decide(probe: Probe) -> None:
    seat = probe.open()
    for body in (m.BeginRefill(), m.RunSelfTest(), m.EndBolusAccess(injected_nl=0)):
        check.refused(seat.do(body), Refusal.UNSUPPORTED)
    check.refused(probe.ask(m.GetStatus()), Refusal.UNSUPPORTED)
