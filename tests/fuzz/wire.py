"""Fuzz targets of the wire: frames, both encodings, requests over MQTT, lines to instruments."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from typing import Final, cast

import aiomqtt
from cobs import cobs

from protocol import messages as m
from protocol.codec import Malformed, decode_payload, encode_payload, from_json
from protocol.framing import (
    DELIMITER,
    HEAD_BYTES,
    MAX_FRAME_BYTES,
    Frame,
    FrameDecoder,
    crc_of,
)
from protocol.messages import Packet
from protocol.topics import client_of, reply_topic, request_topic
from protocol.wire import StreamDecoder, encode
from pumpsim.daemon.host import Host
from pumpsim.daemon.mqtt_port import BrokerAddress, Message, MqttPort
from pumpsim.daemon.report import Report
from pumpsim.daemon.timeline import AS_FAST_AS_IT_GOES
from pumpsim.device import SAMPLE_NS
from pumpsim.instruments.bench import Bench
from pumpsim.instruments.desk import SPEECHES, Desk
from pumpsim.instruments.parameters import BenchSection
from tests.fuzz import pump

SOUND: Final = encode(Packet(m.AskHeader(request_id=7), m.GetStatus()))
DEVICE: Final = "demo"
MAX_ANSWER_BYTES: Final = 4_096
NOWHERE: Final = BrokerAddress("127.0.0.1", 1)


def frames(data: bytes) -> None:
    """A byte stream, then the same bytes inside a sound frame (COM-01, COM-02)."""
    whole, single = FrameDecoder(), FrameDecoder()
    found = whole.feed(data)
    assert [frame for byte in data for frame in single.feed(bytes([byte]))] == found
    assert single.dropped == whole.dropped
    pieces = [piece for piece in data.split(DELIMITER)[:-1] if piece]
    assert len(pieces) == len(found) + sum(asdict(whole.dropped).values()), "one is not counted"
    assert whole.feed(SOUND)[-1:] == FrameDecoder().feed(SOUND), "the sound one was lost"
    sealed = DELIMITER + bytes(cobs.encode(data + crc_of(data))) + DELIMITER
    fits = len(data) >= HEAD_BYTES and len(sealed) <= MAX_FRAME_BYTES + 2
    assert whole.feed(sealed) == ([Frame(data[0], data[1], data[HEAD_BYTES:])] if fits else [])
    pump.hears(*StreamDecoder().feed(data + sealed))


def cbor(data: bytes) -> None:
    """A message type, then the payload of its frame: one message has one encoding."""
    code, payload = data[0] if data else 0, data[1:]
    found = decode_payload(code, payload)
    if isinstance(found, Packet):
        assert found.body.code == code
        assert encode_payload(found) == payload
        pump.crosses(found)
    pump.hears(found)


def json(data: bytes) -> None:
    """A JSON text."""
    found = from_json(data)
    if isinstance(found, Packet):
        pump.crosses(found)
    pump.hears(found)


class Broker:
    """A client's side of a broker, from which one publication arrives."""

    def __init__(self, topic: str, payload: bytes, *, retain: bool) -> None:
        self._message = aiomqtt.Message(topic, payload, 0, retain, 1, None)

    @property
    async def messages(self) -> AsyncIterator[aiomqtt.Message]:
        yield self._message


def mqtt(data: bytes) -> None:
    """The name of a client, a line feed, then the payload of its request (COM-07)."""
    name, _, payload = data.partition(b"\n")
    topic = request_topic(DEVICE, name.decode(errors="replace"))
    if not {*topic} & {*"+#"}:  # which no broker takes for a topic
        asyncio.run(_published(topic, payload))


async def _published(topic: str, payload: bytes) -> None:
    device, session = pump.awaiting()
    port = MqttPort(Host([device], AS_FAST_AS_IT_GOES), DEVICE, NOWHERE, SAMPLE_NS, Report())
    port._attach()
    port.connected.set()
    logged = device.log.snapshot()
    await port._receive(cast("aiomqtt.Client", Broker(topic, payload, retain=True)))
    assert device.log.snapshot() == logged, "a retained request acted"
    assert not port._passing, "a retained request was answered"
    await port._receive(cast("aiomqtt.Client", Broker(topic, payload, retain=False)))
    _is_answered(list(port._passing), client_of(topic), from_json(payload))
    pump.lives_on(device, session)


def _is_answered(waiting: list[Message], client: str | None, found: Packet | Malformed) -> None:
    """One reply, on the topic of whoever asked."""
    if isinstance(found, Malformed):
        asked = found.answerable
    else:
        asked = isinstance(found.header, m.AskHeader | m.CommandHeader)
    if client is None or not asked:
        assert waiting == []
        return
    (reply,) = waiting
    assert reply.topic == reply_topic(DEVICE, client)
    packet = from_json(reply.payload)
    assert isinstance(packet, Packet), packet
    assert isinstance(packet.header, m.ReplyHeader), packet
    assert packet.header.request_id == (_request_id(found) or 0)


def _request_id(found: Packet | Malformed) -> int | None:
    header = found.header if isinstance(found, Packet) else found
    assert isinstance(header, Malformed | m.AskHeader | m.CommandHeader)
    return header.request_id


def instruments(data: bytes) -> None:
    """The name of an emulated instrument, a line feed, then bytes on its line."""
    name, _, said = data.partition(b"\n")
    kind = name.decode(errors="replace")
    if kind not in SPEECHES:
        return
    device, session = pump.awaiting()
    line = Desk(partial(Bench, device, BenchSection(), seed=1)).interpreter(kind)
    line.receive(device.now_ns, said)
    device.advance(device.now_ns + SAMPLE_NS)
    line.advance(device.now_ns)
    request = SPEECHES[kind].request.encode().decode("unicode_escape").encode()
    answer = line.receive(device.now_ns, b"\r\n" + request)
    assert answer.isascii(), answer
    assert answer.endswith(b"\n"), answer
    assert len(answer) <= MAX_ANSWER_BYTES
    if device.powered:
        pump.lives_on(device, session)
