"""`pumpsim alarms` from the command line, and what its table makes of results."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pumpsim.catalogue import CATALOGUE
from pumpsim.cli import main
from pumpsim.performance import campaign, table
from pumpsim.performance.campaign import Plan, Results
from pumpsim.performance.command import Options, plan_of
from pumpsim.performance.living import Life
from pumpsim.performance.page import render_page
from pumpsim.performance.trial import Trial, Verdict
from pumpsim.pumpfile import demo

TOP = Path(__file__).parents[2]

LOOSE = """
[pump]
id = "loose"

[alarms]
tolerance_percent = 30
"""


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["alarms", *arguments])


def trial(verdict: Verdict, seed: int = 1, **fields: Any) -> Trial:
    return Trial("flow_stop", seed, 0.0, beyond=False, verdict=verdict, **fields)


def gathered(*trials: Trial, lives: tuple[Life, ...] = ()) -> dict[str, Any]:
    plan = Plan(demo(), ("flow_stop", "gas_in_reservoir"), len(trials), 1.0)
    return table.gather(plan, Results(list(trials), list(lives)))


def detected(seed: int, seconds: int = 600) -> Trial:
    return trial(Verdict.DETECTED, seed, delay_ns=seconds * 10**9, volume_error_nl=-9_000)


@pytest.mark.slow
def test_one_fault_as_data() -> None:
    result = invoke("--faults", "restrictor_fast", "--runs", "2", "--jobs", "2", "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    [row] = data["faults"]
    assert (row["fault"], row["detected"], row["injected"]) == ("restrictor_fast", 2, 2)
    assert row["at_least_percent"] == 22.36
    assert row["beyond"] == {"injected": 1, "detected": 1}
    assert row["delay_s"]["median"] <= row["delay_s"]["worst"] <= row["bound_s"]
    assert data["life"] is None
    assert data["holds"]


@pytest.mark.slow
def test_a_pump_that_tolerates_too_much_fails(tmp_path: Path) -> None:
    """Exit code 1, the row marked, and a page all the same."""
    pump, page = tmp_path / "loose.toml", tmp_path / "page.html"
    pump.write_text(LOOSE, encoding="utf-8")
    result = invoke(
        "--faults", "restrictor_fast", "--runs", "1", "--jobs", "1",
        "--pump", str(pump), "--html", str(page),
    )  # fmt: skip
    assert result.exit_code == 1, result.output
    assert "FAILS" in result.stdout
    text = page.read_text(encoding="utf-8")
    assert "data:image/png;base64," in text
    assert "Alarm performance of loose" in text
    assert "http" not in text


@pytest.mark.parametrize("name", ["restrictor_fats", "RESTRICTOR_FAST"])
def test_an_unknown_fault_is_told_a_known_one(name: str) -> None:
    result = invoke("--faults", name)
    assert result.exit_code == 2
    assert f"{name!r} is no fault; did you mean 'restrictor_fast'?" in result.output


def test_a_fault_unlike_any_is_told_where_all_are() -> None:
    result = invoke("--faults", "zzz")
    assert result.exit_code == 2
    assert result.output == "Error: 'zzz' is no fault; `pumpsim alarms --list` names them all\n"


@pytest.mark.parametrize("more", [(), ("--life", "0"), ("--full",)])
def test_who_asks_for_nothing_is_told_so(more: tuple[str, ...]) -> None:
    result = invoke("--faults", "none", *more)
    assert result.exit_code == 2
    assert "nothing is asked for" in result.output


def test_a_page_without_a_folder_is_refused_before_anything_runs(tmp_path: Path) -> None:
    result = invoke("--html", str(tmp_path / "nowhere" / "page.html"))
    assert result.exit_code == 2
    assert "there is no folder" in result.output


def test_a_folder_is_no_page(tmp_path: Path) -> None:
    result = invoke("--faults", "flow_stop", "--runs", "1", "--html", str(tmp_path))
    assert result.exit_code == 2
    assert "is a folder" in result.output


def test_a_page_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    page = tmp_path / f"{'x' * 300}.html"  # longer than any file's name
    result = invoke("--html", str(page))
    assert result.exit_code == 2
    assert "cannot be written: File name too long" in result.output


def test_a_page_is_not_made_before_it_is_written(tmp_path: Path) -> None:
    """Nor is one that is there spoiled by asking whether it could be."""
    old, new = tmp_path / "old.html", tmp_path / "new.html"
    old.write_text("kept", encoding="utf-8")
    for page in (old, new):
        assert invoke("--faults", "none", "--html", str(page)).exit_code == 2
    assert old.read_text(encoding="utf-8") == "kept"
    assert not new.exists()


@pytest.mark.parametrize("years", ["nan", "inf", "-1"])
def test_a_life_has_a_length(years: str) -> None:
    result = invoke("--faults", "none", "--life", years)
    assert result.exit_code == 2
    assert "Invalid value for '--life'" in result.output


def test_the_list_has_every_fault() -> None:
    result = invoke("--list")
    assert result.exit_code == 0
    assert [name for name in CATALOGUE if f"{name}\n" not in result.stdout] == []
    assert "over_infusion within 6 h, from 1.3 to 2.5 times the conductance\n" in result.stdout
    assert "from 3.5 to 10.0 mL/day\n    lasts until it is ended\n" in result.stdout
    assert "    the event occlusion_released within 2 min\n" in result.stdout


def test_the_list_has_the_faults_that_were_asked_for() -> None:
    result = invoke("--list", "--faults", "flow_stop,septum_leak")
    assert [line for line in result.stdout.splitlines() if line[0] != " "] == [
        "flow_stop",
        "septum_leak",
    ]
    rows = json.loads(invoke("--list", "--json", "--faults", "flow_stop").stdout)
    assert [row["name"] for row in rows] == ["flow_stop"]
    wrong = invoke("--list", "--faults", "flow_stpo")
    assert (wrong.exit_code, "did you mean 'flow_stop'?" in wrong.output) == (2, True)


def test_the_list_for_programs_has_every_fault() -> None:
    result = invoke("--list", "--json")
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert list(rows) == list(CATALOGUE)
    assert rows["flow_stop"]["bound_s"] == CATALOGUE["flow_stop"].bound_s
    assert rows["restrictor_fast"]["severity"]["stated"] == 1.3
    assert rows["clock_frozen"]["clearance"] == [{"kind": "clock_fault", "valid": True}]
    assert rows["clock_jump_back"]["clearance"] == []
    assert rows["pocket_fill"]["clearance"] == []


@pytest.mark.parametrize("word", ["all", "ALL"])
def test_all_is_all_however_it_is_written(word: str) -> None:
    assert plan_of(Options(faults=word)).names == tuple(CATALOGUE)


def test_what_the_options_ask_for() -> None:
    whole, one, full = plan_of(Options()), plan_of(Options(faults="flow_stop")), Options(full=True)
    assert (whole.runs, whole.beyond, whole.years) == (20, 5, 4.0)
    assert (one.names, one.years) == (("flow_stop",), 0.0)
    assert (plan_of(full).runs, plan_of(full).years) == (200, 100.0)
    assert Plan(demo(), (), 0, 2.5).lives() == [365.0, 365.0, 182.5]


@pytest.mark.slow
def test_a_long_campaign_can_be_run_in_parts() -> None:
    """The seeds of a part are those that the whole has at its place."""
    day = 1 / 365
    stop = campaign.make_stop()
    part = campaign.run(Plan(demo(), ("flow_stop",), 1, day, first_seed=2), 1, stop)
    whole = campaign.run(Plan(demo(), ("flow_stop",), 2, 0), 1, stop)
    assert [one.seed for one in part.trials if not one.beyond] == [2]
    assert part.trials[0] == next(one for one in whole.trials if one.seed == 2 and not one.beyond)
    assert [life.seed for life in part.lives] == [2]
    assert plan_of(Options(faults="none", life=1.0, first_seed=9)).seeds()[0] == 9


@pytest.mark.slow
def test_life_alone() -> None:
    result = invoke("--faults", "none", "--life", "0.001", "--first-seed", "5")
    assert result.exit_code == 0, result.output
    assert "1 seed from 5" in result.stdout
    assert "flow_stop" not in result.stdout


@pytest.mark.slow
def test_a_campaign_that_is_stopped_says_so() -> None:
    stop = campaign.make_stop()
    stop.set()
    results = campaign.run(Plan(demo(), ("flow_stop",), 2, 1.0), 1, stop)
    assert (results.trials, results.lives, results.complete) == ([], [], False)


def test_a_row_holds_when_all_were_detected() -> None:
    data = gathered(*(detected(seed, 60 * seed) for seed in range(1, 21)))
    [row] = data["faults"]
    assert data["holds"]
    assert (row["detected"], row["injected"]) == (20, 20)
    assert row["delay_s"] == {"median": 600.0, "p95": 1_140.0, "worst": 1_200.0}
    assert "20/20" in table.render(data)
    assert "The one fault holds" in table.render(data)


def test_numbers_for_programs_are_no_longer_than_they_mean() -> None:
    data = gathered(detected(1), replace(detected(2), dose_error_percent=0.1 + 0.2))
    [row] = data["faults"]
    assert (row["severity"], {one["severity"] for one in row["trials"]}) == (None, {None})
    assert row["dose_error_percent"] == row["trials"][1]["dose_error_percent"] == 0.3
    twenty = gathered(*(trial(Verdict.LATE, seed) for seed in range(1, 20)), detected(20))
    assert len(str(twenty["faults"][0]["at_least_percent"])) <= 5


def test_a_page_says_what_was_run() -> None:
    done = gathered(detected(1))
    assert "1 run of each fault at its stated severity. Detection" in render_page(done)
    plan = Plan(demo(), ("flow_stop",), 20, 0.0)
    stopped = render_page(table.gather(plan, Results([detected(1)], complete=False)))
    assert "Stopped before its end: 1 of 20 runs were made. Detection" in stopped
    assert "of each fault" not in stopped


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a signal to a child")
def test_who_waits_for_the_forecast_is_told_so_and_can_end_it() -> None:
    command = [sys.executable, "-m", "pumpsim", "alarms", "--full"]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=TOP
    )
    assert child.stderr is not None
    assert child.stderr.readline() == "measuring on a small part how long it will take: a moment\n"
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, "")
    assert err == "interrupted before anything was run\n"


def test_one_late_run_fails_its_row() -> None:
    data = gathered(detected(1), trial(Verdict.LATE, 2, delay_ns=10**14))
    assert not data["holds"]
    assert data["faults"][0]["injected"] == 2
    assert "1 of 1 fault FAILS: flow_stop" in table.render(data)


def test_where_several_alarms_are_a_detection_the_first_one_is_told() -> None:
    """A fault told by the alarm of another one is detected, and nobody is left to guess which."""
    name, found = "occlusion_partial", ("occlusion", "partial_occlusion", "occlusion")
    trials = [
        replace(detected(seed), fault=name, detected_by=by) for seed, by in enumerate(found, 1)
    ]
    data = table.gather(Plan(demo(), (name,), len(trials), 0), Results(trials))
    assert data["faults"][0]["by"] == {"occlusion": 2, "partial_occlusion": 1}
    said = "occlusion_partial: told first by occlusion 2, partial_occlusion 1\n"
    assert said in table.render(data)


def test_inconclusive_runs_are_counted_apart_and_hold_nothing() -> None:
    data = gathered(detected(1), trial(Verdict.INCONCLUSIVE, 2, why="did not take effect"))
    [row] = data["faults"]
    assert (row["detected"], row["injected"], row["inconclusive"]) == (1, 1, 1)
    assert not row["holds"]
    assert "flow_stop: inconclusive: did not take effect" in table.render(data)


def test_what_is_not_promised_says_why() -> None:
    text = table.render(gathered(detected(1)))
    assert "gas_in_reservoir: not promised: a bubble" in text


def test_lives_are_told_with_what_they_support() -> None:
    """OCC-07."""
    lives = (Life(1, 365, "aa", true={"refill_due": 26}), Life(2, 365, "bb"))
    data = gathered(detected(1), lives=lives)
    life = data["life"]
    assert life["device_years"] == 2.0
    assert life["false_per_year_at_most"] == pytest.approx(1.4979, abs=1e-4)
    assert data["holds"]
    assert "No false alarm in 2.0 device-years" in table.render(data)
    assert life["traces_sha256"] != gathered(detected(1), lives=lives[:1])["life"]["traces_sha256"]


def test_one_false_alarm_fails_the_whole() -> None:
    data = gathered(detected(1), lives=(Life(1, 365, "aa", false={"occlusion": 1}),))
    assert not data["holds"]
    assert "1 FALSE alarm: " in table.render(data)


def test_a_refused_visit_in_life_fails_the_whole() -> None:
    """It was no ordinary life then: the pump was never told of its refill."""
    data = gathered(detected(1), lives=(Life(1, 365, "aa", refused=("over_capacity",)),))
    assert not data["holds"]


def test_lines_fit_a_terminal() -> None:
    text = table.render(gathered(*(detected(seed) for seed in range(1, 200))))
    rows = text.splitlines()
    assert max(len(line) for line in rows if line.startswith("flow_stop")) <= 110
    assert len(table.HEAD) <= 110


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0 s"),
        (119, "119 s"),
        (119.7, "2 min"),
        (120, "2 min"),
        (3_600, "60 min"),
        (7_190, "2 h"),
        (16_200, "4.5 h"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert table.duration(seconds) == text


def test_what_was_not_run_before_the_end_is_no_failure() -> None:
    plan = Plan(demo(), ("flow_stop", "restrictor_fast"), 1, 0.0)
    text = table.render(table.gather(plan, Results([detected(1)], complete=False)))
    assert "not tried" in text
    assert text.endswith(
        "Stopped before its end: 1 of 3 runs were made.\n"
        "Of what was run until then, the one fault holds: it was detected within its bound.\n"
    )


def test_a_stopped_life_tells_how_much_of_it_was_lived() -> None:
    plan = Plan(demo(), (), 1, 100.0)
    none = table.render(table.gather(plan, Results(complete=False)))
    assert none == "Stopped before its end: 0 of 100 device-years were lived.\n"
    some = table.render(table.gather(plan, Results(lives=[Life(1, 365, "aa")], complete=False)))
    assert (
        "before its end: 1 of 100 device-years were lived.\nOf what was run until then, no" in some
    )


@pytest.mark.slow
def test_what_was_stopped_is_not_shown_as_done() -> None:
    stop, shown = campaign.make_stop(), list[float]()
    stop.set()
    campaign.run(Plan(demo(), ("flow_stop",), 2, 1.0), 1, stop, shown.append)
    assert shown == [0.0, 0.0, 0.0]
