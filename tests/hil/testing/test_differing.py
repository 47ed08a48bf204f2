"""What differs is told by its name, and the rest is not told."""

from hil.testing.differing import difference, leaves, words
from hil.testing.steady import CONFIGURATION, REFILL
from protocol import messages as m
from protocol.control import Event, Interval, Outcome
from protocol.vocabulary import AlarmId, EventKind, Quality, Refusal, Sounder


def test_the_field_that_differs_is_named() -> None:
    other = CONFIGURATION.model_copy(update={"low_volume_nl": 4})
    assert difference(CONFIGURATION, other) == ("low_volume_nl 3000000", "low_volume_nl 4")


def test_fields_within_fields_have_a_path() -> None:
    one = m.ConfigurationReport(configuration=CONFIGURATION, last_refill=REFILL, last_refill_id=1)
    other = one.model_copy(update={"last_refill": REFILL.model_copy(update={"batch": "B1"})})
    assert difference({"told": one}, {"told": other}) == (
        "told.last_refill.batch A1",
        "told.last_refill.batch B1",
    )


def test_what_is_missing_is_nothing() -> None:
    told = Outcome(events=(Event(EventKind.BOOT),))
    expected, seen = difference(told, Outcome())
    assert expected.startswith("events.1.kind boot, ")
    assert seen.startswith("events.1.kind nothing, ")


def test_many_fields_are_counted() -> None:
    expected, seen = difference(list(range(10)), [-1] * 10)
    assert expected == "1 0, 2 1, 3 2, 4 3, and 6 more"
    assert seen == "1 -1, 2 -1, 3 -1, 4 -1"


def test_what_has_no_fields_is_told_as_it_is() -> None:
    assert difference(Sounder.OFF, Sounder.HIGH) == ("off", "high")
    assert difference(1, "1") == ("1", "1")
    assert leaves("a") == {"": "a"}


def test_values_are_told_in_words() -> None:
    told = {
        "no": False,
        "nothing": [],
        "low_reservoir, sensor_fault": {AlarmId.SENSOR_FAULT, AlarmId.LOW_RESERVOIR},
        "low 1, estimate 2, high 3, quality good": Interval(1, 2, 3, Quality.GOOD),
        "Refused: reason still_infusing": m.Refused(reason=Refusal.STILL_INFUSING),
        "Done; Done: reference 2": [m.Done(), m.Done(reference=2)],
        "0a ff": bytes([10, 255]),
    }
    assert {words(value): value for value in told.values()} == told
