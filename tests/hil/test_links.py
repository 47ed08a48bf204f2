"""Real links: a device at the far end, nothing at the far end, and a far end that goes away."""

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Iterator

import pytest

from hil.client import Client
from hil.errors import LinkError, LocalError, RigError
from hil.exchange import Exchange
from hil.links.reader import Reader
from hil.port import Deliver, Fail, LinkPort, StreamCodec
from hil.rig import open_rig
from protocol import messages as m
from protocol.vocabulary import ResetCause
from protocol.wire import encode
from tests.hil.conftest import Served

posix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX")

HEADER = m.NoticeHeader(boot_id=1, config_id=0, uptime_ms=0, sequence=1)
NOTICE = encode(m.Packet(HEADER, m.Booted(timeline_id=1, cause=ResetCause.POWER_ON, resets=0)))
REPLY = encode(m.Packet(m.ReplyHeader(request_id=1, boot_id=1, config_id=0, uptime_ms=0), m.Done()))


def check_device(uri: str) -> None:
    with open_rig(uri) as rig:
        assert rig.identity.device_id == "demo"
        status = rig.dut.status()
        assert isinstance(status, m.Status)
        assert rig.dut.begin_refill() == m.Done()
        assert rig.dut.abort_refill() == m.Done()
        assert len(list(rig.dut.read_log())) > 4


def wait_unplugged(served: Served) -> None:
    with open_rig(served.uri) as rig:
        served.unplug()
        rig.wait("1 h")


def test_a_device_answers_over_tcp(tcp_device: Served) -> None:
    check_device(tcp_device.uri)


@posix
def test_a_device_answers_over_a_serial_port(pty_device: Served) -> None:
    check_device(pty_device.uri)


def test_a_lost_tcp_connection_is_the_rigs_failure(tcp_device: Served) -> None:
    with pytest.raises(LinkError, match=r"closed the connection|was lost"):
        wait_unplugged(tcp_device)


@posix
def test_an_unplugged_serial_port_is_the_rigs_failure(pty_device: Served) -> None:
    with pytest.raises(LinkError, match="unplugged"):
        wait_unplugged(pty_device)


def test_nothing_at_a_tcp_port_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(LinkError, match=f"nothing answers at 127.0.0.1:{port}"):
        open_rig(f"tcp://127.0.0.1:{port}")


@pytest.mark.parametrize("name", ["/dev/ttyUSB99", "/dev/no%20such", "/COM99"])
def test_an_absent_serial_port_is_told_at_once(name: str) -> None:
    with pytest.raises(LinkError, match=r"serial port .*cable"):
        open_rig(f"serial://{name}")


def test_what_is_no_serial_port_is_told_at_once() -> None:
    with pytest.raises(LinkError, match="serial port /dev/null"):
        open_rig("serial:///dev/null")


def test_nothing_at_a_broker_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(LinkError, match=f"no MQTT broker answers at 127.0.0.1:{port}"):
        open_rig(f"mqtt://127.0.0.1:{port}/demo")


