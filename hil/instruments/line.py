"""One line to one instrument: questions out, answers in, and a name for everything that goes wrong.

A port that is lost is opened again by the next use, and that very use asks again: a replug within
`REOPEN_S` is survived. A port that is not there when the rig is opened fails at once. After every
opening the instrument is asked anew who it is: a different one in the same socket is noticed.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from hil.clock import Countdown
from hil.instruments.errors import InstrumentError
from hil.instruments.identity import Identity
from hil.instruments.port import Port
from hil.instruments.visa import PortLostError, VisaPort

ANSWER_S: Final = 5.0
"""What an instrument has to answer, unless its section says `timeout`."""
REOPEN_S: Final = 10.0
"""How long a lost port is looked for."""
MAX_SHOWN: Final = 60
WAY_OUT: Final = "is it on, and is the cable the right one and plugged in at both ends?"

T = TypeVar("T")


class Line:
    """Half duplex: one question at a time."""

    def __init__(
        self,
        kind: str,
        port: Port,
        ends: tuple[str, str] = ("\r\n", "\r\n"),
        serial_number: str | None = None,
        timeout_s: float = ANSWER_S,
        reopen_s: float = REOPEN_S,
    ) -> None:
        """Opens nothing yet. `ends`: of a question, of an answer; `serial_number`: expected."""
        self.name = f"{kind} at {port.name}"
        self.unasked = ""
        """What came in before the latest question."""
        self.identity = Identity()
        """Who answers there, as it says itself."""
        self._serial_number = serial_number
        self._port = port
        self._end_out, self._end_in = ends
        self._timeout_s = timeout_s
        self._reopen_s = reopen_s
        self._open: VisaPort | None = None
        self._identify: Callable[[], Identity] = Identity
        self._prepare: Callable[[], None] = lambda: None
        self._greeting = False

    def open(
        self, identify: Callable[[], Identity], prepare: Callable[[], None] = lambda: None
    ) -> None:
        """Now, at the first try. InstrumentError when nobody answers, or the wrong instrument.

        After this opening and each later one `identify` asks who is there, and `prepare` sets up
        the right one.
        """
        self._identify, self._prepare = identify, prepare
        self._opened(0.0)

    def query(self, question: str) -> str:
        """The answer, without its end. InstrumentError for silence, for garbage, for no port."""
        return self._use(lambda port: self._ask(port, question))

    def send(self, command: str) -> None:
        """Something that is not answered."""
        self._use(lambda port: self._say(port, command))

    def close(self) -> None:
        """Give the port back."""
        opened, self._open = self._open, None
        if opened is not None:
            opened.close()

    def error(self, what: str) -> InstrumentError:
        """The error that names this instrument."""
        return InstrumentError(self.name, what)

    # ---- one use

    def _use(self, act: Callable[[VisaPort], T]) -> T:
        """Once more when the port was lost, unless that happens while greeting."""
        try:
            return act(self._opened(self._reopen_s))
        except PortLostError:
            self.close()
            if self._greeting:
                raise
        try:
            return act(self._opened(self._reopen_s))
        except PortLostError as why:
            self.close()
            raise self.error(f"the port was lost twice: {why}") from None

    def _opened(self, patience_s: float) -> VisaPort:
        """Open, and greeted."""
        countdown = Countdown(patience_s)
        while self._open is None:
            try:
                self._open_and_greet()
            except PortLostError as why:
                self.close()
                if not countdown.nap():
                    waited = f" and did not come back within {patience_s:g} s" if patience_s else ""
                    raise self.error(f"the port is not there{waited}: {why}") from None
            except InstrumentError:
                self.close()
                raise
        return self._open

    def _open_and_greet(self) -> None:
        self._open = VisaPort(self._port, self._timeout_s)
        self._greeting = True
        try:
            self.identity = self._identify()
            self._check_identity()
            self._prepare()
        finally:
            self._greeting = False

    def _check_identity(self) -> None:
        found, expected = self.identity.serial_number, self._serial_number
        if expected is not None and found != expected:
            raise self.error(
                f"the wrong instrument is plugged in: it says serial number "
                f"{repr(found) if found else 'none'}, the rig file says {expected!r}; plug in that "
                "one, or write down which calibration this one has"
            )

    def _say(self, port: VisaPort, command: str) -> None:
        self.unasked = port.drain().decode("latin-1")
        port.write((command + self._end_out).encode("ascii"))

    def _ask(self, port: VisaPort, question: str) -> str:
        self._say(port, question)
        data = port.read_line()
        wrong = self._wrong(data, question)
        if wrong:
            self.close()  # what comes late must not be taken for the next answer
            raise self.error(wrong)
        return data.decode("ascii").removesuffix(self._end_in).strip()

    def _wrong(self, data: bytes, question: str) -> str:
        """Why that is no answer."""
        agree = self._agree()
        if not data:
            within = f"said nothing within {self._timeout_s:g} s when asked {question!r}"
            return f"{within}: {WAY_OUT} {agree}"
        shown = repr(data[:MAX_SHOWN])[1:]
        if not data.endswith(self._end_in.encode()):
            return f"answered {question!r} with {shown} and no end of line: {agree}"
        if any(byte < 0x20 or byte > 0x7E for byte in data.removesuffix(self._end_in.encode())):
            return f"answered {question!r} with {shown}, which is no text: {agree}"
        return ""

    def _agree(self) -> str:
        if self._port.is_serial:
            return f"do both ends agree on {self._port.baud} baud {self._port.frame}?"
        return "is this where it takes commands?"
