"""A state machine that treats a pump as life does, on any rig, and looks at it after every step.

Time passing is a rule. Others let the laboratory act, let people ask and command, and let a line
repeat, delay, reorder and spoil what was sent. What must be true after each stands in `invariants`.

    class MyMachine(PumpMachine):
        opening = staticmethod(lambda: open_rig("sim:my-pump.toml?seed=7"))

    TestMine = MyMachine.TestCase
"""

import json
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hil.conformance.errors import FailedError
from hil.conformance.probe import Probe
from hil.conformance.stage import claim, prepare
from hil.errors import LocalError, PeerError
from hil.port import RawPort
from hil.rig import Rig, duration_ns, open_rig
from hil.testing import strategies
from hil.testing.invariants import Invariants
from hil.testing.story import Story
from protocol import messages as m
from protocol.plain import type_name
from protocol.vocabulary import Refusal, Role

SECOND_NS: Final = 1_000_000_000
HOUR_NS: Final = 3_600 * SECOND_NS
LINE: Final = "the line repeats, reorders and spoils nothing there"
KEPT_PACKETS: Final = 20
MOST_SHOWN: Final = 12
"""Bytes of noise."""
WAITS: Final = ("1 s", "30 s", "59 s", "1 min", "61 s", "2 min", "5 min", "10 min", "31 min")
WALL_WAITS: Final = ("100 ms", "500 ms", "1 s")
"""Where time cannot be asked to pass."""


