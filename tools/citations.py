"""Which tests guard a requirement, by node id: those that cite it, as `pytest` can run them.

A citation belongs to the test it stands in or right above. One in a helper, a class or a constant
belongs to every test of that module that uses it, one in the module's own sentence to all of them.

    python -m tools.citations [ID …]     the tests of these rows; without any, of which row one only
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tools.trace_matrix import ROWS, TESTS, TOP


class Piece(NamedTuple):
    """One statement of a module's top level, with what stands above it."""

    names: frozenset[str]  # it defines
    uses: frozenset[str]
    cites: frozenset[str]
    test: str  # its name, if pytest collects it


@cache
def known_ids() -> frozenset[str]:
    """Every id that a row of the requirements has."""
    return frozenset(row["id"] for row in tomllib.loads(ROWS.read_text("utf-8"))["requirement"])


@cache
def guards(top: Path = TOP) -> dict[str, tuple[str, ...]]:
    """Node ids of the tests by the requirement they cite, both in their order."""
    found: dict[str, list[str]] = {id_: [] for id_ in sorted(known_ids())}
    for folder in TESTS:
        for path in sorted((top / folder).rglob("test_*.py")):
            for test, ids in citing(path.read_text("utf-8")):
                for id_ in ids:
                    found[id_].append(f"{path.relative_to(top).as_posix()}::{test}")
    return {id_: tuple(tests) for id_, tests in found.items()}


def citing(source: str) -> Iterator[tuple[str, frozenset[str]]]:
    """The tests of one module, and the ids each of them cites."""
    pieces = list(_pieces(source))
    everywhere = pieces[0].cites if pieces and not pieces[0].names else frozenset()
    by_name = {name: piece for piece in pieces for name in piece.names}
    for piece in pieces:
        if piece.test:
            seen: set[str] = set()
            _reach(piece, by_name, seen)
            ids = everywhere.union(piece.cites, *(by_name[name].cites for name in seen))
            yield piece.test, ids


def _reach(piece: Piece, by_name: dict[str, Piece], seen: set[str]) -> None:
    for name in piece.uses & by_name.keys() - seen:
        seen.add(name)
        _reach(by_name[name], by_name, seen)


def _pieces(source: str) -> Iterator[Piece]:
    lines = source.splitlines()
    above = 0
    for node in ast.parse(source).body:
        last = node.end_lineno or node.lineno
        text = "\n".join(lines[above:last])
        above = last
        names = frozenset(_defined(node))
        uses = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name)) - names
        cites = known_ids() & set(re.findall(r"\b[A-Z]{3}-\d{2}\b", text))
        tests = [name for name in names if name.startswith(("test_", "Test"))]
        imported = isinstance(node, ast.Import | ast.ImportFrom)
        yield Piece(names, uses, cites, tests[0] if tests and not imported else "")


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def main() -> None:
    """Print the tests of the rows that were named."""
    ids = sys.argv[1:] or [id_ for id_, tests in guards().items() if len(tests) == 1]
    for id_ in ids:
        for test in guards()[id_]:
            print(id_, test)


if __name__ == "__main__":
    main()
