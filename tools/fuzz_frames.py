"""Corrupted frames by the million: none may be accepted that was not sent (COM-01, COM-02).

    python -m tools.fuzz_frames [COUNT] [--seed N] [--jobs N]

Each is spoilt in one of four ways, then followed by a sound frame, as on a line: the decoder must
give the sound one and, before it, nothing that was not sent. All cores take part. Exit code 1 when
a frame was accepted that nobody sent, or a sound one was lost; both are printed in hexadecimal.

A CRC-32 lets one in 2^32 of what reaches it pass by chance. How many reached it is counted, so that
the last line tells what chance alone would have let through.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from protocol.framing import Frame, FrameDecoder

VECTORS: Final = Path(__file__).parents[1] / "tests" / "vectors" / "messages.json"
DEFAULT_COUNT: Final = 10_000_000
MAX_COUNT: Final = 10**10
CHUNK: Final = 50_000
"""Frames of one seed, and between two signs of progress."""
MAX_FLIPS: Final = 8
MAX_BURST_BITS: Final = 256
MAX_TOLD: Final = 10

Spoil = Callable[[Random, bytes, bytes], bytes]


def flips(chance: Random, frame: bytes, _other: bytes) -> bytes:
    """Single bits, each anywhere, delimiters included."""
    spoilt = bytearray(frame)
    for _ in range(chance.randint(1, MAX_FLIPS)):
        bit = chance.randrange(8 * len(spoilt))
        spoilt[bit // 8] ^= 1 << bit % 8
    return bytes(spoilt)


def burst(chance: Random, frame: bytes, _other: bytes) -> bytes:
    """Noise over a run of bits."""
    bits = 8 * len(frame)
    length = min(chance.randint(2, MAX_BURST_BITS), bits)
    noise = (chance.getrandbits(length) | 1) << chance.randint(0, bits - length)
    return (int.from_bytes(frame, "little") ^ noise).to_bytes(len(frame), "little")


def splice(chance: Random, frame: bytes, other: bytes) -> bytes:
    """The head of one frame runs into the tail of another."""
    return frame[: chance.randrange(1, len(frame))] + other[chance.randrange(1, len(other)) :]


def truncation(chance: Random, frame: bytes, _other: bytes) -> bytes:
    """Bytes are missing: at the end, at the start, or in the middle."""
    first = chance.randrange(len(frame))
    last = chance.randrange(first, len(frame))
    return frame[:first] + frame[last + 1 :]


WAYS: Final[tuple[Spoil, ...]] = (flips, burst, splice, truncation)


@dataclass
class Tally:
    """What came of some corrupted frames."""

    tried: int = 0
    reached_crc: int = 0
    accepted: list[str] = field(default_factory=list)
    """In hexadecimal, what led to a frame that nobody sent."""
    lost: list[str] = field(default_factory=list)
    """In hexadecimal, behind what a sound frame was lost."""

    def add(self, other: "Tally") -> None:
        """Count those, too."""
        self.tried += other.tried
        self.reached_crc += other.reached_crc
        self.accepted += other.accepted
        self.lost += other.lost


def corpus(path: Path = VECTORS) -> list[bytes]:
    """Every kind of message as a frame, from its smallest to its largest."""
    return [bytes.fromhex(row["frame"]) for row in json.loads(path.read_text(encoding="utf-8"))]


def corrupted(chance: Random, frames: list[bytes]) -> Iterator[bytes]:
    """Frames without end, each spoilt in one way."""
    while True:
        frame, other = chance.choice(frames), chance.choice(frames)
        spoilt = chance.choice(WAYS)(chance, frame, other)
        if spoilt != frame:
            yield spoilt


def sent(frames: list[bytes]) -> set[Frame]:
    """What the decoder makes of the frames as they are."""
    return {found for frame in frames for found in FrameDecoder().feed(frame)}


def fuzz(seed: int, chunk: int, count: int) -> Tally:
    """Try so many; the same seed and chunk try the same ones."""
    chance, frames = Random(f"{seed}/{chunk}"), corpus()  # noqa: S311 - noise, no secret
    known, tally = sent(frames), Tally(tried=count)
    sound = chance.choice(frames)
    (wanted,) = FrameDecoder().feed(sound)
    decoder = FrameDecoder()
    spoilt = corrupted(chance, frames)
    for _ in range(count):
        data = next(spoilt)
        found = decoder.feed(data + sound)
        if not known.issuperset(found):
            tally.accepted.append(data.hex())
        if found[-1:] != [wanted]:
            tally.lost.append(data.hex())
    tally.reached_crc = decoder.dropped.crc
    return tally


def fuzz_all(count: int, seed: int, jobs: int, progress: Callable[[int], None]) -> Tally:
    """Try so many on so many cores; `progress` hears how many are done."""
    chunks = [min(CHUNK, count - start) for start in range(0, count, CHUNK)]
    total = Tally()
    with ProcessPoolExecutor(jobs) as pool:
        runs = [pool.submit(fuzz, seed, chunk, size) for chunk, size in enumerate(chunks)]
        for run in as_completed(runs):
            total.add(run.result())
            progress(total.tried)
    return total


def told(tally: Tally) -> Iterator[str]:
    """The outcome, in lines."""
    for what, found in (("accepted though never sent", tally.accepted), ("lost", tally.lost)):
        for data in found[:MAX_TOLD]:
            yield f"{what}: {data}"
    chance = tally.reached_crc / 2**32
    yield (
        f"{tally.tried:,} corrupted frames, {tally.reached_crc:,} of them stopped by the CRC alone:"
    )
    yield (
        f"{len(tally.accepted)} accepted that nobody sent (by chance a CRC-32 lets {chance:.2g} "
        f"through), {len(tally.lost)} sound frames lost behind them"
    )


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz_frames", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("count", nargs="?", type=int, default=DEFAULT_COUNT)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    if not 1 <= options.count <= MAX_COUNT:
        parser.error(f"count must lie in 1 to {MAX_COUNT}")
    if options.jobs < 1:
        parser.error("--jobs must be at least 1")

    def progress(done: int) -> None:
        print(f"\r{done:,} of {options.count:,}", end="", file=sys.stderr, flush=True)

    tally = fuzz_all(options.count, options.seed, options.jobs, progress)
    print(file=sys.stderr)
    for line in told(tally):
        print(line)
    return 1 if tally.accepted or tally.lost else 0


if __name__ == "__main__":
    sys.exit(main())
