"""What must be seen in each shipped scenario: alarms, ledger, truth beside belief."""

import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pumpsim.scenario.file import DAY
from pumpsim.scenario.play import Run
from pumpsim.stimuli import HOUR, MINUTE

pytestmark = pytest.mark.slow

SCENARIOS = Path(__file__).parents[2] / "scenarios"
Played = Callable[[str], tuple[Run, dict[str, Any]]]


def alarms(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [row for row in data["alarms"] if row["alarm"] == name]


MEASURED = [path for path in sorted(SCENARIOS.glob("*.toml")) if "programmed" not in path.stem]
"""Scenarios whose pump measures: what it believes must hold."""


def mean_flow(run: Run, from_ns: int, to_ns: int) -> float:
    """True mean flow, mL/day, over the recorder's buckets in a span."""
    recorder = run.watch.recorder
    assert recorder is not None
    rows = zip(recorder.middles_ns, recorder.truth["flow_m3_per_s"], strict=True)
    means = [band.mean for at_ns, band in rows if from_ns <= at_ns < to_ns]
    return sum(means) / len(means) * 1e6 * 86_400


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda p: p.stem)
def test_a_shipped_scenario_is_short_and_named_as_its_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert tomllib.loads(text)["scenario"]["name"] == path.stem
    assert text.startswith("# ")
    assert len([line for line in text.splitlines() if line.strip()]) <= 40


@pytest.mark.parametrize("path", MEASURED, ids=lambda p: p.stem)
def test_belief_stays_with_the_truth_and_the_ledger_balances(path: Path, played: Played) -> None:
    _, data = played(path.stem)
    assert data["complete"]
    assert data["ledger"]["balance_fl"] == 0
    residual = data["residual_nl"]
    assert residual["low"] <= residual["truth"] <= residual["high"]
    pumped = data["pumped_nl"]
    assert pumped["belief"] == pytest.approx(pumped["truth"], rel=0.01)
    for dose in data["dose_ng"].values():
        if dose["belief"] is not None:
            assert dose["belief"] == pytest.approx(dose["truth"], rel=0.01)
    assert data["refusals"] == []


def test_a_course_alternates_drugs_from_implant_to_explant(played: Played) -> None:
    run, data = played("six-month-course")
    assert data["elapsed_ns"] == 182 * DAY
    kinds = [occurrence.action.kind for occurrence in run.scenario.occurrences]
    assert (kinds[0], kinds[1], kinds[-1]) == ("implant", "perfusion_check", "explant")
    *refills, last = data["refills"]
    assert last["drug"] == "saline"  # nothing stops the pump: no drug is in it when it goes
    assert [row["drug"] for row in refills] == ["heparin", "FUDR"] * 6
    assert all(b["at_ns"] - a["at_ns"] == 14 * DAY for a, b in pairwise(refills))
    assert data["ledger"]["injected_fl"] >= 3 * 10**12  # the tracer, beside the primed catheter


def test_a_course_gives_what_the_prescription_says(played: Played) -> None:
    _, data = played("six-month-course")
    # 182 days at the nominal flow, thicker than water by 1.4 %
    assert data["pumped_nl"]["truth"] / 1e6 == pytest.approx(182 * 1.3 / 1.014, rel=0.01)
    # seven fortnights of FUDR, the last one a day short for saline, and none of it lost but what
    # stays behind in reservoir and needle
    fudr_ml = (14 * 7 - 1) * 1.3 / 1.014
    assert data["dose_ng"]["FUDR"]["truth"] / 1e6 == pytest.approx(fudr_ml * 6.46, rel=0.03)


def test_a_course_raises_no_alarm_but_the_reminders_and_the_flush(played: Played) -> None:
    _, data = played("six-month-course")
    # DOS-02: the tracer pushes the catheter's chemotherapy out, three hours' dose within minutes
    [flush] = alarms(data, "dose_limit")
    assert flush["raised_ns"] == 1 * DAY + 14 * HOUR + 4 * MINUTE
    reminders = alarms(data, "refill_due")
    assert len(reminders) == 13  # one for each refill
    assert len(data["alarms"]) == 14


