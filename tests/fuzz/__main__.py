"""Long runs of the fuzzers: python -m tests.fuzz TARGET [--minutes N], or make fuzz.

The targets of tests/fuzz/targets.py are run by atheris (libFuzzer), which prefers inputs that
reached something new. Those are kept in .fuzz/TARGET/corpus, and the next run goes on from them.
Its lines tell executions (#), what was reached of the code (cov), how many inputs are kept (corp)
and how many are tried in a second. A run ends with the first find, which is kept in .fuzz/TARGET:
replay it (--replay FILE), mend what it shows, and put it into tests/fuzz/corpus/TARGET under a
telling name.

The target control_api is fuzzed by schemathesis: tests/fuzz/control_api.py.
"""

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
INSTRUMENTED: Final = ["protocol", "pumpsim", "hil", "tomllib"]
PHYSICS: Final = ["pumpsim.plant", "pumpsim.sensors", "pumpsim.streams", "pumpsim.oscillator"]
"""Runs with every sample, and branches on no input."""
WORDS: Final = ("bounds.json", "schema.json")
"""Golden files that hold the words of every file and message: what mutations are made of."""
LONGEST_BYTES: Final = 4_096
SLOW_S: Final = 10
"""An input that takes longer is a find."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("target")
    parser.add_argument("--minutes", type=float, default=1, help="at most so long")
    parser.add_argument("--runs", type=int, default=-1, help="at most so many executions")
    parser.add_argument("--seed", type=int, default=1, help="of all chance")
    parser.add_argument("--replay", type=Path, help="run this input alone, and nothing else")
    options = parser.parse_args()
    if options.target == "control_api":
        from tests.fuzz.control_api import fuzz_for

        fuzz_for(options.minutes, options.seed)
    elif options.replay is not None:
        from tests.fuzz.targets import TARGETS

        TARGETS[options.target](options.replay.read_bytes())
    else:
        _fuzz(options)


def _fuzz(options: argparse.Namespace) -> None:
    """libFuzzer ends the process."""
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: make venv brings it on Linux (x86-64) alone")
    with atheris.instrument_imports(include=INSTRUMENTED, exclude=PHYSICS):
        from tests.fuzz.seeds import seeds
        from tests.fuzz.targets import TARGETS
    folder = ROOT / ".fuzz" / options.target
    for name, data in seeds(options.target).items():
        _write(folder / "seeds" / name, data)
    _write(folder / "words", "".join(f'"{word}"\n' for word in _words()).encode())
    (folder / "corpus").mkdir(exist_ok=True)
    tempfile.tempdir = str(folder)
    arguments = {
        "artifact_prefix": f"{folder}/",
        "dict": f"{folder}/words",
        "len_control": 0,
        "max_len": LONGEST_BYTES,
        "max_total_time": round(60 * options.minutes),
        "print_final_stats": 1,
        "runs": options.runs,
        "seed": options.seed,
        "timeout": SLOW_S,
    }
    given = [f"-{key}={value}" for key, value in arguments.items()]
    folders = [str(folder / name) for name in ("corpus", "seeds")]
    atheris.Setup([sys.argv[0], *given, *folders], TARGETS[options.target])
    atheris.Fuzz()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _words() -> set[str]:
    texts = [(ROOT / "tests" / "vectors" / name).read_text(encoding="utf-8") for name in WORDS]
    return {word for text in texts for word in re.findall(r"[A-Za-z_/%]{2,40}", text)}


if __name__ == "__main__":
    main()
