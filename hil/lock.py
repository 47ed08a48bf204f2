"""Who holds a rig: two benches on one pump would each believe the other's effects to be the pump's.

A rig is held by its file and by every port that the file names: two rig files with one port in
common exclude each other. Serial ports are opened for one program alone, too, but that says not by
whom; a TCP port takes whoever comes, and nothing but this lock keeps a second bench from it. The
lock itself is the operating system's, so that of a holder who died it is free at once. Beside it
stands a note for people: who, where, since when, with which command.
"""

import getpass
import hashlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from hil.clock import unix_s
from hil.errors import RigError

FOLDER: Final = "hil-locks"
KEY_DIGITS: Final = 16
SHARED: Final = 0o777
ANYBODY: Final = 0o666
"""Whoever comes to the bench next may be another user."""


@contextmanager
def held(places: Sequence[str]) -> Iterator[None]:
    """Hold all of them, such as a resolved rig file and its ports; RigError says who has one."""
    folder = Path(tempfile.gettempdir()) / FOLDER
    folder.mkdir(exist_ok=True)
    with suppress(PermissionError):  # somebody else's, who has done so
        folder.chmod(SHARED)
    with ExitStack() as taken:
        for place in dict.fromkeys(places):
            taken.enter_context(_held(folder, place))
        yield


@contextmanager
def _held(folder: Path, place: str) -> Iterator[None]:
    key = hashlib.sha256(place.encode()).hexdigest()[:KEY_DIGITS]
    lock, note = FileLock(folder / f"{key}.lock", timeout=0, mode=ANYBODY), folder / f"{key}.json"
    try:
        lock.acquire()
    except Timeout:
        raise RigError(f"{place} is held by {_holder(note)}: wait, or ask them to end") from None
    try:
        note.unlink(missing_ok=True)  # of one who died, perhaps another user's
        note.write_text(json.dumps(_myself(place)), encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _myself(place: str) -> dict[str, str]:
    return {
        "place": place,
        "user": _user(),
        "host": socket.gethostname(),
        "pid": str(os.getpid()),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "since": datetime.fromtimestamp(unix_s(), UTC).isoformat(timespec="seconds"),
    }


def _user() -> str:
    with suppress(OSError, KeyError):  # a user id without a name, as in containers
        return getpass.getuser()
    return "somebody"


def _holder(note: Path) -> str:
    """In words; a note may be half written, or gone by now."""
    try:
        who = json.loads(note.read_text(encoding="utf-8"))
        return (
            f"{who['user']} on {who['host']} (process {who['pid']}, since {who['since']}): "
            f"{who['command']}"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another program"
