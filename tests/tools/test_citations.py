"""Which tests guard a requirement: those that cite it, directly or through what they use."""

import pytest

from tests.defects.catalogue import CATALOGUE
from tools.citations import citing, guards

MODULE = '''"""All of it is about DOS-04."""

import pytest

LIMIT = 3  # ALM-11

def helper():
    """RES-03."""
    return LIMIT

# TIM-01
@pytest.mark.parametrize("x", [1])
def test_direct(x):
    """ALM-06."""

def test_by_what_it_uses():
    helper()

class Machine:
    """ALM-02."""

TestMachine = Machine.TestCase
'''


def test_a_citation_belongs_to_the_tests_it_stands_in_above_or_behind() -> None:
    assert {test: set(ids) for test, ids in citing(MODULE)} == {
        "test_direct": {"DOS-04", "TIM-01", "ALM-06"},
        "test_by_what_it_uses": {"DOS-04", "RES-03", "ALM-11"},
        "TestMachine": {"DOS-04", "ALM-02"},
    }


@pytest.mark.slow
def test_every_requirement_that_has_to_kill_has_tests_to_do_it() -> None:
    for defect in CATALOGUE:
        assert guards()[defect.requirement], defect.name
