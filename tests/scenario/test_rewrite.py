"""Values of a TOML file are changed in place; nothing else moves."""

from pathlib import Path

import pytest

from protocol.configfile import ConfigError
from pumpsim.rewrite import rewritten

PATH = Path("pump.toml")
TEXT = """# a pump
[pump]   # the hydraulics
id = "a # b"
rate = "100 Pa/mL"  # as drawn
factor = 1.0# new

[fill]
rate = "1 mL"  # another rate
"""


def test_a_value_changes_and_its_comment_stays() -> None:
    changed = rewritten(PATH, TEXT, "pump", {"rate": '"98.5 Pa/mL"', "factor": "1.04"})
    assert changed == TEXT.replace('"100 Pa/mL"', '"98.5 Pa/mL"').replace("1.0#", "1.04#")


def test_text_with_a_hash_in_it_is_a_value() -> None:
    assert rewritten(PATH, TEXT, "pump", {"id": '"c"'}) == TEXT.replace('"a # b"', '"c"')


def test_a_missing_key_comes_behind_the_last_one_of_its_table() -> None:
    changed = rewritten(PATH, TEXT, "pump", {"gain": "2.5"})
    assert changed == TEXT.replace("1.0# new\n", "1.0# new\ngain = 2.5\n")


def test_a_file_that_ends_without_a_line_end_is_no_trouble() -> None:
    assert rewritten(PATH, '[pump]\nid = "a"', "pump", {"x": "1"}) == '[pump]\nid = "a"\nx = 1\n'
    assert rewritten(PATH, '[pump]\nid = "a"', "pump", {"id": '"b"'}) == '[pump]\nid = "b"'


@pytest.mark.parametrize(
    "text",
    [
        'pump = { id = "a", rate = 1 }\n',
        '[pump]\nid = """a\nrate = 3\n"""\nrate = 1\n',
        "[pump]\nrate = [\n  1,\n]\n",
    ],
)
def test_what_cannot_be_followed_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"pump\.toml:1: pump: .*write it as a table"):
        rewritten(PATH, text, "pump", {"rate": "2"})
