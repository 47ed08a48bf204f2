"""Frames on a byte stream: whatever the line does, sound frames come out and nothing else."""

import zlib
from dataclasses import asdict
from itertools import pairwise

import pytest
from cobs import cobs
from hypothesis import assume, given
from hypothesis import strategies as st

from hil.testing.strategies import largest, packets
from protocol import messages as m
from protocol.codec import Malformed
from protocol.framing import (
    DELIMITER,
    MAX_FRAME_BYTES,
    MAX_PAYLOAD_BYTES,
    FrameDecoder,
    FrameTooLargeError,
    encode_frame,
)
from protocol.messages import MESSAGES, Packet
from protocol.vocabulary import Refusal
from protocol.wire import StreamDecoder, StreamEncoder, encode

REQUEST = Packet(m.AskHeader(request_id=7), m.GetStatus())
FRAME = encode(REQUEST)
NOT_ZERO = st.binary(max_size=40).map(lambda data: data.replace(b"\0", b"\1"))


def sealed(inside: bytes) -> bytes:
    """A frame around any content, with a right CRC."""
    crc = zlib.crc32(inside).to_bytes(4, "little")
    return DELIMITER + bytes(cobs.encode(inside + crc)) + DELIMITER


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The same bytes, cut there."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def test_a_frame_byte_by_byte() -> None:
    """The worked example of docs/protocol.md, and the check value of CRC-32/ISO-HDLC."""
    assert zlib.crc32(b"123456789") == 0xCBF43926
    inside = bytes.fromhex("01 03 a1 00 07")
    assert sealed(inside) == FRAME
    assert FRAME.hex(" ") == "00 04 01 03 a1 06 07 b7 d3 29 af 00"


@given(sent=st.lists(packets, max_size=4), cuts=st.lists(st.integers(0, 4_000), max_size=12))
def test_packets_come_out_however_they_are_cut(sent: list[Packet], cuts: list[int]) -> None:
    decoder = StreamDecoder()
    stream = b"".join(map(encode, sent))
    assert [p for piece in in_pieces(stream, cuts) for p in decoder.feed(piece)] == sent
    assert not any(asdict(decoder.dropped).values())


@given(
    sent=st.lists(packets, min_size=1, max_size=3), order=st.lists(st.integers(0, 8), max_size=9)
)
def test_a_body_sent_again_has_the_same_bytes(sent: list[Packet], order: list[int]) -> None:
    encoder = StreamEncoder()
    for place in order:
        packet = sent[place % len(sent)]
        assert encoder.encode(packet) == encode(packet)


def test_a_body_sent_again_gets_its_new_header() -> None:
    encoder = StreamEncoder()
    for request_id in (7, 8, 8_000_000):
        packet = Packet(m.AskHeader(request_id=request_id), REQUEST.body)
        assert encoder.encode(packet) == encode(packet)


def test_another_body_of_the_same_type_is_told_as_it_is() -> None:
    encoder = StreamEncoder()
    for sequence in (1, 2, 1):
        packet = Packet(REQUEST.header, m.ReadLog(from_sequence=sequence, limit=1))
        assert encoder.encode(packet) == encode(packet)


def test_bytes_may_come_one_at_a_time() -> None:
    decoder = StreamDecoder()
    assert [p for byte in FRAME * 3 for p in decoder.feed(bytes([byte]))] == [REQUEST] * 3


def test_frames_may_share_a_delimiter() -> None:
    assert StreamDecoder().feed(FRAME[:-1] + FRAME) == [REQUEST, REQUEST]


@given(noise=st.binary(max_size=3_000), packet=packets)
def test_a_frame_behind_noise_is_found(noise: bytes, packet: Packet) -> None:
    """COM-01: resynchronised within one frame, whatever came before."""
    decoder = StreamDecoder()
    decoder.feed(noise)
    assert decoder.feed(encode(packet)) == [packet]


@given(packet=packets, keep=st.integers(0, 1_023))
def test_a_frame_cut_short_costs_no_other(packet: Packet, keep: int) -> None:
    frame = encode(packet)
    decoder = StreamDecoder()
    assert decoder.feed(frame[: keep % (len(frame) - 1)]) == []
    assert decoder.feed(FRAME) == [REQUEST]


