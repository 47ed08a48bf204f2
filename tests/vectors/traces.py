"""Writes what shipped scenarios come to: `python -m tests.vectors.traces --write`.

One seed gives one trace, on every run, process and platform. A change of these hashes is a change
of behaviour, to be made knowingly.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).parents[2]
TRACES_FILE: Final = Path(__file__).parent / "traces.json"
SCENARIOS: Final = ("fever", "flight")


def trace_sha256(scenario: str, hash_seed: int) -> str:
    """Of a run in a process of its own, in which sets of words have an order of their own."""
    path = TOP / "scenarios" / f"{scenario}.toml"
    done = subprocess.run(
        (sys.executable, "-m", "pumpsim", "run", str(path), "--seed", "7", "--json"),
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        cwd=TOP,
        capture_output=True,
        timeout=120,
        check=True,
    )
    told: str = json.loads(done.stdout)["trace_sha256"]
    return told


def main() -> None:
    """Write them, when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", required=True)
    parser.parse_args()
    traces = {name: trace_sha256(name, 0) for name in SCENARIOS}
    TRACES_FILE.write_text(json.dumps(traces, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
