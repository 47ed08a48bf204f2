"""A record as JUnit XML, as Jenkins, GitLab and the like read it.

The first suite is the run itself, with the facts as its properties; then one suite for the
measurements that are judged, unless by a case, and one per section of cases. JUnit has no
INCONCLUSIVE: it is an error, since a run that shows nothing must not look like one that passed.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from hil.record import CaseResult, Measurement, Record, Verdict
from hil.report.requirements import sentence
from hil.report.words import cleaned, limits, value

MAX_MESSAGE: Final = 300
CASES: Final = "cases"
"""The suite of cases that name no section."""
ELEMENTS: Final = {
    Verdict.FAIL: "failure",
    Verdict.INCONCLUSIVE: "error",
    Verdict.ERROR: "error",
    Verdict.SKIP: "skipped",
}
COUNTS: Final = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def junit(record: Record) -> str:
    """The whole file. A verdict of the run shows in it whatever its parts say."""
    record = cleaned(record)
    root = Element("testsuites", name=record.name)
    _run_suite(root, record)
    judged = [one for one in record.measurements if one.counts]
    if judged:
        suite = _suite(root, record, "measurements", {})
        for one in judged:
            _case(suite, one.name, one.verdict, _measured(one))
        _count(suite)
    for section, cases in by_section(record.cases).items():
        suite = _suite(root, record, section or CASES, {})
        for case in cases:
            _case(suite, f"{case.id}: {case.title}", case.verdict, _told(case), case.wall_s)
            _log(suite[-1], case.log)
        _count(suite)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, 0)) for suite in root)))
    root.set("time", _seconds(record.wall_s))
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def by_section(cases: Iterable[CaseResult]) -> dict[str, list[CaseResult]]:
    """Cases by their section, both in the order of the record."""
    sections: dict[str, list[CaseResult]] = {}
    for case in cases:
        sections.setdefault(case.section, []).append(case)
    return sections


def _run_suite(root: Element, record: Record) -> None:
    free = {one.name: f"{value(one)} {one.unit}" for one in record.measurements if not one.counts}
    suite = _suite(root, record, "run", {**record.facts, "command": record.command, **free})
    _case(suite, record.title, record.verdict, {"": record.why}, record.wall_s)
    _log(suite[-1], record.notes)
    _count(suite)


def _suite(root: Element, record: Record, name: str, facts: Mapping[str, str]) -> Element:
    suite = SubElement(root, "testsuite", name=name, package=f"{record.kind}.{record.name}")
    if stamp := _stamp(record.began):
        suite.set("timestamp", stamp)
    if any(facts.values()):
        properties = SubElement(suite, "properties")
        for fact, text in filter(all, facts.items()):
            SubElement(properties, "property", name=fact, value=text)
    return suite


def _case(
    suite: Element, name: str, verdict: Verdict, told: Mapping[str, str], wall_s: float = 0.0
) -> None:
    group = suite.get("name", "").replace(".", "_")  # a dot begins a package
    classname = f"{suite.get('package')}.{group}"
    case = SubElement(suite, "testcase", name=name, classname=classname, time=_seconds(wall_s))
    if verdict in ELEMENTS:
        lines = [f"{name}: {text}" if name else text for name, text in told.items() if text]
        message = (told.get("seen") or next(iter(lines), verdict.value))[:MAX_MESSAGE]
        found = SubElement(case, ELEMENTS[verdict], type=verdict.value, message=message)
        found.text = "\n".join(lines)


def _told(case: CaseResult) -> dict[str, str]:
    return {"required": case.requirement, "expected": case.expected, "seen": case.seen}


def _measured(one: Measurement) -> dict[str, str]:
    return {
        "required": f"{one.requirement}: {sentence(one.requirement)}" if one.requirement else "",
        "expected": f"{limits(one)} {one.unit}",
        "seen": f"{value(one)} {one.unit}",
    }


def _log(case: Element, lines: Iterable[str]) -> None:
    if lines:
        SubElement(case, "system-out").text = "\n".join(lines)


def _count(suite: Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for name, element in COUNTS.items():
        suite.set(name, str(sum(case.find(element) is not None for case in cases)))
    total_s = sum(float(case.get("time", 0)) for case in cases)
    suite.set("time", _seconds(total_s))


def _seconds(wall_s: float) -> str:
    return f"{max(wall_s, 0.0) if math.isfinite(wall_s) else 0.0:.3f}"


def _stamp(began: str) -> str:
    """To the second and without a zone, as the schema wants it; it is UTC."""
    try:
        return datetime.fromisoformat(began).replace(tzinfo=None).isoformat(timespec="seconds")
    except ValueError:
        return ""
