"""What each part of a device step costs, in place, in a run like any other.

A clock is read before and after each part; what the reading itself costs is measured beside it and
taken off. Parts inside another one are indented, and are part of it. The parts are on the wall's
clock, which is read far more cheaply than the processor's: on a busy machine their shares are off.
Beside the step, which is on the processor's, stands a bare multiply-add.

    python -m benchmarks.step_parts
"""

import time
from collections.abc import Callable
from typing import Any

from protocol import guard
from pumpsim import device, sensors
from pumpsim.firmware import conditions, measure, reference, screen
from pumpsim.firmware.account import Account
from pumpsim.firmware.clock import Clock
from pumpsim.firmware.dose_limit import DoseLimit
from pumpsim.firmware.fill import FillLevel
from pumpsim.firmware.flow import FlowModel
from pumpsim.plant.plant import Plant
from pumpsim.pumpfile import demo

HOUR_NS = 3_600 * 1_000_000_000
WARM_UP_NS = 10 * HOUR_NS
ROUNDS = 5
STEPS = 24 * 60
OPERATIONS = 1_000_000
LOGIC = reference.ReferenceLogic
PARTS: tuple[tuple[str, Any, str], ...] = (
    ("plant", Plant, "advance"),
    ("sensors", sensors.Sensors, "sample"),
    ("guard and logic", guard.Guard, "sample"),
    ("  logic", LOGIC, "sample"),
    ("    screen", screen.Screen, "take"),
    ("    clock", Clock, "judge"),
    ("    measure", measure, "measure"),
    ("      flow from pressures", FlowModel, "estimate"),
    ("      volume and dose", Account, "deliver"),
    ("      slopes and balance", FillLevel, "add"),
    ("      catheter", measure, "_watch_catheter"),
    ("      surroundings", measure, "_watch_surroundings"),
    ("      needle", measure, "_watch_needle"),
    ("      dose limits", DoseLimit, "feed"),
    ("      what changes slowly", measure, "_look"),
    ("    conditions", conditions, "evaluate"),
    ("    proofs", LOGIC, "_prove"),
    ("    memory", LOGIC, "_keep"),
    ("    outcome", LOGIC, "_outcome"),
    ("timers", device.Device, "arm"),
)


def multiply_add_us() -> float:
    """Microseconds of a multiplication and an addition of locals."""
    x = 0.0
    started = time.process_time()
    for _ in range(OPERATIONS):
        x = x * 0.999 + 1.0
    return (time.process_time() - started) / OPERATIONS * 1e6


def run_us(pump: device.Device) -> float:
    """Microseconds of a step of a day."""
    started = time.process_time()
    pump.advance(pump.now_ns + 24 * HOUR_NS)
    return (time.process_time() - started) / STEPS * 1e6


def implanted() -> device.Device:
    """A pump ten hours old."""
    pump = device.Device(demo(), 1)
    pump.implant()
    pump.advance(WARM_UP_NS)
    return pump


def timed(owner: Any, name: str) -> tuple[Callable[[], float], Callable[[], None]]:
    """Time one function in place: (microseconds a step so far, put it back)."""
    plain = getattr(owner, name)
    spent = [0.0, 0]

    def wrapper(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        result = plain(*arguments, **named)
        spent[0] += time.perf_counter() - started
        spent[1] += 1
        return result

    setattr(owner, name, wrapper)
    return lambda: (spent[0] - spent[1] * READING_S) / STEPS * 1e6, lambda: setattr(
        owner, name, plain
    )


def reading_s() -> float:
    """What a pair of readings of the clock shows of itself."""
    rounds = []
    for _ in range(ROUNDS * 1_000):
        started = time.perf_counter()
        rounds.append(time.perf_counter() - started)
    return sorted(rounds)[len(rounds) // 2]


READING_S = reading_s()


def part_us(owner: Any, name: str) -> float:
    """The least of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        pump = implanted()
        told, back = timed(owner, name)
        if owner is measure and name == "measure":
            pump.guard.logic._measure = measure.measure  # type: ignore[union-attr]  # noqa: SLF001
        run_us(pump)
        back()
        rounds.append(told())
    return min(rounds)


def main() -> None:
    """Print a line for each part."""
    bare_us, whole_us = multiply_add_us(), run_us(implanted())
    for _ in range(1, ROUNDS):
        bare_us = min(bare_us, multiply_add_us())
        whole_us = min(whole_us, run_us(implanted()))
    print(f"{'multiply and add':28}{bare_us * 1e3:7.1f} ns   (least of {ROUNDS} rounds, as below)")
    print(
        f"{'device step':28}{whole_us:7.2f} us   {1e6 / whole_us:,.0f} a second"
        f"   {whole_us / bare_us:,.0f} x multiply and add"
    )
    for title, owner, name in PARTS:
        us = part_us(owner, name)
        print(f"{title:28}{us:7.2f} us {us / whole_us:6.0%}")


if __name__ == "__main__":
    main()
