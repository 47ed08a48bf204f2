"""Plant and sensors use operations that IEEE 754 rounds alike everywhere (decision 0001)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pumpsim

ROOT = Path(pumpsim.__file__).parent
SOURCES = [*sorted((ROOT / "plant").glob("*.py")), ROOT / "sensors.py", ROOT / "streams.py"]
FORBIDDEN = {"cmath", "decimal", "numpy", "random", "statistics"}


def inexact(tree: ast.AST) -> Iterator[str]:
    """What may come out otherwise elsewhere: the maths library, powers, sums of floats."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
            yield from names & (FORBIDDEN | {"math"})
        elif isinstance(node, ast.ImportFrom) and node.module == "math":
            yield from {alias.name for alias in node.names} - {"sqrt"}
        elif isinstance(node, ast.ImportFrom) and node.module in FORBIDDEN:
            yield node.module
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            constants = isinstance(node.left, ast.Constant) and isinstance(node.left.value, int)
            if not constants:  # 10**12 is an integer; x**4 asks the maths library
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"pow", "sum"}:
            if "_fl" not in ast.unparse(node):  # femtolitres are integers
                yield ast.unparse(node)  # since Python 3.12 a sum of floats rounds otherwise


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_nothing_depends_on_the_platform(source: Path) -> None:
    assert list(inexact(ast.parse(source.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "code",
    ["import math", "from math import exp", "import numpy", "x = y**4", "pow(x, y)", "sum(values)"],
)
def test_what_would_is_found(code: str) -> None:
    assert list(inexact(ast.parse(code)))
