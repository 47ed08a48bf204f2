"""The reference logic on a bench: readings and requests in, decisions out."""

from protocol import messages as m
from protocol.control import TICKS_PER_S, Memory, Readings, Request
from protocol.guard import Guard
from protocol.memory import RamMemory
from protocol.vocabulary import (
    AlarmId,
    EventKind,
    Refusal,
    ResetCause,
    Role,
    Sounder,
)
from pumpsim.firmware import ReferenceLogic
from tests.firmware.usual import CONFIGURATION, REFILL, USUAL

MINUTE = 60 * TICKS_PER_S
HOUR = 60 * MINUTE
DAY = 24 * HOUR


STEPS = {
    "reservoir_pressure_pa": 25,
    "catheter_pressure_pa": 25,
    "catheter_pulse_pa": 25,
    "pocket_pressure_pa": 25,
    "temperature_mk": 10,
    "fill_level_nl": 1,
    "battery_mv": 1,
}


class Bench:
    """Logic on a bench: it is told the time in minutes and keeps what it answered."""

    def __init__(
        self,
        memory: Memory | None = None,
        cause: ResetCause = ResetCause.POWER_ON,
        *,
        start_s: int = 1_767_225_600,
        preset: int = 0,
    ) -> None:
        self.memory = memory or RamMemory()
        self.logic = ReferenceLogic()
        self.guard = Guard(self.logic, preset)
        self.ticks = 0
        self.number = 0
        self.level_nl = 28_000_000
        self.start_s = start_s  # what the real-time clock read at boot
        self.outcomes = [self.guard.boot(self.memory, cause, 0)]

    def reset(self, cause: ResetCause = ResetCause.BROWN_OUT, down_s: int = 0) -> "Bench":
        """The next life, on the same memory, after so long without supply."""
        again = Bench(self.memory, cause, start_s=self.rtc_s() + down_s)
        again.level_nl = self.level_nl - down_s * 54_000 // 3_600
        return again

    def rtc_s(self) -> int:
        return self.start_s + self.ticks // TICKS_PER_S

    def ask(self, body: m.Body, role: Role = Role.CLINICIAN, session_id: int = 1) -> m.Reply:
        outcome = self.guard.handle(self.ticks, Request(body, role, session_id))
        self.outcomes.append(outcome)
        assert isinstance(outcome.reply, m.Reply)
        return outcome.reply

    def configure(self) -> None:
        written = self.ask(m.WriteConfiguration(base_config_id=0, configuration=CONFIGURATION))
        assert written == m.Done(reference=1)
        assert self.ask(m.BeginRefill()) == m.Done()
        assert self.ask(m.CommitRefill(refill=REFILL)) == m.Done(reference=1)

    def wait_until(self, ticks: int) -> None:
        """Nothing is sampled meanwhile, and nobody asks."""
        self.ticks = max(self.ticks, ticks)
        self.serve()

    def serve(self) -> None:
        """Let everything happen that is due."""
        while (due := self.guard.deadline) is not None and due <= self.ticks:
            self.outcomes.append(self.guard.advance(due))

    def run(self, minutes: int, **changed: int | None) -> None:
        """Take samples; changed readings are believed at once."""
        if changed:
            self.believe()
        self.run_screened(minutes, **changed)

    def believe(self) -> None:
        """Take the next sample as it is, however far its readings jump."""
        self.logic._state.screen.forget()

    def run_screened(self, minutes: int, **changed: int | None) -> None:
        """Take samples; one that jumps waits for its confirmation."""
        for _ in range(minutes):
            self.ticks += MINUTE
            self.serve()
            self.number += 1
            if "fill_level_nl" not in changed:
                self.level_nl -= 900  # the flow of the calibration point
            sample = {
                **USUAL._asdict(),
                "fill_level_nl": self.level_nl,
                "rtc_s": self.rtc_s(),
                **changed,
            }
            if self.number % 2:  # a sensor that never moves is a broken one
                for name, step in STEPS.items():
                    sample[name] = sample[name] and sample[name] + step
            sample["sequence"] = self.number
            self.outcomes.append(self.guard.sample(self.ticks, Readings(**sample)))

    def status(self) -> m.StatusPart:
        reply = self.ask(m.GetStatus())
        assert isinstance(reply, m.Status)
        return reply.status

    def alarms(self) -> tuple[m.AlarmOccurrence, ...]:
        rows: list[m.AlarmOccurrence] = []
        while True:
            last = rows[-1].occurrence if rows else 0
            reply = self.ask(m.ListAlarms(after_occurrence=last))
            assert isinstance(reply, m.AlarmList)
            rows += reply.alarms
            if not reply.more:
                return tuple(rows)

    def raised(self) -> list[AlarmId]:
        return [alarm.alarm for alarm in self.alarms()]

    def sounder(self) -> Sounder:
        return [o.actuation for o in self.outcomes if o.actuation is not None][-1].sounder

    def events(self) -> list[EventKind]:
        return [event.kind for outcome in self.outcomes for event in outcome.events]


def settle(bench: Bench) -> None:
    """Acknowledge all there is."""
    for alarm in bench.alarms():
        bench.ask(m.AcknowledgeAlarm(alarm=alarm.alarm, occurrence=alarm.occurrence))


def refusal(reply: m.Reply) -> Refusal:
    assert isinstance(reply, m.Refused), reply
    return reply.reason
