"""Every request there is, as somebody would send it to the demonstration pump nearly empty."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from protocol import messages as m
from protocol.vocabulary import AlarmId, EventKind, RefillReason, Sounder

WITHDRAWN: Final = "25.5 mL"
"""What leaves so little that an alarm stands, to be acknowledged and paused."""
EMPTIED: Final = "27.4 mL"
"""What leaves nothing to infuse, as an explant wants it."""
RAISED: Final = "3 min"
"""Until it does."""
LOW: Final = AlarmId.LOW_RESERVOIR
INJECTED_NL: Final = 2_000_000
EFFECTS: Final[Mapping[type[m.Body], EventKind]] = {
    m.AcknowledgeAlarm: EventKind.ALARM_ACKNOWLEDGED,
    m.PauseAudio: EventKind.AUDIO_PAUSED,
    m.BeginRefill: EventKind.REFILL_BEGUN,
    m.CommitRefill: EventKind.REFILL_COMMITTED,
    m.AbortRefill: EventKind.REFILL_ABORTED,
    m.BeginBolusAccess: EventKind.BOLUS_ACCESS_BEGUN,
    m.EndBolusAccess: EventKind.BOLUS_ACCESS_ENDED,
    m.WriteConfiguration: EventKind.CONFIGURATION_WRITTEN,
    m.SetClock: EventKind.CLOCK_SET,
    m.RunSelfTest: EventKind.SELF_TEST,
    m.Explant: EventKind.EXPLANTED,
    m.Actuate: EventKind.ACTUATED,
}
"""What the log tells of a command that acts."""
ASKS: Final[tuple[m.Ask, ...]] = (
    m.GetStatus(),
    m.ListAlarms(after_occurrence=0),
    m.ReadConfiguration(),
)
"""What control logic is asked; the rest is answered beside it."""


class Found(NamedTuple):
    """What somebody has read before, and builds on; `low` is the number of the alarm."""

    configuration: m.Configuration
    config_id: int
    refill: m.Refill
    refill_id: int
    left_nl: int
    low: int


class Order(NamedTuple):
    """A command, and what is done before it."""

    body: m.Command
    before: tuple[m.Command, ...] = ()


def withdrawn(kind: type[m.Body]) -> str:
    """What somebody draws before that command."""
    return EMPTIED if kind is m.Explant else WITHDRAWN


def orders(found: Found) -> dict[type[m.Command], Order]:
    """Each command once, such that nothing speaks against it."""
    filled = found.refill
    access = m.BeginBolusAccess(
        drug=filled.drug, concentration_ng_per_ml=filled.concentration_ng_per_ml
    )
    commit = m.CommitRefill(
        refill=filled.model_copy(update={"withdrawn_nl": found.left_nl, "filled_nl": 20_000_000}),
        reason=RefillReason.DRUG_CHANGE,
        previous_refill_id=found.refill_id,
    )
    write = m.WriteConfiguration(
        base_config_id=found.config_id,
        configuration=found.configuration.model_copy(update={"low_volume_nl": 4_000_000}),
    )
    every = (
        Order(m.Close(), (m.RunSelfTest(),)),
        Order(m.AcknowledgeAlarm(alarm=LOW, occurrence=found.low)),
        Order(m.PauseAudio(alarm=LOW, occurrence=found.low, duration_ms=60_000)),
        Order(m.BeginRefill()),
        Order(commit, (m.BeginRefill(),)),
        Order(m.AbortRefill(), (m.BeginRefill(),)),
        Order(access),
        Order(m.EndBolusAccess(injected_nl=INJECTED_NL), (access,)),
        Order(write),
        Order(m.SetClock(rtc_s=1_800_000_000)),
        Order(m.RunSelfTest()),
        Order(m.Explant()),
        Order(m.Actuate(sounder=Sounder.HIGH, patient_signal=True)),
    )
    return {type(order.body): order for order in every}
