"""Refill cycles: what the syringe draws against what the pump predicted, and what it says of it."""

from dataclasses import dataclass
from typing import Any, Final

from hil.bench import alarms, pump
from hil.bench.parameters import (
    CONCENTRATION,
    COUNT,
    DURATION,
    PERCENT,
    VOLUME,
    WORD,
    parameter,
)
from hil.bench.run import Run
from hil.bench.script import LOGIC, Script
from hil.bench.surroundings import bath
from hil.record import Verdict

UNWANTED: Final = ("refill_discrepancy", "pocket_fill", "tampering", "overfill")


@dataclass(frozen=True)
class Parameters:
    """As they are written on the command line."""

    cycles: int = parameter("3", COUNT, "refills", low="1")
    interval_ns: int = parameter("14 d", DURATION, "before each", low="1 h")
    drug: str = parameter("saline", WORD, "of the fill")
    concentration_mg_per_ml: float = parameter("0 mg/mL", CONCENTRATION, "of the fill")
    fill_ml: float = parameter("28 mL", VOLUME, "filled", low="1 mL")
    discrepancy_percent: float = parameter("20 %", PERCENT, "withdrawn against predicted")
    bath_degc: float = bath("of the bath, where there is one")


def play(run: Run, p: Parameters) -> None:
    """Let it run, withdraw, fill, declare; again and again."""
    if "bath" in run.rig.instruments.kinds():
        run.surround("hold", temperature_degc=p.bath_degc)
    for number in range(1, p.cycles + 1):
        name = f"refill {number}"
        run.wait(f"{name}: interval", p.interval_ns)
        since = run.step(f"{name}: log", lambda: alarms.mark(run))
        drawn = pump.refill(run, name, p.fill_ml, p.drug, p.concentration_mg_per_ml)
        run.wait(f"{name}: look back", 5 * 60 * 10**9)
        told = alarms.raised_in(run, f"{name}: told", since)
        judge_refill(run, name, drawn, told, p.discrepancy_percent)


def judge_refill(
    run: Run, name: str, drawn: dict[str, Any], told: list[str], discrepancy_percent: float
) -> None:
    """Withdrawn against predicted (RES-06), and no alarm about a refill that was as declared."""
    if drawn["predicted_ml"]:
        off_percent = 100 * (drawn["withdrawn_ml"] / drawn["predicted_ml"] - 1)
        run.measure(
            f"{name}: withdrawn against predicted",
            off_percent,
            "%",
            low=-discrepancy_percent,
            high=discrepancy_percent,
            requirement="RES-06",
        )
    false = [word for word in told if word in UNWANTED]
    run.case(
        name,
        "a refill that was as declared raises no alarm about refills",
        Verdict.FAIL if false else Verdict.PASS,
        expected="none",
        seen=", ".join(false) or "none",
        requirement="RES-07",
    )


SCRIPT: Final = Script(
    name="refill-cycle",
    title="Refill cycles",
    parameters=Parameters,
    play=play,
    length_ns=lambda p: p.cycles * p.interval_ns,
    needs=frozenset({"syringe", LOGIC}),
    requirements=("RES-06", "RES-07"),
)
