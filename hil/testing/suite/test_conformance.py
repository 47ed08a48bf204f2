"""The conformance kit, against an emulated pump that runs the logic."""

from collections.abc import Iterator

import pytest

from hil.conformance.case import Case, Section
from hil.conformance.catalogue import all_cases
from hil.conformance.probe import Probe
from hil.conformance.runner import try_case
from hil.conformance.stage import claim
from hil.errors import BenchError
from hil.record import Verdict
from hil.rig import duration_ns
from hil.testing.subject import Subject
from hil.testing.violation import ViolatedError

PATIENCE_NS = duration_ns("10 s")


@pytest.fixture(scope="module")
def probe(subject: Subject) -> Iterator[Probe]:
    """An emulated pump, as cases see it."""
    with subject.rig() as rig:
        found = Probe(rig)
        try:
            claim(found)
        except BenchError as error:
            pytest.fail(f"the pump cannot be talked to: {error}", pytrace=False)
        yield found


@pytest.mark.parametrize(
    ("section", "case"), [pytest.param(*one, id=one[1].id) for one in all_cases()]
)
def test_conformance(section: Section, case: Case, probe: Probe) -> None:
    """The pump does what the case's sentence requires."""
    result = try_case(probe, section, case, PATIENCE_NS)
    if result.verdict is Verdict.SKIP:
        pytest.skip(result.seen)
    if result.verdict is not Verdict.PASS:
        done = [f"case {case.id}: {case.statement}", *result.log]
        raise ViolatedError(case.requirement, result.expected, result.seen, case.title, done)
