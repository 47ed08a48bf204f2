"""Control logic on a table: a counter, a memory chip, and the readings of a pump one can reckon.

No plant, no device, no link: minutes take microseconds, and every instant is exact. What is done is
written down, so that a violation tells what led to it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from hil.testing import acting
from hil.testing.chip import Chip
from hil.testing.differing import difference, words
from hil.testing.register import Register
from hil.testing.scenario import Scenario
from hil.testing.steady import CONFIGURATION, REFILL, USUAL, SteadyPump
from hil.testing.violation import ViolatedError
from protocol import messages as m
from protocol.control import TICKS_PER_S, ControlLogic, Event, Outcome, Readings, Request
from protocol.guard import FirmwareFaultError, Guard, made
from protocol.provision import provision
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    FirmwareFault,
    Propellant,
    ResetCause,
    Role,
    Sounder,
)

MINUTE_S: Final = 60
MINUTE: Final = MINUTE_S * TICKS_PER_S
SESSION: Final = 1
AFTER_MIN: Final = 5
"""A scenario goes on for so long after what was found."""
MAX_DEADLINES: Final = 2_000
"""Calls that a logic may want between two samples."""
TOLD_CAUSES: Final = (ResetCause.POWER_ON, ResetCause.BROWN_OUT, ResetCause.WATCHDOG)
"""What a scenario's power cycle can tell the logic."""
MAPPED: Final = {"reads": ("reads", "is read again"), "bias": ("is off by", "is off no more")}
"""Truths of one channel each: how one is told, and that it is over."""
UNITS: Final = ((1_440, "d"), (60, "h"), (1, "min"))


