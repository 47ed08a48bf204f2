"""Quantities in text: one strict grammar, exact factors, no guessing (DOS-04, DOS-05).

    [-]digits[.digits] unit        "1.3 mL/day", "-0.5 K", "14 d"

Refused are leading zeros, a comma, an exponent, a plus, a minus where it means nothing, missing or
several blanks, and any unit that is not in the list letter for letter. Factors are exact fractions;
rounding happens once, half to even, where an integer is asked for.
"""

import re
from fractions import Fraction
from typing import Final

GRAMMAR: Final = re.compile(r"(-?)(0|[1-9][0-9]*)(\.[0-9]+)? ([A-Za-z%/]+)", re.ASCII)
MAX_DIGITS: Final = 18
MAX_TEXT: Final = 40

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
    "current": {"mA": Fraction(10**6), "uA": Fraction(10**3), "nA": Fraction(1)},
    "mass": {"g": Fraction(10**6), "mg": Fraction(10**3), "ug": Fraction(1)},
    "mass per time": {"mg/day": Fraction(10**3, 24), "mg/h": Fraction(10**3), "ug/h": Fraction(1)},
    "pressure per time": {"kPa/s": Fraction(60_000), "kPa/min": Fraction(1_000)},
    "stiffness": {"Pa/mL": Fraction(10**6), "kPa/mL": Fraction(10**9)},
}
"""Factor to the base unit.

nl, nl/h, ns, mK, Pa, ng/mL, m, 1, mV, nA, ug, ug/h, Pa/min, Pa/m3; 1 mmHg = 133.322387415 Pa.
"""

SIGNED: Final = frozenset(
    {"temperature", "temperature difference", "pressure", "length", "ratio", "voltage"}
)
"""Dimensions that have something below zero."""
ZERO_CELSIUS_MK: Final = 273_150


class QuantityError(ValueError):
    """The text is no quantity of that dimension; the message says what would be."""


def parse(text: str, dimension: str) -> Fraction:
    """The exact value in the dimension's base unit; QuantityError otherwise."""
    if len(text) > MAX_TEXT:
        message = f"{text[:MAX_TEXT]!r}… is longer than {MAX_TEXT} characters"
        raise QuantityError(message)
    match = GRAMMAR.fullmatch(text)
    if match is None:
        raise QuantityError(_why_not(text, dimension))
    sign, whole, decimals, unit = match.groups()
    number, units = whole + (decimals or ""), UNITS[dimension]
    if unit not in units:
        message = f"{text!r}: {unit!r} is no unit of {dimension}; use {', '.join(units)}"
        raise QuantityError(message)
    if len(number.replace(".", "")) > MAX_DIGITS:
        message = f"{text!r} has more than {MAX_DIGITS} digits"
        raise QuantityError(message)
    if sign and dimension not in SIGNED:
        message = f"{text!r}: a {dimension} takes no minus"
        raise QuantityError(message)
    if sign and not Fraction(number):
        message = f"{text!r}: a minus means nothing here"
        raise QuantityError(message)
    value = Fraction(sign + number) * units[unit]
    return value + ZERO_CELSIUS_MK if unit == "degC" else value


def parse_int(text: str, dimension: str) -> int:
    """The value in whole base units, rounded once, half to even."""
    return round(parse(text, dimension))


def render(value: Fraction, dimension: str, unit: str) -> str:
    """The canonical text of a value in one of the dimension's units: no zeros that say nothing.

    `parse` reads it as that very value. ValueError when it has no decimal form of 18 digits there.
    """
    offset = ZERO_CELSIUS_MK if unit == "degC" else 0
    scaled = (value - offset) / UNITS[dimension][unit]
    for places in range(MAX_DIGITS):
        shifted = scaled * 10**places
        if shifted.denominator == 1:
            digits = f"{abs(shifted.numerator):0{places + 1}d}"
            if len(digits) > MAX_DIGITS:
                break
            whole, decimals = digits[: len(digits) - places], digits[len(digits) - places :]
            sign, point = "-" if scaled < 0 else "", "." if decimals else ""
            return f"{sign}{whole}{point}{decimals} {unit}"
    message = f"the value has no decimal form of {MAX_DIGITS} digits in {unit}"
    raise ValueError(message)


def canonical(text: str, dimension: str) -> str:
    """The same quantity in the same unit as it is echoed: `1.30 mL` is `1.3 mL`."""
    return render(parse(text, dimension), dimension, text.rsplit(" ", 1)[-1])


def _why_not(text: str, dimension: str) -> str:
    example = f"1.5 {next(iter(UNITS[dimension]))}"
    if "," in text:
        hint = "the decimal separator is a point"
    elif re.match(r"-?0[0-9]", text):
        hint = "leading zeros are not allowed"
    elif " " not in text:
        hint = "one blank stands between number and unit"
    elif text.startswith("+"):
        hint = "a plus is not written"
    else:
        hint = "digits, perhaps a point and digits, one blank, a unit"
    return f"{text!r} is no {dimension} such as {example!r}: {hint}"
