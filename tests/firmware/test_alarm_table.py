"""The alarms as data: every hazard has its alarm, every row is sound."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.vocabulary import AlarmId, EventKind, Priority
from pumpsim.firmware.alarms import REMINDERS, TABLE
from pumpsim.firmware.conditions import ORDER
from tests.firmware.bench import DAY, Bench

DOMAIN = Path(__file__).parents[2] / "docs" / "domain.md"
UNITS_S = {"samples": 60, "min": 60, "h": 3_600}
MUST_LEAD_TO: dict[str, tuple[AlarmId | EventKind, ...]] = {
    "over-infusion": (AlarmId.OVER_INFUSION,),
    "over-infusion, free flow": (AlarmId.OVER_INFUSION,),
    "over-infusion or leak": (AlarmId.OVER_INFUSION,),
    "under-infusion": (AlarmId.UNDER_INFUSION,),
    "flow stop": (AlarmId.FLOW_STOP,),
    "flow stop or sensor": (AlarmId.FLOW_STOP, AlarmId.SENSOR_FAULT),
    "occlusion": (AlarmId.OCCLUSION,),
    "occlusion, partial": (AlarmId.PARTIAL_OCCLUSION,),
    "event with the volume": (EventKind.OCCLUSION_RELEASED,),
    "disconnect": (AlarmId.CATHETER_DISCONNECT,),
    "pocket fill": (AlarmId.POCKET_FILL,),
    "tampering": (AlarmId.TAMPERING,),
    "discrepancy": (AlarmId.REFILL_DISCREPANCY,),
    "bolus-path injection, HIGH": (AlarmId.BOLUS_PATH_INJECTION,),
    "sensor conflict": (AlarmId.SENSOR_CONFLICT,),
    "sensor fault": (AlarmId.SENSOR_FAULT,),
    "propellant": (AlarmId.PROPELLANT_LOW,),
    "environment": (AlarmId.TEMPERATURE_HIGH, AlarmId.AMBIENT_PRESSURE),
    "reverse flow": (AlarmId.REVERSE_FLOW,),
    "clock invalid; no interval moves": (AlarmId.CLOCK_INVALID,),
    "corrected and logged; or unknown, HIGH": (
        EventKind.MEMORY_CORRECTED,
        AlarmId.CONFIGURATION_LOST,
    ),
    "resets": (AlarmId.RESETS,),
    "staged warnings": (AlarmId.BATTERY_LOW, AlarmId.BATTERY_END),
    "firmware fault": (AlarmId.FIRMWARE_FAULT,),
}
"""The words of docs/domain.md, section 4, in those of the link."""
NOTHING_PROMISED = {"\N{EN DASH}", "no detection promised"}


def catalogue() -> list[tuple[str, str]]:
    """(what a fault must lead to, and within which time), a row for each fault."""
    section = DOMAIN.read_text(encoding="utf-8").split("\n## 4.")[1].split("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| ")]
    found = [(cells[4].strip(), cells[5].strip()) for cells in rows[1:]]
    return [row for row in found if row[0] not in NOTHING_PROMISED]


def test_every_alarm_has_one_row() -> None:
    """ALM-01."""
    assert set(TABLE) == set(AlarmId)
    assert set(REMINDERS) == set(Priority)


def test_every_hazard_leads_to_an_alarm() -> None:
    """ALM-01: complete against the fault catalogue."""
    assert {effect for effect, _ in catalogue()} == set(MUST_LEAD_TO)


def test_no_alarm_may_come_later_than_the_catalogue_says() -> None:
    """ALM-01."""
    latest_s: dict[AlarmId, int] = {}
    for effect, within in catalogue():
        number, _, unit = within.partition(" ")
        for alarm in MUST_LEAD_TO[effect]:
            if isinstance(alarm, AlarmId) and unit in UNITS_S:
                bound_s = int(number) * UNITS_S[unit]
                latest_s[alarm] = max(bound_s, latest_s.get(alarm, 0))
    assert len(latest_s) > 12
    for alarm, bound_s in latest_s.items():
        assert TABLE[alarm].within_s <= bound_s, alarm


def test_bypath_injection_is_high_as_the_catalogue_demands() -> None:
    """ALM-01."""
    assert TABLE[AlarmId.BOLUS_PATH_INJECTION].priority is Priority.HIGH


@pytest.mark.parametrize("alarm", AlarmId)
def test_each_row_is_sound(alarm: AlarmId) -> None:
    """ALM-01, ALM-18: an escalation goes up, and a bound is a time."""
    spec = TABLE[alarm]
    assert spec.condition
    assert 0 <= spec.within_s <= 86_400
    assert spec.rises_to is None or spec.rises_to > spec.priority


PRESSURES = st.none() | st.integers(0, 700_000)
SAMPLES = st.fixed_dictionaries(
    {
        "reservoir_pressure_pa": PRESSURES,
        "catheter_pressure_pa": PRESSURES,
        "pocket_pressure_pa": PRESSURES,
        "temperature_mk": st.none() | st.integers(283_150, 323_150),
        "fill_level_nl": st.none() | st.integers(0, 33_000_000),
        "battery_mv": st.none() | st.integers(0, 4_000),
    }
)


@pytest.mark.slow
@settings(max_examples=50)
@given(st.lists(st.tuples(SAMPLES, st.integers(0, 9 * DAY)), min_size=1, max_size=8))
def test_no_condition_has_a_priority_that_the_table_does_not_give_it(
    course: list[tuple[dict[str, int | None], int]],
) -> None:
    """ALM-18: what rises, rises to what its row says, and no priority falls."""
    bench = Bench()
    bench.configure()
    for sample, later in course:
        bench.wait_until(bench.ticks + later)
        bench.run(3, **sample)
    last: dict[int, Priority] = {}
    for told in (alarm for outcome in bench.outcomes for alarm in outcome.alarms):
        spec = TABLE[told.alarm]
        assert told.priority in {spec.priority, spec.rises_to}
        assert told.priority >= last.get(told.occurrence, Priority.LOW)
        last[told.occurrence] = told.priority


def test_conditions_are_judged_in_the_order_of_the_table() -> None:
    """RES-02, ALM-13: of two that begin together, the first row is raised first."""
    assert tuple(TABLE) == ORDER
