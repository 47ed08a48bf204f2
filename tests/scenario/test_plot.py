"""The picture of a run: what its rows are called, where their bars end."""

from pathlib import Path
from typing import Any

import pytest

from protocol.vocabulary import AlarmId, Priority
from pumpsim.report import plot
from pumpsim.scenario import file as scenarios
from pumpsim.scenario.faultbook import called
from pumpsim.scenario.play import Run
from pumpsim.scenario.watch import AlarmRow
from pumpsim.stimuli import ADAPTER, HOUR
from pumpsim.trace import Trace

TEXT = """
[scenario]
name = "rows"
length = "10 h"
[[event]]
at = "1 h"
do = "fault"
name = "restrictor_fast"
[[event]]
at = "3 h"
do = "fault"
name = "restrictor_fast"
end = true
[[event]]
at = "2 h"
do = "sensor_fault"
channel = "battery_mv"
bias = 9
[[event]]
at = "2 h"
do = "fault"
name = "clock_jump_back"
[[event]]
at = "2 h"
do = "fault"
name = "depth_high_pressure"
[[event]]
at = "5 h"
do = "dive"
pressure = "20 kPa"
"""


def test_each_fault_has_a_row_of_its_name_with_a_bar_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "rows.toml"
    path.write_text(TEXT)
    run = Run.prepare(scenarios.load(path), None, Trace())
    run.play()
    lanes = plot._lanes(run)
    bars = {
        name: [plot._length_ns(row, place, run.device.now_ns) for place in range(len(row))]
        for name, row in lanes.items()
    }
    assert bars == {
        "restrictor fast": [2 * HOUR, 0],
        "sensor fault battery mv": [8 * HOUR],
        "clock jump back": [0],
        "depth high pressure": [HOUR * 64 // 60],
        "dive": [HOUR * 110 // 60],
    }
    marks = [plot._marker(one.action)["marker"] for one in lanes["restrictor fast"]]
    assert marks == [">", "<"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"kind": "fault", "name": "flow_stop"}, "flow_stop"),
        ({"kind": "fault", "name": "flow_stop", "end": True}, "end of flow_stop"),
        ({"kind": "converter_fault", "how": "silent"}, "converter_fault"),
        ({"kind": "converter_fault", "how": "sound"}, "end of converter_fault"),
        (
            {"kind": "plant_condition", "name": "septum_leak_ml_per_day", "value": 3},
            "plant_condition septum_leak_ml_per_day",
        ),
        ({"kind": "memory_fault", "torn": True}, "memory_fault"),
        ({"kind": "power_cycle"}, "power_cycle"),
    ],
)
def test_faults_are_called_by_their_name_and_so_is_their_end(
    body: dict[str, Any], name: str
) -> None:
    assert called(ADAPTER.validate_python(body)) == name


def alarm(raised: int, ended: int | None, known: int | None, *, latching: bool = True) -> AlarmRow:
    steps = [(raised, Priority.HIGH)]
    return AlarmRow(AlarmId.FLOW_STOP, raised, raised, latching, steps, ended, known)


def test_an_alarm_that_latches_goes_on_until_somebody_or_the_next_one_takes_it() -> None:
    rows = [alarm(1, 2, 4), alarm(5, 6, None), alarm(7, 8, None)]
    assert [plot._latched_ns(rows, place, 10) for place in range(3)] == [4, 7, 10]
    for over in (alarm(1, None, None), alarm(1, 2, None, latching=False)):
        assert plot._latched_ns([over], 0, 10) == 0
