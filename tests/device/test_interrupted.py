"""A command whose handling fails midway: what became of it is told as soon as anybody knows it."""

import json

from protocol import messages as m
from protocol.vocabulary import EventKind, OutcomeState, Refusal
from pumpsim import snapshot
from pumpsim.device import SAMPLE_NS, Device
from tests.device.test_device import Programmer, make, reason


def state_of(device: Device, command_id: int) -> tuple[OutcomeState, Refusal | None]:
    name = f"asking-{len(device.outgoing.links)}"
    outcome = Programmer(device, name).ask(m.QueryOutcome(command_id=command_id))
    assert isinstance(outcome, m.CommandOutcome)
    return outcome.state, outcome.reason


def last_id(programmer: Programmer) -> int:
    return hash(programmer.link) % 1_000_000 * 1_000 + programmer.commands


def test_logic_that_fails_before_it_kept_anything_has_done_nothing() -> None:
    """COM-09: and the same command, sent again, is told the same."""
    device = make()
    programmer = Programmer(device)
    programmer.open()
    device.misbehave("raises")
    assert reason(programmer.command(m.BeginRefill())) is Refusal.INTERRUPTED
    number = last_id(programmer)
    assert state_of(device, number) == (OutcomeState.REFUSED, Refusal.INTERRUPTED)
    programmer.open()
    again = programmer.session.command(m.BeginRefill(), number, 60_000)
    assert reason(programmer.send(again)) is Refusal.INTERRUPTED
    assert isinstance(programmer.command(m.BeginRefill()), m.Done)


def test_what_nobody_knows_yet_is_told_by_the_next_life() -> None:
    """COM-09: the logic waits to be booted; a snapshot taken meanwhile knows of it, too."""
    device = make()
    programmer = Programmer(device)
    device.misbehave("raises")
    programmer.ask(m.GetStatus())  # it failed once, and boots at once
    programmer.open()
    device.misbehave("raises")
    assert reason(programmer.command(m.BeginRefill())) is Refusal.FIRMWARE_FAULT
    number = last_id(programmer)
    assert state_of(device, number) == (OutcomeState.REFUSED, Refusal.FIRMWARE_FAULT)
    saved = json.loads(json.dumps(snapshot.take(device)))
    for each in (device, snapshot.restore(device.pump, saved)):
        each.advance(each.now_ns + SAMPLE_NS)
        assert state_of(each, number) == (OutcomeState.REFUSED, Refusal.INTERRUPTED)


def test_a_command_that_was_kept_is_logged_by_the_next_life_and_no_other_one_is() -> None:
    """LOG-01, COM-09: the supply fails with the last operation of memory."""
    ends = set()
    for seed in range(1, 9):
        device = make(seed=seed)
        programmer = Programmer(device)
        programmer.open()
        device.chip.cut_in(6)
        reply = programmer.command(m.BeginRefill())
        ends.add(type(reply))
        kinds = [kind for kind, _ in programmer.events()]
        after = kinds[len(kinds) - 1 - kinds[::-1].index(EventKind.BOOT) :]
        if isinstance(reply, m.Done):
            assert after == [EventKind.BOOT, EventKind.REFILL_BEGUN, EventKind.COMMAND_DONE]
        else:
            assert after == [EventKind.BOOT, EventKind.COMMAND_REFUSED, EventKind.MEMORY_CORRECTED]
    assert ends == {m.Done, m.Refused}


def test_a_session_whose_end_fails_has_ended_all_the_same() -> None:
    """RST-11: it ended with the life of the logic."""
    device = make()
    programmer = Programmer(device)
    programmer.open()
    device.misbehave("raises")
    assert programmer.command(m.Close()) == m.Done()
    assert state_of(device, last_id(programmer)) == (OutcomeState.DONE, None)
