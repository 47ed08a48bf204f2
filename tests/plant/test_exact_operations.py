"""Plant, sensors and instruments use what IEEE 754 rounds alike everywhere (decision 0001)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pumpsim

ROOT = Path(pumpsim.__file__).parent
MODELS = ("balance", "bath", "decay", "element", "outlook", "pressure", "supply", "syringe")
SOURCES = [
    *sorted((ROOT / "plant").glob("*.py")),
    *(ROOT / "instruments" / f"{name}.py" for name in MODELS),
    ROOT / "sensors.py",
    ROOT / "streams.py",
]
FORBIDDEN = {"cmath", "math", "decimal", "numpy", "random", "statistics"}


def inexact(tree: ast.AST) -> Iterator[str]:
    """What may come out otherwise elsewhere: the maths library, powers, sums of floats."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imported(node) & FORBIDDEN
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            if not isinstance(node.left, ast.Constant) or not isinstance(node.left.value, int):
                yield ast.unparse(node)  # 10**12 is an integer; x**4 asks the maths library
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"pow", "sum"}:
            # femtolitres are integers; floats add up otherwise since Python 3.12
            yield from [text for text in [ast.unparse(node)] if "_fl" not in text]


def imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = {alias.name for alias in node.names}
    if isinstance(node, ast.Import):
        return names
    return (
        {"math"} if node.module == "math" and names != {"sqrt"} else {f"{node.module}"} - {"math"}
    )


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_nothing_depends_on_the_platform(source: Path) -> None:
    assert list(inexact(ast.parse(source.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "code",
    ["import math", "from math import exp", "import numpy", "x = y**4", "pow(x, y)", "sum(values)"],
)
def test_what_would_is_found(code: str) -> None:
    assert list(inexact(ast.parse(code)))
