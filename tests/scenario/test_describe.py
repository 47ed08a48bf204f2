"""Pages and schemas: they name every key, and the schema knows the shipped files."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from protocol.configfile import ConfigError
from pumpsim.describe import describe, scenario_schema
from pumpsim.pumpfile import PumpFile
from pumpsim.stimuli import Stimulus, kinds

ROOT = Path(__file__).parents[2]


def keys_of(schema: dict[str, Any]) -> set[str]:
    properties = [part.get("properties", {}) for part in schema.get("$defs", {}).values()]
    return {name for part in properties for name in part} | set(schema["properties"])


def test_the_page_of_a_pump_names_every_key_with_its_default() -> None:
    page, schema = describe("pump").split("JSON Schema:")
    for name in keys_of(json.loads(schema)):
        assert re.search(rf"\b{name}\b", page), name
    assert 'volume in mL, uL, nL, above 0 mL, at most 100 mL; default "30 mL"' in page
    assert keys_of(json.loads(schema)) == keys_of(PumpFile.model_json_schema())


def test_the_page_of_a_scenario_names_every_action_condition_and_sensor() -> None:
    page = describe("scenario")
    for name in (*kinds(Stimulus), "refill", "perfusion_check", "explant"):
        assert f'do = "{name}"' in page
    assert "septum_leak_ml_per_day" in page
    assert "fill_level_nl" in page


def test_the_page_of_a_bench_names_every_key_of_each_instrument_and_of_a_line() -> None:
    page, schema = describe("bench").split("JSON Schema:")
    for name in keys_of(json.loads(schema)) - {"line"}:
        assert re.search(rf"\b{name}\b", page), name
    assert "[line.NAME]" in page
    assert "none, silent, wrong_unit, overload, garbage, slow" in page
    assert "mass in" in page


def test_another_topic_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'scenario'"):
        describe("scenarios")


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").glob("*.toml")), ids=lambda p: p.stem)
def test_the_schema_knows_each_event_of_the_shipped_scenarios(path: Path) -> None:
    choices = scenario_schema()["properties"]["event"]["items"]["oneOf"]
    by_word = {choice["properties"]["do"]["const"]: choice for choice in choices}
    for event in tomllib.loads(path.read_text()).get("event", []):
        choice = by_word[event["do"]]
        assert set(choice["required"]) <= set(event) <= set(choice["properties"])
        for name, value in event.items():
            pattern = choice["properties"][name].get("pattern")
            assert pattern is None or re.fullmatch(pattern, value), name
