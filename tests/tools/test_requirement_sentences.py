"""The sentences that reports print are those of docs/requirements.toml."""

from pathlib import Path

import pytest

from tools.requirement_sentences import TABLE, main


def test_the_table_is_fresh() -> None:
    assert main([]) == 0


def test_a_stale_table_is_named_and_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "requirements.json"
    path.write_text("{}\n")
    assert main([], path) == 1
    assert "requirements.json is stale" in capsys.readouterr().err
    assert main(["--write"], path) == main([], path) == 0
    assert path.read_bytes() == TABLE.read_bytes()
