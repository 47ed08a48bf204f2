"""One of the two targets: a bedside on a rig, and what was seen there.

Instants are counted from where the two were brought together. A notice tells the device's uptime;
laid on the rig's clock at the end of each slice, it gives the instant to within the crystal's error
over a slice.
"""

from typing import Any, Final, NamedTuple

from hil.differential import signals
from hil.emulated.scenario import RefusedError, stimulus_text
from hil.errors import LocalError, RigError
from hil.rig import Rig
from protocol import messages as m
from protocol.vocabulary import AlarmId, Capability

NS_PER_MS: Final = 1_000_000
FL_PER_NL: Final = 10**6
RESOLUTION_NS: Final = 100_000_000
"""Of the instants of notices: a crystal's error over a slice lies below."""


class Sample(NamedTuple):
    """One look at many signals; `number` says which look of both belong together."""

    number: int
    at_ns: int
    values: signals.Values


class AlarmNote(NamedTuple):
    """An alarm began or ended."""

    at_ns: int
    alarm: AlarmId
    present: bool

    @property
    def words(self) -> str:
        """Such as "low_reservoir raised"."""
        return f"{self.alarm.name.lower()} {'raised' if self.present else 'ended'}"


class RigProgrammer:
    """The bench's own client: its sessions open by themselves."""

    def __init__(self, rig: Rig) -> None:
        """Nothing is sent yet."""
        self._dut = rig.dut

    def open(self) -> None:
        """Whatever comes first opens a session."""

    def close(self) -> None:
        """End the session."""
        self._dut.close_session()

    def ask(self, body: m.Ask) -> m.Reply:
        """RefusedError when it is refused."""
        return _accepted(body, self._dut.exchange.ask(body))

    def command(self, body: m.Command) -> m.Reply:
        """RefusedError when it is refused."""
        return _accepted(body, self._dut.exchange.command(body))


class Side:
    """A rig as the bedside of a scenario, and a watch over it."""

    def __init__(self, uri: str, rig: Rig) -> None:
        """LocalError when nothing on the rig can act out a scenario."""
        if not rig.has_laboratory:
            message = f"{uri} has no laboratory to act out a scenario: append ?control=URL to it"
            raise LocalError(message)
        self.uri = uri
        self.rig = rig
        self.programmer = RigProgrammer(rig)
        self.alarms: list[AlarmNote] = []
        self.acts: list[Sample] = []
        self.lost = 0
        self._samples: list[Sample] = []
        self._notices: list[m.Packet] = []
        self._present: dict[int, bool] = {}  # occurrence of an alarm: present, as last told
        self._origin_ns = self._reached_ns = rig.clock.now_ns()
        self._bases: dict[int, int] = {}  # boot: the instant its uptime began, as last seen

    # ---- the bedside

    def now_ns(self) -> int:
        """Since the beginning."""
        return self._reached_ns - self._origin_ns

    def wait_until(self, until_ns: int) -> None:
        """Let time pass to that very instant; RigError when the device runs on by itself."""
        if self.rig.clock.now_ns() != self._reached_ns:
            raise RigError(f"{self.uri} runs on by itself: serve it with --speed max, or pause it")
        self._pass_until(self._origin_ns + until_ns)

    def act(self, stimulus: Any) -> dict[str, int]:
        """The laboratory does it; ValueError when it cannot be."""
        try:
            result = self.rig.laboratory.stimulate(stimulus_text(stimulus))
        except LocalError as error:
            raise ValueError(str(error)) from None
        if "withdrawn_nl" in result:
            values: signals.Values = {signals.WITHDRAWN: result["withdrawn_nl"]}
            self.acts.append(Sample(len(self.acts), self.now_ns(), values))
        return result

    def residual_nl(self) -> int:
        """As the laboratory knows it."""
        residual_fl: int = self.rig.laboratory.truth()["ledger"]["reservoir_fl"]
        return residual_fl // FL_PER_NL

    # ---- the watch

    def meet(self, instant_ns: int) -> None:
        """Come to the instant from which on both are watched."""
        self._pass_until(instant_ns)
        self._origin_ns = self._reached_ns
        self.rig.dut.subscribe_samples(enabled=True)
        self._collect()
        self._notices.clear()

    def look(self, number: int) -> tuple[list[Sample], Sample]:
        """Samples since the last look, and beliefs and truth now."""
        self._samples = []
        values: signals.Values = {}
        if Capability.CONTROL_LOGIC in self.rig.capabilities:
            status = self.rig.dut.status()
            if isinstance(status, m.Status):
                values |= signals.of_status(status.status)
        else:
            self.rig.dut.exchange.settle()
        self._collect()
        exchange = self.rig.dut.exchange
        self._bases[exchange.boot_id] = self.now_ns() - exchange.uptime_ms * NS_PER_MS
        for packet in self._notices:
            self._note(packet)
        self._notices.clear()
        self.lost = exchange.lost_notices
        values |= signals.of_truth(self.rig.laboratory.truth())
        return self._samples, Sample(number, self.now_ns(), values)

    def _pass_until(self, end_ns: int) -> None:
        clock, exchange = self.rig.clock, self.rig.dut.exchange
        while (reached_ns := clock.wait(end_ns, exchange)) < end_ns:
            self._collect()
        self._collect()
        self._reached_ns = reached_ns

    def _collect(self) -> None:
        while (packet := self.rig.dut.exchange.next_notice()) is not None:
            self._notices.append(packet)

    def _note(self, packet: m.Packet) -> None:
        header, body = packet
        assert isinstance(header, m.NoticeHeader)
        base_ns = self._bases.get(header.boot_id, self.now_ns())
        at_ns = base_ns + header.uptime_ms * NS_PER_MS + RESOLUTION_NS // 2
        at_ns -= at_ns % RESOLUTION_NS
        if isinstance(body, m.Sampled):
            values = signals.of_readings(body.readings)
            self._samples.append(Sample(body.readings.sequence, at_ns, values))
        elif isinstance(body, m.AlarmChanged):
            alarm = body.alarm
            if self._present.get(alarm.occurrence, False) != alarm.present:
                self._present[alarm.occurrence] = alarm.present
                self.alarms.append(AlarmNote(at_ns, alarm.alarm, alarm.present))


def _accepted(body: m.Body, reply: m.Reply) -> m.Reply:
    if isinstance(reply, m.Refused):
        raise RefusedError(body, reply.reason)
    return reply
