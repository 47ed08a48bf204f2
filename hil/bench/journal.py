"""What was done and measured, as it happened: one JSON line each, only ever appended.

Beside it, for a rig that can be saved, lies its state at the last entry worth going on from. After
an interruption a run goes on from there: entries behind it are left standing, and do not count.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from hil.errors import LocalError, RigError, reason
from hil.report import RECORD

NAME: Final = "journal.jsonl"
STATE: Final = "state"
RESUMED: Final = "resumed"
"""The kind of entry with which another life of the run begins."""
Entry = dict[str, Any]


class Journal:
    """One run's. `entries` are those that count, oldest first."""

    def __init__(self, folder: Path) -> None:
        """Take up what the folder holds; LocalError when that is no journal."""
        self.folder = folder
        self.entries: list[Entry] = []
        self._path = folder / NAME
        self._count = 0
        self._size = 0  # bytes of all entries, those that no longer count included
        self._load()

    @property
    def last(self) -> int:
        """The number of the last entry; -1 without any."""
        return self._count - 1

    def count(self, kind: str) -> int:
        """Of entries of a kind that count."""
        return sum(one["kind"] == kind for one in self.entries)

    def add(self, kind: str, **content: Any) -> Entry:
        """Write one entry down before anything else happens; RigError when the disk refuses."""
        entry = {"entry": self._count, "kind": kind, **content}
        try:
            line = f"{json.dumps(entry, allow_nan=False)}\n".encode("ascii")
        except (TypeError, ValueError) as error:
            raise LocalError(f"what {kind} gave cannot be written down: {error}") from None
        try:
            with self._path.open("ab") as file:
                file.truncate(self._size)  # what Ctrl-C or a power cut tore never happened
                file.write(line)
        except OSError as error:
            raise RigError(f"{self._path} cannot be written: {reason(error)}") from None
        self._size, self._count = self._size + len(line), self._count + 1
        self.entries.append(entry)
        return entry

    def go_back_to(self, number: int) -> None:
        """From now on entries behind that one do not count; they stay in the file."""
        self.add(RESUMED, after=number)
        self.entries = _kept(self.entries)

    def save_state(self, state: Entry) -> None:
        """The rig as it stands at the last entry."""
        self.save_beside(STATE, {"entry": self.last, "state": state})

    def state(self) -> tuple[int, Entry] | None:
        """The number of the entry the saved state belongs to, and the state; None without one."""
        if not (self.folder / f"{STATE}.json").exists():
            return None
        saved = self.load_beside(STATE)
        return saved["entry"], saved["state"]

    def save_beside(self, name: str, content: Entry) -> None:
        """Plain data in a file of its own, which is replaced as a whole."""
        path, fresh = self.folder / f"{name}.json", self.folder / f"{name}.new"
        try:
            fresh.write_text(json.dumps(content, allow_nan=False), encoding="ascii")
            fresh.replace(path)
        except OSError as error:
            raise RigError(f"{path} cannot be written: {reason(error)}") from None

    def load_beside(self, name: str) -> Entry:
        """What was saved so; LocalError when it is damaged."""
        path = self.folder / f"{name}.json"
        try:
            content: Entry = json.loads(path.read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise LocalError(f"{path} is damaged, begin another run: {error}") from None
        return content

    def sha256(self) -> str:
        """Over the file as it is."""
        return hashlib.sha256(self._path.read_bytes()).hexdigest()

    def _load(self) -> None:
        if not self._path.exists():
            return
        *whole, _ = self._path.read_bytes().split(b"\n")  # what is torn never happened: see `add`
        for number, line in enumerate(whole):
            entry = _entry(line)
            if entry is None or entry.get("entry") != number:
                raise LocalError(f"{self._path} is damaged in line {number + 1}: begin another run")
            self.entries.append(entry)
        self._count, self._size = len(whole), sum(len(line) + 1 for line in whole)
        self.entries = _kept(self.entries)


def begun(folder: Path) -> Journal:
    """A new run's; LocalError when the folder holds one already."""
    if (folder / NAME).exists():
        raise LocalError(
            f"{folder} holds a run already: go on with it by --resume, or give another --out"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError(f"{folder} cannot be made: {reason(error)}") from None
    return Journal(folder)


def taken_up(folder: Path) -> Journal:
    """An interrupted run's; LocalError when there is none, or when it has ended."""
    if not (folder / NAME).exists():
        raise LocalError(f"{folder} holds no run to go on with: leave --resume out")
    journal = Journal(folder)
    if not journal.entries or journal.entries[0]["kind"] != "begin":
        raise LocalError(f"{folder} holds a run that never began: give another --out")
    if journal.entries[-1]["kind"] == "end":
        raise LocalError(f"the run in {folder} has ended: its record is {folder / RECORD}")
    return journal


def _entry(line: bytes) -> Entry | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _kept(entries: list[Entry]) -> list[Entry]:
    kept: list[Entry] = []
    for entry in entries:
        if entry["kind"] == RESUMED:
            kept = [one for one in kept if one["entry"] <= entry["after"]]
        kept.append(entry)
    return kept