class Desk:
    """One logic, from the factory on. `preset` is what its counter reads at tick 0."""

    def __init__(
        self,
        factory: Callable[[], ControlLogic],
        configuration: m.Configuration = CONFIGURATION,
        preset: int = 0,
    ) -> None:
        """Nothing booted yet."""
        self.factory = factory
        self.configuration = configuration
        self.pump = SteadyPump(calibration=configuration)
        self.chip = self._own_chip = Chip()
        self.guard: Guard
        self.minutes = 0  # since the desk was set up
        self.ticks = 0  # since boot
        self.sequence = 0
        self.sounder = Sounder.OFF
        self.clock_set_s = 0  # what the clock was told last
        self.told: list[m.AlarmOccurrence] = []  # as outcomes told it, since boot
        self.register = Register()
        self.events: list[Event] = []
        self.done: list[str] = []
        self.acts: list[acting.Event] = []  # the same, as a scenario acts it out
        self.lacks: dict[str, None] = {}  # what a scenario cannot act out, in order
        self.refill: m.Refill | None = None
        self.implanted = False
        self._preset = preset
        self.earlier = 0  # ticks before the boot, and those that were not counted
        self.stopped = False
        self._noted = 0  # ticks that what was done accounts for
        if preset:
            self.beyond("the counter starts at 0 there")

    # ---- what is done

    def implant(self, refill: m.Refill | None = REFILL) -> "Desk":
        """Boot blank memory, configure and fill it, and give it its first sample."""
        self.boot(ResetCause.POWER_ON)
        self.refill = refill
        usual = self.configuration.propellant is Propellant.N_BUTANE
        if not usual or self.configuration.bellows_rate_pa_per_ml:
            self.beyond("n-butane drives the pump there, in limp bellows")
        if refill is None:
            self.beyond("the pump is filled there")
        else:
            self.pump.level_nl = float(refill.filled_nl)
            self.pump.viscosity = refill.viscosity_permille / 1e3
        report = m.ConfigurationReport(
            configuration=self.configuration,
            last_refill=refill,
            last_refill_id=None if refill is None else 1,
        )
        for command in provision(report):
            self.must_do(command, "DOS-09")
        made = f"configuration{_changed(CONFIGURATION, self.configuration)}"
        filled = "no refill" if refill is None else f"first refill{_changed(REFILL, refill)}"
        self.done = [f"0 min: boot, {made}, {filled}, first sample"]
        self.acts = [(0.0, acting.configured(self.configuration))]
        self.implanted = True
        self.sample()
        return self

    def boot(self, cause: ResetCause) -> Outcome:
        """New logic on what the chip holds; its ticks start at 0."""
        self.earlier += self.ticks
        self.ticks, self.told = 0, []
        if self.chip is not self._own_chip:  # what is told of alarms is told by memory
            self.register = Register()
        self.chip = self._own_chip = self.chip.without_supply()
        self.sounder = Sounder.OFF
        try:
            self.guard = Guard(made(self.factory), self._preset)
            outcome = self.guard.boot(self.chip, cause, 0)
        except FirmwareFaultError as error:
            raise self._fault(error) from None
        return self._take(outcome)

    def power_cycle(self, off_minutes: int = 0, cause: ResetCause = ResetCause.BROWN_OUT) -> None:
        """Supply goes and comes back; the pump flows on meanwhile."""
        lost = f"for {span(off_minutes)}" if off_minutes else "for a moment"
        self.note(f"power lost {lost}, boot with {cause.name.lower()}")
        if off_minutes:
            self.act({"kind": "power_off"})
        self.pump.pass_minute(off_minutes)
        self.minutes += off_minutes
        self.earlier += off_minutes * MINUTE
        self._noted = self.passed
        told = ResetCause.POWER_ON
        if not off_minutes and cause in TOLD_CAUSES:
            told = cause
        if told is not cause:
            self.beyond(f"the pump boots with {told.name.lower()} there")
        how = {"kind": "power_cycle", "cause": told.name.lower()}
        self.act({"kind": "power_on"} if off_minutes else how)
        self.boot(cause)

    def next_life(self) -> "Desk":
        """What the pump would know if supply went now."""
        other = Desk(self.factory, self.configuration)
        other.chip = self.chip
        other.boot(ResetCause.BROWN_OUT)
        return other

    def let(self, **truth: Any) -> None:
        """From now on that is true of the pump: fields of `SteadyPump`."""
        told = [_true(name, getattr(self.pump, name), value) for name, value in truth.items()]
        self.note(", ".join(told))
        for act in acting.acted(self.pump, truth):
            self.act(act)
        self.pump = replace(self.pump, **truth)

    def wait(self, minutes: int) -> None:
        """Let minutes pass, a sample at the end of each."""
        for _ in range(minutes):
            self.minute()

    def minute(self) -> Outcome:
        """One minute: deadlines in it at their ticks, then a sample."""
        self.pump.pass_minute()
        self.minutes += 1
        if self.stopped:
            self.earlier += MINUTE
        else:
            self.run_to(self.ticks + MINUTE)
        return self.sample()

    def stop_counter(self) -> None:
        """The oscillator stands still from now on; samples come, a minute apart."""
        self.note("the tick counter stands still")
        self.act({"kind": "oscillator_fault", "stopped": True})
        self.stopped = True

    def miss(self, minutes: int) -> None:
        """Minutes in which no sample comes."""
        with self.silent(minutes):
            self.run_to(self.ticks + minutes * MINUTE)

    @contextmanager
    def silent(self, minutes: int) -> Iterator[None]:
        """No sample comes meanwhile; the pump flows on."""
        self.note(f"no samples for {span(minutes)}")
        self.act({"kind": "converter_fault", "how": "silent"})
        self.pump.pass_minute(minutes)
        self.minutes += minutes
        yield
        self._noted = self.passed
        self.act({"kind": "converter_fault", "how": "sound"})

    def run_to(self, ticks: int) -> None:
        """Call the logic at every deadline until that tick."""
        for _ in range(MAX_DEADLINES):
            deadline = self.guard.deadline
            if deadline is None or deadline > ticks:
                break
            self.ticks = max(deadline, self.ticks)
            self._take(self._call(self.guard.advance, self.ticks))
        else:
            raise self.violated(
                "RST-11", "deadlines that lead on", f"{MAX_DEADLINES} between two samples"
            )
        self.ticks = ticks

    def run_s(self, seconds: float) -> None:
        """Let less than a minute pass, without a sample."""
        self.run_to(self.ticks + round(seconds * TICKS_PER_S))

    def sample(self, readings: Readings | None = None) -> Outcome:
        """A sample, now."""
        self.sequence += 1
        if readings is None:
            readings = self.pump.readings(self.sequence, self.minutes * MINUTE_S)
        return self._take(self._call(self.guard.sample, self.ticks, readings))

    def feed(self, readings: Readings) -> Outcome:
        """A minute, and at its end a sample that was made up."""
        self._note_wait()
        self.minutes += 1
        self.run_to(self.ticks + MINUTE)
        self._noted = self.passed
        self.beyond("readings were made up and are not in it")
        made_up = readings._replace(sequence=self.sequence + 1)
        self.note(_sample(readings))
        return self.sample(made_up)

    def ask(self, body: m.Body, role: Role = Role.CLINICIAN, session_id: int = SESSION) -> m.Reply:
        """What it answers."""
        request = Request(body, role, session_id)
        reply = self._take(self._call(self.guard.handle, self.ticks, request)).reply
        assert isinstance(reply, m.Reply)  # the guard has seen to it
        return reply

    def do(
        self, body: m.Command, role: Role = Role.CLINICIAN, session_id: int = SESSION
    ) -> m.Reply:
        """A command, written down."""
        reply = self.ask(body, role, session_id)
        refused = f", refused: {reply.reason.name.lower()}" if isinstance(reply, m.Refused) else ""
        self.note(f"{_command(body)}{refused}")
        self.act(acting.requested(body))
        if (role, session_id) != (Role.CLINICIAN, SESSION):
            self.beyond("one clinician sends every request there")
        return reply

    def must_do(self, body: m.Command, requirement: str) -> m.Done:
        """A command that nothing speaks against."""
        reply = self.do(body)
        if not isinstance(reply, m.Done):
            raise self.violated(requirement, f"{_command(body)} is carried out", reply)
        return reply

    # ---- what came of it

    def status(self) -> m.StatusPart:
        """What it believes."""
        reply = self.ask(m.GetStatus())
        if not isinstance(reply, m.Status):
            raise self.violated("COM-08", "a status", reply)
        return reply.status

    def alarms(self) -> list[m.AlarmOccurrence]:
        """Every open occurrence, as it lists them."""
        found: list[m.AlarmOccurrence] = []
        while True:
            behind = found[-1].occurrence if found else 0
            page = self.ask(m.ListAlarms(after_occurrence=behind))
            if not isinstance(page, m.AlarmList):
                raise self.violated("ALM-04", "a list of alarms", page)
            found += page.alarms
            if not page.more or not page.alarms:
                return found

    def present(self) -> set[AlarmId]:
        """The conditions that hold."""
        return {one.alarm for one in self.alarms() if one.present}

    def occurrence(self, alarm: AlarmId) -> m.AlarmOccurrence | None:
        """The open one, the latest."""
        return next((one for one in reversed(self.alarms()) if one.alarm is alarm), None)

    def minutes_to(self, alarms: AlarmId | set[AlarmId], longest: int) -> int | None:
        """Wait until one of them holds: after how many minutes; None when it did not come."""
        wanted = alarms if isinstance(alarms, set) else {alarms}
        for minute in range(longest + 1):
            if wanted & self.present():
                return minute
            if minute < longest:
                self.minute()
        return None

    # ---- words

    @property
    def passed(self) -> int:
        """Ticks since the desk was set up, those without supply counted."""
        return self.earlier + self.ticks

    @property
    def passed_s(self) -> float:
        """The same in seconds."""
        return self.passed / TICKS_PER_S

    def note(self, deed: str) -> None:
        """Write down what is done now."""
        self._note_wait()
        self.done.append(f"{span_s(self.passed_s)}: {deed}")

    def act(self, event: Mapping[str, Any]) -> None:
        """Write down how a scenario does it."""
        self.acts.append((self.passed_s, event))

    def beyond(self, lack: str) -> None:
        """Write down what no scenario does or shows."""
        self.lacks[lack] = None

    def violated(self, requirement: str, expected: str, seen: object) -> ViolatedError:
        """A requirement does not hold, now."""
        self._note_wait()
        violated = ViolatedError(requirement, expected, seen, span_s(self.passed_s), self.done)
        violated.scenario = self._scenario()
        return violated

    def _scenario(self) -> Scenario | None:
        """The same on an emulated pump, which goes on for some minutes; None for a blank one."""
        if not self.implanted:
            return None
        fill = self.refill
        pump = {} if fill is None else {"fill": acting.filled(fill)}
        length_s = self.passed_s + AFTER_MIN * MINUTE_S
        return Scenario(
            "", 1, length_s, tuple(self.acts), tuple(self.done), pump=pump, lacks=tuple(self.lacks)
        )

    def that(self, holds: object, requirement: str, expected: str, seen: object) -> None:
        """A requirement holds."""
        if not holds:
            raise self.violated(requirement, expected, seen)

    def bounds(
        self, told: m.Estimate | m.Bounds | None, truth: float, requirement: str, what: str
    ) -> None:
        """They hold the truth; where none are told, none are wrong."""
        holds = told is None or told.low <= truth <= told.high
        self.that(holds, requirement, f"bounds that hold {truth:.0f} {what}", told)

    def same(self, one: object, other: object, requirement: str, what: str) -> None:
        """Both are the same, to the last field."""
        if one != other:
            expected, seen = difference(one, other)
            raise self.violated(requirement, f"{what}: {expected}", seen)

    def standing(self) -> str:
        """The alarms that hold, in words."""
        return shown(self.present())

    def _note_wait(self) -> None:
        if self.passed > self._noted:
            waited = span_s((self.passed - self._noted) / TICKS_PER_S)
            self.done.append(f"{span_s(self.passed_s)}: {waited} have passed")
            self._noted = self.passed

    def _call(self, method: Callable[..., Outcome], *arguments: Any) -> Outcome:
        try:
            return method(*arguments)
        except FirmwareFaultError as error:
            raise self._fault(error) from None

    def _fault(self, error: FirmwareFaultError) -> ViolatedError:
        violated = self.violated("RST-11", "logic that keeps its contract", str(error))
        if error.fault is FirmwareFault.STALLED:  # a run would not end
            violated.scenario = None
        return violated

    def _take(self, outcome: Outcome) -> Outcome:
        if outcome.actuation is not None:
            self.sounder = outcome.actuation.sounder
            self.clock_set_s = outcome.actuation.set_rtc_s or self.clock_set_s
        self.told += outcome.alarms
        self.events += outcome.events
        wrong = self.register.wrong(outcome.alarms, self.ticks * 1_000 // TICKS_PER_S)
        if wrong is not None:
            raise self.violated(*wrong)
        return outcome

    def happened(self, kind: EventKind) -> list[Event]:
        """Events of a kind, so far."""
        return [event for event in self.events if event.kind is kind]


def span(minutes: int) -> str:
    """A time in words: 1 d 2 h 3 min."""
    return span_s(minutes * MINUTE_S)


def span_s(seconds: float) -> str:
    """The same to the millisecond: 6 min 5 s."""
    minutes, rest_ms = divmod(round(seconds * 1e3), 60_000)
    parts = []
    for size, unit in UNITS:
        count, minutes = divmod(minutes, size)
        parts += [f"{count} {unit}"] if count else []
    parts += [f"{rest_ms / 1e3:g} s"] if rest_ms else []
    return " ".join(parts) or "0 min"


def shown(alarms: set[AlarmId]) -> str:
    """Alarms by their names."""
    return ", ".join(sorted(alarm.name.lower() for alarm in alarms)) or "no alarm"


def _true(name: str, before: Any, value: Any) -> str:
    """A field of the pump that changes, as a person would say it."""
    if name not in MAPPED:
        return f"{name} = {_shown(value)}"
    each, over = MAPPED[name]
    told = [f"{channel} {each} {_shown(one)}" for channel, one in value.items()]
    told += [f"{channel} {over}" for channel in before if channel not in value]
    return ", ".join(told) or f"{name} as before"


def _shown(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else words(value)


def _sample(readings: Readings) -> str:
    """What of it is not as usual."""
    usual = USUAL._replace(sequence=readings.sequence)._asdict()
    new = {name: value for name, value in readings._asdict().items() if value != usual[name]}
    told = ", ".join(f"{name} {words(value)}" for name, value in new.items())
    return f"a usual sample, but for {told}" if told else "a usual sample"


def _command(body: m.Body) -> str:
    return f"{type(body).__name__}({_fields(body)})"


def _fields(body: m.Body) -> str:
    """The fields in a line; a configuration is too long for one."""
    values = {name: getattr(body, name) for name in type(body).model_fields}
    return ", ".join(
        name if isinstance(value, m.Configuration) else f"{name}={_plain(value)}"
        for name, value in values.items()
        if value is not None
    )


def _plain(value: object) -> str:
    if isinstance(value, m.Refill):
        return f"{value.withdrawn_nl / 1e6:g} mL out, {value.filled_nl / 1e6:g} mL {value.drug} in"
    name = getattr(value, "name", None)
    return str(name).lower() if name is not None else str(value)


def _changed(usual: m.Part, made: m.Part) -> str:
    """What is not as usual: without that nobody could follow what came of it."""
    expected = usual.model_dump(mode="json")
    fields = made.model_dump(mode="json").items()
    told = [f"{name} {value}" for name, value in fields if value != expected[name]]
    return f" with {', '.join(told)}" if told else ""
