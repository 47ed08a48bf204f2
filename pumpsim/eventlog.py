"""The event log of a device: numbered for ever, bounded, read by page."""

from collections import deque
from typing import Any, Final

from protocol.messages import LogEntry, LogPage

MAX_ENTRIES: Final = 10_000
"""The oldest entry goes first; the gap in the sequence shows it (LOG-03)."""


class EventLog:
    """Entries in order; the sequence never restarts, whatever resets."""

    def __init__(self) -> None:
        """Empty; the first entry will be number 1."""
        self.next_sequence = 1
        self._entries: deque[LogEntry] = deque(maxlen=MAX_ENTRIES)

    def append(self, **fields: Any) -> LogEntry:
        """Add an entry: the fields of `LogEntry` but its sequence."""
        entry = LogEntry(sequence=self.next_sequence, **fields)
        self.next_sequence += 1
        self._entries.append(entry)
        return entry

    def page(self, from_sequence: int, limit: int) -> LogPage:
        """At most `limit` entries from a sequence number on."""
        first = self._entries[0].sequence if self._entries else self.next_sequence
        start = max(from_sequence - first, 0)
        count = len(self._entries)
        entries = tuple(self._entries[i] for i in range(start, min(start + limit, count)))
        following = entries[-1].sequence + 1 if entries else max(from_sequence, first)
        return LogPage(entries=entries, next_sequence=following, end_sequence=self.next_sequence)

    def snapshot(self) -> dict[str, Any]:
        """Plain data."""
        entries = [entry.model_dump(mode="json") for entry in self._entries]
        return {"next_sequence": self.next_sequence, "entries": entries}

    def restore(self, data: dict[str, Any]) -> None:
        """Take up what `snapshot` gave."""
        self.next_sequence = data["next_sequence"]
        rows = (LogEntry.model_validate(row, strict=False) for row in data["entries"])
        self._entries = deque(rows, maxlen=MAX_ENTRIES)
