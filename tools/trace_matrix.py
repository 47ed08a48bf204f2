"""Which requirement is fulfilled where, and which test shows it: `make trace` prints the matrix.

Code and tests cite a requirement by its id (`ALM-06`) where they fulfil or verify it; the rows
stand in docs/requirements.toml. An id that no row has is a mistake. A row of this release without
both is open, unless it says why it does not apply; with `--strict` an open row is a mistake, too.

    python tools/trace_matrix.py [--strict]
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import Final, NamedTuple

TOP: Final = Path(__file__).parents[1]
ROWS: Final = TOP / "docs" / "requirements.toml"
CODE: Final = ("protocol", "pumpsim", "hil")
TESTS: Final = ("tests",)
SUITE: Final = ("hil/testing",)
"""What users run on their own logic is tests, wherever it stands."""
NEITHER: Final = ("tests/defects", "tests/tools")
"""Which tests are to kill a defect is no test itself, nor is text that a tool is tried on."""
THIS_RELEASE: Final = 1


class Row(NamedTuple):
    """A requirement, and the files that cite it."""

    id: str
    release: int
    statement: str
    not_applicable: str
    code: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def open(self) -> bool:
        """Whether it is due and lacks its code or its test."""
        due = self.release <= THIS_RELEASE and not self.not_applicable
        return due and not (self.code and self.tests)


def cited(
    top: Path, folders: tuple[str, ...], others: tuple[str, ...], pattern: re.Pattern[str]
) -> dict[str, list[str]]:
    """Files by the id they cite, below some folders and not below the others."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in sorted((top / folder).rglob("*.py")):
            name = path.relative_to(top).as_posix()
            if name.startswith(tuple(f"{other}/" for other in others)):
                continue
            for id_ in set(pattern.findall(path.read_text(encoding="utf-8"))):
                found.setdefault(id_, []).append(name)
    return found


def matrix(top: Path, content: str) -> tuple[list[Row], dict[str, list[str]]]:
    """A row for each requirement, and the files that cite an id without one."""
    requirements = tomllib.loads(content)["requirement"]
    families = "|".join(sorted({r["id"].partition("-")[0] for r in requirements}))
    pattern = re.compile(rf"\b(?:{families})-\d{{2}}\b")
    code = cited(top, CODE, (*SUITE, *NEITHER), pattern)
    tests = cited(top, (*TESTS, *SUITE), NEITHER, pattern)
    rows = [
        Row(
            r["id"],
            r["release"],
            r["statement"],
            r.get("not_applicable", ""),
            tuple(code.pop(r["id"], ())),
            tuple(tests.pop(r["id"], ())),
        )
        for r in requirements
    ]
    unknown = {id_: [*code.get(id_, ()), *tests.get(id_, ())] for id_ in {*code, *tests}}
    return rows, unknown


def render(rows: list[Row]) -> str:
    """The matrix as text: one line a row, the files where there are any, the sum at the end."""
    lines = [f"{'id':8}{'release':9}{'code':>5}{'tests':>7}   where, or what is open"]
    for row in rows:
        where = row.not_applicable or ", ".join((*row.code, *row.tests)) or row.statement
        lacking = " and ".join(
            name for name, files in (("code", row.code), ("test", row.tests)) if not files
        )
        mark = f"OPEN, no {lacking}: " if row.open else ""
        counts = f"{len(row.code):5}{len(row.tests):7}"
        lines.append(f"{row.id:8}{row.release:<9}{counts}   {mark}{where}")
    due = [row for row in rows if row.release <= THIS_RELEASE]
    still_open = sum(row.open for row in due)
    lines.append(
        f"{len(due)} rows of release {THIS_RELEASE}, {still_open} open; {len(rows)} in all"
    )
    return "\n".join(lines)


def main() -> int:
    """Print the matrix; 1 when something is wrong with it."""
    rows, unknown = matrix(TOP, ROWS.read_text(encoding="utf-8"))
    print(render(rows))
    for id_, files in sorted(unknown.items()):
        print(f"{id_} is cited in {', '.join(files)}, but no row has it", file=sys.stderr)
    strict = "--strict" in sys.argv
    return int(bool(unknown) or (strict and any(row.open for row in rows)))


if __name__ == "__main__":
    sys.exit(main())
