"""Parameters of scripts: read by the strict grammar, refused with a sentence."""

from dataclasses import dataclass

import pytest

from hil.bench.parameters import (
    COUNT,
    DURATION,
    FLOW,
    NUMBER,
    PERCENT,
    PRESSURE,
    TEMPERATURE,
    VOLUME,
    WORD,
    all_texts,
    described,
    filled,
    parameter,
    set_points,
    texts_of,
)
from hil.bench.script import SHIPPED, find
from hil.errors import LocalError


@dataclass(frozen=True)
class Common:
    length_ns: int = parameter("1 d", DURATION, "in all")
    tubes_degc: tuple[float, ...] = parameter("", TEMPERATURE, "each", many=True, sets="bath")


@dataclass(frozen=True)
class Some:
    sample_ns: int = parameter("30 min", DURATION, "between two", low="1 min", high="1 h")
    bath_degc: float = parameter("37 degC", TEMPERATURE, "of the bath")
    outlets_kpa: tuple[float, ...] = parameter("0 kPa, -2 kPa", PRESSURE, "in turn", many=True)
    fill_ml: float = parameter("28 mL", VOLUME, "of the fill")
    flow_ml_per_day: float = parameter("1.3 mL/day", FLOW, "nominal")
    tolerance_percent: float = parameter("15 %", PERCENT, "either way")
    ratio: float = parameter("1e6", NUMBER, "of the clot")
    cycles: int = parameter("3", COUNT, "refills")
    drug: str = parameter("FUDR", WORD, "what")
    common: Common = Common()


def test_defaults_are_read_as_they_would_be_given() -> None:
    found = filled(Some, {})
    assert found == Some()
    assert found.sample_ns == 1_800 * 10**9
    assert found.bath_degc == 37.0
    assert found.outlets_kpa == (0.0, -2.0)
    assert found.fill_ml == 28.0
    assert found.flow_ml_per_day == pytest.approx(1.3)
    assert found.tolerance_percent == 15.0
    assert found.ratio == 1e6


def test_what_is_given_takes_the_place_of_a_default() -> None:
    texts = texts_of(["sample=10 min", "bath=310.15 K", "outlets=", "drug=heparin"])
    found = filled(Some, texts)
    assert found.sample_ns == 600 * 10**9
    assert found.bath_degc == pytest.approx(37.0)
    assert found.outlets_kpa == ()
    assert found.drug == "heparin"
    assert all_texts(Some, texts)["sample"] == "10 min"
    assert all_texts(Some, texts)["fill"] == "28 mL"


def test_what_scripts_have_in_common_is_written_beside_the_rest() -> None:
    found = filled(Some, texts_of(["length=2 d", "cycles=4", "tubes=20 degC, 30 degC"]))
    assert found == Some(cycles=4, common=Common(2 * 86_400 * 10**9, (20.0, 30.0)))
    assert all_texts(Some, {"length": "2 d"})["length"] == "2 d"
    assert "length='1 d'  in all" in described(Some)
    assert list(set_points(found)) == [("tubes", "bath", 20.0), ("tubes", "bath", 30.0)]


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("sample=30", "'30' is no duration"),
        ("sample=0,5 h", "the decimal separator is a point"),
        ("sample=2 h", "'2 h' is outside 1 min to 1 h"),
        ("sample=30 s", "'30 s' is outside 1 min to 1 h"),
        ("bath=37 C", "'C' is no unit of temperature"),
        ("bath=37 mL", "'mL' is no unit of temperature"),
        ("outlets=1 kPa;2 kPa", "is no pressure"),
        ("ratio=nan", "'nan' is no number"),
        ("ratio=inf", "'inf' is no number"),
        ("ratio=1_0", "'1_0' is no number"),
        ("cycles=-1", "'-1' is no whole number"),
        ("cycles=1.5", "'1.5' is no whole number"),
        ("drug=\u00e9", "is no plain text"),
        ("sampel=1 h", "'sampel' is no parameter of this script: there is sample, bath"),
    ],
)
def test_a_bad_parameter_is_named_with_what_is_wrong(pair: str, sentence: str) -> None:
    with pytest.raises(LocalError) as told:
        filled(Some, texts_of([pair]))
    assert sentence in str(told.value)
    assert pair.partition("=")[0] in str(told.value)


@pytest.mark.parametrize("pairs", [["sample"], ["=1 h"], ["sample=1 h", "sample=1 h"]])
def test_what_is_no_parameter_or_stands_twice_is_refused(pairs: list[str]) -> None:
    with pytest.raises(LocalError):
        texts_of(pairs)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_script_is_found_described_and_takes_its_own_defaults(name: str) -> None:
    script = find(name)
    assert script.name == name
    assert script.requirements
    texts = all_texts(script.parameters, {})
    assert filled(script.parameters, texts) == script.parameters()
    assert len(described(script.parameters)) == len(texts)
    assert script.length_ns(script.parameters()) > 0
