"""Chance without state: every random number is a function of seed, name and index.

A stream is cut into blocks, each the output of SHAKE-128 over seed, name and block number, so that
any number can be drawn at any time, on every platform, and a snapshot needs no generator state.
"""

import struct
from hashlib import shake_128
from operator import add
from typing import Final

BLOCK: Final = 256
BOUND: Final = 3.0
"""Largest noise, in units of its rms."""
_UNPACK: Final = struct.Struct(f"<{3 * BLOCK}H").unpack
_MIDDLE: Final = 3 * 65_535 / 2
_SCALE: Final = 32_767.5


class Stream:
    """Bounded noise of one component: the sum of three uniforms on [-1, 1].

    Its mean is 0, its rms 1 and its bound 3 (Irwin-Hall), just what a sensor's "rms, bound 3 x"
    asks for. Only sums, one division and integers are involved: no platform differs.
    """

    def __init__(self, seed: int, name: str) -> None:
        """A stream of its own for each (seed, name)."""
        self._key = f"{seed}/{name}/".encode()
        self._number = -1
        self._cached: list[float] = []

    def noise(self, index: int) -> float:
        """The number at `index` (0, 1, 2 …), in [-3, 3]."""
        number, place = divmod(index, BLOCK)
        if number != self._number:
            self._cached = self.block(number)
            self._number = number
        return self._cached[place]

    def share(self, index: int) -> float:
        """An even number at `index` (0, 1, 2 …), in [0, 1); another one than its noise."""
        raw = shake_128(self._key + f"share/{index}".encode()).digest(6)
        return int.from_bytes(raw, "little") / 2**48

    def octets(self, index: int, length: int) -> bytes:
        """So many even bytes at `index` (0, 1, 2 …); others than its noise and share."""
        return shake_128(self._key + f"octets/{index}".encode()).digest(length)

    def block(self, number: int, rms: float = 1.0) -> list[float]:
        """The `BLOCK` numbers from index `number * BLOCK` on, times `rms`."""
        raw = _UNPACK(shake_128(self._key + str(number).encode()).digest(6 * BLOCK))
        sums = map(add, map(add, raw[:BLOCK], raw[BLOCK : 2 * BLOCK]), raw[2 * BLOCK :])
        scale = rms / _SCALE
        return [(total - _MIDDLE) * scale for total in sums]
