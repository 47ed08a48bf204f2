"""The report's files: written together, made again from the record alone, refused in a sentence."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil.cli import main
from hil.errors import LocalError
from hil.report import read, write
from tests.hil.report.records import EXAMPLES, accuracy


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"hostile"}))
def test_a_report_is_made_again_from_its_record(name: str, tmp_path: Path) -> None:
    record = EXAMPLES[name]()
    paths = write(record, tmp_path / "runs" / "first")
    assert sorted(path.name for path in paths) == ["junit.xml", "record.json", "report.html"]
    before = [path.read_bytes() for path in paths]
    assert read(paths.record.parent) == (record, paths.record)
    paths.page.unlink()
    paths.junit.unlink()
    result = CliRunner().invoke(main, ["report", str(paths.record.parent)])
    assert result.exit_code == 0, result.output
    assert [path.read_bytes() for path in paths] == before
    assert result.output.splitlines() == [
        f"{record.verdict.name}  {record.title}",
        str(paths.page),
        str(paths.junit),
    ]
    assert sorted(p.name for p in paths.record.parent.iterdir()) == sorted(p.name for p in paths)


def test_a_hostile_record_survives_its_file(tmp_path: Path) -> None:
    record = EXAMPLES["hostile"]()
    again, _ = read(write(record, tmp_path).record)
    assert again.name == record.name
    assert again.facts == record.facts
    assert again.cases == record.cases


def test_a_record_may_have_any_name(tmp_path: Path) -> None:
    path = write(EXAMPLES["failed_rig"](), tmp_path).record.rename(tmp_path / "kept.json")
    result = CliRunner().invoke(main, ["report", str(path)])
    assert result.exit_code == 0, result.output
    assert path.exists()
    assert not (tmp_path / "record.json").exists()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "is no record of a run: a record of schema 1 was due"),
        (b'{"schema": 2}', "is no record of a run: a record of schema 1 was due, not 2"),
        (b'{"schema": 1, "kind": 5}', "is no record of a run: "),
    ],
)
def test_what_is_no_record_is_named_and_left_alone(
    content: bytes | None, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content)
    result = CliRunner().invoke(main, ["report", str(tmp_path)])
    assert result.exit_code == LocalError.exit_code
    assert result.stderr.startswith("hil: ")
    assert str(path) in result.stderr
    assert why in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if content is None else [content])


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match=r"record\.json cannot be written"):
        write(accuracy(), tmp_path / "file" / "run")


def test_the_record_is_plain_ascii_json(tmp_path: Path) -> None:
    content = write(EXAMPLES["hostile"](), tmp_path).record.read_bytes()
    assert content.isascii()
    assert json.loads(content)["schema"] == 1
    assert b"NaN" not in content
