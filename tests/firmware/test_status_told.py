"""A status that is told again is the one that would be made anew."""

import pytest

from protocol import messages as m
from protocol.control import TICKS_PER_S, Readings, Request
from protocol.memory import RamMemory
from protocol.vocabulary import AlarmId, ResetCause, Role
from pumpsim.firmware import ReferenceLogic
from tests.firmware.usual import CONFIGURATION, REFILL, USUAL

LOW = USUAL._replace(sequence=1, fill_level_nl=2_500_000)

STEPS: list[Readings | m.Body | float] = [
    m.WriteConfiguration(base_config_id=0, configuration=CONFIGURATION),
    m.BeginRefill(),
    m.CommitRefill(refill=REFILL),
    LOW,
    1.0,  # a second towards the next refill
    0.4,
    m.AcknowledgeAlarm(alarm=AlarmId.LOW_RESERVOIR, occurrence=1),
    m.BeginBolusAccess(drug="FUDR", concentration_ng_per_ml=1_000),
    m.EndBolusAccess(injected_nl=1_000_000),
    m.BeginRefill(),
    8 * 3_600.0,  # the window ends by itself
    LOW._replace(sequence=2, temperature_mk=311_150),
    m.SetClock(rtc_s=1_800_000_000),
]


def _status(logic: ReferenceLogic, ticks: int) -> m.Body | None:
    return logic.handle(ticks, Request(m.GetStatus(), Role.PATIENT, 0)).reply


def _status_after(steps: list[Readings | m.Body | float], *, asking: bool) -> m.Body | None:
    """The status at the end of all these steps, `asking` for it after each of them too."""
    logic = ReferenceLogic()
    logic.boot(RamMemory(), ResetCause.POWER_ON, 0)
    ticks = 0
    for step in steps:
        if isinstance(step, float):
            ticks += int(step * TICKS_PER_S)
            deadline = logic.next_deadline()
            if deadline is not None and deadline <= ticks:
                logic.advance(ticks)
        elif isinstance(step, Readings):
            logic.sample(ticks, step)
        else:
            logic.handle(ticks, Request(step, Role.CLINICIAN, 1))
        if asking:
            _status(logic, ticks)
    return _status(logic, ticks)


@pytest.mark.parametrize("count", range(1, len(STEPS) + 1))
def test_whoever_asked_before_is_told_the_same(count: int) -> None:
    steps = STEPS[:count]
    assert _status_after(steps, asking=True) == _status_after(steps, asking=False)
