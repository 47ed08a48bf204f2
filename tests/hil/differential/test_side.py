"""A rig is as good a bedside as a device in this process: the same scenario, the same life."""

from pathlib import Path

import pytest

from hil.differential.side import Side
from hil.emulated.scenario import Scenario
from hil.rig import open_rig
from protocol import messages as m
from pumpsim.scenario import file
from pumpsim.scenario.play import Run
from pumpsim.trace import Trace

HOUR_NS = 3_600 * 10**9
LIFE = """
[scenario]
name = "visits"
length = "3 d"

[fill.heparin]
drug = "heparin"
concentration = "0 mg/mL"
volume = "28 mL"

[[event]]
at = "0 d"
do = "implant"

[[event]]
at = "1 d"
do = "perfusion_check"

[[event]]
at = "2 d"
do = "refill"
fill = "heparin"
volume = "20 mL"
reason = "drug_change"

[[event]]
at = "2 d"
time = 12:00:00
do = "refill"
fill = "heparin"
"""


@pytest.mark.slow
def test_a_scenario_on_a_rig_is_the_one_in_process(tmp_path: Path) -> None:
    path = tmp_path / "visits.toml"
    path.write_text(LIFE)
    run = Run.prepare(file.load(path), None, Trace())
    run.play()
    with open_rig("sim:") as rig:
        side = Side("sim:", rig)
        side.meet(0)
        played = Scenario.load(path).at(side)
        for number, _ in enumerate(played.steps(HOUR_NS)):
            side.look(number)
        truth, report = rig.laboratory.truth(), rig.dut.read_configuration()
    assert truth["ledger"] == run.device.truth()["ledger"]
    assert truth["ledger"]["injected_fl"] > 3 * 10**12
    assert isinstance(report, m.ConfigurationReport)
    assert report.last_refill is not None
    assert report.last_refill.drug == "heparin"
    assert played.refusals == run.clinic.journal.refusals
    assert [why for _, why in played.refusals] == [
        "the pump refused commit_refill: refill_too_early"
    ]
    raised = [(row.raised_ns, row.alarm) for row in run.watch.alarms.values()]
    seen = [(note.at_ns, note.alarm) for note in side.alarms if note.present]
    assert [alarm for _, alarm in seen] == [alarm for _, alarm in raised]
    assert raised  # 20 mL where 28 mL were declared
    for (seen_ns, _), (raised_ns, _) in zip(seen, raised, strict=True):
        assert abs(seen_ns - raised_ns) <= 10**8
