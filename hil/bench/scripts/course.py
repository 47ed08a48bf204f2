"""A course of treatment: half a year of fortnights, drug after drug, a refill at each visit."""

from dataclasses import dataclass
from typing import Any, Final

from hil.bench import alarms, pump
from hil.bench.parameters import (
    CONCENTRATION,
    DURATION,
    PERCENT,
    VOLUME,
    WORD,
    parameter,
)
from hil.bench.run import Run
from hil.bench.script import LOGIC, Script
from hil.bench.scripts.refill_cycle import judge_refill
from hil.bench.surroundings import bath
from hil.errors import LocalError
from hil.record import Figure, Series
from hil.rig import Rig

DAY_NS: Final = 86_400 * 10**9
FL_PER_ML: Final = 1e12


@dataclass(frozen=True)
class Parameters:
    """As they are written on the command line. Drugs take turns, one at each visit."""

    length_ns: int = parameter("182 d", DURATION, "of the course", low="1 h")
    interval_ns: int = parameter("14 d", DURATION, "between visits", low="1 h")
    drugs: tuple[str, ...] = parameter("heparin, FUDR", WORD, "in turn", many=True)
    concentrations_mg_per_ml: tuple[float, ...] = parameter(
        "5.3 mg/mL, 6.46 mg/mL", CONCENTRATION, "of each", many=True
    )
    fill_ml: float = parameter("28 mL", VOLUME, "at each visit", low="1 mL")
    discrepancy_percent: float = parameter("20 %", PERCENT, "withdrawn against predicted")
    account_percent: float = parameter("5 %", PERCENT, "belief against truth, where it is known")
    bath_degc: float = bath("of the bath, where there is one")


def play(run: Run, p: Parameters) -> None:
    """Visit after visit; at the end, what the pump believes it gave, beside what it gave."""
    if "bath" in run.rig.instruments.kinds():
        run.surround("hold", temperature_degc=p.bath_degc)
    looks = [run.step("at the beginning", lambda: look(run))]
    for number in range(1, p.length_ns // p.interval_ns + 1):
        name = f"visit {number}"
        since = run.step(f"{name}: log", lambda: alarms.mark(run))
        run.wait(f"{name}: until then", p.interval_ns)
        run.step(f"{name}: acknowledge", lambda: pump.acknowledge_all(run))
        turn = (number - 1) % len(p.drugs)
        drawn = pump.refill(run, name, p.fill_ml, p.drugs[turn], p.concentrations_mg_per_ml[turn])
        told = alarms.raised_in(run, f"{name}: told", since)
        judge_refill(run, name, drawn, told, p.discrepancy_percent)
        if told:
            run.remark(f"{name}: {', '.join(told)}")
        looks.append(run.step(f"{name}: look", lambda: look(run)))
    _judge(run, looks, p)


def look(run: Run) -> dict[str, Any]:
    """Within a step: what was delivered, as the pump believes and, where it is known, in truth."""
    true_ml = None
    if run.rig.has_laboratory:
        ledger = run.rig.laboratory.truth()["ledger"]
        true_ml = (ledger["delivered_fl"] - ledger["injected_fl"]) / FL_PER_ML
    return {
        "day": run.clock_ns() / DAY_NS,
        "believed_ml": pump.belief(run)["delivered_ml"],
        "true_ml": true_ml,
    }


def distance(looks: list[dict[str, Any]]) -> list[float]:
    """Belief less truth since the first look, in mL; nothing where either is unknown."""
    known = [one for one in looks if one["true_ml"] is not None and one["believed_ml"] is not None]
    if len(known) < len(looks):
        return []
    first = known[0]
    return [
        (one["believed_ml"] - first["believed_ml"]) - (one["true_ml"] - first["true_ml"])
        for one in known
    ]


def distance_figure(looks: list[dict[str, Any]], apart_ml: list[float]) -> Figure:
    """How far the two are apart, over time."""
    days = tuple(one["day"] for one in looks)
    series = Series("belief less truth", days, tuple(apart_ml))
    return Figure("Belief against truth", "day", "mL", (series,))


def _judge(run: Run, looks: list[dict[str, Any]], p: Parameters) -> None:
    given_ml = looks[-1]["believed_ml"] - looks[0]["believed_ml"]
    run.measure("delivered in all, by the pump's own account", given_ml, "mL")
    apart_ml = distance(looks)
    if not apart_ml:
        return
    true_ml = looks[-1]["true_ml"] - looks[0]["true_ml"]
    run.measure("delivered in all, by the truth", true_ml, "mL")
    run.measure(
        "the pump's own account against the truth",
        100 * apart_ml[-1] / true_ml,
        "%",
        low=-p.account_percent,
        high=p.account_percent,
        requirement="DOS-01",
    )
    run.figure(distance_figure(looks, apart_ml))


def check(rig: Rig, p: Parameters) -> None:
    """Each drug has its concentration, and there is a visit."""
    del rig
    if p.interval_ns > p.length_ns:
        days = p.length_ns / DAY_NS
        raise LocalError(f"there is no visit within {days:g} d: make interval shorter")
    if not p.drugs or len(p.drugs) != len(p.concentrations_mg_per_ml):
        raise LocalError("give drugs and concentrations in equal numbers, with commas between")


SCRIPT: Final = Script(
    name="course",
    title="A course of treatment",
    parameters=Parameters,
    play=play,
    length_ns=lambda p: p.length_ns,
    needs=frozenset({"syringe", LOGIC}),
    requirements=("DOS-01", "RES-06", "RES-07"),
    check=check,
)
