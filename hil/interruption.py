"""Being ended politely: Ctrl-C, a kill that asks, a terminal that closes."""

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Final

INTERRUPTED: Final = 130
"""The exit code then, as shells have it."""
ENDS: Final = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


def end_at_once() -> None:
    """Until there is an `Interruption`, Ctrl-C is an end with its own exit code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: sys.exit(INTERRUPTED))


class Interruption:
    """Within it, a polite end of the process is a KeyboardInterrupt, whatever becomes of that.

    Python raises that wherever the program happens to be, and a library that was just calling back
    may clear it or give it another name: pydantic-core does both. So it is remembered: `look`,
    called in every loop, raises what was cleared; whatever comes after it, an error or a quiet
    end, leaves as KeyboardInterrupt. Whoever has a last word then says it within.
    """

    def __init__(self) -> None:
        """Nobody has asked for an end."""
        self.asked = False

    def __enter__(self) -> "Interruption":
        """Take the signals, in the main thread: no other is told; what nohup ignores stays so."""
        main = threading.current_thread() is threading.main_thread()
        taken = [one for one in ENDS if main and signal.getsignal(one) is not signal.SIG_IGN]
        self._before = {one: signal.signal(one, self._end) for one in taken}
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.asked and (error is None or isinstance(error, Exception)):
            raise KeyboardInterrupt from error

    def look(self) -> None:
        """Raise KeyboardInterrupt when somebody has asked for an end."""
        if self.asked:
            raise KeyboardInterrupt

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        raise KeyboardInterrupt
