"""What went over the link lately, for whoever has to find out why a case failed."""

from collections import deque
from typing import Final, NamedTuple

from hil.port import Item, Wire
from protocol.codec import Malformed, to_json
from protocol.messages import Packet
from protocol.wire import encode

KEPT: Final = 48
"""Entries of a case; the oldest go first."""
SHOWN_BYTES: Final = 96
SHOWN_TEXT: Final = 240


class Entry(NamedTuple):
    """One thing sent or received, at an instant of the rig's clock."""

    instant_ns: int
    sent: bool
    what: Item | bytes


class Tape:
    """Keeps the latest entries, and turns them into words only when somebody asks."""

    def __init__(self, wire: Wire) -> None:
        """Nothing yet."""
        self._wire = wire
        self._entries: deque[Entry] = deque(maxlen=KEPT)

    def keep(self, instant_ns: int, what: Item | bytes, *, sent: bool) -> None:
        """One more."""
        self._entries.append(Entry(instant_ns, sent, what))

    def clear(self) -> None:
        """A new case begins."""
        self._entries.clear()

    def lines(self) -> tuple[str, ...]:
        """For people: instant, direction, bytes in hex, and what they mean."""
        return tuple(line for entry in self._entries for line in self._told(entry))

    def _told(self, entry: Entry) -> list[str]:
        arrow = "->" if entry.sent else "<-"
        head = f"{entry.instant_ns / 1e9:14.3f} s {arrow}"
        what = entry.what
        if isinstance(what, bytes):
            return [f"{head} {_hex(what)}", f"{'':17}   raw: {_text(repr(what))}"]
        if isinstance(what, Malformed):
            return [f"{head} no valid message: {what.detail}"]
        meaning = _text(to_json(what))
        if self._wire is Wire.JSON:
            return [f"{head} {meaning}"]
        return [f"{head} {_hex(_encoded(what))}", f"{'':17}   {meaning}"]


def _encoded(packet: Packet) -> bytes:
    """A message has one encoding: these are the bytes that passed."""
    return encode(packet)


def _hex(data: bytes) -> str:
    rest = len(data) - SHOWN_BYTES
    return data[:SHOWN_BYTES].hex(" ") + (f" … {rest} bytes more" if rest > 0 else "")


def _text(text: str) -> str:
    return text if len(text) <= SHOWN_TEXT else text[:SHOWN_TEXT] + " …"
