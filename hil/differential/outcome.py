"""What a comparison came to: the record, and the lines a person reads."""

from collections.abc import Mapping
from typing import Final

from hil.differential import signals
from hil.differential.comparison import AlarmPair, Comparison, SignalComparison
from hil.differential.tolerance import Allowance
from hil.emulated.scenario import when
from hil.record import CaseResult, Figure, Measurement, Record, Series, Verdict
from hil.report.words import significant

MAX_FIGURES: Final = 4
"""Of the signals that differ most, in units of their tolerance."""
NS_PER_H: Final = 3_600e9
SIGNALS: Final = "signals"
ALARMS: Final = "alarms"
VISITS: Final = "visits"


def fill(
    record: Record,
    comparison: Comparison,
    alarms: list[AlarmPair],
    refusals: tuple[list[str], list[str]],
    allowed: Mapping[str, Allowance],
) -> None:
    """Put it all into the record, with what each signal was allowed and why, and judge it."""
    apart = allowed[signals.ALARMS]
    record.facts["alarms may lie apart"] = f"{apart.value:.6g} s: {apart.why}"
    compared = [one for one in comparison.signals.values() if one.compared or one.one_sided]
    record.cases += [_signal_case(one, allowed[one.signal].why) for one in compared]
    if comparison.unpaired:
        record.cases.append(_unpaired_case(comparison))
    record.cases += [_alarm_case(index, one) for index, one in enumerate(alarms, 1)]
    if refusals[0] != refusals[1]:
        record.cases.append(_refusal_case(*refusals))
    for one in compared:
        if one.largest is not None:
            record.measurements.append(_measurement(one))
    most = sorted(compared, key=lambda one: one.share, reverse=True)
    record.figures += [_figure(one) for one in most[:MAX_FIGURES] if one.share]
    record.judge()
    record.why = parted_words(comparison, alarms)


def parted_words(comparison: Comparison, alarms: list[AlarmPair]) -> str:
    """Where the two part first, and by how much; empty where they do not."""
    first: list[tuple[int, str]] = []
    for one in comparison.signals.values():
        at_ns = one.parted_ns
        if at_ns is not None:
            first.append((at_ns, _parted(one)))
    first += [(pair.at_ns, _alarm_words(pair)) for pair in alarms if pair.parts]
    if comparison.first_unpaired_ns is not None:
        first.append((comparison.first_unpaired_ns, "a sample that the other one lacks"))
    if not first:
        return ""
    at_ns, words = min(first)
    return f"they part first at {when(at_ns)}: {words}"


def lines(record: Record) -> list[str]:
    """For a person."""
    rows = [f"{record.verdict.name}  {record.title}"]
    if record.why:
        rows.append(record.why)
    for case in record.cases:
        mark = "" if case.verdict is Verdict.PASS else f"  {case.verdict.name}"
        if case.section == ALARMS:
            rows.append(f"{case.title:<34}A {case.expected:<18}B {case.seen:<18}{mark}".rstrip())
        else:
            rows.append(f"{case.title:<34}{case.seen}{mark}")
    return rows + record.notes


def _parted(one: SignalComparison) -> str:
    unit = signals.unit(one.signal)
    if one.first_part is None or one.first_part.at_ns != one.parted_ns:
        return f"{one.signal} is known on one side only"
    pair = one.first_part
    return (
        f"{one.signal} is {significant(pair.a, 6)} {unit} on A and {significant(pair.b, 6)} {unit} "
        f"on B, {significant(pair.difference, 3)} {unit} apart where "
        f"{significant(one.tolerance, 3)} {unit} may be"
    )


def _signal_case(one: SignalComparison, why: str) -> CaseResult:
    unit = signals.unit(one.signal)
    words = f"{one.compared} compared"
    if one.largest is not None:
        words += f", largest difference {significant(one.largest.difference, 4)} {unit}"
        if one.largest.difference:
            words += f" at {when(one.largest.at_ns)}"
    if one.one_sided:
        words += f", known on one side only {one.one_sided} times"
    if one.parted_ns is not None:
        words += f", parted at {when(one.parted_ns)}"
    return CaseResult(
        one.signal,
        one.signal,
        Verdict.FAIL if one.parts else Verdict.PASS,
        SIGNALS,
        expected=f"at most {one.tolerance:.6g} {unit} apart: {why}",
        seen=words,
    )


def _measurement(one: SignalComparison) -> Measurement:
    assert one.largest is not None
    return Measurement(
        f"largest difference of {one.signal}",
        one.largest.difference,
        signals.unit(one.signal),
        one.largest.at_ns,
        high=one.tolerance,
        case=one.signal,
    )


def _unpaired_case(comparison: Comparison) -> CaseResult:
    seen = f"{comparison.unpaired} samples of one side that the other one lacks"
    return CaseResult("samples", "samples", Verdict.FAIL, SIGNALS, expected="none", seen=seen)


def _alarm_case(index: int, pair: AlarmPair) -> CaseResult:
    """Both sides' instants stand where a case has what was expected and what was seen."""
    return CaseResult(
        f"alarm-{index}",
        pair.words,
        Verdict.FAIL if pair.parts else Verdict.PASS,
        ALARMS,
        expected=_instant(pair.a_ns),
        seen=_instant(pair.b_ns),
    )


def _alarm_words(pair: AlarmPair) -> str:
    return f"{pair.words}: {_instant(pair.a_ns)} on A, {_instant(pair.b_ns)} on B"


def _instant(at_ns: int | None) -> str:
    return "never" if at_ns is None else when(at_ns)


def _refusal_case(a: list[str], b: list[str]) -> CaseResult:
    return CaseResult(
        "refusals",
        "what the pump refused at visits",
        Verdict.FAIL,
        VISITS,
        expected="; ".join(a) or "nothing",
        seen="; ".join(b) or "nothing",
    )


def _figure(one: SignalComparison) -> Figure:
    unit = signals.unit(one.signal)
    hours = tuple(pair.at_ns / NS_PER_H for pair in one.course)
    assert one.largest is not None
    return Figure(
        one.signal,
        "hours",
        unit,
        (
            Series("A", hours, tuple(pair.a for pair in one.course)),
            Series("B", hours, tuple(pair.b for pair in one.course)),
        ),
        caption=(
            f"They differ most at {when(one.largest.at_ns)}, by "
            f"{significant(one.largest.difference, 4)} {unit}; "
            f"{significant(one.tolerance, 4)} {unit} may be."
        ),
    )
