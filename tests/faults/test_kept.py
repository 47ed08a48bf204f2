"""Lives are kept as they end, and a campaign that was stopped goes on from there."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pumpsim.cli import main
from pumpsim.performance.kept import KeptLives, fingerprint
from pumpsim.performance.living import Life
from pumpsim.pumpfile import AlarmSection, demo

LIVES = [
    Life(4, 365.0, "ab", {}, {"refill_due": 26}, 28, {"refill_due": 3}, {}, ("no needle",)),
    Life(2, 365.0, "cd", {"dose_limit": 1}, {}, 28, {}, {"residual_nl": 1}),
]
WEEK_YEARS = "0.02"


def lived(folder: Path, *more: str) -> Any:
    line = ("alarms", "--faults", "none", "--life", WEEK_YEARS, "--keep", str(folder), "--json")
    result = CliRunner().invoke(main, [*line, *more])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["life"]


def test_what_was_written_down_is_read_again(tmp_path: Path) -> None:
    kept = KeptLives(tmp_path / "new", demo())
    assert kept.load() == {}
    for life in LIVES:
        kept.add(life)
    assert kept.load() == {life.seed: life for life in LIVES}


def test_a_line_that_was_being_written_is_lost_and_no_other(tmp_path: Path) -> None:
    kept = KeptLives(tmp_path, demo())
    kept.add(LIVES[0])
    with kept.path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(LIVES[1]))[:40])
    assert kept.load() == {4: LIVES[0]}
    kept.add(LIVES[1])
    assert kept.load() == {life.seed: life for life in LIVES}


def test_another_pump_has_another_file() -> None:
    other = demo().model_copy(update={"alarms": AlarmSection(tolerance_percent=30)})
    assert fingerprint(demo()) == fingerprint(demo()) != fingerprint(other)


@pytest.mark.slow
def test_what_is_kept_is_not_lived_again_and_counts(tmp_path: Path) -> None:
    first = lived(tmp_path, "--jobs", "1")
    [file] = tmp_path.iterdir()
    told = json.loads(file.read_text("utf-8"))
    assert first["outside"] == told["outside"] == {}
    file.write_text(json.dumps({**told, "digest": "from the file"}) + "\n", "utf-8")
    again = lived(tmp_path, "--jobs", "1")
    assert again["traces_sha256"] != first["traces_sha256"]
    assert again["device_years"] == first["device_years"]
    other = lived(tmp_path, "--jobs", "1", "--first-seed", "2")
    assert other["first_seed"] == 2
    assert len(file.read_text("utf-8").splitlines()) == 2
