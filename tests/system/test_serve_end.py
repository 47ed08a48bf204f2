"""How a daemon ends: in time, whatever is open, and with nothing left behind."""

import os
import signal

import pytest

from protocol import messages as m
from tests.system.conftest import Background, Serve
from tests.system.talk import Talk, over_tcp

pytestmark = pytest.mark.timeout(60)


def test_ready_is_written_when_everything_listens_and_goes_at_the_end(serve: Serve) -> None:
    daemon = serve()
    ready = serve.folder / "ready-0.json"
    device = daemon.device()
    assert set(device) == {"id", "serial", "tcp", "mqtt", "bare", "instruments"}
    assert device["instruments"] == {}  # none without a bench file
    for link in ("serial", "tcp", "mqtt"):
        assert device[link].startswith(f"{link}://")
        assert "?control=http%3A%2F%2F127.0.0.1%3A" in device[link]
    assert daemon.end() == 0
    assert not ready.exists()
    assert daemon.err.all() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_the_middle_of_a_run_with_everything_open(
    serve: Serve, number: signal.Signals
) -> None:
    daemon = serve()
    talks = [daemon.tcp(), daemon.serial()]
    for talk in talks:
        talk.ask(m.SubscribeTelemetry(period_ms=1_000))
    half, line = over_tcp(daemon.device()["tcp"])
    half.write(b"\0half a fr")
    run = Background(daemon, "3660 d")
    assert daemon.end(number) == 0
    run.join()
    line.close()
    assert "Traceback" not in daemon.err.all()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_stopped_process_that_goes_on_still_answers(serve: Serve) -> None:
    daemon = serve("--mqtt", "none")
    talk = daemon.tcp()
    daemon.process.send_signal(signal.SIGSTOP)
    request = talk.session.ask(m.Identify())
    talk.send(request)
    daemon.process.send_signal(signal.SIGCONT)
    assert isinstance(request.header, m.AskHeader)
    assert isinstance(talk.reply(request.header.request_id), m.Identity)


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are POSIX")
def test_a_pump_on_a_real_port_faces_a_programmer(serve: Serve) -> None:
    near, far = os.openpty()  # stands for the UART: the daemon opens it as it would any port
    name = os.ttyname(far)
    daemon = serve("--serial", f"{name}?baud=115200", "--tcp", "none", "--mqtt", "none")
    os.close(far)
    assert daemon.device()["serial"].startswith(f"serial://{name}?")
    talk = Talk(lambda: os.read(near, 4_096), lambda data: os.write(near, data))
    assert isinstance(talk.ask(m.Identify()), m.Identity)
    assert isinstance(talk.ask(m.GetStatus()), m.Status)
    os.close(near)  # the cable is pulled
    assert name in daemon.err.wait_for(lambda line: "is gone" in line)
    assert daemon.get("/v1/health") == {"status": "ok"}
