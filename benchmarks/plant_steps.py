"""Plant and sensors alone, against the bare arithmetic that a step cannot do without.

The bare loop evaluates the step's two curves, follows its three relaxations and forms its flow, in
local variables and with nothing around it: what CPython needs for the physics itself. Time is the
processor's: nothing here waits, and what else the machine does is not measured.
"""

import time

from benchmarks.figures import Contest, Round, contest, figure, goal
from pumpsim.oscillator import Oscillator
from pumpsim.plant.ledger import Fluid
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.plant import STEP_NS, Plant
from pumpsim.plant.property_data import VAPOUR_PRESSURE_PA, WATER_FLUIDITY_PER_PA_S
from pumpsim.sensors import Sensors

ROUNDS = 15
STEPS = 10_080
"""A week at one step a minute: a round ends well before the reservoir is empty."""
RTC = (1_800_000_000, True)


def filled() -> Plant:
    """A pump that has just been filled."""
    plant = Plant(PumpParameters(), PatientParameters(), seed=1)
    plant.fill(0, 28_000_000, Fluid((("FUDR", 6_460_000),), 1.014))
    return plant


def steps(count: int) -> Round:
    """Let so many steps of a new plant pass."""
    plant = filled()
    start_ns = time.process_time_ns()
    plant.advance(count * STEP_NS)
    return even(time.process_time_ns() - start_ns, count)


def samples(count: int) -> Round:
    """Take so many samples of a plant that stands."""
    sensors, state = Sensors(1), filled().state
    start_ns = time.process_time_ns()
    for index in range(count):
        sensors.sample(index, state, index * STEP_NS, RTC)
    return even(time.process_time_ns() - start_ns, count)


def oscillations(count: int) -> Round:
    """What the device's clock costs with each sample."""
    oscillator = Oscillator(5.0)
    start_ns = time.process_time_ns()
    for index in range(count):
        oscillator.update(index * STEP_NS, 310.15)
        oscillator.ticks(index * STEP_NS)
    return even(time.process_time_ns() - start_ns, count)


def arithmetic(count: int) -> Round:
    """The physics of so many steps, bare."""
    a0, a1, a2, a3, a4, a5 = VAPOUR_PRESSURE_PA["n-butane"]
    b0, b1, b2, b3, b4 = WATER_FLUIDITY_PER_PA_S
    kelvin, catheter_pa, volume, aim_pa, conductance = 310.0, 113e3, 28e-6, 113e3, 4.4e-20
    start_ns = time.process_time_ns()
    for _ in range(count):
        kelvin += 0.05 * (310.15 - kelvin)
        x = (kelvin - 303.15) / 30.0
        pressure = ((((a5 * x + a4) * x + a3) * x + a2) * x + a1) * x + a0
        fluidity = (((b4 * x + b3) * x + b2) * x + b1) * x + b0
        catheter_pa += 0.9 * (aim_pa - catheter_pa)
        volume -= 60.0 * conductance * fluidity * (pressure - catheter_pa)
    return even(time.process_time_ns() - start_ns, count)


def even(duration_ns: int, count: int) -> Round:
    """A round that was timed as a whole."""
    return Round([duration_ns // count] * count)


def cost_us(rounds: list[Round]) -> float:
    """Microseconds a step of the fastest round."""
    return min(one.durations_ns[0] for one in rounds) / 1e3


def show(name: str, result: Contest, budget_us: float) -> None:
    """Print one contest."""
    ours_us = cost_us(result.ours)
    figure(f"{name}s", 1e6 / ours_us, " /s")
    goal(name, ours_us, budget_us, " µs")
    figure(f"{name}, times the bare arithmetic", 1 / result.ratio())


def main() -> None:
    """Measure and print."""
    print(f"{ROUNDS} rounds of {STEPS} steps")
    for name, take, budget_us in (
        ("plant step", steps, 4.0),
        ("sensor sample", samples, 3.0),
        ("oscillator update", oscillations, 1.5),
    ):
        result = contest(take, arithmetic, ROUNDS, STEPS)
        show(name, result, budget_us)
    figure("bare arithmetic", cost_us(result.limit), " µs")


if __name__ == "__main__":
    main()
