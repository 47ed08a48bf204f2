"""The end of a run, told twice: as data, and as a page for people with truth beside belief."""

from textwrap import fill
from typing import Any, Final

from protocol.control import Between
from protocol.vocabulary import AlarmId
from pumpsim.comparison import bounds, compare
from pumpsim.device import Device
from pumpsim.scenario.file import Scenario, when
from pumpsim.scenario.visits import Journal, RefillRow
from pumpsim.scenario.watch import AlarmRow, Watch
from pumpsim.stimuli import HOUR

FL_PER_NL: Final = 10**6
NL_PER_ML: Final = 1e6
NG_PER_MG: Final = 1e6
HOURS_PER_DAY: Final = 24
S_PER_H: Final = 3_600
MS_PER_H: Final = 3_600_000
PAGE_COLUMNS: Final = 100
ALARM_COLUMNS: Final = max(len(alarm.name) for alarm in AlarmId)
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
    beliefs, rows = device.beliefs, compare(device)
    believed_nl = None if beliefs is None else beliefs.delivered_total_nl
    if beliefs is not None:
        journal.note_dose(beliefs.dose_total_ng, beliefs.dose_between_ng)
    return {
        "scenario": scenario.name,
        "device": device.id,
        "seed": device.seed,
        "complete": elapsed_ns >= scenario.length_ns,
        "elapsed_ns": elapsed_ns,
        "samples": watch.trace.samples,
        "pumped_nl": {
            "truth": round(pumped_nl),
            "belief": believed_nl,
            **bounds(None if beliefs is None else beliefs.delivered_between_nl),
        },
        "mean_flow_nl_per_h": {
            "truth": _per_hour(pumped_nl, elapsed_ns),
            "belief": None if believed_nl is None else _per_hour(believed_nl, elapsed_ns),
            "nominal": device.pump.pump.nominal_flow,
        },
        "residual_nl": rows["residual_nl"],
        "dose_ng": _doses(ledger.doses_ng(), journal.doses_ng),
        "counted_ms": rows["counted_ms"],
        "clock_s": rows["clock_s"],
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
        f"{'':24}{'truth':>12}{'belief':>12}{'difference':>12}   {'not less, not more'}",
        _beside("volume pumped, mL", data["pumped_nl"], NL_PER_ML),
        _beside("mean flow, mL/day", data["mean_flow_nl_per_h"], NL_PER_ML / HOURS_PER_DAY),
        _beside("left in reservoir, mL", data["residual_nl"], NL_PER_ML),
        *(_beside(f"{drug}, mg", dose, NG_PER_MG) for drug, dose in data["dose_ng"].items()),
        _counted(data["counted_ms"]),
        _clock(data["clock_s"], data["elapsed_ns"]),
    ]
    lines += _table("alarms, and the causes their symptoms allow", _alarm_rows(data["alarms"]))
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


def _doses(
    truth: dict[str, int], told: dict[str, tuple[int, Between | None]]
) -> dict[str, dict[str, int | None]]:
    drugs = sorted({*(drug for drug, mass in truth.items() if mass), *told})
    rows = {}
    for drug in drugs:
        belief, between = told.get(drug, (None, None))
        rows[drug] = {"truth": truth.get(drug, 0), "belief": belief, **bounds(between)}
    return rows


def _alarm(row: AlarmRow) -> dict[str, Any]:
    return {
        "alarm": row.alarm.name.lower(),
        "occurrence": row.occurrence,
        "priority": row.priority.name.lower(),
        "raised_ns": row.raised_ns,
        "steps": [{"at_ns": at_ns, "priority": p.name.lower()} for at_ns, p in row.steps],
        "causes": [cause.name.lower() for cause in row.causes],
        "ended_ns": row.ended_ns,
        "acknowledged_ns": row.acknowledged_ns,
    }


def _refill(row: RefillRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _beside(name: str, pair: dict[str, Any], unit: float) -> str:
    truth, belief = pair["truth"] / unit, pair["belief"]
    if belief is None:
        return f"{name:24}{truth:12.3f}{'unknown':>12}"
    difference = f"{belief / unit / truth - 1:+12.2%}" if truth else f"{'':12}"
    low, high = pair.get("low"), pair.get("high")
    within = "" if low is None or high is None else f"   {low / unit:.3f} to {high / unit:.3f}"
    return f"{name:24}{truth:12.3f}{belief / unit:12.3f}{difference}{within}".rstrip()


def _counted(row: dict[str, Any]) -> str:
    """The device's own count of time, off by its crystal."""
    truth_ms, off_ms = row["truth"], row["difference"]
    ppm = f"{off_ms / truth_ms * 1e6:+8.1f} ppm" if truth_ms else ""
    return f"{'time counted, h':24}{truth_ms / MS_PER_H:12.3f}{row['belief'] / MS_PER_H:12.3f}{ppm}"


def _clock(row: dict[str, Any], elapsed_ns: int) -> str:
    """The real-time clock, from the calendar's day of implant on."""
    truth_h, off_s = elapsed_ns / HOUR, row["difference"]
    doubt = "" if row["valid"] else ", and calls itself invalid"
    believed_h = truth_h + off_s / S_PER_H
    return f"{'real-time clock, h':24}{truth_h:12.3f}{believed_h:12.3f}{off_s:+10,} s{doubt}"


def _table(title: str, rows: list[str]) -> list[str]:
    shown = [f"  {row}" for row in rows[:MAX_ROWS]] or ["  none"]
    more = [f"  … and {len(rows) - MAX_ROWS} more"] if len(rows) > MAX_ROWS else []
    return ["", title, *shown, *more]


def _alarm_line(row: dict[str, Any]) -> str:
    ended, acknowledged = row["ended_ns"], row["acknowledged_ns"]
    until = "still there" if ended is None else f"until {when(ended)}"
    by = "" if acknowledged is None else f", acknowledged {when(acknowledged)}"
    rise = ", then ".join(step["priority"] for step in row["steps"])
    return f"{when(row['raised_ns']):14} {row['alarm']:{ALARM_COLUMNS}} {rise:16} {until}{by}"


def _alarm_rows(alarms: list[dict[str, Any]]) -> list[str]:
    """Causes stand under an alarm where they are others than before."""
    rows: list[str] = []
    before: list[str] = []
    for row in alarms:
        causes = row["causes"]
        line = _alarm_line(row)
        rows.append(f"{line}\n{_causes(causes)}" if causes and causes != before else line)
        before = causes
    return rows


def _causes(causes: list[str]) -> str:
    """What the pump held for possible when the alarm was raised."""
    begin, indent = f"{'':17}may be ", " " * 24
    text = ", ".join(causes)
    return fill(text, PAGE_COLUMNS, initial_indent=begin, subsequent_indent=indent)


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
