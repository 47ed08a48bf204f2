"""What is drawn can be anything that is declared, and the smallest that fails fits on a screen."""

from functools import partial
from operator import eq

import pytest
from hypothesis import Phase, find, settings

from hil.testing.steady import USUAL
from hil.testing.strategies import DEVIATIONS, readings
from protocol import messages as m
from protocol.schema import fields

NUMBERS = {
    one.name: one.shape
    for one in fields(m.ReadingsPart)
    if one.name not in ("sequence", "rtc_valid")
}
UNLISTED = 2**33
"""Above all that is named, but for the ends of what is declared."""
FOUND = settings(phases=[Phase.generate], max_examples=5_000)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_reading_takes_what_its_type_may(name: str) -> None:
    """Both ends of what is declared, nothing at all, and what nobody has listed."""
    ends = NUMBERS[name].low, NUMBERS[name].high

    def unlisted(value: int | None) -> bool:
        return value is not None and value not in ends and abs(value) > UNLISTED

    for value in (*ends, None):
        find(DEVIATIONS[name], partial(eq, value), settings=FOUND)
    find(DEVIATIONS[name], unlisted, settings=FOUND)


def test_the_smallest_that_fails_deviates_in_what_fails() -> None:
    enough = settings(max_examples=5_000)
    row = find(
        readings(),
        lambda row: row.pocket_pressure_pa is None and not row.rtc_valid,
        settings=enough,
    )
    assert row == USUAL._replace(pocket_pressure_pa=None, rtc_valid=False)
