"""The smallest control logic there is: it sounds when less than 5 mL are left."""

from protocol.control import NOTHING, Actuation, Memory, Outcome, Readings, Request
from protocol.messages import Refused
from protocol.vocabulary import Refusal, ResetCause, Sounder


class LevelAlarm:
    def boot(self, memory: Memory, cause: ResetCause, ticks: int) -> Outcome:
        self.low = False
        return NOTHING

    def sample(self, ticks: int, readings: Readings) -> Outcome:
        if readings.fill_level_nl is not None and readings.fill_level_nl < 5_000_000:
            self.low = True  # for good: noise around the limit would end it and begin it
        sounder = Sounder.HIGH if self.low else Sounder.OFF
        return Outcome(actuation=Actuation(sounder, patient_signal=self.low))

    def advance(self, ticks: int) -> Outcome:
        return NOTHING

    def handle(self, ticks: int, request: Request) -> Outcome:
        return Outcome(Refused(reason=Refusal.UNSUPPORTED))

    def next_deadline(self) -> int | None:
        return None
