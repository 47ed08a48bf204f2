"""Some eventful hours at a desk, call by call; here, or in processes that hash otherwise.

python -m hil.testing.eventful MODULE:CLASS          what came of each call, in JSON
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

from hil.logic import load_here
from hil.testing.desk import Desk
from hil.testing.differing import difference, leaves
from hil.testing.violation import ViolatedError
from hil.testing.watched import watched
from protocol import messages as m
from protocol.control import Outcome
from protocol.vocabulary import AlarmId

MINUTES: Final = 500
SCRIPT: Final[dict[int, dict[str, Any]]] = {
    40: {"pocket_pa": 84e3},
    41: {"pocket_pa": 72e3},
    70: {"pocket_pa": 88e3},
    71: {"pocket_pa": 101_300.0},
    80: {"level_nl": 22e6},
    120: {"reads": {"battery_mv": None}},
    130: {"reads": {}, "artery_pa": 40e3},
    180: {"artery_pa": 12_400.0, "restrictor": 1.4},
}
LONGEST_S: Final = 120
"""Wall time a process may take: seconds are usual, and a call that hangs ends by itself."""


def lived(desk: Desk, asks: Sequence[m.Body] = ()) -> list[Any]:
    """What came of it; with questions between the samples, if any."""
    desk.implant()
    outcomes: list[Any] = []
    for minute in range(MINUTES):
        if minute in SCRIPT:
            desk.let(**SCRIPT[minute])
        outcomes.append(_plain(desk.minute()))
        for body in asks:
            desk.ask(body)
        if minute == 100:
            tampering = desk.occurrence(AlarmId.TAMPERING)
            number = 0 if tampering is None else tampering.occurrence
            body = m.AcknowledgeAlarm(alarm=AlarmId.TAMPERING, occurrence=number)
            outcomes.append(desk.ask(body))
    outcomes.append(desk.status())
    return outcomes


def alike(one: list[Any], other: list[Any], requirement: str, words: str, when: str = "") -> None:
    """Call by call the same came of it."""
    for index, (left, right) in enumerate(zip(one, other, strict=True)):
        if left != right:
            expected, seen = difference(left, right)
            raise ViolatedError(requirement, f"{words}: {expected}", seen, f"call {index}{when}")


def elsewhere(name: str, hash_seeds: Sequence[int]) -> list[list[Any]]:
    """The same in a process with each of these seeds, side by side: every field in words."""
    started = [_started(name, hash_seed) for hash_seed in hash_seeds]
    return [_ended(process) for process in started]


def _started(name: str, hash_seed: int) -> subprocess.Popen[str]:
    """It finds what this process finds, and nothing of the working folder comes first (-P)."""
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(  # noqa: S603 -- this Python, and a module that is imported here, too
        [sys.executable, "-P", "-m", "hil.testing.eventful", name],
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": str(hash_seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _ended(process: subprocess.Popen[str]) -> list[Any]:
    with process:
        try:
            told, error = process.communicate(timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            told, error = "", f"no end within {LONGEST_S} s"
    if process.returncode:
        seen = error.strip().rpartition("\n")[2]
        raise ViolatedError("RST-11", "the same life in a process of its own", seen)
    outcomes: list[Any] = json.loads(told.rpartition("\n")[2])  # logic may print, too
    return outcomes


def _plain(outcome: Outcome) -> dict[str, Any]:
    """Without the reply, and whatever the sequences are."""
    return {
        "actuation": outcome.actuation,
        "events": tuple(outcome.events),
        "alarms": tuple(outcome.alarms),
        "beliefs": outcome.beliefs,
    }


if __name__ == "__main__":
    outcomes = lived(Desk(watched(load_here(sys.argv[1]))))
    sys.stdout.write("\n" + json.dumps([leaves(outcome) for outcome in outcomes]))
