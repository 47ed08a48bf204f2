"""Shipped scenarios, each played once for all tests that look at it."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pumpsim.report import summary
from pumpsim.scenario import file as scenarios
from pumpsim.scenario.play import Run
from pumpsim.trace import Trace

SCENARIOS = Path(__file__).parents[2] / "scenarios"

Played = Callable[[str], tuple[Run, dict[str, Any]]]


@cache
def _played(name: str) -> tuple[Run, dict[str, Any]]:
    scenario = scenarios.load(SCENARIOS / f"{name}.toml")
    run = Run.prepare(scenario, None, Trace(), record=True)
    run.play()
    digest = run.watch.trace.end()
    data = summary.gather(run.scenario, run.device, run.watch, run.clinic.journal, digest)
    return run, data


@pytest.fixture(scope="session")
def played() -> Played:
    """Gives a run that is over, and its summary, by the scenario's name."""
    return _played
