"""Rig URIs: what they name, and what is said about those that name nothing."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import LocalError
from hil.target import BoardTarget, MqttTarget, SerialTarget, SimTarget, TcpTarget, parse


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("sim:", SimTarget()),
        ("sim:?bare=1", SimTarget(bare=True)),
        ("sim:pumps/r11.toml?seed=7", SimTarget(Path("pumps/r11.toml"), seed=7)),
        ("sim:/a%20b.toml", SimTarget(Path("/a b.toml"))),
        ("serial:///dev/ttyUSB0?baud=9600", SerialTarget("/dev/ttyUSB0", 9_600)),
        ("serial:///dev/pts/5", SerialTarget("/dev/pts/5", 115_200)),
        ("serial:///COM3", SerialTarget("COM3", 115_200)),
        ("serial:///dev/a%3Fb", SerialTarget("/dev/a?b", 115_200)),
        ("tcp://127.0.0.1:7000", TcpTarget("127.0.0.1", 7_000)),
        ("tcp://[::1]:7000", TcpTarget("::1", 7_000)),
        (
            "tcp://h:1?control=http://127.0.0.1:8000",
            TcpTarget("h", 1, "http://127.0.0.1:8000"),
        ),
        (
            "tcp://h:1?control=http%3A%2F%2F127.0.0.1%3A8000%2F",
            TcpTarget("h", 1, "http://127.0.0.1:8000"),
        ),
        ("board:", BoardTarget()),
        (
            "board:pumps/r11.toml?control=http://127.0.0.1:8000",
            BoardTarget(Path("pumps/r11.toml"), "http://127.0.0.1:8000"),
        ),
        ("mqtt://broker/demo", MqttTarget("broker", 1_883, "demo")),
        ("mqtts://broker/demo", MqttTarget("broker", 8_883, "demo", tls=True)),
        ("mqtt://broker:1884/a.b-c_1", MqttTarget("broker", 1_884, "a.b-c_1")),
    ],
)
def test_a_uri_names_a_target(uri: str, target: object) -> None:
    assert parse(uri) == target


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("", "starts with none of"),
        ("sim", "starts with none of"),
        ("ftp://x", "starts with none of"),
        ("sim: ", "percent-encoded"),
        ("sim:?seed=-1", "seed=-1"),
        ("sim:?seed=1&seed=2", "twice"),
        ("sim:?bare=2", "bare=2"),
        ("sim:?speed=2", "no option 'speed'"),
        ("board:?bare=1", "no option 'bare'"),
        ("board:?control=tcp://h:1", "not of the form http://HOST:PORT"),
        ("serial://dev/ttyUSB0", "three slashes"),
        ("serial:///", "three slashes"),
        ("serial:///dev/ttyUSB0?baud=fast", "baud=fast"),
        ("serial:///dev/ttyUSB0?baud=0", "baud=0"),
        ("tcp://127.0.0.1", "host and port"),
        ("tcp://:7000", "host and port"),
        ("tcp://127.0.0.1:70000", "ort"),
        ("tcp://127.0.0.1:7000/demo", "behind the port"),
        ("tcp://127.0.0.1:7000?control=https://x", "http://HOST:PORT"),
        ("tcp://127.0.0.1:7000?control=http://u:p@x:1", "http://HOST:PORT"),
        ("tcp://127.0.0.1:7000?control", "bad query"),
        ("mqtt://broker", "device id"),
        ("mqtt://broker/a/b", "device id"),
        ("mqtt://broker/%2B", "device id"),
        ("mqtt://broker/d#x", "percent-encoded"),
        ("tcp://h:1/%ff", "behind the port"),
        ("sim:%ff", "decode"),
    ],
)
def test_a_bad_uri_is_told_in_one_sentence_with_a_right_one(uri: str, reason: str) -> None:
    with pytest.raises(LocalError) as caught:
        parse(uri)
    sentence = str(caught.value)
    assert reason in sentence
    assert "a right one is" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("secret", ["nurse:secret", "nurse", ":secret"])
def test_a_password_is_refused_and_never_shown(secret: str) -> None:
    with pytest.raises(LocalError) as caught:
        parse(f"mqtt://{secret}@broker/demo")
    assert "PUMPSIM_MQTT_PASSWORD" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "nurse" not in str(caught.value)


@given(st.text(max_size=40) | st.from_regex(r"(sim|serial|tcp|mqtts?):[ -~]*", fullmatch=True))
def test_whatever_is_typed_names_a_target_or_is_a_local_mistake(uri: str) -> None:
    with contextlib.suppress(LocalError):
        parse(uri)
