"""Dose limits without the logic around them: an account, fed minute by minute."""

from protocol import messages as m
from pumpsim.firmware.account import Account
from pumpsim.firmware.dose_limit import DoseLimit
from pumpsim.firmware.ticks import MINUTE
from tests.firmware.usual import CONFIGURATION

NOMINAL = CONFIGURATION.nominal_flow_nl_per_h
PLAN = (m.PlanStep(drug="FUDR", duration_s=43_200), m.PlanStep(drug="saline", duration_s=43_200))
CONCENTRATION = 5_000


class Watched:
    """An account and its limits, fed minute by minute, without the logic around them."""

    def __init__(self, configuration: m.Configuration, catheter_nl: int = 0) -> None:
        self.configuration = configuration
        self.account = Account()
        self.account.prime(catheter_nl)
        self.limit = DoseLimit()

    def fill(self, drug: str = "FUDR", concentration: int = CONCENTRATION) -> None:
        self.account.refilled(drug, concentration)
        self.limit.refilled(self.account)
        self.limit.limit(self.configuration)

    def run(self, minutes: int, flow_nl_per_h: int = NOMINAL) -> bool:
        """Whether a limit is exceeded at any sample."""
        found = False
        nominal = self.configuration.nominal_flow_nl_per_h
        for _ in range(minutes):
            self.account.deliver(MINUTE, flow_nl_per_h)
            self.limit.feed(MINUTE, nominal, self.account)
            found = found or self.limit.exceeded
        return found

    def inject(self, volume_nl: int, drug: str, concentration: int) -> None:
        self.account.push(volume_nl, drug, concentration)
        self.limit.feed(0, 0, self.account)


def configured(permille: int = 1_250, plan: tuple[m.PlanStep, ...] = ()) -> m.Configuration:
    return CONFIGURATION.model_copy(update={"dose_limit_permille": permille, "plan": plan})
