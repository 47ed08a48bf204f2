"""What is left in the reservoir while no level tells: what there was, less what was counted since.

The reduced mode of a pump whose level sensor has died (SEN-07): low and empty are still told, by
the pessimistic edge, and a refill that was declared ends them (RES-01, RES-05). What the pressures
cannot see, such as a leak, it cannot either; the alarm about the sensor stands meanwhile.
"""

from dataclasses import dataclass

from protocol.control import Interval
from protocol.messages import Refill
from protocol.vocabulary import Quality
from pumpsim.firmware.account import Account
from pumpsim.firmware.amounts import pumped
from pumpsim.firmware.fill import VOLUME_ERROR_NL


@dataclass(slots=True)
class Residual:
    """The last volume that was known, and how the account stood then."""

    known: Interval | None = None
    out_nl: int = 0  # of the reservoir, by the account
    uncertain_nl: int = 0  # of that
    error_nl: int = 0  # by so much more, or less, may have left since
    back_nl: int = 0  # so much may have come back

    def begin(self, known: Interval | None, account: Account) -> None:
        """From here on it is reckoned."""
        self.known, self.error_nl, self.back_nl = known, 0, 0
        self.out_nl, self.uncertain_nl = _out_nl(account), account.uncertain_nl

    def declare(
        self, before_nl: int | None, refill: Refill, account: Account, most: int
    ) -> Interval:
        """A refill was made, into what was left, if anybody knew, of a capacity of `most` nl."""
        left_nl = max((before_nl or 0) - refill.withdrawn_nl, 0)
        estimate = min(left_nl + refill.filled_nl, most)
        high = most if before_nl is None else min(estimate + VOLUME_ERROR_NL, most)
        low = max(estimate - VOLUME_ERROR_NL, 0)
        declared = Interval(low, estimate, high, Quality.DEGRADED)
        self.begin(declared, account)
        return declared

    def doubt(self) -> None:
        """So much may have left meanwhile that there may be nothing."""
        if self.known is not None:
            self.known = self.known._replace(low=0)

    def widen(self, elapsed: int, error_nl_per_h: int) -> None:
        """A sample without a level: so far off may the flow be that is counted."""
        volume_nl, rest = pumped(error_nl_per_h, elapsed)
        self.error_nl += volume_nl + (rest > 0)

    def volume(self, account: Account) -> Interval | None:
        """What is left, in nl; None while nothing was ever known."""
        if self.known is None:
            return None
        low, estimate, high, _ = self.known
        out_nl = max(_out_nl(account) - self.out_nl, 0)
        least_nl = max(out_nl - (account.uncertain_nl - self.uncertain_nl) - self.error_nl, 0)
        return Interval(
            max(low - out_nl - self.error_nl, 0),
            max(estimate - out_nl, 0),
            max(high - least_nl, 0) + self.back_nl,
            Quality.DEGRADED,
        )


def _out_nl(account: Account) -> int:
    return account.total_nl + account.held_nl
