"""The grammar of quantities (DOS-05) and its exact factors (DOS-04)."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.quantity import (
    MAX_DIGITS,
    MAX_TEXT,
    SIGNED,
    UNITS,
    QuantityError,
    canonical,
    parse,
    parse_int,
    render,
)

DIMENSIONS_AND_UNITS = [(dimension, unit) for dimension, units in UNITS.items() for unit in units]


@pytest.mark.parametrize(
    ("text", "dimension", "expected"),
    [
        ("1.3 mL/day", "flow", Fraction(1_300_000, 24)),
        ("0.25 mL/h", "flow", Fraction(250_000)),
        ("30 mL", "volume", Fraction(30_000_000)),
        ("1.5 uL", "volume", Fraction(1_500)),
        ("14 d", "duration", Fraction(14 * 86_400 * 10**9)),
        ("90 min", "duration", Fraction(5_400 * 10**9)),
        ("37 degC", "temperature", Fraction(310_150)),
        ("-40 degC", "temperature", Fraction(233_150)),
        ("310.15 K", "temperature", Fraction(310_150)),
        ("-0.5 K", "temperature difference", Fraction(-500)),
        ("1000 mmHg", "pressure", Fraction(133_322_387_415, 10**6)),
        ("1013.25 mbar", "pressure", Fraction(101_325)),
        ("5 mg/mL", "concentration", Fraction(5_000_000)),
        ("12 cm", "length", Fraction(12, 100)),
        ("5 %", "ratio", Fraction(1, 20)),
        ("3.3 V", "voltage", Fraction(3_300)),
        ("-2.5 V", "voltage", Fraction(-2_500)),
        ("0 mL", "volume", Fraction(0)),
    ],
)
def test_what_it_means(text: str, dimension: str, expected: Fraction) -> None:
    assert parse(text, dimension) == expected


SAME = {
    "volume": ("1 mL", "1000 uL", "1000000 nL"),
    "flow": ("24 mL/day", "1 mL/h", "1000 uL/h", "1000000 nL/h"),
    "duration": ("1 d", "24 h", "1440 min", "86400 s", "86400000 ms"),
    "temperature": ("37 degC", "310.15 K"),
    "temperature difference": ("1 K", "1000 mK"),
    "pressure": ("133.322387415 kPa", "133322.387415 Pa", "1000 mmHg", "1333.22387415 mbar"),
    "concentration": ("1 mg/mL", "1000 ug/mL", "1000000 ng/mL"),
    "length": ("1 m", "100 cm", "1000 mm"),
    "ratio": ("5 %",),
    "voltage": ("1 V", "1000 mV"),
    "current": ("1 mA", "1000 uA", "1000000 nA"),
    "mass": ("1 g", "1000 mg", "1000000 ug"),
    "mass per time": ("24 mg/day", "1 mg/h", "1000 ug/h"),
    "pressure per time": ("1 kPa/s", "60 kPa/min"),
    "stiffness": ("1 kPa/mL", "1000 Pa/mL"),
}
"""One quantity in each unit there is."""


def test_every_unit_of_a_dimension_says_the_same() -> None:
    for dimension, texts in SAME.items():
        assert {text.partition(" ")[2] for text in texts} == UNITS[dimension].keys()
        assert len({parse(text, dimension) for text in texts}) == 1
    assert SAME.keys() == UNITS.keys()


NOT_QUANTITIES = [
    ("1,3 mL/day", "flow", "the decimal separator is a point"),
    ("013 mL", "volume", "leading zeros are not allowed"),
    ("00 mL", "volume", "leading zeros are not allowed"),
    ("-01 K", "temperature difference", "leading zeros are not allowed"),
    ("1_0 mL", "volume", "digits, perhaps a point"),
    ("nan mL", "volume", "digits, perhaps a point"),
    ("inf mL", "volume", "digits, perhaps a point"),
    ("9**9**9 mL", "volume", "digits, perhaps a point"),
    (".5 mL", "volume", "digits, perhaps a point"),
    ("5. mL", "volume", "digits, perhaps a point"),
    ("1.2.3 mL", "volume", "digits, perhaps a point"),
    ("1e3 mL", "volume", "digits, perhaps a point"),
    ("0x10 mL", "volume", "digits, perhaps a point"),
    ("+1 mL", "volume", "a plus is not written"),
    ("--1 K", "temperature difference", "digits, perhaps a point"),
    ("- 1 K", "temperature difference", "digits, perhaps a point"),
    ("1mL", "volume", "one blank stands between"),
    ("1", "volume", "one blank stands between"),
    ("1\u00a0mL", "volume", "one blank stands between"),
    ("1\tmL", "volume", "one blank stands between"),
    ("", "volume", "one blank stands between"),
    ("mL", "volume", "one blank stands between"),
    (" 1 mL", "volume", "digits, perhaps a point"),
    ("1 mL ", "volume", "digits, perhaps a point"),
    ("1  mL", "volume", "digits, perhaps a point"),
    ("1 mL\n", "volume", "digits, perhaps a point"),
    ("1 mL 2 mL", "volume", "digits, perhaps a point"),
    ("1 ", "volume", "digits, perhaps a point"),
    ("\uff11 mL", "volume", "digits, perhaps a point"),
    ("\u0663 mL", "volume", "digits, perhaps a point"),
    ("1 \u00b5L", "volume", "digits, perhaps a point"),
    ("1.3 Ml/day", "flow", "'Ml/day' is no unit of flow; use mL/day, mL/h, uL/h, nL/h"),
    ("1.3 ml/day", "flow", "is no unit of flow"),
    ("1 L", "volume", "'L' is no unit of volume; use mL, uL, nL"),
    ("1 mL/day", "volume", "is no unit of volume"),
    ("1 mK", "temperature", "is no unit of temperature"),
    ("1 c", "temperature", "is no unit of temperature"),
    ("-1 mL", "volume", "a volume takes no minus"),
    ("-1 d", "duration", "a duration takes no minus"),
    ("-1.3 mL/day", "flow", "a flow takes no minus"),
    ("-0 K", "temperature difference", "a minus means nothing here"),
    ("-0.0 K", "temperature difference", "a minus means nothing here"),
    ("1234567890123456789 nL", "volume", "has more than 18 digits"),
    ("0.123456789012345678 mL", "volume", "has more than 18 digits"),
    ("1" * 5_000 + " mL", "volume", "is longer than 40 characters"),
]


@pytest.mark.parametrize(("text", "dimension", "hint"), NOT_QUANTITIES)
def test_what_is_refused_and_how_it_is_told(text: str, dimension: str, hint: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse(text, dimension)
    assert re.search(rf"(^|: |' |… ){re.escape(hint)}", str(caught.value))
    assert len(str(caught.value)) < 200


def test_the_longest_number_fits_the_longest_text() -> None:
    longest = f"-0.{'1' * (MAX_DIGITS - 1)} {max((u for _, u in DIMENSIONS_AND_UNITS), key=len)}"
    assert len(longest) <= MAX_TEXT


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.5 nL", 0), ("1.5 nL", 2), ("2.5 nL", 2), ("0.51 nL", 1), ("1.0000005 mL", 1_000_000)],
)
def test_rounding_is_half_to_even_and_once(text: str, expected: int) -> None:
    assert parse_int(text, "volume") == expected


@pytest.mark.parametrize(
    ("text", "dimension", "expected"),
    [
        ("1.30 mL", "volume", "1.3 mL"),
        ("1.0 mL", "volume", "1 mL"),
        ("0.050 mL", "volume", "0.05 mL"),
        ("100 mL", "volume", "100 mL"),
        ("-0.50 K", "temperature difference", "-0.5 K"),
        ("37.0 degC", "temperature", "37 degC"),
        ("1.3 mL/day", "flow", "1.3 mL/day"),
    ],
)
def test_the_canonical_form(text: str, dimension: str, expected: str) -> None:
    assert canonical(text, dimension) == expected


@pytest.mark.slow
@pytest.mark.parametrize(("dimension", "unit"), DIMENSIONS_AND_UNITS)
@given(number=st.integers(-(10**12), 10**12), places=st.integers(0, 6))
def test_what_is_rendered_is_read_as_the_same(
    dimension: str, unit: str, number: int, places: int
) -> None:
    if dimension not in SIGNED:
        number = abs(number)
    value = Fraction(number, 10**places) * UNITS[dimension][unit]
    value += 273_150 if unit == "degC" else 0
    text = render(value, dimension, unit)
    assert parse(text, dimension) == value
    assert canonical(text, dimension) == text


def test_a_value_without_short_decimals_is_not_rendered() -> None:
    with pytest.raises(ValueError, match="no decimal form of 18 digits in mL/day"):
        render(Fraction(1, 7), "flow", "mL/day")
    with pytest.raises(ValueError, match="no decimal form of 18 digits in nL"):
        render(Fraction(10**18), "volume", "nL")


@pytest.mark.parametrize("text", ["999999999999999999 nL", "0.12345678901234567 uL"])
def test_eighteen_digits_are_rendered(text: str) -> None:
    """DOS-04: as many as are read."""
    assert canonical(text, "volume") == text


@given(text=st.text(max_size=30) | st.from_regex(r"-?\d*\.?\d* ?[A-Za-z%/]*", fullmatch=True))
def test_any_text_is_a_quantity_or_an_error(text: str) -> None:
    for dimension in UNITS:
        try:
            value = parse(text, dimension)
        except QuantityError:
            continue
        number, unit = text.split(" ")
        offset = 273_150 if unit == "degC" else 0
        assert value == Fraction(number) * UNITS[dimension][unit] + offset
        assert parse(canonical(text, dimension), dimension) == value
