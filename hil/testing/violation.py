"""How a requirement was violated, in words that fit on a screen."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from hil.report.requirements import sentence
from hil.testing.differing import words

if TYPE_CHECKING:
    from hil.testing.scenario import Scenario

WIDTH: Final = 96
MOST_DONE: Final = 16
"""Lines of what was done that are shown; the scenario file has all."""
MOST_SEEN: Final = 300


class ViolatedError(AssertionError):
    """A requirement does not hold. `done` is what led there, a line each."""

    def __init__(
        self,
        requirement: str,
        expected: str,
        seen: object,
        when: str = "",
        done: Sequence[str] = (),
    ) -> None:
        """All of it for a person."""
        told = words(seen)
        super().__init__(f"{requirement}: expected {expected}; seen {told}")
        self.requirement = requirement
        self.expected = expected
        self.seen = told if len(told) <= MOST_SEEN else told[:MOST_SEEN] + " ..."
        self.when = when
        self.done = tuple(done)
        self.scenario: Scenario | None = None


def text(violated: ViolatedError, subject: str, ways: Sequence[tuple[str, str]]) -> str:
    """The report: requirement, what was done, what came of it; `ways` lead back to it."""
    required = f"{violated.requirement}  {sentence(violated.requirement)}".rstrip()
    lines = [f"{subject} violates {violated.requirement}", ""]
    lines += _row("required", required)
    if violated.done:
        lines += ["", "done", *(f"  {line}" for line in _shortened(violated.done))]
    lines += ["", *_row("expected", violated.expected), *_row("seen", violated.seen)]
    if violated.when:
        lines += _row("when", violated.when)
    if ways:
        lines += ["", *(line for name, way in ways for line in _row(name, way))]
    return "\n".join(lines)


def _row(name: str, content: str) -> list[str]:
    indent = " " * 10
    if name in ("replay", "scenario"):  # a command is copied as it stands
        return [f"{name:<10}{content}"]
    return textwrap.wrap(content, WIDTH, initial_indent=f"{name:<10}", subsequent_indent=indent)


def _shortened(done: Sequence[str]) -> list[str]:
    if len(done) <= MOST_DONE:
        return list(done)
    half = MOST_DONE // 2
    return [*done[:half], f"... {len(done) - 2 * half} more ...", *done[-half:]]
