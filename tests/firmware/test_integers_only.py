"""The firmware reckons in integers alone, so that a part without a float unit decides the same."""

import ast
from pathlib import Path
from typing import Final

import pytest

from pumpsim import firmware

FOLDER: Final = Path(firmware.__file__).parent
FLOAT_MODULES: Final = {"cmath", "decimal", "fractions", "math", "numpy", "random", "statistics"}
OF_INTEGERS: Final = {"isqrt"}
"""Of `math`."""
FLOAT_NAMES: Final = {"complex", "float", "round"}


def floats(source: str) -> list[str]:
    """Whatever makes or takes a float, as `line: what`."""
    return [
        f"{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(source))
        if _is_float(node)
    ]


def _is_float(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=float() | complex()):
            return True
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return True
        case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub())):
            return True
        case ast.Name(id=name):
            return name in FLOAT_NAMES
        case ast.Import(names=names):
            return any(each.name.partition(".")[0] in FLOAT_MODULES for each in names)
        case ast.ImportFrom(module="math", names=names):
            return any(each.name not in OF_INTEGERS for each in names)
        case ast.ImportFrom(module=str() as module):
            return module.partition(".")[0] in FLOAT_MODULES
        case _:
            return False


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_the_firmware_has_no_float(path: Path) -> None:
    """DOS-10, DOS-04: no literal, no conversion, no true division, no module that makes them."""
    assert floats(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "x = 1.0",
        "x = 1e3",
        "x = 2j",
        "x = a / b",
        "x /= 2",
        "x = 2 ** -1",
        "x = float(a)",
        "x = list(map(float, a))",
        "def f(x: float) -> None: ...",
        "x = round(a, 1)",
        "import math",
        "from math import sqrt",
        "import numpy.linalg as n",
    ],
)
def test_every_way_to_a_float_is_seen(line: str) -> None:
    assert len(floats(line)) == 1
    assert floats("x = 7 // 2 + (3 << 1) % 4 - 2**8\nimport json") == []
