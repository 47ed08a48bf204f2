"""What a case holds in its hands: packets, bytes, time, stimuli, and what was seen of them.

`hil.exchange` makes a conversation comfortable: it repeats, opens sessions again, asks for lost
outcomes. A case wants none of that. Here each packet is what the case made of it, everything that
comes in is sorted once, and no wait has no bound.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from hil.clock import Countdown
from hil.conformance import check
from hil.conformance.errors import FailedError, NotOfferedError
from hil.conformance.tape import Tape
from hil.errors import LinkError, PeerError
from hil.exchange import MAX_FIRST_ID, draw_command_id
from hil.port import Item, RawPort, Wire
from hil.rig import Rig, duration_ns
from protocol import messages as m
from protocol.codec import Malformed
from protocol.plain import type_name
from protocol.vocabulary import Refusal, Role

NAME: Final = "conformance"
"""Who speaks, for the device's log."""
ATTEMPTS: Final = 2
REPLY_S: Final = 2.0
"""Wall time a reply may take."""
ERROR_ATTEMPTS: Final = 8
ERROR_S: Final = 0.25
"""Wall time, and then device time, before bytes that should be refused are sent again: the rate
of such answers is limited."""
MAX_NOTICES: Final = 100_000
VALIDITY_MS: Final = 3_600_000
LAST_SEQUENCE: Final = 2**32 - 1
"""Above whatever a case has used."""

N = TypeVar("N", bound=m.Notice)


class Seat:
    """A session as a case uses it: every field of a header can be another one."""

    def __init__(self, probe: "Probe", opened: m.Opened) -> None:
        """It stands."""
        self.opened = opened
        self.id = opened.session_id
        self.boot_id = probe.boot_id
        self._probe = probe
        self._sequence = 0

    def packet(self, body: m.Command, **header: int) -> m.Packet:
        """The next command; `header` names fields that shall be others."""
        self._sequence += 1
        fields = {
            "request_id": self._probe.next_id(),
            "boot_id": self.boot_id,
            "session_id": self.id,
            "sequence": self._sequence,
            "command_id": draw_command_id(),
            "valid_until_uptime_ms": self._probe.uptime_ms + VALIDITY_MS,
        }
        return m.Packet(m.CommandHeader(**{**fields, **header}), body)

    def do(self, body: m.Command, **header: int) -> m.Reply:
        """The reply to it."""
        return self._probe.reply(self.packet(body, **header))

    def ask(self, body: m.Ask) -> m.Reply:
        """An ask that carries this session."""
        return self._probe.ask(body, self.id)

    def close(self) -> m.Reply:
        """End it."""
        return self.do(m.Close())


