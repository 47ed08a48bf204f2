"""What `pumpsim serve` says when it cannot begin: a sentence, exit code 2, nothing left over."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pumpsim.cli import main

pytestmark = pytest.mark.timeout(60)

LEAN = ["--mqtt", "none", "--serial", "none", "--tcp", "none"]


def refused(*arguments: str) -> str:
    """The sentence; in this process, for it ends before it serves."""
    result = CliRunner().invoke(main, ["serve", *arguments])
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    *usage, sentence = result.stderr.strip().splitlines()
    assert len(usage) <= 3
    assert sentence.startswith("Error: ")
    return sentence


def pump(folder: Path, text: str, name: str = "pump") -> str:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "fast", "1e9", "", "1,5"])
def test_a_speed_that_is_none(speed: str) -> None:
    assert "--speed" in refused(*LEAN, "--speed", speed)


@pytest.mark.parametrize("baud", ["0", "-1", "fast", "9999999"])
def test_a_baud_rate_that_is_none(baud: str) -> None:
    assert "--baud" in refused(*LEAN, "--baud", baud)


def test_a_seed_that_is_none() -> None:
    assert "--seed" in refused(*LEAN, "--seed", "-1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tcp", "7000"], ["--tcp", "HOST:PORT"]),
        (["--tcp", "127.0.0.1:99999"], ["--tcp", "HOST:PORT"]),
        (["--tcp", "no.such.host.invalid:0"], ["--tcp", "no.such.host.invalid"]),
        (["--control", "8000"], ["--control", "HOST:PORT"]),
        (["--control", "0.0.0.0:0"], ["--allow-remote-control"]),
        (["--allow-remote-control"], ["PUMPSIM_CONTROL_TOKEN"]),
        (["--mqtt", "localhost"], ["--mqtt", "mqtt[s]://HOST:PORT"]),
        (["--mqtt", "http://localhost"], ["--mqtt", "mqtt[s]://HOST:PORT"]),
        (["--mqtt", "mqtt://localhost:99999"], ["--mqtt", "port"]),
        (["--mqtt", "mqtt://nurse:pw@localhost"], ["PUMPSIM_MQTT_USERNAME"]),
        (["--serial", "/dev/no-such-port"], ["/dev/no-such-port", "No such file"]),
        (["--serial", "/dev/null?baud=115200"], ["/dev/null"]),
        (["--serial", "/dev/ttyS0?baud=0"], ["baud"]),
        (["--serial", "/dev/ttyS0?speed=9600"], ["PORT?baud=N"]),
        (["--serial", ""], ["serial"]),
        (["--serial", "pty:"], ["serial"]),
        (["--serial", "pty:/no/such/folder/pump"], ["/no/such/folder/pump"]),
        (["--ready", "/no/such/folder/ready.json"], ["--ready", "No such file"]),
        (["--ready", "/"], ["--ready", "/"]),
        (["--ready", "/proc/ready.json"], ["--ready", "/proc/ready.json"]),
        (["/no/such/pump.toml"], ["/no/such/pump.toml"]),
    ],
)
def test_an_option_that_cannot_be(
    arguments: list[str], words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PUMPSIM_CONTROL_TOKEN", raising=False)
    sentence = refused(*LEAN, *arguments)
    for word in words:
        assert word in sentence


@pytest.mark.parametrize("option", ["--tcp", "--control"])
def test_a_taken_port(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        sentence = refused(*LEAN, option, address)
    assert address in sentence
    assert "port 0 is any free one" in sentence


def test_a_file_where_the_link_should_go(tmp_path: Path) -> None:
    file = tmp_path / "thesis.txt"
    file.write_text("years of work")
    sentence = refused(*LEAN, "--serial", f"pty:{file}")
    assert "no link" in sentence
    assert file.read_text() == "years of work"


@pytest.mark.parametrize("name", ["a/b", "a+b", "a#b", "", "a b", "ä", "x" * 33])
def test_an_id_that_fits_no_topic(tmp_path: Path, name: str) -> None:
    sentence = refused(*LEAN, pump(tmp_path, f'[pump]\nid = "{name}"\n'))
    assert "pump.toml" in sentence
    assert "A-Z a-z 0-9" in sentence


def test_two_devices_with_one_id(tmp_path: Path) -> None:
    files = [pump(tmp_path, '[pump]\nid = "twin"\n', name) for name in ("one", "two")]
    assert "two pumps have the id 'twin'" in refused(*LEAN, *files)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('capacitiy = "30 mL"', ["3", "capacitiy", "capacity"]),
        ('capacity = "30 mg"', ["3", "capacity", "mg"]),
        ('capacity = "-30 mL"', ["3", "capacity"]),
        ('nominal_flow = "1,3 mL/day"', ["3", "nominal_flow", "1,3 mL/day"]),
        ("capacity = 30", ["3", "capacity"]),
        ('capacity = "30 mL', ["3"]),
    ],
)
def test_a_pump_file_that_cannot_be(tmp_path: Path, lines: str, words: list[str]) -> None:
    sentence = refused(*LEAN, pump(tmp_path, f'[pump]\nid = "p"\n{lines}\n'))
    assert "pump.toml" in sentence
    for word in words:
        assert word in sentence


@pytest.mark.parametrize("option", [("--serial", "pty:/tmp/p"), ("--tcp", "127.0.0.1:7000")])
def test_what_several_pumps_cannot_share(
    option: tuple[str, str], pumps: Callable[..., list[str]]
) -> None:
    assert "several pumps cannot share" in refused(*pumps("a", "b"), "--mqtt", "none", *option)


def test_a_password_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUMPSIM_MQTT_PASSWORD_FILE", "/no/such/file")
    sentence = refused("--serial", "none", "--tcp", "none", "--mqtt", "mqtt://localhost:1883")
    assert "/no/such/file" in sentence


def test_an_older_ready_file_does_not_survive_a_start_that_failed(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    ready.write_text("{}")
    refused(*LEAN, "--ready", str(ready), "--tcp", "no.such.host.invalid:0")
    assert list(tmp_path.iterdir()) == []


def test_a_process_of_its_own_says_the_same() -> None:
    command = [sys.executable, "-m", "pumpsim", "serve", "--speed", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "speed 0 must lie in 0.001 to 1000000" in ended.stderr


def test_help_tells_every_option() -> None:
    text = CliRunner().invoke(main, ["serve", "--help"]).output
    for option in ("--speed", "--seed", "--serial", "--baud", "--tcp", "--mqtt", "--control"):
        assert option in text
