"""Refills and bolus access as a programmer declares them.

No liquid moves: what is declared is that all was drawn and the same put back, so that a pump on the
bench need not be touched.
"""

from typing import Final

from hil.conformance import check, raw
from hil.conformance.case import LOGIC, Needs, case
from hil.conformance.deeds import commit, id_of, last_refill, logged, same_again
from hil.conformance.errors import NotOfferedError
from hil.conformance.probe import Probe
from hil.port import Wire
from protocol import messages as m
from protocol.plain import to_map
from protocol.vocabulary import Capability, EventKind, RefillReason, Refusal, Role

FRAMES: Final = Needs((Capability.CONTROL_LOGIC,), wire=Wire.FRAMES)
WINDOW: Final = Needs(LOGIC.capabilities, lasts="31 min")
FLUSHED: Final = Needs(LOGIC.capabilities, lasts="8 h")
"""By then the catheter holds what the reservoir does."""
BOLUS_NL: Final = 5_000
"""Too little for any dose limit."""


def _window(probe: Probe, *, expected: bool) -> None:
    check.same(probe.status().refill_open, expected, "refill window open")


def _refills(probe: Probe) -> tuple[m.Refill, int]:
    return last_refill(probe.configured()[0])


@case("RFL-01", "FLW-08", "begin_refill opens the window, and the status shows it.", LOGIC)
def the_window_is_visible(probe: Probe) -> None:
    _window(probe, expected=False)
    check.done(probe.open().do(m.BeginRefill()))
    _window(probe, expected=True)


@case("RFL-02", "FLW-08", "abort_refill closes the window and changes no refill.", LOGIC)
def an_abort_changes_nothing(probe: Probe) -> None:
    before, seat = _refills(probe), probe.open()
    check.done(seat.do(m.BeginRefill()))
    check.done(seat.do(m.AbortRefill()))
    _window(probe, expected=False)
    check.same(_refills(probe), before, "last refill")


@case("RFL-03", "FLW-08", "A window that is open is not opened again.", LOGIC)
def a_second_begin_is_refused(probe: Probe) -> None:
    seat = probe.open()
    check.done(seat.do(m.BeginRefill()))
    check.refused(seat.do(m.BeginRefill()), Refusal.REFILL_OPEN)
    _window(probe, expected=True)


@case("RFL-04", "FLW-08", "Without a window there is nothing to abort.", LOGIC)
def an_abort_without_a_window_is_refused(probe: Probe) -> None:
    check.refused(probe.open().do(m.AbortRefill()), Refusal.NO_REFILL_OPEN)


@case("RFL-05", "RES-05", "Without a window no refill is committed.", LOGIC)
def a_commit_without_a_window_is_refused(probe: Probe) -> None:
    before = _refills(probe)
    check.refused(commit(probe, probe.open(), same_again(probe)), Refusal.NO_REFILL_OPEN)
    check.same(_refills(probe), before, "last refill")


@case("RFL-06", "RES-05", "A commit stores the refill, gives its id, and closes the window.", LOGIC)
def a_refill_is_committed(probe: Probe) -> None:
    (_, before), refill, seat = _refills(probe), same_again(probe), probe.open()
    check.done(seat.do(m.BeginRefill()))
    done = check.done(commit(probe, seat, refill))
    check.same(_refills(probe), (refill, before + 1), "last refill and its id")
    check.same(done.reference, before + 1, "reference of the commit")
    _window(probe, expected=False)


@case("RFL-07", "RES-05", "A commit that is sent again has no second effect.", LOGIC)
def a_refill_is_committed_once(probe: Probe) -> None:
    (_, before), seat = _refills(probe), probe.open()
    check.done(seat.do(m.BeginRefill()))
    other = RefillReason.OTHER
    refill = same_again(probe)
    packet = seat.packet(m.CommitRefill(refill=refill, reason=other, previous_refill_id=before))
    first = check.done(probe.reply(packet))
    for _ in range(2):
        check.same(probe.reply(packet), first, "reply to the repetition")
    check.same(_refills(probe)[1], before + 1, "id of the last refill")


