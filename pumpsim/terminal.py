"""How long commands behave at a terminal: a line of progress, and an end on Ctrl-C."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

ENDS: Final = (signal.SIGINT, signal.SIGTERM)
EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130


class Progress:
    """A line on a terminal that says how far a run has come."""

    def __init__(self, name: str) -> None:
        """Nothing shown yet."""
        self._name = name
        self._percent = -1

    def show(self, share: float) -> None:
        """Draw the line anew when a whole percent has passed."""
        percent = int(share * 100)
        if percent != self._percent:
            self._percent = percent
            bar = "#" * (percent // 4)
            sys.stderr.write(f"\r{self._name} [{bar:25}] {percent:3d} %")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave an empty line."""
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()


@contextmanager
def progress(name: str) -> Iterator[Callable[[float], None] | None]:
    """Something to tell the share to that is done, where somebody looks; None elsewhere."""
    line = Progress(name) if sys.stderr.isatty() else None
    try:
        yield None if line is None else line.show
    finally:
        if line is not None:
            line.clear()


def end_at_once() -> None:
    """Until somebody asks to be `interruptible`, Ctrl-C is an end with its own exit code."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: sys.exit(EXIT_INTERRUPTED))


@contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and a polite kill ask for an end, so that what there is so far is sound.

    A second one is meant.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is told of signals
        return

    def interrupt(_signal: int, _frame: Any) -> None:
        stop()
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, interrupt) for number in ENDS}
    try:
        yield
    finally:
        restore()
