"""The page about the alarms is the one the tables give."""

from pathlib import Path

import pytest

from pumpsim.firmware.alarms import TABLE
from pumpsim.firmware.occurrence import TRANSITIONS
from tools.draw_alarms import PAGE, main, page


def test_the_page_is_fresh() -> None:
    """ALM-01: `python -m tools.draw_alarms --write` makes it anew."""
    assert main([]) == 0


def test_a_stale_page_is_named_and_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ALM-01."""
    path = tmp_path / "alarms.md"
    path.write_text("# Alarms\n")
    assert main([], path) == 1
    assert "alarms.md is stale" in capsys.readouterr().err
    assert main(["--write"], path) == main([], path) == 0
    assert path.read_bytes() == PAGE.read_bytes()


def test_the_page_has_every_alarm_once_and_every_arrow() -> None:
    """ALM-01."""
    text = page()
    for alarm in TABLE:
        assert text.count(f"| {int(alarm)} | `{alarm.name.lower()}` |") == 1
    assert text.count(" --> ") == len(TRANSITIONS) + 1  # and the raising
