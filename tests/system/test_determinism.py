"""One seed, one trace: in any process, and the same that it was when it was pinned."""

import json

import pytest

from tests.vectors.traces import SCENARIOS, TRACES_FILE, trace_sha256

PINNED = json.loads(TRACES_FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_two_processes_come_to_the_trace_that_is_pinned(scenario: str) -> None:
    assert {trace_sha256(scenario, hash_seed) for hash_seed in (1, 2)} == {PINNED[scenario]}
