"""The end of a run, told twice: as data, and as a page for people with truth beside belief."""

from textwrap import fill
from typing import Any, Final

from protocol.control import Between
from protocol.vocabulary import AlarmId
from pumpsim.comparison import bounds, compare
from pumpsim.device import Device
from pumpsim.scenario.faultbook import FaultRow
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
NO_BOUNDS: Final = "no bounds"
Row = tuple[str, str, str, str, str]
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
        "faults": [_fault(row) for row in watch.faults.rows],
        "alarms": [_alarm(row) for row in watch.alarms.values()],
        "causes": [
            {"at_ns": at_ns, "causes": [cause.name.lower() for cause in causes]}
            for at_ns, causes in watch.causes
        ],
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
        *_columns(
            ("", "truth", "belief", "difference", "not less, not more"),
            _beside("volume pumped, mL", data["pumped_nl"], NL_PER_ML),
            _beside("mean flow, mL/day", data["mean_flow_nl_per_h"], NL_PER_ML / HOURS_PER_DAY),
            _beside("left in reservoir, mL", data["residual_nl"], NL_PER_ML),
            *(_beside(f"{drug}, mg", dose, NG_PER_MG) for drug, dose in data["dose_ng"].items()),
            _counted(data["counted_ms"]),
            _clock(data["clock_s"], data["elapsed_ns"]),
        ),
    ]
    faults = _fault_lines(data["faults"])
    lines += _table("faults set, and when they took effect", faults) if faults else []
    lines += _table("alarms", [_alarm_line(row) for row in data["alarms"]])
    causes = [_cause_line(row) for row in data["causes"]]
    title = "causes that the pump held possible, all its symptoms together"
    lines += _table(title, causes) if causes else []
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
        "ended_ns": row.ended_ns,
        "acknowledged_ns": row.acknowledged_ns,
    }


def _fault(row: FaultRow) -> dict[str, Any]:
    return {
        "fault": row.name,
        "numbers": row.numbers,
        "set_ns": row.set_ns,
        "effect_ns": None if row.waiting else row.effect_ns,
        "pending": row.waiting > 0,
    }


def _refill(row: RefillRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _columns(*rows: Row) -> list[str]:
    """Each as wide as what stands in it: names and bounds to the left, numbers to the right."""
    name, *numbers, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    return [
        "  ".join((row[0].ljust(name), *map(str.rjust, row[1:-1], numbers), "", row[-1])).rstrip()
        for row in rows
    ]


def _beside(name: str, pair: dict[str, Any], unit: float) -> Row:
    truth, belief = pair["truth"] / unit, pair["belief"]
    if belief is None:
        return name, f"{truth:.3f}", "unknown", "", NO_BOUNDS
    difference = f"{belief / unit / truth - 1:+.2%}" if truth else ""
    low, high = pair.get("low"), pair.get("high")
    within = NO_BOUNDS
    if low is not None and high is not None:
        within = f"{low / unit:.3f} to {high / unit:.3f}"
    return name, f"{truth:.3f}", f"{belief / unit:.3f}", difference, within


def _counted(row: dict[str, Any]) -> Row:
    """The device's own count of time, off by its crystal."""
    truth_ms, off_ms = row["truth"], row["difference"]
    ppm = f"{off_ms / truth_ms * 1e6:+.1f} ppm" if truth_ms else ""
    truth, belief = f"{truth_ms / MS_PER_H:.3f}", f"{row['belief'] / MS_PER_H:.3f}"
    return "time counted, h", truth, belief, ppm, NO_BOUNDS


def _clock(row: dict[str, Any], elapsed_ns: int) -> Row:
    """The real-time clock, from the calendar's day of implant on."""
    truth_h, off_s = elapsed_ns / HOUR, row["difference"]
    doubt = NO_BOUNDS if row["valid"] else f"{NO_BOUNDS}; calls itself invalid"
    believed_h = truth_h + off_s / S_PER_H
    return "real-time clock, h", f"{truth_h:.3f}", f"{believed_h:.3f}", f"{off_s:+,} s", doubt


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


def _fault_lines(faults: list[dict[str, Any]]) -> list[str]:
    width = max((len(row["fault"]) for row in faults), default=0)
    return [f"{when(row['set_ns']):14} {row['fault']:{width}} {_effect(row)}" for row in faults]


def _effect(row: dict[str, Any]) -> str:
    if row["effect_ns"] is not None:
        return "at once" if row["effect_ns"] == row["set_ns"] else when(row["effect_ns"])
    return "not yet" if row["pending"] else "never: ended or replaced before"


def _cause_line(row: dict[str, Any]) -> str:
    """What the pump holds possible from then on."""
    return fill(
        ", ".join(row["causes"]) or "none",
        PAGE_COLUMNS - 2,
        initial_indent=f"{when(row['at_ns']):14} ",
        subsequent_indent=" " * 17,
    )


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
