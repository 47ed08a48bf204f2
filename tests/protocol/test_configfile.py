"""Files for people: every mistake gets one sentence that names file, line, key and way out."""

import re
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from protocol import configfile as c
from protocol.quantity import SIGNED, QuantityError
from pumpsim import pumpfile

MISTAKES = {
    "unknown key": ('[pump]\nid = "a"\ncapacty = "3 mL"', 3, "pump.capacty", "mean 'capacity'"),
    "unknown table": ('[pump]\nid = "a"\n[filll]\n', 3, "filll", "did you mean 'fill'"),
    "misspelt, and therefore missing": ('[pump]\niid = "a"', 2, "pump.iid", "mean 'id'"),
    "comma": ('[pump]\nid = "a"\nnominal_flow = "1,3 mL/day"', 3, "pump.nominal_flow", "point"),
    "leading zero": ('[pump]\nid = "a"\ncapacity = "030 mL"', 3, "pump.capacity", "leading zero"),
    "wrong unit": ('[pump]\nid = "a"\nnominal_flow = "1 mL"', 3, "pump.nominal_flow", "mL/day"),
    "wrong case": ('[pump]\nid = "a"\ncapacity = "30 ml"', 3, "pump.capacity", "use mL"),
    "negative": ('[pump]\nid = "a"\n\ncapacity = "-3 mL"', 4, "pump.capacity", "minus"),
    "bare number": ('[pump]\nid = "a"\ncapacity = 30', 3, "pump.capacity", '"1.5 mL"; found 30'),
    "zero": ('[pump]\nid = "a"\ncapacity = "0 mL"', 3, "pump.capacity", "above 0 mL; found '0 mL'"),
    "too hot": (
        '[pump]\nid = "a"\n[patient]\nbody_temperature = "50 degC"',
        4,
        "patient.body_temperature",
        "at most 43 degC; found '50 degC'",
    ),
    "missing": ('# no id\n[pump]\nmodel = "x"', 2, "pump.id", "is missing"),
    "missing table": ("", 1, "pump", "is missing: a table [pump]"),
    "no table": ("pump = 3", 1, "pump", "must be a table"),
    "slash in id": ('[pump]\nid = "a/b"', 2, "pump.id", "no /, + or #"),
    "plus in id": ('[pump]\nid = "a+"', 2, "pump.id", "no /, + or #"),
    "hash in id": ('[pump]\nid = "a#b"', 2, "pump.id", "no /, + or #"),
    "propellant": ('[pump]\nid = "a"\npropellant = "R-12"', 3, "pump.propellant", "R-123"),
    "overfull": ('[pump]\nid = "a"\n[fill]\nvolume = "31 mL"', 4, "fill.volume", "pump.capacity"),
    "limits crossed": (
        '[pump]\nid = "a"\n[alarms]\nlow_volume = "0.5 mL"',
        4,
        "alarms.low_volume",
        "must rise in this order",
    ),
    "no offset": ('[pump]\nid = "a"\n[clock]\nstart = 2026-01-01', 4, "clock.start", "datetime"),
    "text for truth": ('[pump]\nid = "a"\n[link]\nmqtt = "yes"', 4, "link.mqtt", "boolean"),
}


class Pipe(c.Section):
    kind: Literal["pipe"]
    length: c.AltitudeM


class Valve(c.Section):
    kind: Literal["valve"]
    open: bool


class Store(c.Section):
    level: c.VolumeNl


class Plan(c.Section):
    """A file with everything a file may have: kinds, arrays, tables by name."""

    part: list[Annotated[Pipe | Valve, Field(discriminator="kind")]] = Field([])
    store: dict[str, Store] = Field({})
    rows: list[list[int]] = Field([])
    floors: int = Field(1, ge=1)
    rest: c.DurationNs = Field(c.text("1 s"), le=120_000_000_000)
    cellar: Store | None = None


