"""How a defect gets into running code, and out again: by the smallest change that makes it wrong.

Each kind of change looks for what it changes, and fails loudly when it is not there: a defect that
follows nothing but a name or a line is lost with the next renaming, and then kills no more.
"""

import __future__

import builtins
import dis
import inspect
import sys
import textwrap
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

PACKAGES = ("protocol", "pumpsim", "hil")
MARK = "<defect> "
"""Before the file name of code that was changed, as it stands in a traceback."""


class Edit(NamedTuple):
    """In the source of one function: `old`, which stands there once, becomes `new`.

    The function keeps its identity, so whoever holds it (a table, an importer) holds the defect.
    """

    owner: ModuleType | type
    name: str
    old: str
    new: str

    @contextmanager
    def active(self) -> Iterator[None]:
        """Have the function do the wrong thing."""
        function = function_of(vars(self.owner).get(self.name))
        if function is None:
            message = f"{self.owner.__name__} has no function {self.name}"
            raise LookupError(message)
        right = function.__code__
        function.__code__ = self._wrong(function)
        _forget(self.owner, self.name)
        try:
            yield
        finally:
            function.__code__ = right
            _forget(self.owner, self.name)

    def _wrong(self, function: FunctionType) -> CodeType:
        source = textwrap.dedent(inspect.getsource(function))
        if source.count(self.old) != 1:
            message = f"{self.old!r} stands {source.count(self.old)} times in {self.name}"
            raise LookupError(message)
        source = source.replace(self.old, self.new)
        made = rewritten(function, source, MARK + function.__code__.co_filename)
        missing = set(_globals_of(made.__code__)) - {*function.__globals__, *dir(builtins)}
        if missing:
            message = f"the changed {self.name} would look in vain for {', '.join(sorted(missing))}"
            raise LookupError(message)
        return made.__code__


class Constant(NamedTuple):
    """A named constant has another value, in its module and wherever it was imported from there."""

    module: ModuleType
    name: str
    value: Any

    @contextmanager
    def active(self) -> Iterator[None]:
        """Have everybody read the wrong value."""
        right = vars(self.module).get(self.name, self)
        if right is self or right == self.value:
            message = f"{self.module.__name__} has no {self.name}, or it is {self.value!r} already"
            raise LookupError(message)
        holders = [
            module
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] in PACKAGES and vars(module).get(self.name, self) is right
        ]
        for holder in holders:
            setattr(holder, self.name, self.value)
        try:
            yield
        finally:
            for holder in holders:
                setattr(holder, self.name, right)


class Entry(NamedTuple):
    """A row of a table holds something else; with `None` for it, the row is missing."""

    table: MutableMapping[Any, Any]
    key: Any
    value: Any

    @contextmanager
    def active(self) -> Iterator[None]:
        """Have the table say the wrong thing."""
        right = self.table.get(self.key)
        if right == self.value:
            message = f"the table has no {self.key!r}, or it is {self.value!r} already"
            raise LookupError(message)
        _put(self.table, self.key, self.value)
        try:
            yield
        finally:
            _put(self.table, self.key, right)


Patch = Edit | Constant | Entry


def _put(table: MutableMapping[Any, Any], key: object, value: object) -> None:
    if value is None:
        del table[key]
    else:
        table[key] = value


def function_of(found: object) -> FunctionType | None:
    """The plain function behind a property, a class method, a static method or a cache."""
    for inside in ("fget", "__func__", "__wrapped__"):
        found = getattr(found, inside, found)
    return found if isinstance(found, FunctionType) else None


def rewritten(function: FunctionType, source: str, file: str) -> FunctionType:
    """Another function of that name and those globals, of that source; tracebacks name the file."""
    scope: dict[str, Any] = {}
    body = "class Made:\n" + textwrap.indent(source, " ")  # a method may say super()
    lazy = __future__.annotations.compiler_flag  # names that only type checkers import
    code = compile(body, file, "exec", flags=lazy, dont_inherit=True)
    exec(code, function.__globals__, scope)
    made = function_of(vars(scope["Made"])[function.__name__])
    assert made is not None
    return made


def _forget(owner: ModuleType | type, name: str) -> None:
    """What a cache remembers was reckoned by the other code."""
    cached = getattr(vars(owner)[name], "cache_clear", None)
    if cached is not None:
        cached()


def _globals_of(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            yield step.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_of(constant)
