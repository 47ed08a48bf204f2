"""Both encodings: whole round trips, one form each, and nothing hostile gets through."""

import json
from datetime import UTC

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hil.testing.strategies import largest, packets, packets_of
from protocol import messages as m
from protocol.codec import (
    MAX_DEPTH,
    MAX_JSON_BYTES,
    Malformed,
    body_from_json,
    decode_payload,
    encode_payload,
    from_json,
    to_json,
)
from protocol.framing import MAX_PAYLOAD_BYTES
from protocol.messages import MAX_DETAIL, MESSAGES, Body, Packet, header_type
from protocol.plain import BY_CODE, BY_NAME, TYPE_NAMES, key_of, plan
from protocol.schema import HEADERS, fields, parts
from protocol.vocabulary import Refusal, Role

NAMES = [TYPE_NAMES[message] for message in MESSAGES]
STATUS_REQUEST = Packet(m.AskHeader(request_id=7), m.GetStatus())


def payload(*pairs: bytes) -> bytes:
    """A CBOR map written by hand."""
    return bytes([0xA0 | len(pairs)]) + b"".join(pairs)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)  # of each message
@given(data=st.data())
def test_both_encodings_give_every_packet_back(name: str, data: st.DataObject) -> None:
    packet = data.draw(packets_of(BY_NAME[name]))
    assert decode_payload(packet.body.code, encode_payload(packet)) == packet
    assert from_json(to_json(packet)) == packet
    assert from_json(to_json(packet).encode()) == packet


@pytest.mark.parametrize("body", MESSAGES, ids=NAMES)
def test_the_largest_of_every_message_fits(body: type[Body]) -> None:
    packet = largest(body)
    assert len(encode_payload(packet)) <= MAX_PAYLOAD_BYTES
    assert len(to_json(packet)) <= MAX_JSON_BYTES
    assert decode_payload(body.code, encode_payload(packet)) == packet
    assert from_json(to_json(packet)) == packet


@pytest.mark.parametrize("body", MESSAGES, ids=NAMES)
def test_a_header_and_its_body_share_no_key_and_no_name(body: type[Body]) -> None:
    head = header_type(body)
    assert all(field.key < 8 for field in fields(head))
    assert all(field.key >= 8 for field in fields(body))
    names = ["type", *(f.name for f in fields(head)), *(f.name for f in fields(body))]
    assert len(set(names)) == len(names)


def test_a_field_has_its_key_its_meaning_and_its_bounds() -> None:
    class Shelf(m.Part):
        filled_nl: int = m.key(7, "put in", ge=1)

    assert key_of(Shelf, "filled_nl") == 7
    assert Shelf.model_fields["filled_nl"].description == "put in"
    assert Shelf(filled_nl=1).filled_nl == 1
    with pytest.raises(ValidationError):
        Shelf(filled_nl=0)


def test_codes_and_names_are_unique() -> None:
    assert len(BY_CODE) == len(BY_NAME) == len(MESSAGES)


def test_plans_are_in_the_order_of_the_keys() -> None:
    for message in MESSAGES:
        keys = [key for key, _, _ in plan(message).to_numbers]
        assert keys == sorted(set(keys))


# ---- CBOR that means the same, or nearly, and is refused

SAME_BUT_NOT_CANONICAL = {
    "long integer": payload(b"\x00\x18\x07"),
    "longest integer": payload(b"\x00\x1b" + bytes(7) + b"\x07"),
    "long key": b"\xa1\x18\x00\x07",
    "long map": b"\xb8\x01\x00\x07",
    "duplicate key": payload(b"\x00\x07", b"\x00\x07"),
    "boolean for a key": payload(b"\xf4\x07"),
    "float for a key": payload(b"\xf9\x00\x00\x07"),
    "null for what is unknown": payload(b"\x00\x07", b"\x02\xf6"),
    "undefined": payload(b"\x00\x07", b"\x02\xf7"),
    "keys in another order": payload(b"\x02\x01", b"\x00\x07"),
    "a byte behind": payload(b"\x00\x07") + b"\x00",
    "indefinite map": b"\xbf\x00\x07\xff",
    "float": payload(b"\x00\xf9\x47\x00"),
    "bignum": payload(b"\x00\xc2\x41\x07"),
    "tag around the map": b"\xd9\xd9\xf7" + payload(b"\x00\x07"),
    "shared reference": b"\xd8\x1c" + payload(b"\x00\x07"),
    "text for a key": payload(b"\x6arequest_id\x07"),
}


