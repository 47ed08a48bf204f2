"""Control logic under a watchdog: a call that does not return is a stall, and named as one.

Python cannot interrupt a call from outside but by an exception that another thread puts into it. It
strikes pure Python; a call that hangs in C is not reached, and then the process ends, with a
sentence that says so.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from protocol.control import ControlLogic, Memory, Outcome, Readings, Request, Restorable
from protocol.guard import FirmwareFaultError
from protocol.vocabulary import FirmwareFault, ResetCause

T = TypeVar("T")
LOOK_S: Final = 0.5
"""Wall time between two looks."""
STALL_LOOKS: Final = 10
"""So many looks find the same call: it does not return. Microseconds are usual, this is 5 s."""
LAST_LOOKS: Final = 20
EXIT_CODE: Final = 70
HOPELESS: Final = (
    "\nRST-11: {name}() of the control logic does not return, and hangs outside of Python: "
    "the run ends here{where}.\n"
)


class _StalledError(BaseException):
    """Thrown into a call that does not return: no `except Exception` of its own holds it."""


class _Dog:
    """One thread that looks at the call under way."""

    def __init__(self) -> None:
        """It starts with the first call."""
        self.calls = 0
        self.inside: int | None = None  # the thread a call runs in
        self.name = ""  # of that call
        self.speak: Callable[[], None] = lambda: None  # lets what is written be seen
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look from now on."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, daemon=True, name="watchdog")
            self._thread.start()

    def _look(self) -> None:
        wait, seen, looks = threading.Event(), -1, 0
        while True:
            wait.wait(LOOK_S)
            looks = looks + 1 if self.inside is not None and self.calls == seen else 0
            seen = self.calls
            if looks == STALL_LOOKS and self.inside is not None:
                thread = ctypes.c_ulong(self.inside)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(_StalledError))
            elif looks == LAST_LOOKS:
                self.speak()
                test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
                where = f", in {test}" if test else ""
                os.write(2, HOPELESS.format(name=self.name, where=where).encode())
                os._exit(EXIT_CODE)


_DOG: Final = _Dog()


class Watched:
    """Logic whose every call is looked at."""

    def __init__(self, logic: ControlLogic) -> None:
        """Not booted yet."""
        self.logic = logic

    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        """Boot it."""
        return _called(self.logic.boot, memory, cause, ticks)

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        """Give it a sample."""
        return _called(self.logic.sample, ticks, readings)

    def advance(self, ticks: int) -> Outcome:
        """Tell it that its deadline has come."""
        return _called(self.logic.advance, ticks)

    def handle(self, ticks: int, request: Request) -> Outcome:
        """Let it answer."""
        return _called(self.logic.handle, ticks, request)

    def next_deadline(self) -> int | None:
        """When it wants to be called."""
        return _called(self.logic.next_deadline)


class WatchedRestorable(Watched):
    """Logic that can be saved, too."""

    def __init__(self, logic: ControlLogic, kept: Restorable) -> None:
        """The same logic, once for each thing it can."""
        super().__init__(logic)
        self._kept = kept

    def save(self) -> dict[str, Any]:
        """Its state."""
        return _called(self._kept.save)

    def load(self, memory: Memory, state: dict[str, Any]) -> None:
        """Take up a state."""
        _called(self._kept.load, memory, state)


def watched(factory: Callable[[], ControlLogic]) -> Callable[[], ControlLogic]:
    """What makes the same logic, looked at."""

    def make() -> ControlLogic:
        _DOG.start()
        logic = _called(factory)
        if isinstance(logic, Restorable):
            return WatchedRestorable(logic, logic)
        return Watched(logic)

    if hasattr(factory, "name"):  # as a class gives it; without one, pumps use what found it
        make.name = factory.name  # type: ignore[attr-defined]
    return make


def speak_by(release: Callable[[], None]) -> None:
    """What to do before a last word is written: pytest holds back all that tests write."""
    _DOG.speak = release


def _called(method: Callable[..., T], *arguments: Any) -> T:
    dog = _DOG
    dog.calls += 1
    dog.name = getattr(method, "__name__", "a call")
    dog.inside = threading.get_ident()
    try:
        return method(*arguments)
    except _StalledError:
        seconds = STALL_LOOKS * LOOK_S
        detail = f"{dog.name}() had not returned after {seconds:g} s"
        raise FirmwareFaultError(FirmwareFault.STALLED, detail) from None
    finally:
        dog.inside = None
