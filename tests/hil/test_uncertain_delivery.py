"""Link or power cut at any two points of a command's way: it acts at most once, and is found out.

Real parts in process: the bench's client, a device, a memory that tears what was not synced. A cut
strikes one of the requests that the client sends from the command on: the command itself, its
repetition, or a question about it. Two cuts strike the first and the second of them.
"""

from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import count, product
from typing import Any, Final, NamedTuple

import pytest

from hil.client import Client
from hil.emulated.bench import EmulatedPort
from hil.errors import LinkError, UncertainError
from hil.exchange import Exchange
from hil.port import Item
from protocol import messages as m
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    OutcomeState,
    RefillReason,
    Refusal,
    ResetCause,
    Sounder,
)
from pumpsim import stimuli
from pumpsim.device import SAMPLE_NS, Device
from pumpsim.firmware import ReferenceLogic
from pumpsim.pumpfile import BARE, demo

SAVE_OPERATIONS: Final = 6
"""Of memory, in a request that is kept: the old record is read twice, then the new one is written,
synced, its head written, synced."""
SEEDS: Final = (1, 2, 5, 7)
"""Of the device: what its memory tears, and how."""


class Cut(Enum):
    """Where a request's way is cut, and whether by its link or by the device's supply."""

    NONE = "no cut"
    LINK_BEFORE = "the link, before it arrives"
    LINK_AFTER = "the link, before the reply arrives"
    POWER_BEFORE = "the supply, before it arrives"
    POWER_APPLIED = "the supply, once it is applied and nothing of it written"
    POWER_WRITTEN = "the supply, once it is written and does not count yet"
    POWER_STORED = "the supply, once it is stored, or as good as stored"
    POWER_AFTER = "the supply, before the reply arrives"


IN_MEMORY: Final = {
    Cut.POWER_APPLIED: 1,
    Cut.POWER_WRITTEN: 4,
    Cut.POWER_STORED: SAVE_OPERATIONS,
}
"""Cuts during a memory operation of the request, counted from 1."""


class CutPort:
    """A port whose next requests are cut, one after the other."""

    def __init__(self, device: Device, target: m.Command) -> None:
        self.name = "a line that is cut"
        self.target = target
        self.begun = False
        self.cuts: deque[Cut] = deque()
        self.sent: list[m.Packet] = []
        self._device = device
        self._port = EmulatedPort(device)
        self._inbox: deque[Item] = deque()

    def send(self, packet: m.Packet) -> None:
        self.sent.append(packet)
        self.begun = self.begun or packet.body == self.target
        cut = self.cuts.popleft() if self.cuts and self.begun else Cut.NONE
        if cut is Cut.POWER_BEFORE:
            self._restart()
        if cut in (Cut.LINK_BEFORE, Cut.POWER_BEFORE):
            return
        if cut in IN_MEMORY:
            self._device.chip.cut_in(IN_MEMORY[cut])
        self._port.send(packet)
        self._device.chip._cut_at = None  # a request that touched memory less often was not struck
        replies = self._replies()
        if cut is Cut.POWER_AFTER:
            self._restart()
        if cut is Cut.NONE:
            self._inbox += replies

    def receive(self, timeout_s: float) -> Item | None:
        del timeout_s
        return self._inbox.popleft() if self._inbox else None

    def ready(self) -> bool:
        return bool(self._inbox)

    def close(self) -> None:
        self._port.close()

    def _replies(self) -> list[Item]:
        replies = []
        while (item := self._port.receive(0)) is not None:
            replies.append(item)
        return replies

    def _restart(self) -> None:
        self._device.reset(self._device.now_ns, ResetCause.BROWN_OUT)


Probe = Callable[[Device], Any]


class Trial(NamedTuple):
    """A command: what is done before it, and what shows whether it acted."""

    body: m.Command
    before: tuple[m.Command, ...] = ()
    probe: Probe | None = None
    """What it changes, and a reset does not change; None where a reset leaves nothing of it."""
    bare: bool = False
    drug: bool = True  # in the reservoir


def logic_of(device: Device) -> Any:
    assert device.guard is not None
    assert isinstance(device.guard.logic, ReferenceLogic)
    return device.guard.logic._state


