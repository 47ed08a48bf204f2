"""A line at a baud rate, in a loop whose time jumps."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator

import pytest

from pumpsim.daemon.pacing import BITS_PER_BYTE, MAX_BACKLOG_S, Pace
from tests.daemon.virtual_loop import VirtualLoop, later

Run = Callable[[Coroutine[None, None, None]], None]


@pytest.fixture
def run() -> Iterator[Run]:
    loop = VirtualLoop()
    yield loop.run_until_complete
    loop.close()


class Far:
    """Notes what arrives when."""

    def __init__(self) -> None:
        self.data = b""
        self.last_s = 0.0

    def __call__(self, data: bytes) -> None:
        self.data += data
        self.last_s = asyncio.get_running_loop().time()


def test_without_a_rate_everything_passes_at_once(run: Run) -> None:
    async def send() -> None:
        far = Far()
        pace = Pace(None, far)
        pace.put(b"x" * 10_000)
        assert (len(far.data), pace.backlog_s()) == (10_000, 0.0)

    run(send())


@pytest.mark.parametrize("baud", [300, 9_600, 115_200])
def test_bytes_arrive_in_order_when_the_last_bit_has(run: Run, baud: int) -> None:
    async def send() -> None:
        far = Far()
        pace = Pace(baud, far)
        loop = asyncio.get_running_loop()
        message = bytes(range(50))
        pace.put(message[:20])
        pace.put(message[20:])
        assert far.data == b""
        await later(pace.backlog_s() + 1e-6)
        assert far.data == message
        assert far.last_s == pytest.approx(50 * BITS_PER_BYTE / baud)
        await later(10.0)
        later_s = loop.time()  # a line that was idle saved nothing up
        pace.put(b"y")
        await later(1.0)
        assert far.last_s == pytest.approx(later_s + BITS_PER_BYTE / baud)

    run(send())


def test_a_line_too_far_behind_loses_what_is_new(run: Run) -> None:
    async def send() -> None:
        far = Far()
        pace = Pace(1_000, far)
        for number in range(100):
            pace.put(bytes([number]) * 50)
        assert MAX_BACKLOG_S < pace.backlog_s() <= MAX_BACKLOG_S + 0.5
        await later(60.0)
        kept = len(far.data) // 50
        assert far.data == b"".join(bytes([number]) * 50 for number in range(kept))

    run(send())


def test_a_late_timer_does_not_make_the_answer_late(run: Run) -> None:
    async def send() -> None:
        far = Far()
        loop = asyncio.get_running_loop()
        request = Pace(9_600, lambda data: answer.put(data))
        answer = Pace(9_600, far, answers=request)
        byte_s = BITS_PER_BYTE / 9_600
        request.put(b"x")
        loop.call_at(loop.time() + 0.5 * byte_s, _stall, loop, byte_s)
        await later(1.0)
        assert far.last_s == pytest.approx(2 * byte_s)

    run(send())


def _stall(loop: asyncio.AbstractEventLoop, duration_s: float) -> None:
    """Time goes on while the loop does something else."""
    assert isinstance(loop, VirtualLoop)
    loop.stall(duration_s)