def test_a_fever_raises_the_flow_by_what_physics_says_and_no_alarm(played: Played) -> None:
    run, data = played("fever")
    healthy = mean_flow(run, 1 * DAY, 3 * DAY)
    feverish = mean_flow(run, 3 * DAY + 4 * HOUR, 3 * DAY + 28 * HOUR)
    assert feverish / healthy == pytest.approx(1.129, abs=0.01)  # domain facts: 39 degrees
    assert mean_flow(run, 5 * DAY + 6 * HOUR, 6 * DAY + 6 * HOUR) == pytest.approx(
        healthy,
        rel=0.01,  # the weather moves it by as much
    )
    assert data["alarms"] == []


def test_a_flight_raises_the_flow_while_it_lasts(played: Played) -> None:
    run, data = played("flight")
    take_off = 1 * DAY + 11 * HOUR
    same_hours = mean_flow(run, 11 * HOUR + 30 * MINUTE, 21 * HOUR)
    aloft = mean_flow(run, take_off + 30 * MINUTE, take_off + 10 * HOUR)
    assert aloft / same_hours == pytest.approx(1.111, abs=0.01)  # domain facts: 8,000 ft
    assert data["alarms"] == []


def test_a_summit_is_over_infusion_until_somebody_acknowledges_it(played: Played) -> None:
    run, data = played("mountain-week")
    [over] = alarms(data, "over_infusion")
    summit = 5 * DAY + 6 * HOUR
    assert summit < over["raised_ns"] < over["ended_ns"] < summit + 24 * HOUR
    assert over["priority"] == "high"
    assert over["acknowledged_ns"] == 12 * DAY + 10 * HOUR
    # the alarm is true: the flow was above the limit, and below it in the village
    assert mean_flow(run, over["raised_ns"], over["raised_ns"] + 2 * HOUR) > 1.3 * 1.15
    assert mean_flow(run, 7 * DAY, 8 * DAY) < 1.3 * 1.15


def test_a_missed_refill_is_told_step_by_step(played: Played) -> None:
    run, data = played("missed-refill")
    rows = [
        alarms(data, name)
        for name in (
            "refill_due",
            "refill_overdue",
            "low_reservoir",
            "empty_reservoir",
            "under_infusion",
        )
    ]
    assert [len(found) for found in rows] == [1] * 5
    raised = [found[0]["raised_ns"] for found in rows]
    assert raised == sorted(raised)
    assert raised[1] == pytest.approx(16 * DAY, abs=10 * MINUTE)
    refill_ns = 26 * DAY + 9 * HOUR
    assert all(refill_ns < found[0]["ended_ns"] < refill_ns + 6 * HOUR for found in rows)
    assert mean_flow(run, 24 * DAY, 26 * DAY) < 0.05
    assert mean_flow(run, 28 * DAY, 30 * DAY) == pytest.approx(1.28, abs=0.03)


def test_a_missed_refill_warns_before_the_pump_runs_low(played: Played) -> None:
    run, data = played("missed-refill")
    recorder = run.watch.recorder
    assert recorder is not None
    rows = zip(recorder.middles_ns, recorder.truth["reservoir_volume_m3"], strict=True)
    truly_low_ns = next(at_ns for at_ns, band in rows if band.mean < 3e-6)
    [low] = alarms(data, "low_reservoir")
    assert truly_low_ns - 12 * HOUR < low["raised_ns"] <= truly_low_ns


def test_a_wrong_volume_is_seen_by_its_fill_level(played: Played) -> None:
    _, data = played("wrong-refill-volume")
    [refill] = data["refills"]
    assert (refill["filled_nl"], refill["declared_filled_nl"]) == (20_000_000, 28_000_000)
    # what was typed would last until day 35; the fill level calls a fortnight after the visit
    [discrepancy] = alarms(data, "refill_discrepancy")  # RES-07: with the first level after it
    assert discrepancy["raised_ns"] <= refill["at_ns"] + 9 * MINUTE
    [low] = alarms(data, "low_reservoir")
    assert low["raised_ns"] < 28 * DAY
    assert low["ended_ns"] is None
    _, due = alarms(data, "refill_due")
    assert due["raised_ns"] < low["raised_ns"] - 2 * DAY
    # the dose goes by volume and concentration, and is right in spite of the typing
    dose = data["dose_ng"]["FUDR"]
    assert dose["belief"] == pytest.approx(dose["truth"], rel=0.01)
