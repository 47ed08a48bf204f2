"""Chaos files: what happens to which links of a pump, each way by itself."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from protocol import configfile as c

MAX_SEED: Final = 2**53 - 1
MAX_DELAY_NS: Final = 60_000_000_000
MAX_SILENCE_NS: Final = 3_600_000_000_000
MAX_PIECES: Final = 64
MAX_BURST_BITS: Final = 8_192
MAX_BIT_ERRORS: Final = 0.5
"""More is an inverted line, not a noisier one."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Transport = Literal["serial", "tcp", "mqtt"]
Direction = Literal["to_device", "from_device"]
TRANSPORTS: Final[tuple[Transport, ...]] = ("serial", "tcp", "mqtt")
DIRECTIONS: Final[tuple[Direction, ...]] = ("to_device", "from_device")


class Way(c.Section):
    """What happens to frames that travel that way. A share is of 1; by default nothing happens."""

    delay: c.DurationNs = Field(
        default=c.text("0 s"), description="of every frame", ge=0, le=MAX_DELAY_NS
    )
    jitter: c.DurationNs = Field(
        default=c.text("0 s"), description="on top, evenly from 0 to this", ge=0, le=MAX_DELAY_NS
    )
    loss: Share = Field(default=0.0, description="share of frames that never arrive")
    duplication: Share = Field(default=0.0, description="share of frames that arrive twice")
    reordering: Share = Field(default=0.0, description="share of frames that others overtake")
    overtaken_by: c.DurationNs = Field(
        default=c.text("50 ms"),
        description="how much later such a frame comes",
        gt=0,
        le=MAX_DELAY_NS,
    )
    bit_errors: float = Field(
        default=0.0, description="share of bits that flip, each by itself", ge=0, le=MAX_BIT_ERRORS
    )
    burst: Share = Field(default=0.0, description="share of frames hit by a burst of noise")
    burst_bits: int = Field(
        default=32,
        description="length of a burst; about half its bits flip",
        ge=2,
        le=MAX_BURST_BITS,
    )
    split: Share = Field(default=0.0, description="share of frames that arrive in pieces")
    split_pieces: int = Field(default=2, description="how many pieces", ge=2, le=MAX_PIECES)
    split_pause: c.DurationNs = Field(
        default=c.text("5 ms"), description="between two pieces", ge=0, le=MAX_DELAY_NS
    )
    truncation: Share = Field(default=0.0, description="share of frames whose end is missing")
    silence: Share = Field(
        default=0.0, description="share of frames with which the line falls silent, losing them"
    )
    silence_length: c.DurationNs = Field(
        default=c.text("1 s"), description="how long it stays so", gt=0, le=MAX_SILENCE_NS
    )
    disconnect: Share = Field(
        default=0.0, description="share of frames in whose place the connection is cut"
    )


class ChaosSection(c.Section):
    """Which links, and the seed of all chance."""

    seed: int = Field(default=1, description="decides all chance", ge=0, le=MAX_SEED)
    links: tuple[Transport, ...] = Field(
        default=("serial", "tcp"),
        description="which links of the pump: serial, tcp, mqtt",
        min_length=1,
        max_length=len(TRANSPORTS),
        strict=False,
    )


class ChaosFile(c.Section):
    """A chaos file. Everything has a default: an empty file changes nothing."""

    chaos: ChaosSection = ChaosSection()
    to_device: Way = Way()
    from_device: Way = Way()

    def way(self, transport: Transport, direction: Direction) -> Way | None:
        """What happens there; None where nothing does."""
        if transport not in self.chaos.links:
            return None
        return self.to_device if direction == "to_device" else self.from_device


IMPOSSIBLE: Final[dict[Transport, tuple[tuple[str, ...], str]]] = {
    "serial": (
        ("disconnect",),
        "a serial line has no connection that could be cut: use silence, or take "
        '"serial" out of chaos.links',
    ),
    "tcp": ((), ""),
    "mqtt": (
        ("bit_errors", "burst", "split", "truncation"),
        "MQTT hands a message over whole and as it was sent, or not at all: take "
        '"mqtt" out of chaos.links, or this out of the file',
    ),
}
"""What cannot happen on a transport, and why."""


def objection(settings: ChaosFile) -> tuple[tuple[str, ...], str] | None:
    """The first thing asked for that one of the links cannot do: its key, and why."""
    for transport in settings.chaos.links:
        effects, reason = IMPOSSIBLE[transport]
        for direction in DIRECTIONS:
            for effect in effects:
                if getattr(getattr(settings, direction), effect):
                    return (direction, effect), reason
    return None


def check(settings: ChaosFile) -> ChaosFile:
    """The settings, when every link they name can do it; ValueError says which cannot."""
    found = objection(settings)
    if found is not None:
        (direction, effect), reason = found
        message = f"{direction}.{effect}: {reason}"
        raise ValueError(message)
    return settings


def load(path: Path) -> ChaosFile:
    """Read a chaos file; ConfigError names what is wrong."""
    text = c.read(path)
    settings = c.check(path, text, ChaosFile)
    found = objection(settings)
    if found is not None:
        raise c.complain(path, text, *found)
    return settings
