"""How soon a command answers, against what the interpreter and the libraries alone need."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.figures import figure, goal
from benchmarks.lines import SerialLine, exchange
from benchmarks.processes import process, serve_command, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 9
LIBRARIES = "aiomqtt, amqtt.broker, asyncio, cbor2, click, cobs, fastapi, pydantic, uvicorn"


class Start(NamedTuple):
    """Seconds after the process was started."""

    answer_s: float
    ready_s: float


def elapsed_s(command: list[str]) -> float:
    """How long a command runs."""
    start_s = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  our own
    return time.perf_counter() - start_s


def serve() -> Start:
    """Everything that `pumpsim serve` serves by default; ask as soon as there is a port."""
    with tempfile.TemporaryDirectory() as folder:
        port, ready = Path(folder) / "port", Path(folder) / "ready.json"
        command = [*serve_command(), "--serial", f"pty:{port}", "--ready", str(ready)]
        start_s = time.perf_counter()
        with process(command) as server:
            wait_until(port.is_symlink, server)
            exchange(SerialLine(str(port)))
            answer_s = time.perf_counter() - start_s
            wait_until(ready.exists, server)
            return Start(answer_s, time.perf_counter() - start_s)


def main() -> None:
    """Measure and print."""
    python = sys.executable
    pumpsim = str(Path(python).with_name("pumpsim"))
    sides: dict[str, Callable[[], float]] = {
        "python": lambda: elapsed_s([python, "-c", "pass"]),
        "libraries": lambda: elapsed_s([python, "-c", f"import {LIBRARIES}"]),
        "help": lambda: elapsed_s([pumpsim, "--help"]),
    }
    taken: dict[str, list[float]] = {name: [] for name in sides}
    starts = []
    for number in range(-1, ROUNDS):  # the first round warms the caches of files up
        once = {name: measure() for name, measure in sides.items()}
        start = serve()
        if number >= 0:
            starts.append(start)
            for name, duration_s in once.items():
                taken[name].append(duration_s)
    medians = {name: median(values) for name, values in taken.items()}
    answer_s = median(start.answer_s for start in starts)
    ready_s = median(start.ready_s for start in starts)
    print("start-up, files in the page cache")
    figure("the interpreter alone", medians["python"], " s")
    figure("the interpreter and all libraries", medians["libraries"], " s")
    goal("pumpsim --help", medians["help"], 0.3, " s")
    goal("pumpsim serve, first answer on the port", answer_s, 0.5, " s")
    goal("pumpsim serve, everything ready", ready_s, 1.2, " s")
    figure("everything ready, against the libraries", ready_s / medians["libraries"])


if __name__ == "__main__":
    main()
