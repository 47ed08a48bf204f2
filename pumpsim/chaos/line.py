"""One direction of one link: what becomes of each frame that is put on it.

Pure: the instant comes in with the frame, and out come pieces with the instants at which they are
to arrive. Whether something happens to a frame, and what, follows from the seed, the line's name
and the frame's number on it, and from nothing else: not from when it came, and not from what
happens to others. Times have a part in two things only: order, and which frames fall into a
silence.
"""

import heapq
from dataclasses import dataclass
from struct import unpack
from typing import Any, Final, Generic, NamedTuple, TypeVar

from protocol.framing import DELIMITER, MAX_FRAME_BYTES
from pumpsim.chaos.settings import Way
from pumpsim.streams import Stream

MAX_HELD: Final = 10_000
"""Pieces on their way at once; what is put on the line beyond that is lost, and counted."""
MAX_UNIT_BYTES: Final = MAX_FRAME_BYTES + 2 * len(DELIMITER)
BIT_SCALE: Final = 2**32

T = TypeVar("T")


class Timed(NamedTuple, Generic[T]):
    """Something that arrives at an instant; None: the connection is cut then."""

    due_ns: int
    piece: T | None


@dataclass(slots=True)
class Counts:
    """What was done to a line. A frame may be counted in several."""

    frames: int = 0
    """All that were put on it."""
    lost: int = 0
    silenced: int = 0
    """Lost in a silence, the one that began it included."""
    overflowed: int = 0
    """Lost because too much was on its way."""
    disconnected: int = 0
    truncated: int = 0
    flipped_bits: int = 0
    """One by one; a burst's are not among them."""
    bursts: int = 0
    duplicated: int = 0
    split: int = 0
    overtaken: int = 0


