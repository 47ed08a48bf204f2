"""The result of a campaign: as data, and as a table that a tired engineer can read."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final

from pumpsim.catalogue import CATALOGUE
from pumpsim.catalogue.entry import Fault
from pumpsim.performance.campaign import Plan, Results
from pumpsim.performance.living import YEAR_DAYS, Life
from pumpsim.performance.statistics import CONFIDENCE, at_least, quantile, rate_at_most
from pumpsim.performance.trial import Trial, Verdict

SCHEMA: Final = 1
HEAD: Final = (
    f"{'fault':<29} {'detected':>8} {'>= %':>5} {'median':>7} {'95 %':>7} {'worst':>7} {'bound':>7}"
    f" {'beyond':>7} {'mL':>8} {'% of day':>9}  holds"
)
NL_PER_ML: Final = 1e6
NS_PER_S: Final = 1e9
UNITS_S: Final = ((86_400, 3_600, "d"), (3_600, 60, "h"), (60, 1, "min"))
"""Seconds of a unit, and of the next smaller one, in which nobody says two of it or more."""


def gather(plan: Plan, results: Results) -> dict[str, Any]:
    """Everything, as JSON can hold it."""
    faults = [_row(CATALOGUE[name], results.trials) for name in plan.tried]
    lives = _lives(results.lives)
    return {
        "schema": SCHEMA,
        "version": version("pumpsim"),
        "pump": plan.pump.id,
        "complete": results.complete,
        "runs": plan.runs,
        "asked": {"runs": plan.trials, "device_years": plan.years},
        "confidence": CONFIDENCE,
        "faults": faults,
        "not_promised": {
            name: CATALOGUE[name].not_promised
            for name in plan.names
            if CATALOGUE[name].not_promised
        },
        "life": lives,
        "holds": all(row["holds"] for row in faults) and (lives is None or lives["holds"]),
    }


def _row(fault: Fault, trials: list[Trial]) -> dict[str, Any]:
    mine = [trial for trial in trials if trial.fault == fault.name]
    stated = [trial for trial in mine if not trial.beyond]
    verdicts = Counter(trial.verdict for trial in stated)
    beyond = Counter(trial.verdict for trial in mine if trial.beyond)
    detected, inconclusive = verdicts[Verdict.DETECTED], verdicts[Verdict.INCONCLUSIVE]
    tried = len(stated) - inconclusive
    delays_s = sorted(t.delay_ns / NS_PER_S for t in stated if t.delay_ns is not None)
    conclusive = [trial for trial in stated if trial.verdict is not Verdict.INCONCLUSIVE]
    return {
        "fault": fault.name,
        "sentence": fault.sentence,
        "expects": [word.name.lower() for word in fault.expects],
        "severity": fault.stated() if fault.severity else None,
        "unit": fault.severity.unit if fault.severity else "",
        "bound_s": fault.bound_s,
        "injected": tried,
        **{verdict.value: verdicts[verdict] for verdict in Verdict},
        "at_least_percent": round(100.0 * at_least(detected, tried), 2) if tried else 0.0,
        "by": dict(Counter(t.detected_by for t in stated if t.detected_by).most_common()),
        "delay_s": _spread(delays_s),
        "beyond": {"injected": beyond.total(), "detected": beyond[Verdict.DETECTED]},
        "volume_error_ml": _worst(trial.volume_error_nl / NL_PER_ML for trial in conclusive),
        "dose_error_percent": round(_worst(t.dose_error_percent for t in conclusive), 3),
        "belief_error_ml": _worst(trial.belief_error_nl / NL_PER_ML for trial in conclusive),
        "holds": 0 < len(stated) == detected and beyond.total() == beyond[Verdict.DETECTED],
        "told_off_percent": _told_off_percent(conclusive),
        "why_inconclusive": sorted({trial.why for trial in mine if trial.why}),
        "trials": [_trial(trial, fault) for trial in mine],
    }


def _told_off_percent(trials: list[Trial]) -> float | None:
    """How far the volume that an event told was off what had really left, at worst."""
    return max(
        (
            100.0 * abs(trial.told_nl - trial.released_nl) / trial.released_nl
            for trial in trials
            if trial.told_nl is not None and trial.released_nl
        ),
        default=None,
    )


def _trial(trial: Trial, fault: Fault) -> dict[str, Any]:
    delay_s = None if trial.delay_ns is None else trial.delay_ns / NS_PER_S
    return {
        "seed": trial.seed,
        "severity": round(trial.severity, 3) if fault.severity else None,
        "beyond": trial.beyond,
        "verdict": trial.verdict.value,
        "detected_by": trial.detected_by,
        "delay_s": delay_s,
        "volume_error_ml": trial.volume_error_nl / NL_PER_ML,
        "dose_error_percent": round(trial.dose_error_percent, 3),
        "told_nl": trial.told_nl,
        "released_nl": trial.released_nl,
    }


def _spread(ordered_s: list[float]) -> dict[str, float] | None:
    if not ordered_s:
        return None
    return {
        "median": quantile(ordered_s, 0.5),
        "p95": quantile(ordered_s, 0.95),
        "worst": ordered_s[-1],
    }


def _worst(values: Iterable[float]) -> float:
    """The one farthest from nothing, with its sign."""
    return max(values, key=abs, default=0.0)


def _lives(lives: list[Life]) -> dict[str, Any] | None:
    """All lives together; the hash is over their traces' hashes, in the order of their seeds."""
    if not lives:
        return None
    years = sum(life.days for life in lives) / YEAR_DAYS
    false, true, excusable, outside = (Counter[str]() for _ in range(4))
    for life in lives:
        false.update(life.false)
        true.update(life.true)
        excusable.update(life.excusable)
        outside.update(life.outside)
    refused = [reason for life in lives for reason in life.refused]
    return {
        "device_years": years,
        "first_seed": lives[0].seed,
        "seeds": len(lives),
        "false": dict(false),
        "true": dict(true),
        "looks": sum(life.looks for life in lives),
        "excusable": dict(excusable),
        "outside": dict(outside),
        "false_per_year": false.total() / years,
        "false_per_year_at_most": None if false else rate_at_most(years),
        "refused": refused,
        "traces_sha256": hashlib.sha256("".join(one.digest for one in lives).encode()).hexdigest(),
        "holds": not (false or refused or outside),
    }


