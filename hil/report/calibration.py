"""Whether an instrument's calibration was in force on the day of the run."""

from datetime import date, datetime
from typing import Final, NamedTuple

from hil.record import InstrumentRow

SOON_DAYS: Final = 30


class State(NamedTuple):
    """In words, and whether a reader has to look twice."""

    words: str
    alarming: bool


def state(row: InstrumentRow, began: str) -> State:
    """Of a row, on the day the run began."""
    if not row.due:
        words = "no due date stated" if row.calibrated else "not stated"
        return State(words, alarming=False)
    due, calibrated, day = _day(row.due), _day(row.calibrated), _day(began)
    if due is None or day is None or (row.calibrated and calibrated is None):
        return State("unknown: a date cannot be read", alarming=True)
    left = (due - day).days
    if left < 0:
        return State(f"overdue by {_days(-left)}", alarming=True)
    if calibrated is not None and calibrated > day:
        return State("calibrated only after the run", alarming=True)
    return State(f"in force, due in {_days(left)}", alarming=left <= SOON_DAYS)


def _day(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
