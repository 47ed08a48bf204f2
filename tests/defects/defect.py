"""A seeded defect, as data."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from tests.defects.patching import Patch


class Defect(NamedTuple):
    """One small thing that is wrong, and the requirement whose tests have to find it."""

    name: str
    requirement: str
    sentence: str  # what the pump, or the link, does wrong
    patches: tuple[Patch, ...]

    @contextmanager
    def active(self) -> Iterator[None]:
        """Have it, for as long as the context lasts."""
        with ExitStack() as stack:
            for patch in self.patches:
                stack.enter_context(patch.active())
            yield


def defect(name: str, requirement: str, sentence: str, *patches: Patch) -> Defect:
    """A row of a catalogue."""
    return Defect(name, requirement, sentence, patches)
