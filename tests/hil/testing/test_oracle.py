"""The oracle is simple enough to be seen through; here by examples a person can reckon."""

import pytest
from hypothesis import given
from pydantic import TypeAdapter

from hil.testing import strategies
from hil.testing.oracle import Doses, Sound, Tip
from hil.testing.steady import SteadyPump, propellant_pa
from protocol.messages import AlarmOccurrence
from protocol.vocabulary import AlarmId, Priority, Propellant, Sounder
from pumpsim.stimuli import ADAPTER


def test_plugs_leave_in_order() -> None:
    """RES-11: 170 uL of nothing, then the first drug, then the second."""
    tip = Tip.primed(170.0)
    tip.push(100.0, "A", 1e6)
    assert tip.doses_ng == {}
    tip.push(100.0, "A", 1e6)
    assert tip.doses_ng == {"A": 30.0}
    tip.push(150.0, "B", 2e6)
    assert tip.doses_ng == {"A": 180.0}
    tip.push(170.0, "B", 2e6)
    assert tip.doses_ng == {"A": 200.0, "B": 300.0}


def test_a_window_holds_what_came_in_it() -> None:
    """DOS-02."""
    doses = Doses(3_600)
    for minute in range(181):
        doses.note(60.0 * minute, float(minute if minute <= 120 else 120))
    assert doses.within(3_600) == 0.0
    assert doses.within(5_400) == pytest.approx(0.0)
    doses.note(181 * 60.0, 150.0)
    assert doses.within(60) == pytest.approx(30.0)
    assert doses.within(30) == pytest.approx(15.0)


def occurrence(number: int, priority: Priority, *, present: bool = True) -> AlarmOccurrence:
    return AlarmOccurrence(
        alarm=AlarmId(number),
        occurrence=number,
        priority=priority,
        present=present,
        acknowledged=False,
        audio_paused=False,
        latching=True,
    )


def test_what_is_heard() -> None:
    """ALM-05, ALM-06, ALM-07."""
    sound = Sound()
    sound.tell(0.0, occurrence(1, Priority.MEDIUM))
    assert sound.sounder(0.0) is Sounder.MEDIUM
    sound.pause(0.0, 1, 60.0, session=7)
    assert sound.sounder(59.0) is Sounder.OFF
    sound.tell(10.0, occurrence(2, Priority.HIGH))
    assert sound.sounder(10.0) is Sounder.HIGH
    sound.acknowledge(20.0, 2)
    assert [sound.sounder(t) for t in (20.0, 60.0)] == [Sounder.OFF, Sounder.MEDIUM]
    sound.advance(80.0)
    assert [sound.sounder(t) for t in (80.0, 84.9, 85.0)] == [
        Sounder.HIGH,
        Sounder.HIGH,
        Sounder.MEDIUM,
    ]
    sound.tell(90.0, occurrence(1, Priority.MEDIUM, present=False))
    assert sound.sounder(90.0) is Sounder.MEDIUM
    sound.acknowledge(91.0, 1)
    assert list(sound.open) == [2]


def test_pauses_end_when_they_must() -> None:
    """ALM-06, ALM-12: another one puts nothing off; each end but a reset's is heard anew."""
    sound = Sound()
    sound.tell(0.0, occurrence(1, Priority.MEDIUM))
    sound.pause(0.0, 1, 60.0, session=7)
    sound.pause(30.0, 1, 60.0, session=7)
    assert [sound.sounder(t) for t in (59.0, 60.0)] == [Sounder.OFF, Sounder.MEDIUM]
    sound.advance(60.0)
    assert sound.open[1].soundings == 2
    sound.pause(70.0, 1, 60.0, session=7)
    sound.end_session(7)
    assert (sound.sounder(71.0), sound.open[1].soundings) == (Sounder.MEDIUM, 3)
    sound.pause(80.0, 1, 60.0, session=8)
    sound.reset(90.0)
    assert (sound.sounder(90.0), sound.open[1].soundings) == (Sounder.MEDIUM, 3)


def test_reminders_begin_anew_with_a_life() -> None:
    """ALM-07, ALM-09: what is acknowledged stays so."""
    sound = Sound()
    sound.tell(0.0, occurrence(1, Priority.HIGH))
    sound.acknowledge(0.0, 1)
    sound.advance(650.0)
    sound.reset(700.0)
    assert sound.open[1].acknowledged
    assert sound.open[1].next_reminder_s() == 760.0


def test_reminders_of_a_high_alarm() -> None:
    """ALM-07: each minute, ten times; then twice as long each time, up to ten minutes."""
    sound = Sound()
    sound.tell(0.0, occurrence(1, Priority.HIGH))
    sound.acknowledge(0.0, 1)
    at_s, told = 0.0, []
    while at_s < 3_600:
        at_s = sound.open[1].next_reminder_s()
        sound.advance(at_s)
        told.append(at_s)
    assert told[:10] == [60.0 * n for n in range(1, 11)]
    assert told[10:14] == [720.0, 960.0, 1_440.0, 2_040.0]


def test_the_steady_pump_is_the_one_of_the_facts() -> None:
    """Domain facts: vapour pressure of n-butane at 37 degC, and +6.2 % of flow a kelvin."""
    assert propellant_pa(310_150, Propellant.N_BUTANE) == pytest.approx(347_800, rel=3e-4)
    usual, warm = SteadyPump().flow_nl_per_h(), SteadyPump(temperature_mk=311_150.0).flow_nl_per_h()
    assert usual == pytest.approx(54_000, rel=1e-3)
    assert warm / usual == pytest.approx(1.062, abs=0.002)


@given(stimulus=strategies.environments() | strategies.faults())
def test_every_stimulus_that_is_drawn_is_one(stimulus: dict[str, object]) -> None:
    assert TypeAdapter.validate_python(ADAPTER, stimulus) is not None


@given(data=strategies.frames)
def test_a_frame_stands_between_its_delimiters(data: bytes) -> None:
    assert data[0] == data[-1] == 0
    assert 0 not in data[1:-1]
