"""The requirements' sentences by id, for reports: hil/report/requirements.json.

docs/requirements.toml is no part of the package, and a report made on a bench host cites it.

    python -m tools.requirement_sentences [--write]

Without `--write` it says whether the table is stale.
"""

import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).parents[1]
ROWS: Final = TOP / "docs" / "requirements.toml"
TABLE: Final = TOP / "hil" / "report" / "requirements.json"


def table() -> str:
    """The whole table, as JSON, one requirement a line."""
    rows = tomllib.loads(ROWS.read_text(encoding="utf-8"))["requirement"]
    sentences = {row["id"]: row["statement"] for row in rows}
    return json.dumps(sentences, indent=0, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str], path: Path = TABLE) -> int:
    """Write the table, or say whether it is stale."""
    if "--write" in arguments:
        path.write_text(table(), encoding="utf-8", newline="\n")
    elif path.read_text(encoding="utf-8") != table():
        print(
            f"{path} is stale: run python -m tools.requirement_sentences --write", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
