"""A data acquisition unit that speaks SCPI in the manner of a Keysight 34970A.

CONF:VOLT:DC (@101,102)           once, to hear whether there are such channels
MEAS:VOLT:DC? (@101,102)          volts, all in one scan
ROUT:CLOS (@201), ROUT:OPEN (@201), ROUT:CLOS? (@201)

Each channel has a transducer: two points of a straight line from its output to its quantity.
"""

import math
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from hil.clock import Clock
from hil.instruments.errors import InstrumentError
from hil.instruments.kinds import Reading
from hil.instruments.scpi import OUT_OF_RANGE, Scpi

BELOW: Final = 0.025
ABOVE: Final = 0.0625
"""How far beyond its two points an output can be, in shares of the span; then it has failed.

With 4 to 20 mA these are 3.6 and 21 mA, as NAMUR's recommendation NE 43 is generally quoted.
"""


class Transducer(NamedTuple):
    """What hangs on one channel of the unit. `values` and `uncertainty` (k = 2) are in `unit`."""

    channel: int
    output_v: tuple[float, float]  # the lower one first
    values: tuple[float, float]  # at these outputs
    unit: str
    uncertainty: float

    def value(self, volts: float) -> float:
        """On the straight line."""
        (low_v, high_v), (low, high) = self.output_v, self.values
        return low + (volts - low_v) * (high - low) / (high_v - low_v)

    def failure(self, volts: float) -> str:
        """What is wrong with such an output, with a way out; empty when it can be."""
        low_v, high_v = self.output_v
        least_v = low_v - BELOW * (high_v - low_v)
        most_v = high_v + ABOVE * (high_v - low_v)
        if math.isinf(volts):
            return f"tells {OUT_OF_RANGE}"
        if volts < least_v:
            return (
                f"tells {volts:g} V, less than the {least_v:g} V that its transducer gives at the "
                "least: is its wire broken, or is it without supply?"
            )
        if volts > most_v:
            return (
                f"tells {volts:g} V, more than the {most_v:g} V that its transducer gives at the "
                "most: is its wire off, is it overloaded, or does the unit tell millivolts?"
            )
        return ""


class ScpiSensors:
    """`Sensors` on one unit, read in one scan."""

    def __init__(self, scpi: Scpi, clock: Clock, transducers: Mapping[str, Transducer]) -> None:
        """By channel of `Readings`. The line is opened by whoever has the unit, with `prepare`."""
        self._scpi = scpi
        self._clock = clock
        self._transducers = dict(sorted(transducers.items(), key=lambda item: item[1].channel))
        """In the order of the unit's channels, in which such units answer."""
        numbers = ",".join(str(one.channel) for one in self._transducers.values())
        self._list = f"(@{numbers})"

    @property
    def channels(self) -> Collection[str]:
        """Of `Readings`."""
        return self._transducers.keys()

    def prepare(self) -> None:
        """InstrumentError when the unit has no such channels."""
        self._scpi.act(f"CONF:VOLT:DC {self._list}")

    def read(self) -> dict[str, Reading | InstrumentError]:
        """All now; an error in place of what its transducer cannot have given."""
        now_ns = self._clock.now_ns()
        volts = self._scpi.numbers(f"MEAS:VOLT:DC? {self._list}", len(self._transducers))
        return {
            name: self._shown(name, one, value, now_ns)
            for (name, one), value in zip(self._transducers.items(), volts, strict=True)
        }

    def _shown(
        self, name: str, transducer: Transducer, volts: float, now_ns: int
    ) -> Reading | InstrumentError:
        failure = transducer.failure(volts)
        if failure:
            return self._scpi.line.error(f"channel {transducer.channel} ({name}) {failure}")
        value = transducer.value(volts)
        return Reading(value, transducer.unit, now_ns, transducer.uncertainty)


class ScpiRelay:
    """A `Relay`: one contact of the unit."""

    def __init__(self, scpi: Scpi, channel: int) -> None:
        """The line is opened by whoever has the unit."""
        self._scpi = scpi
        self._list = f"(@{channel})"

    def switch(self, *, on: bool) -> None:
        """Closed or open; InstrumentError when it says that it is not."""
        self._scpi.act(f"ROUT:{'CLOS' if on else 'OPEN'} {self._list}")
        if self.is_on() != on:
            raise self._scpi.line.error(
                f"was told to {'close' if on else 'open'} its relay {self._list} and does not: "
                "is that a switching module?"
            )

    def is_on(self) -> bool:
        """Whether it is closed now."""
        return self._scpi.truth(f"ROUT:CLOS? {self._list}")
