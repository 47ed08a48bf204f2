"""Scenario files on the bench: read and checked by the emulator, played at any bedside."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.errors import LocalError
from protocol.configfile import ConfigError
from pumpsim.scenario import file
from pumpsim.scenario.bedside import Bedside, RefusedError
from pumpsim.scenario.play import Player

__all__ = ["Bedside", "Played", "RefusedError", "Scenario", "stimulus_text", "when"]


@dataclass(frozen=True)
class Scenario:
    """One that was checked."""

    _scenario: file.Scenario

    @classmethod
    def load(cls, path: Path) -> "Scenario":
        """LocalError when it cannot run."""
        try:
            return cls(file.load(path))
        except ConfigError as error:
            raise LocalError(str(error)) from None

    @property
    def name(self) -> str:
        """Of the run."""
        return self._scenario.name

    @property
    def length_ns(self) -> int:
        """Of the run."""
        return self._scenario.length_ns

    @property
    def tolerances(self) -> dict[str, float]:
        """What two targets may differ by, as the file says it."""
        return self._scenario.tolerances

    def complain_of_tolerance(self, signal: str, reason: str) -> LocalError:
        """The error for a tolerance, with its line."""
        return LocalError(str(self._scenario.complain_of_tolerance(signal, reason)))

    def at(self, bedside: Bedside) -> "Played":
        """Ready to be played there."""
        return Played(Player(self._scenario, bedside))


class Played:
    """One scenario at one bedside."""

    def __init__(self, player: Player) -> None:
        """Nothing has happened yet."""
        self._player = player

    def steps(self, slice_ns: int) -> Iterator[int]:
        """Go on slice by slice; LocalError when something turns out impossible."""
        try:
            yield from self._player.steps(slice_ns)
        except ConfigError as error:
            raise LocalError(str(error)) from None

    @property
    def refusals(self) -> list[tuple[int, str]]:
        """What the pump refused at visits: instant, and what."""
        return self._player.clinic.journal.refusals


def stimulus_text(stimulus: Any) -> dict[str, Any]:
    """A scenario's action as the laboratory takes it: quantities as text."""
    plain: dict[str, Any] = stimulus.model_dump(mode="json", exclude_none=True)
    return plain


def when(at_ns: int) -> str:
    """An instant of a run for people."""
    return file.when(at_ns)
