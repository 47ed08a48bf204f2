"""Numbers in use that have to be what they were when they were made (NVM-04).

Memory in RAM can rot while the pump runs. What follows from requests alone (configuration, refill,
the factors and limits made from them) is sealed when it is made; totals carry a number that
balances them (see `account`). Both are proven at a bounded interval and before each request. What
is not as it was is a memory fault, and is taken from the store again.
"""

from collections.abc import Sequence
from typing import Final
from zlib import crc32

from protocol.messages import Part
from pumpsim.firmware.ticks import MINUTE

CHECK_INTERVAL: Final = 30 * MINUTE
"""Numbers in use are proven at least so often."""

Item = Part | Sequence[int | str] | None


def seal(*items: Item) -> int:
    """A CRC-32 over things that do not change by themselves."""
    total = 0
    for item in items:
        content = item.model_dump_json() if isinstance(item, Part) else repr(item)
        total = crc32(content.encode(), total)
    return total
