"""Bytes of a line, cut where it ends: CR, LF or both."""

import re
from typing import Final

MAX_LINE: Final = 256
"""Longer than any command; what is longer is thrown away up to its end."""
_END: Final = re.compile(rb"[\r\n]")


class LineReader:
    """Keeps what has not ended yet."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self._begun = b""
        self._too_long = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that end in it, empty ones left out; None for one that was too long."""
        *ended, self._begun = _END.split(self._begun + data)
        lines = [line for text in ended if (line := self._whole(text)) != b""]
        if len(self._begun) > MAX_LINE:
            self._begun, self._too_long = b"", True
        return lines

    def _whole(self, text: bytes) -> bytes | None:
        too_long = self._too_long or len(text) > MAX_LINE
        self._too_long = False
        return None if too_long else text.strip(b" ")
