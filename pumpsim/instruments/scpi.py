"""What instruments that speak SCPI-99 have in common.

    :SOURce:PRESsure 20;PRESsure?;*OPC?

Long and short forms in any case, headers that are relative to the one before the `;`, the common
commands, a queue of errors. From where a message is wrong on, it changes and answers nothing.
"""

import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from pumpsim.instruments.lines import LineReader

END: Final = b"\n"
MAX_ERRORS: Final = 20
SCPI_VERSION: Final = "1999.0"
OVERFLOW: Final = "9.9E37"
"""What SCPI gives for a value out of range."""
NO_ERROR: Final = '0,"No error"'
MESSAGES: Final = {
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -200: "Execution error",
    -222: "Data out of range",
    -224: "Illegal parameter value",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
}
COMMAND_ERROR: Final = 32
EXECUTION_ERROR: Final = 16
OPERATION_COMPLETE: Final = 1
ERROR_WAITS: Final = 4
EVENT_SUMMARY: Final = 32
MASTER_SUMMARY: Final = 64
HEADER: Final = re.compile(r"(\*[A-Z]+|:?[A-Z][A-Z0-9_]*(?::[A-Z][A-Z0-9_]*)*)(\?)?", re.IGNORECASE)
NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:E[+-]?[0-9]{1,3})?", re.IGNORECASE)
PARTS: Final = re.compile(r'(?:"[^"]*"|\([^)]*\)|[^,"(])+|(?<=,)(?=,|$)')
UNITS_OF_MESSAGE: Final = re.compile(r'(?:"[^"]*"|[^;"])+')
WORD: Final = re.compile(r"[A-Za-z]+")
BOOLEANS: Final = {"ON": True, "1": True, "OFF": False, "0": False}

Parameters = Sequence[str]


class ScpiError(Exception):
    """Something is wrong with a message; `number` is of SCPI's list."""

    def __init__(self, number: int) -> None:
        """One of `MESSAGES`."""
        super().__init__(MESSAGES[number])
        self.number = number


class Command(NamedTuple):
    """A header with what it sets and what it tells: `SOURce#:PRESsure[:LEVel]`.

    A `#` takes an optional 1, what is in brackets may be left out. The number of parameters is
    checked: `takes` for the command, at most `asks` for the query.
    """

    header: str
    act: Callable[[int, Parameters], None] | None = None
    tell: Callable[[int, Parameters], str] | None = None
    takes: tuple[int, int] = (1, 1)
    asks: int = 0