@case("RFL-08", "RES-10", "A refill too soon, without a reason, is refused.", LOGIC)
def a_refill_too_soon_needs_a_reason(probe: Probe) -> None:
    seat, refill = probe.open(), same_again(probe)
    check.done(seat.do(m.BeginRefill()))
    check.done(commit(probe, seat, refill))
    check.done(seat.do(m.BeginRefill()))
    check.refused(seat.do(m.CommitRefill(refill=refill)), Refusal.REFILL_TOO_EARLY)
    _window(probe, expected=True)


@case("RFL-09", "RES-10", "The reason counts only with the id of the refill before.", LOGIC)
def a_reason_needs_the_refill_before(probe: Probe) -> None:
    seat, refill = probe.open(), same_again(probe)
    check.done(seat.do(m.BeginRefill()))
    check.done(commit(probe, seat, refill))
    refill_id = _refills(probe)[1]
    check.done(seat.do(m.BeginRefill()))
    for wrong in (refill_id - 1, refill_id + 1):
        body = m.CommitRefill(refill=refill, reason=RefillReason.OTHER, previous_refill_id=wrong)
        check.refused(seat.do(body), Refusal.REFILL_TOO_EARLY)
    check.same(_refills(probe)[1], refill_id, "id of the last refill")


@case("RFL-10", "RES-08", "More than the reservoir holds is refused.", LOGIC)
def an_overfill_is_refused(probe: Probe) -> None:
    seat, capacity_nl = probe.open(), probe.configured()[1].capacity_nl
    refill = same_again(probe).model_copy(update={"filled_nl": capacity_nl + 1})
    check.done(seat.do(m.BeginRefill()))
    check.refused(commit(probe, seat, refill), Refusal.OVER_CAPACITY)
    _window(probe, expected=True)


@case("RFL-11", "RES-05", "More drug than a solution can hold is refused.", LOGIC)
def an_impossible_concentration_is_refused(probe: Probe) -> None:
    seat = probe.open()
    refill = same_again(probe).model_copy(
        update={"concentration_ng_per_ml": m.MAX_DISSOLVED_NG_PER_ML + 1}
    )
    check.done(seat.do(m.BeginRefill()))
    check.refused(commit(probe, seat, refill), Refusal.OUT_OF_RANGE)


@case("RFL-12", "RES-05", "A refill of nothing, or of more than any volume, is malformed.", FRAMES)
def an_impossible_volume_is_malformed(probe: Probe) -> None:
    before, seat, refill = _refills(probe), probe.open(), same_again(probe)
    check.done(seat.do(m.BeginRefill()))
    for volume_nl in (0, -1, m.MAX_VOLUME_NL + 1):
        packet = seat.packet(m.CommitRefill(refill=refill))
        content = to_map(packet.header) | to_map(packet.body)
        content[8] |= {9: volume_nl}
        data = raw.frame(m.CommitRefill.code, raw.cbor(content))
        check.refused(probe.refusal_of(data, id_of(packet)), Refusal.MALFORMED)
    check.same(_refills(probe), before, "last refill")


@case("RFL-13", "SEC-01", "A patient commits no refill.", LOGIC)
def a_patient_does_not_refill(probe: Probe) -> None:
    before, clinician = _refills(probe), probe.open()
    check.done(clinician.do(m.BeginRefill()))
    check.done(clinician.close())
    check.refused(commit(probe, probe.open(Role.PATIENT), same_again(probe)), Refusal.ROLE)
    check.same(_refills(probe), before, "last refill")


@case(
    "RFL-14", "FLW-08", "A window nobody closes ends by itself after 30 min, and is logged.", WINDOW
)
def a_forgotten_window_ends(probe: Probe) -> None:
    since = probe.log_end()
    check.done(probe.open().do(m.BeginRefill()))
    probe.wait("31 min")
    _window(probe, expected=False)
    check.same(len(logged(probe, since, EventKind.REFILL_WINDOW_ENDED)), 1, "entries of its end")


