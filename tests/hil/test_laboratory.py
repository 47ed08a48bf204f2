"""A control API that is none, fails, or falls silent: the rig's failure, in one sentence."""

import http.server
import socket
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from hil.errors import RigError
from hil.laboratory import ControlApi


class Page(http.server.BaseHTTPRequestHandler):
    """A web server of another kind."""

    def do_GET(self) -> None:
        status, _, text = self.path.strip("/").partition("/")
        self.send_response(int(status))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def api() -> Iterator[ControlApi]:
    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        api = ControlApi(f"http://127.0.0.1:{server.server_port}")
        yield api
        api.close()
        server.shutdown()
        thread.join(10)


class Brief(Page):
    """Lets a connection be kept, and hangs up all the same, as a daemon does when it idles."""

    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        self.send_header("Content-Length", "2")
        super().end_headers()
        self.close_connection = True


class HangsUp(http.server.HTTPServer):
    """Tells when it has hung up."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Brief)
        self.hung_up = threading.Event()

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.hung_up.set()


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    with HangsUp() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        api = ControlApi(f"http://127.0.0.1:{server.server_port}")
        try:
            for _ in range(3):
                assert api.get("/200/{}") == {}
                assert server.hung_up.wait(10.0)
                server.hung_up.clear()
        finally:
            api.close()
            server.shutdown()
            thread.join(10)


def test_what_speaks_no_json_is_no_control_api(api: ControlApi) -> None:
    with pytest.raises(RigError, match="is no control API"):
        api.get("/200/<html>")


@pytest.mark.parametrize("path", ["/500/{}", "/404/[]", '/403/{"error":"x"}'])
def test_a_refusal_of_the_api_itself_is_the_rigs_failure(api: ControlApi, path: str) -> None:
    with pytest.raises(RigError, match="refuses"):
        api.get(path)


def test_an_answer_is_taken_after_a_failure(api: ControlApi) -> None:
    with pytest.raises(RigError):
        api.get("/200/<html>")
    assert api.get("/200/[1]") == [1]


def test_after_ctrl_c_in_mid_request_the_next_one_is_answered(
    api: ControlApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> NoReturn:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(api._connection, "getresponse", interrupted)
        with pytest.raises(KeyboardInterrupt):
            api.get("/200/[1]")
    assert api.get("/200/[2]") == [2]


def test_a_silent_control_api_is_told_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.laboratory.ANSWER_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        api = ControlApi(f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(RigError, match="does not answer: timed out"):
            api.now_ns()
        api.close()