class Line(Generic[T]):
    """Frames in, timed pieces out. What is not bytes stays whole."""

    def __init__(self, seed: int, name: str, counts: Counts, *, free_ns: int = 0) -> None:
        """A line nothing has passed yet; nothing may leave it before `free_ns`."""
        self.free_ns = free_ns
        self._seed = seed
        self._name = name
        self._counts = counts
        self._streams: dict[str, Stream] = {}
        self._number = -1
        self._silent_until_ns = 0

    def put(self, now_ns: int, unit: T, way: Way) -> list[Timed[T]]:
        """What becomes of one frame, in the order in which it leaves."""
        self._number += 1
        self._counts.frames += 1
        if self._swallowed(now_ns, way):
            return []
        start_ns = self._start(now_ns, way)
        if self._happens("disconnect", way.disconnect):
            self._counts.disconnected += 1
            return [Timed(start_ns, None)]
        whole = self._pieces(self._spoilt(unit, way), way)
        pause_ns = way.split_pause if len(whole) > 1 else 0
        pieces = whole * self._copies(way)
        overtaken = self._happens("reordering", way.reordering)
        if overtaken:
            self._counts.overtaken += 1
            start_ns += way.overtaken_by
        timed = [Timed(start_ns + n * pause_ns, piece) for n, piece in enumerate(pieces)]
        if not overtaken:
            self.free_ns = timed[-1].due_ns
        return timed

    def _copies(self, way: Way) -> int:
        if not self._happens("duplication", way.duplication):
            return 1
        self._counts.duplicated += 1
        return 2

    def _swallowed(self, now_ns: int, way: Way) -> bool:
        if now_ns < self._silent_until_ns:
            self._counts.silenced += 1
            return True
        if self._happens("silence", way.silence):
            self._counts.silenced += 1
            self._silent_until_ns = now_ns + way.silence_length
            return True
        if self._happens("loss", way.loss):
            self._counts.lost += 1
            return True
        return False

    def _start(self, now_ns: int, way: Way) -> int:
        """When it begins to arrive: never before what left earlier."""
        due_ns = now_ns + way.delay
        if way.jitter:
            due_ns += int(self._chance("jitter").share(self._number) * way.jitter)
        return max(due_ns, self.free_ns)

    def _spoilt(self, data: Any, way: Way) -> Any:
        """Bytes with their errors; anything else as it is."""
        if not isinstance(data, bytes):
            return data
        if len(data) > 1 and self._happens("truncation", way.truncation):
            self._counts.truncated += 1
            data = data[: self._place("where it ends", 1, len(data))]
        if way.bit_errors:
            data = self._noisy(data, way.bit_errors)
        if self._happens("burst", way.burst):
            self._counts.bursts += 1
            data = self._hit(data, way.burst_bits)
        return data

    def _noisy(self, data: bytes, share: float) -> bytes:
        """Every bit for itself, in the resolution of 32-bit draws."""
        limit, bits = round(share * BIT_SCALE), 8 * len(data)
        draws = unpack(f"<{bits}I", self._chance("bits").octets(self._number, 4 * bits))
        spoilt = bytearray(data)
        for bit, draw in enumerate(draws):
            if draw < limit:
                spoilt[bit // 8] ^= 1 << bit % 8
                self._counts.flipped_bits += 1
        return bytes(spoilt)

    def _hit(self, data: bytes, length: int) -> bytes:
        """A run of bits, the first of them flipped and every other one or not."""
        length = min(length, 8 * len(data))
        octets = self._chance("noise").octets(self._number, MAX_UNIT_BYTES)
        noise = int.from_bytes(octets, "little") % (1 << length) | 1
        noise <<= self._place("where it hits", 0, 8 * len(data) - length + 1)
        return (int.from_bytes(data, "little") ^ noise).to_bytes(len(data), "little")

    def _pieces(self, unit: Any, way: Way) -> list[Any]:
        if not isinstance(unit, bytes) or len(unit) < 2 or not self._happens("split", way.split):
            return [unit]
        self._counts.split += 1
        places = {self._place(f"cut {n}", 1, len(unit)) for n in range(1, way.split_pieces)}
        ends = [*sorted(places), len(unit)]
        return [unit[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def _happens(self, effect: str, share: float) -> bool:
        return share > 0.0 and self._chance(effect).share(self._number) < share

    def _place(self, what: str, first: int, end: int) -> int:
        """A number from `first` to below `end`."""
        return first + int(self._chance(what).share(self._number) * (end - first))

    def _chance(self, what: str) -> Stream:
        stream = self._streams.get(what)
        if stream is None:
            stream = self._streams[what] = Stream(self._seed, f"chaos/{self._name}/{what}")
        return stream


class Held(Generic[T]):
    """Pieces on their way, by the instants at which they arrive; those of one instant in order."""

    def __init__(self, counts: Counts) -> None:
        """Nothing on its way."""
        self.counts = counts
        self._heap: list[tuple[int, int, T | None]] = []
        self._order = 0

    def __bool__(self) -> bool:
        """Whether anything is on its way."""
        return bool(self._heap)

    def add(self, pieces: list[Timed[T]]) -> None:
        """More is on its way; what does not fit is lost."""
        for due_ns, piece in pieces:
            if len(self._heap) >= MAX_HELD:
                self.counts.overflowed += 1
                return
            heapq.heappush(self._heap, (due_ns, self._order, piece))
            self._order += 1

    def next_ns(self) -> int | None:
        """When the next piece arrives."""
        return self._heap[0][0] if self._heap else None

    def pop(self, now_ns: int) -> Timed[T] | None:
        """The next piece that has arrived by now."""
        if not self._heap or self._heap[0][0] > now_ns:
            return None
        due_ns, _, piece = heapq.heappop(self._heap)
        return Timed(due_ns, piece)

    def clear(self) -> None:
        """The line was renewed: what was on its way is gone with it."""
        self._heap.clear()


class Cutter:
    """A stream of bytes as the frames it is made of, so that chance counts frames and not reads.

    A frame is passed on once its closing delimiter is there; without one, after as many bytes as
    the largest frame has.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self._tail = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that end in `data`, delimiters before and behind included."""
        self._tail += data
        found = []
        while (end := self._end()) is not None:
            found.append(self._tail[:end])
            self._tail = self._tail[end:]
        return found

    def rest(self) -> bytes:
        """What has no end yet, and is now given up."""
        rest, self._tail = self._tail, b""
        return rest

    def _end(self) -> int | None:
        before = len(self._tail) - len(self._tail.lstrip(DELIMITER))
        closing = self._tail.find(DELIMITER, before, MAX_UNIT_BYTES)
        if closing >= 0:
            return closing + len(DELIMITER)
        return MAX_UNIT_BYTES if len(self._tail) >= MAX_UNIT_BYTES else None
