"""Runs of scripts in the test's own folder."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from hil.bench.perform import InterruptedRunError, Wish, perform
from hil.bench.script import Script, find
from hil.interruption import Interruption
from hil.record import Record

Progress = Callable[[str, int], None]
SIM = "sim:"


class PowerCut(BaseException):
    """Nothing in the bench knows this one: the process is gone, as far as its files go."""


class After:
    """A progress line whose n-th change is the moment at which something happens."""

    def __init__(self, count: int, error: type[BaseException]) -> None:
        self.left = count
        self._error = error

    def __call__(self, _what: str, _elapsed_ns: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise self._error


class Later:
    """Something happens once so many hours of device time have passed."""

    def __init__(self, hours: float, error: type[BaseException]) -> None:
        self._due_ns = hours * 3_600e9
        self._error = error

    def __call__(self, _what: str, elapsed_ns: int) -> None:
        if elapsed_ns >= self._due_ns:
            raise self._error


class Bench:
    """Runs scripts in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(
        self,
        script: Script | str,
        texts: Mapping[str, str] | None = None,
        *,
        uri: str = SIM,
        progress: Progress = lambda what, elapsed_ns: None,  # noqa: ARG005
        prompt: Callable[[str], None] = print,
        resume: bool = False,
        command: str = "the test",
    ) -> Record:
        chosen = find(script) if isinstance(script, str) else script
        wish = Wish(chosen, uri, self.folder, texts or {}, command, resume=resume)
        return perform(wish, progress, prompt, Interruption())

    def run_in_pieces(
        self, script: Script | str, texts: Mapping[str, str], count: int, error: type[BaseException]
    ) -> tuple[Record, int]:
        """Interrupted again and again, each time after so many changes of the progress line."""
        pieces = 0
        while True:
            after = After(count + pieces, error)  # a little further each time: it ends
            try:
                record = self.run(script, texts, progress=after, resume=pieces > 0)
            except (InterruptedRunError, PowerCut):
                pieces += 1
            else:
                return record, pieces


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "run")


@pytest.fixture
def other(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "other")