@pytest.mark.parametrize("name", SAME_BUT_NOT_CANONICAL)
def test_one_message_has_one_encoding(name: str) -> None:
    assert decode_payload(0x03, payload(b"\x00\x07")) == STATUS_REQUEST
    found = decode_payload(0x03, SAME_BUT_NOT_CANONICAL[name])
    assert isinstance(found, Malformed)
    assert found.reason is Refusal.MALFORMED


HOSTILE = {
    "nothing": b"",
    "no map": b"\x07",
    "a list": b"\x80",
    "deep lists": b"\x81" * MAX_PAYLOAD_BYTES,
    "deep maps": b"\xa1\x00" * (MAX_PAYLOAD_BYTES // 2),
    "deep tags": b"\xc1" * MAX_PAYLOAD_BYTES,
    "a promise of 2^64 items": b"\x9b" + b"\xff" * 8,
    "a promise of 2^31 pairs": b"\xba\x7f\xff\xff\xff",
    "a promise of 2^64 bytes": b"\x5b" + b"\xff" * 8,
    "huge decimal": payload(b"\x00\xc4\x82\x1b\x00\x00\x00\x02\x54\x0b\xe4\x00\x03"),
    "huge bigfloat": payload(b"\x00\xc5\x82\x1b\x00\x00\x00\x02\x54\x0b\xe4\x00\x03"),
    "rational by zero": payload(b"\x00\xd8\x1e\x82\x01\x00"),
    "a cycle": b"\xd8\x1c\x81\xd8\x1d\x00",
    "a pattern": payload(b"\x00\xd8\x23\x61("),
    "unknown tag": payload(b"\x00\xda\x7f\xff\xff\xff\x00"),
    "a map for a key": payload(payload(b"\x00\x00") + b"\x07"),
    "a list for a key": payload(b"\x80\x07"),
    "not UTF-8": payload(b"\x00\x61\xff"),
    "2^64": payload(b"\x00\x1b" + b"\xff" * 8),
    "-2^64": payload(b"\x00\x3b" + b"\xff" * 8),
    "NaN for a key": payload(b"\xf9\x7e\x00\x07"),
    "simple value": payload(b"\x00\xf8\xff"),
    "a negative id": payload(b"\x00\x26"),
    "true for an integer": payload(b"\x00\xf5"),
    "text for an integer": payload(b"\x00\x61\x37"),
    "unknown key": payload(b"\x00\x07", b"\x08\x00"),
    "unknown header key": payload(b"\x00\x07", b"\x01\x00"),
    "no request id": payload(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_cbor_is_malformed(name: str) -> None:
    found = decode_payload(0x03, HOSTILE[name])
    assert isinstance(found, Malformed)
    assert found.reason is Refusal.MALFORMED
    assert 0 < len(found.detail) <= MAX_DETAIL


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.datetimes(timezones=st.just(UTC))
    | st.decimals()
    | st.fractions()
    | st.uuids(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(0, 24) | st.text(max_size=3), inner, max_size=6)
        | inner.map(lambda value: cbor2.CBORTag(4_711, value))
    ),
    max_leaves=12,
)


@given(code=st.integers(0, 255), content=ANYTHING)
def test_any_cbor_gives_a_packet_or_malformed(code: int, content: object) -> None:
    decode_payload(code, cbor2.dumps(content))


@pytest.mark.slow
@given(code=st.sampled_from([message.code for message in MESSAGES]), data=st.data())
def test_any_map_gives_a_canonical_packet_or_malformed(code: int, data: st.DataObject) -> None:
    content = data.draw(st.dictionaries(st.integers(0, 24), ANYTHING, max_size=8))
    sent = cbor2.dumps(content)
    found = decode_payload(code, sent)
    assert isinstance(found, Malformed) or encode_payload(found) == sent


@given(code=st.integers(0, 255), data=st.binary(max_size=80))
@example(code=0x03, data=b"\xa1\x00\x07")
def test_any_bytes_give_a_canonical_packet_or_malformed(code: int, data: bytes) -> None:
    found = decode_payload(code, data)
    assert isinstance(found, Malformed) or encode_payload(found) == data


def test_an_unknown_type_keeps_its_request_id() -> None:
    found = decode_payload(0x3F, payload(b"\x00\x07"))
    assert found == Malformed(0x3F, 7, Refusal.UNKNOWN_MESSAGE, "no message has type 63")
    assert isinstance(found, Malformed)
    assert found.answerable


def test_a_bad_field_keeps_the_request_id() -> None:
    found = decode_payload(0x04, payload(b"\x00\x07", b"\x08\x20"))
    assert isinstance(found, Malformed)
    assert found.request_id == 7
    assert found.detail == "period_ms: Input should be greater than or equal to 0"


def test_only_what_may_be_a_request_is_answered() -> None:
    assert Malformed(None, None, Refusal.MALFORMED, "").answerable
    assert Malformed(m.Actuate.code, 1, Refusal.MALFORMED, "").answerable
    assert not Malformed(m.Done.code, 1, Refusal.MALFORMED, "").answerable
    assert not Malformed(m.Telemetry.code, 1, Refusal.MALFORMED, "").answerable


@pytest.mark.parametrize(
    ("code", "sent", "detail"),
    [
        (0x03, b"\xff", "not CBOR, or CBOR that is not used here"),
        (0x03, b"\x80", "not a CBOR map"),
        (0x14, payload(b"\x00\x07", b"\x08\x07"), "Refill is not a map"),
        (0x14, payload(b"\x00\x07", b"\x08\xa1\x18\x63\x07"), "Refill has no key 99"),
        (0x14, payload(b"\x00\x07", b"\x08\xa1\x80\x07"), "Refill has no key tuple"),
        (0x02, payload(b"\x00\x07", b"\x08\x18\x63"), "99 is no Role"),
        (0x02, payload(b"\x00\x07", b"\x08\xf5"), "True is no Role"),
        (0x45, payload(b"\x00\x07", b"\x08\x07"), "not a list"),
        (0x45, payload(b"\x00\x07", b"\x08\x81\x07"), "AlarmOccurrence is not a map"),
        (0x03, payload(b"\x00\x07", b"\x18\x63\x07"), "GetStatus has no key 99"),
        (0x03, payload(b"\x00\x07", b"\x61\x00\x07"), "GetStatus has no key '\\x00'"),
    ],
)
def test_the_detail_says_what_is_wrong(code: int, sent: bytes, detail: str) -> None:
    found = decode_payload(code, sent)
    assert isinstance(found, Malformed)
    assert (found.code, found.detail) == (code, detail)


def test_no_message_nests_deeper_than_the_limit() -> None:
    def depth(value: object) -> int:
        if isinstance(value, dict):
            return 1 + max(map(depth, value.values()), default=0)
        if isinstance(value, list):
            return 1 + max(map(depth, value), default=0)
        return 0

    deepest = max(depth(cbor2.loads(encode_payload(largest(body)))) for body in MESSAGES)
    assert deepest <= MAX_DEPTH - 1


@pytest.mark.parametrize(
    "tagged",
    [
        b"\xc2\x41\x07",
        b"\xc1\x07",
        b"\xc4\x82\x00\x07",
        b"\xd8\x23\x61a",
        b"\xd8\x64\x07",
        b"\xca\x07",
    ],
    ids=["bignum", "instant", "decimal", "pattern", "day", "unknown"],
)
def test_no_tag_is_acted_on(tagged: bytes) -> None:
    found = decode_payload(0x03, payload(b"\x00" + tagged))
    assert isinstance(found, Malformed)
    assert found.detail == "not CBOR, or CBOR that is not used here"


@pytest.mark.parametrize(
    ("lists", "detail"),
    [
        (MAX_DEPTH - 1, "request_id: Input should be a valid integer"),
        (MAX_DEPTH, "not CBOR, or CBOR that is not used here"),
    ],
)
def test_nesting_is_bounded(lists: int, detail: str) -> None:
    found = decode_payload(0x03, payload(b"\x00" + b"\x81" * lists + b"\x07"))
    assert isinstance(found, Malformed)
    assert found.detail == detail


# ---- JSON


def test_json_is_flat_with_words_and_nulls() -> None:
    packet = Packet(m.AskHeader(request_id=7), m.Open(role=Role.CLINICIAN, client="bench"))
    assert to_json(packet) == (
        '{"type":"open","request_id":7,"session_id":null,"role":"clinician","client":"bench"}'
    )


def test_what_is_unknown_may_be_left_out() -> None:
    assert from_json('{"type":"get_status","request_id":7}') == STATUS_REQUEST


def test_a_body_stands_without_its_header_too() -> None:
    known = {"set_clock": m.SetClock}
    assert body_from_json('{"type":"set_clock","rtc_s":7}', known) == m.SetClock(rtc_s=7)
    with pytest.raises(KeyError, match="identify"):
        body_from_json('{"type":"identify"}', known)
    with pytest.raises(ValueError, match="type is missing"):
        body_from_json('{"rtc_s":7}', known)
    with pytest.raises(ValueError, match="no field 'x'"):
        body_from_json('{"type":"set_clock","x":7}', known)


OPEN = '{"type":"open","request_id":7,"role":%s,"client":"x"}'
ODD_JSON = {
    "nothing": ("", "Expecting value"),
    "not an object": ("[]", "not an object"),
    "null": ("null", "not an object"),
    "text behind": ('{"type":"identify","request_id":7} x', "Extra data"),
    "duplicate": ('{"type":"identify","request_id":7,"request_id":7}', "twice"),
    "duplicate inside": ('{"type":"status","status":{"a":1,"a":1}}', "twice"),
    "fraction": ('{"type":"identify","request_id":7.0}', "7.0 is not an integer"),
    "exponent": ('{"type":"identify","request_id":7e0}', "7e0 is not an integer"),
    "NaN": ('{"type":"identify","request_id":NaN}', "NaN is not an integer"),
    "beyond 2^53": ('{"type":"identify","request_id":9007199254740992}', "beyond 2^53"),
    "far beyond": ('{"type":"identify","request_id":' + "9" * 9_000 + "}", "beyond 2^53"),
    "far below": ('{"type":"identify","request_id":-' + "9" * 9_000 + "}", "beyond 2^53"),
    "a boolean": ('{"type":"identify","request_id":true}', "valid integer"),
    "a string": ('{"type":"identify","request_id":"7"}', "valid integer"),
    "null for what is known": ('{"type":"identify","request_id":null}', "valid integer"),
    "missing": ('{"type":"identify"}', "Field required"),
    "unknown field": ('{"type":"identify","request_id":7,"x":1}', "Identify has no field 'x'"),
    "unknown word": (OPEN % '"boss"', "'boss' is no Role: patient, clinician, service"),
    "word as number": (OPEN % "2", "2 is no Role"),
    "word in capitals": (OPEN % '"CLINICIAN"', "is no Role"),
    "word too deep to print": (OPEN % ("[" * 400 + "]" * 400), "list is no Role"),
    "a part that is none": ('{"type":"status","status":7}', "StatusPart is not an object"),
    "a list that is none": ('{"type":"alarm_list","alarms":{}}', "not a list"),
    "half a character": (
        '{"type":"refused","request_id":7,"boot_id":1,"config_id":1,"uptime_ms":1,'
        '"reason":"busy","detail":"\\ud800"}',
        "unicode",
    ),
    "too deep": ("[" * 16_000, "nested too deep"),
    "too long": (" " * (MAX_JSON_BYTES + 1), "longer than 16384 bytes"),
}


@pytest.mark.parametrize("name", ODD_JSON)
def test_odd_json_is_malformed(name: str) -> None:
    text, expected = ODD_JSON[name]
    found = from_json(text)
    assert isinstance(found, Malformed)
    assert found.reason is Refusal.MALFORMED
    assert found.code == (m.Identify.code if "valid integer" in expected else found.code)
    assert expected in found.detail
    assert len(found.detail) <= MAX_DETAIL


@pytest.mark.parametrize("data", [b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b'{"\xff":1}'])
def test_json_bytes_are_utf_8(data: bytes) -> None:
    found = from_json(data)
    assert isinstance(found, Malformed)
    assert found.reason is Refusal.MALFORMED


@pytest.mark.parametrize("name", ['"launch"', '"GetStatus"', "7", "null", "[[]]", '"\\ud800"'])
def test_an_unknown_name_keeps_its_request_id(name: str) -> None:
    found = from_json(f'{{"type":{name},"request_id":7}}')
    assert isinstance(found, Malformed)
    assert found.reason is Refusal.UNKNOWN_MESSAGE
    assert found.request_id == 7
    found.detail.encode()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


@given(text=st.text() | st.binary() | JSON_VALUES.map(json.dumps))
def test_any_text_gives_a_packet_or_malformed(text: str | bytes) -> None:
    from_json(text)


@pytest.mark.parametrize("part", [*HEADERS, *parts(), *MESSAGES], ids=lambda p: p.__name__)
def test_the_bounds_that_are_declared_are_kept(part: type[m.Part]) -> None:
    """Those of a field's own and those of its type: the tighter ones."""
    for field in fields(part):
        if field.shape.kind is int:
            assert field.shape.low is not None
            assert field.shape.high is not None
            for value in (field.shape.low - 1, field.shape.high + 1):
                assert is_refused(part, field.name, value), f"{field.name} = {value}"


def is_refused(part: type[m.Part], name: str, value: int) -> bool:
    """For its value: other fields are missing, and complain as well."""
    with pytest.raises(ValidationError) as caught:
        part.model_validate({name: value})
    return any(e["loc"] == (name,) and e["type"] != "missing" for e in caught.value.errors())


@given(packet=packets, data=st.data())
def test_a_spoiled_field_is_refused_or_sound(packet: Packet, data: st.DataObject) -> None:
    content = json.loads(to_json(packet))
    name = data.draw(st.sampled_from(sorted(content)))
    content[name] = data.draw(JSON_VALUES)
    found = from_json(json.dumps(content))
    assert isinstance(found, Malformed) or from_json(to_json(found)) == found
