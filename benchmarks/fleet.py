"""200 pumps in one process, ten telemetry messages a second each, through a stock mosquitto.

Lateness is the arrival at a subscriber against the instant that the message itself tells, both
counted from the earliest message of the run. The limit is as many bare aiomqtt clients that
publish the same bytes at the same instants: each in the turn that the id of its pump has in a
period. (Until pumps had turns, all told at once, and so did the bare clients: figures from then are
those of a burst.) Linux, for the figures of processor and memory.
"""

import gc
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.figures import figure, goal, percentile
from benchmarks.processes import bare, cpu_s, mosquitto, pumpsim, resident_mib

PUMPS = 200
PERIOD_S = 0.1
SETTLE_S = 4.0
WINDOW_S = 10.0
ROUNDS = 3
UPTIME = re.compile(rb'"uptime_ms":(\d+)')

PUMP = """\
[pump]
id = "pump-{number}"
capacity = "30 mL"
nominal_flow = "1.3 mL/day"
propellant = "n-butane"

[fill]
drug = "FUDR"
concentration = "6.46 mg/mL"
volume = "28 mL"

[link]
telemetry_period = "100 ms"
"""


class Arrival(NamedTuple):
    """A message as it came in."""

    at_ns: int
    payload: bytes


class Load(NamedTuple):
    """What a round of publishing looked like from outside."""

    lateness_ms: list[float]
    cpu_share: float
    memory_mib: float
    arrived_share: float

    def late_ms(self, percent: float) -> float:
        """A percentile of the lateness."""
        return percentile(self.lateness_ms, percent)


@contextmanager
def subscriber(port: int) -> Iterator[list[Arrival]]:
    """Everything published as telemetry, by a thread of its own."""
    arrivals: list[Arrival] = []
    clock = time.perf_counter_ns
    client = paho.Client(CallbackAPIVersion.VERSION2)

    def arrived(source: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        arrivals.append(Arrival(clock(), bytes(message.payload)))
        line = source.socket()
        if isinstance(line, socket.socket):  # the broker leaves Nagle on: do not let it wait
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    client.on_message = arrived
    client.connect("127.0.0.1", port)
    client.subscribe("pumpsim/+/telemetry")
    client.loop_start()
    yield arrivals
    client.disconnect()
    client.loop_stop()


def observe(arrivals: list[Arrival], pid: int) -> Load:
    """Let it settle, then watch for a while."""
    pause = threading.Event()
    pause.wait(SETTLE_S)
    arrivals.clear()
    gc.disable()
    start_ns, start_cpu_s = time.perf_counter_ns(), cpu_s(pid)
    pause.wait(WINDOW_S)
    seconds = (time.perf_counter_ns() - start_ns) / 1e9
    used_s, taken = cpu_s(pid) - start_cpu_s, list(arrivals)
    gc.enable()
    offsets_ms = [arrival.at_ns / 1e6 - uptime_ms(arrival.payload) for arrival in taken]
    earliest_ms = min(offsets_ms)
    return Load(
        [offset_ms - earliest_ms for offset_ms in offsets_ms],
        used_s / seconds,
        resident_mib(pid),
        len(taken) * PERIOD_S / PUMPS / seconds,
    )


def uptime_ms(payload: bytes) -> int:
    """When the message was due, by its own account."""
    found = UPTIME.search(payload)
    assert found is not None
    return int(found.group(1))


def emulated(port: int, files: list[str], arrivals: list[Arrival]) -> Load:
    """A round of pumps."""
    with pumpsim(*files, "--mqtt", f"mqtt://127.0.0.1:{port}") as served:
        return observe(arrivals, served.pid)


def published(port: int, arrivals: list[Arrival], payload: bytes) -> Load:
    """A round of bare clients."""
    text = UPTIME.sub(b'"uptime_ms":0', payload).decode()
    with bare("fleet", str(port), str(PUMPS), str(PERIOD_S), text) as (pid, _):
        return observe(arrivals, pid)


def main() -> None:
    """Measure and print."""
    ours, limit = [], []
    with tempfile.TemporaryDirectory() as folder, mosquitto() as port:
        files = []
        for number in range(PUMPS):
            file = Path(folder) / f"pump-{number}.toml"
            file.write_text(PUMP.format(number=number))
            files.append(str(file))
        with subscriber(port) as arrivals:
            one = emulated(port, files[:1], arrivals)
            for _ in range(ROUNDS):
                ours.append(emulated(port, files, arrivals))
                limit.append(published(port, arrivals, arrivals[-1].payload))
    print_figures(ours, limit, one)


def print_figures(ours: list[Load], limit: list[Load], one: Load) -> None:
    """Medians over the rounds."""
    print(f"{PUMPS} pumps, one telemetry message each {PERIOD_S:g} s, through mosquitto")
    late_ms, bare_late_ms = (median(load.late_ms(99.9) for load in side) for side in (ours, limit))
    cpu, bare_cpu = (median(load.cpu_share for load in side) for side in (ours, limit))
    memory_mib = median(load.memory_mib for load in ours)
    goal("lateness, p99.9", late_ms, 50.0, " ms")
    figure("lateness, p50", median(load.late_ms(50) for load in ours), " ms")
    figure("lateness p99.9, bare aiomqtt clients", bare_late_ms, " ms")
    figure("lateness p99.9, ratio bare to pumpsim", bare_late_ms / late_ms)
    figure("messages that arrived, of those due", min(load.arrived_share for load in ours))
    figure("processor, all pumps (1 is one core)", cpu)
    figure("processor, all bare clients", bare_cpu)
    figure("processor, ratio bare to pumpsim", bare_cpu / cpu)
    figure("processor per pump", cpu / PUMPS * 1e3, " ms/s")
    figure("memory, all pumps", memory_mib, " MiB")
    figure("memory per pump", (memory_mib - one.memory_mib) / (PUMPS - 1), " MiB")


if __name__ == "__main__":
    main()
