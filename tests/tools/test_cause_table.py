"""The page of causes."""

from protocol.vocabulary import Cause
from tools.cause_table import AT_A_VISIT, PAGE, page


def test_the_page_is_that_of_the_signatures() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_cause_says_what_a_visit_finds() -> None:
    assert list(AT_A_VISIT) == list(Cause)