class PumpMachine(RuleBasedStateMachine):
    """One life of a pump per example, in virtual time; on hardware, one after the other."""

    @staticmethod
    def opening() -> Rig:
        """The rig of an example; for another one than the demonstration pump, say which."""
        return open_rig("sim:")

    subject: ClassVar[str] = ""
    """Control logic by its name, for the scenario file."""
    seed: ClassVar[int] = 1
    keeps_rig: ClassVar[bool] = False
    """Whether `opening` gives the same rig each time, which is not to be closed."""

    @initialize()
    def begin(self) -> None:
        """A pump that is quiet, and somebody with a programmer."""
        self.rig = self.opening()
        self.probe = Probe(self.rig)
        self.virtual, self.has_laboratory = self.rig.clock.virtual, self.rig.has_laboratory
        self.takes_bytes = isinstance(self.probe.port, RawPort)
        if self.rig.save is None:  # it lives on by itself, and others may be there
            claim(self.probe)
        prepare(self.probe)
        self.start_ns = self.rig.clock.now_ns()
        self.story = Story(self.subject, self.seed, self.now_s)
        self.story.deed(f"{self.rig.identity.device_id}, left alone so far")
        self.sent: list[tuple[m.Packet, m.Reply]] = []
        self.seat = self.probe.open()
        self.must = Invariants(self.rig, self.probe, self.story)
        self.nothing_new = False  # neither did time pass nor was anything said
        self.can_be_saved = self.rig.save is not None and self.rig.reopen is not None

    # ---- what happens

    @rule(duration=st.sampled_from(WAITS))
    def wait(self, duration: str) -> None:
        """Time passes."""
        if not self.virtual:
            duration = WALL_WAITS[WAITS.index(duration) % len(WALL_WAITS)]
        self.story.deed(f"wait {duration}")
        self.pass_ns(duration_ns(duration))

    @precondition(lambda self: self.has_laboratory and self.virtual)
    @rule(stimulus=strategies.environments())
    def live(self, stimulus: dict[str, Any]) -> None:
        """The patient's life goes on."""
        self.stimulate(stimulus)
        self.nothing_new = True

    @precondition(lambda self: self.has_laboratory and self.virtual)
    @rule(stimulus=strategies.faults())
    def break_something(self, stimulus: dict[str, Any]) -> None:
        """Something goes wrong with the pump."""
        self.must.healthy &= stimulus["kind"] in ("power_cycle", "clock_fault")
        self.stimulate(stimulus)
        self.nothing_new = stimulus["kind"] != "power_cycle"
        if not self.nothing_new:
            self.seat = self.probe.open()
            self.must.restarted()

    @rule(body=strategies.commands())
    def command(self, body: m.Command) -> None:
        """A programmer sends something; what is written may be odd, and is still one block."""
        if isinstance(body, m.WriteConfiguration):
            body = body.model_copy(update={"base_config_id": self.probe.config_id})
        reply = self.send(body)
        if isinstance(reply, m.Done):
            self.must.filled |= isinstance(body, m.CommitRefill | m.EndBolusAccess)
            self.must.clock_moved |= isinstance(body, m.SetClock)
            self.must.prescribed()

    @rule(pick=st.integers(0, 5), pause_s=st.sampled_from([0, 1, 60, 600]))
    def attend(self, pick: int, pause_s: int) -> None:
        """Somebody acknowledges an alarm, or pauses its sound."""
        if not self.must.listed:
            return
        one = self.must.listed[pick % len(self.must.listed)]
        alarm, number = one.alarm, one.occurrence
        if pause_s:
            self.send(m.PauseAudio(alarm=alarm, occurrence=number, duration_ms=pause_s * 1_000))
        else:
            self.send(m.AcknowledgeAlarm(alarm=alarm, occurrence=number))

    @precondition(lambda self: bool(self.sent))
    @rule(pick=st.integers(0, KEPT_PACKETS))
    def repeat(self, pick: int) -> None:
        """The line delivers a command once more, now or much later: it acts once."""
        packet, first = self.sent[-1 - pick % len(self.sent)]
        self.story.beyond(LINE)
        self.story.deed(f"once more: {type_name(type(packet.body))}")
        self.must.unchanged("COM-04", "no second effect")
        again = self.probe.reply(packet)
        same = again == first or isinstance(again, m.Refused)
        self.story.that(same, "COM-04", f"the reply of then ({first}) or a refusal", again)

    @rule(first=strategies.commands(), second=strategies.commands())
    def reorder(self, first: m.Command, second: m.Command) -> None:
        """Two commands change places on the way: the older one is refused."""
        early, late = self.seat.packet(first), self.seat.packet(second)
        self.story.beyond(LINE)
        self.story.deed(f"{type_name(type(second))} overtakes {type_name(type(first))}")
        self.probe.reply(late)
        self.must.prescribed()
        self.must.see()
        self.must.unchanged("COM-06", "nothing changed by it")
        reply = self.probe.reply(early)
        stale = isinstance(reply, m.Refused)
        self.story.that(stale, "COM-06", "refused: of an older sequence", reply)
        self.must.filled = True

    @precondition(lambda self: self.takes_bytes)
    @rule(data=strategies.noise)
    def spoil(self, data: bytes) -> None:
        """Bytes come in that are no message, or no longer one."""
        self.story.beyond(LINE)
        more = "..." if len(data) > MOST_SHOWN else ""
        self.story.deed(f"noise {data[:MOST_SHOWN].hex()}{more} ({len(data)} bytes)")
        self.must.unchanged("COM-01", "nothing changed by noise")
        self.probe.send_raw(b"\x00" + data + b"\x00")

    @rule(role=st.sampled_from(Role))
    def change_hands(self, role: Role) -> None:
        """The session ends, and somebody opens another."""
        self.story.beyond("one clinician sends every request there")
        self.story.deed(f"close, open as {role.name.lower()}")
        self.seat.close()
        self.seat = self.probe.open(role)

    @precondition(lambda self: self.can_be_saved)
    @rule(duration=st.sampled_from(WAITS))
    def restore(self, duration: str) -> None:
        """Time passes, and once more on a pump made of a snapshot from before: the same.

        Once in an example: it takes as long as ten other steps.
        """
        assert self.rig.save is not None
        assert self.rig.reopen is not None
        self.can_be_saved = False
        self.probe.close_all()  # a snapshot ends every session
        try:
            state = json.loads(json.dumps(self.rig.save()))
        except LocalError:  # not every logic can be saved
            self.seat = self.probe.open()
            return
        self.story.beyond("nothing is saved and loaded there")
        self.story.deed(f"a snapshot; wait {duration}, and once more from there")
        span_ns = duration_ns(duration)
        self.pass_ns(span_ns)
        with self.rig.reopen(state) as again:
            twin = Probe(again)
            twin.pass_ns(span_ns)
            one, other = comparable(self.probe), comparable(twin)
        self.story.same(one, other, "RST-11", "as without a snapshot")
        self.seat = self.probe.open()

    # ---- what must be true after it

    @invariant()
    def holds(self) -> None:
        """Everything that can be seen now, if anything can be that was not."""
        if self.nothing_new:
            self.nothing_new = False
            return
        try:
            self.must.look()
        except FailedError as error:
            raise self.story.violated("COM-08", error.expected, error.seen) from None
        except PeerError as error:
            raise self.story.violated("COM-08", "what the protocol allows", str(error)) from None

    def teardown(self) -> None:
        """Every port is given back."""
        if not hasattr(self, "rig"):
            return
        if self.keeps_rig:
            prepare(self.probe)
        else:
            self.rig.__exit__(None, None, None)

    # ---- hands

    def suffer(self, stimulus: dict[str, Any], length: str) -> None:
        """Something fails, and nobody does anything: harm takes hours, as long as many a step."""
        self.must.healthy = False
        self.stimulate(stimulus)
        self.wait(length)

    def pass_ns(self, span_ns: int) -> None:
        """Time passes, looked at every hour; the last look is every step's."""
        while span_ns > HOUR_NS:
            self.probe.pass_ns(HOUR_NS)
            if self.has_laboratory:
                self.must.truth()
            span_ns -= HOUR_NS
        self.probe.pass_ns(span_ns)

    def stimulate(self, stimulus: dict[str, Any]) -> None:
        """The laboratory acts; what cannot be changes nothing."""
        try:
            self.rig.laboratory.stimulate(stimulus)
        except LocalError:
            return
        self.must.filled |= stimulus["kind"] == "withdraw"
        self.must.clock_moved |= stimulus["kind"] == "clock_fault"
        self.story.deed(" ".join(f"{value}" for value in stimulus.values()))
        self.story.event(stimulus)

    def send(self, body: m.Command) -> m.Reply:
        """A command in the session at hand; it is opened again when it has ended."""
        packet = self.seat.packet(body)
        reply = self.probe.reply(packet)
        if isinstance(reply, m.Refused) and reply.reason in (
            Refusal.NO_SESSION,
            Refusal.STALE_BOOT,
        ):
            self.seat = self.probe.open()
            packet = self.seat.packet(body)
            reply = self.probe.reply(packet)
        refused = f", refused: {reply.reason.name.lower()}" if isinstance(reply, m.Refused) else ""
        self.story.deed(f"{type_name(type(body))}{refused}")
        self.story.event(body)
        self.sent = [*self.sent, (packet, reply)][-KEPT_PACKETS:]
        return reply

    def now_s(self) -> float:
        """Since this example began."""
        return (self.rig.clock.now_ns() - self.start_ns) / SECOND_NS


def harm(
    machine: PumpMachine, before: list[dict[str, Any]], stimulus: dict[str, Any], length: str
) -> None:
    """One life in which a pump does harm for so long: it is told, or ViolatedError is raised."""
    machine.begin()
    try:
        for each in before:
            machine.live(stimulus=each)
            machine.wait(duration="10 min")
        machine.suffer(stimulus, length)
        machine.holds()
    finally:
        machine.teardown()


def comparable(probe: Probe) -> dict[str, Any]:
    """All there is to compare two pumps by."""
    truth = probe.rig.laboratory.truth()
    return {
        "status": probe.status(),
        "alarms": probe.alarms(),
        "truth": {key: truth[key] for key in ("now_ns", "ledger", "ticks", "actuation")},
        "log": probe.log(0),
    }