# ---- for people


def render(data: dict[str, Any]) -> str:
    """The table, and what it comes to."""
    lines = [*_fault_lines(data), *_life_lines(data["life"]), *_summary(data)]
    return "\n".join(lines) + "\n"


def _fault_lines(data: dict[str, Any]) -> list[str]:
    if not data["faults"] and not data["not_promised"]:
        return []
    lines = [
        "Detection times run from the instant a fault took effect; mL is the worst error of volume",
        "until detection, % of day that of the dose, of what is prescribed for a day. >= % is what",
        "the count supports at 95 %.",
        "",
        HEAD,
        "-" * len(HEAD),
        *(_line(row) for row in data["faults"]),
        "",
    ]
    several = [row for row in data["faults"] if len(row["expects"]) > 1 and row["by"]]
    lines += [f"{row['fault']}: told first by {_tally(row['by'])}" for row in several]
    for row in data["faults"]:
        lines += [f"{row['fault']}: inconclusive: {why}" for why in row["why_inconclusive"]]
        if row["told_off_percent"] is not None:
            lines.append(
                f"{row['fault']}: the volume told was off by {row['told_off_percent']:.0f} %"
            )
    for name, why in data["not_promised"].items():
        lines.append(f"{name}: not promised: {why}")
    return [*lines, ""]


def _line(row: dict[str, Any]) -> str:
    delay = row["delay_s"] or {}
    times = [duration(delay.get(key)) for key in ("median", "p95", "worst")]
    beyond = row["beyond"]
    beyond_text = f"{beyond['detected']}/{beyond['injected']}" if beyond["injected"] else ""
    mark = "yes" if row["holds"] else "FAILS"
    if not _tried(row):
        mark = "not tried"
    elif row["inconclusive"]:
        mark += f" ({row['inconclusive']} inconclusive)"
    return (
        f"{row['fault']:<29} {row['detected']:>3}/{row['injected']:<4}"
        f" {row['at_least_percent']:>5.1f} {times[0]:>7} {times[1]:>7} {times[2]:>7}"
        f" {duration(row['bound_s']):>7} {beyond_text:>7} {row['volume_error_ml']:>8.3f}"
        f" {row['dose_error_percent']:>9.1f}  {mark}"
    )


