"""The pump that fuzz targets speak to: hearing anything, it answers and samples afterwards."""

from functools import cache, lru_cache
from typing import Any, Final

from protocol import messages as m
from protocol.codec import Malformed, decode_payload, encode_payload, from_json, to_json
from protocol.messages import Packet
from protocol.session import ClientSession
from protocol.vocabulary import Role
from pumpsim import pumpfile, snapshot
from pumpsim.device import SAMPLE_NS, Device

LINK: Final = "fuzz"
TOLD: Final = ("now_ns", "log", "notices")
"""What a malformed request may change of a pump: that it came is logged, and told."""


@cache
def newborn() -> dict[str, Any]:
    """The demo pump as it was implanted."""
    device = Device(pumpfile.demo(), seed=1)
    device.implant()
    return snapshot.take(device)


def awaiting() -> tuple[Device, ClientSession]:
    """A pump with an open session; made anew, so that every input replays by itself."""
    device, session = snapshot.restore(pumpfile.demo(), newborn()), ClientSession()
    device.attach(LINK, events=True)
    device.receive(device.now_ns, LINK, session.ask(m.Open(role=Role.CLINICIAN, client="fuzz")))
    session.learn(sent(device)[-1])
    return device, session


@lru_cache(10_000)
def hears(*found: Packet | Malformed) -> None:
    """Requests get one reply each, what is malformed changes nothing, and the pump lives on.

    Most noise is malformed in the same few ways, and a pump that hears the same does the same.
    """
    device, session = awaiting()
    for one in found:
        if isinstance(one, Malformed):
            _refuses(device, one)
        else:
            device.receive(device.now_ns, LINK, one)
            request = isinstance(one.header, m.AskHeader | m.CommandHeader)
            assert len(replies(sent(device))) == request, one
    lives_on(device, session)


def lives_on(device: Device, session: ClientSession) -> None:
    """It takes its next sample, and tells its status."""
    for link in device.outgoing.links:
        device.hold(link)  # as a host does where telemetry comes too fast for a link
    before = device.readings
    device.advance(device.sample_ns + SAMPLE_NS)
    assert device.readings is not before
    sent(device)
    device.receive(device.now_ns, LINK, session.ask(m.GetStatus()))
    (reply,) = replies(sent(device))
    assert isinstance(reply.body, m.Refused if device.bare else m.Status), reply


def sent(device: Device) -> list[Packet]:
    """What it says, each of which crosses the wire in both encodings."""
    packets = [packet for _, packet in device.messages_to_send()]
    for packet in packets:
        crosses(packet)
    return packets


def crosses(packet: Packet) -> None:
    """It means the same in both encodings."""
    assert decode_payload(packet.body.code, encode_payload(packet)) == packet
    assert from_json(to_json(packet)) == packet


def replies(packets: list[Packet]) -> list[Packet]:
    """Those that answer something."""
    return [packet for packet in packets if isinstance(packet.body, m.Reply)]


def is_sentence(detail: str) -> None:
    """Something a person can read, in one line."""
    assert 0 < len(detail) <= m.MAX_DETAIL
    assert detail.strip()


def _refuses(device: Device, malformed: Malformed) -> None:
    is_sentence(malformed.detail)
    before = snapshot.take(device)
    device.refuse(device.now_ns, LINK, malformed)
    assert len(replies(sent(device))) == malformed.answerable
    after = snapshot.take(device)
    for name in before.keys() - TOLD:
        assert before[name] == after[name], name