@given(packet=packets, bits=st.sets(st.integers(0, 8 * 1_024), min_size=1, max_size=3))
def test_flipped_bits_are_never_acted_on(packet: Packet, bits: set[int]) -> None:
    """COM-02."""
    frame = bytearray(encode(packet))
    for bit in bits:
        where = 8 + bit % (8 * (len(frame) - 2))
        frame[where // 8] ^= 1 << (where % 8)
    assume(bytes(frame) != encode(packet))
    decoder = StreamDecoder()
    assert decoder.feed(bytes(frame)) in ([], [packet])
    assert decoder.feed(FRAME) == [REQUEST]


@given(data=st.binary(max_size=4_000), cuts=st.lists(st.integers(0, 4_000), max_size=8))
def test_garbage_makes_no_packet_and_keeps_little(data: bytes, cuts: list[int]) -> None:
    """COM-01."""
    decoder = FrameDecoder()
    for piece in in_pieces(data, cuts):
        assert decoder.feed(piece) == []
        assert len(decoder._tail) <= MAX_FRAME_BYTES


def test_what_never_ends_is_not_kept() -> None:
    """COM-01: bounded memory, and the next frame is found."""
    decoder = FrameDecoder()
    for _ in range(100):
        decoder.feed(b"\x01" * 1_000)
        assert len(decoder._tail) <= MAX_FRAME_BYTES
    assert decoder.feed(FRAME) == FrameDecoder().feed(FRAME)
    assert asdict(decoder.dropped) == {"cobs": 0, "length": 1, "crc": 0}


def test_half_a_frame_and_then_another() -> None:
    decoder = StreamDecoder()
    assert decoder.feed(FRAME[: len(FRAME) // 2]) == []
    assert decoder.feed(FRAME) == [REQUEST]
    assert sum(asdict(decoder.dropped).values()) == 1


@pytest.mark.parametrize(
    ("coded", "reason"),
    [
        (b"\x05\x01\x02", "cobs"),
        (bytes(cobs.encode(b"\x01\x03\xa0\x00\x00")), "length"),
        (b"\x01", "length"),
        (b"\x02" * (MAX_FRAME_BYTES + 1), "length"),
        (FRAME[1:-2] + bytes([FRAME[-2] ^ 0x40]), "crc"),
    ],
)
def test_drops_are_counted_by_reason(coded: bytes, reason: str) -> None:
    decoder = FrameDecoder()
    assert decoder.feed(DELIMITER + coded + DELIMITER) == []
    assert asdict(decoder.dropped) == {"cobs": 0, "length": 0, "crc": 0} | {reason: 1}
    decoder.feed(coded + DELIMITER)
    assert asdict(decoder.dropped) == {"cobs": 0, "length": 0, "crc": 0} | {reason: 2}


def test_the_largest_frame_has_the_largest_size() -> None:
    frame = encode_frame(0x03, b"\x01" * MAX_PAYLOAD_BYTES)
    assert len(frame) == MAX_FRAME_BYTES + 2
    assert FrameDecoder().feed(frame)[0].payload == b"\x01" * MAX_PAYLOAD_BYTES
    pieces = FrameDecoder()
    assert [f for byte in frame for f in pieces.feed(bytes([byte]))] != []


def test_one_byte_more_is_refused_on_both_sides() -> None:
    with pytest.raises(FrameTooLargeError, match="1014 bytes do not fit a frame of 1013"):
        encode_frame(0x03, b"\x01" * (MAX_PAYLOAD_BYTES + 1))
    too_long = sealed(b"\x01\x03" + b"\x01" * (MAX_PAYLOAD_BYTES + 1))
    decoder = FrameDecoder()
    assert decoder.feed(too_long) == []
    assert decoder.dropped.length == 1
    assert len(decoder.feed(FRAME)) == 1


def test_every_message_at_its_largest_crosses() -> None:
    sent = [largest(body) for body in MESSAGES]
    assert StreamDecoder().feed(b"".join(map(encode, sent))) == sent


def test_another_version_is_told_apart() -> None:
    found = StreamDecoder().feed(sealed(b"\x02\x03\xa1\x00\x07"))
    assert found == [Malformed(0x03, None, Refusal.UNSUPPORTED, "protocol version 2")]


def test_a_sound_frame_without_a_message_is_malformed() -> None:
    (found,) = StreamDecoder().feed(sealed(b"\x01\x03garbage"))
    assert isinstance(found, Malformed)
    assert found.reason is Refusal.MALFORMED


def test_an_empty_frame_is_nothing() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(DELIMITER * 50) == []
    assert not any(asdict(decoder.dropped).values())