def duration(seconds: float | None) -> str:
    """A time as people say it, short."""
    if seconds is None:
        return "-"
    for unit_s, smaller_s, unit in UNITS_S:
        if round(seconds / smaller_s) * smaller_s >= 2 * unit_s:
            amount = seconds / unit_s
            return f"{amount:.2g} {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    return f"{seconds:.0f} s"


def _life_lines(life: dict[str, Any] | None) -> list[str]:
    if life is None:
        return []
    years = life["device_years"]
    seeds = count(life["seeds"], "seed")
    lines = [
        f"Ordinary life: {years:.1f} device-years, {seeds} from {life['first_seed']}",
        f"{'alarm':<28} {'false':>6} {'true':>6} {'true a year':>12} {'excusable':>10}",
    ]
    for alarm in sorted({*life["false"], *life["true"], *life["excusable"]}):
        false, true = life["false"].get(alarm, 0), life["true"].get(alarm, 0)
        share = life["excusable"].get(alarm, 0) / life["looks"] if life["looks"] else 0.0
        lines.append(
            f"{alarm:<28} {false:>6} {true:>6} {true / years:>12.2f} {100 * share:>8.1f} %"
        )
    lines.append(f"excusable: at so many of {count(life['looks'], 'look')} it would have been true")
    lines += [
        f"{quantity}: what was believed did not hold the truth at {count(hours, 'hour')}"
        for quantity, hours in life["outside"].items()
    ]
    lines += [f"refused: {reason}" for reason in sorted(set(life["refused"]))]
    return [*lines, f"traces sha256 {life['traces_sha256']}", ""]


def _summary(data: dict[str, Any]) -> list[str]:
    lines = []
    faults, life = data["faults"], data["life"]
    failing = [row["fault"] for row in faults if not row["holds"] and _tried(row)]
    tried = sum(_tried(row) for row in faults)
    if failing:
        verb = "FAILS" if len(failing) == 1 else "FAIL"
        lines.append(f"{len(failing)} of {count(tried, 'fault')} {verb}: {_some(failing)}")
    elif tried == 1:
        lines.append("The one fault holds: it was detected within its bound.")
    elif tried:
        lines.append(f"All {tried} faults hold: each was detected within its bound.")
    if life is not None and life["false"]:
        false = count(sum(life["false"].values()), "FALSE alarm")
        lines.append(f"{false}: {life['false_per_year']:.2f} a year.")
    elif life is not None:
        most = life["false_per_year_at_most"]
        years = life["device_years"]
        lines.append(
            f"No false alarm in {years:.1f} device-years: at most {most:.3f} a year (95 %)."
        )
    if data["complete"]:
        return lines
    said = [f"Of what was run until then, {line[0].lower()}{line[1:]}" for line in lines]
    return [how_far(data), *said]


def how_far(data: dict[str, Any]) -> str:
    """How much of what was asked for there is."""
    asked, life = data["asked"], data["life"]
    parts = []
    if asked["runs"]:
        made = sum(len(row["trials"]) for row in data["faults"])
        parts.append(f"{made} of {asked['runs']} runs were made")
    if asked["device_years"]:
        lived = 0 if life is None else round(life["device_years"], 1)
        parts.append(f"{lived:g} of {asked['device_years']:g} device-years were lived")
    return f"Stopped before its end: {', '.join(parts)}."


def _tried(row: dict[str, Any]) -> bool:
    """Whether there was a run of it, conclusive or not: a campaign may have been stopped before."""
    return bool(row["trials"])


def count(number: int, noun: str) -> str:
    """So many of something, one of it included."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _tally(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _some(names: list[str], most: int = 6) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
