"""The event log: everything that was done or refused is in it, in order, once and for all."""

from typing import Final

from hil.conformance import check, raw
from hil.conformance.case import LOGIC, Needs, case
from hil.conformance.deeds import command_id, deed, executed, logged
from hil.conformance.probe import NAME, Probe
from hil.port import Wire
from protocol import messages as m
from protocol.session import MAX_SESSIONS
from protocol.vocabulary import EventKind, Refusal, Role

FLOOD: Final = 60
FLOODED: Final = 15
"""Entries that so many alike refusals may leave at once; the rest is counted (LOG-02)."""
UNKNOWN_BYTES: Final = raw.frame(raw.NO_MESSAGE, raw.cbor({0: 0}))


@case("EVT-01", "LOG-03", "The log is numbered without a gap from any of its newest entries on.")
def the_newest_entries_have_no_gap(probe: Probe) -> None:
    end = probe.log_end()
    numbers = [entry.sequence for entry in probe.log(max(end - 40, 0))]
    check.same(numbers, list(range(numbers[0], end)) if numbers else [], "sequence numbers")


@case("EVT-02", "LOG-03", "A page holds no more than was asked for, and says where to go on.")
def a_page_keeps_its_limit(probe: Probe) -> None:
    start = max(probe.log_end() - 6, 0)
    for limit in (1, 2, 5):
        page = check.of_kind(probe.ask(m.ReadLog(from_sequence=start, limit=limit)), m.LogPage)
        check.that(len(page.entries) <= limit, f"at most {limit} entries", page)
        if page.entries:
            following = page.entries[-1].sequence + 1
            check.same(page.next_sequence, following, "where to go on")


@case("EVT-03", "LOG-03", "Behind the end there is an empty page.")
def behind_the_end_is_nothing(probe: Probe) -> None:
    end = probe.log_end()
    for start in (end, end + 1_000, 2**32 - 1):
        page = check.of_kind(probe.ask(m.ReadLog(from_sequence=start, limit=8)), m.LogPage)
        check.same(page.entries, (), f"entries from {start} on")


@case("EVT-04", "LOG-03", "Reading the log changes nothing in it.")
def reading_changes_nothing(probe: Probe) -> None:
    end = probe.log_end()
    first = probe.log(max(end - 20, 0))
    check.same(probe.log(max(end - 20, 0)), first, "the same entries read again")
    check.same(probe.log_end(), end, "end of the log")


@case("EVT-05", "LOG-01", "A command that was done is logged with its type, id and role.")
def what_was_done_is_logged(probe: Probe) -> None:
    since, packet = probe.log_end(), probe.open(Role.SERVICE).packet(deed(probe))
    executed(probe.reply(packet))
    entries = logged(probe, since, EventKind.COMMAND_DONE)
    seen = [(entry.subject, entry.value, entry.role) for entry in entries]
    expected = (packet.body.code, command_id(packet), Role.SERVICE)
    check.same(seen, [expected], "type, command id and role logged")


@case(
    "EVT-06",
    "LOG-01",
    "A command that was refused by its content is logged with its type and the reason.",
    Needs(LOGIC.capabilities, lasts="61 min"),
)
def what_was_refused_is_logged(probe: Probe) -> None:
    probe.wait("61 min")  # alike refusals before are no longer counted together
    since, packet = probe.log_end(), probe.open().packet(m.AbortRefill())
    check.refused(probe.reply(packet), Refusal.NO_REFILL_OPEN)
    entries = logged(probe, since, EventKind.COMMAND_REFUSED)
    seen = [(entry.subject, entry.command, entry.value) for entry in entries]
    expected = (Refusal.NO_REFILL_OPEN, packet.body.code, command_id(packet))
    check.that(expected in seen, f"reason, type and command id {expected}", seen)


