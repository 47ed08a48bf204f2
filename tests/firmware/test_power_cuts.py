"""Power that goes at every memory operation of a request: all of it was kept, or nothing."""

from typing import Any

import pytest

from protocol import messages as m
from protocol.control import PowerLostError, Request
from protocol.memory import RamMemory
from protocol.vocabulary import AlarmId, RefillReason, ResetCause, Role
from pumpsim.firmware import ReferenceLogic
from pumpsim.firmware.state import State, decode
from pumpsim.firmware.store import Store
from pumpsim.nvm import MortalMemory
from tests.firmware.usual import CONFIGURATION, REFILL

SECOND = REFILL.model_copy(
    update={
        "drug": "heparin",
        "concentration_ng_per_ml": 1_000,
        "withdrawn_nl": REFILL.filled_nl,
    }
)
SEEDS = range(10)

REQUESTS: dict[str, tuple[list[m.Command], m.Command]] = {
    "a first refill": ([m.BeginRefill()], m.CommitRefill(refill=REFILL)),
    "a refill with another drug": (
        [m.BeginRefill(), m.CommitRefill(refill=REFILL), m.BeginRefill()],
        m.CommitRefill(refill=SECOND, reason=RefillReason.DRUG_CHANGE, previous_refill_id=1),
    ),
    "a refill window": ([], m.BeginRefill()),
    "an end of bolus access": (
        [m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=5)],
        m.EndBolusAccess(injected_nl=2_000_000),
    ),
    "a configuration": (
        [],
        m.WriteConfiguration(
            base_config_id=1,
            configuration=CONFIGURATION.model_copy(update={"nominal_flow_nl_per_h": 40_000}),
        ),
    ),
}


def prepared(commands: list[m.Command]) -> RamMemory:
    """What a configured pump that carried out some commands has stored."""
    cells = RamMemory()
    logic = ReferenceLogic()
    logic.boot(cells, ResetCause.POWER_ON, 0)
    written = m.WriteConfiguration(base_config_id=0, configuration=CONFIGURATION)
    for command in (written, *commands):
        reply = logic.handle(0, Request(command, Role.CLINICIAN, 1)).reply
        assert isinstance(reply, m.Done), reply
    return cells


def carry_out(cells: RamMemory, command: m.Command, seed: int, cut_at: int | None) -> int:
    """Boot, then the command; the operations that it took, or PowerLostError."""
    memory = MortalMemory(cells, seed, cut_at=cut_at)
    logic = ReferenceLogic()
    logic.boot(memory, ResetCause.BROWN_OUT, 0)
    reply = logic.handle(0, Request(command, Role.CLINICIAN, 1)).reply
    assert isinstance(reply, m.Done), reply
    return memory.operations


def known(cells: RamMemory) -> dict[str, Any]:
    """Everything the next life starts from, but how often it was reset."""
    content = Store(cells).load().content
    assert content is not None
    state = State()
    state.load_durable(decode(content))
    assert state.before is not None
    state.before = state.before._replace(boots=0)
    known = state.durable(0)
    del known["resets"], known["life"]
    return known


@pytest.mark.slow
@pytest.mark.parametrize("name", REQUESTS)
def test_a_cut_leaves_all_of_a_request_or_nothing(name: str) -> None:
    """RES-05, RST-02: never a mixture, and nothing that was known before is gone."""
    before, command = REQUESTS[name]
    cells = prepared(before)
    old = known(cells)
    operations = carry_out(cells, command, 0, None)
    new = known(cells)
    assert old != new
    ends = []
    for seed in SEEDS:
        for cut_at in range(operations):
            cells = prepared(before)
            with pytest.raises(PowerLostError):
                carry_out(cells, command, seed, cut_at)
            after = known(cells)
            assert after in (old, new), f"seed {seed}, cut at operation {cut_at}"
            ends.append(after == new)
    assert True in ends
    assert False in ends


def test_a_life_after_a_cut_serves_and_alarms_nothing_that_was_not() -> None:
    """RST-01: whatever the cut left, the next life answers, and no memory alarm stands."""
    before, command = REQUESTS["a first refill"]
    for cut_at in range(carry_out(prepared(before), command, 0, None)):
        cells = prepared(before)
        with pytest.raises(PowerLostError):
            carry_out(cells, command, 3, cut_at)
        logic = ReferenceLogic()
        logic.boot(cells, ResetCause.BROWN_OUT, 0)
        reply = logic.handle(0, Request(m.GetStatus(), Role.PATIENT, 0)).reply
        assert isinstance(reply, m.Status)
        alarms = logic.handle(0, Request(m.ListAlarms(after_occurrence=0), Role.PATIENT, 0)).reply
        assert isinstance(alarms, m.AlarmList)
        present = {alarm.alarm for alarm in alarms.alarms}
        assert not present & {AlarmId.CONFIGURATION_LOST, AlarmId.MEMORY_FAULT}
