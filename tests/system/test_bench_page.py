"""The way from a clone to a report, as docs/bench.md shows it, is walked."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.conftest import LAST_LINE, Program, spawn

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo terminals are POSIX")

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs" / "bench.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def blocks() -> list[list[list[str]]]:
    """The commands of each fenced block of the first section, in their words."""
    section = PAGE.partition("## From a clone")[2].partition("\n## ")[0]
    found = re.findall(r"```\n(.*?)```", section, re.DOTALL)
    return [[shlex.split(line) for line in block.splitlines()] for block in found]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The shipped files, at a port and names that are this test's own."""
    shutil.copytree(TOP / "examples", tmp_path / "examples")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for file in (tmp_path / "examples").glob("*.toml"):
        file.write_text(own(file.read_text(), tmp_path, port))
    (tmp_path / "port").write_text(str(port))
    return tmp_path


def own(text: str, folder: Path, port: int) -> str:
    return text.replace("7700", str(port)).replace("/tmp/pumpsim-", f"{folder}/")


def words(command: list[str], clone: Path) -> list[str]:
    port = int((clone / "port").read_text())
    program = str(BIN / Path(command[0]).name)
    files = {file.name: str(file) for file in (clone / "examples").glob("*.toml")}
    return [program, *(files.get(word, own(word, clone, port)) for word in command[1:])]


def done(command: list[str], clone: Path, folder: str) -> str:
    process = subprocess.run(
        words(command, clone),
        cwd=clone / folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def test_from_a_clone_to_two_reports(clone: Path) -> None:
    first, serve, second = blocks()
    assert "PASS" in done(first[1], clone, ".")
    daemon = Program(spawn(*words(serve[1], clone)))
    try:
        daemon.out.wait_for(lambda line: line == LAST_LINE)
        told = done(second[1], clone, "examples")
        assert told.count("\nok ") + told.startswith("ok ") == 6
        assert "PASS" in done(second[2], clone, "examples")
    finally:
        daemon.kill()
    for name in ("first", "second"):
        record = json.loads((clone / "runs" / name / "record.json").read_text())
        assert record["verdict"] == "pass"
        assert "<svg" in (clone / "runs" / name / "report.html").read_text()


def test_every_file_the_page_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (TOP / "docs" / target).exists(), target
