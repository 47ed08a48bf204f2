"""On a byte stream: what is a frame, what is dropped in silence, and what is refused."""

from typing import Final

from hil.conformance import check, raw
from hil.conformance.case import Needs, case
from hil.conformance.deeds import command_id, id_of
from hil.conformance.probe import Probe
from hil.port import Wire
from protocol import messages as m
from protocol.codec import encode_payload
from protocol.framing import MAX_FRAME_BYTES
from protocol.vocabulary import Capability, OutcomeState, Refusal, ResetCause

FRAMES: Final = Needs(wire=Wire.FRAMES)
DECIDES: Final = Needs((Capability.CONTROL_LOGIC,), wire=Wire.FRAMES)
GARBAGE: Final = bytes((index * 37 + index // 251) % 255 + 1 for index in range(2_500))
"""No zero in it: two and a half frames of noise without an end."""
FLOOD: Final = 200
"""Malformed requests at once."""


def _answered(probe: Probe, data: bytes, *request_ids: int) -> None:
    """These bytes lead to one identity each, in that order."""
    probe.settle()
    probe.strays.clear()
    probe.send_raw(data)
    probe.settle()
    packets = [item for item in probe.strays if isinstance(item, m.Packet)]
    ids = [id_of(packet) for packet in packets if isinstance(packet.body, m.Identity)]
    check.same(ids, list(request_ids), "identities to the requests")


@case("FRM-01", "COM-01", "A frame whose CRC does not fit is dropped and never answered.", FRAMES)
def a_damaged_crc_is_not_answered(probe: Probe) -> None:
    probe.stays_silent(raw.damaged(probe.asking(m.Identify())), "a frame with a wrong CRC")


@case(
    "FRM-02", "COM-02", "A frame with one flipped bit, wherever it is, is never acted on.", FRAMES
)
def no_flipped_bit_gets_through(probe: Probe) -> None:
    good = raw.plain_frame(probe.asking(m.Identify()))
    for position in range(1, len(good) - 1):
        for bit in (0, 3, 7):
            spoilt = bytearray(good)
            spoilt[position] ^= 1 << bit
            what = f"a frame with bit {bit} of byte {position} flipped"
            probe.stays_silent(bytes(spoilt), what)


@case("FRM-03", "COM-01", "A frame that is cut short is dropped, and the next one is read.", FRAMES)
def a_truncated_frame_costs_only_itself(probe: Probe) -> None:
    cut, whole = probe.asking(m.Identify()), probe.asking(m.Identify())
    short = raw.plain_frame(cut)[:-5]
    _answered(probe, short + raw.plain_frame(whole), id_of(whole))


@case("FRM-04", "COM-01", "After garbage of any length the next frame is read.", FRAMES)
def garbage_then_a_good_frame(probe: Probe) -> None:
    good = probe.asking(m.Identify())
    _answered(probe, GARBAGE + raw.plain_frame(good), id_of(good))


@case("FRM-05", "COM-01", "A frame above 1024 bytes is dropped, however sound it is.", FRAMES)
def an_overlong_frame_is_dropped(probe: Probe) -> None:
    data = raw.frame(raw.IDENTIFY, raw.cbor({0: probe.next_id(), 9: "x" * MAX_FRAME_BYTES}))
    probe.stays_silent(data, f"a frame of {len(data) - 2} bytes")


@case(
    "FRM-06", "COM-01", "A frame of exactly 1024 bytes is read, and refused by its content.", FRAMES
)
def the_largest_frame_is_read(probe: Probe) -> None:
    request_id = probe.next_id()
    check.refused(probe.refusal_of(raw.largest(request_id), request_id), Refusal.MALFORMED)


@case("FRM-07", "COM-01", "Empty frames between zeros are ignored.", FRAMES)
def empty_frames_are_ignored(probe: Probe) -> None:
    good = probe.asking(m.Identify())
    _answered(probe, bytes(300) + raw.plain_frame(good) + bytes(300), id_of(good))


@case("FRM-08", "COM-01", "A frame may come in pieces of any size.", FRAMES)
def a_frame_byte_by_byte(probe: Probe) -> None:
    good = probe.asking(m.Identify())
    probe.settle()
    probe.strays.clear()
    for byte in raw.plain_frame(good):
        probe.send_raw(bytes((byte,)))
    probe.settle()
    check.same(len(probe.strays), 1, "replies to a frame that came byte by byte")


@case("FRM-09", "COM-01", "Frames that share a delimiter are each answered, in order.", FRAMES)
def frames_in_one_piece(probe: Probe) -> None:
    packets = [probe.asking(m.Identify()) for _ in range(5)]
    data = b"\0" + b"".join(raw.plain_frame(packet)[1:] for packet in packets)
    _answered(probe, data, *(id_of(packet) for packet in packets))


@case("FRM-10", "COM-01", "A frame too short to hold version, type and CRC is dropped.", FRAMES)
def a_frame_too_short_is_dropped(probe: Probe) -> None:
    data = b"".join(raw.sealed(bytes(length)) for length in range(1, 6))
    probe.stays_silent(data, "frames of 1 to 5 bytes")


@case("FRM-11", "COM-01", "Another protocol version is refused as unsupported.", FRAMES)
def another_version_is_unsupported(probe: Probe) -> None:
    data = raw.frame(raw.IDENTIFY, raw.cbor({0: probe.next_id()}), version=2)
    check.refused(probe.refusal_of(data, 0), Refusal.UNSUPPORTED)


@case(
    "FRM-12", "COM-01", "A request of a type nobody knows is refused, with its request id.", FRAMES
)
def an_unknown_type_is_told_so(probe: Probe) -> None:
    request_id = probe.next_id()
    data = raw.frame(raw.NO_MESSAGE, raw.cbor({0: request_id}))
    check.refused(probe.refusal_of(data, request_id), Refusal.UNKNOWN_MESSAGE)


def _malformed(probe: Probe, payload: bytes, *request_ids: int, code: int = raw.IDENTIFY) -> None:
    """It is refused, under one of these ids: whether an id can be read is the device's affair."""
    refusal = probe.refusal_of(raw.frame(code, payload), *request_ids)
    check.refused(refusal, Refusal.MALFORMED)


@case("FRM-13", "COM-01", "An integer that is longer than it need be is malformed.", FRAMES)
def long_integers_are_malformed(probe: Probe) -> None:
    _malformed(probe, bytes.fromhex("a1 00 1a 00 00 00 07"), 7, 0)


@case("FRM-14", "COM-01", "A key that stands twice makes a request malformed.", FRAMES)
def duplicate_keys_are_malformed(probe: Probe) -> None:
    _malformed(probe, bytes.fromhex("a2 00 07 00 07"), 7, 0)


@case("FRM-15", "COM-01", "Bytes behind the map make a request malformed.", FRAMES)
def trailing_bytes_are_malformed(probe: Probe) -> None:
    _malformed(probe, bytes.fromhex("a1 00 07 00"), 7, 0)


@case("FRM-16", "COM-01", "Null for what is unknown is malformed: it is left out.", FRAMES)
def null_is_malformed(probe: Probe) -> None:
    _malformed(probe, bytes.fromhex("a2 00 07 02 f6"), 7, 0)


@case("FRM-17", "COM-01", "Keys that do not ascend make a request malformed.", FRAMES)
def keys_out_of_order_are_malformed(probe: Probe) -> None:
    request_id = probe.next_id()
    payload = b"\xa3" + b"\x09\x01" + b"\x08\x00" + b"\x00" + raw.number(request_id)
    _malformed(probe, payload, request_id, 0, code=raw.READ_LOG)


@case("FRM-18", "COM-01", "A key the message does not have makes it malformed.", FRAMES)
def unknown_keys_are_malformed(probe: Probe) -> None:
    request_id = probe.next_id()
    _malformed(probe, raw.cbor({0: request_id, 99: 1}), request_id)


@case("FRM-19", "COM-01", "A field that is missing makes a request malformed.", FRAMES)
def missing_fields_are_malformed(probe: Probe) -> None:
    request_id = probe.next_id()
    _malformed(probe, raw.cbor({0: request_id, 8: 0}), request_id, code=raw.READ_LOG)


@case("FRM-20", "DOS-04", "A value out of its bounds, or of another type, is malformed.", FRAMES)
def values_out_of_bounds_are_malformed(probe: Probe) -> None:
    for value in (0, 9, -1, "1", True, 1.0):
        request_id = probe.next_id()
        _malformed(probe, raw.cbor({0: request_id, 8: 0, 9: value}), request_id, code=raw.READ_LOG)


@case("FRM-21", "COM-01", "CBOR that the protocol does not use is refused.", FRAMES)
def odd_cbor_is_malformed(probe: Probe) -> None:
    odd = ("bf 00 07 ff", "a1 00 c1 07", "a1 00 41 07", "81 07", "a1 00 fb 40 1c 00 00 00 00 00 00")
    for payload in odd:
        _malformed(probe, bytes.fromhex(payload), 7, 0)


@case("FRM-22", "COM-01", "An integer beyond 2^53 - 1 is malformed.", FRAMES)
def integers_beyond_2_53_are_malformed(probe: Probe) -> None:
    _malformed(probe, raw.cbor({0: 2**53}), 0)


@case("FRM-23", "COM-01", "Nesting without end is refused, and harms nothing.", FRAMES)
def deep_nesting_is_malformed(probe: Probe) -> None:
    _malformed(probe, b"\x81" * 900 + b"\x00", 0)


@case("FRM-24", "COM-01", "Replies are never answered: a link that echoes falls silent.", FRAMES)
def its_own_replies_are_not_answered(probe: Probe) -> None:
    echo = raw.plain_frame(probe.answer(probe.asking(m.Identify())))
    probe.stays_silent(echo, "its own reply")


@case("FRM-25", "COM-01", "Notices are never answered.", FRAMES)
def notices_are_not_answered(probe: Probe) -> None:
    header = m.NoticeHeader(boot_id=probe.boot_id, config_id=0, uptime_ms=0, sequence=1)
    body = m.Booted(timeline_id=1, cause=ResetCause.POWER_ON, resets=0)
    probe.stays_silent(raw.plain_frame(m.Packet(header, body)), "a notice")


@case("FRM-26", "COM-01", "A reply whose content is no reply is not answered either.", FRAMES)
def spoilt_replies_are_not_answered(probe: Probe) -> None:
    for code in (m.Done.code, m.Identity.code, 0x7F, m.Telemetry.code, 0xFF):
        probe.stays_silent(raw.frame(code, b"\xa0"), f"type {code:#04x} with an empty map")


@case("FRM-27", "COM-10", "The rate of error answers is limited.", FRAMES)
def error_answers_have_a_rate(probe: Probe) -> None:
    probe.settle()
    probe.strays.clear()
    data = raw.frame(raw.NO_MESSAGE, raw.cbor({0: 0}))
    probe.send_raw(data * FLOOD)
    probe.settle()
    check.that(
        len(probe.strays) < FLOOD, f"fewer than {FLOOD} answers", f"{len(probe.strays)} answers"
    )


@case("FRM-28", "COM-02", "A command in a damaged frame is never carried out.", DECIDES)
def a_damaged_command_does_nothing(probe: Probe) -> None:
    packet = probe.open().packet(m.BeginRefill())
    probe.stays_silent(raw.damaged(packet), "a command with a wrong CRC")
    _not_done(probe, packet)


@case("FRM-29", "COM-01", "A command that is malformed is never carried out.", DECIDES)
def a_malformed_command_does_nothing(probe: Probe) -> None:
    packet = probe.open().packet(m.BeginRefill())
    payload = encode_payload(packet)
    more = bytes((payload[0] + 1,)) + payload[1:] + b"\x18\x63\x01"
    request_id = id_of(packet)
    _malformed(probe, more, request_id, code=m.BeginRefill.code)
    _not_done(probe, packet)


def _not_done(probe: Probe, packet: m.Packet) -> None:
    outcome = probe.ask(m.QueryOutcome(command_id=command_id(packet)))
    state = check.of_kind(outcome, m.CommandOutcome).state
    check.same(state, OutcomeState.UNKNOWN, "outcome of the command")
    check.same(probe.status().refill_open, expected=False, what="refill window open")
