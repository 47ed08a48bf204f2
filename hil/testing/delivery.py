"""Requests whose way is cut, once or twice: each acts at most once, and whoever sent it finds out.

A trial begins with a copy of one pump. A request is sent under a cut, and perhaps again under
another; then the line is sound. What the pump tells of the request has to be what its state shows,
and the request, sent once more, gets the reply of then and does nothing more.

What its state may be is what the same pump came to without any cut: nothing was done, or all of it
once. Of a pause, a clock or a self-test the log alone tells, since a reset leaves nothing of them.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple

from hil.conformance.check import shown
from hil.conformance.deeds import id_of, last_refill
from hil.conformance.errors import FailedError, NotOfferedError
from hil.conformance.probe import REPLY_S, Probe, Seat
from hil.emulated.cut import Cut, Parts, Staged, Where
from hil.exchange import draw_command_id
from hil.rig import emulated_rig
from hil.testing.requests import (
    EFFECTS,
    INJECTED_NL,
    LOW,
    RAISED,
    Found,
    Order,
    orders,
    withdrawn,
)
from hil.testing.subject import Subject
from hil.testing.violation import ViolatedError
from protocol import messages as m
from protocol.plain import type_name
from protocol.vocabulary import EventKind, FirmwareFault

NL_PER_ML: Final = 1_000_000
MOST_OPERATIONS: Final = 24
"""Of memory, in one request, that are cut one by one; of more, so many in even steps."""
FEW_OPERATIONS: Final = 2
"""Likewise, in combination with another cut."""


class State(NamedTuple):
    """What requests change, and a moment does not."""

    config_id: int
    refill_id: int
    injections: int
    configuration: m.Configuration | None
    refill: m.Refill | None
    refill_open: bool
    bolus_access_open: bool
    acknowledged: bool
    """The alarm that stands."""

    def beyond(self, other: "State") -> bool:
        """Whether something was counted once more."""
        return any(one > less for one, less in zip(self[:3], other[:3], strict=True))

    def beside(self, other: "State") -> str:
        """The first of it that is another one than there."""
        for name, one, less in zip(self._fields, self, other, strict=True):
            if one != less:
                return f"{name.replace('_', ' ')}: {shown(one)}"
        return "nothing else"


class Usual(NamedTuple):
    """What a request comes to that is not cut."""

    reply: m.Reply
    times: int
    """In the log."""
    operations: int
    """Of memory, in its handling."""
    unsent: State
    once: State


class Stage:
    """A pump as a request finds it, nearly empty, in nobody's hands."""

    def __init__(self, subject: Subject, kind: type[m.Command], seed: int = 1) -> None:
        """Everything is done that the command builds on."""
        parts, volume = subject.pumps.cut_line(seed), withdrawn(kind)
        probe = Probe(emulated_rig(parts))
        probe.stimulate({"kind": "withdraw", "volume": volume})
        probe.wait(RAISED)
        try:
            found = _found(probe)
            self.order: Order = orders(found)[kind]
            seat = probe.open()
            replies = [seat.do(body) for body in self.order.before]
            probe.close_all()
            self.low = found.low
        except (FailedError, NotOfferedError) as error:
            raise ViolatedError(
                "DOS-09", "a pump that was configured and filled", str(error)
            ) from None
        concentration_ng_per_ml = found.refill.concentration_ng_per_ml
        self.injected_ng = max(concentration_ng_per_ml * INJECTED_NL // NL_PER_ML, 1)
        self.done = [f"a pump from which {volume} were drawn"]
        for body, reply in zip(self.order.before, replies, strict=True):
            self.done.append(f"{type_name(type(body))}: {_reply(reply)}")
        self._staged: Staged = parts[0].staged()

    def parts(self) -> Parts:
        """Another pump like it."""
        return self._staged.parts()


class Trial:
    """One copy of a pump, and whoever sends it a request."""

    def __init__(self, stage: Stage, body: m.Ask | m.Command) -> None:
        """Nothing is sent yet."""
        parts = stage.parts()
        self.port = parts[0]
        self.probe = Probe(emulated_rig(parts))
        self.done = [*stage.done]
        self._stage, self._body = stage, body
        self._since = self.probe.log_end()
        self._command_id = draw_command_id()
        self._seat: Seat | None = None
        self._packet: m.Packet | None = None

    def attempt(self, cut: Cut | None = None) -> m.Reply | None:
        """Send the request; its reply, which a cut takes away."""
        again = "" if self._packet is None else ", again"
        packet = self._packet = self._made()
        self.port.cuts.append(cut)
        self.probe.send(packet)
        found = self.probe.await_reply(id_of(packet), REPLY_S)
        reply = None if found is None else found.body
        came = _reply(reply) if cut is None else f"cut: {cut}"
        self.done.append(f"{type_name(type(packet.body))}{again}: {came}")
        assert reply is None or isinstance(reply, m.Reply)
        return reply

    def restart(self) -> None:
        """The supply goes for a moment."""
        self.port.restart()
        self.done.append("the supply is lost, and back")

    def outcome(self) -> m.CommandOutcome:
        """What it tells of the command."""
        told = self.probe.ask(m.QueryOutcome(command_id=self._command_id))
        self.done.append(f"query_outcome: {_outcome(told)}")
        if not isinstance(told, m.CommandOutcome):
            raise self.violated("COM-09", "an outcome", shown(told))
        return told

    def state(self) -> State:
        """As it tells it now."""
        status, report = self.probe.status(), self.probe.ask(m.ReadConfiguration())
        if not isinstance(report, m.ConfigurationReport):
            raise FailedError("a configuration report", shown(report))
        return State(
            self.probe.config_id,
            report.last_refill_id or 0,
            round((status.dose_total_ng or 0) / self._stage.injected_ng),
            report.configuration,
            report.last_refill,
            status.refill_open,
            status.bolus_access_open,
            any(
                one.acknowledged
                for one in self.probe.alarms()
                if (one.alarm, one.occurrence) == (LOW, self._stage.low)
            ),
        )

    def times(self) -> int:
        """How often the log tells what such a command does; a boot may have tests of its own."""
        wanted, found = EFFECTS.get(type(self._body)), 0
        for entry in self.probe.log(self._since):
            if entry.kind is EventKind.FIRMWARE_FAULT:
                fault = FirmwareFault(entry.subject).name.lower()
                raise self.violated("RST-11", "logic that keeps its contract", fault)
            by_boot = entry.kind is EventKind.SELF_TEST and entry.role is None
            found += entry.kind is wanted and not by_boot
        return found

    def that(self, holds: object, requirement: str, expected: str, seen: str) -> None:
        """A requirement holds."""
        if not holds:
            raise self.violated(requirement, expected, seen)

    def violated(self, requirement: str, expected: str, seen: str) -> ViolatedError:
        """A requirement does not hold, now."""
        return ViolatedError(requirement, expected, seen, done=self.done)

    def _made(self) -> m.Packet:
        """The same packet while the session stands, and the same command in a new one after it."""
        if isinstance(self._body, m.Ask):
            return self._packet or self.probe.asking(self._body)
        self.probe.settle()
        if self._packet is not None and self._seat and self._seat.boot_id == self.probe.boot_id:
            return self._packet
        self._seat = self.probe.open()
        return self._seat.packet(self._body, command_id=self._command_id)


def usual(stage: Stage, body: m.Ask | m.Command) -> Usual:
    """On a sound line."""
    trial = Trial(stage, body)
    unsent = trial.state()
    reply = trial.attempt()
    assert reply is not None
    operations = trial.port.operations
    return Usual(reply, trial.times(), operations, unsent, trial.state())


def courses(operations: int) -> Iterator[tuple[Cut, ...]]:
    """One cut, in memory at each operation; then every combination of two.

    What never arrived by a link that was cut is as if it had not been sent: beside another cut it
    is that one alone.
    """
    yield (Cut(Where.LINK_BEFORE),)
    yield from ((cut,) for cut in _cuts(_spread(operations, MOST_OPERATIONS)))
    yield from product(_cuts(_spread(operations, FEW_OPERATIONS)), repeat=2)


def _cuts(operations: Sequence[int]) -> list[Cut]:
    """On the request's way, in its order, where the pump has a part in it."""
    return [
        Cut(Where.POWER_BEFORE),
        *(Cut(Where.POWER_IN_MEMORY, operation) for operation in operations),
        Cut(Where.POWER_STORED),
        Cut(Where.POWER_AFTER),
        Cut(Where.LINK_AFTER),
    ]


def _spread(count: int, most: int) -> list[int]:
    """The numbers from 1, or so many of them, from the first to the last."""
    if count <= most:
        return list(range(1, count + 1))
    return [1 + at * (count - 1) // (most - 1) for at in range(most)]


def _found(probe: Probe) -> Found:
    report, configuration = probe.configured()
    refill, refill_id = last_refill(report)
    low = next((one.occurrence for one in probe.alarms() if one.alarm is LOW), 0)
    probe.status()
    return Found(configuration, probe.config_id, refill, refill_id, probe.level_nl or 0, low)


def _reply(reply: m.Body | None) -> str:
    return shown(reply) if isinstance(reply, m.Refused) else _named(reply)


def _named(reply: m.Body | None) -> str:
    return "no reply" if reply is None else type_name(type(reply))


def _outcome(told: m.Reply) -> str:
    if not isinstance(told, m.CommandOutcome):
        return _reply(told)
    reason = "" if told.reason is None else f", {told.reason.name.lower()}"
    return f"{told.state.name.lower()}{reason}"
