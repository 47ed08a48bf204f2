"""What a desk writes down: when it was, to the second, and as a scenario acts it out."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil.testing.desk import Desk
from hil.testing.scenario import Scenario, write
from hil.testing.steady import REFILL, USUAL
from hil.testing.subject import Subject
from protocol import messages as m
from protocol.control import Readings
from protocol.vocabulary import ResetCause, Role
from pumpsim.cli import main


@pytest.fixture
def desk() -> Desk:
    return Subject().desk()


def test_seconds_are_told(desk: Desk) -> None:
    desk.wait(6)
    desk.run_s(5)
    assert desk.violated("ALM-05", "silence", "a sound").when == "6 min 5 s"
    assert desk.done[1:] == ["6 min 5 s: 6 min 5 s have passed"]
    desk.let(battery_mv=2_300)
    desk.wait(1)
    desk.power_cycle()
    desk.power_cycle(2, ResetCause.POWER_ON)
    desk.miss(3)
    desk.run_s(0.5)
    assert desk.violated("ALM-05", "silence", "a sound").when == "12 min 5.5 s"
    assert desk.done[2:] == [
        "6 min 5 s: battery_mv = 2300",
        "7 min 5 s: 1 min have passed",
        "7 min 5 s: power lost for a moment, boot with brown_out",
        "7 min 5 s: power lost for 2 min, boot with power_on",
        "9 min 5 s: no samples for 3 min",
        "12 min 5.5 s: 0.5 s have passed",
    ]
    assert [(at_s, act["kind"]) for at_s, act in desk.acts[1:]] == [
        (365, "battery_fault"),
        (425, "power_cycle"),
        (425, "power_off"),
        (545, "power_on"),
        (545, "converter_fault"),
        (725, "converter_fault"),
    ]


def test_what_becomes_true_is_told_in_words(desk: Desk) -> None:
    desk.let(level_nl=25e6, rtc_valid=False)
    desk.let(reads={"battery_mv": None, "temperature_mk": 310_000}, bias={"fill_level_nl": -5})
    desk.let(reads={"battery_mv": None})
    desk.let(bias={})
    assert desk.done[1:] == [
        "0 min: level_nl = 25000000, rtc_valid = no",
        "0 min: battery_mv reads nothing, temperature_mk reads 310000, fill_level_nl is off by -5",
        "0 min: battery_mv reads nothing, temperature_mk is read again",
        "0 min: fill_level_nl is off no more",
    ]


def test_of_a_sample_that_was_made_up_it_tells_what_is_not_as_usual(desk: Desk) -> None:
    desk.feed(USUAL)
    desk.feed(USUAL._replace(sequence=7, pocket_pressure_pa=None, battery_mv=-1))
    desk.feed(USUAL._replace(rtc_valid=False))
    assert desk.done[1:] == [
        "1 min: a usual sample",
        "2 min: a usual sample, but for pocket_pressure_pa nothing, battery_mv -1",
        "3 min: a usual sample, but for rtc_valid no",
    ]


def acted_out(desk: Desk) -> Scenario:
    scenario = desk.violated("RST-11", "nothing", "something").scenario
    assert scenario is not None
    return scenario


def test_a_scenario_says_what_it_cannot_act_out(desk: Desk, tmp_path: Path) -> None:
    """And what it can it does: the cause of a boot, too."""
    desk.wait(3)
    desk.power_cycle(0, ResetCause.WATCHDOG)
    scenario = acted_out(desk)
    assert not scenario.differs
    assert scenario.events[-1][1] == {"kind": "power_cycle", "cause": "watchdog"}
    path = write(replace(scenario, logic="pumpsim.firmware:ReferenceLogic"), tmp_path, "watchdog")
    assert CliRunner().invoke(main, ["run", str(path)]).exit_code == 0
    desk.power_cycle(1)
    desk.do(m.Close(), Role.PATIENT)
    desk.feed(Readings(0, None, None, None, None, None, None, None, None, rtc_valid=False))
    scenario = acted_out(desk)
    assert scenario.differs == (
        "the same requests and waits; the pump boots with power_on there; "
        "one clinician sends every request there; readings were made up and are not in it"
    )
    assert f"# differs: {scenario.differs}" in write(scenario, tmp_path, "made up").read_text()


def test_a_blank_pump_has_no_scenario() -> None:
    """A scenario's is implanted."""
    blank = Subject().bare_desk()
    blank.boot(ResetCause.POWER_ON)
    assert blank.violated("DOS-09", "nothing", "something").scenario is None


def test_what_is_not_as_usual_at_first_is_told() -> None:
    """Nobody could follow a report whose configuration was drawn."""
    desk = Subject().desk(
        REFILL.model_copy(update={"stability_s": 86_400}), dose_limit_permille=1_010
    )
    assert desk.done == [
        "0 min: boot, configuration with dose_limit_permille 1010, "
        "first refill with stability_s 86400, first sample"
    ]
    assert "no refill" in Subject().desk(None).done[0]