ALARM: Final = (AlarmId.LOW_RESERVOIR, 1)
REPORT: Final = demo().report()
assert REPORT.configuration is not None
assert REPORT.last_refill is not None
TRIALS: Final[dict[type[m.Command], Trial]] = {
    m.Close: Trial(m.Close(), (m.RunSelfTest(),)),
    m.AcknowledgeAlarm: Trial(
        m.AcknowledgeAlarm(alarm=ALARM[0], occurrence=ALARM[1]),
        probe=lambda device: [
            o.life for o in logic_of(device).alarms.open if (o.alarm, o.number) == ALARM
        ],
    ),
    m.PauseAudio: Trial(
        m.PauseAudio(alarm=ALARM[0], occurrence=ALARM[1], duration_ms=60_000),
    ),
    m.BeginRefill: Trial(
        m.BeginRefill(), probe=lambda device: logic_of(device).refills.window_since is not None
    ),
    m.CommitRefill: Trial(
        m.CommitRefill(
            refill=REPORT.last_refill.model_copy(update={"filled_nl": 20_000_000}),
            reason=RefillReason.DRUG_CHANGE,
            previous_refill_id=1,
        ),
        (m.BeginRefill(),),
        lambda device: logic_of(device).refills.refill_id,
    ),
    m.AbortRefill: Trial(
        m.AbortRefill(),
        (m.BeginRefill(),),
        lambda device: logic_of(device).refills.window_since is not None,
    ),
    m.BeginBolusAccess: Trial(
        m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=5),
        probe=lambda device: logic_of(device).bolus,
    ),
    m.EndBolusAccess: Trial(
        m.EndBolusAccess(injected_nl=2_000_000),
        (m.BeginBolusAccess(drug="contrast", concentration_ng_per_ml=5),),
        lambda device: (logic_of(device).bolus, sum(pushed(device))),
    ),
    m.WriteConfiguration: Trial(
        m.WriteConfiguration(
            base_config_id=1,
            configuration=REPORT.configuration.model_copy(update={"low_volume_nl": 4_000_000}),
        ),
        probe=lambda device: logic_of(device).config_id,
    ),
    m.SetClock: Trial(m.SetClock(rtc_s=1_800_000_000)),
    m.RunSelfTest: Trial(m.RunSelfTest()),
    m.Explant: Trial(m.Explant(), drug=False),
    m.Actuate: Trial(m.Actuate(sounder=Sounder.HIGH, patient_signal=True), bare=True),
}
EFFECTS: Final = {
    m.AcknowledgeAlarm: EventKind.ALARM_ACKNOWLEDGED,
    m.PauseAudio: EventKind.AUDIO_PAUSED,
    m.BeginRefill: EventKind.REFILL_BEGUN,
    m.CommitRefill: EventKind.REFILL_COMMITTED,
    m.AbortRefill: EventKind.REFILL_ABORTED,
    m.BeginBolusAccess: EventKind.BOLUS_ACCESS_BEGUN,
    m.EndBolusAccess: EventKind.BOLUS_ACCESS_ENDED,
    m.WriteConfiguration: EventKind.CONFIGURATION_WRITTEN,
    m.SetClock: EventKind.CLOCK_SET,
    m.RunSelfTest: EventKind.SELF_TEST,
    m.Explant: EventKind.EXPLANTED,
    m.Actuate: EventKind.ACTUATED,
}


def pushed(device: Device) -> list[int]:
    return [entry.value for entry in log_of(device) if entry.kind is EventKind.BOLUS_ACCESS_ENDED]


def log_of(device: Device) -> list[m.LogEntry]:
    return list(Client(Exchange(EmulatedPort(device))).read_log())


class Course:
    """A device as the command finds it, a client on a line, and ids that are known."""

    def __init__(self, trial: Trial, seed: int) -> None:
        pump = demo()
        if trial.bare:
            section = pump.pump.model_copy(update={"logic": BARE})
            pump = pump.model_copy(update={"pump": section})
        if not trial.drug:
            fill = pump.fill.model_copy(update={"concentration": 0})
            pump = pump.model_copy(update={"fill": fill})
        self.device = Device(pump, seed)
        self.device.implant()
        self.trial = trial
        self._ids = count(1)
        if not trial.bare:
            low = stimuli.ADAPTER.validate_python({"kind": "withdraw", "volume": "25.5 mL"})
            self.device.stimulate(0, low)  # an alarm to acknowledge, and to pause
            self.device.advance(3 * SAMPLE_NS)
        self.port = CutPort(self.device, trial.body)
        self.client = Client(Exchange(self.port, draw=self._ids.__next__))
        for body in trial.before:
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
        kind = EFFECTS.get(type(self.trial.body))
        return sum(entry.kind is kind for entry in log_of(self.device))


