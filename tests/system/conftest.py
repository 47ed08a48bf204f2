"""Real daemons, as processes of their own, that end when the test does."""

import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, Final

import httpx
import pytest

from tests.conftest import find
from tests.system.talk import TIMEOUT_S, Talk, over_serial, over_tcp

END_S = 3.0
"""What a daemon has to end after Ctrl-C."""
LAST_LINE = "Ctrl-C ends it."


def pytest_itemcollected(item: pytest.Item) -> None:
    """Whatever is tried here starts programs: none of it is quick."""
    item.add_marker(pytest.mark.slow)


class Lines:
    """What a process prints, line by line, as it comes."""

    def __init__(self, stream: IO[str]) -> None:
        self.seen: list[str] = []
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def wait_for(self, wanted: Callable[[str], bool], timeout_s: float = TIMEOUT_S) -> str:
        """The next line that is wanted."""
        while True:
            try:
                line = self._queue.get(timeout=timeout_s)
            except queue.Empty:
                line = None
            assert line is not None, f"it never came; seen: {self.seen}"
            self.seen.append(line)
            if wanted(line):
                return line

    def all(self) -> str:
        """Everything, once the process has ended."""
        self._thread.join(TIMEOUT_S)
        while not self._queue.empty():
            line = self._queue.get()
            if line is not None:
                self.seen.append(line)
        return "\n".join(self.seen)

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._queue.put(line.rstrip("\n"))
        stream.close()
        self._queue.put(None)