class Scpi:
    """One line to one instrument."""

    def __init__(
        self,
        identity: str,
        commands: Sequence[Command],
        reset: Callable[[int], None],
        *,
        headed: bool = False,
    ) -> None:
        """`identity` as *IDN? tells it; `reset` is what *RST does.

        `headed`: replies begin with the header they are the reply to, as IEEE 488.2 allows.
        """
        self._headed = headed
        common = (
            Command("*CLS", self._clear, takes=(0, 0)),
            Command("*ESE", self._enable_events, lambda *_: str(self._event_enable)),
            Command("*ESR", tell=self._read_events),
            Command("*IDN", tell=lambda *_: identity),
            Command("*OPC", self._complete, lambda *_: "1", takes=(0, 0)),
            Command("*OPT", tell=lambda *_: "0"),
            Command("*RST", lambda now_ns, _: reset(now_ns), takes=(0, 0)),
            Command("*SRE", self._enable_service, lambda *_: str(self._service_enable)),
            Command("*STB", tell=lambda *_: str(self._status_byte())),
            Command("*TST", tell=lambda *_: "0"),
            Command("*WAI", lambda *_: None, takes=(0, 0)),
            Command("SYSTem:ERRor", tell=self._next_error),
            Command("SYSTem:ERRor:NEXT", tell=self._next_error),
            Command("SYSTem:VERSion", tell=lambda *_: SCPI_VERSION),
        )
        self._commands = [(_pattern(one.header), one) for one in (*common, *commands)]
        self._lines = LineReader()
        self._errors: deque[int] = deque()
        self._events = self._event_enable = self._service_enable = 0

    def receive(self, now_ns: int, data: bytes) -> bytes:
        """Messages came; what they are answered."""
        said = [self._message(now_ns, line) for line in self._lines.feed(data)]
        return b"".join(line.encode() + END for line in said if line)

    def advance(self, now_ns: int) -> bytes:
        """It never speaks unasked."""
        del now_ns
        return b""

    def next_deadline(self) -> int | None:
        """Never."""
        return None

    def _message(self, now_ns: int, line: bytes | None) -> str:
        if line is None:
            self._note(-363)
            return ""
        told: list[str] = []
        path = ""
        try:
            for unit in _units(line.decode("latin-1")):
                path, answer = self._unit(now_ns, path, unit.strip())
                told += [answer] if answer else []
        except ScpiError as error:
            self._note(error.number)
        except ValueError:  # the instrument cannot do that now
            self._note(-200)
        return ";".join(told)

    def _unit(self, now_ns: int, path: str, unit: str) -> tuple[str, str]:
        """Obey one unit of a message: the path that the next one is relative to, and the answer."""
        header, _, rest = unit.partition(" ")
        match = HEADER.fullmatch(header)
        if match is None:
            raise ScpiError(-102)
        name, query = match[1].upper(), bool(match[2])
        full = name if name.startswith("*") else _join(path, name)
        command = self._find(full)
        parameters = [part.strip() for part in PARTS.findall(rest.strip())]
        answer = _perform(command, now_ns, parameters, query=query)
        if self._headed and query:
            answer = f"{_short(command.header)} {answer}"
        return (path if name.startswith("*") else full.rpartition(":")[0]), answer

    def _find(self, name: str) -> Command:
        for pattern, command in self._commands:
            if pattern.fullmatch(name):
                return command
        raise ScpiError(-113)

    # ---- common commands

    def _note(self, number: int) -> None:
        self._events |= COMMAND_ERROR if number > -200 else EXECUTION_ERROR
        if len(self._errors) < MAX_ERRORS:
            self._errors.append(number)
        else:
            self._errors[-1] = -350

    def _next_error(self, _now_ns: int, _parameters: Parameters) -> str:
        if not self._errors:
            return NO_ERROR
        number = self._errors.popleft()
        return f'{number},"{MESSAGES[number]}"'

    def _clear(self, _now_ns: int, _parameters: Parameters) -> None:
        self._errors.clear()
        self._events = 0

    def _enable_events(self, _now_ns: int, parameters: Parameters) -> None:
        self._event_enable = round(number(parameters[0], 0, 255))

    def _enable_service(self, _now_ns: int, parameters: Parameters) -> None:
        self._service_enable = round(number(parameters[0], 0, 255)) & ~MASTER_SUMMARY

    def _read_events(self, _now_ns: int, _parameters: Parameters) -> str:
        events, self._events = self._events, 0
        return str(events)

    def _complete(self, _now_ns: int, _parameters: Parameters) -> None:
        self._events |= OPERATION_COMPLETE

    def _status_byte(self) -> int:
        status = ERROR_WAITS if self._errors else 0
        if self._events & self._event_enable:
            status |= EVENT_SUMMARY
        return status | (MASTER_SUMMARY if status & self._service_enable else 0)


def number(text: str, lowest: float, highest: float) -> float:
    """A decimal number within limits; ScpiError."""
    if NUMBER.fullmatch(text) is None:
        raise ScpiError(-104)
    value = float(text)
    if not lowest <= value <= highest:
        raise ScpiError(-222)
    return value


def boolean(text: str) -> bool:
    """ON, OFF, 1 or 0; ScpiError."""
    value = BOOLEANS.get(text.upper())
    if value is None:
        raise ScpiError(-104)
    return value


def _perform(command: Command, now_ns: int, parameters: Parameters, *, query: bool) -> str:
    least, most = (0, command.asks) if query else command.takes
    if (command.tell if query else command.act) is None:
        raise ScpiError(-113)
    if len(parameters) < least:
        raise ScpiError(-109)
    if len(parameters) > most:
        raise ScpiError(-108)
    if query and command.tell is not None:
        return command.tell(now_ns, parameters)
    if command.act is not None:
        command.act(now_ns, parameters)
    return ""


def _units(message: str) -> list[str]:
    return UNITS_OF_MESSAGE.findall(message)


def _join(path: str, name: str) -> str:
    if name.startswith(":"):
        return name[1:]
    return f"{path}:{name}" if path else name


def _pattern(header: str) -> re.Pattern[str]:
    """What a header matches: each word long or short, brackets optional, # an optional 1."""
    forms = WORD.sub(lambda word: _forms(word[0]), header.replace("*", r"\*"))
    return re.compile(forms.replace("[", "(?:").replace("]", ")?").replace("#", "1?"))


def _short(header: str) -> str:
    """The header of a reply: whole and in short form, `:SOUR:PRES:LEV`."""
    words = "".join(letter for letter in header if letter in ":*" or letter.isupper())
    return words if words.startswith("*") else f":{words}"


def _forms(word: str) -> str:
    short = "".join(letter for letter in word if letter.isupper())
    return f"(?:{short}|{word.upper()})"
