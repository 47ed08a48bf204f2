"""Chaos files: what they may say, and the sentence for what they may not."""

from pathlib import Path

import pytest

from protocol.configfile import ConfigError
from pumpsim.chaos.desk import ChaosDesk
from pumpsim.chaos.settings import ChaosFile, Way, load
from pumpsim.describe import describe
from tests.scenario.test_describe import keys_of

ROOT = Path(__file__).parents[2]


def write(path: Path, text: str) -> Path:
    file = path / "chaos.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")) == ChaosFile()
    assert ChaosFile().to_device == Way(loss=0, duplication=0)


def test_the_shipped_example_is_one() -> None:
    settings = load(ROOT / "examples" / "chaos.toml")
    assert settings.chaos.seed == 7
    assert settings.from_device.truncation > 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[to_device]\nlosses = 0.1", ":2: to_device.losses: unknown key; did you mean 'loss'?"),
        ("[to_device]\nloss = 1.1", ":2: to_device.loss: must be at most 1"),
        ("[to_device]\nloss = nan", ":2: to_device.loss: Input should be a finite number"),
        ("[from_device]\nbit_errors = 0.6", ":2: from_device.bit_errors: must be at most 0.5"),
        ("[to_device]\ndelay = 5", "write the duration as text with its unit"),
        ('[to_device]\ndelay = "61 s"', ":2: to_device.delay: must be at most 60 s"),
        ('[chaos]\nlinks = ["usb"]', ":2: chaos.links: Input should be 'serial', 'tcp' or 'mqtt'"),
        ("[chaos]\nlinks = []", ":2: chaos.links: Tuple should have at least 1 item"),
        ("[to_devise]\nloss = 1", ":1: to_devise: unknown key; did you mean 'to_device'"),
        ("[to_device]\nsplit_pieces = 65", "must be at most 64"),
        (
            '[chaos]\nlinks = ["tcp", "mqtt"]\n[from_device]\nburst = 0.1',
            ":4: from_device.burst: MQTT hands a message over whole and as it was sent, or not at",
        ),
        (
            "[to_device]\ndisconnect = 0.1",
            ":2: to_device.disconnect: a serial line has no connection that could be cut",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    assert sentence in str(caught.value)


def test_the_page_names_every_key_and_what_a_transport_cannot_do() -> None:
    page = describe("chaos")
    for key in keys_of(ChaosFile.model_json_schema()):
        assert key in page
    assert "Not on serial: disconnect. A serial line has no connection" in page
    assert "Not on mqtt: bit_errors, burst, split, truncation. MQTT hands a message over" in page


def test_a_desk_keeps_what_was_set_when_it_refuses() -> None:
    desk = ChaosDesk(ChaosFile(to_device=Way(loss=0.5)))
    desk.counts("tcp", "to_device").lost = 3
    before = desk.report()
    with pytest.raises(ValueError, match="no connection"):
        desk.set(ChaosFile(to_device=Way(disconnect=0.5)))
    assert desk.report() == before
    desk.clear()
    assert desk.report() == {**before, "settings": None}
    desk.set(ChaosFile())
    assert desk.report()["counts"]["tcp"]["to_device"]["lost"] == 0
