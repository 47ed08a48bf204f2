"""Every case as a test: `pytest --pyargs hil.conformance --rig URI`."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from hil.conformance.case import Case, Section
from hil.conformance.catalogue import all_cases
from hil.conformance.command import lines_of
from hil.conformance.probe import Probe
from hil.conformance.runner import try_case
from hil.conformance.stage import claim, leave, open_alarms
from hil.errors import BenchError
from hil.pytest_plugin import HeldRig
from hil.record import Verdict
from hil.rig import duration_ns


@pytest.fixture(scope="module")
def probe(held_rig: HeldRig) -> Iterator[Probe]:
    """The device as cases see it; quiet when they are done."""
    found = Probe(held_rig.sound())
    try:
        claim(found)
        known = open_alarms(found)
    except BenchError as error:
        held_rig.give_up(str(error))
    yield found
    with suppress(BenchError):  # a rig that broke has been told of
        leave(found, known)


@pytest.mark.parametrize(
    ("section", "case"), [pytest.param(*one, id=one[1].id) for one in all_cases()]
)
@pytest.mark.usefixtures("rig")
def test_conformance(
    section: Section, case: Case, probe: Probe, held_rig: HeldRig, pytestconfig: pytest.Config
) -> None:
    """The device does what the case's sentence requires."""
    patience_ns = duration_ns(pytestconfig.getoption("--patience"))
    result = try_case(probe, section, case, patience_ns)
    if result.verdict is Verdict.SKIP:
        pytest.skip(result.seen)
    if result.verdict is Verdict.ERROR:
        held_rig.broken = result.seen
    if result.verdict is not Verdict.PASS:
        pytest.fail("\n".join(lines_of(result)), pytrace=False)
