"""Servers as processes of their own, so that the work of clients is not theirs."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE_S = 60.0
LOOK_AGAIN_S = 0.001


class Served(NamedTuple):
    """A `pumpsim serve` that is ready."""

    pid: int
    ready: dict[str, Any]

    def uri(self, link: str) -> str:
        """The first device's place on a link, without the query."""
        return str(self.ready["devices"][0][link]).partition("?")[0]


@contextlib.contextmanager
def pumpsim(*arguments: str) -> Iterator[Served]:
    """Serve, with everything off that `arguments` do not turn on."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        off = ["--serial", "none", "--tcp", "none", "--mqtt", "none", "--ready", str(ready)]
        with process([*serve_command(), *off, *arguments]) as server:
            wait_until(ready.exists, server)
            yield Served(server.pid, json.loads(ready.read_text()))


def serve_command() -> list[str]:
    """How this environment starts the daemon: the script that users run."""
    return [str(Path(sys.executable).with_name("pumpsim")), "serve"]


@contextlib.contextmanager
def bare(*arguments: str) -> Iterator[tuple[int, str]]:
    """A bare peer (see `bare.py`), by its process id and the address that it prints."""
    command = [sys.executable, "-m", "benchmarks.bare", *arguments]
    with process(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield server.pid, server.stdout.readline().decode().strip()


@contextlib.contextmanager
def mosquitto() -> Iterator[int]:
    """A stock mosquitto, without any configuration, by its port."""
    command = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")
    if command is None:
        sys.exit("this benchmark needs mosquitto: make test-deps")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with process([command, "-p", str(port)]) as server:
        wait_until(lambda: _listens(port), server)
        yield port


@contextlib.contextmanager
def process(command: list[str], stdout: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server as long as the context lasts; when that fails, show what the server said."""
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(command, stdout=stdout or said, stderr=said)  # noqa: S603  ours
        try:
            yield server
        except BaseException:
            said.seek(0)
            sys.stderr.write(said.read().decode())
            raise
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(PATIENCE_S)


def wait_until(condition: Callable[[], bool], server: subprocess.Popen[bytes]) -> None:
    """Look until it holds; RuntimeError when the server ends before, or patience does."""
    end_s = time.perf_counter() + PATIENCE_S
    while not condition():
        if server.poll() is not None or time.perf_counter() > end_s:
            message = f"{server.args!r} did not get ready"
            raise RuntimeError(message)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(LOOK_AGAIN_S)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def cpu_s(pid: int) -> float:
    """Processor time that a process has used, all threads, user and system (Linux)."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Memory that a process holds (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
