"""A daemon whose links are spoilt: by file, and over the control API while it runs."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hil.clock import Countdown
from hil.errors import LinkError
from hil.rig import open_rig
from protocol import messages as m
from tests.system.conftest import Daemon, Serve, spawn
from tests.system.talk import TIMEOUT_S

pytestmark = pytest.mark.timeout(60)

PLACE = "/v1/devices/demo/chaos"


def put(daemon: Daemon, links: list[str], seed: int = 3, **ways: Any) -> dict[str, Any]:
    answer = daemon.api.put(PLACE, json={"chaos": {"seed": seed, "links": links}, **ways})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def many(daemon: Daemon, link: str, times: int = 30) -> None:
    with open_rig(daemon.device()[link].partition("?")[0]) as rig:
        for _ in range(times):
            assert isinstance(rig.dut.status(), m.Status)


def counts(daemon: Daemon, transport: str, way: str) -> dict[str, int]:
    found: dict[str, int] = daemon.get(PLACE)["counts"][transport][way]
    return found


def test_chaos_of_a_file_is_on_the_links_it_names(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "chaos.toml"
    file.write_text(
        '[chaos]\nlinks = ["serial", "tcp"]\n[from_device]\nsplit = 1\nsplit_pause = "2 ms"\n'
        "truncation = 0.1\n[to_device]\nduplication = 0.5\n"
    )
    daemon = serve("--chaos", str(file), "--speed", "max")
    for link in ("serial", "tcp"):
        many(daemon, link, 10)
        back = counts(daemon, link, "from_device")
        assert back["split"] > back["truncated"] > 0
        assert counts(daemon, link, "to_device")["duplicated"] > 0
    many(daemon, "mqtt", 3)
    assert counts(daemon, "mqtt", "from_device")["frames"] == 0


@pytest.mark.parametrize("link", ["serial", "tcp", "mqtt"])
def test_chaos_is_set_read_and_cleared_while_a_client_talks(serve: Serve, link: str) -> None:
    daemon = serve("--speed", "max")
    uri = daemon.device()[link].partition("?")[0]
    with open_rig(uri) as rig:
        assert isinstance(rig.dut.status(), m.Status)
        assert daemon.get(PLACE)["settings"] is None
        told = put(daemon, [link], to_device={"loss": 0.2}, from_device={"delay": "10 ms"})
        assert told["settings"]["from_device"]["delay"] == "10 ms"
        for _ in range(20):
            rig.dut.status()
        out, back = counts(daemon, link, "to_device"), counts(daemon, link, "from_device")
        assert 0 < out["lost"] == out["frames"] - 20
        assert back["frames"] >= 20
        assert daemon.api.delete(PLACE).json()["settings"] is None
        rig.dut.status()
        assert counts(daemon, link, "to_device") == out


@pytest.mark.parametrize("link", ["tcp", "mqtt"])
def test_a_connection_is_cut_and_the_next_one_stands(serve: Serve, link: str) -> None:
    daemon = serve("--speed", "max")
    uri = daemon.device()[link].partition("?")[0]
    with pytest.raises(LinkError), open_rig(uri) as rig:  # noqa: PT012 - cut at any of them
        put(daemon, [link], to_device={"disconnect": 1})
        rig.dut.status()
        rig.dut.status()
    assert counts(daemon, link, "to_device")["disconnected"] > 0
    daemon.api.delete(PLACE)
    assert is_back(daemon, link)


def is_back(daemon: Daemon, link: str) -> bool:
    """A device that left its broker joins it again in its own time."""
    countdown = Countdown(TIMEOUT_S)
    while countdown.nap():
        with suppress(LinkError):
            many(daemon, link, 1)
            return True
    return False


def test_the_same_seed_and_traffic_lose_the_same_frames(serve: Serve) -> None:
    daemon = serve("--speed", "max", "--mqtt", "none")
    found = []
    for seed in (1, 1, 2):
        put(daemon, ["serial"], seed, to_device={"loss": 0.5, "bit_errors": 1e-3})
        talk = daemon.serial()
        for number in range(60):
            talk.send(m.Packet(m.AskHeader(request_id=number), m.Identify()))
        while counts(daemon, "serial", "to_device")["frames"] < 60:
            continue  # still being read
        daemon.api.delete(PLACE)
        talk.send(m.Packet(m.AskHeader(request_id=999), m.Identify()))
        answered = []
        while (header := talk.receive().header).request_id != 999:  # type: ignore[union-attr]  # replies
            answered.append(header.request_id)  # type: ignore[union-attr]  # likewise
        found.append(answered)
        daemon.opened.close()
    assert found[0] == found[1] != found[2]
    assert 0 < len(found[0]) < 60


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"to_device": {"loss": 7}}, "to_device.loss: must be at most 1"),
        ({"to_device": {"lost": 0}}, "to_device.lost: unknown key; did you mean 'loss'?"),
        ({"chaos": {"links": ["mqtt"]}, "to_device": {"burst": 1}}, "MQTT hands a message over"),
        ({"to_device": {"disconnect": 1}}, "a serial line has no connection"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    demo: Daemon, body: dict[str, Any], sentence: str
) -> None:
    put(demo, ["tcp"], to_device={"delay": "1 ms"})
    before = demo.get(PLACE)
    answer = demo.api.put(PLACE, json=body)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]
    assert demo.get(PLACE) == before
    demo.api.delete(PLACE)


def test_chaos_of_an_unknown_device_is_not_found(demo: Daemon) -> None:
    assert demo.api.get("/v1/devices/nobody/chaos").status_code == 404


def test_a_bad_file_is_one_sentence_and_nothing_begins(tmp_path: Path) -> None:
    file = tmp_path / "chaos.toml"
    file.write_text("[to_device]\nlossy = 1\n")
    process = spawn(sys.executable, "-m", "pumpsim", "serve", "--chaos", str(file))
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 2
    assert out == ""
    assert f"{file}:2: to_device.lossy: unknown key; did you mean 'loss'?" in err
