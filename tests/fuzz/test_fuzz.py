"""Fuzzing, as far as a run of the suite has time for it; `make fuzz` goes on."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import CORPUS, ROOT, seeds
from tests.fuzz.targets import TARGETS
from tools.fuzz_frames import corrupted

FINDS = sorted(CORPUS.glob("*/*"))
EXAMPLES = 30


@pytest.mark.parametrize("path", FINDS, ids=[f"{p.parent.name}/{p.name}" for p in FINDS])
def test_what_was_found_holds(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_each_folder_of_the_corpus_has_its_target() -> None:
    assert {path.parent.name for path in FINDS} <= TARGETS.keys()


def test_make_fuzz_tries_each_target() -> None:
    (line,) = re.findall(r"^TARGET \?= (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert line.split() == [*TARGETS, "control_api"]


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_spoilt_seeds_hold(target: str) -> None:
    inputs = [data for data in seeds(target).values() if len(data) > 1]
    chance = st.randoms(use_true_random=True)

    @settings(max_examples=EXAMPLES)
    @given(chance.map(lambda chance: next(corrupted(chance, inputs))))
    def hold(data: bytes) -> None:
        TARGETS[target](data)

    hold()


@pytest.mark.slow
def test_every_route_of_the_control_api_keeps_to_its_document() -> None:
    from tests.fuzz.control_api import served  # takes schemathesis along

    with served() as api:
        api.fuzz(examples=2, number=1)
    assert {200, 404, 422} <= {status for _, status in api.answers}


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_coverage_guides_a_run() -> None:
    pytest.importorskip("atheris")
    command = [sys.executable, "-m", "tests.fuzz", "cbor", "--runs", "200"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "DONE" in done.stderr
