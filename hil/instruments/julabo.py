"""A JULABO circulator, by the commands of its manuals.

    version, status              03 REMOTE START; below zero: an alarm, or a command it refused
    in_pv_00, in_sp_00           the bath's temperature; the set point
    out_sp_00 37.00              the set point; not answered
    out_mode_05 1                start; 0 stops; not answered

What it does not answer is read back.
"""

import re
from typing import Final

from hil.clock import Clock, Countdown
from hil.instruments.identity import Identity
from hil.instruments.kinds import Reading
from hil.instruments.line import Line

BAUD: Final = 4_800
FRAME: Final = "7E1"
"""As delivered; a rig file may say otherwise."""
ENDS: Final = ("\r", "\r\n")
PAUSE_S: Final = 0.25
"""What the manuals ask to leave after a command that is not answered."""
SET_POINT_K: Final = 0.011
"""It keeps two decimals."""
FAR_ABOVE_K: Final = 10.0
"""A bath so far above the rig's limit shows degrees Fahrenheit, or has to be stopped anyway."""
NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]*)?", re.ASCII)
STATUS: Final = re.compile(r"(-?[0-9]+)\b.*", re.ASCII)
MANUAL: Final = range(2)
"""Status of a circulator that only its keys may start."""


class JulaboBath:
    """Temperatures in degC, external control on."""

    def __init__(
        self,
        line: Line,
        clock: Clock,
        uncertainty_k: float,
        highest_degc: float | None = None,
    ) -> None:
        """Open the line; InstrumentError when nobody answers. `highest_degc`: the rig's limit."""
        self._line = line
        self._clock = clock
        self._uncertainty_k = uncertainty_k
        self._highest_degc = highest_degc
        line.open(self._identify)

    def set_temperature(self, temperature_degc: float) -> None:
        """Head for it, and circulate; InstrumentError from one that shows degrees Fahrenheit.

        It would take 37 for 2.8 degC, and no answer has a unit: so it is looked at first.
        """
        self.temperature()
        self._line.send(f"out_sp_00 {temperature_degc:.2f}")
        self._pause()
        found = self._number("in_sp_00")
        if abs(found - temperature_degc) > SET_POINT_K:
            raise self._line.error(
                f"did not take the set point {temperature_degc:.2f} degC, it keeps {found:.2f}: "
                f"{self._status()}; is it set to degrees Celsius in its menu?"
            )
        self._run(on=True)

    def temperature(self) -> Reading:
        """Of the bath now."""
        now_ns = self._clock.now_ns()
        value = self._number("in_pv_00")
        if self._highest_degc is not None and value > self._highest_degc + FAR_ABOVE_K:
            raise self._line.error(
                f"tells {value:.2f}, far above this rig's limit of {self._highest_degc:g} degC: is "
                "it set to degrees Fahrenheit? set it to degrees Celsius in its menu"
            )
        return Reading(value, "degC", now_ns, self._uncertainty_k)

    def stop(self) -> None:
        """Circulation and heating off."""
        self._run(on=False)

    def _identify(self) -> Identity:
        """It tells no serial number: a rig file that expects one is refused."""
        return Identity(self._line.query("version"))

    def _run(self, *, on: bool) -> None:
        self._line.send(f"out_mode_05 {int(on)}")
        self._pause()
        answer = self._line.query("in_mode_05")
        if answer != str(int(on)):
            did = "start" if on else "stop"
            raise self._line.error(f"did not {did}: {self._status()}")

    def _number(self, question: str) -> float:
        answer = self._line.query(question)
        if NUMBER.fullmatch(answer) is None:
            raise self._line.error(
                f"answered {question!r} with {answer!r}, which is no temperature: {self._status()}"
            )
        return float(answer)

    def _status(self) -> str:
        """What it says about itself, with a way out."""
        answer = self._line.query("status")
        match = STATUS.fullmatch(answer)
        if match is None:
            return f"its status is {answer!r}, which is none"
        if int(match[1]) in MANUAL:
            return f"its status is {answer!r}: switch on remote control in its menu"
        return f"its status is {answer!r}"

    def _pause(self) -> None:
        Countdown(PAUSE_S).nap()
