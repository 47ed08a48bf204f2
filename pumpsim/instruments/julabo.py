"""A circulator's command set, as JULABO's manuals list it: `in_…` asks, `out_…` sets.

Requests end with CR, replies with CR LF. `out_…` is never answered, nor is what is not understood:
the next `status` tells what was wrong.
"""

import re
from collections.abc import Callable
from typing import Final, Protocol

from pumpsim.instruments.line import Ailment, Fault
from pumpsim.instruments.lines import LineReader

END: Final = b"\r\n"
VERSION: Final = "pumpsim circulator VERSION 1.00"
STOPPED: Final = "02 REMOTE STOP"
STARTED: Final = "03 REMOTE START"
SENSOR_ALARM: Final = "-05 WORKING SENSOR ALARM"
INVALID_COMMAND: Final = "-08 INVALID COMMAND"
NOT_NOW: Final = "-09 COMMAND NOT ALLOWED IN CURRENT OPERATING MODE"
TOO_SMALL: Final = "-10 VALUE TOO SMALL"
TOO_LARGE: Final = "-11 VALUE TOO LARGE"
NO_VALUE: Final = "---.--"
NUMBER: Final = re.compile(r"-?[0-9]{1,6}(?:\.[0-9]{0,6})?", re.ASCII)


Tell = Callable[[int], str]


class Circulator(Protocol):
    """The bath behind the command set."""

    @property
    def target_degc(self) -> float:
        """The set point."""

    @property
    def limits_degc(self) -> tuple[float, float]:
        """The lowest and the highest set point."""

    @property
    def circulating(self) -> bool:
        """Whether it heats and pumps."""

    def set_point(self, now_ns: int, degc: float) -> None:
        """Head for a temperature."""

    def running(self, now_ns: int, *, on: bool) -> None:
        """Start or stop."""

    def temperature_degc(self, now_ns: int) -> float:
        """Of the bath now."""


class Julabo:
    """One line to one circulator."""

    def __init__(self, bath: Circulator, ailment: Ailment) -> None:
        """`ailment` belongs to the circulator."""
        self._bath = bath
        self._ailment = ailment
        self._lines = LineReader()
        self._wrong = ""
        self._asked: dict[str, Tell] = {
            "version": lambda _: VERSION,
            "status": self._status,
            "in_pv_00": self._temperature,
            "in_sp_00": lambda _: self._written(bath.target_degc),
            "in_sp_03": lambda _: self._written(bath.limits_degc[1]),
            "in_sp_04": lambda _: self._written(bath.limits_degc[0]),
            "in_mode_01": lambda _: "0",
            "in_mode_04": lambda _: "0",
            "in_mode_05": lambda _: str(int(bath.circulating)),
        }
        self._set = {"out_sp_00": self._set_point, "out_mode_05": self._run}

    def receive(self, now_ns: int, data: bytes) -> bytes:
        """Commands came; what is answered."""
        said = [self._obey(now_ns, line) for line in self._lines.feed(data)]
        return b"".join(line.encode() + END for line in said if line)

    def advance(self, now_ns: int) -> bytes:
        """It never speaks unasked."""
        del now_ns
        return b""

    def next_deadline(self) -> int | None:
        """Never."""
        return None

    def _obey(self, now_ns: int, line: bytes | None) -> str:
        word, _, parameter = (line or b"").decode("latin-1").lower().partition(" ")
        if word in self._asked and not parameter:
            return self._asked[word](now_ns)
        if word not in self._set or not NUMBER.fullmatch(parameter):
            self._wrong = INVALID_COMMAND
            return ""
        try:
            self._set[word](now_ns, parameter)
        except ValueError:
            self._wrong = NOT_NOW
        return ""

    def _status(self, _now_ns: int) -> str:
        """What was wrong last, once; then how it stands."""
        wrong, self._wrong = self._wrong, ""
        if self._ailment.fault is Fault.OVERLOAD:
            return SENSOR_ALARM
        return wrong or (STARTED if self._bath.circulating else STOPPED)

    def _temperature(self, now_ns: int) -> str:
        if self._ailment.fault is Fault.OVERLOAD:
            return NO_VALUE
        return self._written(self._bath.temperature_degc(now_ns))

    def _set_point(self, now_ns: int, parameter: str) -> None:
        degc = self._read(float(parameter))
        lowest_degc, highest_degc = self._bath.limits_degc
        if degc < lowest_degc:
            self._wrong = TOO_SMALL
        elif degc > highest_degc:
            self._wrong = TOO_LARGE
        else:
            self._bath.set_point(now_ns, degc)

    def _run(self, now_ns: int, parameter: str) -> None:
        if parameter in ("0", "1"):
            self._bath.running(now_ns, on=parameter == "1")
        else:
            self._wrong = INVALID_COMMAND

    def _written(self, degc: float) -> str:
        """A circulator set to degrees Fahrenheit tells nobody: its replies have no unit."""
        wrong = self._ailment.fault is Fault.WRONG_UNIT
        return f"{degc * 1.8 + 32.0 if wrong else degc:.2f}"

    def _read(self, value: float) -> float:
        return (value - 32.0) / 1.8 if self._ailment.fault is Fault.WRONG_UNIT else value
