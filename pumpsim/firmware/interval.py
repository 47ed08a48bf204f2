"""Intervals as plain data: how a record holds them."""

from protocol.control import Interval
from protocol.vocabulary import Quality


def interval_of(row: list[int] | None) -> Interval | None:
    """What JSON makes of an interval, as one again."""
    return None if row is None else Interval(row[0], row[1], row[2], Quality(row[3]))
