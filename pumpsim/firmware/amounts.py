"""Products of amounts that no intermediate makes longer than 64 bits (DOS-10).

A flow, a concentration and a service life fit by themselves; multiplied as they stand they do not.
Each function gives what the plain product would, to the last unit.
"""

from typing import Final

from pumpsim.firmware.ticks import HOUR

ROUNDING_NL: Final = 2
"""What two counts of volume have beyond whole nanolitres."""
SMALL_NL: Final = 1 << 22
SMALL_NG_PER_ML: Final = 1 << 40
"""The product of two amounts below them fits as it stands, and nearly every one is such."""


def pumped(flow_nl_per_h: int, elapsed: int, remainder: int = 0) -> tuple[int, int]:
    """Whole nanolitres that a flow makes in so many ticks, and what remains, in nl/h x ticks."""
    if 0 <= elapsed < HOUR:  # from sample to sample
        return divmod(remainder + flow_nl_per_h * elapsed, HOUR)
    hours, rest = divmod(elapsed, HOUR)
    volume_nl, remainder = divmod(remainder + flow_nl_per_h * rest, HOUR)
    return flow_nl_per_h * hours + volume_nl, remainder


def dissolved_fg(volume_nl: int, concentration_ng_per_ml: int, most_fg: int) -> int:
    """The drug in a volume, or `most_fg` when there is more (DOS-07)."""
    if volume_nl < SMALL_NL and concentration_ng_per_ml < SMALL_NG_PER_ML:
        amount_fg = volume_nl * concentration_ng_per_ml
        return amount_fg if amount_fg <= most_fg else most_fg
    if concentration_ng_per_ml and volume_nl > most_fg // concentration_ng_per_ml:
        return most_fg
    return volume_nl * concentration_ng_per_ml
