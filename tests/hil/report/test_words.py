"""Numbers show what was measured and no more; texts are safe and of bounded length."""

import pytest

from hil.record import Measurement, Record
from hil.report import words

SIGNS = str.maketrans({"-": words.MINUS, "x": words.TIMES})


@pytest.mark.parametrize(
    ("number", "uncertainty", "shown"),
    [
        (1.3109251837465, 0.0023871, "1.3109 ± 0.0024"),
        (1.3109251837465, 0.0996, "1.31 ± 0.10"),
        (-3.0391, 0.41, "-3.04 ± 0.41"),
        (12_345.6, 780.0, "12350 ± 780"),
        (1.30, 20.0, "1 ± 20"),
        (1.3109251837465, None, "1.311"),
        (1.3, 0.0, "1.300"),
        (0.1 + 0.2, None, "0.3000"),
        (0.0, None, "0"),
        (0.0, 0.05, "0.000 ± 0.050"),
        (-0.0001, 0.21, "0.00 ± 0.21"),
        (1.23456e-9, None, "1.235 x 10⁻⁹"),
        (9.99996e12, None, "1.000 x 10¹³"),
        (86_399.6, None, "86400"),
        (float("nan"), 0.1, "not a number ± 0.10"),
        (float("-inf"), None, "-infinite"),
    ],
)
def test_the_uncertainty_decides_the_digits(
    number: float, uncertainty: float | None, shown: str
) -> None:
    one = Measurement("flow", number, "mL/day", uncertainty=uncertainty)
    assert words.value(one) == shown.translate(SIGNS)


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (1.105, 1.495, "1.105 to 1.495"),
        (None, 15.0, "≤ 15"),
        (100.0, None, "≥ 100"),
        (None, None, "–"),  # noqa: RUF001
        (0.1 * 3, None, "≥ 0.3"),
    ],
)
def test_limits_are_exact(low: float | None, high: float | None, shown: str) -> None:
    assert words.limits(Measurement("flow", 1.0, "", low=low, high=high)) == shown


@pytest.mark.parametrize(
    ("number", "uncertainty", "shown", "close"),
    [
        (1.2, 0.01, "+0.300", False),
        (1.6, 0.01, "-0.100", False),
        (1.50003, 0.01, "-0.00003", True),  # never a FAIL with a margin of 0
        (1.49, None, "+0.010", False),
        (1.5, 0.01, "0", True),
    ],
)
def test_a_margin_tells_the_side_and_how_sure_it_is(
    number: float, uncertainty: float | None, shown: str, *, close: bool
) -> None:
    one = Measurement("flow", number, "", high=1.5, uncertainty=uncertainty)
    assert words.margin(one).startswith(shown.translate(SIGNS))
    assert words.close_call(one) is close


def test_lengths_are_for_people() -> None:
    assert words.length(7.42) == "7.4 s"
    assert words.length(14 * 86_400.0 - 0.4) == "14 d 00:00:00"
    assert words.length(float("inf")) == "unknown"


def test_what_no_page_may_hold_is_shown_otherwise() -> None:
    assert words.visible("a\x00b\x1b[31m\x85\u202e\ud800\uffff") == "a␀b␛[31m����"
    assert words.visible("two\r\nlines\tand a tab") == "two\nlines\tand a tab"


def test_long_texts_and_logs_are_cut_and_say_so() -> None:
    shown = words.visible("x" * 5_000)
    assert shown.startswith("x" * words.MAX_TEXT)
    assert shown.endswith("… (3,000 more characters are in the JSON file)")
    record = Record("bench", "x" * 5_000, "t", facts={"y" * 5_000: "z"})
    assert words.cleaned(record).name == shown
    assert len(next(iter(words.cleaned(record).facts))) < 3_000
