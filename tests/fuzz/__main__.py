"""Coverage-guided fuzzing of one target, by atheris (libFuzzer).

    python -m tests.fuzz TARGET [--minutes N] [--runs N] [--seed N]
    python -m tests.fuzz TARGET --replay FILE

Inputs that reached something new are kept in .fuzz/TARGET/corpus, and the next run goes on from
them. A line of progress tells executions (#), what was reached of the code (cov), inputs kept
(corp) and executions per second. The run ends with the first find, which is kept in .fuzz/TARGET,
too: replay it, mend what it shows, and put it into tests/fuzz/corpus/TARGET under a name that says
what it was.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

NAMES: Final = (
    "frames cbor json mqtt pump_file scenario_file bench_file chaos_file rig_file".split()
)
INSTRUMENTED: Final = ["protocol", "pumpsim", "hil", "tomllib"]
PHYSICS: Final = ["pumpsim.plant", "pumpsim.sensors", "pumpsim.streams", "pumpsim.oscillator"]
"""Runs with every sample, and branches on no input."""
ROOT: Final = Path(__file__).parents[2]
VECTORS: Final = ROOT / "tests" / "vectors"
LONGEST_BYTES: Final = 4_096
SLOW_S: Final = 10
"""An input that takes longer is a find."""


def main() -> None:
    """Parse, prepare, run; libFuzzer ends the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--minutes", type=float, default=0, help="at most so long")
    parser.add_argument("--runs", type=int, default=-1, help="at most so many executions")
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    parser.add_argument("--replay", type=Path, help="only this input")
    options = parser.parse_args()
    if options.replay is not None:
        from tests.fuzz.targets import TARGETS

        TARGETS[options.target](options.replay.read_bytes())
        return
    fuzz(options.target, options.minutes, options.runs, options.seed)


def fuzz(name: str, minutes: float, runs: int, seed: int) -> None:
    """Does not return."""
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED, exclude=PHYSICS):
        from tests.fuzz.seeds import seeds
        from tests.fuzz.targets import TARGETS

    folder = ROOT / ".fuzz" / name
    corpus, start = folder / "corpus", folder / "seeds"
    for path in (corpus, start):
        path.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder)
    for number, data in enumerate(seeds(name).values()):
        (start / str(number)).write_bytes(data)
    (folder / "words").write_text("".join(f'"{word}"\n' for word in words()), encoding="ascii")
    arguments = {
        "artifact_prefix": f"{folder}/",
        "dict": f"{folder}/words",
        "max_len": LONGEST_BYTES,
        "max_total_time": round(60 * minutes),
        "print_final_stats": 1,
        "runs": runs,
        "seed": seed,
        "timeout": SLOW_S,
    }
    atheris.Setup(
        [
            sys.argv[0],
            *(f"-{key}={value}" for key, value in arguments.items()),
            str(corpus),
            str(start),
        ],
        TARGETS[name],
    )
    atheris.Fuzz()


def words() -> set[str]:
    """What the declarations are made of, as the golden files have them."""
    return {
        word
        for path in VECTORS.glob("*.json")
        if path.name != "messages.json"
        for word in re.findall(r"[A-Za-z_/%]{2,40}", path.read_text(encoding="utf-8"))
    }


if __name__ == "__main__":
    main()
