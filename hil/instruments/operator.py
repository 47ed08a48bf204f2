"""A syringe made of a person: asked on the terminal, and held to sensible answers."""

import re
import sys
from typing import Final, TextIO

from hil.clock import Clock
from hil.errors import LocalError
from hil.instruments.errors import InstrumentError
from hil.instruments.kinds import Reading
from protocol.quantity import QuantityError, parse

NAME: Final = "syringe in the operator's hands"
MAX_TRIES: Final = 5
MAX_OFF: Final = 0.2
"""A volume that is further from what was asked for is asked for again."""
NUMBER: Final = re.compile(r"[0-9.,+-]+")
NL_PER_ML: Final = 1e6


class OperatorSyringe:
    """Volumes as read off the barrel."""

    def __init__(
        self,
        clock: Clock,
        uncertainty_ml: float,
        barrel_ml: float,
        terminal: tuple[TextIO, TextIO] | None = None,
    ) -> None:
        """`terminal`: where answers come from and where questions go; usually the process's."""
        self._clock = clock
        self._uncertainty_ml = uncertainty_ml
        self._barrel_ml = barrel_ml
        self._answers, self._questions = terminal or (sys.stdin, sys.stderr)

    def withdraw(self) -> Reading:
        """Have all drawn that comes from the reservoir."""
        return self._have_done("Draw all that comes from the reservoir, through its septum.", None)

    def fill(self, volume_ml: float, drug: str, concentration_mg_per_ml: float) -> Reading:
        """Have the reservoir filled."""
        self._check(volume_ml)
        what = f"Fill {volume_ml:g} mL of {drug} {concentration_mg_per_ml:g} mg/mL through the "
        return self._have_done(f"{what}septum of the RESERVOIR.", volume_ml)

    def inject_bolus(
        self, volume_ml: float, duration_s: float, drug: str, concentration_mg_per_ml: float
    ) -> Reading:
        """Have it injected through the bolus path."""
        self._check(volume_ml)
        what = f"Inject {volume_ml:g} mL of {drug} {concentration_mg_per_ml:g} mg/mL within "
        return self._have_done(f"{what}{duration_s:g} s through the BOLUS path.", volume_ml)

    def _check(self, volume_ml: float) -> None:
        if not 0.0 < volume_ml <= self._barrel_ml:
            raise LocalError(
                f"{volume_ml:g} mL does not go into a syringe of {self._barrel_ml:g} mL: ask for "
                "less, or give [syringe] a larger range"
            )

    def _have_done(self, what: str, asked_ml: float | None) -> Reading:
        if not (self._answers.isatty() and self._questions.isatty()):
            raise InstrumentError(
                NAME, f"there is no terminal to ask a person at ({what}) Run this in a terminal."
            )
        self._say(f"\n{what}")
        volume_ml = self._volume_ml(asked_ml)
        return Reading(volume_ml, "mL", self._clock.now_ns(), self._uncertainty_ml)

    def _volume_ml(self, asked_ml: float | None) -> float:
        """As typed; what is far from what was asked for must be typed twice."""
        doubtful_ml = None
        for _ in range(MAX_TRIES):
            self._say('Volume read off the barrel, in mL ("no" to give up): ', end="")
            try:
                volume_ml = self._read_ml(self._answers.readline())
            except QuantityError as error:
                self._say(f"{error}.")
                continue
            near = asked_ml is None or abs(volume_ml - asked_ml) <= MAX_OFF * asked_ml
            if volume_ml > self._barrel_ml:
                self._say(f"The barrel holds {self._barrel_ml:g} mL.")
            elif near or volume_ml == doubtful_ml:
                return volume_ml
            else:
                doubtful_ml = volume_ml
                self._say(f"{asked_ml:g} mL was asked for. If it is so, type it again.")
        raise InstrumentError(NAME, f"no usable volume was typed in {MAX_TRIES} tries")

    def _read_ml(self, typed: str) -> float:
        text = typed.strip()
        if not typed or text == "no":
            raise InstrumentError(NAME, "the person gave up")
        if NUMBER.fullmatch(text):
            text += " mL"
        return float(parse(text, "volume")) / NL_PER_ML

    def _say(self, text: str, end: str = "\n") -> None:
        self._questions.write(text + end)
        self._questions.flush()
