"""Link or power cut at any two points of a command's way: it acts at most once, and is found out.

Real parts in process: the bench's client, a device, a memory that tears what was not synced. A cut
strikes one of the requests that the client sends from the command on: the command itself, its
repetition, or a question about it. Two cuts strike the first and the second of them.
"""

from collections.abc import Callable, Iterator
from itertools import count, product
from typing import Any, Final

import pytest

from hil.client import Client
from hil.emulated.bench import EmulatedPort
from hil.emulated.cut import Cut, CutPort, Where
from hil.errors import LinkError, UncertainError
from hil.exchange import Exchange
from hil.testing.requests import EFFECTS, LOW, Found, orders, withdrawn
from protocol import messages as m
from protocol.vocabulary import EventKind, OutcomeState, Refusal
from pumpsim import stimuli
from pumpsim.device import SAMPLE_NS, Device
from pumpsim.firmware import ReferenceLogic
from pumpsim.pumpfile import BARE, demo

SEEDS: Final = (1, 2, 5, 7)
"""Of the device: what its memory tears, and how."""


CUTS: Final = (
    None,
    Cut(Where.LINK_BEFORE),
    Cut(Where.LINK_AFTER),
    Cut(Where.POWER_BEFORE),
    Cut(Where.POWER_IN_MEMORY, 1),  # the old record is read twice
    Cut(Where.POWER_IN_MEMORY, 4),  # then the new one was written and synced
    Cut(Where.POWER_IN_MEMORY, 6),  # and its head written, and all but synced
    Cut(Where.POWER_STORED),
    Cut(Where.POWER_AFTER),
)
LAST: Final = CUTS[6]


Probe = Callable[[Device], Any]


def logic_of(device: Device) -> Any:
    assert device.guard is not None
    assert isinstance(device.guard.logic, ReferenceLogic)
    return device.guard.logic._state


REPORT: Final = demo().report()
assert REPORT.configuration is not None
assert REPORT.last_refill is not None
ALARM: Final = 1
FOUND: Final = Found(REPORT.configuration, 1, REPORT.last_refill, 1, 2_500_000, ALARM)
ORDERS: Final = orders(FOUND)
PROBES: Final[dict[type[m.Body], Probe]] = {
    m.AcknowledgeAlarm: lambda device: [
        o.life for o in logic_of(device).alarms.open if (o.alarm, o.number) == (LOW, ALARM)
    ],
    m.BeginRefill: lambda device: logic_of(device).refills.window_since is not None,
    m.CommitRefill: lambda device: logic_of(device).refills.refill_id,
    m.AbortRefill: lambda device: logic_of(device).refills.window_since is not None,
    m.BeginBolusAccess: lambda device: logic_of(device).bolus,
    m.EndBolusAccess: lambda device: (logic_of(device).bolus, sum(pushed(device))),
    m.WriteConfiguration: lambda device: logic_of(device).config_id,
}
"""What shows whether a command acted, where a reset leaves something of it."""


def pushed(device: Device) -> list[int]:
    return [entry.value for entry in log_of(device) if entry.kind is EventKind.BOLUS_ACCESS_ENDED]


def log_of(device: Device) -> list[m.LogEntry]:
    return list(Client(Exchange(EmulatedPort(device))).read_log())


class Course:
    """A device as the command finds it, a client on a line, and ids that are known."""

    def __init__(self, kind: type[m.Command], seed: int) -> None:
        self.body, before = ORDERS[kind]
        self.bare = kind is m.Actuate
        pump = demo()
        if self.bare:
            section = pump.pump.model_copy(update={"logic": BARE})
            pump = pump.model_copy(update={"pump": section})
        self.device = Device(pump, seed)
        self.device.implant()
        self._ids = count(1)
        if not self.bare:
            low = stimuli.ADAPTER.validate_python({"kind": "withdraw", "volume": withdrawn(kind)})
            self.device.stimulate(0, low)
            self.device.advance(3 * SAMPLE_NS)
        self.port = CutPort(self.device, self.body)
        self.client = Client(Exchange(self.port, draw=self._ids.__next__))
        for body in before:
            assert not isinstance(self.client.exchange.command(body), m.Refused)

    def anew(self) -> Client:
        """A client on a sound line, as somebody would plug in afterwards."""
        return Client(Exchange(EmulatedPort(self.device), draw=self._ids.__next__))

    def acted(self, command_id: int) -> int:
        """How often the log says that the command was done."""
        done = EventKind.COMMAND_DONE
        return sum(e.kind is done and e.value == command_id for e in log_of(self.device))

    def effects(self) -> int:
        """How often the log tells what such a command does."""
        kind = EFFECTS.get(type(self.body))
        return sum(entry.kind is kind for entry in log_of(self.device))


