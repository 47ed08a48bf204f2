"""A refill that may go wrong: what the hands do, by the laboratory, and what is declared.

Written as the fault catalogue and scenarios write a visit: see `pumpsim describe scenario`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from hil.bench import pump
from hil.bench.run import Run
from protocol import messages as m
from protocol.quantity import parse_int

MINUTE_NS: Final = 60 * 10**9
DRUG: Final = "FUDR"
CONCENTRATION: Final = "6.46 mg/mL"
VOLUME: Final = "28 mL"
VISCOSITY_RATIO: Final = 1.014
PUSH: Final = "2 min"
INTO: Final = {"reservoir": "fill", "pocket": "fill_pocket", "bolus_path": "inject_bolus"}


def refill(run: Run, visit: Mapping[str, Any], before: Callable[[str], None]) -> None:
    """Within a step. `before` is called with "injection" and with "refill", ahead of each."""
    dut, laboratory = run.rig.dut, run.rig.laboratory
    pump.done(dut.begin_refill())
    _wait(run, 2 * MINUTE_NS)
    into = visit.get("into", "reservoir")
    out_nl = 0
    if into != "nowhere":
        out_nl = laboratory.stimulate({"kind": "withdraw"})["withdrawn_nl"]
    push_ns = parse_int(visit.get("push", PUSH), "duration")
    _wait(run, 5 * MINUTE_NS - push_ns)
    before("injection")
    if into != "nowhere":
        laboratory.stimulate(_liquid(visit, into))
    _wait(run, push_ns + MINUTE_NS)
    before("refill")
    declared = m.Refill(
        withdrawn_nl=_volume_nl(visit, "declared_withdrawn", f"{out_nl} nL"),
        filled_nl=_volume_nl(visit, "declared_volume", VOLUME),
        drug=DRUG,
        concentration_ng_per_ml=parse_int(CONCENTRATION, "concentration"),
        viscosity_permille=round(VISCOSITY_RATIO * 1_000),
        batch="bench",
    )
    pump.declare(run, declared)


def _liquid(visit: Mapping[str, Any], into: str) -> dict[str, Any]:
    liquid: dict[str, Any] = {
        "kind": INTO[into],
        "volume": visit.get("volume", VOLUME),
        "drug": DRUG,
        "concentration": CONCENTRATION,
    }
    if into != "pocket":
        liquid["viscosity_ratio"] = visit.get("viscosity_ratio", VISCOSITY_RATIO)
    if into == "bolus_path":
        liquid["duration"] = visit.get("push", PUSH)
    return liquid


def _volume_nl(visit: Mapping[str, Any], name: str, default: str) -> int:
    return parse_int(visit.get(name, default), "volume")


def _wait(run: Run, duration_ns: int) -> None:
    run.wait_until("refill", run.clock_ns() + duration_ns)
