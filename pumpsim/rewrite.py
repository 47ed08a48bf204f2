"""Change values of a TOML file and nothing else: comments, order and blanks stay as they are."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from protocol import configfile as c

VALUE: Final = re.compile(r"""(\s*[^=]+?\s*=\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^#\s]+)(.*)""")
"""A key with its equals sign, a value that stands on one line, and what follows it."""


def rewritten(path: Path, content: str, table: str, values: Mapping[str, str]) -> str:
    """The content with these keys of one table set, each to a value as TOML writes it.

    Keys that are missing come behind the table's last one. ConfigError, naming the place, when the
    file is written in a way that this cannot follow.
    """
    before = tomllib.loads(content)
    for key, value in values.items():
        content = _with(content, table, key, value)
    try:
        after = tomllib.loads(content)
    except tomllib.TOMLDecodeError:
        after = {}
    set_ = {key: tomllib.loads(f"x = {value}")["x"] for key, value in values.items()}
    if after != {**before, table: {**before.get(table, {}), **set_}}:
        reason = f"cannot be rewritten: write it as a table [{table}] with one key on each line"
        raise c.complain(path, content, (table,), reason)
    return content


def _with(content: str, table: str, key: str, value: str) -> str:
    lines = content.splitlines(keepends=True)
    keys = tomllib.loads(content).get(table, {})
    if key in keys:
        index = c.line_of(content, (table, key)) - 1
        end = "\n" if lines[index].endswith("\n") else ""
        lines[index] = VALUE.sub(lambda m: m[1] + value + m[3], lines[index].rstrip("\n")) + end
        return "".join(lines)
    last = max((c.line_of(content, (table, name)) for name in keys), default=0)
    if lines and not lines[last - 1].endswith("\n"):
        lines[last - 1] += "\n"
    lines.insert(last, f"{key} = {value}\n")
    return "".join(lines)