def carry_out(course: Course) -> m.Reply | None:
    """By the client; None where it was left without an answer, and by close_session anyway."""
    if isinstance(course.body, m.Close):
        course.client.close_session()
        return None
    return course.client.exchange.command(course.body)


def ids_sent(course: Course) -> set[int]:
    headers = [p.header for p in course.port.sent if p.body == course.body]
    return {header.command_id for header in headers if isinstance(header, m.CommandHeader)}


def settled(course: Course, *cuts: Cut | None) -> OutcomeState:
    """Carry the command out under two cuts; check that what is told is so, and what can be asked.

    The state its outcome then has.
    """
    kind, where = type(course.body), f"{type(course.body).__name__}: {[str(c) for c in cuts]}"
    probe = PROBES.get(kind)
    before, effects = probe and probe(course.device), course.effects()
    course.port.cuts += cuts
    uncertain: int | None = None
    reply = None
    try:
        reply = carry_out(course)
    except UncertainError as error:
        uncertain = error.command_id
    except LinkError:  # never sent, or refused before the session was opened again
        assert course.acted(min(ids_sent(course), default=0)) == 0, where
    ids = ids_sent(course)
    assert len(ids) == 1, where
    (command_id,) = ids
    assert uncertain in (None, command_id), where
    state = course.anew().query_outcome(command_id).state
    done = state is OutcomeState.DONE
    assert course.acted(command_id) == done, where
    if kind in EFFECTS:
        assert course.effects() - effects == done, where
    if probe is not None:
        assert (probe(course.device) != before) == done, where
    if reply is not None:
        assert isinstance(reply, m.Refused) != done, where
    return state


def tried_again(course: Course, state: OutcomeState) -> None:
    """With the same id it is done at most once, whatever became of it the first time."""
    (command_id,) = ids_sent(course)
    body, effects = course.body, course.effects()
    course.device.advance(course.device.now_ns + 11 * SAMPLE_NS)  # whoever held the right lost it
    reply = course.anew().exchange.command(body, command_id)
    if state is OutcomeState.REFUSED:
        assert reply == m.Refused(reason=Refusal.INTERRUPTED)
        reply = course.anew().exchange.command(body)
    assert not isinstance(reply, m.Refused)
    assert course.acted(command_id) == (state is not OutcomeState.REFUSED)
    assert course.effects() - effects == (state is not OutcomeState.DONE)


def pairs() -> Iterator[tuple[tuple[Cut | None, Cut | None], int]]:
    """Every combination of two cuts, or one, each with one memory; those in memory with all."""
    for n, (first, second) in enumerate(product(CUTS, CUTS)):
        if first is None:
            continue
        for seed in SEEDS if LAST in (first, second) else SEEDS[n % len(SEEDS) :][:1]:
            yield (first, second), seed


def test_every_command_there_is_is_tried() -> None:
    commands = {body for body in m.MESSAGES if issubclass(body, m.Command)}
    assert set(ORDERS) == commands
    assert set(EFFECTS) == commands - {m.Close}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ORDERS, ids=lambda kind: kind.__name__)
def test_it_acts_at_most_once_and_what_became_of_it_can_be_found_out(
    kind: type[m.Command],
) -> None:
    """COM-04, COM-09, NVM-02: whatever is cut, wherever, twice."""
    found = set()
    assert settled(Course(kind, 1)) is OutcomeState.DONE
    for cuts, seed in pairs():
        course = Course(kind, seed)
        state = settled(course, *cuts)
        found.add(state)
        if kind is not m.Close:  # there is nothing to close in another session
            tried_again(course, state)
    assert {OutcomeState.DONE, OutcomeState.UNKNOWN} <= found
    assert (OutcomeState.REFUSED in found) == (kind not in (m.Actuate, m.Close))


def test_a_cut_as_memory_takes_it_ends_either_way() -> None:
    """The cut that lies between stored and not stored leaves now one, now the other."""
    states = {settled(Course(m.CommitRefill, seed), LAST) for seed in SEEDS}
    assert states == {OutcomeState.DONE, OutcomeState.REFUSED}
