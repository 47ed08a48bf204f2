"""Ten instruments ten times a second in real time, by the bench's drivers, beside bare timers.

Late is how long after its instant a sample is there; it was taken before that. The limit is ten
threads that wait for the same instants and do nothing. Rounds of both stand next to each other in
time, and the third is how it was without threads: all ten in turn.
"""

import tempfile
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.figures import figure, goal, percentile
from benchmarks.processes import pumpsim
from hil.clock import NS_PER_S, WallClock
from hil.instruments.kinds import READS
from hil.laboratory import NoLaboratory
from hil.opening import open_one
from hil.rigfile import RigFile
from hil.sampling import START_NS, sampled

ROUNDS = 4
SECONDS = 5
PER_S = 10
PERIOD_NS = NS_PER_S // PER_S
DRIVERS = {"balance": "mt-sics", "bath": "julabo", "pressure": "scpi", "supply": "scpi"}
TEN = (
    "balance",
    "balance",
    "balance",
    "bath",
    "bath",
    "bath",
    "pressure",
    "pressure",
    *["supply"] * 2,
)
BENCH = "".join(f'[line.{kind}]\nserial = "none"\n' for kind in (*DRIVERS, "daq"))


Instruments = list[tuple[str, Any]]


def late_ms(clock: WallClock, instruments: Instruments) -> list[float]:
    """Of every sample of a round, as the bench takes them; a missed one is as late as it was."""
    reads = {
        f"{kind} {number}": partial(READS[kind], one)
        for number, (kind, one) in enumerate(instruments)
    }
    return [one.late_ns / 1e6 for one in sampled(clock, reads, PERIOD_NS, SECONDS * PER_S)]


def late_in_turn_ms(clock: WallClock, instruments: Instruments) -> list[float]:
    """One after the other, in one thread."""
    begin_ns = clock.now_ns()
    late: list[float] = []
    for number in range(1, SECONDS * PER_S + 1):
        due_ns = begin_ns + number * PERIOD_NS
        clock.wait(due_ns)
        for kind, instrument in instruments:
            READS[kind](instrument)
            late.append((clock.now_ns() - due_ns) / 1e6)
    return late


def late_bare_ms(clock: WallClock) -> list[float]:
    """Of the instants alone, in as many threads."""
    begin_ns = clock.now_ns() + START_NS
    late: list[float] = []

    def wait() -> None:
        never = threading.Event()
        for number in range(SECONDS * PER_S):
            due_ns = begin_ns + number * PERIOD_NS
            never.wait(max(due_ns - clock.now_ns(), 0) / NS_PER_S)
            late.append((clock.now_ns() - due_ns) / 1e6)

    threads = [threading.Thread(target=wait) for _ in TEN]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return late


def opened(served: Any, clock: WallClock, held: ExitStack) -> Instruments:
    """Ten drivers, each on a connection of its own."""
    places = served.ready["devices"][0]["instruments"]
    sections = {
        kind: {"driver": driver, "port": f"tcp://{places[kind]['tcp']}"}
        for kind, driver in DRIVERS.items()
    }
    file = RigFile.model_validate({"dut": "sim:", **sections})
    return [(kind, open_one(kind, file, clock, NoLaboratory(), held)[0]) for kind in TEN]


def main() -> None:
    """Measure and print."""
    clock = WallClock(threading.Event())
    with tempfile.TemporaryDirectory() as folder:
        bench = Path(folder) / "bench.toml"
        bench.write_text(BENCH)
        with pumpsim("--rig", str(bench)) as served, ExitStack() as held:
            instruments = opened(served, clock, held)
            bare, ours, in_turn = [], [], []
            for _ in range(ROUNDS):
                bare += late_bare_ms(clock)
                ours += late_ms(clock, instruments)
                in_turn += late_in_turn_ms(clock, instruments)
    print(f"{len(TEN)} instruments at {PER_S} Hz for {ROUNDS * SECONDS} s: {len(ours)} samples")
    for name, late in (("bare timers", bare), ("in turn", in_turn), ("samples", ours)):
        figure(f"{name}, late, p50", percentile(late, 50), " ms")
        figure(f"{name}, late, p99", percentile(late, 99), " ms")
        if late is not ours:
            figure(f"{name}, late, p99.9", percentile(late, 99.9), " ms")
    goal("samples, late, p99.9", percentile(ours, 99.9), 20.0, " ms")
    figure("samples, late, worst", max(ours), " ms")
    for percent in (50, 99.9):
        ratio = percentile(ours, percent) / percentile(bare, percent)
        figure(f"samples to bare timers, p{percent:g}", ratio)


if __name__ == "__main__":
    main()
