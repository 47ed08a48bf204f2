"""A state machine that treats a pump as life does, on any rig, and looks at it after every step.

Time passing is a rule. Others let the laboratory act, let people ask and command, and let a line
repeat, delay, reorder and spoil what was sent. After each, what the pump tells is laid beside what
must be true of it: by the laboratory's truth where there is one, and by `oracle`.

    class MyMachine(PumpMachine):
        opening = staticmethod(lambda: open_rig("sim:my-pump.toml?seed=7"))

    TestMine = MyMachine.TestCase
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hil.conformance.errors import FailedError
from hil.conformance.probe import Probe
from hil.conformance.stage import claim, prepare
from hil.errors import LocalError, PeerError
from hil.port import RawPort
from hil.rig import Rig, duration_ns, open_rig
from hil.testing import strategies
from hil.testing.acting import requested
from hil.testing.differing import difference
from hil.testing.oracle import Doses
from hil.testing.scenario import Scenario
from hil.testing.violation import ViolatedError
from protocol import messages as m
from protocol.plain import type_name
from protocol.vocabulary import AlarmId, EventKind, Priority, Refusal, Role, Sounder

SECOND_NS: Final = 1_000_000_000
HOUR_NS: Final = 3_600 * SECOND_NS
DAY_S: Final = 86_400
SAMPLE_MS: Final = 60_000
FL_PER_NL: Final = 1_000_000
NL_PER_H: Final = 3_600e12
UNDELIVERED_S: Final = 8 * 3_600
"""T: the longest of all bounds for a pump that stands still, and two hours for the catheter."""
LINE: Final = "the line repeats, reorders and spoils nothing there"
DELIVERS: Final = 0.1
"""Of the flow prescribed; less is none."""
FLOW_ERROR: Final = 0.025
"""What the flow a pump reckons with may be off while its sensors keep their declared error."""
VOLUME_ERROR: Final = 0.05
VOLUME_SLACK_NL: Final = 6_000
LEVEL_DOUBT_NL: Final = 500_000
"""Two fill levels, each as far off as declared: so much more is reckoned as delivered over a reset
by whom no clock tells how long it took (RST-03)."""
KEPT_PACKETS: Final = 20
WAITS: Final = ("1 s", "30 s", "59 s", "1 min", "61 s", "2 min", "5 min", "10 min", "31 min")
LONG_WAITS: Final = ("9 h", "1 d")
WALL_WAITS: Final = ("100 ms", "500 ms", "1 s")
"""Where time cannot be asked to pass."""
OVERDOSE: Final = {
    AlarmId.DOSE_LIMIT,
    AlarmId.OVER_INFUSION,
    AlarmId.BOLUS_PATH_INJECTION,
    AlarmId.TAMPERING,
    AlarmId.UNMONITORED,
}
"""Any of these tells that too much may have been given."""


class Listed(NamedTuple):
    """An alarm, as far as a command can change it."""

    alarm: AlarmId
    occurrence: int
    acknowledged: bool
    audio_paused: bool


class Effects(NamedTuple):
    """What a command can change, and time alone does not."""

    configuration: int
    refill: int | None
    refill_open: bool
    bolus_access_open: bool
    alarms: tuple[Listed, ...]


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
        self.lacks: dict[str, None] = {}  # what a scenario cannot act out, in order
        self.done = [f"{_clock(0.0)}  {self.rig.identity.device_id}, left alone so far"]
        self.events: list[tuple[float, Mapping[str, Any] | m.Command]] = []
        self.sent: list[tuple[m.Packet, m.Reply]] = []
        self.healthy = True  # no fault was set that falsifies what is believed
        self.filled = False  # by a hand, so that totals of the reservoir no longer compare
        self.clock_moved = False  # so that a reset may find it untried, or wrong
        self.seat = self.probe.open()
        self.doses, self.volumes = Doses(DAY_S), Doses(UNDELIVERED_S)
        self.sampled: tuple[int, int, int] | None = None
        self.prescriptions: list[tuple[float, float, int]] = []  # since when, limit, nl/h
        self.prescribed()
        self.unchanged: tuple[str, str, Effects] | None = None
        self.nothing_new = False  # neither did time pass nor was anything said
        self.listed: list[m.AlarmOccurrence] = []
        self.listed_as: tuple[int, int] | None = None
        self.began_nl = 0.0
        if self.has_laboratory:
            truth = self.rig.laboratory.truth()
            self.note(truth)
            self.began_nl = _delivered_nl(truth) - self.status().delivered_total_nl

    # ---- what happens

    @rule(duration=st.sampled_from(WAITS))
    def wait(self, duration: str) -> None:
        """Time passes."""
        if not self.virtual:
            duration = WALL_WAITS[WAITS.index(duration) % len(WALL_WAITS)]
        self.deed(f"wait {duration}")
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
        self.healthy = self.healthy and stimulus["kind"] in ("power_cycle", "clock_fault")
        self.stimulate(stimulus)
        self.nothing_new = stimulus["kind"] != "power_cycle"
        if not self.nothing_new:
            self.seat = self.probe.open()
            self.sampled = None
            self.refill_id = self.last_refill()

    @precondition(lambda self: self.has_laboratory and self.virtual)
    @rule(stimulus=st.sampled_from(strategies.RESTRICTORS), length=st.sampled_from(LONG_WAITS))
    def suffer(self, stimulus: dict[str, Any], length: str) -> None:
        """A restrictor fails, and nobody does anything for so long: harm takes hours."""
        self.healthy = False
        self.stimulate(stimulus)
        self.wait(length)

    @rule(body=strategies.commands())
    def command(self, body: m.Command) -> None:
        """A programmer sends something; what is written may be odd, and is still one block."""
        if isinstance(body, m.WriteConfiguration):
            body = body.model_copy(update={"base_config_id": self.probe.config_id})
        reply = self.send(body)
        if isinstance(reply, m.Done):
            self.filled = self.filled or isinstance(body, m.CommitRefill | m.EndBolusAccess)
            self.clock_moved = self.clock_moved or isinstance(body, m.SetClock)
            self.prescribed()

    @rule(pick=st.integers(0, 5), pause_s=st.sampled_from([0, 1, 60, 600]))
    def attend(self, pick: int, pause_s: int) -> None:
        """Somebody acknowledges an alarm, or pauses its sound."""
        if not self.listed:
            return
        one = self.listed[pick % len(self.listed)]
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
        self.lacks[LINE] = None
        self.deed(f"once more: {type_name(type(packet.body))}")
        before = self.effects()
        again = self.probe.reply(packet)
        same = again == first or isinstance(again, m.Refused)
        self.that(same, "COM-04", f"the reply of then ({first}) or a refusal", again)
        self.unchanged = "COM-04", "no second effect", before

    @rule(first=strategies.commands(), second=strategies.commands())
    def reorder(self, first: m.Command, second: m.Command) -> None:
        """Two commands change places on the way: the older one is refused."""
        early, late = self.seat.packet(first), self.seat.packet(second)
        self.lacks[LINE] = None
        self.deed(f"{type_name(type(second))} overtakes {type_name(type(first))}")
        self.probe.reply(late)
        self.prescribed()
        self.see()
        before = self.effects()
        reply = self.probe.reply(early)
        stale = isinstance(reply, m.Refused)
        self.that(stale, "COM-06", "refused: of an older sequence", reply)
        self.unchanged = "COM-06", "nothing changed by it", before
        self.filled = True

    @precondition(lambda self: self.takes_bytes)
    @rule(data=strategies.noise)
    def spoil(self, data: bytes) -> None:
        """Bytes come in that are no message, or no longer one."""
        self.lacks[LINE] = None
        self.deed(f"noise {data[:12].hex()}{'...' if len(data) > 12 else ''} ({len(data)} bytes)")
        self.unchanged = "COM-01", "nothing changed by noise", self.effects()
        self.probe.send_raw(b"\x00" + data + b"\x00")

    @rule(role=st.sampled_from(Role))
    def change_hands(self, role: Role) -> None:
        """The session ends, and somebody opens another."""
        self.lacks["one clinician sends every request there"] = None
        self.deed(f"close, open as {role.name.lower()}")
        self.seat.close()
        self.seat = self.probe.open(role)

    @precondition(lambda self: self.rig.save is not None and self.rig.reopen is not None)
    @rule(duration=st.sampled_from(WAITS))
    def restore(self, duration: str) -> None:
        """Time passes, and once more on a pump made of a snapshot from before: the same."""
        assert self.rig.save is not None
        assert self.rig.reopen is not None
        self.probe.close_all()  # a snapshot ends every session
        try:
            state = json.loads(json.dumps(self.rig.save()))
        except LocalError:  # not every logic can be saved
            self.seat = self.probe.open()
            return
        self.lacks["nothing is saved and loaded there"] = None
        self.deed(f"a snapshot; wait {duration}, and once more from there")
        span_ns = duration_ns(duration)
        self.pass_ns(span_ns)
        with self.rig.reopen(state) as other:
            twin = Probe(other)
            twin.pass_ns(span_ns)
            self.same(comparable(self.probe), comparable(twin), "RST-11", "as without a snapshot")
        self.seat = self.probe.open()

    # ---- what must be true after it

    @invariant()
    def holds(self) -> None:
        """Everything that can be seen now, if anything can be that was not."""
        if self.nothing_new:
            self.nothing_new = False
            return
        try:
            self.look()
        except FailedError as error:
            raise self.violated("COM-08", error.expected, error.seen) from None
        except PeerError as error:
            raise self.violated("COM-08", "what the protocol allows", str(error)) from None

    def look(self) -> None:
        """One status, one list of alarms, and the truth where there is one."""
        status, listed = self.see()
        self.check_effects()
        self.check_monitoring(status)
        self.check_faults()
        if not self.virtual:
            return  # between two questions anything may have happened
        self.check_list(status, listed)
        if self.has_laboratory:
            truth = self.rig.laboratory.truth()
            self.note(truth)
            self.check_sound(listed, truth)
            self.check_harm(listed, truth)
            self.check_beliefs(status, truth)

    def see(self) -> tuple[m.StatusPart, list[m.AlarmOccurrence]]:
        """Status, and the list, which is asked for when its digest has changed (COM-08)."""
        self.seen = self.status()
        listed_as = self.probe.boot_id, self.seen.alarm_digest
        if listed_as != self.listed_as or self.unchanged is not None:  # to prove is to ask
            self.listed, self.listed_as = self.probe.alarms(), listed_as
        return self.seen, self.listed

    def check_effects(self) -> None:
        """What was to change nothing has changed nothing."""
        if self.unchanged is None:
            return
        requirement, words, before = self.unchanged
        self.unchanged, self.refill_id = None, self.last_refill()
        self.same(before, self.effects(), requirement, words)

    def check_monitoring(self, status: m.StatusPart) -> None:
        """Samples go on being taken, whatever a peer sends."""
        boot_id, uptime_ms = self.probe.boot_id, self.probe.uptime_ms
        if self.sampled is not None and status.sample_sequence is not None:
            boot_before, uptime_before, sequence_before = self.sampled
            if boot_before == boot_id:
                due = (uptime_ms - uptime_before) // SAMPLE_MS
                taken = status.sample_sequence - sequence_before
                words = f"at least {due} samples in {(uptime_ms - uptime_before) / 1e3:.0f} s"
                self.that(taken >= due, "COM-10", words, taken)
        if status.sample_sequence is not None:
            self.sampled = boot_id, uptime_ms, status.sample_sequence

    def check_faults(self) -> None:
        """Nothing that happened here is a reason for logic to fail."""
        for logged in self.probe.notices_of(m.EventLogged):
            if logged.entry.kind is EventKind.FIRMWARE_FAULT:
                raise self.violated("RST-11", "logic that keeps its contract", str(logged.entry))
        self.probe.notices.clear()

    def check_list(self, status: m.StatusPart, listed: list[m.AlarmOccurrence]) -> None:
        """Status and list tell the same."""
        present = [one for one in listed if one.present]
        highest = max((one.priority for one in present), default=None)
        self.that(
            status.highest_priority == highest, "ALM-02", str(highest), status.highest_priority
        )
        told = status.alarms_present, status.alarms_unacknowledged
        counted = len(present), sum(not one.acknowledged for one in listed)
        self.that(told == counted, "ALM-02", f"{counted} present and unacknowledged", told)

    def check_sound(self, listed: list[m.AlarmOccurrence], truth: Mapping[str, Any]) -> None:
        """What nobody acknowledged or paused is heard; what is acknowledged, as a reminder only."""
        heard = Sounder(truth["actuation"]["sounder"])
        free = [one for one in listed if not one.audio_paused]
        least = max((one.priority for one in free if not one.acknowledged), default=0)
        most = max((one.priority for one in free), default=0)
        words = f"a sounder from {Sounder(least).name.lower()} to {Sounder(most).name.lower()}"
        self.that(least <= heard <= most, "ALM-05", words, heard.name.lower())

    def check_harm(self, listed: list[m.AlarmOccurrence], truth: Mapping[str, Any]) -> None:
        """Too much or nothing at all never goes on in silence.

        What a restrictor does, the fill level alone shows. Where that is silent and told to be, the
        pump has said that it cannot see harm.
        """
        standing = {one.alarm for one in listed}
        blind = "fill_level_nl" in truth["sensor_faults"] and AlarmId.SENSOR_FAULT in standing
        dose_nl = self.doses.within(DAY_S)
        limit, nominal = self.in_force()
        limit_nl = limit * nominal * DAY_S / 3_600 * (1 + FLOW_ERROR)
        told = blind or bool(standing & OVERDOSE)
        words = f"an alarm: {dose_nl:.0f} nL reached the artery in a day, {limit_nl:.0f} may"
        self.that(dose_nl <= limit_nl or told, "DOS-02", words, _names(standing))
        rows = self.volumes.rows
        if rows[-1][0] - rows[0][0] < UNDELIVERED_S:
            return
        given_nl = self.volumes.within(UNDELIVERED_S)
        told = blind or any(one.priority is Priority.HIGH for one in listed)
        little = given_nl < DELIVERS * nominal * UNDELIVERED_S / 3_600
        words = f"an alarm of HIGH priority: {given_nl:.0f} nL in the last 8 h"
        self.that(not little or told, "FLW-04", words, _names(standing))

    def check_beliefs(self, status: m.StatusPart, truth: Mapping[str, Any]) -> None:
        """While sensors keep their word, intervals hold the truth and totals follow it."""
        if not self.healthy or status.refill_open or status.bolus_access_open:
            return
        left_nl = truth["ledger"]["reservoir_fl"] / FL_PER_NL
        told = status.residual_volume_nl
        if told is not None:
            words = f"an interval with {left_nl:.0f} nL, which are left"
            self.that(told.low <= left_nl <= told.high, "RES-01", words, told)
        if self.filled or status.sample_sequence is None:
            return  # RST-03: what left since the last record is known with a life's first sample
        true_nl = _delivered_nl(truth) - self.began_nl
        slack_nl = VOLUME_ERROR * true_nl + VOLUME_SLACK_NL
        excess_nl = slack_nl + (LEVEL_DOUBT_NL if self.clock_moved else 0)
        off_nl = status.delivered_total_nl - true_nl
        words = f"about {true_nl:.0f} nL delivered"
        self.that(-slack_nl <= off_nl <= excess_nl, "DOS-01", words, status.delivered_total_nl)
        between = status.delivered_total_between_nl
        if between is not None:
            words = f"bounds with {true_nl:.0f} nL, which were delivered"
            self.that(between.low <= true_nl <= between.high, "DOS-01", words, between)

    def teardown(self) -> None:
        """Every port is given back."""
        if not hasattr(self, "rig"):
            return
        if self.keeps_rig:
            prepare(self.probe)
        else:
            self.rig.__exit__(None, None, None)

    # ---- hands

    def pass_ns(self, span_ns: int) -> None:
        """Time passes, looked at every hour; the last look is every step's."""
        while span_ns > HOUR_NS:
            self.probe.pass_ns(HOUR_NS)
            if self.has_laboratory:
                self.note(self.rig.laboratory.truth())
            span_ns -= HOUR_NS
        self.probe.pass_ns(span_ns)

    def stimulate(self, stimulus: dict[str, Any]) -> None:
        """The laboratory acts; what cannot be changes nothing."""
        at_s = self.now_s()
        try:
            self.rig.laboratory.stimulate(stimulus)
        except LocalError:
            return
        self.filled = self.filled or stimulus["kind"] == "withdraw"
        self.clock_moved = self.clock_moved or stimulus["kind"] == "clock_fault"
        self.deed(" ".join(f"{value}" for value in stimulus.values()))
        self.events.append((at_s, stimulus))

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
        self.deed(f"{type_name(type(body))}{refused}")
        self.events.append((self.now_s(), body))
        self.sent = [*self.sent, (packet, reply)][-KEPT_PACKETS:]
        return reply

    def status(self) -> m.StatusPart:
        """What the pump believes."""
        return self.probe.status()

    def effects(self) -> Effects:
        """Of all that was done until the pump was seen last."""
        alarms = tuple(
            Listed(one.alarm, one.occurrence, one.acknowledged, one.audio_paused)
            for one in self.listed
        )
        windows = self.seen.refill_open, self.seen.bolus_access_open
        return Effects(self.probe.config_id, self.refill_id, *windows, alarms)

    def last_refill(self) -> int | None:
        """Its number, if there was one that the pump knows of."""
        report = self.probe.ask(m.ReadConfiguration())
        return report.last_refill_id if isinstance(report, m.ConfigurationReport) else None

    def prescribed(self) -> None:
        """What the configuration asks for, from now on."""
        report, configuration = self.probe.configured()
        self.refill_id = report.last_refill_id
        limit = configuration.dose_limit_permille / 1_000
        self.prescriptions.append((self.now_s(), limit, configuration.nominal_flow_nl_per_h))

    def in_force(self) -> tuple[float, int]:
        """The largest limit and flow that were prescribed at any time of the last day."""
        while len(self.prescriptions) > 1 and self.prescriptions[1][0] < self.now_s() - DAY_S:
            del self.prescriptions[0]
        _, limits, flows = zip(*self.prescriptions, strict=True)
        return max(limits), max(flows)

    def note(self, truth: Mapping[str, Any]) -> None:
        """What has reached the artery by now, in truth."""
        now_s, delivered_nl = self.now_s(), _delivered_nl(truth)
        self.doses.note(now_s, delivered_nl)
        self.volumes.note(now_s, delivered_nl)

    def now_s(self) -> float:
        """Since this example began."""
        return (self.rig.clock.now_ns() - self.start_ns) / SECOND_NS

    # ---- words

    def deed(self, words: str) -> None:
        """Write down what is done now."""
        self.done.append(f"{_clock(self.now_s())}  {words}")

    def that(self, holds: object, requirement: str, expected: str, seen: object) -> None:
        """A requirement holds."""
        if not holds:
            raise self.violated(requirement, expected, str(seen))

    def same(self, one: object, other: object, requirement: str, words: str) -> None:
        """Both are the same, to the last field."""
        if one != other:
            expected, seen = difference(one, other)
            raise self.violated(requirement, f"{words}: {expected}", seen)

    def violated(self, requirement: str, expected: str, seen: str) -> ViolatedError:
        """A requirement does not hold, now."""
        violated = ViolatedError(requirement, expected, seen, _clock(self.now_s()), self.done)
        if self.subject:
            length_s = max(self.now_s(), 60.0) + 60.0
            events = tuple((at_s, _acted(deed)) for at_s, deed in self.events)
            violated.scenario = Scenario(
                self.subject, self.seed, length_s, events, (*self.done,), lacks=(*self.lacks,)
            )
        return violated


def comparable(probe: Probe) -> dict[str, Any]:
    """All there is to compare two pumps by."""
    truth = probe.rig.laboratory.truth()
    return {
        "status": probe.status(),
        "alarms": probe.alarms(),
        "truth": {key: truth[key] for key in ("now_ns", "ledger", "ticks", "actuation")},
        "log": probe.log(0),
    }


def _acted(deed: Mapping[str, Any] | m.Command) -> Mapping[str, Any]:
    """As a scenario has it."""
    return requested(deed) if isinstance(deed, m.Command) else deed


def _delivered_nl(truth: Mapping[str, Any]) -> float:
    return float(truth["ledger"]["delivered_fl"]) / FL_PER_NL


def _clock(seconds: float) -> str:
    hours, rest = divmod(seconds, 3_600)
    return f"{hours:3.0f} h {rest // 60:02.0f} min {rest % 60:02.0f} s"


def _names(alarms: set[AlarmId]) -> str:
    return ", ".join(sorted(alarm.name.lower() for alarm in alarms)) or "no alarm"
