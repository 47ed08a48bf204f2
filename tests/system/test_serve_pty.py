"""The pump's serial port, opened as others open serial ports."""

import errno
import os
import termios
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import serial

from protocol import messages as m
from tests.system.conftest import Daemon, Serve
from tests.system.talk import TIMEOUT_S, Talk, over_serial

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are POSIX"),
]

QUIET = ("--mqtt", "none", "--tcp", "none")


def path_of(daemon: Daemon) -> str:
    return unquote(urlsplit(daemon.device()["serial"]).path)


def modes(descriptor: int) -> int:
    """What of a terminal would spoil frames."""
    iflag, oflag, _, lflag, *_ = termios.tcgetattr(descriptor)
    local = lflag & (termios.ECHO | termios.ICANON | termios.ISIG)
    return int(local | iflag & (termios.ICRNL | termios.IXON) | oflag & termios.OPOST)


def test_the_far_end_is_raw_before_anybody_sets_it(demo: Daemon) -> None:
    descriptor = os.open(path_of(demo), os.O_RDWR | os.O_NOCTTY)
    try:
        assert modes(descriptor) == 0
    finally:
        os.close(descriptor)


def test_twelve_lines_of_a_serial_library_read_a_status(demo: Daemon) -> None:
    status = demo.serial().ask(m.GetStatus())
    assert isinstance(status, m.Status)
    assert status.status.flow_nl_per_h is not None


def over_descriptor(descriptor: int) -> Talk:
    """Without a library that would set modes of its own."""
    return Talk(lambda: os.read(descriptor, 4_096), lambda data: os.write(descriptor, data))


def test_an_opener_that_makes_it_a_terminal_harms_only_itself(demo: Daemon) -> None:
    descriptor = os.open(path_of(demo), os.O_RDWR | os.O_NOCTTY)
    over_descriptor(descriptor).ask(m.Identify())
    settings = termios.tcgetattr(descriptor)
    settings[0] |= termios.ICRNL | termios.IXON
    settings[1] |= termios.OPOST | termios.ONLCR
    settings[3] |= termios.ECHO | termios.ICANON | termios.ISIG  # and what is sent comes back
    termios.tcsetattr(descriptor, termios.TCSANOW, settings)
    os.write(descriptor, b"AT\r\nATZ\r\n\x03\x04")
    assert modes(descriptor) != 0
    os.close(descriptor)
    demo.tcp().ask(m.Identify())  # by now the daemon has seen that nobody is there
    descriptor = os.open(path_of(demo), os.O_RDWR | os.O_NOCTTY)
    try:
        assert modes(descriptor) == 0
        assert isinstance(over_descriptor(descriptor).ask(m.GetStatus()), m.Status)
    finally:
        os.close(descriptor)


def test_an_echoing_line_settles_to_silence(demo: Daemon) -> None:
    talk, port = over_serial(demo.device()["serial"])
    with port:
        settings = termios.tcgetattr(port.fileno())
        settings[3] |= termios.ECHO  # all that the pump says comes back to it
        termios.tcsetattr(port.fileno(), termios.TCSANOW, settings)
        talk.ask(m.SubscribeTelemetry(period_ms=1_000))
        for _ in range(3):
            assert isinstance(talk.ask(m.GetStatus()), m.Status)
        talk.ask(m.SubscribeTelemetry(period_ms=0))
        talk.only_this()


def test_a_second_opener_disturbs_nobody_for_long(demo: Daemon) -> None:
    first = demo.serial()
    assert isinstance(first.ask(m.Identify()), m.Identity)
    second = serial.Serial(path_of(demo), timeout=TIMEOUT_S)
    second.write(b"\0half a fr")
    second.close()
    assert isinstance(first.ask(m.Identify()), m.Identity)


def test_what_nobody_reads_is_gone(demo: Daemon) -> None:
    talk, port = over_serial(demo.device()["serial"])
    with port:
        talk.ask(m.SubscribeTelemetry(period_ms=1_000))
        talk.notice(m.Telemetry)
    demo.run_for("1 h")
    talk = demo.serial()
    talk.only_this()


def test_an_opener_that_never_reads_holds_up_nobody(demo: Daemon) -> None:
    deaf = demo.serial()
    deaf.ask(m.SubscribeSamples(enabled=True))
    demo.run_for("7 d")
    assert isinstance(demo.tcp().ask(m.GetStatus()), m.Status)


def test_the_port_can_have_a_name(serve: Serve, tmp_path: Path) -> None:
    link = tmp_path / "pump 1"
    daemon = serve(*QUIET, "--serial", f"pty:{link}")
    assert path_of(daemon) == str(link)
    assert isinstance(daemon.serial().ask(m.Identify()), m.Identity)
    daemon.opened.close()
    assert daemon.end() == 0
    assert not link.is_symlink()


def test_a_link_that_a_killed_daemon_left_is_replaced(serve: Serve, tmp_path: Path) -> None:
    link = tmp_path / "pump"
    serve(*QUIET, "--serial", f"pty:{link}").kill()
    assert link.is_symlink()
    daemon = serve(*QUIET, "--serial", f"pty:{link}")
    assert isinstance(daemon.serial().ask(m.Identify()), m.Identity)


def test_a_name_that_another_daemon_holds_stays_its(serve: Serve, tmp_path: Path) -> None:
    link = tmp_path / "pump"
    first = serve(*QUIET, "--serial", f"pty:{link}")
    with pytest.raises(AssertionError, match="belongs to another daemon"):
        serve(*QUIET, "--serial", f"pty:{link}")
    assert isinstance(first.serial().ask(m.Identify()), m.Identity)
    assert first.end() == 0
    assert list(tmp_path.glob("*pump*")) == []


def test_a_killed_daemon_is_noticed(serve: Serve) -> None:
    daemon = serve(*QUIET)
    talk = daemon.serial()
    talk.ask(m.Identify())
    daemon.kill()
    with pytest.raises((TimeoutError, OSError)) as caught:
        talk.ask(m.Identify())
    assert not isinstance(caught.value, OSError) or caught.value.errno in (None, errno.EIO)


def test_bytes_take_their_time_at_a_baud_rate(serve: Serve) -> None:
    baud = 2_400
    daemon = serve(*QUIET, "--baud", str(baud))
    talk = daemon.serial()
    lengths = []
    read = talk.read

    def counting() -> bytes:
        data = read()
        lengths.append(len(data))
        return data

    talk.read = counting
    talk.ask(m.Identify())
    started_ms, first = talk.session.uptime_ms, sum(lengths)
    talk.ask(m.Identify())
    least_ms = first * 10 * 1_000 // baud  # the first reply has passed before the second is made
    assert talk.session.uptime_ms - started_ms >= least_ms


def test_a_paced_line_and_one_that_is_not_agree(serve: Serve) -> None:
    daemon = serve("--mqtt", "none", "--speed", "max", "--baud", "9600")
    replies = [talk.ask(m.GetStatus()) for talk in (daemon.serial(), daemon.tcp())]
    assert replies[0] == replies[1]


def test_several_openers_one_after_the_other(demo: Daemon) -> None:
    for _ in range(5):
        talk, port = over_serial(demo.device()["serial"])
        with port:
            assert isinstance(talk.ask(m.Identify()), m.Identity)


def test_a_talk_can_be_had_on_every_link(demo: Daemon) -> None:
    talks: list[Talk] = [demo.serial(), demo.tcp()]
    names = {talk.ask(m.Identify()) for talk in talks}
    assert len(names) == 1
