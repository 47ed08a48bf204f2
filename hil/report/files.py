"""The files of a report: the record itself, a page for people, JUnit XML for build servers."""

import json
from pathlib import Path
from typing import Final, NamedTuple

from hil.errors import LocalError, reason
from hil.record import Record, from_plain

RECORD: Final = "record.json"
PAGE: Final = "report.html"
JUNIT: Final = "junit.xml"
MAX_REASON: Final = 200


class Paths(NamedTuple):
    """Where the files of a report are."""

    record: Path
    page: Path
    junit: Path


def write(record: Record, folder: Path) -> Paths:
    """The whole report into a folder, which is made if need be; LocalError when it cannot be.

    The record comes first: whatever becomes of the rest, it can be made again from that.
    """
    return render(record, keep(record, folder))


def keep(record: Record, folder: Path) -> Path:
    """The record alone; its file."""
    content = json.dumps(record.to_plain(), indent=1, allow_nan=False) + "\n"
    path = folder / RECORD
    put(path, content)
    return path


def render(record: Record, path: Path) -> Paths:
    """Page and JUnit XML beside the record's file at `path`."""
    from hil.report.junit import junit
    from hil.report.page import page  # matplotlib takes half a second

    paths = Paths(path, path.with_name(PAGE), path.with_name(JUNIT))
    put(paths.page, page(record))
    put(paths.junit, junit(record))
    return paths


def read(place: Path) -> tuple[Record, Path]:
    """The record in a folder or a file, and that file; LocalError: there is none to be read."""
    path = place / RECORD if place.is_dir() else place
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {reason(error)}; give a run's folder") from error
    except ValueError as error:  # no text, no JSON
        raise LocalError(f"{path} is not JSON: {error}") from error
    try:
        return from_plain(plain if isinstance(plain, dict) else {}), path
    except ValueError as error:
        raise LocalError(f"{path} is no record of a run: {_first(error)}") from error


def put(path: Path, content: str) -> None:
    """A text file, whole or not at all: the one that was there stays until it is complete."""
    partial = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(content, encoding="utf-8", newline="\n")
        partial.replace(path)
    except OSError as error:
        raise LocalError(f"{path} cannot be written: {reason(error)}") from error


def _first(error: ValueError) -> str:
    """One line of whatever was wrong."""
    return " ".join(str(error).split())[:MAX_REASON]