def test_a_control_api_that_is_not_there_makes_no_rig(tcp_device: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(RigError, match=f"control API at http://127.0.0.1:{port}"):
        open_rig(f"{tcp_device.uri}?control=http://127.0.0.1:{port}")


def test_a_link_alone_has_no_laboratory(tcp_device: Served) -> None:
    with open_rig(tcp_device.uri) as rig:
        with pytest.raises(RigError, match=r"'fever'.*control=URL"):
            rig.laboratory.stimulate({"kind": "fever"})
        with pytest.raises(RigError, match="truth"):
            rig.laboratory.truth()


@contextlib.contextmanager
def connected() -> Iterator[tuple[LinkPort, socket.socket]]:
    from hil.links.tcp_link import TcpLink

    with socket.create_server(("127.0.0.1", 0)) as server:
        link = TcpLink(*server.getsockname())
        far, _ = server.accept()
    port = LinkPort(link, StreamCodec(), threading.Event())
    with far:
        yield port, far
        port.close()
        port.close()  # again: no mistake


def drain(port: LinkPort, kind: type[m.Body]) -> list[m.Packet]:
    """Everything up to and with the first packet of a kind, or to the end of the link."""
    packets = []
    with contextlib.suppress(LinkError):
        while isinstance(packet := port.receive(10), m.Packet):
            packets.append(packet)
            if isinstance(packet.body, kind):
                break
    return packets


def write_for_ever(port: LinkPort) -> None:
    while True:
        port._link.write(REPLY * 1_000)


class Recorded:
    """A link that has already heard everything there is to hear."""

    name = "recorded"

    def __init__(self, data: bytes) -> None:
        self._left = [data]
        self._reader = Reader(self.name, self._read)

    def start(self, deliver: Deliver, fail: Fail) -> None:
        self._reader.start(deliver, fail)
        self._reader.join(10)

    def write(self, data: bytes) -> None:
        raise LinkError(f"recorded long ago: {len(data)} bytes come too late")

    def close(self) -> None:
        self._reader.stop(10)

    def _read(self) -> bytes:
        if not self._left:
            raise LinkError("the record ends")
        return self._left.pop()


def test_notices_beyond_the_bound_are_dropped_and_counted_and_replies_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hil.port.MAX_WAITING", 50)
    port = LinkPort(Recorded(NOTICE * 80 + REPLY * 7), StreamCodec(), threading.Event())
    kinds = [type(packet.body) for packet in drain(port, m.Status)]
    assert kinds == [m.Booted] * 50 + [m.Done] * 7
    assert port.lost == 30


def test_a_flood_of_replies_breaks_the_link_and_not_the_bench(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hil.port.MAX_WAITING", 50)
    monkeypatch.setattr("hil.port.MAX_REPLIES", 10)
    port = LinkPort(Recorded(REPLY * 61), StreamCodec(), threading.Event())
    assert len([port.receive(1) for _ in range(60)]) == 60
    with pytest.raises(LinkError, match="floods"):
        port.receive(1)


def test_garbage_between_frames_is_skipped() -> None:
    with connected() as (port, far):
        far.sendall(b"\x07garbage" + REPLY[:9] + NOTICE + b"\0\xff\xff" + REPLY)
        assert [type(p.body) for p in drain(port, m.Done)] == [m.Booted, m.Done]


def test_a_broken_link_stays_broken() -> None:
    with connected() as (port, far):
        far.shutdown(socket.SHUT_RDWR)
        for _ in range(2):
            with pytest.raises(LinkError, match="closed the connection"):
                port.receive(10)
        assert port.ready()
        with pytest.raises(LinkError):
            port.send(m.Packet(m.AskHeader(request_id=1), m.Identify()))


def test_a_far_end_that_never_reads_is_told_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.links.tcp_link.WAIT_S", 0.05)
    with connected() as (port, _), pytest.raises(LinkError, match="took nothing"):
        write_for_ever(port)


@posix
def test_a_silent_serial_port_is_told_after_bounded_attempts() -> None:
    from hil.links.serial_link import SerialLink

    near, far = os.openpty()
    port = LinkPort(SerialLink(os.ttyname(far), 9_600), StreamCodec(), threading.Event())
    with pytest.raises(LinkError, match="no reply to identify: asked 3 times"):
        Client(Exchange(port, reply_s=0.01)).identify()
    port.close()
    os.close(near)
    os.close(far)


def test_a_control_url_needs_no_port_of_its_own_to_be_wrong() -> None:
    with pytest.raises(LocalError, match="http://HOST:PORT"):
        open_rig("tcp://127.0.0.1:1?control=127.0.0.1:8000")


def test_a_password_file_that_cannot_be_read_is_a_local_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PUMPSIM_MQTT_PASSWORD_FILE", "/no/such/file")
    with pytest.raises(LocalError, match=r"PUMPSIM_MQTT_PASSWORD_FILE: /no/such/file"):
        open_rig("mqtt://127.0.0.1:1/demo")
