"""What is fuzzed: each target takes any bytes, and raises when something did not hold.

A target is for one kind of input. That nothing crashes is the least of it: what is decoded encodes
to the same again, what is not is refused with a sentence, and a pump that heard it lives on. A
target keeps nothing from one input to the next, so that each replays by itself.
"""

from collections.abc import Callable
from typing import Final

from tests.fuzz import files, wire

Target = Callable[[bytes], None]

TARGETS: Final[dict[str, Target]] = {
    "frames": wire.frames,
    "cbor": wire.cbor,
    "json": wire.json,
    "mqtt": wire.mqtt,
    "instruments": wire.instruments,
    "pump_file": files.pump_file,
    "scenario_file": files.scenario_file,
    "bench_file": files.bench_file,
    "chaos_file": files.chaos_file,
    "rig_file": files.rig_file,
}