def carry_out(course: Course) -> m.Reply | None:
    """By the client; None where it was left without an answer, and by close_session anyway."""
    if isinstance(course.trial.body, m.Close):
        course.client.close_session()
        return None
    return course.client.exchange.command(course.trial.body)


def ids_sent(course: Course) -> set[int]:
    headers = [p.header for p in course.port.sent if p.body == course.trial.body]
    return {header.command_id for header in headers if isinstance(header, m.CommandHeader)}


def settled(course: Course, cuts: tuple[Cut, Cut]) -> OutcomeState:
    """Carry the command out under two cuts; check that what is told is so, and what can be asked.

    The state its outcome then has.
    """
    trial, where = course.trial, f"{type(course.trial.body).__name__}: {[c.value for c in cuts]}"
    before, effects = trial.probe and trial.probe(course.device), course.effects()
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
    if EFFECTS.get(type(trial.body)) is not None:
        assert course.effects() - effects == done, where
    if trial.probe is not None:
        assert (trial.probe(course.device) != before) == done, where
    if reply is not None:
        assert isinstance(reply, m.Refused) != done, where
    return state


def tried_again(course: Course, state: OutcomeState) -> None:
    """With the same id it is done at most once, whatever became of it the first time."""
    (command_id,) = ids_sent(course)
    body, effects = course.trial.body, course.effects()
    course.device.advance(course.device.now_ns + 11 * SAMPLE_NS)  # whoever held the right lost it
    reply = course.anew().exchange.command(body, command_id)
    if state is OutcomeState.REFUSED:
        assert reply == m.Refused(reason=Refusal.INTERRUPTED)
        reply = course.anew().exchange.command(body)
    assert not isinstance(reply, m.Refused)
    assert course.acted(command_id) == (state is not OutcomeState.REFUSED)
    assert course.effects() - effects == (state is not OutcomeState.DONE)


def pairs() -> Iterator[tuple[tuple[Cut, Cut], int]]:
    """Every combination of two cuts, or one, each with one memory; those in memory with all."""
    for n, (first, second) in enumerate(product(Cut, Cut)):
        if first is Cut.NONE:
            continue
        in_memory = Cut.POWER_STORED in (first, second)
        for seed in SEEDS if in_memory else SEEDS[n % len(SEEDS) :][:1]:
            yield (first, second), seed


def test_every_command_there_is_is_tried() -> None:
    commands = {body for body in m.MESSAGES if issubclass(body, m.Command)}
    assert set(TRIALS) == commands
    assert set(EFFECTS) == commands - {m.Close}


@pytest.mark.slow
@pytest.mark.parametrize("kind", TRIALS, ids=lambda kind: kind.__name__)
def test_it_acts_at_most_once_and_what_became_of_it_can_be_found_out(
    kind: type[m.Command],
) -> None:
    """COM-04, COM-09, NVM-02: whatever is cut, wherever, twice."""
    trial, found = TRIALS[kind], set()
    assert settled(Course(trial, 1), (Cut.NONE, Cut.NONE)) is OutcomeState.DONE
    for cuts, seed in pairs():
        course = Course(trial, seed)
        state = settled(course, cuts)
        found.add(state)
        if kind is not m.Close:  # there is nothing to close in another session
            tried_again(course, state)
    assert {OutcomeState.DONE, OutcomeState.UNKNOWN} <= found
    assert (OutcomeState.REFUSED in found) == (not trial.bare and kind is not m.Close)


def test_a_cut_as_memory_takes_it_ends_either_way() -> None:
    """The cut that lies between stored and not stored leaves now one, now the other."""
    states = {
        settled(Course(TRIALS[m.CommitRefill], seed), (Cut.POWER_STORED, Cut.NONE))
        for seed in SEEDS
    }
    assert states == {OutcomeState.DONE, OutcomeState.REFUSED}
