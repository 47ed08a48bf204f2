"""The thread that reads a link."""

import threading
from collections.abc import Callable

from hil.errors import LinkError
from hil.port import Deliver, Fail


class Reader:
    """Reads until it is stopped or the link breaks."""

    def __init__(self, name: str, read: Callable[[], bytes]) -> None:
        """`read` returns what came in, empty after a while without; LinkError when it broke."""
        self._name = name
        self._read = read
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, deliver: Deliver, fail: Fail) -> None:
        """Begin."""
        run = threading.Thread(target=self._run, args=(deliver, fail), daemon=True, name=self._name)
        self._thread = run
        run.start()

    def stop(self, timeout_s: float) -> None:
        """End; `read` must return within the time-out."""
        self._stop.set()
        self.join(timeout_s)

    def join(self, timeout_s: float) -> None:
        """Wait for the end, which a broken link brings."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self, deliver: Deliver, fail: Fail) -> None:
        try:
            while not self._stop.is_set():
                data = self._read()
                if data:
                    deliver(data)
        except LinkError as error:
            if not self._stop.is_set():
                fail(error)
