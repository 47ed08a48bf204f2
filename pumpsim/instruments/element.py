"""What turns a truth into what is shown: an offset, bounded noise, whole digits.

Chance is a function of seed, name and instant, so that asking twice tells the same, and asking in
between moves nothing.
"""

from typing import Final

from pumpsim.streams import Stream

LATTICE_NS: Final = 100_000_000
"""Within one tenth of a second the noise is the same."""


class Element:
    """A sensing element and its converter; everything in base units of the quantity."""

    def __init__(self, seed: int, name: str, *, rms: int, digit: int, offset: int = 0) -> None:
        """`offset` is the largest either way; the element's own follows from the seed."""
        self._stream = Stream(seed, f"{name} noise")
        self._rms = rms
        self._digit = digit
        self._offset = offset * (2.0 * Stream(seed, f"{name} offset").share(0) - 1.0)

    def sense(self, truth: float, now_ns: int) -> float:
        """What it senses, between the digits."""
        return truth + self._offset + self._rms * self._stream.noise(now_ns // LATTICE_NS)

    def show(self, sensed: float) -> int:
        """To the nearest digit."""
        return round(sensed / self._digit) * self._digit

    def read(self, truth: float, now_ns: int) -> int:
        """Both."""
        return self.show(self.sense(truth, now_ns))
