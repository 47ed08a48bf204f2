"""The machine on a rig that lives on: until the time is over, something is wrong, or it breaks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hil.errors import LinkError
from hil.rig import Rig, open_rig
from hil.testing.prove import Prove
from hil.testing.spell import Spell
from hil.testing.violation import ViolatedError
from protocol import messages as m
from tests.hil.testing.test_machine import status

FEW = Prove(effort=0.2)
"""One example in a round."""
LONG_NS = 60 * 10**9


@pytest.fixture
def rig() -> Iterator[Rig]:
    with open_rig("sim:") as opened:
        yield opened


def altered(rig: Rig, change: Callable[[Any], Any]) -> None:
    """What it says passes through there."""
    port: Any = rig.dut.exchange.port
    receive = port.receive
    port.receive = lambda timeout_s: change(receive(timeout_s))


def lying_in_one_example(spell: Spell, and_then: Callable[[], None]) -> Callable[[Any], Any]:
    """Tells a wrong number of alarms in the second example, and never again."""
    lie = status(alarms_present=3)

    def change(item: Any) -> Any:
        if spell.examples != 2 or not isinstance(item, m.Packet):
            return item
        and_then()
        return lie(item)

    return change


def test_without_a_budget_it_is_one_round(rig: Rig) -> None:
    spell = Spell(rig, None)
    spell.live(FEW)
    assert spell.examples == 1
    assert spell.told().startswith(f"1 examples, {spell.steps} steps in ")
    assert spell.steps > 10


def test_no_example_begins_after_the_budget(rig: Rig) -> None:
    spell = Spell(rig, 1)
    spell.live(FEW)
    assert spell.told().startswith("0 examples, 0 steps in ")


def test_within_the_budget_it_is_round_after_round(rig: Rig) -> None:
    spell = Spell(rig, LONG_NS)

    def ends(item: Any) -> Any:
        if spell.examples == 3:
            spell._budget_ns = 0
        return item

    altered(rig, ends)
    spell.live(FEW)
    assert spell.examples == 3
    assert spell.failure is None


def test_what_a_device_showed_once_is_told(rig: Rig) -> None:
    """Hypothesis does not see it again, and would say that the test is flaky."""
    spell = Spell(rig, LONG_NS)
    altered(rig, lying_in_one_example(spell, lambda: None))
    with pytest.raises(ViolatedError) as caught:
        spell.live(FEW)
    assert caught.value.requirement == "ALM-02"
    assert spell.examples > 2


def test_what_is_wrong_is_not_made_smaller_after_the_budget(rig: Rig) -> None:
    spell = Spell(rig, LONG_NS)

    def time_is_over() -> None:
        spell._budget_ns = 0

    altered(rig, lying_in_one_example(spell, time_is_over))
    with pytest.raises(ViolatedError) as caught:
        spell.live(FEW)
    assert caught.value.requirement == "ALM-02"
    assert spell.examples == 2


def test_a_rig_that_breaks_is_not_tried_again(rig: Rig) -> None:
    seen: list[int] = []

    def severed(item: Any) -> Any:
        if spell.steps > 5:
            seen.append(spell.examples)
            raise LinkError("the plug was pulled")
        return item

    spell = Spell(rig, LONG_NS)
    receive = rig.dut.exchange.port.receive
    altered(rig, severed)
    with pytest.raises(LinkError, match="the plug was pulled"):
        spell.live(FEW)
    assert set(seen) == {spell.examples}
    rig.dut.exchange.port.receive = receive  # type: ignore[method-assign]
