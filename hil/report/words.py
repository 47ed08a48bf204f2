"""Numbers and texts as a page shows them: no digit that nobody measured, nothing that bites."""

import math
import re
from typing import Any, Final, TypeGuard

from hil import show
from hil.record import Measurement, Record, from_plain

DIGITS: Final = 4
"""Significant digits of a number whose uncertainty nobody stated."""
LIMIT_DIGITS: Final = 6
MARGIN_DIGITS: Final = 2
LONGEST_FIXED: Final = 7
"""Zeros and digits on one side of the point before a number turns to powers of ten."""
SHORT_S: Final = 120
MAX_TEXT: Final = 2_000
MAX_LINES: Final = 400
"""Of one log, the last ones: what went wrong stands at the end."""

MINUS, TIMES, PLUS_MINUS = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}", "\N{PLUS-MINUS SIGN}"
ATMOST, ATLEAST = "\N{LESS-THAN OR EQUAL TO}", "\N{GREATER-THAN OR EQUAL TO}"
POWERS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NOTHING: Final = "\N{EN DASH}"

FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
"""What XML 1.0 forbids or a terminal obeys, and what turns the text after it round."""
CONTROLS: Final = 0x20
PICTURES: Final = 0x2400
"""Where Unicode has a picture of each control character."""


# ---- numbers


def value(one: Measurement) -> str:
    """With its uncertainty and as many digits as that vouches for, such as "1.302 ± 0.014"."""
    if not _states(one.uncertainty):
        return significant(one.value, DIGITS)
    places = _places(one.uncertainty, 2)
    return f"{fixed(one.value, places)} {PLUS_MINUS} {fixed(one.uncertainty, places)}"


def limits(one: Measurement) -> str:
    """What it shall be, such as "1.105 to 1.495"; limits are exact, so their zeros go."""
    low, high = (None if x is None else _trimmed(x) for x in (one.low, one.high))
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"{ATLEAST} {low}"
    return NOTHING if high is None else f"{ATMOST} {high}"


def margin(one: Measurement) -> str:
    """Distance to the nearer limit with its sign; never 0 unless it is."""
    gap = one.margin
    if gap is None or not math.isfinite(gap):
        return NOTHING
    shown = fixed(gap, _places(one.uncertainty, 2)) if _states(one.uncertainty) else ""
    if not any(digit in shown for digit in "123456789"):
        shown = significant(gap, MARGIN_DIGITS)
    return shown if gap <= 0 else f"+{shown}"


def close_call(one: Measurement) -> bool:
    """Whether the limit lies within the uncertainty, so that the verdict might as well differ."""
    gap = one.margin
    return gap is not None and _states(one.uncertainty) and abs(gap) < one.uncertainty


def significant(number: float, digits: int) -> str:
    """So many digits, no exponent where a person can do without."""
    if not math.isfinite(number) or number == 0:
        return fixed(number, 0)
    return fixed(number, _places(number, digits))


def fixed(number: float, places: int) -> str:
    """So many decimals; negative `places` round to tens and hundreds."""
    if math.isnan(number):
        return "not a number"
    if math.isinf(number):
        return "infinite" if number > 0 else f"{MINUS}infinite"
    rounded = round(number, places) + 0.0  # no sign before a zero
    exponent = math.floor(math.log10(abs(rounded))) if rounded else 0
    if max(places, exponent) > LONGEST_FIXED:
        mantissa, _, power = f"{number:.{max(exponent + places, 0)}e}".partition("e")
        shown = f"{mantissa} {TIMES} 10{str(int(power)).translate(POWERS)}"
    else:
        shown = f"{rounded:.{max(places, 0)}f}"
    return shown.replace("-", MINUS)


def _states(uncertainty: float | None) -> TypeGuard[float]:
    return uncertainty is not None and math.isfinite(uncertainty) and uncertainty > 0


def _places(number: float, digits: int) -> int:
    """Decimals that show so many significant digits, also after rounding 0.0996 to 0.10."""
    return digits - 1 - int(f"{abs(number):.{digits - 1}e}".partition("e")[2])


def _trimmed(number: float) -> str:
    shown = significant(number, LIMIT_DIGITS)
    return shown.rstrip("0").rstrip(".") if "." in shown and TIMES not in shown else shown


def length(seconds: float) -> str:
    """A stretch of time for a person: "3.2 s", "13 d 23:45:00"."""
    if not math.isfinite(seconds):
        return "unknown"
    return f"{seconds:.1f} s" if abs(seconds) < SHORT_S else show.duration(round(seconds))


# ---- texts


def cleaned(record: Record) -> Record:
    """The same record, its texts safe to put into any page: devices and people name things."""
    plain = _texts(record.to_plain())
    for case in plain["cases"]:
        case["log"] = _last_lines(case["log"])
    return from_plain(plain)


def visible(text: str) -> str:
    """Characters that a page may not hold are shown as pictures; what is too long is cut."""
    text = FORBIDDEN.sub(_picture, text.replace("\r\n", "\n"))
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]} … ({len(text) - MAX_TEXT:,} more characters are in the JSON file)"


def _picture(found: re.Match[str]) -> str:
    code = ord(found.group())
    return chr(PICTURES + code) if code < CONTROLS else "\N{REPLACEMENT CHARACTER}"


def _last_lines(lines: list[str]) -> list[str]:
    dropped = len(lines) - MAX_LINES
    if dropped <= 0:
        return lines
    return [f"… ({dropped:,} earlier lines are in the JSON file)", *lines[-MAX_LINES:]]


def _texts(plain: Any) -> Any:
    if isinstance(plain, str):
        return visible(plain)
    if isinstance(plain, dict):
        return {visible(name): _texts(one) for name, one in plain.items()}
    return [_texts(one) for one in plain] if isinstance(plain, list) else plain
