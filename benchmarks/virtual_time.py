"""How fast virtual time goes: device steps a second, six months, ten years.

Each figure stands beside bare arithmetic measured in the same run: an interpreter that is twice as
fast makes both twice as fast, so that the ratio tells of the code and not of the machine. Seconds
are those of the processor, so that a busy machine counts less.

    python benchmarks/virtual_time.py [--quick]
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pumpsim.device import SAMPLE_NS, Device
from pumpsim.pumpfile import demo
from pumpsim.scenario import file as scenarios
from pumpsim.scenario.play import Run
from pumpsim.scenario.watch import Watch
from pumpsim.stimuli import HOUR
from pumpsim.tap import Tap
from pumpsim.trace import Trace

COURSE = Path(__file__).parents[1] / "scenarios" / "six-month-course.toml"
STEPS = 2_000
ROUNDS = 9
TARGET_STEPS_PER_S = 30_000  # with all detectors; 60,000 was asked of the first logic
TARGET_COURSE_S = 5.0
TARGET_DECADE_S = 90.0
DECADE_STEPS = 3_652 * 24 * 60


def seconds(work: Callable[[], object]) -> float:
    """What a piece of work takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


def arithmetic() -> None:
    """A multiplication and an addition of locals, a million times."""
    x = 0.0
    for _ in range(1_000_000):
        x = x * 0.999 + 1.0


def steps_us(*taps: Tap | None) -> list[float]:
    """Microseconds of a device step with each tap: the least of rounds taken in turn."""
    devices = [Device(demo(), 1, tap) for tap in taps]
    rounds: list[list[float]] = [[] for _ in devices]
    for device in devices:
        device.implant()
    for number in range(ROUNDS):
        until_ns = (number + 1) * STEPS * SAMPLE_NS
        for device, row in zip(devices, rounds, strict=True):
            row.append(seconds(partial(device.advance, until_ns)) / STEPS * 1e6)
    return [min(row) for row in rounds]


def course() -> None:
    """The six-month course as `pumpsim run` plays it."""
    run = Run.prepare(scenarios.load(COURSE), None, Trace())
    run.play()


def decade() -> None:
    """Ten years with a hash over every sample; the pump runs dry, the clock does not."""
    device = Device(demo(), 1, Watch(Trace()))
    device.implant()
    for _ in range(DECADE_STEPS * SAMPLE_NS // (24 * HOUR)):
        device.advance(device.now_ns + 24 * HOUR)


def main() -> None:
    """Print a line for each figure, with its target."""
    bare_us = min(seconds(arithmetic) for _ in range(ROUNDS))  # a million: seconds are microseconds
    plain_us, hashed_us = steps_us(None, Watch(Trace()))
    print(f"multiply and add      {bare_us * 1e3:9.1f} ns   (least of {ROUNDS} rounds, as below)")
    print(
        f"device step           {plain_us:9.2f} us   {1e6 / plain_us:,.0f} a second"
        f" (target {TARGET_STEPS_PER_S:,})   {plain_us / bare_us:.0f} x multiply and add"
    )
    print(f"hash of the trace     {hashed_us - plain_us:9.2f} us a step (target 1.5)")
    print(f"six-month course      {seconds(course):9.2f} s    (target {TARGET_COURSE_S:.0f})")
    if "--quick" not in sys.argv:
        print(f"ten years             {seconds(decade):9.2f} s    (target {TARGET_DECADE_S:.0f})")


if __name__ == "__main__":
    main()
