"""What a daemon does with bad bytes and bad manners on a stream: answer clearly, or not at all."""

import random

import cbor2
import pytest
from cobs import cobs

from protocol import messages as m
from protocol.framing import encode_frame
from protocol.vocabulary import AlarmId, Refusal, Role
from protocol.wire import encode
from tests.system.conftest import Daemon
from tests.system.talk import Talk, over_tcp

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def talk(demo: Daemon) -> Talk:
    return demo.tcp()


def refused(reply: m.Reply) -> Refusal:
    assert isinstance(reply, m.Refused), reply
    return reply.reason


def frame(talk: Talk) -> bytes:
    return encode(talk.session.ask(m.GetStatus()))


def test_garbage_is_never_answered(talk: Talk) -> None:
    talk.write(random.Random(1).randbytes(64 * 1024))
    talk.only_this()


def test_a_truncated_frame_is_lost_alone(talk: Talk) -> None:
    whole = frame(talk)
    talk.write(whole[: len(whole) // 2])
    talk.only_this()


def test_an_oversized_frame_is_lost_alone(talk: Talk) -> None:
    talk.write(b"\0" + b"x" * 5_000 + b"\0")
    talk.only_this()


def test_a_frame_may_come_byte_by_byte(talk: Talk) -> None:
    request = talk.session.ask(m.GetStatus())
    for byte in encode(request):
        talk.write(bytes([byte]))
    assert isinstance(request.header, m.AskHeader)
    assert isinstance(talk.reply(request.header.request_id), m.Status)


def test_frames_that_come_together_are_answered_in_order(talk: Talk) -> None:
    requests = [talk.session.ask(m.Identify()) for _ in range(5)]
    talk.write(b"".join(encode(request) for request in requests))
    headers = [talk.receive().header for _ in requests]
    assert [h.request_id for h in headers if isinstance(h, m.ReplyHeader)] == [1, 2, 3, 4, 5]


def test_a_wrong_crc_is_never_answered(talk: Talk) -> None:
    inside = bytearray(cobs.decode(frame(talk).strip(b"\0")))
    inside[-1] ^= 1
    talk.write(b"\0" + cobs.encode(bytes(inside)) + b"\0")
    talk.only_this()


def test_an_unknown_message_is_refused_by_its_number(talk: Talk) -> None:
    talk.write(encode_frame(0x3F, cbor2.dumps({0: 77}, canonical=True)))
    assert refused(talk.reply(77)) is Refusal.UNKNOWN_MESSAGE


def test_a_value_out_of_range_is_refused(talk: Talk) -> None:
    content = {0: 78, 8: 1, 9: m.MAX_LIST + 1}
    talk.write(encode_frame(m.ReadLog.code, cbor2.dumps(content, canonical=True)))
    assert refused(talk.reply(78)) is Refusal.MALFORMED


def test_a_flood_of_nonsense_gets_few_answers(talk: Talk) -> None:
    flood = 2_000
    talk.write(encode_frame(0x3F, cbor2.dumps({0: 7}, canonical=True)) * flood)
    talk.send(talk.session.ask(m.Identify()))
    answers = 0
    while isinstance(talk.receive().body, m.Refused):
        answers += 1
    assert 1 <= answers < flood / 4


def test_replies_and_notices_are_never_answered(talk: Talk) -> None:
    request = talk.session.ask(m.GetStatus())
    talk.send(request)
    reply = talk.receive()
    for _ in range(3):
        talk.send(reply)  # a loop-back plug
    talk.only_this()


def test_half_a_frame_and_silence_holds_up_nobody(demo: Daemon, talk: Talk) -> None:
    request = talk.session.ask(m.GetStatus())
    whole = encode(request)
    talk.write(whole[:10])
    assert isinstance(demo.tcp().ask(m.GetStatus()), m.Status)
    talk.write(whole[10:])
    assert isinstance(request.header, m.AskHeader)
    assert isinstance(talk.reply(request.header.request_id), m.Status)


def test_a_client_that_never_reads_is_cut_off(demo: Daemon) -> None:
    deaf, line = over_tcp(demo.device()["tcp"], receive_bytes=4_096)
    request = encode(deaf.session.ask(m.ReadLog(from_sequence=0, limit=m.MAX_LIST))) * 200
    with line, pytest.raises(ConnectionError):
        deaf.write(request * 20_000)  # four million replies fit no buffer
    assert isinstance(demo.tcp().ask(m.GetStatus()), m.Status)


def test_a_client_too_many_is_sent_away(demo: Daemon) -> None:
    talks = [demo.tcp() for _ in range(40)]
    answers = []
    for talk in talks:
        try:
            answers.append(talk.ask(m.Identify()))
        except (TimeoutError, ConnectionError):
            continue
    assert len(answers) == 32


def test_the_second_of_two_programmers_is_told_busy(demo: Daemon) -> None:
    first, second = demo.tcp(), demo.serial()
    first.open("first")
    second.open("second")
    assert isinstance(first.command(m.BeginRefill()), m.Done)
    assert refused(second.command(m.AbortRefill())) is Refusal.BUSY
    assert isinstance(first.command(m.AbortRefill()), m.Done)
    assert isinstance(first.command(m.Close()), m.Done)
    assert refused(second.command(m.AbortRefill())) is Refusal.NO_REFILL_OPEN


def test_two_programmers_may_write_at_once(demo: Daemon) -> None:
    talks = [demo.tcp(), demo.serial()]
    requests = [[talk.session.ask(m.GetStatus()) for _ in range(20)] for talk in talks]
    for pair in zip(*requests, strict=True):
        for talk, request in zip(talks, pair, strict=True):
            talk.send(request)
    for talk, asked in zip(talks, requests, strict=True):
        for request in asked:
            assert isinstance(request.header, m.AskHeader)
            assert isinstance(talk.reply(request.header.request_id), m.Status)


def test_a_request_from_before_a_reboot_does_not_act(demo: Daemon, talk: Talk) -> None:
    talk.open()
    late = talk.prepare(m.BeginRefill())
    demo.stimulate(kind="power_cycle")
    assert refused(talk.exchange(late)) is Refusal.STALE_BOOT
    status = talk.ask(m.GetStatus())
    assert isinstance(status, m.Status)
    assert not status.status.refill_open


def test_a_lost_reply_can_be_asked_for_over_another_link(demo: Daemon, talk: Talk) -> None:
    talk.open()
    command = talk.prepare(m.BeginRefill())
    assert talk.exchange(command) == talk.exchange(command)  # it was executed once
    assert isinstance(command.header, m.CommandHeader)
    outcome = demo.serial().ask(m.QueryOutcome(command_id=command.header.command_id))
    assert isinstance(outcome, m.CommandOutcome)
    assert outcome.state.name == "DONE"


def refill_of(volume_nl: int) -> m.CommitRefill:
    refill = m.Refill(
        withdrawn_nl=0,
        filled_nl=volume_nl,
        drug="FUDR",
        concentration_ng_per_ml=5,
        viscosity_permille=1_000,
        batch="B",
    )
    return m.CommitRefill(refill=refill)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (m.AbortRefill(), Refusal.NO_REFILL_OPEN),
        (refill_of(20_000_000), Refusal.NO_REFILL_OPEN),
        (m.AcknowledgeAlarm(alarm=AlarmId.EMPTY_RESERVOIR, occurrence=9), Refusal.UNKNOWN_ALARM),
    ],
)
def test_what_cannot_be_done_is_refused(talk: Talk, body: m.Command, reason: Refusal) -> None:
    talk.open()
    assert refused(talk.command(body)) is reason


def test_a_refill_above_capacity_is_refused(talk: Talk) -> None:
    talk.open()
    assert isinstance(talk.command(m.BeginRefill()), m.Done)
    assert refused(talk.command(refill_of(90_000_000))) is Refusal.OVER_CAPACITY


def test_a_patient_may_not_refill(talk: Talk) -> None:
    talk.ask(m.Open(role=Role.PATIENT, client="home"))
    assert refused(talk.command(m.BeginRefill())) is Refusal.ROLE
