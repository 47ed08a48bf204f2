"""`pumpsim run`: what it prints, what it writes, how it ends."""

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from protocol.vocabulary import AlarmId
from pumpsim.report import summary
from pumpsim.run import run_scenario
from pumpsim.scenario import file as scenarios
from pumpsim.scenario.play import Run
from pumpsim.stimuli import HOUR, MINUTE
from pumpsim.terminal import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE
from pumpsim.trace import Trace, verify

pytestmark = pytest.mark.slow

SHORT = '[scenario]\nname = "short"\nlength = "6 h"\n[[event]]\nat = "1 h"\ndo = "warm_bath"\n'


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "short.toml"
    path.write_text(SHORT)
    return path


def test_the_page_lays_belief_beside_truth(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_scenario(scenario, None, None, None, as_json=False) == EXIT_OK
    page = capsys.readouterr()
    assert page.err == ""
    assert "short on demo, seed 1: 0 d 6 h, 361 samples, complete" in page.out
    for heading in ("truth", "belief", "volume pumped", "left in reservoir", "FUDR", "alarms"):
        assert heading in page.out


def test_a_priority_that_rose_is_told_from_its_first_to_its_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "dry.toml"
    path.write_text('[scenario]\nname = "dry"\nlength = "19 d"\n')
    assert run_scenario(path, None, None, None, as_json=False) == EXIT_OK
    page = capsys.readouterr().out
    (due,) = (line for line in page.splitlines() if "refill_due" in line)
    assert due.split("refill_due")[1].split() == ["low,", "then", "medium", "still", "there"]


@pytest.mark.parametrize("priorities", [("low",), ("medium", "high"), ("low", "medium", "high")])
def test_words_in_a_line_of_an_alarm_stand_apart(
    scenario: Path, priorities: tuple[str, ...]
) -> None:
    run = Run.prepare(scenarios.load(scenario), None, Trace())
    data = summary.gather(run.scenario, run.device, run.watch, run.clinic.journal, "")
    row = {
        "raised_ns": 0,
        "steps": [{"at_ns": 0, "priority": priority} for priority in priorities],
        "ended_ns": None,
        "acknowledged_ns": None,
    }
    names = [alarm.name.lower() for alarm in AlarmId]
    page = summary.render({**data, "alarms": [{"alarm": name, **row} for name in names]})
    rise = ", then ".join(priorities)
    lines = [line.split(maxsplit=4)[3:] for line in page.splitlines() if "still there" in line]
    told = [(name, " ".join(rest.split())) for name, rest in lines]
    assert told == [(name, f"{rise} still there") for name in names]


MESS = """
[scenario]
name = "mess"
length = "2 d"
[[event]]
at = "0 h"
do = "oscillator_fault"
error_ppm = 400
[[event]]
at = "7 h"
do = "sensor_fault"
channel = "battery_mv"
missing = true
[[event]]
at = "9 h"
do = "plant_condition"
name = "catheter_extra_resistance_ratio"
value = 100000
[[event]]
at = "1 d"
do = "clock_fault"
forward = "3 h"
"""


def test_the_page_tells_the_truth_of_time_and_the_causes_held_for_possible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mess.toml"
    path.write_text(MESS)
    assert run_scenario(path, None, None, None, as_json=False) == EXIT_OK
    page = capsys.readouterr().out.splitlines()
    assert max(map(len, page)) <= 100
    counted, clock = (
        next(line for line in page if line.startswith(name)) for name in ("time c", "real-time")
    )
    assert " ".join(counted.split()) == "time counted, h 48.000 48.019 +395.1 ppm no bounds"
    assert clock.endswith(" +10,868 s    no bounds; calls itself invalid")
    causes = page[page.index("causes that the pump held possible, all its symptoms together") + 1 :]
    assert causes[0].split(maxsplit=3)[2:] == ["07:03", "battery_sensor"]
    assert any("catheter_occluded" in line for line in causes)
    alarms = page[page.index("alarms") : page.index("alarms") + 5]
    assert not [line for line in alarms if "battery_sensor" in line]
    assert run_scenario(path, None, None, None, as_json=True) == EXIT_OK
    data = json.loads(capsys.readouterr().out)
    assert data["causes"][0]["causes"] == ["battery_sensor"]
    assert data["clock_s"]["truth"] == 1_767_225_600 + 2 * 86_400


def test_columns_of_the_page_stand_apart_however_wide_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "late.toml"
    event = '[[event]]\nat = "0 h"\ndo = "clock_fault"\nback = "15950 d"\n'
    path.write_text(f'[scenario]\nname = "late"\nlength = "6 h"\n{event}')
    assert run_scenario(path, None, None, None, as_json=False) == EXIT_OK
    page = capsys.readouterr().out
    assert "  6.000  -382794.000  -1,378,080,000 s    no bounds; calls itself invalid" in page


FAULTY = """
[scenario]
name = "faulty"
length = "2 h"
[[event]]
at = "10 min"
do = "fault"
name = "restrictor_fast"
[[event]]
at = "20 min"
do = "fault"
name = "restrictor_fast"
end = true
[[event]]
at = "30 min"
do = "sensor_fault"
channel = "battery_mv"
bias = -100
[[event]]
at = "40 min"
do = "memory_fault"
cut_in = 1000000
[[event]]
at = "50 min"
do = "fault"
name = "fever_40"
[[event]]
at = "3605 s"
do = "battery_fault"
drop_mv = 100
[[event]]
at = "3610 s"
do = "battery_fault"
drop_mv = 0
[[event]]
at = "90 min"
do = "fault"
name = "converter_silent"
"""
TOLD = [
    ("restrictor_fast", [1], 10, 10),
    ("end of restrictor_fast", [2], 20, 20),
    ("sensor_fault battery_mv", [3], 30, 31),
    ("memory_fault", [4], 40, None),
    ("fever_40", [], 50, 50),
    ("battery_fault", [5], 60, None),
    ("end of battery_fault", [], 60, 60),
    ("converter_silent", [6], 90, 91),
]


def test_a_run_tells_which_faults_took_effect_and_when(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, trace = tmp_path / "faulty.toml", tmp_path / "t.jsonl"
    path.write_text(FAULTY)
    assert run_scenario(path, None, trace, None, as_json=True) == EXIT_OK
    data = json.loads(capsys.readouterr().out)

    def minutes(at_ns: int | None) -> int | None:
        return None if at_ns is None else at_ns // MINUTE

    told = [
        (row["fault"], row["numbers"], minutes(row["set_ns"]), minutes(row["effect_ns"]))
        for row in data["faults"]
    ]
    assert told == TOLD
    assert [row["fault"] for row in data["faults"] if row["pending"]] == ["memory_fault"]
    rows = [json.loads(line) for line in trace.read_text().splitlines()]
    effects = [row for row in rows if row["record"] == "effect"]
    assert [(row["fault"], row["name"], minutes(row["at_ns"])) for row in effects] == [
        (numbers[0], name, at) for name, numbers, _, at in TOLD if numbers and at is not None
    ]
    instants = [row["at_ns"] for row in rows[1:-1]]
    assert instants == sorted(instants)
    assert data["trace_sha256"] == verify(trace)
    assert run_scenario(path, None, None, None, as_json=False) == EXIT_OK
    page = capsys.readouterr().out
    for line in (
        "  day 0 00:10    restrictor_fast         at once\n",
        "  day 0 00:30    sensor_fault battery_mv day 0 00:31\n",
        "  day 0 00:40    memory_fault            not yet\n",
        "  day 0 01:00:05 battery_fault           never: ended or replaced before\n",
    ):
        assert line in page


def test_json_is_all_there_is_on_stdout(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_scenario(scenario, 7, None, None, as_json=True) == EXIT_OK
    data = json.loads(capsys.readouterr().out)
    assert data["seed"] == 7
    assert data["elapsed_ns"] == 6 * 3_600 * 10**9
    assert data["ledger"]["balance_fl"] == 0
    assert data["pumped_nl"]["belief"] == pytest.approx(data["pumped_nl"]["truth"], rel=0.02)


def test_the_hash_told_is_the_hash_of_the_file(
    scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "t.jsonl"
    assert run_scenario(scenario, None, trace, None, as_json=True) == EXIT_OK
    assert json.loads(capsys.readouterr().out)["trace_sha256"] == verify(trace)


def test_a_plot_is_a_picture_of_1600_by_1200(scenario: Path, tmp_path: Path) -> None:
    plot = tmp_path / "p.png"
    assert run_scenario(scenario, None, None, plot, as_json=True) == EXIT_OK
    head = plot.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    assert struct.unpack(">II", head[16:24]) == (1600, 1200)


@pytest.mark.parametrize(
    ("trace", "plot", "hint"),
    [
        (None, "p.pdf", "name it p.png"),
        (None, "nowhere/p.png", "no folder"),
        ("nowhere/t.jsonl", None, "cannot be written: No such file"),
    ],
)
def test_what_cannot_be_written_is_told_before_the_run(
    scenario: Path,
    capsys: pytest.CaptureFixture[str],
    trace: str | None,
    plot: str | None,
    hint: str,
) -> None:
    folder = scenario.parent
    code = run_scenario(
        scenario,
        None,
        None if trace is None else folder / trace,
        None if plot is None else folder / plot,
        as_json=False,
    )
    said = capsys.readouterr()
    assert (code, said.out) == (EXIT_USAGE, "")
    assert hint in said.err
    assert "Traceback" not in said.err


def test_a_mistake_in_a_file_is_one_line(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario.write_text(SHORT.replace("6 h", "6 hours"))
    assert run_scenario(scenario, None, None, None, as_json=False) == EXIT_USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"{scenario}:3: scenario.length: ")
    assert said.err.count("\n") == 1


def test_what_turns_out_impossible_names_its_event(
    scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "t.jsonl"
    event = '[[event]]\nat = "2 h"\ndo = "fill"\nvolume = "9 mL"\ndrug = "F"\n'
    scenario.write_text(f'{SHORT}{event}concentration = "1 mg/mL"\n')
    assert run_scenario(scenario, None, trace, None, as_json=False) == EXIT_USAGE
    said = capsys.readouterr().err
    assert said.startswith(f"{scenario}:7: event: day 0 02:00: cannot fill")
    assert not trace.exists()
    assert trace.with_name("t.jsonl.incomplete").exists()


def test_a_stopped_run_is_told_as_far_as_it_came(scenario: Path) -> None:
    scenario.write_text(SHORT.replace("6 h", "60 h"))
    run = Run.prepare(scenarios.load(scenario), None, Trace())

    def stop_at_a_fifth(share: float) -> None:
        run.stop = share >= 0.2

    run.play(stop_at_a_fifth)
    data = summary.gather(run.scenario, run.device, run.watch, run.clinic.journal, "")
    assert data["complete"] is False
    assert 12 * HOUR <= data["elapsed_ns"] < 20 * HOUR
    assert data["ledger"]["balance_fl"] == 0
    assert "interrupted" in summary.render(data)


CODE = """
import resource, signal, sys
from pathlib import Path
from pumpsim.run import run_scenario
{prelude}
sys.exit(run_scenario(Path(sys.argv[1]), None, {trace}, None, as_json=True))
"""


@pytest.mark.skipif(os.name != "posix", reason="a signal to a child, a limit on files")
def test_ctrl_c_ends_a_long_run_with_its_summary(scenario: Path, tmp_path: Path) -> None:
    scenario.write_text(SHORT.replace("6 h", "36500 d"))
    trace = tmp_path / "t.jsonl"
    code = CODE.format(prelude="", trace="Path(sys.argv[2])")
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(scenario), str(trace)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    partial = trace.with_name("t.jsonl.incomplete")
    while not (partial.exists() and partial.stat().st_size > 100_000):
        assert child.poll() is None
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=10)
    assert child.returncode == EXIT_INTERRUPTED
    assert err == ""
    data = json.loads(out)
    assert data["complete"] is False
    assert data["ledger"]["balance_fl"] == 0
    assert data["trace_sha256"] == verify(trace)  # a shorter run, and all of it


@pytest.mark.skipif(os.name != "posix", reason="a signal to a child, a limit on files")
def test_a_file_that_may_grow_no_further_is_marked_incomplete(
    scenario: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "t.jsonl"
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"
    code = CODE.format(prelude=limit, trace="Path(sys.argv[2])")
    done = subprocess.run(
        [sys.executable, "-c", code, str(scenario), str(trace)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == EXIT_FAILED
    assert json.loads(done.stdout)["complete"] is True
    assert f"what was written is in {trace}.incomplete" in done.stderr
    assert "Traceback" not in done.stderr
    assert not trace.exists()


def test_a_folder_is_no_trace_and_nothing_is_played(
    scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert run_scenario(scenario, None, folder, None, as_json=False) == EXIT_USAGE
    page = capsys.readouterr()
    assert "directory" in page.err
    assert page.out == ""
    assert not (tmp_path / "folder.incomplete").exists()
