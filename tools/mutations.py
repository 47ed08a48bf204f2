"""Generic mutants of our functions: mutmut's operators, each applied to the running code.

mutmut decides what is changed: a number, an operator, a string, an argument, a branch. Here only
the code of one function is exchanged, in the process of a trial (docs/decisions/0009-mutants.md
says why mutmut's own runner is not used). What stands outside functions is not mutated.
"""

import difflib
import hashlib
import importlib
import re
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import Mutation, MutationVisitor, deep_replace
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

from tests.defects.patching import function_of, rewritten
from tools.trace_matrix import TOP

PACKAGES: Final = ("protocol", "pumpsim/firmware")
DECORATED: Final = re.compile(r"^ *@(property|cache|lru_cache\(.*\))( *#.*)?$", re.MULTILINE)
"""mutmut leaves such functions out; ours keep their decorator, whatever their code is."""


class Mutant(NamedTuple):
    """A function with one thing changed. Its number counts the mutants of that function."""

    module: str
    owner: str  # the class, if it is a method
    function: str
    number: int
    right_tree: cst.FunctionDef
    mutation: Mutation
    file: str
    lines: range  # of what is changed
    body: range  # of the function

    @property
    def name(self) -> str:
        """As it is asked for, and told."""
        return ".".join(filter(None, (self.module, self.owner, self.function))) + f":{self.number}"

    @property
    def right(self) -> str:
        """The function as it is."""
        return _code(self.right_tree)

    @property
    def wrong(self) -> str:
        """The function with what is changed."""
        old, new = self.mutation.original_node, self.mutation.mutated_node
        return _code(cast("cst.FunctionDef", deep_replace(self.right_tree, old, new)))

    @property
    def key(self) -> str:
        """The same as long as its function is."""
        told = f"{self.name}\n{self.right}\n{self.wrong}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    @property
    def change(self) -> tuple[str, str]:
        """The lines that differ, before and after."""
        lines = list(difflib.ndiff(self.right.splitlines(), self.wrong.splitlines()))
        old, new = (
            " ".join(line[2:].strip() for line in lines if line[:2] == mark)
            for mark in ("- ", "+ ")
        )
        return old, new

    @contextmanager
    def active(self) -> Iterator[None]:
        """Have whoever holds the function hold the mutant."""
        scope: Any = importlib.import_module(self.module)
        holder = getattr(scope, self.owner) if self.owner else scope
        held = vars(holder)[self.function]
        function = function_of(held)
        assert function is not None, self.name
        made = rewritten(function, self.wrong, self.file)
        parts = ("__code__", "__defaults__", "__kwdefaults__")
        right = [getattr(function, part) for part in parts]
        for part in parts:
            setattr(function, part, getattr(made, part))
        forget()
        try:
            yield
        finally:
            for part, value in zip(parts, right, strict=True):
                setattr(function, part, value)
            forget()


def forget() -> None:
    """Empty the caches of the packages: what they hold was reckoned by the right code."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("protocol.", "pumpsim.firmware.")):
            for held in vars(module).values():
                if callable(clear := getattr(held, "cache_clear", None)):
                    clear()


def mutants() -> Iterator[Mutant]:
    """All there are."""
    for package in PACKAGES:
        for path in sorted((TOP / package).rglob("*.py")):
            yield from mutants_of(path.relative_to(TOP).as_posix(), path.read_text("utf-8"))


def mutants_of(file: str, source: str) -> Iterator[Mutant]:
    """Those of one module, in their order."""
    wrapper = MetadataWrapper(cst.parse_module(DECORATED.sub("", source)))
    visitor = MutationVisitor(mutation_operators, IgnoredCode(set(), set(), set()))
    wrapper.visit(visitor)
    places = wrapper.resolve(PositionProvider)
    owners = dict(_functions(wrapper.module))
    numbers = dict.fromkeys(owners, 0)
    module = ".".join(Path(file).with_suffix("").parts).removesuffix(".__init__")
    for mutation in visitor.mutations:
        function = mutation.contained_by_top_level_function
        if function not in owners:
            continue
        numbers[function] += 1
        yield Mutant(
            module,
            owners[function],
            function.name.value,
            numbers[function],
            function,
            mutation,
            str(TOP / file),
            _lines(places[mutation.original_node]),
            _lines(places[function]),
        )


def _functions(module: cst.Module) -> Iterator[tuple[cst.FunctionDef, str]]:
    for statement in module.body:
        inside = statement.body.body if isinstance(statement, cst.ClassDef) else [statement]
        owner = statement.name.value if isinstance(statement, cst.ClassDef) else ""
        for each in inside:
            if isinstance(each, cst.FunctionDef):
                yield each, owner


def _code(node: cst.CSTNode) -> str:
    return textwrap.dedent(cst.Module([]).code_for_node(node)).strip() + "\n"


def _lines(place: Any) -> range:
    return range(place.start.line, place.end.line + 1)
