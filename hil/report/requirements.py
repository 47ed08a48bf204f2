"""The requirements' sentences, for reports that cite their ids."""

import json
from functools import cache
from pathlib import Path
from typing import Final

TABLE: Final = Path(__file__).with_name("requirements.json")
"""Written by `python -m tools.requirement_sentences --write`."""


def sentence(requirement: str) -> str:
    """What the requirement says; empty for an id that no row has."""
    return _table().get(requirement, "")


@cache
def _table() -> dict[str, str]:
    table: dict[str, str] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table