@case(
    "RFL-15",
    "FLW-08",
    "A window does not end before its 30 min are over.",
    Needs(LOGIC.capabilities, lasts="29 min"),
)
def a_window_lasts_29_minutes(probe: Probe) -> None:
    check.done(probe.open().do(m.BeginRefill()))
    probe.wait("29 min")
    _window(probe, expected=True)


@case(
    "RFL-16",
    "DOS-03",
    "A refill begins a new count since refill, and leaves the total alone.",
    LOGIC,
)
def a_refill_resets_no_total(probe: Probe) -> None:
    seat, refill = probe.open(), same_again(probe)
    total_nl = probe.status().delivered_total_nl
    check.done(seat.do(m.BeginRefill()))
    check.done(commit(probe, seat, refill))
    status = probe.status()
    check.that(status.delivered_total_nl >= total_nl, f"a total of {total_nl} nl or more", status)
    check.that(
        status.delivered_since_refill_nl <= refill.filled_nl // 1_000,
        "next to nothing delivered since the refill",
        f"{status.delivered_since_refill_nl} nl",
    )


@case("RFL-17", "LOG-01", "Begin, abort and commit are logged, the last with its volume.", LOGIC)
def refills_are_logged(probe: Probe) -> None:
    since, seat, refill = probe.log_end(), probe.open(), same_again(probe)
    for body in (m.BeginRefill(), m.AbortRefill(), m.BeginRefill()):
        check.done(seat.do(body))
    check.done(commit(probe, seat, refill))
    check.same(len(logged(probe, since, EventKind.REFILL_BEGUN)), 2, "windows begun")
    check.same(len(logged(probe, since, EventKind.REFILL_ABORTED)), 1, "windows aborted")
    volumes = [entry.value for entry in logged(probe, since, EventKind.REFILL_COMMITTED)]
    check.same(volumes, [refill.filled_nl], "volumes committed")


@case(
    "BOL-01",
    "RES-12",
    "A bolus access is visible while it lasts, and there is one at a time.",
    LOGIC,
)
def a_bolus_access_is_visible(probe: Probe) -> None:
    seat, begin = probe.open(), m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=0)
    check.done(seat.do(begin))
    check.same(probe.status().bolus_access_open, expected=True, what="bolus access open")
    check.refused(seat.do(begin), Refusal.BOLUS_ACCESS_OPEN)
    check.done(seat.do(m.EndBolusAccess(injected_nl=0)))
    check.same(probe.status().bolus_access_open, expected=False, what="bolus access open")


@case("BOL-02", "RES-12", "Without a bolus access there is none to end.", LOGIC)
def no_bolus_access_to_end(probe: Probe) -> None:
    reply = probe.open().do(m.EndBolusAccess(injected_nl=BOLUS_NL))
    check.refused(reply, Refusal.NO_BOLUS_ACCESS_OPEN)


@case(
    "BOL-03", "RES-12", "What is pushed out of the catheter counts as dose, and is logged.", FLUSHED
)
def a_bolus_counts_as_dose(probe: Probe) -> None:
    probe.wait("8 h")
    refill, _ = _refills(probe)
    since, seat, before = probe.log_end(), probe.open(), probe.status()
    if not before.dose_total_ng:
        raise NotOfferedError("what is in the catheter has no dose")
    concentration = refill.concentration_ng_per_ml
    begin = m.BeginBolusAccess(drug=refill.drug, concentration_ng_per_ml=concentration)
    check.done(seat.do(begin))
    check.done(seat.do(m.EndBolusAccess(injected_nl=BOLUS_NL)))
    after = probe.status()
    check.that(
        (after.dose_total_ng or 0) > before.dose_total_ng,
        "a dose that has grown",
        f"{before.dose_total_ng} ng before, {after.dose_total_ng} ng after",
    )
    volumes = [entry.value for entry in logged(probe, since, EventKind.BOLUS_ACCESS_ENDED)]
    check.same(volumes, [BOLUS_NL], "volumes injected, as logged")
