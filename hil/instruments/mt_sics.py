"""A balance that speaks MT-SICS, levels 0 and 1, as METTLER TOLEDO publishes it.

    SI           S S     100.0000 g      stable; S D: not stable
    Z            Z A                     zeroed
    T            T S     100.0000 g      tared
    I2, I4       I4 A "B021002593"       model, serial number

A stable weight is waited for by the rig's clock, with SI again and again: S would wait by the
balance's own, which stands still with an emulated one whose time is not running.
"""

import re
from typing import Final

from hil.clock import Clock
from hil.instruments.identity import Identity
from hil.instruments.kinds import Reading
from hil.instruments.line import Line

BAUD: Final = 9_600
FRAME: Final = "8N1"
ENDS: Final = ("\r\n", "\r\n")
STABLE_NS: Final = 60_000_000_000
"""How long a weight may take to settle."""
LOOK_NS: Final = 500_000_000
NS_PER_S: Final = 1_000_000_000
MG: Final = {"g": 1_000.0, "mg": 1.0, "kg": 1_000_000.0}
WEIGHT: Final = re.compile(r"S +([SD]) +(-? *[0-9]+(?:\.[0-9]*)?) +(\S+)", re.ASCII)
TEXT: Final = re.compile(r'"([^"]*)"')
STATES: Final = {
    "I": "cannot do that now: it is busy, or the weight does not settle; "
    "keep draughts and vibration away",
    "L": "calls its parameter wrong",
    "+": "is overloaded, or beyond the range for it: empty the vessel",
    "-": "is below its range: is the pan in place, and the vessel on it?",
}
ERRORS: Final = {
    "ES": "does not know that command: is it an MT-SICS balance?",
    "ET": "saw a transmission error: check parity and speed on both ends",
    "EL": "cannot execute it now: end its menu or dialogue",
}


class MtSicsBalance:
    """Weighs in mg, whatever of g, mg and kg the balance shows."""

    def __init__(
        self,
        line: Line,
        clock: Clock,
        uncertainty_mg: float,
        range_mg: float | None = None,
    ) -> None:
        """Open the line; InstrumentError when nobody answers, or the wrong one.

        A weight beyond `range_mg` is refused: the balance was calibrated up to there.
        """
        self._line = line
        self._clock = clock
        self._uncertainty_mg = uncertainty_mg
        self._range_mg = range_mg
        line.open(self._identify)

    def weigh(self) -> Reading:
        """The weight now, in mg, stable or not."""
        now_ns = self._clock.now_ns()
        answer = self._ask("SI", "S")
        match = WEIGHT.fullmatch(answer)
        if match is None:
            raise self._line.error(f"answered 'SI' with {answer!r}, which is no weight")
        state, number, unit = match.groups()
        if unit not in MG:
            raise self._line.error(
                f"weighs in {unit!r}, not in g, mg or kg: set its unit to g in its menu"
            )
        mass_mg = float(number.replace(" ", "")) * MG[unit]
        if self._range_mg is not None and abs(mass_mg) > self._range_mg:
            raise self._line.error(
                f"{mass_mg / 1_000:g} g is beyond the range of {self._range_mg / 1_000:g} g that "
                "its section gives: empty the vessel"
            )
        return Reading(mass_mg, "mg", now_ns, self._uncertainty_mg, stable=state == "S")

    def weigh_stable(self) -> Reading:
        """The next stable weight, in mg."""
        reading = self.weigh()
        until_ns = reading.instant_ns + STABLE_NS
        while not reading.stable:
            if reading.instant_ns >= until_ns:
                raise self._line.error(
                    f"the weight did not settle within {STABLE_NS // NS_PER_S} s: keep draughts "
                    "and vibration away, close the shield"
                )
            self._clock.wait(min(until_ns, reading.instant_ns + LOOK_NS))
            reading = self.weigh()
        return reading

    def zero(self) -> None:
        """Zero what is stable on the pan; tare it where there is too much for zeroing."""
        self.weigh_stable()
        answer = self._ask("Z", "Z", passed="+")
        if answer == "Z +":
            answer = self._ask("T", "T")
        if answer != "Z A" and not answer.startswith("T S"):
            raise self._line.error(f"did not zero: it answered {answer!r}")

    def _identify(self) -> Identity:
        return Identity(self._text("I2"), self._text("I4"))

    def _text(self, question: str) -> str:
        answer = self._ask(question, question)
        match = TEXT.search(answer)
        return match[1] if match else ""

    def _ask(self, question: str, word: str, passed: str = "") -> str:
        """The answer to that very question; a state in `passed` is the caller's to deal with."""
        answer = self._line.query(question)
        if "I4 A" in self._line.unasked:
            raise self._line.error(
                "was switched off and on again: what it was zeroed at is lost; zero it, and begin "
                "the measurement anew"
            )
        if answer in ERRORS:
            raise self._line.error(f"answered {question!r} with {answer}: it {ERRORS[answer]}")
        said, _, rest = answer.partition(" ")
        state = rest.strip()
        if said == word and state in STATES and state not in passed:
            raise self._line.error(f"answered {question!r} with {answer!r}: it {STATES[state]}")
        if said != word:
            raise self._line.error(
                f"answered {question!r} with {answer!r}, which belongs to another command: does "
                "another program speak to it?"
            )
        return answer
