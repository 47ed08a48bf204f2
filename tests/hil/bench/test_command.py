"""`hil bench`: readable, scriptable, and one sentence for every mistake."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hil.bench.screen import Progress, ask_operator, list_lines
from hil.bench.script import SHIPPED
from hil.cli import main
from hil.errors import RigError

EXAMPLE = "examples/my_bench.py"
SHORT = ("duration=6 h", "sample=1 h", "startup=1 h")


def hil(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["bench", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_the_list_tells_each_script_with_needs_and_parameters() -> None:
    result = hil("--list")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == list_lines()
    for name in SHIPPED:
        assert f"\n{name} " in "\n" + result.stdout
    assert "    needs balance, bath, pressure\n" in result.stdout
    assert "    duration='14 d'  of weighing, in all\n" in result.stdout


def test_a_run_tells_what_it_came_to_and_leaves_a_report(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    result = hil("flow-accuracy", "--rig", "sim:", "--out", str(folder), *SHORT)
    assert result.exit_code == 0
    assert result.stdout.startswith("Flow accuracy by the balance: PASS\n")
    assert re.search(r"mean flow: 1\.2\d{3} \+/- 0\.00\d\d mL/day  \(", result.stdout)
    assert re.search(r"account against the balance: -?0\.\d\d \+/- 0\.\d\d %", result.stdout)
    assert f"in {folder}" in result.stdout
    made = {path.name for path in folder.iterdir()}
    assert made >= {"journal.jsonl", "record.json", "report.html", "junit.xml"}


def test_for_programs_the_record_is_told(tmp_path: Path) -> None:
    result = hil(EXAMPLE, "--rig", "sim:", "--out", str(tmp_path / "run"), "--json")
    told = json.loads(result.stdout)
    assert told == json.loads((tmp_path / "run" / "record.json").read_text(encoding="utf-8"))
    assert told["verdict"] == "pass"
    assert told["facts"]["parameters"] == "rise-k=2, height=6 h, look=10 min"


def test_a_run_that_fails_exits_with_1_and_one_that_errs_with_4(tmp_path: Path) -> None:
    failed = hil(
        "flow-accuracy", "--rig", "sim:", "--out", str(tmp_path / "a"), "tolerance=0.1 %", *SHORT
    )
    assert failed.exit_code == 1
    assert "FAIL          mean flow" in failed.stdout
    erred = hil("flow-accuracy", "--rig", "sim:", "--out", str(tmp_path / "b"), "bath=90 degC")
    assert erred.exit_code == 4
    assert erred.stdout.startswith("Flow accuracy by the balance: ERROR\n")
    assert erred.stderr == (
        f"once that is mended, go on with: hil bench flow-accuracy --rig sim: --out {tmp_path}/b "
        "--resume\n"
    )
    assert failed.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "a script and --rig are needed"),
        (("flow-accuracy",), 2, "a script and --rig are needed"),
        (("flow-acuracy", "--rig", "sim:"), 2, "is no bench script: there is flow-accuracy, "),
        (("nowhere.py", "--rig", "sim:"), 2, "there is no file nowhere.py"),
        (("flow-accuracy", "--rig", "sim:", "duration=2"), 2, "duration: '2' is no duration"),
        (("flow-accuracy", "--rig", "sim:", "--resume"), 2, "--resume needs --out"),
        (("flow-accuracy", "--rig", "tcp://127.0.0.1:1"), 4, "127.0.0.1:1"),
        (("flow-accuracy", "--rig", "serial:///dev/ttyNOWHERE"), 4, "/dev/ttyNOWHERE"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = hil(*arguments)
    assert result.exit_code == code
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_without_a_place_a_run_makes_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = Path(EXAMPLE).resolve()
    monkeypatch.chdir(tmp_path)
    assert hil(str(example), "--rig", "sim:", "height=1 h", "rise-k=0.1").exit_code in (0, 1)
    (folder,) = (tmp_path / "bench-runs").iterdir()
    assert folder.name.startswith("my_bench-20")


def test_the_progress_line_tells_what_is_left_at_this_pace() -> None:
    hour_ns = 3_600 * 10**9
    progress = Progress(10 * hour_ns)
    assert progress.text("hold", 0, 0.0) == "hold: 0 d 00:00:00 of 0 d 10:00:00, 0 %"
    quarter = progress.text("weigh", 2 * hour_ns, 60.0)
    assert quarter == "weigh: 0 d 02:00:00 of 0 d 10:00:00, 20 %, 0 d 00:04:00 left"
    assert progress.text("weigh", 11 * hour_ns, 60.0).endswith("100 %")


def test_a_resumed_run_reckons_with_its_own_pace() -> None:
    hour_ns = 3_600 * 10**9
    progress = Progress(10 * hour_ns)
    progress.text("weigh", 8 * hour_ns, 0.0)
    assert progress.text("weigh", 9 * hour_ns, 60.0).endswith("90 %, 0 d 00:01:00 left")


def test_without_anybody_there_an_operator_is_not_waited_for() -> None:
    with pytest.raises(RigError, match="nobody is there to do this: close the clamp"):
        ask_operator("close the clamp")
