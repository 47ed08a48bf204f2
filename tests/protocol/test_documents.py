"""The documents say what the declarations say, and nothing stale stands in the repository."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from protocol.asyncapi import asyncapi_document
from protocol.document import DOCS, main, protocol_document
from protocol.messages import MESSAGES, Ask, Command, Notice, Reply
from protocol.plain import TYPE_NAMES
from protocol.schema import HEADERS, fields, parts, unit_of, words

VECTORS = Path(__file__).parents[1] / "vectors" / "messages.json"
PAGE = protocol_document()
ASYNCAPI: dict[str, Any] = json.loads(asyncapi_document())


def test_the_documents_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_a_stale_document_is_named_and_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check", "--into", str(tmp_path)]) == 1
    assert main(["--write", "--into", str(tmp_path)]) == 0
    assert main(["--check", "--into", str(tmp_path)]) == 0
    page = tmp_path / "protocol.md"
    assert page.read_bytes() == (DOCS / "protocol.md").read_bytes()
    page.write_text(PAGE.replace("volume", "Volume"), encoding="utf-8")
    capsys.readouterr()
    assert main(["--check", "--into", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"{page} is stale: run python -m protocol.document --write\n"
    )


def test_the_command_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = {" ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert told > {
        "usage: python -m protocol.document [-h] (--write | --check) [--into INTO]",
        "--write write the documents",
        "--check fail when one is stale",
        "--into INTO the folder they stand in",
    }


def test_every_declaration_has_its_heading_once() -> None:
    tables = PAGE.split("## Headers")[1]
    headings = re.findall(r"^### (\w+)$", tables, flags=re.MULTILINE)
    declared = [TYPE_NAMES[message] for message in MESSAGES]
    declared += [part.__name__ for part in (*HEADERS, *parts())]
    declared += [enum.__name__ for enum in words()]
    assert sorted(headings) == sorted(declared)
    assert len({heading.lower() for heading in headings}) == len(headings)


def test_every_link_has_its_heading() -> None:
    headings = re.findall(r"^#+ (\w+)$", PAGE, flags=re.MULTILINE)
    links = re.findall(r"\]\(#(\w+)\)", PAGE)
    assert len(links) > 100
    assert set(links) <= {heading.lower() for heading in headings}


def test_everything_is_explained() -> None:
    for part in (*MESSAGES, *HEADERS, *parts()):
        assert part.__doc__
        for field in fields(part):
            assert field.description


def test_a_table_row_shows_key_bounds_and_unit() -> None:
    row = "| 9 | `filled_nl` | integer 1 … 200000000 | nL | put in |"
    assert row in PAGE.splitlines()


@pytest.mark.parametrize(
    ("name", "unit"),
    [("nominal_flow_nl_per_h", "nL/h"), ("capacity_nl", "nL"), ("refill_interval_s", "s")],
)
def test_the_unit_is_the_one_of_the_name(name: str, unit: str) -> None:
    found = {unit_of(field) for part in parts() for field in fields(part) if field.name == name}
    assert found == {unit}


# ---- AsyncAPI


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [ref for value in node.values() for ref in references(value)]
    return [ref for value in node for ref in references(value)] if isinstance(node, list) else []


def test_every_reference_leads_somewhere() -> None:
    found = references(ASYNCAPI)
    assert found
    for reference in found:
        node = ASYNCAPI
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


@pytest.mark.parametrize(
    ("channels", "kinds"),
    [
        (["request"], (Ask, Command)),
        (["reply"], (Reply,)),
        (["status", "telemetry", "alarm", "event", "sample"], (Notice,)),
    ],
)
def test_every_message_has_one_channel(channels: list[str], kinds: tuple[type, ...]) -> None:
    listed = [name for channel in channels for name in ASYNCAPI["channels"][channel]["messages"]]
    assert sorted(listed) == sorted(TYPE_NAMES[b] for b in MESSAGES if issubclass(b, kinds))


def test_addresses_and_their_parameters_agree() -> None:
    for channel in ASYNCAPI["channels"].values():
        assert set(re.findall(r"{(\w+)}", channel["address"])) == set(channel["parameters"])


def test_schemas_list_the_fields_of_the_vectors() -> None:
    schemas = ASYNCAPI["components"]["schemas"]
    for row in json.loads(VECTORS.read_text(encoding="utf-8")):
        schema = schemas[row["json"]["type"]]
        assert list(schema["properties"]) == list(row["json"])
        known = {name for name, value in row["json"].items() if value is not None}
        assert set(schema["required"]) <= known
