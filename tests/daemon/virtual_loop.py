"""An asyncio loop whose time jumps to the next timer instead of waiting for it."""

import asyncio
import selectors
from typing import Any


class _Jumping(selectors.SelectSelector):
    """Never waits: what it would have waited is added to the time."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found:
            assert timeout is not None, "nothing will ever happen again"
            self.now_s += max(timeout, 0.0)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """For timers only: what comes in from outside comes at no particular time."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s

    def stall(self, duration_s: float) -> None:
        """Time goes on while the loop is busy."""
        self._jumping.now_s += duration_s


async def later(delay_s: float) -> None:
    """Once all timers up to then have fired."""
    loop = asyncio.get_running_loop()
    fired = loop.create_future()
    loop.call_later(delay_s, fired.set_result, None)
    await fired
