"""The page about the instruments names what they understand."""

import re
from pathlib import Path

import pytest

from pumpsim.instruments.line import Fault
from pumpsim.instruments.mt_sics import LEVELS
from pumpsim.instruments.scpi import MESSAGES
from pumpsim.instruments.scpi_pressure import UNITS_KPA

PAGE = (Path(__file__).parents[2] / "docs" / "instruments.md").read_text(encoding="utf-8")
WORDS = [
    *(name for level in LEVELS for name in level),
    *(fault.value for fault in Fault if fault is not Fault.NONE),
    *map(str, MESSAGES),
    *UNITS_KPA,
]


@pytest.mark.parametrize("word", WORDS)
def test_every_word_stands_on_the_page(word: str) -> None:
    assert re.search(rf"(?<![\w-]){re.escape(word)}(?!\w)", PAGE)
