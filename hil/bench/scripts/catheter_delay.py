"""Catheter transport delay: how long after a change of drug the new one arrives at the tip."""

from dataclasses import dataclass
from typing import Any, Final

from hil.bench import pump
from hil.bench.curves import NS_PER_H
from hil.bench.parameters import (
    CONCENTRATION,
    DURATION,
    PERCENT,
    VOLUME,
    WORD,
    parameter,
)
from hil.bench.run import Run, Sample
from hil.bench.script import LOGIC, Script
from hil.bench.surroundings import bath
from hil.errors import LocalError


@dataclass(frozen=True)
class Parameters:
    """As they are written on the command line."""

    drug: str = parameter("heparin", WORD, "the new one")
    concentration_mg_per_ml: float = parameter("5.3 mg/mL", CONCENTRATION, "of it")
    fill_ml: float = parameter("28 mL", VOLUME, "filled", low="1 mL")
    bath_degc: float = bath("of the bath, where there is one")
    look_ns: int = parameter("5 min", DURATION, "between two looks", low="1 min")
    longest_ns: int = parameter("12 h", DURATION, "after that it is given up")
    tolerance_percent: float = parameter("15 %", PERCENT, "between two ways to tell the delay")


def play(run: Run, p: Parameters) -> None:
    """Change the drug at a refill; look until it has arrived, by belief and by truth."""
    if "bath" in run.rig.instruments.kinds():
        run.surround("hold", temperature_degc=p.bath_degc)
    configuration = run.step("configuration", lambda: pump.configuration(run))
    before = run.step("before", lambda: _look(run, p))
    if before["drug"] == p.drug:
        raise LocalError(f"the pump holds {p.drug} already: change to another by drug=NAME")
    pump.refill(run, "refill", p.fill_ml, p.drug, p.concentration_mg_per_ml)
    begun_ns = run.now_ns
    knows_truth = before["truth_ng"] is not None

    def arrived(taken: list[Sample]) -> bool:
        return _first(taken, "believed_ng", 0) is not None and (
            not knows_truth or _first(taken, "truth_ng", before["truth_ng"]) is not None
        )

    count = p.longest_ns // p.look_ns + 1
    taken = run.sample("look", p.look_ns, count, lambda: _look(run, p), arrived)
    believed = _first(taken, "believed_ng", 0)
    if believed is None:
        run.inconclusive("arrival", f"no {p.drug} has arrived by the pump's own account")
        return
    delay_h = (believed.instant_ns - begun_ns) / NS_PER_H
    delivered_ml = believed.value["delivered_ml"] - taken[0].value["delivered_ml"]
    run.measure("volume until then, by the pump's own account", delivered_ml, "mL")
    look_h = p.look_ns / NS_PER_H
    expected_h = delay_h * configuration["catheter_ml"] / max(delivered_ml, 1e-6)
    _judge(run, "delay, by the pump's own account", delay_h, expected_h, look_h, p)
    if not knows_truth:
        return
    true_h, truth = float("nan"), _first(taken, "truth_ng", before["truth_ng"])
    if truth is None:
        run.remark(f"by the truth no {p.drug} arrived within {p.longest_ns / NS_PER_H:g} h")
    else:
        true_h = (truth.instant_ns - begun_ns) / NS_PER_H
    _judge(run, "delay, by the truth", true_h, delay_h, look_h, p)


def _judge(
    run: Run, name: str, delay_h: float, expected_h: float, look_h: float, p: Parameters
) -> None:
    slack_h = expected_h * p.tolerance_percent / 100 + look_h
    run.measure(
        name,
        delay_h,
        "h",
        low=expected_h - slack_h,
        high=expected_h + slack_h,
        uncertainty=look_h,
        requirement="RES-11",
    )


def _look(run: Run, p: Parameters) -> dict[str, Any]:
    status = pump.status(run)
    assert status is not None  # the script needs a pump with logic
    truth_ng = None
    if run.rig.has_laboratory:
        truth_ng = run.rig.laboratory.truth()["doses_ng"].get(p.drug, 0)
    return {
        "drug": status.drug,
        "believed_ng": status.dose_since_refill_ng,
        "delivered_ml": status.delivered_total_nl / 1e6,
        "truth_ng": truth_ng,
    }


def _first(taken: list[Sample], name: str, above: int) -> Sample | None:
    return next((one for one in taken if (one.value[name] or 0) > above), None)


SCRIPT: Final = Script(
    name="catheter-delay",
    title="Catheter transport delay",
    parameters=Parameters,
    play=play,
    length_ns=lambda p: p.longest_ns,
    needs=frozenset({"syringe", LOGIC}),
    requirements=("RES-11",),
)
