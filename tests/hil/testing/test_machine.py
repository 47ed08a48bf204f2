"""The state machine on the demonstration pump, and on one that lies."""

from itertools import cycle
from typing import Any

import pytest
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from hil.rig import Rig, open_rig
from hil.testing.machine import PumpMachine
from hil.testing.prove import Prove, suite_settings
from hil.testing.subject import Subject
from hil.testing.suite import test_machine as lives
from hil.testing.violation import ViolatedError
from protocol import messages as m
from protocol.vocabulary import AlarmId


def run(machine: type[PumpMachine], examples: int = 25, steps: int = 15) -> None:
    run_state_machine_as_test(
        seed(0)(machine),
        settings=settings(suite_settings(examples, steps), phases=[Phase.generate]),
    )


def test_the_demonstration_pump_passes() -> None:
    run(PumpMachine, 6)


def lying(change: Any) -> type[PumpMachine]:
    """The machine on a rig whose link changes what the pump says."""

    def opening() -> Rig:
        rig = open_rig("sim:")
        port: Any = rig.dut.exchange.port
        receive = port.receive

        def changed(timeout_s: float) -> Any:
            item = receive(timeout_s)
            return change(item) if isinstance(item, m.Packet) else item

        port.receive = changed
        rig.reopen = None  # from a snapshot, another pump would come that is honest
        return rig

    return type("Lying", (PumpMachine,), {"opening": staticmethod(opening)})


def status(**fields: Any) -> Any:
    """A change of every status."""

    def change(packet: m.Packet) -> m.Packet:
        body = packet.body
        if not isinstance(body, m.Status):
            return packet
        part = body.status.model_copy(
            update={
                name: value(getattr(body.status, name)) if callable(value) else value
                for name, value in fields.items()
            }
        )
        return packet._replace(body=m.Status(status=part))

    return change


def shifted(estimate: m.Estimate) -> m.Estimate:
    by_nl = 2_000_000
    return m.Estimate(
        low=estimate.low + by_nl,
        estimate=estimate.estimate + by_nl,
        high=estimate.high + by_nl,
        quality=estimate.quality,
    )


def in_turn(values: list[Any]) -> Any:
    turns = cycle(values)
    return lambda _: next(turns)


@pytest.mark.parametrize("start", range(4))
def test_a_pump_that_says_nothing_of_harm_is_found_out(start: int) -> None:
    """FLW-04, DOS-02: hours without a drop, or a day of far too much, and no alarm."""
    subject = Subject("tests.hil.testing.bad_logics:Mute")
    with pytest.raises(ViolatedError) as caught:
        lives.test_harm_is_never_done_in_silence(subject, Prove(start))
    assert caught.value.requirement in {"FLW-04", "DOS-02"}


@pytest.mark.parametrize("factor", [0.0, 3.0])
def test_harm_that_a_silent_level_alone_would_show_is_told_as_that(factor: float) -> None:
    """SEN-07, FLW-04, DOS-02: no pressure tells what a restrictor does."""
    silent = {"kind": "sensor_fault", "channel": "fill_level_nl", "missing": True}
    name = "restrictor_conductance_factor"
    machine = PumpMachine()
    machine.begin()
    machine.break_something(stimulus=silent)
    machine.holds()
    machine.suffer({"kind": "plant_condition", "name": name, "value": factor}, "1 d")
    machine.holds()
    assert AlarmId.SENSOR_FAULT in {one.alarm for one in machine.must.listed}
    machine.teardown()


def test_logic_that_saves_half_of_itself_is_found_out() -> None:
    """RST-11: it goes on from a snapshot as another would."""
    subject = Subject("tests.hil.testing.bad_logics:Forgets")
    forgets = type("Forgets", (PumpMachine,), {"opening": staticmethod(subject.rig)})
    with pytest.raises(ViolatedError) as caught:
        run(forgets, 60)
    assert caught.value.requirement == "RST-11"
    assert "a snapshot; wait" in caught.value.done[-1]


def test_logic_without_a_name_is_known_by_what_found_it() -> None:
    name = "tests.hil.testing.bad_logics:Unsaved"
    with Subject(name).rig() as rig:
        assert rig.identity.firmware == name[: m.MAX_NAME]


def test_logic_that_cannot_be_saved_is_not_asked_to() -> None:
    subject = Subject("tests.hil.testing.bad_logics:Unsaved")
    run(type("Unsaved", (PumpMachine,), {"opening": staticmethod(subject.rig)}), 6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "requirement"),
    [
        (status(sample_sequence=1), "COM-10"),
        (status(residual_volume_nl=shifted), "RES-01"),
        (status(delivered_total_nl=lambda total: total + 20_000_000), "DOS-01"),
        (status(alarms_present=3), "ALM-02"),
        (status(alarm_digest=7), "ALM-02"),
        (status(refill_open=in_turn([False, True])), "COM-01 COM-04 COM-06"),
    ],
    ids=["frozen", "full", "generous", "miscounted", "as before", "restless"],
)
def test_a_pump_that_lies_is_found_out(change: Any, requirement: str) -> None:
    with pytest.raises(ViolatedError) as caught:
        run(lying(change), 200)
    assert caught.value.requirement in requirement.split()
    assert caught.value.done


def test_a_reset_that_finds_a_clock_just_set_leaves_what_two_levels_leave_open() -> None:
    """RST-03: nobody has seen that clock run; the level alone bounds what left, and that counts."""
    machine = PumpMachine()
    try:
        machine.begin()
        machine.command(m.SetClock(rtc_s=2_000_000_000))
        machine.break_something({"kind": "power_cycle"})
        machine.wait("61 s")
        machine.must.look()
        assert machine.must.seen.delivered_total_nl > 100_000  # a minute delivers 900
    finally:
        machine.teardown()
