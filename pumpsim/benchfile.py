"""Bench files: one TOML file makes the emulated instruments around a pump, and their lines."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import Field

from protocol import configfile as c
from pumpsim.instruments.desk import SPEECHES
from pumpsim.instruments.line import Fault
from pumpsim.instruments.parameters import BenchSection

PTY: Final = "pty"
NONE: Final = "none"


class LineSection(c.Section):
    """Where one instrument can be found, and what is wrong with it."""

    serial: str = Field(default=PTY, description="pty[:LINK] or none")
    tcp: str = Field(default="127.0.0.1:0", description="HOST:PORT or none; port 0 is any free one")
    fault: Fault = Field(
        default=Fault.NONE, description=", ".join(fault.value for fault in Fault), strict=False
    )


class LinesSection(c.Section):
    """The lines, by instrument."""

    balance: LineSection = LineSection()
    bath: LineSection = LineSection()
    pressure: LineSection = LineSection()
    supply: LineSection = LineSection()
    daq: LineSection = LineSection()

    def by_kind(self) -> Iterator[tuple[str, LineSection]]:
        """Each instrument's."""
        for kind in SPEECHES:
            yield kind, getattr(self, kind)


class BenchFile(BenchSection):
    """A bench file. Everything has a default."""

    line: LinesSection = LinesSection()


def load(path: Path) -> BenchFile:
    """Read a bench file; ConfigError names what is wrong."""
    text = c.read(path)
    bench = c.check(path, text, BenchFile)
    taken: dict[str, str] = {}
    for kind, line in bench.line.by_kind():
        place = ("line", kind, "serial")
        word, colon, link = line.serial.partition(":")
        if line.serial not in (PTY, NONE) and not (word == PTY and colon and link):
            raise c.complain(
                path, text, place, f"write pty, pty:LINK or none; found {line.serial!r}"
            )
        if link in taken:
            raise c.complain(path, text, place, f"{link} is the {taken[link]}'s already")
        if link:
            taken[link] = kind
    return bench