PLANS = {
    "sound": ('[[part]]\nkind = "pipe"\nlength = "1 m"\n[store.a]\nlevel = "1 mL"', ""),
    "kind unknown": (
        '[[part]]\nkind = "pip"',
        ":2: part.kind: 'pip' is unknown; did you mean 'pipe'?",
    ),
    "kind missing": ("[[part]]\nlength = 1", ":1: part.kind: is missing"),
    "key of a kind": (
        '[[part]]\nkind = "valve"\nopen = true\nlenth = 1',
        ":4: part.lenth: unknown key; known here: open",
    ),
    "key of a named table": (
        '[store.a]\nlevel = "1 mL"\nlevl = 3',
        ":3: store.a.levl: unknown key; did you mean 'level'?",
    ),
    "key of a table that may be missing": (
        '[cellar]\nlevl = "1 mL"',
        ":2: cellar.levl: unknown key; did you mean 'level'?",
    ),
    "table in a table that may be missing": (
        "[cellar]",
        ":1: cellar.level: is missing",
    ),
    "item of an item": (
        'rows = [[1], ["x"]]',
        ":1: rows: Input should be a valid integer; found 'x'",
    ),
    "bound that the file's unit has no short word for": (
        'rest = "5 h"',
        ":1: rest: must be at most 2 min; found '5 h'",
    ),
    "bound without a unit": ("floors = 0", ":1: floors: must be at least 1; found 0"),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_mistake_deep_inside_is_named_too(name: str, tmp_path: Path) -> None:
    content, complaint = PLANS[name]
    path = tmp_path / "plan.toml"
    path.write_text(content)
    if not complaint:
        assert c.load(path, Plan).store["a"].level == 1_000_000
        return
    with pytest.raises(c.ConfigError) as caught:
        c.load(path, Plan)
    assert str(caught.value) == f"{path}{complaint}"


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_line(name: str, tmp_path: Path) -> None:
    content, line, key, hint = MISTAKES[name]
    path = tmp_path / "pump.toml"
    path.write_text(content)
    with pytest.raises(c.ConfigError) as caught:
        pumpfile.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: {key}: ")
    assert hint in message
    assert "\n" not in message
    assert "Value error" not in message  # whose words are not a person's


def test_what_is_not_toml_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    path.write_text("[pump\n")
    with pytest.raises(c.ConfigError, match=r"is not TOML.*line 1"):
        pumpfile.load(path)


def test_what_nests_without_end_is_said_to(tmp_path: Path) -> None:
    path = tmp_path / "pump.toml"
    path.write_text("a = " + "[" * 100_000)
    with pytest.raises(c.ConfigError, match=r"pump.toml: is nested too deep$"):
        pumpfile.load(path)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    with pytest.raises(c.ConfigError) as caught:
        c.read(missing)
    assert str(caught.value) == f"{missing}: cannot be read: No such file or directory"
    with pytest.raises(c.ConfigError, match=r"^a\\x00b: cannot be read: embedded null byte$"):
        c.read(Path("a\0b"))
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(c.ConfigError, match=r": is not UTF-8 text$"):
        c.read(binary)
    huge = tmp_path / "huge.toml"
    huge.write_text("#" * (c.MAX_FILE_BYTES + 1))
    with pytest.raises(c.ConfigError, match=rf": is larger than {c.MAX_FILE_BYTES} bytes$"):
        c.read(huge)


def test_lines_are_found_in_tables_arrays_and_dotted_keys() -> None:
    content = 'a = 1\n[t]\nb = 2\n[[e]]\nx = 1\n[[e]]\ny = 2\n[f."q r"]\nz = 1\nd.k = 3\n'
    assert c.line_of(content, ["a"]) == 1
    assert c.line_of(content, ["t", "b"]) == 3
    assert c.line_of(content, ["e", 0, "x"]) == 5
    assert c.line_of(content, ["e", 1, "y"]) == 7
    assert c.line_of(content, ["e", 1, "missing"]) == 6
    assert c.line_of(content, ["f", "q r", "z"]) == 9
    assert c.line_of(content, ["f", "q r", "d", "k"]) == 10
    assert c.line_of(content, ["nowhere"]) == 1


@pytest.mark.parametrize(
    ("dimension", "value", "text"),
    [
        ("volume", 30_000_000, "30 mL"),
        ("volume", 1, "1 nL"),
        ("duration", 14 * 86_400 * 10**9, "14 d"),
        ("duration", 1_500, "0.0015 ms"),
        ("temperature", 310_150, "37 degC"),
        ("concentration", 6_460_000, "6.46 mg/mL"),
    ],
)
def test_a_quantity_is_written_as_the_shortest_text_that_reads_the_same(
    dimension: str, value: int, text: str
) -> None:
    quantity = c.Quantity(dimension)
    assert quantity.write(value) == text
    assert quantity.read(text) == value


def test_what_no_unit_could_write_again_is_not_read() -> None:
    with pytest.raises(QuantityError, match="too large, or too exact, to be written in any unit"):
        c.Quantity("flow").read("100000000000000.001 mL/day")


@pytest.mark.parametrize(
    ("dimension", "quantity", "value", "title", "refused"),
    [
        ("volume", "1.5 mL", 1_500_000, "volume in mL, uL, nL", ["-1.5 mL", "1.5 K"]),
        ("temperature", "37 degC", 310_150, "temperature in degC, K", ["3.5 mL", "--3.5 K"]),
    ],
)
def test_a_field_is_read_and_written_and_described_to_editors(
    dimension: str, quantity: str, value: int, title: str, refused: list[str]
) -> None:
    """DOS-05: an editor refuses what the reader refuses."""
    field: TypeAdapter[int | None] = TypeAdapter(Annotated[int | None, *c.quantity_of(dimension)])
    assert field.validate_python(quantity) == value
    assert field.dump_json(value) == f'"{quantity}"'.encode()
    assert field.dump_python(value) == value
    assert field.dump_json(None) == b"null"
    schema = field.json_schema()
    assert (schema["type"], schema["title"]) == ("string", title)
    assert re.search(schema["pattern"], quantity)
    assert bool(re.search(schema["pattern"], f"-{quantity}")) == (dimension in SIGNED)
    for text in (*refused, f"0{quantity}", f"{quantity}s", quantity.replace(" ", "")):
        assert not re.search(schema["pattern"], text)
        with pytest.raises(ValidationError):
            field.validate_python(text)


def test_a_schema_tells_defaults_as_a_file_has_them() -> None:
    class Wait(c.Section):
        longest: c.DurationNs = c.text("50 ms")

    schema = Wait.model_json_schema(mode="serialization")
    assert schema["properties"]["longest"]["default"] == "50 ms"
