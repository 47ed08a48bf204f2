"""What the README shows is what is there, and it runs."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.system.conftest import Daemon

TOP = Path(__file__).parents[2]
README = (TOP / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def run(*command: str, cwd: Path = TOP) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_control_logic_shown_is_the_example() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    example = (TOP / "examples" / "level_alarm.py").read_text(encoding="utf-8")
    assert example.endswith(shown)


def test_the_control_logic_shown_sounds_when_the_reservoir_runs_low() -> None:
    (arguments,) = re.findall(r"\.\./\.venv/bin/hil (control .*)", README)
    assert "'sim:?bare=1'" in arguments
    told = run(
        str(BIN / "hil"),
        *arguments.replace("'", "").replace('"20 d"', "").split(),
        "20 d",
        cwd=TOP / "examples",
    )
    assert "samples used          28801" in told
    assert re.search(r"outputs carried out +[1-9]", told)
    assert re.search(r"18 d [0-9:]{8}  sounder HIGH", told)


def test_public_libraries_read_the_status(serve: Callable[..., Daemon]) -> None:
    daemon = serve()
    port = unquote(urlsplit(daemon.device()["serial"]).path)
    told = run(sys.executable, str(TOP / "examples" / "read_status.py"), port)
    assert told.startswith("type 0x44")


def test_every_link_tells_the_same_status(serve: Callable[..., Daemon]) -> None:
    daemon = serve("--speed", "max")
    told = [
        json.loads(run(str(BIN / "hil"), "status", "--rig", daemon.device()[link], "--json"))
        for link in ("serial", "tcp", "mqtt")
    ]
    assert told[0]["status"]["drug"] == "FUDR"
    assert told[0]["status"] == told[1]["status"] == told[2]["status"]


def test_every_file_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (TOP / target).exists(), target
