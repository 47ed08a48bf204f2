"""Sets of causes: the table, and what follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.vocabulary import AlarmId, Cause
from pumpsim.firmware.causes import EMPTIED, SIGNATURES, Symptom, causes_of, shown_by
from pumpsim.firmware.conditions import CHANNEL_SYMPTOMS, SYMPTOM_OF
from pumpsim.firmware.screen import CHANNELS


def test_every_cause_has_a_signature_and_every_symptom_a_cause() -> None:
    assert list(SIGNATURES) == list(Cause)
    assert set().union(*SIGNATURES.values()) == set(Symptom)
    assert len(CHANNEL_SYMPTOMS) == len(CHANNELS)


def test_alarms_about_liquid_sensors_and_supply_say_something_about_causes() -> None:
    """The others need none: they name their cause, or follow from the calendar."""
    silent = set(AlarmId) - set(SYMPTOM_OF)
    assert silent == {
        AlarmId.LOW_RESERVOIR,
        AlarmId.EMPTY_RESERVOIR,
        AlarmId.REFILL_DUE,
        AlarmId.REFILL_OVERDUE,
        AlarmId.UNMONITORED,
        AlarmId.CONFIGURATION_LOST,
        AlarmId.MEMORY_FAULT,
        AlarmId.OFF_PLAN,
        AlarmId.DOSE_LIMIT,
        AlarmId.BALANCE_FAULT,  # by direction, as are the four below
        AlarmId.SENSOR_FAULT,
        AlarmId.SENSOR_CONFLICT,
        AlarmId.AMBIENT_PRESSURE,
        AlarmId.CLOCK_INVALID,
        AlarmId.RESETS,
        AlarmId.FIRMWARE_FAULT,
        AlarmId.BATTERY_END,  # never without BATTERY_LOW
    }


@given(cause=st.sampled_from(list(Cause)), data=st.data(), low=st.booleans())
def test_whatever_a_cause_shows_it_is_among_those_told(
    cause: Cause, data: st.DataObject, *, low: bool
) -> None:
    shown = data.draw(st.sets(st.sampled_from(sorted(SIGNATURES[cause])), min_size=1))
    told = causes_of(shown, low=low)
    assert cause in told or (cause is Cause.RESERVOIR_EMPTY and not low)


@given(st.lists(st.sampled_from(list(Cause)), min_size=2, max_size=3))
def test_of_several_causes_at_once_some_explanation_is_told(causes: list[Cause]) -> None:
    shown = set().union(*(SIGNATURES[cause] for cause in causes))
    told = causes_of(shown, low=True)
    assert told
    assert set(told) >= set(causes) or all(shown_by(cause, low=True) >= shown for cause in told)


def test_without_symptoms_there_is_no_cause() -> None:
    assert causes_of((), low=True) == ()


@pytest.mark.parametrize(
    ("symptoms", "causes"),
    [
        ({Symptom.HOT, Symptom.FLOW_HIGH}, {Cause.TEMPERATURE_SENSOR, Cause.HEAT}),
        ({Symptom.CATHETER_HIGH}, {
            Cause.CATHETER_OCCLUDED, Cause.CATHETER_PRESSURE_SENSOR, Cause.POCKET_PRESSURE_SENSOR,
            Cause.BOLUS_PATH,
        }),
        (EMPTIED, {Cause.PROPELLANT_LOSS, Cause.RESERVOIR_PRESSURE_SENSOR}),
        ({Symptom.CATHETER_HIGH, Symptom.UNEXPLAINED_LOSS}, {Cause.CATHETER_PRESSURE_SENSOR}),
    ],
)  # fmt: skip
def test_symptoms_together_leave_fewer_causes(symptoms: set[Symptom], causes: set[Cause]) -> None:
    assert set(causes_of(symptoms, low=False)) == causes


def test_what_leaves_the_reservoir_empty_can_show_it_only_then() -> None:
    shown = EMPTIED | {Symptom.LEVEL_MISSING}
    assert set(causes_of(shown, low=True)) == {Cause.NEEDLE, Cause.POCKET, Cause.BOLUS_PATH}
    assert Cause.RESERVOIR_EMPTY in causes_of(EMPTIED, low=True)
    assert Cause.RESERVOIR_EMPTY not in causes_of(EMPTIED, low=False)
