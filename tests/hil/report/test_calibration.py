"""Whether an instrument was calibrated on the day of the run."""

import pytest

from hil.record import InstrumentRow
from hil.report.calibration import state

DAY = "2026-11-26T09:12:44Z"


@pytest.mark.parametrize(
    ("calibrated", "due", "began", "words", "alarming"),
    [
        ("", "", DAY, "not stated", False),
        ("2026-01-01", "", DAY, "no due date stated", False),
        ("2026-01-01", "2027-01-01", DAY, "in force, due in 36 days", False),
        ("2026-01-01", "2026-12-26", DAY, "in force, due in 30 days", True),
        ("2026-01-01", "2026-11-26", DAY, "in force, due in 0 days", True),
        ("2026-01-01", "2026-11-25", DAY, "overdue by 1 day", True),
        ("2026-11-27", "2027-11-27", DAY, "calibrated only after the run", True),
        ("2026-01-01", "next year", DAY, "unknown: a date cannot be read", True),
        ("last year", "2027-01-01", DAY, "unknown: a date cannot be read", True),
        ("2026-01-01", "2027-01-01", "", "unknown: a date cannot be read", True),
    ],
)
def test_a_calibration_is_judged_on_the_day_of_the_run(
    calibrated: str, due: str, began: str, words: str, *, alarming: bool
) -> None:
    row = InstrumentRow("balance", "MT-SICS", calibrated=calibrated, due=due)
    assert state(row, began) == (words, alarming)
