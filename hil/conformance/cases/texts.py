"""On MQTT: which JSON texts are messages, and what becomes of those that are none."""

from typing import Final

from hil.conformance import check
from hil.conformance.case import Needs, case
from hil.conformance.deeds import command_id, id_of
from hil.conformance.probe import Probe
from hil.port import Wire
from protocol import messages as m
from protocol.codec import MAX_JSON_BYTES, to_json
from protocol.vocabulary import Capability, OutcomeState, Refusal

JSON: Final = Needs(wire=Wire.JSON)
DECIDES: Final = Needs((Capability.CONTROL_LOGIC,), wire=Wire.JSON)


def _malformed(probe: Probe, text: str, *request_ids: int) -> None:
    check.refused(probe.refusal_of(text.encode(), *request_ids), Refusal.MALFORMED)


def _identify(request_id: int | str, more: str = "") -> str:
    return f'{{"type":"identify","request_id":{request_id}{more}}}'


@case("JSN-01", "COM-01", "A name that stands twice makes a text malformed.", JSON)
def duplicate_names_are_malformed(probe: Probe) -> None:
    _malformed(probe, _identify(7, ',"request_id":7'), 7, 0)


@case("JSN-02", "DOS-05", "Fractions and exponents are malformed, even where they are whole.", JSON)
def fractions_are_malformed(probe: Probe) -> None:
    for number in ("7.0", "7e0", "0.7E1"):
        _malformed(probe, _identify(number), 7, 0)


@case("JSN-03", "DOS-04", "An integer that a reader could round is malformed.", JSON)
def integers_beyond_2_53_are_malformed(probe: Probe) -> None:
    for number in (str(2**53), "9" * 40):
        _malformed(probe, _identify(number), 0)


@case("JSN-04", "COM-01", "A name the message does not have makes it malformed.", JSON)
def unknown_names_are_malformed(probe: Probe) -> None:
    request_id = probe.next_id()
    _malformed(probe, _identify(request_id, ',"colour":1'), request_id)


@case("JSN-05", "COM-01", "What is no JSON object in UTF-8 is malformed.", JSON)
def other_texts_are_malformed(probe: Probe) -> None:
    for data in (b"", b"[]", b"7", b"{", b"\xff\xfe", b'{"type":', b"nan"):
        check.refused(probe.refusal_of(data, 0), Refusal.MALFORMED)


@case("JSN-06", "COM-01", "A text above 16384 bytes is malformed, and harms nothing.", JSON)
def overlong_texts_are_malformed(probe: Probe) -> None:
    _malformed(probe, _identify(7) + " " * MAX_JSON_BYTES, 7, 0)


@case("JSN-07", "COM-01", "Nesting without end is malformed, and harms nothing.", JSON)
def deep_nesting_is_malformed(probe: Probe) -> None:
    _malformed(probe, "[" * 8_000 + "]" * 8_000, 0)


@case("JSN-08", "COM-01", "A type nobody knows is refused, with its request id.", JSON)
def an_unknown_type_is_told_so(probe: Probe) -> None:
    request_id = probe.next_id()
    text = f'{{"type":"sing","request_id":{request_id}}}'
    check.refused(probe.refusal_of(text.encode(), request_id), Refusal.UNKNOWN_MESSAGE)


@case("JSN-09", "DOS-04", "A number written as a text is malformed.", JSON)
def numbers_are_no_texts(probe: Probe) -> None:
    request_id = probe.next_id()
    more = '"from_sequence":"0","limit":1'
    _malformed(probe, f'{{"type":"read_log","request_id":{request_id},{more}}}', request_id)


@case("JSN-10", "COM-01", "Null means unknown, as absence does.", JSON)
def null_is_as_good_as_absent(probe: Probe) -> None:
    request_id = probe.next_id()
    probe.send_raw(_identify(request_id, ',"session_id":null').encode())
    reply = probe.await_reply(request_id, 2.0)
    check.that(reply and isinstance(reply.body, m.Identity), "an identity", reply)


@case(
    "JSN-11", "COM-01", "Its own replies are not answered: a link that echoes falls silent.", JSON
)
def its_own_replies_are_not_answered(probe: Probe) -> None:
    echo = to_json(probe.answer(probe.asking(m.Identify())))
    probe.stays_silent(echo.encode(), "its own reply")


@case("JSN-12", "COM-01", "A command that is malformed is never carried out.", DECIDES)
def a_malformed_command_does_nothing(probe: Probe) -> None:
    packet = probe.open().packet(m.BeginRefill())
    text = to_json(packet)[:-1] + ',"colour":1}'
    _malformed(probe, text, id_of(packet))
    outcome = probe.ask(m.QueryOutcome(command_id=command_id(packet)))
    check.same(outcome, m.CommandOutcome(state=OutcomeState.UNKNOWN), "outcome of the command")
    check.same(probe.status().refill_open, expected=False, what="refill window open")
