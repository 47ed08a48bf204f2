"""A bench script of one's own: does the pump tell that it has a fever?

    hil bench examples/my_bench.py --rig sim:
    hil bench examples/my_bench.py --rig sim: rise-k=1 --out runs/mild

A script is plain sequential code. Whatever touches the rig stands in a step, a wait or a sampling,
so that an interrupted run goes on where it was; what lies between is reckoned anew each time.
"""

from dataclasses import dataclass

from hil.bench.parameters import DURATION, NUMBER, parameter
from hil.bench.pump import status
from hil.bench.run import Run
from hil.bench.script import LABORATORY, LOGIC, Script


@dataclass(frozen=True)
class Parameters:
    rise_k: float = parameter("2", NUMBER, "of the body's temperature, K", low="0.1", high="6")
    height_ns: int = parameter("6 h", DURATION, "of the fever at its height", low="1 h")
    look_ns: int = parameter("10 min", DURATION, "between two looks", low="1 min")


def temperature_degc(run: Run) -> float | None:
    found = status(run)
    if found is None or found.temperature_mk is None:
        return None
    return found.temperature_mk / 1e3 - 273.15


def play(run: Run, p: Parameters) -> None:
    before = run.step("before", lambda: temperature_degc(run))
    fever = {"rise": f"{p.rise_k:g} K", "duration": f"{p.height_ns // 10**9} s"}
    run.stimulate("fever", {"kind": "fever", **fever})
    looks = run.sample("look", p.look_ns, p.height_ns // p.look_ns, lambda: temperature_degc(run))
    warmest = max(look.value for look in looks)
    run.measure("rise of the pump's temperature", warmest - before, "K", low=0.8 * p.rise_k)


SCRIPT = Script(
    name="my-bench",
    title="A fever is seen",
    parameters=Parameters,
    play=play,
    length_ns=lambda p: p.height_ns,
    needs=frozenset({LABORATORY, LOGIC}),
    requirements=("ENV-02",),
)