@case("EVT-07", "LOG-01", "Sessions are logged when they open and when they end, with their role.")
def sessions_are_logged(probe: Probe) -> None:
    since, seat = probe.log_end(), probe.open(Role.SERVICE)
    check.done(seat.close())
    kinds = (EventKind.SESSION_OPENED, EventKind.SESSION_ENDED)
    entries = [entry for entry in probe.log(since) if entry.kind in kinds]
    seen = [(entry.kind, entry.role) for entry in entries]
    check.same(seen, [(kind, Role.SERVICE) for kind in kinds], f"sessions of {NAME}")


@case("EVT-08", "LOG-01", "A session that was refused is logged.", Needs(lasts="61 min"))
def a_refused_session_is_logged(probe: Probe) -> None:
    probe.wait("61 min")
    for _ in range(MAX_SESSIONS):
        probe.open()
    since = probe.log_end()
    probe.ask(m.Open(role=Role.CLINICIAN, client=NAME))
    reasons = [entry.subject for entry in logged(probe, since, EventKind.SESSION_REFUSED)]
    check.same(reasons, [Refusal.TOO_MANY_SESSIONS], "sessions refused")


@case(
    "EVT-09",
    "LOG-01",
    "A request that is none is logged as refused.",
    Needs(wire=Wire.FRAMES, lasts="61 min"),
)
def what_is_malformed_is_logged(probe: Probe) -> None:
    probe.wait("61 min")
    since = probe.log_end()
    probe.refusal_of(UNKNOWN_BYTES, 0)
    reasons = [entry.subject for entry in logged(probe, since, EventKind.COMMAND_REFUSED)]
    check.that(Refusal.UNKNOWN_MESSAGE in reasons, "unknown_message logged", reasons)


@case("EVT-10", "TIM-07", "The log's order is that of lives, and of the uptime within each.")
def the_order_is_total(probe: Probe) -> None:
    executed(probe.open().do(deed(probe)))
    entries = probe.log(max(probe.log_end() - 200, 0))
    order = [(entry.boot_id, entry.uptime_ms) for entry in entries]
    check.same(order, sorted(order), "boot id and uptime of the entries, in order")


@case("EVT-11", "LOG-03", "An entry that has a number never changes.")
def entries_never_change(probe: Probe) -> None:
    start = max(probe.log_end() - 20, 0)
    before = probe.log(start)
    executed(probe.open().do(deed(probe)))
    check.same(probe.log(start)[: len(before)], before, "entries read before")


@case("EVT-12", "LOG-02", "A flood of alike refusals is counted, not written one by one.")
def a_flood_is_counted(probe: Probe) -> None:
    seat, since = probe.open(), probe.log_end()
    for _ in range(FLOOD):
        check.refused(seat.do(deed(probe), valid_until_uptime_ms=0), Refusal.EXPIRED)
    written = len(logged(probe, since, EventKind.COMMAND_REFUSED))
    what = f"at most {FLOODED} entries for {FLOOD} alike refusals"
    check.that(written <= FLOODED, what, f"{written} entries")


@case(
    "EVT-13",
    "LOG-02",
    "How many alike refusals there were is told when the flood is over.",
    Needs(lasts="2 h"),
)
def a_flood_is_summed_up(probe: Probe) -> None:
    probe.wait("62 min")
    seat, since = probe.open(), probe.log_end()
    for _ in range(FLOOD):
        check.refused(seat.do(deed(probe), valid_until_uptime_ms=0), Refusal.EXPIRED)
    probe.wait("62 min")
    entries = logged(probe, since, EventKind.COMMAND_REFUSED)
    expired = [entry for entry in entries if entry.subject == Refusal.EXPIRED]
    told = sum(1 if entry.repeats is None else entry.repeats for entry in expired)
    check.same(told, FLOOD, "refusals told, alone or as repeats")


@case("EVT-14", "LOG-01", "Asking leaves no trace: the log is for what was done.")
def asks_are_not_logged(probe: Probe) -> None:
    end = probe.log_end()
    for body in (m.Identify(), m.QueryOutcome(command_id=1), m.ReadReadings()):
        probe.ask(body)
    new = [
        e for e in probe.log(end) if e.kind in (EventKind.COMMAND_DONE, EventKind.COMMAND_REFUSED)
    ]
    check.same(new, [], "commands logged for asks")
