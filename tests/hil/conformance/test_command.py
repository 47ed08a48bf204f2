"""`hil conformance` as it is typed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hil.cli import main
from hil.record import Verdict, from_plain


def conformance(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["conformance", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_one_section_live_and_in_a_table(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    result = conformance("--rig", "sim:", "--section", "delivery", "--json", str(path))
    assert result.exit_code == 0
    assert "PASS          DLV-01  a repetition gets the reply of then" in result.stdout
    assert "SKIP          DLV-25  a bare device acts once: needs the capability" in result.stdout
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["delivery", "24", "-", "-", "-", "2"] in rows
    record = from_plain(json.loads(path.read_text()))
    assert record.kind == "conformance"
    assert record.verdict is Verdict.PASS
    assert record.facts["device"] == "demo"
    assert record.command.startswith("hil")


def test_nothing_shown_is_no_success() -> None:
    result = conformance("--rig", "sim:", "--case", "DLV-25")
    assert result.exit_code == 1
    assert "INCONCLUSIVE" in result.stdout


def test_the_cases_are_listed_without_a_device() -> None:
    result = conformance("--list")
    assert result.exit_code == 0
    assert "delivery: each command acts once, or not at all (26 cases)" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "say which device: --rig URI"),
        (("--rig", "sim:", "--section", "cooking"), 2, "no section is named 'cooking'"),
        (("--rig", "sim:", "--case", "DLV-99"), 2, "hil conformance --list shows them all"),
        (("--rig", "sim:", "--patience", "1,5 h"), 2, "1,5 h"),
        (("--rig", "tcp://127.0.0.1:9"), 4, "nothing answers at 127.0.0.1:9"),
        (
            ("--rig", "sim:", "--case", "DLV-01", "--json", "/nowhere/at/all.json"),
            2,
            "/nowhere/at/all.json cannot be written",
        ),
    ],
)
def test_a_mistake_gets_one_sentence(arguments: tuple[str, ...], code: int, sentence: str) -> None:
    result = conformance(*arguments)
    assert result.exit_code == code
    assert sentence in result.stderr


def test_a_report_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    result = conformance("--rig", "sim:", "--case", "DLV-01", "--out", str(folder))
    assert result.exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "junit.xml",
        "record.json",
        "report.html",
    ]
    assert "When the reply is lost" not in (page := (folder / "report.html").read_text())
    assert "A frame that is sent again is not carried out again" in page
