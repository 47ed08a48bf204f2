"""Quantities in text: one strict grammar, exact factors, no guessing (DOS-04, DOS-05).

    [-]digits[.digits] unit        "1.3 mL/day", "-0.5 K", "14 d"

Refused are leading zeros, a comma, an exponent, a plus, missing or several blanks, and any unit
that is not in the list letter for letter. Factors are exact fractions; rounding happens once, half
to even, where an integer is asked for.
"""

import re
from fractions import Fraction
from typing import Final

GRAMMAR: Final = re.compile(r"(-?)(0|[1-9][0-9]*)(\.[0-9]+)? ([A-Za-z%/]+)", re.ASCII)
MAX_DIGITS: Final = 18

UNITS: Final[dict[str, dict[str, Fraction]]] = {
    "volume": {"mL": Fraction(10**6), "uL": Fraction(10**3), "nL": Fraction(1)},
    "flow": {
        "mL/day": Fraction(10**6, 24),
        "mL/h": Fraction(10**6),
        "uL/h": Fraction(10**3),
        "nL/h": Fraction(1),
    },
    "duration": {
        "d": Fraction(86_400 * 10**9),
        "h": Fraction(3_600 * 10**9),
        "min": Fraction(60 * 10**9),
        "s": Fraction(10**9),
        "ms": Fraction(10**6),
    },
    "temperature": {"degC": Fraction(1_000), "K": Fraction(1_000)},
    "temperature difference": {"K": Fraction(1_000), "mK": Fraction(1)},
    "pressure": {
        "kPa": Fraction(1_000),
        "Pa": Fraction(1),
        "mmHg": Fraction(133_322_387_415, 10**9),
        "mbar": Fraction(100),
    },
    "concentration": {
        "mg/mL": Fraction(10**6),
        "ug/mL": Fraction(10**3),
        "ng/mL": Fraction(1),
    },
    "length": {"m": Fraction(1), "cm": Fraction(1, 100), "mm": Fraction(1, 1_000)},
    "ratio": {"%": Fraction(1, 100)},
    "voltage": {"V": Fraction(1_000), "mV": Fraction(1)},
}
"""Factor to the base unit: nl, nl/h, ns, mK, Pa, ng/mL, m, 1, mV. 1 mmHg = 133.322387415 Pa."""

ZERO_CELSIUS_MK: Final = 273_150


class QuantityError(ValueError):
    """The text is no quantity of that dimension; the message says what would be."""


def parse(text: str, dimension: str) -> Fraction:
    """The exact value in the dimension's base unit; QuantityError otherwise."""
    units = UNITS[dimension]
    match = GRAMMAR.fullmatch(text)
    if match is None:
        raise QuantityError(_why_not(text, dimension))
    sign, whole, decimals, unit = match.groups()
    if unit not in units:
        message = f"{text!r}: {unit!r} is no unit of {dimension}; use {', '.join(units)}"
        raise QuantityError(message)
    if len(whole) + len(decimals or "") > MAX_DIGITS:
        message = f"{text!r} has more than {MAX_DIGITS} digits"
        raise QuantityError(message)
    value = Fraction(sign + whole + (decimals or "")) * units[unit]
    if unit == "degC":
        value += ZERO_CELSIUS_MK
    return value


def parse_int(text: str, dimension: str) -> int:
    """The value in whole base units, rounded once, half to even."""
    return round(parse(text, dimension))


def render(value: Fraction, dimension: str, unit: str) -> str:
    """The canonical text of a value in one of the dimension's units: no zeros that say nothing.

    ValueError when the value has no finite decimal form in that unit.
    """
    offset = ZERO_CELSIUS_MK if unit == "degC" else 0
    scaled = (value - offset) / UNITS[dimension][unit]
    for places in range(MAX_DIGITS):
        shifted = scaled * 10**places
        if shifted.denominator == 1:
            digits = f"{abs(shifted.numerator):0{places + 1}d}"
            whole, decimals = (digits[:-places], digits[-places:]) if places else (digits, "")
            sign = "-" if scaled < 0 else ""
            return f"{sign}{whole}{'.' if decimals else ''}{decimals} {unit}"
    message = f"{value} has no short decimal form in {unit}"
    raise ValueError(message)


def _why_not(text: str, dimension: str) -> str:
    example = f"1.5 {next(iter(UNITS[dimension]))}"
    if "," in text:
        hint = "the decimal separator is a point"
    elif re.match(r"-?0[0-9]", text):
        hint = "leading zeros are not allowed"
    elif " " not in text:
        hint = "one blank stands between number and unit"
    else:
        hint = "digits, perhaps a point and digits, one blank, a unit"
    return f"{text!r} is no {dimension} such as {example!r}: {hint}"
