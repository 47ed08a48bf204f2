"""What instruments that speak SCPI have in common on the bench's side."""

import math
import re
from typing import Final

from hil.instruments.identity import Identity
from hil.instruments.line import Line

BAUD: Final = 9_600
FRAME: Final = "8N1"
ENDS: Final = ("\n", "\n")
NUMBER: Final = re.compile(r"[+-]?[0-9]*\.?[0-9]+(?:[Ee][+-]?[0-9]+)?|[+-]?[0-9]+\.", re.ASCII)
HEADER: Final = re.compile(r"(?:\*IDN|:[A-Z0-9:]+) ", re.IGNORECASE)
BEYOND: Final = 9.8e37
"""SCPI writes 9.9E37 for infinity, 9.91E37 for no number."""
OUT_OF_RANGE: Final = (
    "9.9E37, which is SCPI for a value out of range: bring it back into range, or check its sensor"
)
TRUTHS: Final = {"1": True, "ON": True, "0": False, "OFF": False}
ERROR: Final = re.compile(r'([+-]?[0-9]+)\s*,\s*(".*")', re.ASCII)
ANOTHER: Final = "does another program speak to it?"
PARTS_OF_IDENTITY: Final = 4


class Scpi:
    """Commands that are asked after, answers without the header that some repeat."""

    def __init__(self, line: Line) -> None:
        """The driver opens the line, with `identify`."""
        self.line = line

    def identify(self) -> Identity:
        """*IDN?; errors from before are cleared."""
        answer = self.ask("*IDN?")
        parts = [part.strip() for part in answer.split(",")]
        if len(parts) < PARTS_OF_IDENTITY:
            raise self.line.error(
                f"answered '*IDN?' with {answer!r}, which is no identity: is it a SCPI instrument?"
            )
        self.line.send("*CLS")
        return Identity(f"{parts[0]} {parts[1]}", "" if parts[2] == "0" else parts[2])

    def ask(self, question: str) -> str:
        """The answer."""
        return _headless(self.line.query(question))

    def number(self, question: str) -> float:
        """A value; InstrumentError when it is none, or beyond what can be measured."""
        [value] = self.numbers(question, 1)
        if math.isinf(value):
            raise self.line.error(f"answered {question!r} with {OUT_OF_RANGE}")
        return value

    def numbers(self, question: str, count: int) -> list[float]:
        """So many values; one beyond what can be measured is infinite. InstrumentError for less."""
        answer = self.ask(question)
        parts = [part.strip() for part in answer.split(",")]
        if not all(NUMBER.fullmatch(part) for part in parts):
            raise self.line.error(
                f"answered {question!r} with {answer!r}, which is no number: {ANOTHER}"
            )
        if len(parts) != count:
            raise self.line.error(
                f"answered {question!r} with {len(parts)} values, not {count}: {ANOTHER}"
            )
        return [math.inf if abs(value) >= BEYOND else value for value in map(float, parts)]

    def truth(self, question: str) -> bool:
        """Whether that is on; InstrumentError when the answer is neither yes nor no."""
        answer = self.ask(question)
        if answer not in TRUTHS:
            raise self.line.error(f"answered {question!r} with {answer!r}, not with 0 or 1")
        return TRUTHS[answer]

    def act(self, command: str) -> None:
        """Do it, and ask whether that was an error."""
        self.line.send(command)
        answer = self.ask("SYST:ERR?")
        match = ERROR.fullmatch(answer)
        if match is None:
            raise self.line.error(f"answered 'SYST:ERR?' with {answer!r}, which is no error number")
        if int(match[1]):
            raise self.line.error(f"refuses {command!r}: error {match[1]}, {match[2]}")


def _headless(answer: str) -> str:
    return HEADER.sub("", answer, count=1).strip()