def spawn(*command: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Run a program."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )


class Program:
    """A process under test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        assert process.stderr is not None
        self.out = Lines(process.stdout)
        self.err = Lines(process.stderr)

    def end(self, number: signal.Signals = signal.SIGINT, within_s: float = END_S) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def kill(self) -> None:
        """Without warning."""
        self.process.kill()
        self.process.wait(TIMEOUT_S)


class Daemon(Program):
    """`pumpsim serve`, ready."""

    def __init__(self, process: subprocess.Popen[str], ready: Path) -> None:
        super().__init__(process)
        self.ready: dict[str, Any] = {"devices": []}
        self.opened = ExitStack()
        try:
            self.out.wait_for(lambda line: line == LAST_LINE)
        except AssertionError:
            self.kill()
            raise AssertionError(self.err.all()) from None
        self.ready = httpx.Response(200, content=ready.read_bytes()).json()
        self.api = httpx.Client(base_url=self.ready["control"], timeout=TIMEOUT_S)

    def kill(self) -> None:
        """Without warning. Its ptys' numbers stay taken until the test ends.

        A bench that tries again to reach a dead daemon would otherwise find the next daemon's pty.
        """
        for row in self.ready["devices"]:
            for port in (row, *row.get("instruments", {}).values()):
                if str(port.get("serial")).startswith("/dev/pts/"):
                    self.opened.callback(os.close, os.open(port["serial"], os.O_RDWR | os.O_NOCTTY))
        super().kill()

    def device(self, name: str = "demo") -> dict[str, Any]:
        return next(row for row in self.ready["devices"] if row["id"] == name)

    def tcp(self, name: str = "demo") -> Talk:
        talk, line = over_tcp(self.device(name)["tcp"])
        self.opened.enter_context(line)
        return talk

    def serial(self, name: str = "demo") -> Talk:
        talk, port = over_serial(self.device(name)["serial"])
        self.opened.enter_context(port)
        return talk

    def broker(self) -> tuple[str, int]:
        parts = httpx.URL(self.ready["devices"][0]["mqtt"])
        assert parts.port is not None
        return parts.host, parts.port

    def run_for(self, duration: str) -> int:
        answer = self.api.post("/v1/time/run-until", json={"for": duration})
        assert answer.status_code == 200, answer.text
        now_ns: int = answer.json()["now_ns"]
        return now_ns

    def stimulate(self, name: str = "demo", **stimulus: Any) -> dict[str, int]:
        answer = self.api.post(f"/v1/devices/{name}/stimuli", json=stimulus)
        assert answer.status_code == 200, answer.text
        result: dict[str, int] = answer.json()
        return result

    def get(self, path: str) -> Any:
        answer = self.api.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def finish(self) -> None:
        """It must still be there, end in time, and never have shown a traceback."""
        self.opened.close()
        self.api.close()
        if self.process.poll() is None:
            assert self.end() == 0
        assert "Traceback" not in self.err.all()


class Serve:
    """Starts daemons."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: list[Daemon] = []

    def __call__(self, *options: str, environment: dict[str, str] | None = None) -> Daemon:
        ready = self.folder / f"ready-{len(self.daemons)}.json"
        arguments = [sys.executable, "-m", "pumpsim", "serve", "--ready", str(ready), *options]
        daemon = Daemon(spawn(*arguments, environment=environment), ready)
        self.daemons.append(daemon)
        return daemon


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start daemons for one test."""
    starter = Serve(tmp_path)
    yield starter
    for daemon in starter.daemons:
        daemon.finish()


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, bytes]]:
    starter = Serve(tmp_path_factory.mktemp("demo"))
    daemon = starter("--mqtt", "none", "--speed", "max")
    yield daemon, daemon.api.get("/v1/snapshot").content
    daemon.finish()


@pytest.fixture
def demo(_shared: tuple[Daemon, bytes]) -> Iterator[Daemon]:
    """A daemon that the tests of a module share; each finds it as it was born."""
    daemon, newborn = _shared
    assert daemon.api.put("/v1/time", json={"speed": "max"}).status_code == 200
    kind = {"Content-Type": "application/json"}
    assert daemon.api.put("/v1/snapshot", content=newborn, headers=kind).status_code == 200
    yield daemon
    daemon.opened.close()


class Background:
    """A run of device time that somebody waits for meanwhile."""

    def __init__(self, daemon: Daemon, duration: str) -> None:
        self.answer: httpx.Response | None = None
        self._url = daemon.ready["control"] + "/v1/time/run-until"
        self._duration = duration
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        while daemon.get("/v1/time")["running_until_ns"] is None:
            continue

    def _ask(self) -> None:
        try:
            self.answer = httpx.post(self._url, json={"for": self._duration}, timeout=60)
        except httpx.TransportError:
            self.answer = None

    def join(self) -> None:
        self._thread.join(TIMEOUT_S)


OWN_PORTS: Final = (10_000, 32_000)


def free_port() -> int:
    """A port nobody has, below those that systems give away: a broker comes back to it."""
    while True:
        port = random.SystemRandom().randrange(*OWN_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Mosquitto:
    """A real broker on a port of its own, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.host = "127.0.0.1"
        self._settings = folder / "mosquitto.conf"
        self.configure("allow_anonymous true")
        self._program: Program | None = None

    @property
    def uri(self) -> str:
        return f"mqtt://{self.host}:{self.port}"

    def configure(self, *lines: str) -> None:
        text = "\n".join([f"listener {self.port} {self.host}", "user root", *lines, ""])
        self._settings.write_text(text)

    def start(self) -> None:
        program = find("mosquitto")
        assert program is not None
        self._program = Program(spawn(program, "-v", "-c", str(self._settings)))
        self._program.err.wait_for(lambda line: line.endswith("running"))

    def stop(self) -> None:
        if self._program is not None:
            self._program.kill()
            self._program = None


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """Not started yet."""
    broker = Mosquitto(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def pumps(tmp_path: Path) -> Callable[..., list[str]]:
    """Pump files by id."""

    def write(*names: str) -> list[str]:
        paths = [tmp_path / f"{name}.toml" for name in names]
        for name, path in zip(names, paths, strict=True):
            path.write_text(f'[pump]\nid = "{name}"\n\n[link]\ntelemetry_period = "1 s"\n')
        return [str(path) for path in paths]

    return write


@pytest.fixture
def watch() -> Iterator[Callable[..., Lines]]:
    """`mosquitto_sub`, which prints topic and payload of what it sees."""
    programs: list[Program] = []

    def subscribe(address: tuple[str, int], topic: str) -> Lines:
        host, port = address
        command = ["mosquitto_sub", "-h", host, "-p", str(port), "-v", "-t", topic]
        programs.append(Program(spawn(*command)))
        return programs[-1].out

    yield subscribe
    for program in programs:
        program.kill()
