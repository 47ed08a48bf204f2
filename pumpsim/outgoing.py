"""What a device sends: its links, what each asked for, and the packets that wait to leave."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from protocol import messages as m

FAR_NS: Final = 2**63 - 1
"""Never."""
MAX_LINKS: Final = 256
MAX_COUNT: Final = 2**32 - 1


class Stamp(NamedTuple):
    """What every header tells of the device (COM-08)."""

    boot_id: int
    config_id: int
    uptime_ms: int


@dataclass(slots=True)
class Link:
    """What a link asked for."""

    events: bool = False
    samples: bool = False
    period_ns: int = 0
    telemetry_ns: int = FAR_NS
    telemetry_sequence: int = 0
    held: bool = False
    dropped: int = 0

    def subscribe(self, first_ns: int, period_ns: int) -> None:
        """Telemetry from an instant on at a period; 0 ends it."""
        self.period_ns = period_ns
        self.telemetry_ns = first_ns if period_ns else FAR_NS

    def release(self, now_ns: int) -> None:
        """Let telemetry flow again: what was given up ahead of its time is not missed after all."""
        self.held = False
        if self.period_ns:
            early = min(max(self.telemetry_ns - now_ns, 0) // self.period_ns, self.dropped)
            self.telemetry_ns -= early * self.period_ns
            self.dropped -= early


class Outgoing:
    """Links by name, and an outbox in order."""

    def __init__(self) -> None:
        """No link, nothing to send."""
        self.links: dict[str, Link] = {}
        self._outbox: list[tuple[str, m.Packet]] = []
        self.counts: dict[int, int] = {}

    def attach(self, name: str, link: Link) -> None:
        """A link appears; ValueError when there are too many."""
        if len(self.links) >= MAX_LINKS:
            message = f"more than {MAX_LINKS} links to one device"
            raise ValueError(message)
        self.links[name] = link

    def link_of(self, name: str) -> Link:
        """The link a request came by; `mqtt/alice` is a client of the link `mqtt`."""
        return self.links[name.partition("/")[0]]

    def reply(self, stamp: Stamp, link: str, request_id: int, body: m.Reply) -> None:
        """Answer one request."""
        header = m.ReplyHeader(
            request_id=request_id,
            boot_id=stamp.boot_id,
            config_id=stamp.config_id,
            uptime_ms=stamp.uptime_ms,
        )
        self._outbox.append((link, m.Packet(header, body)))

    def notify(self, stamp: Stamp, body: m.Notice) -> None:
        """Tell every link; events only those that want them, samples likewise."""
        header = self.header(stamp, body)
        for name, link in self.links.items():
            if isinstance(body, m.EventLogged):
                wanted = link.events
            else:
                wanted = link.samples or not isinstance(body, m.Sampled)
            if wanted:
                self._outbox.append((name, m.Packet(header, body)))

    def telemetry(self, stamp: Stamp, name: str, status: m.StatusPart) -> None:
        """Tell one link the status; the sequence is the link's own."""
        link = self.links[name]
        link.telemetry_sequence += 1
        body = m.Telemetry(dropped=link.dropped, status=status)
        link.dropped = 0
        self._outbox.append((name, m.Packet(_header(stamp, link.telemetry_sequence), body)))

    def header(self, stamp: Stamp, body: m.Notice, *, counted: bool = True) -> m.NoticeHeader:
        """The next header of this kind of notice: its sequence has no gap but a lost one.

        What may never be sent, such as a last will, is not counted and repeats the last number.
        """
        count = self.counts.get(body.code, 0) + counted
        self.counts[body.code] = count
        return _header(stamp, count)

    def wants_samples(self) -> bool:
        """Whether any link takes raw samples."""
        return any(link.samples for link in self.links.values())

    def next_telemetry_ns(self) -> int:
        """When telemetry is due next."""
        if not self.links:
            return FAR_NS
        return min([link.telemetry_ns for link in self.links.values()])

    def due(self, now_ns: int, until_ns: int) -> list[str]:
        """The links whose telemetry is due, each armed for its next one.

        A link that is held gets none before `until_ns`; what it misses is counted (COM-10).
        """
        names = []
        for name, link in self.links.items():
            if link.telemetry_ns > now_ns:
                continue
            if link.held:
                missed = max((until_ns - now_ns) // link.period_ns, 1)
                link.dropped = min(link.dropped + missed, MAX_COUNT)
                link.telemetry_ns = now_ns + missed * link.period_ns
            else:
                link.telemetry_ns = now_ns + link.period_ns
                names.append(name)
        return names

    def drain(self) -> list[tuple[str, m.Packet]]:
        """What is to leave, in order, each packet once."""
        outbox, self._outbox = self._outbox, []
        return outbox


def _header(stamp: Stamp, sequence: int) -> m.NoticeHeader:
    return m.NoticeHeader(
        boot_id=stamp.boot_id,
        config_id=stamp.config_id,
        uptime_ms=stamp.uptime_ms,
        sequence=sequence,
    )
