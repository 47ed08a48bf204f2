"""Weights as a balance writes them: ten characters, a blank, the unit."""

import re
from typing import Final

UNITS_MG: Final = {"g": 1_000.0, "mg": 1.0, "ct": 200.0}
MAX_DECIMALS: Final = 7
WEIGHT: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) (g|mg|ct)", re.ASCII)


def parsed(text: str, digit_mg: float) -> float | None:
    """In mg, to whole digits of the balance; None for what is no weight."""
    match = WEIGHT.fullmatch(text)
    if match is None:
        return None
    return _whole(float(match[1]) * UNITS_MG[match[2]], digit_mg)


def written(mass_mg: float, unit: str, digit_mg: float) -> str:
    """In whole digits, with as many decimals as a digit has in that unit."""
    value = _whole(mass_mg, digit_mg) / UNITS_MG[unit]
    return f"{value:10.{_decimals(digit_mg / UNITS_MG[unit])}f} {unit}"


def _whole(mass_mg: float, digit_mg: float) -> float:
    return round(mass_mg / digit_mg) * digit_mg


def _decimals(digit: float) -> int:
    decimals = 0
    while digit < 0.999 and decimals < MAX_DECIMALS:
        digit, decimals = digit * 10, decimals + 1
    return decimals
