"""The end of a run, told twice: as data, and as a page for people with truth beside belief."""

from typing import Any, Final

from pumpsim.device import Device
from pumpsim.scenario.file import Scenario, when
from pumpsim.scenario.visits import Journal, RefillRow
from pumpsim.scenario.watch import AlarmRow, Watch
from pumpsim.stimuli import HOUR

FL_PER_NL: Final = 10**6
NL_PER_ML: Final = 1e6
NG_PER_MG: Final = 1e6
HOURS_PER_DAY: Final = 24
MAX_ROWS: Final = 40
"""Rows of a table on the page; the data holds them all."""


def gather(
    scenario: Scenario, device: Device, watch: Watch, journal: Journal, trace_sha256: str
) -> dict[str, Any]:
    """Everything a run led to, as JSON can hold it. None is what the device cannot tell."""
    ledger, elapsed_ns = device.plant.ledger, device.now_ns
    pumped_nl = (
        ledger.filled_fl - ledger.withdrawn_fl - ledger.pocket_fl - ledger.reservoir_fl
    ) / FL_PER_NL
    beliefs = device.beliefs
    believed_nl = None if beliefs is None else beliefs.delivered_total_nl
    residual = None if beliefs is None else beliefs.residual_volume_nl
    journal.note_dose(None if beliefs is None else beliefs.dose_total_ng)
    return {
        "scenario": scenario.name,
        "device": device.id,
        "seed": device.seed,
        "complete": elapsed_ns >= scenario.length_ns,
        "elapsed_ns": elapsed_ns,
        "samples": watch.trace.samples,
        "pumped_nl": {"truth": round(pumped_nl), "belief": believed_nl},
        "mean_flow_nl_per_h": {
            "truth": _per_hour(pumped_nl, elapsed_ns),
            "belief": None if believed_nl is None else _per_hour(believed_nl, elapsed_ns),
            "nominal": device.pump.pump.nominal_flow,
        },
        "residual_nl": {
            "truth": ledger.reservoir_fl // FL_PER_NL,
            "belief": None if residual is None else residual.estimate,
            "low": None if residual is None else residual.low,
            "high": None if residual is None else residual.high,
        },
        "dose_ng": _doses(ledger.doses_ng(), journal.doses_ng),
        "ledger": device.truth()["ledger"],
        "alarms": [_alarm(row) for row in watch.alarms.values()],
        "unreachable_nl": round(device.plant.pump.unreachable_m3 * 1e12),
        "refills": [_refill(row) for row in journal.refills],
        "refusals": [{"at_ns": at_ns, "why": why} for at_ns, why in journal.refusals],
        "resets": [{"at_ns": at_ns, "cause": c.name.lower()} for at_ns, c in watch.boots[1:]],
        "trace_sha256": trace_sha256,
    }


def render(data: dict[str, Any]) -> str:
    """The page."""
    state = "complete" if data["complete"] else "interrupted"
    lines = [
        f"{data['scenario']} on {data['device']}, seed {data['seed']}:"
        f" {_span(data['elapsed_ns'])}, {data['samples']:,} samples, {state}",
        "",
        f"{'':24}{'truth':>12}{'belief':>12}{'difference':>12}",
        _beside("volume pumped, mL", data["pumped_nl"], NL_PER_ML),
        _beside("mean flow, mL/day", data["mean_flow_nl_per_h"], NL_PER_ML / HOURS_PER_DAY),
        _beside("left in reservoir, mL", data["residual_nl"], NL_PER_ML),
        *(_beside(f"{drug}, mg", dose, NG_PER_MG) for drug, dose in data["dose_ng"].items()),
    ]
    lines += _table("alarms", [_alarm_line(row) for row in data["alarms"]])
    left_ml = data["unreachable_nl"] / NL_PER_ML
    title = f"refills, mL: by syringe (declared); a needle leaves {left_ml:g}"
    lines += _table(title, [_refill_line(row) for row in data["refills"]])
    lines += _table(
        "refused", [f"{when(row['at_ns']):14} {row['why']}" for row in data["refusals"]]
    )
    resets = [f"{when(row['at_ns']):14} {row['cause']}" for row in data["resets"]]
    lines += _table("resets", resets) if resets else []
    lines += ["", f"trace sha256 {data['trace_sha256']}"]
    return "\n".join(lines)


def _per_hour(volume_nl: float, elapsed_ns: int) -> int:
    return round(volume_nl * HOUR / elapsed_ns) if elapsed_ns else 0


def _doses(truth: dict[str, int], belief: dict[str, int]) -> dict[str, dict[str, int | None]]:
    drugs = sorted({*(drug for drug, mass in truth.items() if mass), *belief})
    return {drug: {"truth": truth.get(drug, 0), "belief": belief.get(drug)} for drug in drugs}


def _alarm(row: AlarmRow) -> dict[str, Any]:
    return {
        "alarm": row.alarm.name.lower(),
        "occurrence": row.occurrence,
        "priority": row.priority.name.lower(),
        "raised_ns": row.raised_ns,
        "steps": [{"at_ns": at_ns, "priority": p.name.lower()} for at_ns, p in row.steps],
        "ended_ns": row.ended_ns,
        "acknowledged_ns": row.acknowledged_ns,
    }


def _refill(row: RefillRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _beside(name: str, pair: dict[str, Any], unit: float) -> str:
    truth, belief = pair["truth"] / unit, pair["belief"]
    if belief is None:
        return f"{name:24}{truth:12.3f}{'unknown':>12}"
    difference = f"{belief / unit / truth - 1:+12.2%}" if truth else ""
    return f"{name:24}{truth:12.3f}{belief / unit:12.3f}{difference}"


def _table(title: str, rows: list[str]) -> list[str]:
    shown = [f"  {row}" for row in rows[:MAX_ROWS]] or ["  none"]
    more = [f"  … and {len(rows) - MAX_ROWS} more"] if len(rows) > MAX_ROWS else []
    return ["", title, *shown, *more]


def _alarm_line(row: dict[str, Any]) -> str:
    ended, acknowledged = row["ended_ns"], row["acknowledged_ns"]
    until = "still there" if ended is None else f"until {when(ended)}"
    by = "" if acknowledged is None else f", acknowledged {when(acknowledged)}"
    rise = ", then ".join(step["priority"] for step in row["steps"])
    return f"{when(row['raised_ns']):14} {row['alarm']:18}{rise:17}{until}{by}"


def _refill_line(row: dict[str, Any]) -> str:
    place = "" if row["into"] == "reservoir" else f", INTO {row['into'].upper()}"
    believed = row["believed_residual_nl"]
    expected = "" if believed is None else f" of {believed / NL_PER_ML:.2f} believed"
    return (
        f"{when(row['at_ns']):14} {row['drug']:10} out {_said(row, 'withdrawn')}{expected},"
        f" in {_said(row, 'filled')}{place}"
    )


def _said(row: dict[str, Any], what: str) -> str:
    done, declared = row[f"{what}_nl"] / NL_PER_ML, row[f"declared_{what}_nl"] / NL_PER_ML
    mark = "" if done == declared else " !"
    return f"{done:.2f} ({declared:.2f}{mark})"


def _span(elapsed_ns: int) -> str:
    days, rest_ns = divmod(elapsed_ns, 24 * HOUR)
    hours = rest_ns // HOUR
    return f"{days} d {hours} h" if hours or not days else f"{days} d"
