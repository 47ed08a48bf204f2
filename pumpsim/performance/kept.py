"""Lives that are over, on disk: a campaign that was stopped goes on where it was.

A file holds lives of one program and one pump, a line of JSON each, in the order in which they
ended. It has the hash of both in its name: other code, or another pump, begins another file.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Final

import protocol
import pumpsim
from pumpsim.performance.living import Life
from pumpsim.pumpfile import PumpFile

PACKAGES: Final = (protocol, pumpsim)
NAME_LENGTH: Final = 16


class KeptLives:
    """The file in a folder that belongs to this program and a pump."""

    def __init__(self, folder: Path, pump: PumpFile) -> None:
        """The folder is made with the first life that is kept."""
        self.path = folder / f"lives-{fingerprint(pump)[:NAME_LENGTH]}.jsonl"

    def load(self) -> dict[int, Life]:
        """Every life by its seed; a line that was being written when the program ended goes."""
        if not self.path.exists():
            return {}
        content = self.path.read_text("utf-8")
        whole = content[: content.rfind("\n") + 1]
        if whole != content:
            self.path.write_text(whole, "utf-8", newline="\n")
        rows = map(json.loads, whole.splitlines())
        lives = [Life(**{**row, "refused": tuple(row["refused"])}) for row in rows]
        return {life.seed: life for life in lives}

    def add(self, life: Life) -> None:
        """Write it down at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(asdict(life)) + "\n")


def fingerprint(pump: PumpFile) -> str:
    """In hex, over everything a life follows from."""
    digest = sha256(pump.model_dump_json().encode())
    for path in _sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        for folder in package.__path__:
            yield from sorted(Path(folder).rglob("*.py"))
