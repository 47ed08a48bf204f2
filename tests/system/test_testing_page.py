"""The session that docs/testing.md shows is walked: the same report, and both ways back to it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs" / "testing.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
FIRST, LAST = "my_logic:MyLogic violates", "scenario "
QUIET = ("-p", "no:cacheprovider")
OURS = {"PYTEST_ADDOPTS", "CI"}
BARE = {name: value for name, value in os.environ.items() if name not in OURS} | {"COLUMNS": "80"}
"""The page's reader has no options of a suite around theirs, and a terminal of the usual width."""


def report(text: str) -> str:
    """From the sentence to the scenario's line."""
    lines = text.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith(FIRST))
    end = next(i for i, line in enumerate(lines) if i > begin and line.startswith(LAST))
    return "\n".join(lines[begin : end + 1])


def session(text: str) -> str:
    """From the first dot to the end, without how long it took."""
    dots = re.search(r"^\.+F\n.* passed in ", text, re.MULTILINE | re.DOTALL)
    assert dots is not None, text
    return dots[0]


def done(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    program = str(BIN / words[0])
    more = QUIET if words[0] == "pytest" else ()
    return subprocess.run(
        [program, *words[1:], *more],
        cwd=folder,
        env=BARE,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_session_is_as_it_ran(tmp_path: Path) -> None:
    here, mine = tmp_path / "pumpsim", tmp_path / "my_pump"
    shutil.copytree(TOP / "examples", here / "examples")
    commands = [shlex.split(line) for line in re.findall(r"^\$ (.*)$", PAGE, re.MULTILINE)]
    *setting, first_run, replay, scenario = commands
    words = " && ".join(shlex.join(command) for command in setting)
    subprocess.run(["sh", "-c", words], cwd=here, check=True)
    first = done(first_run, mine)
    assert first.returncode == 1, first.stdout + first.stderr
    assert session(first.stdout) == session(PAGE)
    again = done(replay, mine)
    assert report(again.stdout) == report(PAGE)
    assert "1 failed" in again.stdout
    played = done(scenario, mine)
    assert played.returncode == 0, played.stderr
    assert "complete" in played.stdout


def test_the_code_on_the_page_is_the_examples() -> None:
    shown = re.findall(r"```python\nclass MyLogic.*?```", PAGE, re.DOTALL)[0]
    example = (TOP / "examples" / "my_logic.py").read_text(encoding="utf-8")
    for line in shown.splitlines()[2:-1]:
        assert line in example


def test_the_test_of_ones_own_runs_as_it_stands_there(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```python\n(from hypothesis .*?)```", PAGE, re.DOTALL)
    (tmp_path / "test_mine.py").write_text(shown, encoding="utf-8")
    ran = done(["pytest", "--logic", "pumpsim.firmware:ReferenceLogic", "test_mine.py"], tmp_path)
    assert "1 passed" in ran.stdout, ran.stdout


def test_every_file_the_page_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (TOP / "docs" / target).exists(), target
