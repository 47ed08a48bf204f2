"""A violation as pytest tells it: what, how it came about, and the ways back to it."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from hil.testing.scenario import write
from hil.testing.subject import REFERENCE
from hil.testing.violation import ViolatedError, text

SUITE: Final = "hil.testing.suite"


def told(violated: ViolatedError, item: pytest.Item) -> str:
    """The report's text; a scenario is written where the violation has one."""
    option = item.config.getoption
    logic, rig = option("--logic"), option("--rig")
    on_the_rig = rig if "rig" in getattr(item, "fixturenames", ()) else None
    subject = on_the_rig or logic or REFERENCE
    ways = [("replay", _replay(item, logic, rig))]
    if violated.scenario is not None:
        scenario = replace(violated.scenario, logic=violated.scenario.logic or subject)
        path = write(scenario, Path(option("--failures")), item.name)
        ways.append(("scenario", f"pumpsim run {path}"))
        ways += [("differs", scenario.differs)] if scenario.differs else []
    return text(violated, subject, ways)


def _replay(item: pytest.Item, logic: str | None, rig: str | None) -> str:
    """The command that does it again."""
    words = ["pytest"]
    words += ["--logic", logic] if logic else []
    words += ["--rig", f"'{rig}'"] if rig else []
    option = item.config.getoption
    budget, seed, effort = option("--budget"), option("--hypothesis-seed", None), option("--effort")
    words += ["--budget", f"'{budget}'"] if budget else []
    words += [f"--hypothesis-seed={seed}"] if seed is not None else []
    words += [f"--effort={effort:g}"] if effort != 1.0 else []
    if item.path.parent == Path(__file__).parent / "suite":
        words += ["--pyargs", f"'{SUITE}.{item.path.stem}::{item.name}'"]
    else:
        words.append(f"'{item.nodeid}'")
    return " ".join(words)
