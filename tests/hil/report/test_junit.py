"""JUnit XML: by the rules of the schema that Jenkins uses, and what a build server reads in it."""

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from hil.record import CaseResult, Measurement, Record, Verdict
from hil.report.junit import junit
from tests.hil.report.records import CITED, EXAMPLES, SENTENCE, accuracy, conformance, hostile

# Jenkins' xUnit plugin, junit-10.xsd: children, attributes required, attributes allowed
OUTCOMES = {"skipped", "error", "failure"}
OUTPUT = {"system-out", "system-err"}
ALLOWED_SUITE = {"time", "skipped", "timestamp", "hostname", "id", "package", "file", "group"}
RULES: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"testsuite", "properties", "testcase", *OUTPUT},
        {"name", "tests", "failures", "errors"},
        ALLOWED_SUITE,
    ),
    "testcase": (OUTCOMES | OUTPUT, {"name"}, {"time", "classname", "group"}),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, set()),
    **{name: (set(), set(), {"type", "message"}) for name in OUTCOMES},
    **{name: (set(), set(), set()) for name in OUTPUT},
}
TIME = re.compile(r"\d+\.\d{3}")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def check(element: Element) -> None:
    children, required, allowed = RULES[element.tag]
    assert {child.tag for child in element} <= children
    assert required <= set(element.attrib) <= required | allowed
    assert TIME.fullmatch(element.get("time", "0.000"))
    assert STAMP.fullmatch(element.get("timestamp", "2026-11-26T00:00:00"))
    for child in element:
        check(child)


def suites(record: Record) -> dict[str, Element]:
    root = ElementTree.fromstring(junit(record).encode())
    return {suite.get("name", ""): suite for suite in root}


def test_a_number_that_a_case_judges_is_a_property_and_no_test_of_its_own() -> None:
    number = Measurement("difference of flow", 3.0, "nL/h", high=2.0, case="flow")
    case = CaseResult("flow", "flow", Verdict.FAIL)
    found = suites(Record("diff", "d", "D", measurements=[number], cases=[case]))
    assert list(found) == ["run", "cases"]
    told = {one.get("name"): one.get("value") for one in found["run"].iter("property")}
    assert told["difference of flow"] == "3.000 nL/h"


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_file_keeps_the_rules_and_its_counts_are_right(name: str) -> None:
    root = ElementTree.fromstring(junit(EXAMPLES[name]()).encode())
    check(root)
    for counted in (root, *root):
        assert int(counted.get("tests", -1)) == len(list(counted.iter("testcase"))) > 0
        assert int(counted.get("failures", -1)) == len(list(counted.iter("failure")))
        assert int(counted.get("errors", -1)) == len(list(counted.iter("error")))
    for suite in root:
        assert int(suite.get("skipped", -1)) == len(list(suite.iter("skipped")))


def test_sections_are_suites_and_cases_keep_verdict_reason_time_and_log() -> None:
    found = suites(conformance())
    assert list(found) == ["run", "framing", "session", "requests", "alarms", "memory"]
    assert [len(suite.findall("testcase")) for suite in found.values()] == [1, *[20] * 5]
    case = found["framing"][17]
    assert case.get("name") == "FRA-18: a request whose sum is wrong"
    assert case.get("classname") == "conformance.conformance.framing"
    assert case.get("time") == "0.400"
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "a second bolus, 0.5 mL"
    assert (failure.text or "").splitlines() == [
        "required: A command_id executed twice is executed once, over any transport",
        "expected: the outcome of the first one, unchanged",
        "seen: a second bolus, 0.5 mL",
    ]
    assert case.findtext("system-out", "").startswith("17.001 s  sent")
    assert [one.tag for one in found["framing"][16]] == ["system-out"]


@pytest.mark.parametrize(
    ("verdict", "element"),
    [
        (Verdict.PASS, None),
        (Verdict.FAIL, "failure"),
        (Verdict.INCONCLUSIVE, "error"),
        (Verdict.ERROR, "error"),
        (Verdict.SKIP, "skipped"),
    ],
)
def test_every_verdict_of_a_case_and_of_a_run_has_its_element(
    verdict: Verdict, element: str | None
) -> None:
    case = CaseResult("A-1", "a case", verdict, seen="no balance")
    record = Record("bench", "b", "B", verdict, "no balance", cases=[case])
    found = suites(record)
    for one in (found["run"], found["cases"]):
        case_element = one.find("testcase")
        assert case_element is not None
        outcomes = [child for child in case_element if child.tag in OUTCOMES]
        assert [child.tag for child in outcomes] == ([element] if element else [])
        assert [child.get("type") for child in outcomes] == ([verdict.value] if element else [])
        assert all(child.get("message") == "no balance" for child in outcomes)


def test_an_aborted_run_without_parts_is_red() -> None:
    found = suites(EXAMPLES["failed_rig"]())
    assert list(found) == ["run"]
    error = found["run"].find("testcase/error")
    assert error is not None
    assert (error.get("message") or "").startswith("the balance at /dev/ttyUSB1 did not answer")


def test_measurements_with_limits_are_cases_and_the_others_facts() -> None:
    found = suites(accuracy())
    names = [case.get("name") for case in found["measurements"]]
    assert "mean flow" in names
    assert "density of the fill" not in names
    facts = {one.get("name"): one.get("value") for one in found["run"].iter("property")}
    assert facts["density of the fill"] == "993.3 kg/m³"
    assert facts["seed"] == "7"
    assert facts["command"] == "hil bench flow-accuracy --rig rig.toml --seed 7"
    record = Record("bench", "b", "B")
    record.measurements.append(
        Measurement("mean flow", 1.61234, "mL/day", 0, 1.1, 1.5, 0.012, CITED)
    )
    failure = suites(record)["measurements"].find("testcase/failure")
    assert failure is not None
    lines = (failure.text or "").splitlines()
    assert lines[0] == f"required: {CITED}: {SENTENCE}"
    assert lines[1:] == ["expected: 1.1 to 1.5 mL/day", "seen: 1.612 ± 0.012 mL/day"]


def test_hostile_texts_arrive_as_texts() -> None:
    found = suites(hostile())
    name = found["measurements"][0].get("name") or ""
    assert name.startswith("<script>alert(1)</script>\"'&]]>␀␛[31m")
    long_log = found["cases"][0].findtext("system-out", "").splitlines()
    assert long_log[0] == "… (600 earlier lines are in the JSON file)"
    assert len(long_log) == 401
