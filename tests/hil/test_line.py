"""A line to an instrument, over real ptys and sockets: whatever goes wrong has a name."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.errors import LocalError
from hil.instruments.errors import InstrumentError
from hil.instruments.identity import Identity
from hil.instruments.line import Line
from hil.instruments.port import Port, parse_port
from tests.hil.far_end import PtyEnd, TcpEnd

posix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX")

QUICK_S = 0.3


def echo(data: bytes) -> bytes:
    return b"you said " + data


@pytest.fixture(params=[pytest.param("pty", marks=posix), "tcp"])
def end(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PtyEnd | TcpEnd]:
    made = PtyEnd(tmp_path / "port", echo) if request.param == "pty" else TcpEnd(echo)
    yield made
    made.unplug()


@pytest.fixture
def line(end: PtyEnd | TcpEnd) -> Iterator[Line]:
    made = line_to(end)
    made.open(Identity)
    yield made
    made.close()


def line_to(end: PtyEnd | TcpEnd, reopen_s: float = 5.0) -> Line:
    return Line("thing", parse_port(end.uri), timeout_s=QUICK_S, reopen_s=reopen_s)


def test_a_question_is_answered(line: Line) -> None:
    assert line.query("SI") == "you said SI"
    assert line.query("") == "you said"


def test_silence_is_named_with_what_was_asked(end: PtyEnd | TcpEnd, line: Line) -> None:
    end.answer = lambda _: b""
    with pytest.raises(InstrumentError) as caught:
        line.query("SI")
    message = str(caught.value)
    assert message.startswith(f"thing at {end.uri.partition('://')[2]}: said nothing within 0.3 s")
    assert "when asked 'SI'" in message
    assert "is it on" in message


def test_garbage_is_shown(end: PtyEnd | TcpEnd, line: Line) -> None:
    end.answer = lambda _: b"\xf0\x81\x99\r\n"
    with pytest.raises(InstrumentError, match=r"answered 'SI' with '\\xf0.*no text"):
        line.query("SI")


def test_an_answer_without_an_end_is_shown(line: Line, end: PtyEnd | TcpEnd) -> None:
    end.answer = lambda _: b"S S 1.0"
    with pytest.raises(InstrumentError, match=r"answered 'SI' with 'S S 1\.0' and no end of line"):
        line.query("SI")


def test_the_way_out_names_speed_and_frame_of_a_serial_line(tmp_path: Path) -> None:
    end = PtyEnd(tmp_path / "port", lambda _: b"")
    line = Line("bath", parse_port(end.uri, 4_800, "8N1"), timeout_s=QUICK_S)
    line.open(Identity)
    with pytest.raises(InstrumentError, match="agree on 4800 baud 8N1"):
        line.query("version")
    line.close()
    end.unplug()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take any frame on a pty")
def test_a_frame_that_the_port_cannot_have_is_told(tmp_path: Path) -> None:
    end = PtyEnd(tmp_path / "port", echo)
    line = Line("bath", parse_port(end.uri, 4_800, "7E1"))
    with pytest.raises(InstrumentError, match=r'cannot be set to 4800 baud 7E1.*"8N1"'):
        line.open(Identity)
    end.unplug()


def test_after_silence_the_port_is_opened_anew_lest_a_late_answer_is_taken_for_the_next(
    end: PtyEnd | TcpEnd,
) -> None:
    greetings: list[str] = []
    line = line_to(end)

    def prepare() -> None:
        greetings.append(line.query("who"))

    line.open(Identity, prepare)
    end.answer = lambda _: b""
    with pytest.raises(InstrumentError):
        line.query("one")
    end.answer = echo
    assert line.query("two") == "you said two"
    assert greetings == ["you said who"] * 2
    line.close()


@posix
def test_what_comes_unasked_is_kept_apart(tmp_path: Path) -> None:
    end = PtyEnd(tmp_path / "port", echo)
    line = line_to(end)
    line.open(Identity)
    end.say(b"hello\r\n")
    assert line.query("SI") == "you said SI"
    assert line.unasked == "hello\r\n"
    line.close()
    end.unplug()


def test_a_replug_is_survived_and_greeted(end: PtyEnd | TcpEnd) -> None:
    greetings: list[str] = []
    line = line_to(end)

    def prepare() -> None:
        greetings.append(line.query("who"))

    line.open(Identity, prepare)
    end.unplug()
    later = threading.Timer(0.4, end.plug)
    later.start()
    assert line.query("SI") == "you said SI"
    later.join()
    assert greetings == ["you said who"] * 2
    line.close()


def test_a_port_that_stays_away_is_given_up_and_found_again_later(end: PtyEnd | TcpEnd) -> None:
    line = line_to(end, reopen_s=0.2)
    line.open(Identity)
    end.unplug()
    for _ in range(2):
        with pytest.raises(InstrumentError, match=r"not there and did not come back within 0\.2 s"):
            line.query("SI")
    end.plug()
    assert line.query("SI") == "you said SI"
    line.close()


def test_a_port_that_is_lost_again_and_again_is_given_up(end: PtyEnd | TcpEnd) -> None:
    line = line_to(end, reopen_s=0.2)
    line.open(Identity)
    losses: list[bytes] = []

    def hang_up(data: bytes) -> bytes:
        losses.append(data)
        threading.Thread(target=end.unplug).start()
        return b""

    end.answer = hang_up
    with pytest.raises(InstrumentError, match=r"the port"):
        line.query("SI")
    assert len(losses) == 1
    line.close()


@posix
@pytest.mark.parametrize("name", ["/dev/ttyUSB9", "/COM99"])
def test_an_absent_serial_port_is_told_at_once(name: str) -> None:
    line = Line("balance", parse_port(f"serial://{name}"))
    with pytest.raises(
        InstrumentError, match=r"balance at .*: the port is not there: there is no such port.*cable"
    ):
        line.open(Identity)


def test_nobody_at_a_tcp_port_is_told_at_once() -> None:
    end = TcpEnd(echo)
    end.unplug()
    line = line_to(end)
    with pytest.raises(
        InstrumentError, match=r"not there: nothing answers there \(connection refused\)"
    ):
        line.open(Identity)


@posix
@pytest.mark.parametrize("end", ["pty"], indirect=True)  # a socket takes what it likes
def test_a_port_has_one_holder(end: PtyEnd, line: Line) -> None:
    del line
    with pytest.raises(InstrumentError, match="another program holds it"):
        line_to(end).open(Identity)


def test_ports_are_written_like_the_devices() -> None:
    assert parse_port("serial:///dev/ttyUSB1") == Port(
        "/dev/ttyUSB1", "ASRL/dev/ttyUSB1::INSTR", 9_600, "8N1"
    )
    assert parse_port("serial:///COM3?baud=4800") == Port("COM3", "ASRL3::INSTR", 4_800, "8N1")
    assert parse_port("tcp://bath:5025").resource == "TCPIP0::bath::5025::SOCKET"
    assert parse_port("visa:GPIB0::7::INSTR").resource == "GPIB0::7::INSTR"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("sim:", "no port of an instrument"),
        ("mqtt://h:1/x", "no port of an instrument"),
        ("tcp://h:1?control=http://h:2", "takes neither control= nor chaos="),
        ("serial:///dev/ttyUSB1?chaos=chaos.toml", "takes neither control= nor chaos="),
        ("tcp://[::1]:5025", "IPv4"),
        ("visa:GPIB0", "no VISA resource"),
        ("/dev/ttyUSB1", "a right one is"),
    ],
)
def test_what_is_no_port_is_refused_with_a_way_out(text: str, hint: str) -> None:
    with pytest.raises(LocalError, match=hint):
        parse_port(text)


def test_a_bus_without_its_driver_is_told() -> None:
    line = Line("supply", parse_port("visa:GPIB0::7::INSTR"))
    with pytest.raises(InstrumentError, match="gpib"):
        line.open(Identity)
