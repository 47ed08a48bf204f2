"""Laying values and alarms side by side: counts, largest difference, where two runs part."""

import pytest

from hil.differential import comparison as c
from hil.differential.side import AlarmNote, Sample
from hil.differential.signals import NAMES, unit, why_not
from hil.differential.tolerance import tolerances
from protocol.vocabulary import AlarmId

FLOW = "belief_flow_nl_per_h"
SECOND = 10**9


def signal(tolerance: float = 1.0) -> c.SignalComparison:
    return c.SignalComparison(FLOW, tolerance)


def test_the_largest_difference_and_the_first_beyond_the_tolerance_are_kept() -> None:
    one = signal(tolerance=2.0)
    for at_ns, a, b in ((1, 5.0, 5.0), (2, 5.0, 7.0), (3, 5.0, 8.0), (4, 9.0, 5.0), (5, 1.0, 4.0)):
        one.add(at_ns, a, b)
    assert one.compared == 5
    assert one.largest == c.Pair(4, 9.0, 5.0)
    assert one.first_part == c.Pair(3, 5.0, 8.0)
    assert one.parted_ns == 3
    assert one.share == 2.0


def test_what_differs_by_just_the_tolerance_does_not_part() -> None:
    one = signal(tolerance=2.0)
    one.add(1, 5.0, 7.0)
    assert not one.parts
    assert signal(0.0).share == 0.0


def test_what_only_one_side_knows_parts() -> None:
    one = signal()
    one.add(1, None, None)
    assert one.first_one_sided_ns is None
    one.add(2, 5.0, None)
    one.add(3, None, 5.0)
    assert one.parts
    assert (one.one_sided, one.parted_ns, one.compared) == (2, 2, 0)


def test_the_course_keeps_its_extremes_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c, "MAX_POINTS", 16)
    one = signal()
    for at_ns in range(1_000):
        one.add(at_ns, 0.0, 9.0 if at_ns in (0, 313, 999) else 0.1)
    assert len(one.course) <= 16
    assert {pair.at_ns for pair in one.course if pair.b == 9.0} == {0, 313, 999}
    instants = [pair.at_ns for pair in one.course]
    assert instants == sorted(instants)


def test_samples_are_matched_by_number_and_strays_are_counted() -> None:
    found = c.Comparison({FLOW: 1.0})
    a = [Sample(n, n * SECOND, {FLOW: 1.0}) for n in (1, 2, 3)]
    b = [Sample(n, n * SECOND, {FLOW: 1.0}) for n in (2, 3, 4)]
    found.add(a, b)
    assert found.signals[FLOW].compared == 2
    assert (found.unpaired, found.first_unpaired_ns) == (2, SECOND)


def test_alarms_are_paired_in_order_and_by_kind() -> None:
    low, due = AlarmId.LOW_RESERVOIR, AlarmId.REFILL_DUE
    a = [AlarmNote(10 * SECOND, due, present=True), AlarmNote(20 * SECOND, low, present=True)]
    b = [
        AlarmNote(12 * SECOND, low, present=True),
        AlarmNote(11 * SECOND, due, present=True),
        AlarmNote(90 * SECOND, due, present=False),
    ]
    first, second, third = c.paired(a, b, tolerance_s=5.0)
    assert (first.words, first.a_ns, first.b_ns) == ("refill_due raised", 10**10, 11 * SECOND)
    assert not first.parts
    assert second.words == "low_reservoir raised"
    assert second.parts
    assert third == c.AlarmPair("refill_due ended", None, 90 * SECOND, 5.0)
    assert third.parts


WEEK_NS = 7 * 86_400 * SECOND


def test_a_later_tolerance_wins_and_all_sets_every_signal() -> None:
    found = tolerances([(FLOW, 5.0), ("all", 0.0), ("alarms_s", 60.0)], WEEK_NS, WEEK_NS)
    assert found[FLOW] == (0.0, "as asked for")
    assert found["alarms_s"] == (60.0, "as asked for")
    assert list(found) == list(NAMES)


def test_a_tolerance_is_what_declared_bounds_add_up_to() -> None:
    """By hand, from the tables of docs/domain.md."""
    found = tolerances([], WEEK_NS, WEEK_NS)
    week_y, week_h = 7 / 365.25, 7 * 24
    assert found["reading_battery_mv"].value == 2 * (3 * 2 + 0.5)
    assert found["reading_temperature_mk"].value == pytest.approx(2 * (3 * 20 + 5 + 50 * week_y))
    assert found["reading_pocket_pressure_pa"].value == pytest.approx(
        2 * 2_000 + 2 * (3 * 100 + 12.5 + 500 * week_y)
    )
    outlet_pa = 2 * (1_300 + 1_500 + 2_000)
    assert found["truth_outlet_pressure_pa"].value == outlet_pa + 25
    flow = 1.3e6 / 24 * outlet_pa / 234_000 * (1 + 4 * 0.0195)
    assert found["truth_flow_nl_per_h"].value == pytest.approx(flow, rel=2e-3)
    assert found["truth_delivered_nl"].value == pytest.approx(flow * week_h + 5_000, rel=2e-3)
    assert found["reading_fill_level_nl"].why.endswith("+ 375000 two sensors' error")


def test_older_sensors_may_differ_more_up_to_what_calibration_leaves() -> None:
    ages = [
        tolerances([], WEEK_NS, age * WEEK_NS)["reading_pocket_pressure_pa"]
        for age in (1, 52, 105, 999)
    ]
    assert ages[0].value < ages[1].value < ages[2].value
    assert ages[2] == ages[3]


@pytest.mark.parametrize("name", NAMES)
def test_every_signal_ends_in_a_unit(name: str) -> None:
    assert unit(name)
    assert why_not(name) is None
    assert f"did you mean {name!r}" in (why_not(f"{name}x") or "")