class Probe:
    """One device on one rig, packet by packet."""

    def __init__(self, rig: Rig) -> None:
        """Nothing is sent yet."""
        self.rig = rig
        self.port = rig.dut.exchange.port
        self.wire = self.port.wire if isinstance(self.port, RawPort) else Wire.FRAMES
        self.tape = Tape(self.wire)
        self.boot_id = self.config_id = self.uptime_ms = 0
        self.notices: list[m.Packet] = []
        self.strays: list[Item] = []
        self.seats: list[Seat] = []
        self.subscribed = False
        self.level_nl: int | None = None
        self._reached_ns = rig.clock.now_ns()
        self._undo: list[Callable[[], object]] = []
        self._request_id = secrets.randbelow(MAX_FIRST_ID)

    # ---- packets

    def next_id(self) -> int:
        """A request id not used yet."""
        self._request_id += 1
        return self._request_id

    def asking(self, body: m.Ask, session_id: int | None = None) -> m.Packet:
        """A packet that asks."""
        return m.Packet(m.AskHeader(request_id=self.next_id(), session_id=session_id), body)

    def ask(self, body: m.Ask, session_id: int | None = None) -> m.Reply:
        """The reply to a request that changes nothing."""
        self.subscribed |= isinstance(body, m.SubscribeTelemetry | m.SubscribeSamples)
        return self.reply(self.asking(body, session_id))

    def reply(self, packet: m.Packet) -> m.Reply:
        """The body of what answers a packet."""
        body = self.answer(packet).body
        assert isinstance(body, m.Reply)
        return body

    def answer(self, packet: m.Packet) -> m.Packet:
        """What answers a packet; FailedError when nothing does, LinkError in utter silence."""
        header = packet.header
        assert isinstance(header, m.AskHeader | m.CommandHeader)
        for _ in range(ATTEMPTS):
            self.send(packet)
            found = self.await_reply(header.request_id, REPLY_S)
            if found is not None:
                return found
        identify = self.asking(m.Identify())
        self.send(identify)
        if self.await_reply(self._request_id, REPLY_S) is None:
            raise LinkError(f"{self.port.name} has fallen silent: it does not answer identify")
        message = f"none to {ATTEMPTS} of them, while identify is answered"
        raise FailedError(f"a reply to {type_name(type(packet.body))}", message)

    def send(self, packet: m.Packet) -> None:
        """Send, and wait for nothing."""
        self.tape.keep(self._instant(), packet, sent=True)
        self.port.send(packet)

    def await_reply(self, request_id: int, timeout_s: float) -> m.Packet | None:
        """The reply with that id, if it comes in time."""
        return self._await(lambda packet: _answers(packet, request_id), timeout_s)

    def settle(self) -> None:
        """A barrier: what the device sent before has arrived."""
        self.answer(self.asking(m.Identify()))

    def ready(self) -> bool:
        """Whether something came in that was not sorted yet."""
        return self.port.ready()

    def collect(self) -> None:
        """Sort everything that has come in."""
        while (item := self.port.receive(0)) is not None:
            self._sort(item)

    # ---- bytes

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are, and wait for nothing."""
        assert isinstance(self.port, RawPort)  # the case's needs have seen to it
        self.tape.keep(self._instant(), data, sent=True)
        self.port.send_raw(data)

    def stays_silent(self, data: bytes, what: str) -> None:
        """These bytes are not answered, and what is sent behind them is."""
        self.settle()
        self.strays.clear()
        self.send_raw(data)
        self.settle()
        check.that(not self.strays, f"no answer to {what}", self.strays[:1] and self.strays[0])

    def refusal_of(self, data: bytes, *request_ids: int) -> m.Refused:
        """How the device refuses these bytes, which are no valid request, under one of the ids."""
        for _ in range(ERROR_ATTEMPTS):
            self.send_raw(data)
            found = self._await(lambda packet: _answers(packet, *request_ids), ERROR_S)
            if found is not None:
                return check.of_kind(found.body, m.Refused)
            self.pass_ns(int(ERROR_S * 1e9))
        ids = " or ".join(map(str, request_ids))
        raise FailedError(f"refused, with request id {ids}", f"nothing, {ERROR_ATTEMPTS} times")

    # ---- sessions

    def open(self, role: Role = Role.CLINICIAN) -> Seat:
        """A new session."""
        opened = self.ask(m.Open(role=role, client=NAME))
        seat = Seat(self, check.of_kind(opened, m.Opened))
        self.seats.append(seat)
        return seat

    def close_all(self) -> None:
        """End what this probe has opened, the one with the right to write first."""
        waiting = [seat for seat in self.seats if seat.boot_id == self.boot_id]
        self.seats.clear()
        for _ in range(2):  # beside the writer the others are busy, and get their turn behind it
            waiting = [seat for seat in waiting if _is_busy(seat)]

    # ---- what the device tells

    def status(self) -> m.StatusPart:
        """Its status; a volume it tells is remembered."""
        status = check.of_kind(self.ask(m.GetStatus()), m.Status).status
        if status.residual_volume_nl is not None:
            self.level_nl = status.residual_volume_nl.estimate
        return status

    def configured(self) -> tuple[m.ConfigurationReport, m.Configuration]:
        """The report, and the configuration that stands in it."""
        report = check.of_kind(self.ask(m.ReadConfiguration()), m.ConfigurationReport)
        if report.configuration is None:
            raise NotOfferedError("the device is not configured")
        return report, report.configuration

    def alarms(self) -> list[m.AlarmOccurrence]:
        """Every open occurrence, page by page."""
        found: list[m.AlarmOccurrence] = []
        while True:
            behind = found[-1].occurrence if found else 0
            page = check.of_kind(self.ask(m.ListAlarms(after_occurrence=behind)), m.AlarmList)
            found += page.alarms
            if not page.more:
                return found
            check.that(page.alarms, "a page with more behind it holds something", page)

    def log_end(self) -> int:
        """The number the next log entry will have."""
        page = self.ask(m.ReadLog(from_sequence=0, limit=1))
        return check.of_kind(page, m.LogPage).end_sequence

    def log(self, from_sequence: int) -> list[m.LogEntry]:
        """The event log from there to its end."""
        found: list[m.LogEntry] = []
        following = from_sequence
        while True:
            reply = self.ask(m.ReadLog(from_sequence=following, limit=m.MAX_LIST))
            page = check.of_kind(reply, m.LogPage)
            found += page.entries
            if page.next_sequence >= page.end_sequence:
                return found
            check.that(page.next_sequence > following, "a page that leads on", page)
            following = page.next_sequence

    def notices_of(self, kind: type[N]) -> list[N]:
        """What it said unasked since the case began."""
        return [packet.body for packet in self.notices if isinstance(packet.body, kind)]

    def await_notice(self, wanted: Callable[[m.Packet], bool], what: str) -> m.Packet:
        """A notice of this case; FailedError when it does not come."""
        found = next((packet for packet in self.notices if wanted(packet)), None)
        found = found or self._await(wanted, REPLY_S)
        return check.given(found, what)

    # ---- time, the laboratory

    def wait(self, duration: str) -> None:
        """Let device time pass; its uptime is known afterwards."""
        self.pass_ns(duration_ns(duration))
        self.settle()

    def pass_ns(self, duration: int) -> None:
        """Let device time pass without a word to the device; sort what comes in meanwhile."""
        clock = self.rig.clock
        until_ns = clock.now_ns() + duration
        while (reached_ns := clock.wait(until_ns, self)) < until_ns:
            self.collect()
        self._reached_ns = reached_ns
        self.collect()

    def stimulate(self, stimulus: Mapping[str, Any], undo: Mapping[str, Any] | None = None) -> None:
        """Let the laboratory act; `undo` mends it when the case is over."""
        if undo is not None:
            self.later(lambda: self.rig.laboratory.stimulate(undo))
        self.rig.laboratory.stimulate(stimulus)

    # ---- from case to case

    def later(self, undo: Callable[[], object]) -> None:
        """Do this when the case is over, whatever came of it."""
        self._undo.append(undo)

    def undo(self) -> None:
        """What cases have put off, the latest first."""
        while self._undo:
            self._undo.pop()()

    def forget(self) -> None:
        """What was seen belongs to the case before."""
        self.notices.clear()
        self.strays.clear()
        self.tape.clear()

    # ---- sorting

    def _instant(self) -> int:
        """For the tape: in virtual time the last one reached, which costs no request to learn."""
        return self._reached_ns if self.rig.clock.virtual else self.rig.clock.now_ns()

    def _await(self, wanted: Callable[[m.Packet], bool], timeout_s: float) -> m.Packet | None:
        countdown = Countdown(timeout_s)
        while (item := self.port.receive(countdown.remaining_s())) is not None:
            if isinstance(item, m.Packet) and wanted(item):
                self._learn(item)
                return item
            self._sort(item)
            if not countdown.remaining_s():
                break
        return None

    def _sort(self, item: Item) -> None:
        self.tape.keep(self._instant(), item, sent=False)
        if isinstance(item, Malformed):
            raise PeerError(f"{self.port.name} sent no valid message: {item.detail}")
        if isinstance(item.header, m.NoticeHeader):
            if len(self.notices) < MAX_NOTICES:
                self.notices.append(item)
        else:
            self.strays.append(item)

    def _learn(self, packet: m.Packet) -> None:
        self.tape.keep(self._instant(), packet, sent=False)
        header = packet.header
        if isinstance(header, m.NoticeHeader):
            self.notices.append(packet)
        elif isinstance(header, m.ReplyHeader):
            self.boot_id, self.uptime_ms = header.boot_id, header.uptime_ms
            self.config_id = header.config_id


def _is_busy(seat: Seat) -> bool:
    reply = seat.do(m.Close(), sequence=LAST_SEQUENCE)
    return isinstance(reply, m.Refused) and reply.reason is Refusal.BUSY


def _answers(packet: m.Packet, *request_ids: int) -> bool:
    header = packet.header
    return isinstance(header, m.ReplyHeader) and header.request_id in request_ids
